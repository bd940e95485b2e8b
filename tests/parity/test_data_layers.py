"""Layers over data give what Keras gives with TensorFlow: places, vectors, vocabularies, statistics; and refuse what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from layergraph import layers

from . import data_layers, golden

GOLDEN: dict[str, dict[str, Any]] = json.loads((golden.FOLDER / "data_layers.json").read_text(encoding="utf-8"))
ROWS = [(family, expression) for family in list(GOLDEN)[1:] for expression in GOLDEN[family]]

# Where layergraph gives something else, on purpose.
OTHERWISE: dict[str, tuple[str, Any]] = {
    "layers.CategoryEncoding(4, 'one_hot')(2)": (
        "Keras declares the shape (4,), and gives (1, 4)",
        {"values": [0.0, 0.0, 1.0, 0.0], "shape": [4]},
    ),
    "layers.CategoryEncoding(3)([[5]])": (
        "Keras raises on torch for a number that is too large, and drops it on TensorFlow",
        {"raises": True},
    ),
}


def same(got: Any, wanted: Any) -> bool:
    """Equal; numbers up to the goldens' limit."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and got.get("shape") == wanted.get("shape") and same(got.get("values"), wanted.get("values"))
    if _numbers(wanted):
        return _numbers(got) and golden.error(np.array(got), np.array(wanted)) <= golden.LIMITS["float32"]
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted


def _numbers(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize(("family", "expression"), ROWS, ids=[expression for _, expression in ROWS])
def test_it_gives_what_keras_gives(family: str, expression: str):
    got = data_layers.outcome(expression, layers)
    assert same(got, OTHERWISE.get(expression, (None, GOLDEN[family][expression]))[1]), f"{got}\nKeras: {GOLDEN[family][expression]}"


@pytest.mark.parametrize("expression", OTHERWISE)
def test_what_differs_on_purpose_differs(expression: str):
    family = next(family for family, row in ROWS if row == expression)
    assert not same(OTHERWISE[expression][1], GOLDEN[family][expression])


def test_a_wrong_result_is_seen():
    array = {"values": [1.0, 2.0], "shape": [2]}
    assert same(array, array)
    assert not same({**array, "values": [1.0, 2.1]}, array)
    assert not same({**array, "shape": [2, 1]}, array)
    assert not same({"raises": True}, array)
    assert not same(["a"], ["b"])
    assert not same([1], ["a"])
    assert GOLDEN["about"]["keras"] == "3.15.1"
