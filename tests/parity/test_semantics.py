"""`compile`, `fit` and `evaluate` make of every form of losses, metrics and targets what Keras makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import layergraph

from . import semantics

RECORDED: dict[str, Any] = json.loads(semantics.GOLDEN.read_text())


def test_every_case_is_recorded() -> None:
    assert [*RECORDED] == [*semantics.CASES]


@pytest.mark.filterwarnings("ignore:Gradients do not exist", "ignore:Your input ran out of data")  # Keras warns of both too
@pytest.mark.parametrize("name", semantics.CASES)
def test_it_is_as_in_keras(name: str) -> None:
    wanted, found = RECORDED[name], semantics.outcome(name, layergraph)
    assert found.keys() == wanted.keys(), found
    for key in wanted.keys() - {"history", "evaluate"}:
        assert found[key] == wanted[key]
    if "history" in wanted:
        assert [*found["history"]] == [*wanted["history"]]
        for key, values in wanted["history"].items():
            assert found["history"][key] == pytest.approx(values, rel=1e-5), key
        assert found["evaluate"] == pytest.approx(wanted["evaluate"], rel=1e-5)
