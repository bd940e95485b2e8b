"""Metrics of a user's own, as written for Keras; the state of every metric as data, over processes, on other devices."""

from __future__ import annotations

import ast
import copy
import gc
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import losses, metrics, ops
from layergraph.errors import ArgumentError, DataError
from layergraph.training import Compiled, evaluate, fit
from layergraph.training.metrics.lookup import resolve

GOLDENS = np.load(Path(__file__).parents[2] / "parity" / "goldens" / "measures.npz")
ROWS = {key.split("|")[0].removeprefix("metric/"): key for key in GOLDENS.files if key.startswith("metric/") and key.count("/") == 1}


def made(name: str) -> metrics.Metric:
    options = ast.literal_eval(ROWS[name].split("|")[1])
    return getattr(metrics, name)(**options)


def data(name: str) -> list[torch.Tensor]:
    kind = ROWS[name].split("|")[2]
    return [torch.tensor(GOLDENS[each]) for each in (f"data/{kind}/true", f"data/{kind}/pred", f"{ROWS[name]}/weight")]


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True)


# --- metrics of a user's own --------------------------------------------------------------------------------------------


class Errors(metrics.Metric):
    """Written as Keras's guides write them."""

    def __init__(self, name="errors", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")
        self.last = self.add_variable((2,), "ones", aggregation=None, name="last")

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = ops.cast(ops.abs(y_true - y_pred), self.dtype)
        if sample_weight is not None:
            values = values * ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        self.total.assign_add(ops.sum(values))
        self.count.assign(self.count + len(y_true))
        self.last.assign([1.0, 2.0])
        self.last.assign_sub(1)

    def result(self):
        return {"error": self.total / self.count, "root": ops.sqrt(self.total / self.count)}


def test_a_metric_of_keras_s_guides():
    metric = Errors()
    assert [float(v.sum()) for v in metric.variables] == [0.0, 0.0, 2.0]
    found = metric(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [5.0]]))
    assert {key: float(value) for key, value in found.items()} == {"error": 2.0, "root": pytest.approx(2**0.5)}
    assert type(found["error"]) is torch.Tensor  # nothing computed from a variable is one
    assert (metric.total.numpy(), float(metric.total), metric.count.value, metric.total.name) == (4.0, 4.0, torch.tensor(2.0), "total")
    assert metric.last.tolist() == [0.0, 1.0]
    assert metric.dtype == "float32"
    assert metric.total.dtype is torch.float32
    metric.reset_state()
    assert [float(v.sum()) for v in metric.variables] == [0.0, 0.0, 0.0]


def test_a_dict_becomes_several_logs_and_a_vector_an_array():
    x, y = torch.rand(12, 3), torch.eye(2)[torch.arange(12) % 2]
    module = nn.Sequential(nn.Linear(3, 2), nn.Softmax(-1))
    compiled = Compiled("sgd", "mse", metrics=[Errors(), metrics.F1Score(), "mae"], weighted_metrics=[Errors(name="again")])
    logs = fit(module, compiled, x, y, epochs=2, batch_size=5, verbose=0).history
    assert sorted(logs) == ["again_error", "again_root", "error", "f1_score", "loss", "mae", "root"]
    assert logs["f1_score"][0].shape == (2,)
    again = evaluate(module, compiled, x, y, verbose=0, return_dict=True)
    assert again["error"] == pytest.approx(2 * again["mae"], rel=1e-6)


def test_the_bar_shows_the_mean_of_an_array(capsys):
    compiled = Compiled("sgd", "mse", metrics=[metrics.F1Score()])
    fit(nn.Linear(3, 2), compiled, torch.rand(4, 3), torch.eye(2)[[0, 1, 0, 1]], verbose=2)
    assert "f1_score: 0." in capsys.readouterr().out


def test_variables_take_no_gradient_and_hold_no_graph():
    metric = Errors()
    prediction = torch.rand(4, 1, requires_grad=True)
    metric.update_state(torch.rand(4, 1), prediction)
    assert metric.total.grad_fn is None
    assert not metric.total.requires_grad


