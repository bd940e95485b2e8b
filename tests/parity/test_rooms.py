"""The small rooms give what Keras gives: utils, tree, backend, config, dtype policies, random (shapes and dtypes), pictures."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

import layergraph
from layergraph.keras_names import ROOMS

from . import expressions, golden

GOLDEN: dict[str, dict[str, Any]] = json.loads((golden.FOLDER / "rooms.json").read_text(encoding="utf-8"))
ROWS = [(family, expression) for family in list(GOLDEN)[2:] for expression in GOLDEN[family]]
# Where layergraph gives something else, on purpose.
OTHERWISE: dict[str, tuple[str, Any]] = {
    "keras.tree.flatten_with_path({'b': (1, 2), 'a': {'d': None, 'c': 3}})": (
        "Keras on torch sorts the keys of the outermost dict only, against its own documentation",
        [{"tuple": [{"tuple": list(path)}, leaf]} for path, leaf in [(("a", "c"), 3), (("a", "d"), None), (("b", 0), 1), (("b", 1), 2)]],
    ),
    "keras.tree.map_structure(lambda x, y: x, [1], [[2]])": (
        "Keras on torch maps structures of different depths in silence, against its own documentation",
        {"raises": ["ValueError"]},
    ),
    "keras.utils.pad_sequences(rows, maxlen=0)": (
        "Keras takes all of a sequence for its last 0 steps, and fails",
        {"array": [[], [], [], []], "dtype": "int32", "shape": [4, 0]},
    ),
}


def save(array: Any, *args: Any, **kwargs: Any) -> io.BytesIO:
    file = io.BytesIO()
    layergraph.utils.save_img(file, array, *args, file_format="png", **kwargs)
    file.seek(0)
    return file


def same(got: Any, wanted: Any) -> bool:
    """Equal; float arrays up to the goldens' limit; an error of one of the kinds that was raised in Keras, or of a subclass."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        if list(got) != list(wanted):
            return False
        if "raises" in wanted:
            return wanted["raises"][0] in got["raises"]
        if wanted.get("dtype", "").removeprefix("torch.") in ("float32", "float64"):
            kind = next(iter(wanted))
            return got["dtype"] == wanted["dtype"] and golden.error(np.array(got[kind]), np.array(wanted[kind])) <= golden.LIMITS["float32"]
        return all(same(got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return type(got) is type(wanted) and got == wanted


@pytest.fixture(autouse=True)
def a_fresh_session():
    yield
    layergraph.utils.clear_session(free_memory=False)


@pytest.mark.parametrize(("family", "expression"), ROWS, ids=[expression for _, expression in ROWS])
def test_it_gives_what_keras_gives(family: str, expression: str):
    got = json.loads(json.dumps(expressions.outcome(expression, layergraph, save=save)))
    assert same(got, OTHERWISE.get(expression, (None, GOLDEN[family][expression]))[1]), f"{got}\nKeras: {GOLDEN[family][expression]}"


@pytest.mark.parametrize("expression", OTHERWISE)
def test_what_differs_on_purpose_differs(expression: str):
    family = next(family for family, row in ROWS if row == expression)
    assert not same(OTHERWISE[expression][1], GOLDEN[family][expression])


def test_the_names_are_keras():
    assert {room: " ".join(names.split()) for room, names in ROOMS.items()} == GOLDEN["names"]


def test_a_wrong_result_is_seen():
    array = {"array": [1.0, 2.0], "dtype": "float32", "shape": [2]}
    assert same(array, array)
    assert not same({**array, "array": [1.0, 2.1]}, array)
    assert not same({**array, "dtype": "float64"}, array)
    assert not same({"raises": ["TypeError"]}, {"raises": ["ValueError"]})
    assert not same([1], [True])
