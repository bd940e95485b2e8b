"""Constraints: Keras's numbers on weights in Keras's layout, names, configs, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from layergraph import config, constraints
from layergraph.errors import ArgumentError

from .parity import golden

ROWS = {row: data for row, data in golden.family("leaves").items() if row.startswith("constraints/")}
KNOWN: dict[str, Any] = golden.family("leaves")["names/constraints"]["facts"]["known"]


@pytest.mark.parametrize("row", ROWS)
def test_values_are_keras(row: str):
    data = ROWS[row]
    constraint = getattr(constraints, data["facts"]["name"])(**data["facts"]["arguments"])
    w = torch.tensor(data["x"][0])
    assert golden.error(constraint(w).numpy(), data["y"][0]) <= golden.LIMITS["float32"]
    assert golden.error(w.numpy(), data["x"][0]) == 0  # the weight itself is for the caller to write
    again = constraints.deserialize(constraints.serialize(constraint))
    assert torch.equal(again(w), constraint(w))


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is not None])
def test_names_and_configs_are_keras(name: str):
    assert constraints.serialize(constraints.get(name)) == KNOWN[name]


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is None])
def test_what_keras_refuses_is_refused(name: str):
    with pytest.raises(ArgumentError, match=f"Could not interpret constraint identifier: '{name}'"):
        constraints.get(name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constraints.get("maxnorm"), "identifier: 'maxnorm'(.|\n)*did you mean 'max_norm'"),
        (lambda: constraints.get("foo"), "use one of 'max_norm', 'non_neg', 'unit_norm', 'min_max_norm'"),
        (lambda: constraints.get(2), "Could not interpret constraint identifier: 2"),
        (lambda: constraints.MaxNorm("a"), "MaxNorm: max_value: wanted a number, got 'a'"),
        (lambda: constraints.MinMaxNorm(rate=None), "MinMaxNorm: rate: wanted a number, got None"),
    ],
)
def test_wrong_use(make: Any, message: str):
    with pytest.raises(ArgumentError, match=message) as caught:
        make()
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__


def test_a_conv_kernel_in_keras_layout():
    w = torch.randn(3, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    unit = constraints.UnitNorm(axis=[0, 1, 2])(w)
    assert torch.allclose(unit.square().sum((0, 1, 2)), torch.ones(8))
    assert constraints.UnitNorm(axis=(0, 1, 2)).get_config() == {"axis": (0, 1, 2)}
    again = constraints.deserialize(constraints.serialize(constraints.UnitNorm(axis=(0, 1, 2))))
    assert again.get_config() == {"axis": (0, 1, 2)}


def test_epsilon_is_the_setting():
    w = torch.full((1, 1), 1e-3)
    before = config.epsilon()
    config.set_epsilon(1e-3)
    try:
        assert constraints.UnitNorm()(w).item() == pytest.approx(0.5)
    finally:
        config.set_epsilon(before)
    assert constraints.UnitNorm()(w).item() == pytest.approx(1.0, rel=1e-3)


def test_any_callable_will_do():
    assert constraints.get(None) is None
    assert constraints.get(torch.abs) is torch.abs
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)
