"""Cells, alone and over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Row, row


def _cell(name: str, units: int, **kwargs: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"units": units, **kwargs}}


def _over_time(note: str, cell: Any, *inputs: Any, words: dict[str, Any] | None = None, **more: Any) -> Row:
    """A row of `RNN`; its id has the note in the place of the cell."""
    named = row("cells", "RNN", words or {}, *inputs, note=note)
    return Row(named.id, "cells", "RNN", {"cell": cell, **(words or {})}, named.inputs, **more)


def rows() -> Iterator[Row]:
    for layer in ("SimpleRNNCell", "LSTMCell", "GRUCell"):
        inputs = [(3, 2)] + [(3, 3)] * (2 if layer == "LSTMCell" else 1)
        yield row("cells", layer, {"units": 3}, *inputs, form="states", init=True)
        yield row("cells", layer, {"units": 3, "use_bias": False}, *inputs, form="states")
        yield row("cells", layer, {"units": 3, "activation": "softsign"}, *inputs, form="states")
        yield row("cells", layer, {"units": 3, "dropout": 0.5, "recurrent_dropout": 0.5}, *inputs, form="states")
        if layer != "SimpleRNNCell":
            yield row("cells", layer, {"units": 3, "recurrent_activation": "softmax"}, *inputs, form="states")
    yield row("cells", "GRUCell", {"units": 3}, (3, 2), (3, 3), note="bare", form="several")
    yield row("cells", "GRUCell", {"units": 3, "reset_after": False}, (3, 2), (3, 3), form="states", init=True)
    yield row("cells", "GRUCell", {"units": 3, "reset_after": False, "use_bias": False}, (3, 2), (3, 3), form="states")
    yield row("cells", "LSTMCell", {"units": 3, "unit_forget_bias": False}, (3, 2), (3, 3), (3, 3), form="states", init=True)
    yield from _sequences()


def _sequences() -> Iterator[Row]:
    x, mask, late = (2, 3, 2), In((2, 3), "mask", "bool"), In((2, 3), "late_mask", "bool")
    both = {"return_sequences": True, "return_state": True}
    for name in ("SimpleRNNCell", "LSTMCell", "GRUCell"):
        cell, states = _cell(name, 3), [(2, 3)] * (2 if name == "LSTMCell" else 1)
        word = name.lower()
        yield _over_time(word, cell, x)
        yield _over_time(word, cell, x, words=both)
        yield _over_time(f"{word}-state", cell, x, *states, words=both, form="initial_state")
        yield _over_time(f"{word}-mask", cell, x, mask, words=both, named=("mask",))
        yield _over_time(f"{word}-late", cell, x, late, named=("mask",))
        yield _over_time(f"{word}-mask", cell, x, mask, words={"go_backwards": True, **both}, named=("mask",))
    for words in ({}, {"return_sequences": True}):
        words = {"zero_output_for_mask": True, **words}
        yield _over_time("grucell-late", _cell("GRUCell", 3), x, late, words=words, named=("mask",))
    yield _over_time("early_gru", _cell("GRUCell", 3, reset_after=False), x, words={"unroll": True})
    # Not a list: Keras makes a stack of it that computes in float32.
    cells = [_cell("LSTMCell", 2), _cell("GRUCell", 1), _cell("SimpleRNNCell", 2, activation="softsign")]
    stack = {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    yield _over_time("stack", stack, x)
    yield _over_time("stack", stack, x, words=both)
    yield _over_time("stack-mask", stack, x, mask, words=both, named=("mask",))
