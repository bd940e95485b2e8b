"""Depthwise and separable convolutions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row

_FIRST = {"data_format": "channels_first"}


def _depthwise(rank: int, kwargs: dict[str, Any], shape: Shape, **more: Any) -> Row:
    return row("depthwise", f"DepthwiseConv{rank}D", kwargs, shape, **more)


def _separable(rank: int, kwargs: dict[str, Any], shape: Shape, **more: Any) -> Row:
    return row("depthwise", f"SeparableConv{rank}D", {"filters": 3, **kwargs}, shape, **more)


def rows() -> Iterator[Row]:
    for make in (_depthwise, _separable):
        for k, s, padding, n in itertools.product((1, 2, 3), (1, 2, 3), ("valid", "same"), (7, 8)):
            yield make(1, {"kernel_size": k, "strides": s, "padding": padding}, (2, n, 2), note=f"n{n}")
        for k, s in ((3, 1), (2, 1), ((3, 2), (2, 1)), ((2, 4), (1, 3)), (3, 2)):
            for padding in ("valid", "same"):
                yield make(2, {"kernel_size": k, "strides": s, "padding": padding}, (2, 5, 6, 2))
                yield make(2, {"kernel_size": k, "strides": s, "padding": padding, **_FIRST}, (2, 2, 5, 6))
        for padding in ("valid", "same"):
            # Strides and dilation at once: Keras refuses them of the other convolutions only.
            for s, d in ((1, 2), (2, 2), (3, 2)):
                yield make(1, {"kernel_size": 3, "strides": s, "padding": padding, "dilation_rate": d}, (2, 9, 2))
            for s, d in ((1, (2, 1)), (2, (1, 3))):
                yield make(2, {"kernel_size": 2, "strides": s, "padding": padding, "dilation_rate": d}, (2, 6, 7, 2))
        yield make(1, {"kernel_size": 2, "depth_multiplier": 3}, (2, 5, 2))
        yield make(1, {"kernel_size": 3, "padding": "same", "depth_multiplier": 2, **_FIRST}, (2, 3, 5))
        yield make(1, {"kernel_size": 2, "use_bias": False}, (2, 5, 2))
        yield make(2, {"kernel_size": (2, 3), "depth_multiplier": 3}, (2, 4, 4, 2))
        yield make(2, {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2, **_FIRST}, (2, 3, 4, 5))
        yield make(2, {"kernel_size": 2, "depth_multiplier": 2, "use_bias": False}, (2, 4, 3, 3))
        yield make(2, {"kernel_size": 2, "padding": "SAME"}, (2, 4, 3, 1))
        for name in ("relu", "softmax"):
            yield make(2, {"kernel_size": 2, "activation": name}, (2, 4, 3, 2))
        yield make(1, {"kernel_size": 2, "activation": "tanh", **_FIRST}, (2, 2, 5))
    # Fans are counted in (*kernel, in, multiplier): they differ by a factor from those of torch's (in * multiplier, 1, *kernel).
    inits = (("glorot_uniform", "he_uniform", 1), ("he_uniform", "lecun_uniform", 4), ("lecun_uniform", "glorot_uniform", 4))
    for name, other, multiplier in inits:
        fresh = {"kernel_size": 3, "depth_multiplier": multiplier, "depthwise_initializer": name}
        yield _depthwise(1, fresh, (1, 4, 5), init=True)
        yield _depthwise(2, fresh, (1, 3, 4, 5), init=True)
        yield _separable(1, {**fresh, "pointwise_initializer": other}, (1, 4, 5), init=True)
        yield _separable(2, {**fresh, "pointwise_initializer": other, "filters": 6}, (1, 3, 4, 5), init=True)
