"""Each loss and metric, class or function, takes Keras's arguments, in its order, with its defaults."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import layergraph
from layergraph.absent import INSTEAD

FORMS = json.loads((Path(__file__).parents[1] / "parity/goldens/measures.json").read_text())
NAMES = [(room, name) for room in ("losses", "metrics") for name in FORMS[room]]


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_signature_is_keras_s(room, name):
    parameters = inspect.signature(getattr(getattr(layergraph, room), name)).parameters.values()
    found = [[p.name, None if p.default is p.empty else repr(p.default)] for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert found == FORMS[room][name]


@pytest.mark.parametrize("room", ["losses", "metrics"])
def test_every_name_is_there_and_no_other(room):
    public = {name for name in vars(getattr(layergraph, room)) if not name.startswith("_") and name not in ("TYPE_CHECKING", "explained")}
    assert public == set(FORMS[room]) - set(INSTEAD[room])