def test_nested_metrics_count_as_its_own():
    class Pair(metrics.Metric):
        def __init__(self):
            super().__init__(name="pair")
            self.low = metrics.Mean()
            self.both = [metrics.Sum(), metrics.MeanSquaredError()]

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.low.update_state(y_pred)
            self.both[0].update_state(y_true)
            self.both[1].update_state(y_true, y_pred)

        def result(self):
            return self.low.result() + self.both[0].result() + self.both[1].result()

    pair, twin = Pair(), Pair()
    pair.update_state(torch.ones(3, 1), torch.zeros(3, 1))
    assert len(pair.variables) == 5
    assert sorted(pair.state_dict()) == ["both.0.total", "both.1.count", "both.1.total", "low.count", "low.total"]
    twin.load_state_dict(pair.state_dict())
    assert float(twin.result()) == float(pair.result()) == 4.0
    pair.reset_state()
    assert float(pair.result()) == 0.0


def test_own_direction():
    class Good(Errors):
        def __init__(self):
            super().__init__()
            self._direction = "up"

    assert Errors().direction is None
    assert Good().direction == "up"
    assert metrics.MeanMetricWrapper(losses.huber).direction == "down"
    assert resolve(losses.Huber(0.5), torch.zeros(2), torch.zeros(2)).direction == "down"
    assert metrics.MeanMetricWrapper(lambda t, p: t).direction is None


def test_forgotten_beginnings():
    class Early(metrics.Metric):
        def __init__(self):
            self.total = self.add_variable((), "zeros")

    with pytest.raises(ArgumentError, match=r"Early: add_variable before super\(\).__init__\(\)"):
        Early()

    class Nothing(metrics.Metric):
        pass

    for call in (Nothing().result, Nothing().update_state):
        with pytest.raises(NotImplementedError, match="Nothing needs a method"):
            call()

    class Endless(Nothing):
        def __init__(self):
            super().__init__()
            self.seen = 0

    with pytest.warns(UserWarning, match="the metric 'endless' keeps its state in plain attributes and has no reset_state"):
        Endless().reset_state()


class Plain(metrics.Metric):
    """State in plain attributes, as a user of torch writes it."""

    def __init__(self, scale=2):
        super().__init__(name="plain")
        self.scale = scale
        self.reset_state()

    def reset_state(self):
        self.seen, self.total = 0, torch.zeros(())

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen += len(y_true)
        self.total = self.total + y_pred.sum()

    def result(self):
        return self.total / self.seen


def test_plain_attributes_are_state_too():
    metric, twin = Plain(), Plain(scale=3)
    metric.update_state(torch.zeros(4), torch.ones(4))
    assert metric.state_dict() == {"seen": 4, "total": torch.tensor(4.0)}
    twin.load_state_dict(metric.state_dict())
    assert float(twin.result()) == 1.0
    assert twin.scale == 3
    with pytest.warns(UserWarning, match="the metric 'plain' keeps its state in plain attributes: each process has its own result"):
        metric.reduce_state(lambda part: part)


# --- every metric: its state --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*R2 score. Falling back")
@pytest.mark.parametrize("name", ROWS)
def test_a_state_goes_on_in_another_object(name):
    true, pred, weight = data(name)
    whole, first, second = made(name), made(name), made(name)
    for part in (slice(0, 3), slice(3, None)):
        whole.update_state(true[part], pred[part], weight[part])
    first.update_state(true[:3], pred[:3], weight[:3])
    state = first.state_dict()
    assert all(type(value) in (torch.Tensor, int, float) for value in state.values())
    kept = {key: copy.deepcopy(value) for key, value in state.items()}
    first.update_state(true[3:], pred[3:])
    assert all(torch.equal(torch.as_tensor(state[key]), torch.as_tensor(kept[key])) for key in kept)  # a copy, not a view
    second.load_state_dict(state)
    second.update_state(true[3:], pred[3:], weight[3:])
    assert torch.equal(second.result().nan_to_num(), whole.result().nan_to_num())


