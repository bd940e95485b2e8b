"""Convolutional LSTMs."""

from __future__ import annotations

from collections.abc import Iterator

from .row import In, Row, row

BOTH = {"return_sequences": True, "return_state": True}


def rows() -> Iterator[Row]:
    inputs = {1: (2, 2, 3, 1), 2: (1, 2, 3, 2, 1), 3: (1, 2, 2, 3, 2, 1)}
    for rank, x in inputs.items():
        yield of(rank, {}, x)
        yield of(rank, {"padding": "same", "return_sequences": True}, x)
        yield of(rank, {"data_format": "channels_first", "return_state": True}, (*x[:2], x[-1], *x[2:-1]))
        yield of(rank, {"strides": 2, "padding": "same"}, x)
    x, state, mask = (2, 3, 3, 1), (2, 2, 1), In((2, 3), "mask", "bool")
    yield of(1, {"filters": 2}, (1, 2, 3, 2))
    yield of(1, {"strides": 2, "return_sequences": True}, x)
    yield of(1, {"kernel_size": 3, "padding": "same"}, x)
    yield of(1, {"dilation_rate": 2, "padding": "same"}, x)
    yield of(1, {"go_backwards": True, "return_sequences": True}, x)
    yield of(1, BOTH, x, state, state, note="states", form="initial_state")
    for more in ({}, BOTH, {**BOTH, "go_backwards": True}):
        yield of(1, more, x, mask, note="mask", named=("mask",))
    yield of(1, {"return_state": True}, x, state, state, mask, note="states_mask", form="initial_state", named=("mask",))
    yield of(1, {"use_bias": False}, x)
    yield of(1, {"unit_forget_bias": False}, x)
    yield of(1, {"activation": "relu", "recurrent_activation": "hard_sigmoid"}, x)
    yield of(1, {"activation": None, "recurrent_activation": "tanh"}, x)
    yield of(1, {"dropout": 0.5, "recurrent_dropout": 0.5}, x)
    yield of(1, {"dropout": 1.0, "recurrent_dropout": 1.0}, x, note="training", training=True)
    yield of(2, {"kernel_size": (1, 3), "strides": (2, 1), "padding": "same"}, inputs[2])
    yield of(2, {"kernel_size": (2, 1), "dilation_rate": (1, 2)}, inputs[2])


def of(rank: int, kwargs: dict[str, object], *inputs: tuple[int, ...] | In, **words: object) -> Row:
    named = {"filters": 1, "kernel_size": 2, **kwargs}
    return row("conv_lstm", f"ConvLSTM{rank}D", named, *inputs, **words)  # type: ignore[arg-type]
