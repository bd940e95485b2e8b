"""Metrics of torchmetrics, and objects with their protocol, are taken as they are."""

from __future__ import annotations

import pytest
import torch
import torchmetrics
from torch import nn
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryPrecision, BinaryRecall, MulticlassAccuracy

from layergraph.errors import ArgumentError
from layergraph.training import Compiled, evaluate, fit
from layergraph.training.metrics.foreign import ForeignMetric
from layergraph.training.metrics.lookup import resolve

X = torch.arange(24.0).reshape(12, 2) / 24
Y = (torch.arange(12) % 3 == 0).long()[:, None]


def collection():
    return torchmetrics.MetricCollection({"precise": BinaryPrecision(), "found": BinaryRecall(), "area": BinaryAUROC()})


def module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())


def test_a_fit_with_torchmetrics():
    metrics = [BinaryAccuracy(), torchmetrics.MeanSquaredError, collection()]
    logs = fit(module(), Compiled("sgd", "mse", metrics=metrics), X, Y, validation_data=(X, Y), epochs=2, batch_size=5, verbose=0).history
    assert {"binary_accuracy", "mean_squared_error", "precise", "found", "area"} <= set(logs)
    assert {"val_binary_accuracy", "val_precise", "val_area"} <= set(logs)
    assert logs["val_mean_squared_error"] == pytest.approx(logs["val_loss"])


def test_its_numbers_are_torchmetrics_s():
    model = module()
    found = evaluate(model, Compiled("sgd", "mse", metrics=[collection()]), X, Y, batch_size=5, verbose=0, return_dict=True)
    with torch.no_grad():
        wanted = collection()(model(X), Y)
    assert {key: found[key] for key in wanted} == pytest.approx({key: float(value) for key, value in wanted.items()})


def test_labels_with_an_axis_of_size_one():
    metric = resolve(MulticlassAccuracy(num_classes=3), torch.zeros(4, 1), torch.zeros(4, 3))
    metric.update_state(torch.tensor([[0], [1], [2], [0]]), torch.eye(3)[[0, 1, 1, 0]])
    assert float(metric.result()) == pytest.approx(2 / 3)
    metric = resolve(BinaryAccuracy(), torch.zeros(4), torch.zeros(4, 1))
    metric.update_state(torch.tensor([0, 1, 1, 0]), torch.tensor([[0.1], [0.9], [0.2], [0.3]]))
    assert float(metric.result()) == 0.75


@pytest.mark.parametrize(("given", "direction"), [(BinaryAccuracy, "up"), (torchmetrics.MeanSquaredError, "down"), (collection, None)])
def test_which_way_is_better(given, direction):
    assert ForeignMetric(given()).direction == direction


def test_weights_are_refused():
    with pytest.raises(ArgumentError, match="BinaryAccuracy takes no sample weights"):
        ForeignMetric(BinaryAccuracy()).update_state(Y, X[:, :1], torch.ones(12))


def test_what_inference_mode_made_can_go_on_outside():
    metric = ForeignMetric(collection())
    with torch.inference_mode():
        metric.reset_state()
        metric.update_state(Y.clone(), X[:, :1].clone())
    metric.update_state(Y, X[:, :1])
    assert float(metric.result()["found"]) > 0


class Largest:
    """A metric as torchmetrics writes them."""

    higher_is_better = True

    def __init__(self):
        self.reset()

    def update(self, preds, target):
        self.most = max(self.most, float((preds - target).max()))
        self.seen = preds.sum()

    def compute(self):
        return torch.tensor(self.most)

    def reset(self):
        self.most, self.seen = 0.0, torch.zeros(())


@pytest.mark.parametrize("given", [BinaryAccuracy, BinaryAUROC, collection, torchmetrics.MeanSquaredError, Largest])
def test_a_state_goes_on_in_another_object(given):
    whole, first, second = ForeignMetric(given()), ForeignMetric(given()), ForeignMetric(given())
    for metric, parts in ((whole, (slice(0, 5), slice(5, 9), slice(9, 12))), (first, (slice(0, 5), slice(5, 9)))):
        for part in parts:
            metric.update_state(Y[part], X[part, :1])
    state = first.state_dict()
    assert all(type(value) in (torch.Tensor, int, float) for value in state.values())
    second.load_state_dict(state)
    second.update_state(Y[9:], X[9:, :1])
    wanted, found = (m.result() if isinstance(m.result(), dict) else {"": m.result()} for m in (whole, second))
    assert {key: float(value) for key, value in found.items()} == {key: float(value) for key, value in wanted.items()}


def test_sums_over_processes_are_torchmetrics_s_own():
    def never(part):
        raise AssertionError

    ForeignMetric(BinaryAccuracy()).reduce_state(never)
    with pytest.warns(UserWarning, match=r"the metric 'largest' \(Largest\) is not summed over processes"):
        ForeignMetric(Largest()).reduce_state(never)
