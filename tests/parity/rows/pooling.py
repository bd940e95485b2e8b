"""Pools."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import In, Row, Shape, row


def _pads(n: int, k: int, s: int) -> tuple[int, int]:
    """(before, after) of padding 'same'."""
    total = max(0, (-(-n // s) - 1) * s + k - n)
    return total // 2, total - total // 2


def _pool_row(rank: int, kind: str, kwargs: dict[str, Any], shape: Shape, **more: Any) -> Row:
    layer = f"{kind}Pooling{rank}D"
    if kind == "Average" and kwargs.get("padding") == "same":
        size = _each(kwargs["pool_size"], rank)
        step = _each(kwargs.get("strides") or size, rank)
        inner = shape[2:] if kwargs.get("data_format") == "channels_first" else shape[1:-1]
        if any(a != b for a, b in (_pads(n, k, s) for n, k, s in zip(inner, size, step, strict=True))):
            more["rule"] = "average_of_real_elements"
    return row("pool", layer, kwargs, In(shape, "distinct" if kind == "Max" else "normal"), **more)


def _each(value: int | Shape, rank: int) -> Shape:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def rows() -> Iterator[Row]:
    first = {"data_format": "channels_first"}
    for kind in ("Max", "Average"):
        for k, s, n in itertools.product((2, 3), (1, 2, 3), (7, 8)):
            yield _pool_row(1, kind, {"pool_size": k, "strides": s, "padding": "same"}, (2, n, 2), note=f"n{n}")
        yield _pool_row(1, kind, {"pool_size": 5, "strides": 2, "padding": "same"}, (2, 6, 2))
        yield _pool_row(1, kind, {"pool_size": 3}, (2, 8, 2))
        yield _pool_row(1, kind, {"pool_size": 2, "strides": 3, "padding": "valid"}, (2, 8, 2))
        yield _pool_row(1, kind, {"pool_size": 2, **first}, (2, 2, 7))
        yield _pool_row(2, kind, {"pool_size": 2}, (2, 5, 6, 2))
        yield _pool_row(2, kind, {"pool_size": (3, 2), "strides": (1, 2)}, (2, 5, 6, 2))
        for k, s in ((2, None), (3, 2), ((2, 3), 1), ((3, 4), (2, 1)), (2, 1)):
            for n in ((5, 6), (4, 7)):
                yield _pool_row(2, kind, {"pool_size": k, "strides": s, "padding": "same"}, (2, *n, 2), note=f"n{n[0]}{n[1]}")
        yield _pool_row(2, kind, {"pool_size": 2, "padding": "same", **first}, (2, 2, 5, 6))
        yield _pool_row(2, kind, {"pool_size": (2, 3), "strides": 2, **first}, (2, 2, 5, 6))
        yield _pool_row(3, kind, {"pool_size": 2}, (2, 4, 5, 3, 2))
        yield _pool_row(3, kind, {"pool_size": (1, 2, 3), "strides": (2, 1, 1)}, (2, 4, 3, 4, 2))
        yield _pool_row(3, kind, {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 4, 5, 3, 1))
        yield _pool_row(3, kind, {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 3, 4, 3, 1))
        yield _pool_row(3, kind, {"pool_size": 2, **first}, (2, 2, 4, 4, 3))
    yield _pool_row(1, "Max", {}, (2, 7, 2))
    yield _pool_row(2, "Max", {}, (2, 5, 6, 2))
    yield _pool_row(3, "Max", {}, (2, 4, 5, 3, 2))
    shapes = {1: (2, 8, 3), 2: (2, 4, 2, 3), 3: (2, 2, 4, 2, 3)}
    for rank, kind in itertools.product((1, 2, 3), ("Average", "Max")):
        for kwargs in ({}, {"keepdims": True}, first, {"keepdims": True, **first}):
            draw = "distinct" if kind == "Max" else "normal"
            yield row("pool", f"Global{kind}Pooling{rank}D", kwargs, In(shapes[rank], draw))
