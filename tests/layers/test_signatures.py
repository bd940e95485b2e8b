"""Each layer's constructor is Keras's: the same arguments in the same order with the same defaults."""

from __future__ import annotations

import inspect
import json
import pathlib

import pytest

from layergraph import layers
from layergraph.layers.fields import ints

RECORDED = json.loads((pathlib.Path(__file__).parents[1] / "parity/goldens/signatures.json").read_text())["layers"]
CLASSES = [name for name in layers.__all__ if inspect.isclass(getattr(layers, name)) and name not in ("Layer",)]


def same_default(ours: object, keras: str | None) -> bool:
    if keras is None:
        return ours is inspect.Parameter.empty
    theirs = eval(keras, {})
    if ours == theirs:
        return True
    # One int for all axes is what Keras writes out.
    return (
        isinstance(ours, int)
        and isinstance(theirs, tuple)
        and all(ints(part, 2, 0) == (ours, ours) if isinstance(part, tuple) else part == ours for part in theirs)
    )


@pytest.mark.parametrize("name", CLASSES)
def test_signature_is_keras_s(name):
    parameters = inspect.signature(getattr(layers, name)).parameters.values()
    ours = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in ours] == [word for word, _ in RECORDED[name]]
    wrong = {
        p.name: (p.default, default) for p, (_, default) in zip(ours, RECORDED[name], strict=True) if not same_default(p.default, default)
    }
    assert wrong == {}
