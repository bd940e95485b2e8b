"""Convolutions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row


def rows() -> Iterator[Row]:
    # Every 'same' of these three sizes pads differently: an odd kernel with stride 2 on an even size pads at the end only.
    for k, s, n in itertools.product((2, 3, 5), (1, 2, 3), (7, 8)):
        yield row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "same"}, (2, n, 2), note=f"n{n}")
    for k, s in ((1, 1), (2, 1), (3, 2), (5, 3)):
        yield row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "valid"}, (2, 8, 2))
        yield row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "causal"}, (2, 8, 2))
    for padding in ("valid", "same", "causal"):
        yield row("conv", "Conv1D", {"filters": 2, "kernel_size": 3, "padding": padding, "dilation_rate": 2}, (2, 8, 2))
    yield row("conv", "Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same", "dilation_rate": 3}, (2, 8, 2))
    yield row("conv", "Conv1D", {"filters": 4, "kernel_size": 3, "groups": 2, "use_bias": False}, (2, 6, 6), init=True)
    yield row("conv", "Conv1D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first", "padding": "same"}, (2, 2, 7))
    yield row("conv", "Conv1D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first", "strides": 2}, (2, 2, 7))
    # Keras takes 'causal' in both layouts, and fans of groups are counted in (*kernel, in / groups, filters).
    for s, d in ((1, 1), (2, 1), (1, 2)):
        causal = {"filters": 3, "kernel_size": 3, "strides": s, "padding": "causal", "dilation_rate": d}
        yield row("conv", "Conv1D", {**causal, "data_format": "channels_first"}, (2, 2, 8))
    grouped = {"filters": 4, "kernel_size": 3, "groups": 4, "kernel_initializer": "he_uniform"}
    yield row("conv", "Conv1D", grouped, (2, 4, 8), init=True)
    yield row("conv", "Conv2D", grouped, (2, 3, 4, 8), init=True)
    yield row("conv", "Conv3D", {**grouped, "kernel_size": 2}, (1, 2, 3, 2, 8), init=True)

    def conv2d(kwargs: dict[str, Any], shape: Shape = (2, 6, 7, 2), note: str = "", **more: Any) -> Row:
        return row("conv", "Conv2D", {"filters": 3, **kwargs}, shape, note=note, **more)

    yield conv2d({"kernel_size": 3}, init=True)
    for k, s in (((3, 2), (1, 1)), ((2, 3), (2, 1)), ((1, 4), (1, 3)), (1, 2), (4, 1)):
        for padding in ("valid", "same"):
            yield conv2d({"kernel_size": k, "strides": s, "padding": padding})
    for k, n in itertools.product((2, 3, 5), (6, 7)):
        yield conv2d({"kernel_size": k, "strides": 2, "padding": "same"}, (2, n, n, 2), f"n{n}")
    yield conv2d({"kernel_size": 5, "strides": 3, "padding": "same"}, (2, 8, 5, 1), "far")
    yield conv2d({"kernel_size": 3, "padding": "SAME"})
    for padding, dilation in (("valid", 2), ("same", (2, 1)), ("same", (1, 3))):
        yield conv2d({"kernel_size": (2, 2), "padding": padding, "dilation_rate": dilation})
    yield conv2d({"filters": 6, "kernel_size": 2, "groups": 3}, (2, 4, 4, 3))
    yield conv2d({"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same"}, (2, 4, 4, 4), init=True)
    yield conv2d({"kernel_size": 2, "use_bias": False})
    for name in ("relu", "tanh", "softmax"):
        yield conv2d({"kernel_size": 2, "activation": name}, (2, 4, 3, 2))
    first = {"data_format": "channels_first"}
    yield conv2d({"kernel_size": (3, 2), **first}, (2, 2, 6, 5))
    yield conv2d({"kernel_size": (3, 2), "padding": "same", "strides": 2, **first}, (2, 2, 6, 5))
    yield conv2d({"filters": 4, "kernel_size": 2, "groups": 2, "padding": "same", **first}, (2, 2, 4, 5))
    yield conv2d({"kernel_size": 2, "data_format": "channels_last"})

    def conv3d(kwargs: dict[str, Any], shape: Shape = (2, 4, 5, 3, 2), **more: Any) -> Row:
        return row("conv", "Conv3D", {"filters": 2, **kwargs}, shape, **more)

    yield conv3d({"kernel_size": 2}, init=True)
    yield conv3d({"kernel_size": (3, 2, 1), "padding": "same"})
    yield conv3d({"kernel_size": (2, 3, 3), "padding": "same", "strides": (2, 2, 1)})
    yield conv3d({"kernel_size": (1, 2, 2), "strides": (2, 1, 1)})
    yield conv3d({"kernel_size": 2, "dilation_rate": (2, 1, 1), "padding": "same"})
    yield conv3d({"kernel_size": 2, "groups": 2, "use_bias": False})
    yield conv3d({"kernel_size": 2, "activation": "relu"})
    yield conv3d({"kernel_size": (2, 1, 2), "data_format": "channels_first", "padding": "same"}, (2, 2, 3, 4, 3))
