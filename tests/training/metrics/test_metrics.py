"""Metrics: Keras's numbers over several batches, names, and objects of other libraries."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from layergraph import metrics
from layergraph.errors import ArgumentError
from layergraph.training.metrics.foreign import ForeignMetric
from layergraph.training.metrics.lookup import resolve

GOLDENS = np.load(Path(__file__).parents[2] / "parity" / "goldens" / "training.npz")
KEYS = [key for key in GOLDENS.files if key.startswith("metric/")]


@pytest.mark.parametrize("key", KEYS)
def test_equal_keras(key):
    name, options, kind, weighted = key.removeprefix("metric/").split("|")
    true, pred, weight = GOLDENS[f"target/{kind}/true"], GOLDENS[f"target/{kind}/pred"], GOLDENS["target/weight"]
    metric = getattr(metrics, name)(**ast.literal_eval(options))
    for part in (slice(0, 4), slice(4, None)):
        metric.update_state(true[part], pred[part], sample_weight=weight[part] if weighted == "True" else None)
    expected = float(GOLDENS[key])
    assert abs(float(metric.result()) - expected) <= 1e-5 * abs(expected)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_mean_and_sum():
    mean, total = metrics.Mean(), metrics.Sum()
    assert float(mean.result()) == 0.0
    for metric in (mean, total):
        metric.update_state([1, 3, 5, 7])
    assert (float(mean.result()), float(total.result())) == (4.0, 16.0)
    mean.update_state([1.0, 2.0], sample_weight=[3.0, 0.0])
    total.update_state([1.0, 2.0], sample_weight=[3.0, 0.0])
    assert float(mean.result()) == pytest.approx(19 / 7)
    assert float(total.result()) == 19.0
    assert float(metrics.Mean()(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))) == 3.0


def test_a_long_mean_keeps_its_digits():
    metric = metrics.Mean()
    for _ in range(3000):
        metric.update_state(torch.full((1000,), 0.1))
    assert float(metric.result()) == pytest.approx(0.1, rel=1e-7)


@pytest.mark.parametrize(
    ("true", "pred", "name"),
    [
        ((4, 1), (4, 1), "BinaryAccuracy"),
        ((4,), (4, 1), "BinaryAccuracy"),
        ((4,), (4, 3), "SparseCategoricalAccuracy"),
        ((4, 1), (4, 3), "SparseCategoricalAccuracy"),
        ((4, 3), (4, 3), "CategoricalAccuracy"),
    ],
)
@pytest.mark.parametrize("word", ["accuracy", "acc"])
def test_accuracy_is_chosen_by_shape_and_keeps_its_word(true, pred, name, word):
    metric = resolve(word, torch.zeros(true), torch.zeros(pred))
    assert type(metric).__name__ == name
    assert metric.name == word


def test_names():
    def gap(y_true, y_pred):
        return (y_true - y_pred).abs().mean(-1)

    true = pred = torch.zeros(4, 1)
    assert resolve("mse", true, pred).name == "mse"
    assert resolve("RootMeanSquaredError", true, pred).name == "RootMeanSquaredError"
    assert resolve(gap, true, pred).name == "gap"
    assert resolve(metrics.MeanSquaredError(name="fit"), true, pred).name == "fit"
    assert metrics.LogCoshError().name == "logcosh"
    assert metrics.get("accuracy").name == "accuracy"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("acuracy", "Could not interpret metric identifier: 'acuracy'"),
        ("acuracy", "did you mean 'accuracy'?"),
        ("kld", "Could not interpret metric identifier: 'kld'"),
        ("iou", "did you mean 'io_u'?"),
    ],
)
def test_unknown(word, text):
    with pytest.raises(ArgumentError) as caught:
        metrics.get(word)
    assert text in str(caught.value)


class Largest:
    """A metric as torchmetrics writes them."""

    def __init__(self):
        self.reset()

    def update(self, preds, target):
        self.most = max(self.most, float((preds - target).max()))

    def compute(self):
        return torch.tensor(self.most)

    def reset(self):
        self.most = 0.0


def test_foreign_metrics():
    metric = resolve(Largest(), torch.zeros(3), torch.zeros(3))
    assert isinstance(metric, ForeignMetric)
    assert metric.name == "largest"
    metric.update_state(torch.zeros(3), torch.tensor([1.0, 3.0, 2.0]))
    assert float(metric.result()) == 3.0


def test_config_round_trip():
    metric = metrics.BinaryAccuracy(threshold=0.3, name="b")
    assert metric.get_config() == {"name": "b", "dtype": "float32", "threshold": 0.3}
    assert metrics.BinaryAccuracy.from_config(metric.get_config()).kwargs == {"threshold": 0.3}
