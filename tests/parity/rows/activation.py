"""Activation layers with weights, masks or slopes; the others are in `core.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Row, Shape, row


def rows() -> Iterator[Row]:
    for kwargs in ({}, {"alpha": 0.3}, {"alpha": 2.0}, {"alpha": 0.0}):
        yield row("activation", "ELU", kwargs, (4, 8))
    yield row("activation", "ELU", {}, (2, 3, 4), note="rank3")
    slopes: list[tuple[dict[str, Any], Shape]] = [
        ({}, (4, 6)),
        ({}, (2, 3, 4)),
        ({}, (2, 3, 2, 4)),
        ({"shared_axes": [1]}, (4, 6)),
        ({"shared_axes": 1}, (2, 3, 4)),
        ({"shared_axes": [2]}, (2, 3, 4)),
        ({"shared_axes": [1, 2]}, (2, 3, 4)),
        ({"shared_axes": [1, 2]}, (2, 3, 2, 4)),
        ({"shared_axes": [2, 3]}, (2, 4, 3, 2)),
        ({"shared_axes": [1, 3]}, (2, 3, 4, 2)),
        ({"shared_axes": [2]}, (2, 3, 4, 2)),
        ({"shared_axes": (1, 2, 3)}, (2, 2, 3, 2, 4)),
    ]
    for kwargs, shape in slopes:
        yield row("activation", "PReLU", kwargs, shape, note=f"rank{len(shape)}", init=len(shape) == 2)
    yield row("activation", "PReLU", {"alpha_initializer": "ones"}, (4, 6), init=True)
    for axis in (-1, 1, (1, 2), [2]):
        yield row("activation", "Softmax", {"axis": axis}, (2, 3, 4), In((2, 3, 4), "mask", "bool"), named=("mask",), note="masked")
    yield row("activation", "Softmax", {}, (2, 3, 4), In((3, 4), "mask", "bool"), named=("mask",), note="masked_alike")
    yield row("activation", "Softmax", {}, (2, 3, 4), In((2, 1, 4), "mask", "bool"), named=("mask",), note="masked_along_1")
