"""Regularizers: Keras's numbers and gradients, names, configs, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from layergraph import regularizers
from layergraph.errors import ArgumentError, ShapeError

from .parity import golden

ROWS = {row: data for row, data in golden.family("leaves").items() if row.startswith("regularizers/")}
KNOWN: dict[str, Any] = golden.family("leaves")["names/regularizers"]["facts"]["known"]


@pytest.mark.parametrize("row", ROWS)
def test_values_and_gradients_are_keras(row: str):
    data = ROWS[row]
    regularizer = getattr(regularizers, data["facts"]["name"])(**data["facts"]["arguments"])
    x = torch.tensor(data["x"][0], requires_grad=True)
    y = regularizer(x)
    assert golden.error(y.detach().numpy(), data["y"][0]) <= golden.LIMITS["float32"]
    if "gradient" in data:
        (gradient,) = torch.autograd.grad(y, x, torch.tensor(data["upstream"][0]))
        assert golden.error(gradient.numpy(), data["gradient"][0]) <= golden.LIMITS["float32"]
    else:
        assert data["facts"]["name"] == "L1L2"  # without rates: nothing to differentiate in Keras
        assert y.item() == 0


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is not None])
def test_names_and_configs_are_keras(name: str):
    config = regularizers.serialize(regularizers.get(name))
    assert config is not None
    assert config == KNOWN[name] | {"config": pytest.approx(KNOWN[name]["config"], rel=1e-6) if "1" in name else KNOWN[name]["config"]}
    again = regularizers.deserialize(config)
    assert repr(again) == repr(regularizers.get(name))


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is None])
def test_what_keras_refuses_is_refused(name: str):
    with pytest.raises(ArgumentError, match=f"Could not interpret regularizer identifier: '{name}'"):
        regularizers.get(name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.get("l3"), "identifier: 'l3'(.|\n)*use one of 'l1', 'l2', 'l1l2', 'orthogonal_regularizer'"),
        (lambda: regularizers.get("l1_l2"), "did you mean 'l1l2'"),
        (lambda: regularizers.get(0.01), "Could not interpret regularizer identifier: 0.01"),
        (lambda: regularizers.L1(-1), "L1: l1: wanted a finite number of 0 or more, got -1"),
        (lambda: regularizers.L2("a"), "L2: l2: wanted a finite number of 0 or more, got 'a'"),
        (lambda: regularizers.L1L2(0.1, float("nan")), "L1L2: l2: .* got nan"),
        (lambda: regularizers.L2(float("inf")), "L2: l2: .* got inf"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), "OrthogonalRegularizer: mode: wanted 'rows' or 'columns', got 'x'"),
        (
            lambda: regularizers.get({"class_name": "L2", "config": {"l22": 1}}),
            "L2 cannot be made from the config {'l22': 1}(.|\n)*did you mean 'l2'",
        ),
    ],
)
def test_wrong_use(make: Any, message: str):
    with pytest.raises(ArgumentError, match=message) as caught:
        make()
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__


def test_a_vector_is_no_matrix():
    with pytest.raises(ShapeError, match=r"OrthogonalRegularizer: wanted a matrix \(rank 2\), got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(torch.ones(3))


def test_rows_that_have_no_direction_or_no_partner_cost_nothing():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    y = regularizers.OrthogonalRegularizer(1.0)(x)
    y.backward()
    assert y.item() == 0
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert regularizers.OrthogonalRegularizer(1.0)(torch.ones(1, 2)).item() == 0


def test_defaults_none_and_numbers_of_numpy():
    assert regularizers.get(None) is None
    assert regularizers.get(regularizers.L2).get_config() == {"l2": 0.01}
    assert regularizers.L1(None).get_config() == {"l1": 0.01}
    assert regularizers.L2(np.float32(0.5)).get_config() == {"l2": 0.5}
    assert regularizers.get("l1l2")(torch.ones(2)).shape == ()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_dtype_stays(dtype: torch.dtype):
    x = torch.ones(2, 3, dtype=dtype)
    for name in ("l1", "l2", "l1l2", "orthogonal_regularizer"):
        assert regularizers.get(name)(x).dtype == dtype


def test_custom_classes_and_functions():
    class Mean(regularizers.Regularizer):
        def __init__(self, rate: float = 0.1):
            self.rate = rate

    class Forgetful(regularizers.Regularizer):
        def __init__(self, rate: float):
            pass

    config = regularizers.serialize(Mean(0.5))
    assert config is not None
    assert config["class_name"] == config["registered_name"] == "Mean"
    assert regularizers.deserialize(config, {"Mean": Mean}).get_config() == {"rate": 0.5}
    with pytest.raises(ArgumentError, match="identifier: 'Mean'"):
        regularizers.deserialize(config)
    with pytest.raises(ArgumentError, match=r"Forgetful.get_config: the argument 'rate' of __init__ is not kept(.|\n)*set self.rate"):
        regularizers.serialize(Forgetful(1.0))
    assert regularizers.serialize(torch.sum, {"total": torch.sum}) == {"class_name": "function", "config": "total"}
    assert regularizers.deserialize({"class_name": "function", "config": "total"}, {"total": torch.sum}) is torch.sum
