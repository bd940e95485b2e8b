"""`model.layers` and `get_weights()` come in Keras's order, on branching graphs recorded from Keras 3.15.1."""

from __future__ import annotations

import json

import pytest

import layergraph

from .orders import GOLDEN, GRAPHS, build, order

RECORDED = json.loads(GOLDEN.read_text())


def test_goldens_are_those_of_the_table() -> None:
    assert RECORDED["keras"] == "3.15.1"
    assert list(RECORDED["graphs"]) == list(GRAPHS), "run orders.py again"


@pytest.mark.parametrize("name", GRAPHS)
def test_order_is_that_of_keras(name: str) -> None:
    assert order(build(layergraph, name)) == RECORDED["graphs"][name]
