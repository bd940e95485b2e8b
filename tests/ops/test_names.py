"""The names and signatures of the ops against Keras's, and the ops that are left out."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from layergraph import ops

from .golden import FOLDER

KERAS = json.loads((FOLDER / "names.json").read_text(encoding="utf-8"))
SIGNATURES: dict[str, list[list[str | None]]] = KERAS["signatures"]

# Left out for good, each with its reason.
LEFT: dict[str, str] = {}


def signature(function: Any) -> list[list[str | None]]:
    parameters = inspect.signature(function).parameters.values()
    return [[p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters]


def ours() -> Iterator[str]:
    return (name for name in ops.__all__ if callable(getattr(ops, name)))


def test_the_ops_are_those_of_keras() -> None:
    assert KERAS["keras"] == "3.15.1"
    assert sorted(set(KERAS["rooms"][""]) - set(ours())) == sorted(LEFT)
    assert set(ours()) <= set(KERAS["rooms"][""])


@pytest.mark.parametrize("room", sorted(set(KERAS["rooms"]) - {""}))
def test_the_rooms_are_those_of_keras(room: str) -> None:
    module = importlib.import_module(f"layergraph.ops.{room}")
    assert module is getattr(ops, room)
    assert sorted(module.__all__) == sorted(set(KERAS["rooms"][room]) - set(LEFT))
    assert all(getattr(module, name) is getattr(ops, name) for name in module.__all__ if name in ops.__all__)


@pytest.mark.parametrize("name", sorted(ours()))
def test_signatures_are_those_of_keras(name: str) -> None:
    assert signature(getattr(ops, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", sorted(ours()))
def test_an_op_knows_itself(name: str) -> None:
    function = getattr(ops, name)
    assert function.__name__ == name
    assert (function.__doc__ or "")[:1].strip(), "an op says what it gives"
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_name_that_is_none_of_them() -> None:
    with pytest.raises(AttributeError, match=r"^layergraph.ops has no 'concat'\n(.|\n)*did you mean 'concatenate'\?"):
        _ = ops.concat
    with pytest.raises(ImportError, match=r"^layergraph.ops has no 'Dense'\n(.|\n)*from layergraph.layers import Dense"):
        from layergraph.ops import Dense  # noqa: F401
