"""Every row of the parity table against what Keras 3.15.1 gave for it: values, gradients, statistics, shapes, fresh weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import layergraph
from layergraph import layers

from . import golden
from .rows import FAMILIES, ROWS, Row, shapes_in, shapes_of
from .running import call, fresh_misses, make, misses

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")


def _id(row: Row) -> str:
    return row.id


def _golden(row: Row) -> dict[str, Any]:
    return golden.family(row.family)[row.id]


@pytest.mark.parametrize("family", FAMILIES)
def test_goldens_are_those_of_the_table(family: str) -> None:
    assert golden.about(family)["keras"] == "3.15.1"
    assert list(golden.family(family)) == [row.id for row in ROWS if row.family == family], "run record.py again"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_golden_varies(family: str) -> None:
    rows = golden.family(family).items()
    assert [row for row, gold in rows if not all(np.std(y) > 0 for y in gold["outputs"])] == []


@pytest.mark.parametrize("row", ROWS, ids=_id)
def test_eager_is_keras(row: Row) -> None:
    assert misses(row, _golden(row)) == {}


@pytest.mark.parametrize("row", ROWS, ids=_id)
def test_lowered_is_keras(row: Row) -> None:
    assert misses(row, _golden(row), through_model=True) == {}


@pytest.mark.parametrize("row", [row for row in ROWS if row.double], ids=_id)
def test_double_is_keras(row: Row) -> None:
    assert misses(row, _golden(row), dtype="float64") == {}


def _shape(case: list[Any]) -> list[tuple[int | None, ...]]:
    return [tuple(shape) for shape in case]


@pytest.mark.parametrize("row", [row for row in ROWS if row.form != "twin" and not row.layer.endswith("Cell")], ids=_id)
def test_shapes_are_those_of_keras(row: Row) -> None:
    for given, wanted in _golden(row)["facts"]["shapes"]:
        shapes = _shape(given)
        symbols = [layergraph.Input(batch_shape=shape, dtype=spec.dtype) for shape, spec in zip(shapes, row.inputs, strict=True)]
        assert [tuple(y.shape) for y in call(row, make(row), symbols)] == _shape(wanted), f"a symbolic call on {shapes}"
        declared = make(row).compute_output_shape(*shapes_of(row, shapes))
        said = _shape(wanted)[:1] if row.call.get("return_attention_scores") else _shape(wanted)
        assert shapes_in(declared) == said, f"compute_output_shape of {shapes}"


@pytest.mark.parametrize("row", [row for row in ROWS if row.init], ids=_id)
def test_fresh_weights_are_drawn_as_in_keras(row: Row) -> None:
    assert fresh_misses(row, _golden(row)["facts"]["init"]) == []


def test_every_layer_of_the_table_exists() -> None:
    assert {row.layer for row in ROWS} - set(layers.__all__) == set()
