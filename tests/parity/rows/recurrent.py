"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator

from .row import Row, row


def rows() -> Iterator[Row]:
    x = (2, 4, 2)
    for layer in ("SimpleRNN", "LSTM", "GRU"):
        state = (2, 3)
        states = [state, state] if layer == "LSTM" else [state]
        yield row("rnn", layer, {"units": 3}, x, init=True)
        yield row("rnn", layer, {"units": 3, "return_sequences": True}, x)
        yield row("rnn", layer, {"units": 3, "return_state": True}, x)
        yield row("rnn", layer, {"units": 3, "return_sequences": True, "return_state": True}, x)
        yield row("rnn", layer, {"units": 3, "use_bias": False}, x)
        yield row("rnn", layer, {"units": 3}, (3, 1, 2), note="one_step")
        yield row("rnn", layer, {"units": 3}, x, *states, note="state", form="initial_state")
        both = {"return_sequences": True, "return_state": True}
        yield row("rnn", layer, {"units": 3, **both}, x, *states, note="state", form="initial_state")
        yield row("rnn", layer, {"units": 3, "use_bias": False, **both}, x, *states, note="state", form="initial_state")
    yield row("rnn", "LSTM", {"units": 3, "unit_forget_bias": False}, x, init=True)
