"""What the newer losses do at their edges, losses of a user's own, and configs."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import layergraph
from layergraph import losses
from layergraph.errors import ArgumentError, DataError
from layergraph.training import Compiled, fit
from layergraph.training.losses.lookup import resolve


def test_circle_has_gradients_where_there_is_no_pair():
    points = F.normalize(torch.randn(4, 3), dim=1).requires_grad_()
    for labels in (torch.arange(4), torch.zeros(4, dtype=torch.long)):  # none alike; none unlike
        value = losses.circle(labels, points)
        assert value.tolist() == [0.0] * 4
        value.sum().backward()
        assert torch.equal(points.grad, torch.zeros(4, 3))
    assert losses.Circle()(torch.arange(4), points).tolist() == 0.0


def test_circle_takes_its_mean_over_what_is_above_zero():
    points, labels = F.normalize(torch.randn(6, 3), dim=1), torch.tensor([0, 0, 1, 1, 2, 3])
    each = losses.circle(labels, points, gamma=2.0)
    assert int((each > 0).sum()) == 4
    assert torch.allclose(losses.Circle(gamma=2.0)(labels[:, None], points), each[each > 0].mean())


def test_generalized_cross_entropy_takes_labels_with_an_axis():
    pred, labels = torch.rand(4, 3).softmax(-1), torch.tensor([0, 2, 1, 1])
    each = losses.categorical_generalized_cross_entropy(labels, pred, 0.7)
    assert torch.equal(losses.categorical_generalized_cross_entropy(labels[:, None], pred, 0.7), each)
    with pytest.raises(DataError, match="categorical_generalized_cross_entropy wants integer labels of shape"):
        losses.categorical_generalized_cross_entropy(pred, pred, 0.7)
    with pytest.raises(ArgumentError, match=r"q=1.0\): q must be in the interval \(0, 1\)"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.0)


@pytest.mark.parametrize(("true", "pred"), [((2, 3, 1), (2, 5, 4)), ((2, 3), (2, 5))])
def test_ctc_tells_its_shapes(true, pred):
    with pytest.raises(DataError, match="ctc wants labels `y_true` of shape"):
        losses.ctc(torch.ones(true), torch.zeros(pred))


def test_ctc_trains_what_it_is_asked_to_say():
    torch.manual_seed(0)
    sound, words = torch.rand(4, 8, 6), torch.tensor([[1, 2, 0], [2, 1, 2], [1, 0, 0], [2, 2, 0]])
    compiled = Compiled(layergraph.optimizers.SGD(0.3), losses.CTC())
    logs = fit(nn.Linear(6, 3), compiled, sound, words, epochs=60, verbose=0).history["loss"]
    assert logs[-1] < 0.8 * logs[0]


def test_masks_are_joined_before_the_mean_is_scaled():
    labels, pred = torch.tensor([[0, 1, 2], [2, 2, 1]]), torch.rand(2, 3, 3).softmax(-1)
    mask = torch.tensor([[True, True, False], [True, False, True]])
    each = losses.sparse_categorical_crossentropy(labels, pred)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=2)
    both = mask & (labels != 2)
    assert torch.allclose(loss.masked(labels, pred, None, mask), each[both].mean())
    weight = torch.rand(2, 3)
    assert torch.allclose(loss.masked(labels, pred, weight, mask), (each * weight)[both].mean())
    assert float(loss.masked(labels, pred, None, torch.zeros_like(mask))) == 0.0


def test_one_class_is_told():
    with pytest.warns(UserWarning, match="Consider using 'binary_crossentropy' if you only have 2 classes"):
        losses.categorical_crossentropy(torch.ones(2, 1), torch.rand(2, 1))


@pytest.mark.parametrize(
    ("loss", "y", "text"),
    [
        ("binary_focal_crossentropy", torch.full((4, 3), 2.0), "wants targets in \\[0, 1\\], but one is 2"),
        (losses.CategoricalGeneralizedCrossEntropy(), torch.tensor([0, 1, 3, 1]), "wants labels in \\[0, 2\\] for 3 classes, but one is 3"),
    ],
)
def test_targets_are_looked_at_before_training(loss, y, text):
    module = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid())
    with pytest.raises(DataError, match=text):
        fit(module, Compiled("sgd", loss), torch.rand(4, 2), y, verbose=0)


class Scaled(losses.Loss):
    """A loss of a user's, as Keras's guides write them."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).square().mean(-1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_own_losses_go_into_configs_and_back():
    loss = Scaled(3.0, name="mine", reduction="sum")
    assert loss.dtype == "float32"
    config = json.loads(json.dumps(losses.serialize(loss)))
    assert config["config"] == {"name": "mine", "reduction": "sum", "factor": 3.0}
    for twin in (losses.deserialize(config, {"Scaled": Scaled}), Scaled.from_config(config["config"])):
        assert (type(twin), twin.factor, twin.reduction) == (Scaled, 3.0, "sum")
    with pytest.raises(ArgumentError, match="Could not interpret loss identifier: 'Scaled'"):
        losses.deserialize(config)
    with pytest.raises(ArgumentError, match="Huber cannot be made from the config"):
        losses.deserialize({"class_name": "Huber", "config": {"deltas": 1}})


def test_functions_go_into_configs_by_name():
    for function in (losses.huber, losses.dice, losses.categorical_generalized_cross_entropy):
        config = losses.serialize(function)
        assert config == {
            "module": "builtins",
            "class_name": "function",
            "config": function.__name__,
            "registered_name": "function",
        }
        assert losses.deserialize(config) is function
        assert losses.get(config) is function


def test_get_and_resolve():
    assert isinstance(losses.get(losses.Dice), losses.Dice)
    assert losses.get({"class_name": "Tversky", "config": {"alpha": 0.3}}).alpha == 0.3
    assert type(resolve("tversky")) is losses.Tversky
    assert type(resolve(losses.ctc)) is losses.CTC
    assert type(resolve({"class_name": "Dice", "config": {}})) is losses.Dice
    assert isinstance(losses.get("CategoricalGeneralizedCrossEntropy"), losses.CategoricalGeneralizedCrossEntropy)


@pytest.mark.parametrize("name", [name for name in vars(losses) if name[0].isupper() and name not in ("Loss", "CTC", "TYPE_CHECKING")])
def test_losses_do_not_wait_for_the_device(name):
    """On the meta device nothing has a value: whoever asks for one fails."""
    labels = name in ("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy", "Circle")
    true = torch.zeros(4, dtype=torch.long, device="meta") if labels else torch.zeros(4, 3, device="meta")
    pred = torch.zeros(4, 3, device="meta", requires_grad=True)
    getattr(losses, name)()(true, pred, torch.ones(4, device="meta")).backward()
    getattr(losses, name)()(true, pred).backward()
