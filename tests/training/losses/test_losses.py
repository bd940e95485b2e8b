"""Losses: Keras's numbers and gradients, names, and errors."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph import losses
from layergraph.errors import ArgumentError, DataError
from layergraph.training.losses.base import LossFunctionWrapper
from layergraph.training.losses.foreign import TorchLoss
from layergraph.training.losses.lookup import resolve

GOLDENS = np.load(Path(__file__).parents[2] / "parity" / "goldens" / "training.npz")
KEYS = [key for key in GOLDENS.files if key.startswith("loss/") and key.count("/") == 1]


def error(a, b) -> float:
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    assert a.shape == b.shape
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-3 * np.max(np.abs(b)) + 1e-30)))


@pytest.mark.parametrize("key", KEYS)
def test_value_and_gradient_equal_keras(key):
    name, options, kind, reduction, weighted = key.removeprefix("loss/").split("|")
    true, pred = GOLDENS[f"target/{kind}/true"], torch.tensor(GOLDENS[f"target/{kind}/pred"], requires_grad=True)
    weight = GOLDENS[key + "/weight"] if weighted == "True" else None
    value = getattr(losses, name)(reduction=reduction, **ast.literal_eval(options))(true, pred, weight)
    assert error(value.detach(), GOLDENS[key]) <= 1e-5
    value.sum().backward()
    assert error(pred.grad, GOLDENS[key + "/grad"]) <= 1e-5


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("mse", "MeanSquaredError"),
        ("MAE", "MeanAbsoluteError"),
        ("mape", "MeanAbsolutePercentageError"),
        ("msle", "MeanSquaredLogarithmicError"),
        ("bce", "BinaryCrossentropy"),
        ("KLD", "KLDivergence"),
        ("kl_divergence", "KLDivergence"),
        ("log_cosh", "LogCosh"),
        ("huber", "Huber"),
        ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        ("CategoricalHinge", "CategoricalHinge"),
        ("poisson", "Poisson"),
    ],
)
def test_words(word, name):
    assert type(resolve(word)).__name__ == name


def test_get_gives_functions_for_function_names_and_objects_for_class_names():
    assert losses.get("mse") is losses.mean_squared_error
    assert losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    assert losses.get(losses.huber) is losses.huber


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("msee", "Could not interpret loss identifier: 'msee'"),
        ("msee", "did you mean 'mse'?"),
        ("huber_loss", "Could not interpret loss identifier: 'huber_loss'"),
        ("categorical_generalized_cross_entropy", "Could not interpret loss identifier"),
        (3, "Could not interpret loss identifier: 3"),
    ],
)
def test_unknown(identifier, text):
    with pytest.raises(ArgumentError) as caught:
        resolve(identifier)
    assert text in str(caught.value)


def test_config_round_trip():
    loss = losses.Huber(0.3, reduction="sum")
    twin = losses.Huber.from_config(loss.get_config())
    assert loss.get_config() == twin.get_config() == {"delta": 0.3, "reduction": "sum", "name": "huber_loss"}
    assert losses.Huber(dtype="float64").get_config()["dtype"] == "float64"
    assert isinstance(resolve({"class_name": "Huber", "config": loss.get_config()}), losses.Huber)


def test_unknown_reduction():
    with pytest.raises(ArgumentError, match="Invalid value for argument `reduction`: MeanSquaredError"):
        losses.MeanSquaredError("summ")


def test_own_loss_classes_and_functions():
    class Cubic(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred).abs().pow(3).mean(-1)

    true, pred = torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    assert float(Cubic()(true, pred)) == 2.5
    assert float(Cubic(reduction="sum")(true, pred, torch.tensor([1.0, 0.0]))) == 4.5
    wrapped = resolve(lambda t, p: (t - p).abs().mean(-1))
    assert isinstance(wrapped, LossFunctionWrapper)
    assert float(wrapped(true, pred)) == 1.0


def test_torch_losses_are_called_with_prediction_first():
    pred, labels = torch.randn(5, 3), torch.tensor([0, 2, 1, 0, 2])
    loss = resolve(nn.CrossEntropyLoss(label_smoothing=0.1))
    assert isinstance(loss, TorchLoss)
    expected = F.cross_entropy(pred, labels, label_smoothing=0.1)
    assert torch.equal(loss(labels, pred), expected)
    assert torch.equal(loss(labels[:, None].int(), pred), expected)
    target = torch.randn(5)
    assert torch.equal(resolve(nn.SmoothL1Loss)(target, pred[:, :1]), F.smooth_l1_loss(pred[:, :1], target[:, None]))
    weight = torch.rand(5)
    each = resolve(nn.CrossEntropyLoss(reduction="none"))(labels, pred, weight)
    assert torch.allclose(each, (F.cross_entropy(pred, labels, reduction="none") * weight).mean())
    with pytest.raises(DataError, match="has averaged them away"):
        resolve(nn.CrossEntropyLoss())(labels, pred, weight)


@pytest.mark.parametrize(
    ("name", "true", "pred", "text"),
    [
        ("categorical_crossentropy", (5,), (5, 3), "use 'sparse_categorical_crossentropy' for integer labels"),
        ("sparse_categorical_crossentropy", (5, 3), (5, 3), "use 'categorical_crossentropy' for one-hot targets"),
        ("binary_crossentropy", (5, 3), (5, 2), "y_true is (5, 3) and y_pred (5, 2)"),
    ],
)
def test_shapes_that_do_not_fit(name, true, pred, text):
    with pytest.raises(DataError) as caught:
        resolve(name)(torch.zeros(true), torch.rand(pred))
    assert text in str(caught.value)


def test_half_precision_is_computed_in_float32_and_float64_stays():
    true, pred = torch.rand(4, 3), torch.rand(4, 3)
    assert losses.MeanSquaredError()(true, pred.bfloat16()).dtype is torch.float32
    assert losses.MeanSquaredError()(true, pred.double()).dtype is torch.float64
    assert losses.MeanSquaredError(dtype="float32")(true, pred.double()).dtype is torch.float32


def test_empty_weights_do_not_divide_by_zero():
    loss = losses.MeanSquaredError("mean_with_sample_weight")
    assert float(loss(torch.ones(3, 1), torch.zeros(3, 1), torch.zeros(3))) == 0.0
