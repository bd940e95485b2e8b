"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator

from .row import In, Row, row


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
    yield from _more()


def _more() -> Iterator[Row]:
    x, mask, late = (2, 3, 2), In((2, 3), "mask", "bool"), In((2, 3), "late_mask", "bool")
    both = {"return_sequences": True, "return_state": True}
    for layer in ("SimpleRNN", "LSTM", "GRU"):
        states = [(2, 3)] * (2 if layer == "LSTM" else 1)
        yield row("rnn_more", layer, {"units": 3, "activation": "softsign"}, x)
        yield row("rnn_more", layer, {"units": 3, "activation": None, **both}, x)
        yield row("rnn_more", layer, {"units": 3, "activation": "softmax", "use_bias": False}, x)
        yield row("rnn_more", layer, {"units": 3, "activation": "elu"}, x, *states, note="state", form="initial_state")
        yield row("rnn_more", layer, {"units": 3, "go_backwards": True}, x)
        yield row("rnn_more", layer, {"units": 3, "go_backwards": True, **both}, x, *states, note="state", form="initial_state")
        yield row("rnn_more", layer, {"units": 3, "unroll": True, "return_sequences": True}, x)
        yield row("rnn_more", layer, {"units": 3, "dropout": 0.5, "recurrent_dropout": 0.25}, x)
        yield row("rnn_more", layer, {"units": 3}, x, mask, note="mask", named=("mask",))
        yield row("rnn_more", layer, {"units": 3, **both}, x, mask, note="mask", named=("mask",))
        yield row("rnn_more", layer, {"units": 3, "use_bias": False, **both}, x, late, note="late", named=("mask",))
        yield row("rnn_more", layer, {"units": 3, "activation": "softsign", **both}, x, mask, note="mask", named=("mask",))
        yield row("rnn_more", layer, {"units": 3, "go_backwards": True, **both}, x, mask, note="mask", named=("mask",))
        more = {"note": "state_late", "form": "initial_state", "named": ("mask",)}
        yield row("rnn_more", layer, {"units": 3, **both}, x, *states, late, **more)
        yield row("rnn_more", layer, {"units": 3, "activation": "softsign", **both}, x, *states, late, **more)
    for layer in ("LSTM", "GRU"):
        for gate in ("hard_sigmoid", "softmax", None):
            yield row("rnn_more", layer, {"units": 3, "recurrent_activation": gate, **both}, x)
        yield row("rnn_more", layer, {"units": 3, "use_cudnn": False}, x)
    yield row("rnn_more", "GRU", {"units": 3, "reset_after": False}, x, init=True)
    yield row("rnn_more", "GRU", {"units": 3, "reset_after": False, **both}, x, (2, 3), note="state", form="initial_state")
    yield row("rnn_more", "GRU", {"units": 3, "reset_after": False, "use_bias": False}, x)
    yield row("rnn_more", "GRU", {"units": 3, "reset_after": False, "activation": "elu", "recurrent_activation": "hard_sigmoid"}, x)
    yield row("rnn_more", "GRU", {"units": 3, "reset_after": False, "go_backwards": True, **both}, x, mask, note="mask", named=("mask",))
