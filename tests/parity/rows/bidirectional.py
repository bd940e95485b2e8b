"""Bidirectional."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Of, Row, row

SEQUENCES, STATE = {"return_sequences": True}, {"return_state": True}
BOTH = {**SEQUENCES, **STATE}


def rows() -> Iterator[Row]:
    x, mask = (2, 3, 2), In((2, 3), "mask", "bool")

    def of(layer: str, own: dict[str, Any], *inputs: tuple[int, ...] | In, more: Any = None, **words: Any) -> Row:
        return row("bidirectional", "Bidirectional", {"layer": Of(layer, {"units": 2, **own}), **(more or {})}, *(inputs or (x,)), **words)

    for layer in ("SimpleRNN", "LSTM", "GRU"):
        states = [(2, 2)] * (4 if layer == "LSTM" else 2)
        for own in ({}, SEQUENCES):
            yield of(layer, own)
            yield of(layer, own, x, mask, note="mask", named=("mask",))
        yield of(layer, STATE)
        yield of(layer, BOTH, x, *states, note="states", form="initial_state")
        yield of(layer, BOTH, x, *states, mask, note="states_mask", form="initial_state", named=("mask",))
    for mode in ("sum", "mul", "ave", None):
        yield of("GRU", {}, more={"merge_mode": mode})
        yield of("SimpleRNN", BOTH, more={"merge_mode": mode})
        yield of("SimpleRNN", SEQUENCES, x, mask, more={"merge_mode": mode}, note="mask", named=("mask",))
    other = {"backward_layer": Of("GRU", {"units": 2, "go_backwards": True, **SEQUENCES})}
    yield of("SimpleRNN", SEQUENCES, more=other)
    turned = {"backward_layer": Of("LSTM", {"units": 2, **SEQUENCES})}
    yield of("LSTM", {"go_backwards": True, **SEQUENCES}, more=turned)
    yield of("SimpleRNN", SEQUENCES, x, mask, more=other, note="mask", named=("mask",))
    yield of("LSTM", {"activation": "relu", "use_bias": False}, more={"merge_mode": "sum"})
    yield of("GRU", {"reset_after": False})
    yield of("LSTM", {"dropout": 0.5, "recurrent_dropout": 0.5})
    images = {"filters": 1, "kernel_size": 2}
    for own in ({}, BOTH):
        yield row("bidirectional", "Bidirectional", {"layer": Of("ConvLSTM1D", {**images, **own})}, (1, 2, 3, 1))
    inputs = (2, 2, 3, 1), In((2, 2), "mask", "bool")
    yield row("bidirectional", "Bidirectional", {"layer": Of("ConvLSTM1D", {**images, **BOTH})}, *inputs, note="mask", named=("mask",))