@pytest.mark.filterwarnings("ignore:.*R2 score. Falling back")
@pytest.mark.parametrize("name", ROWS)
def test_processes_sum_to_the_whole(name):
    true, pred, weight = data(name)
    half = len(true) // 2
    whole, here, there = made(name), made(name), made(name)
    for metric, part in ((whole, slice(None)), (here, slice(0, half)), (there, slice(half, None))):
        metric.update_state(true[part], pred[part], weight[part])
    parts: list[torch.Tensor] = []
    there.reduce_state(lambda part: parts.append(part.clone()) or part)
    here.reduce_state(lambda part: part + parts.pop(0))
    assert not parts
    assert same(here.result(), whole.result())


def test_other_aggregations():
    class Kinds(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.a = self.add_variable((), "ones", aggregation="mean", name="a")
            self.b = self.add_variable((), "ones", aggregation=None, name="b")

    metric = Kinds()
    metric.reduce_state(lambda part: 3 * part)
    assert (float(metric.a), float(metric.b)) == (1.0, 1.0)


def test_a_state_of_another_metric_is_refused():
    state = metrics.Precision().state_dict()
    with pytest.raises(ArgumentError, match="the metric 'recall' cannot take this state: 'false_negatives' is None"):
        metrics.Recall().load_state_dict(state)
    with pytest.raises(ArgumentError, match="the metric 'precision' cannot take this state: 'true_positives' is <Tensor of shape"):
        metrics.Precision(thresholds=[0.1, 0.2]).load_state_dict(state)
    with pytest.raises(ArgumentError, match="the metric 'mean' cannot take this state: 'result' is 3"):
        metrics.Mean().load_state_dict({**metrics.Mean().state_dict(), "result": 3})


@pytest.mark.filterwarnings("ignore:.*R2 score. Falling back")
@pytest.mark.parametrize("name", ROWS)
def test_copies_and_pickles_are_their_own(name):
    true, pred, _ = data(name)
    metric = made(name)
    metric.update_state(true, pred)
    value = metric.result().clone()
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert torch.equal(twin.result().nan_to_num(), value.nan_to_num())
        twin.update_state(true, pred)
        twin.reset_state()
        assert torch.equal(metric.result().nan_to_num(), value.nan_to_num())


@pytest.mark.parametrize("name", ROWS)
def test_what_inference_mode_made_can_go_on_outside(name):
    true, pred, weight = data(name)
    metric, calm = made(name), made(name)
    with torch.inference_mode():
        metric.update_state(true.clone(), pred.clone(), weight.clone())
    metric.update_state(true, pred)
    calm.update_state(true, pred, weight)
    calm.update_state(true, pred)
    for key, value in calm.state_dict().items():
        assert torch.equal(metric.state_dict()[key], value)


@pytest.mark.parametrize("name", ROWS)
def test_updates_do_not_wait_for_the_device(name):
    """On the meta device nothing has a value: whoever asks for one fails."""
    true, pred, weight = (each.to("meta") for each in data(name))
    with torch.device("meta"):
        metric = made(name)
        metric.update_state(true, pred)
        metric.update_state(true, pred, weight)
    assert {v.device.type for v in metric.variables} == {"meta"}


@pytest.mark.parametrize("name", ROWS)
def test_half_precision_is_computed_in_float32(name):
    true, pred, _ = data(name)
    if pred.is_floating_point():
        half, full = made(name), made(name)
        half.update_state(true, pred.bfloat16())
        full.update_state(true, pred.bfloat16().float())
        assert all(torch.equal(value, full.state_dict()[key]) for key, value in half.state_dict().items())


def test_updates_leave_no_garbage():
    made_all = [(made(name), data(name)) for name in ROWS]
    for metric, (true, pred, _) in made_all:
        metric.update_state(true, pred)
    gc.collect()
    gc.disable()
    try:
        for metric, (true, pred, weight) in made_all:
            metric.update_state(true, pred, weight)
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- kinds of numbers, shapes -------------------------------------------------------------------------------------------


def test_float64_is_kept():
    values = torch.tensor([0.1, 0.7], dtype=torch.float64)
    assert float(metrics.Mean()(values)) == float(values.mean())
    assert metrics.MeanAbsoluteError()(torch.zeros(2, 1), values[:, None]).dtype is torch.float64
    assert metrics.MeanAbsoluteError()(torch.zeros(2, 1), values[:, None].float()).dtype is torch.float32


def test_results_do_not_change_with_later_updates():
    total = metrics.Sum()
    total.update_state([1.0])
    value = total.result()
    counts = metrics.TruePositives(thresholds=[0.1, 0.2])
    counts.update_state([1], [0.5])
    several = counts.result()
    total.update_state([2.0])
    counts.update_state([1], [0.5])
    assert (float(value), several.tolist()) == (1.0, [1.0, 1.0])


@pytest.mark.parametrize(
    ("name", "true", "pred", "text"),
    [
        ("Precision", (4,), (4, 3), "wants a target for each prediction, but y_true is \\(4,\\) and y_pred \\(4, 3\\)"),
        ("AUC", (4, 2), (4, 3), "wants a target for each prediction"),
        ("F1Score", (4,), (4, 3), "F1Score expects 2D inputs"),
        ("R2Score", (4,), (4,), "R2Score expects 2D inputs"),
    ],
)
def test_shapes_that_do_not_fit(name, true, pred, text):
    with pytest.raises(DataError, match=text):
        getattr(metrics, name)().update_state(torch.zeros(true), torch.zeros(pred))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: metrics.Precision(thresholds=[0.2, 1.5]), r"Threshold values must be in \[0, 1\]. Precision received: \[1.5\]"),
        (lambda: metrics.Recall(thresholds=[]), "Threshold values must be in"),
        (lambda: metrics.AUC(curve="RO"), 'Invalid AUC curve value: "RO". Expected values are'),
        (lambda: metrics.AUC(summation_method="middle"), "Invalid AUC summation method value"),
        (lambda: metrics.AUC(num_thresholds=1), "must be an integer > 1"),
        (lambda: metrics.AUC(num_labels=3), "`num_labels` is needed only when `multi_label` is True"),
        (lambda: metrics.PrecisionAtRecall(1.5), r"Argument `recall` must be in the range \[0, 1\]"),
        (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "must be an integer > 0"),
        (lambda: metrics.FBetaScore(beta=2), "It should be a Python float. Received: beta=2"),
        (lambda: metrics.FBetaScore(beta=-1.0), "It should be > 0"),
        (lambda: metrics.F1Score(threshold=1.5), "0 < threshold <= 1"),
        (lambda: metrics.F1Score("mean"), "Invalid `average` argument value"),
        (lambda: metrics.IoU(2, [2]), "Target class id 2 is out of range"),
        (lambda: metrics.R2Score("mean"), "Invalid value for argument `class_aggregation`"),
        (lambda: metrics.R2Score(num_regressors=-1), "Expected a value >= 0"),
        (lambda: metrics.get("iou_u"), "did you mean 'io_u'"),
        (lambda: metrics.get("mean_io_u"), "the metric MeanIoU cannot be made without num_classes"),
        (lambda: metrics.deserialize({"class_name": "Recall", "config": {"klass": 1}}), "Recall cannot be made from the config"),
        (lambda: metrics.deserialize(3), "Could not interpret metric config: 3"),
        (lambda: metrics.serialize(lambda t, p: t), "Cannot serialize the metric"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


def test_fractions_of_weights_are_told():
    with pytest.warns(UserWarning, match="float sample weights are cut down to whole numbers"):
        metrics.MeanIoU(2).update_state([0, 1], [0, 1], [0.5, 1.5])


def test_a_class_that_is_not_there():
    with pytest.raises(DataError, match=r"looks at class 5, but y_pred has shape \(2, 3\)"):
        metrics.Precision(class_id=5).update_state(torch.zeros(2, 3), torch.zeros(2, 3))
