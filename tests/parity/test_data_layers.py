"""Layers over data give what Keras gives with TensorFlow: places, vectors, vocabularies, statistics; and refuse what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from layergraph import layers

from . import data_layers, golden
from .data_layers import OTHERWISE

GOLDEN: dict[str, dict[str, Any]] = json.loads((golden.FOLDER / "data_layers.json").read_text(encoding="utf-8"))
ROWS = [(family, expression) for family in list(GOLDEN)[1:] for expression in GOLDEN[family]]


@pytest.mark.parametrize(("family", "expression"), ROWS, ids=[expression for _, expression in ROWS])
def test_it_gives_what_keras_gives(family: str, expression: str):
    got = data_layers.outcome(expression, layers)
    assert golden.same(got, OTHERWISE.get(expression, (None, GOLDEN[family][expression]))[1]), f"{got}\nKeras: {GOLDEN[family][expression]}"


@pytest.mark.parametrize("expression", OTHERWISE)
def test_what_differs_on_purpose_differs(expression: str):
    family = next(family for family, row in ROWS if row == expression)
    assert not golden.same(OTHERWISE[expression][1], GOLDEN[family][expression])


def test_a_wrong_result_is_seen():
    array = {"values": [1.0, 2.0], "shape": [2]}
    assert golden.same(array, array)
    assert not golden.same({**array, "values": [1.0, 2.1]}, array)
    assert not golden.same({**array, "shape": [2, 1]}, array)
    assert not golden.same({"raises": True}, array)
    assert not golden.same(["a"], ["b"])
    assert not golden.same([1], ["a"])
    assert GOLDEN["about"]["keras"] == "3.15.1"
