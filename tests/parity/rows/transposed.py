"""Transposed convolutions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row

_FIRST = {"data_format": "channels_first"}


def _row(rank: int, kwargs: dict[str, Any], shape: Shape, **more: Any) -> Row:
    given = {"filters": 2, **{word: value for word, value in kwargs.items() if value is not None}}
    return row("transposed", f"Conv{rank}DTranspose", given, shape, **more)


def rows() -> Iterator[Row]:
    for k, s, padding in itertools.product((1, 2, 3, 4, 5), (1, 2, 3, 4), ("valid", "same")):
        for more in (None, *range(min(s, 3))):
            yield _row(1, {"kernel_size": k, "strides": s, "padding": padding, "output_padding": more}, (2, 3, 2))
    for k, d, padding, more in itertools.product((1, 2, 3), (2, 3), ("valid", "same"), (None, 0)):
        yield _row(1, {"kernel_size": k, "padding": padding, "output_padding": more, "dilation_rate": d}, (2, 4, 2))
    yield _row(1, {"kernel_size": 3, "strides": 2, "padding": "same", **_FIRST}, (2, 2, 4))
    yield _row(1, {"kernel_size": 2, "strides": 3, "activation": "softmax", **_FIRST}, (2, 2, 3))
    yield _row(1, {"kernel_size": 3, "strides": 2, "padding": "same"}, (2, 1, 2), note="n1")
    for k, s, padding in itertools.product((3, (2, 4)), (2, (1, 3)), ("valid", "same")):
        yield _row(2, {"kernel_size": k, "strides": s, "padding": padding}, (2, 3, 4, 2))
        yield _row(2, {"kernel_size": k, "strides": s, "padding": padding, **_FIRST}, (2, 2, 3, 4))
    for k, s, more, padding in itertools.product((3, (5, 2)), (2, (3, 2)), (0, (1, 0)), ("valid", "same")):
        yield _row(2, {"kernel_size": k, "strides": s, "padding": padding, "output_padding": more}, (2, 3, 2, 2))
    for d, padding in itertools.product((2, (1, 3)), ("valid", "same")):
        yield _row(2, {"kernel_size": (2, 3), "padding": padding, "dilation_rate": d}, (2, 3, 4, 2))
    yield _row(2, {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}, (2, 2, 3, 3))
    yield _row(2, {"kernel_size": 1, "strides": 3, "use_bias": False}, (2, 2, 3, 3))
    for name in ("relu", "softmax"):
        yield _row(2, {"kernel_size": 3, "strides": 2, "padding": "same", "activation": name}, (2, 2, 3, 2))
    for k, s, padding in itertools.product((3, (1, 2, 3)), (1, (2, 1, 2)), ("valid", "same")):
        yield _row(3, {"kernel_size": k, "strides": s, "padding": padding}, (2, 2, 3, 2, 1))
    yield _row(3, {"kernel_size": 3, "strides": 2, "padding": "same", **_FIRST}, (2, 2, 2, 3, 2))
    yield _row(3, {"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": (0, 1, 1)}, (1, 2, 2, 2, 2))
    yield _row(3, {"kernel_size": 2, "padding": "same", "dilation_rate": 2}, (1, 2, 3, 2, 2))
    # Fans are counted in (*kernel, filters, in), so what is fan_in elsewhere is fan_out here.
    for name in ("glorot_uniform", "he_uniform"):
        yield _row(1, {"kernel_size": 3, "kernel_initializer": name}, (1, 3, 12), init=True)
        yield _row(2, {"kernel_size": 3, "kernel_initializer": name}, (1, 2, 2, 12), init=True)
        yield _row(3, {"kernel_size": 2, "kernel_initializer": name}, (1, 2, 2, 2, 12), init=True)
