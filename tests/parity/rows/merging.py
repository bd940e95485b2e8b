"""Merges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row


def rows() -> Iterator[Row]:
    broadcast = (((2, 4), (2, 3, 4)), ((2, 3, 4), (2, 4)), ((2, 3, 1), (2, 1, 4)), ((2, 2, 3, 4), (2, 3, 1)))
    for layer in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield row("merge", layer, {}, (3, 4), note="one", form="list")
        yield row("merge", layer, {}, *[(2, 3, 4)] * 2, note="two", form="list")
        yield row("merge", layer, {}, *[(3, 4)] * 3, note="three", form="list")
        yield row("merge", layer, {}, (2, 4), (2, 3, 4), (2, 1, 4), (2, 2, 3, 4), note="four_ranks", form="list")
        yield row("merge", layer.lower(), {}, *[(3, 4)] * 3, note="twin", form="twin")
    for layer, (number, shapes) in itertools.product(("Add", "Subtract", "Multiply", "Average", "Maximum"), enumerate(broadcast)):
        yield row("merge", layer, {}, *shapes, note=f"broadcast{number}", form="list")
    yield row("merge", "Subtract", {}, (3, 4), (3, 4), note="two", form="list")
    yield row("merge", "subtract", {}, (3, 4), (3, 4), note="twin", form="twin")
    for axis, shapes in (
        (-1, ((3, 2), (3, 4))),
        (1, ((2, 1, 3), (2, 2, 3), (2, 4, 3))),
        (0, ((2, 3), (1, 3))),
        (2, ((2, 2, 1, 3), (2, 2, 2, 3))),
        (-2, ((2, 2, 1, 3), (2, 2, 2, 3), (2, 2, 1, 3), (2, 2, 3, 3))),
        (-1, ((2, 3),)),
    ):
        yield row("merge", "Concatenate", {"axis": axis}, *shapes, note=f"of{len(shapes)}", form="list")
    yield row("merge", "Concatenate", {}, (2, 2, 3), (2, 2, 1), form="list")
    yield row("merge", "concatenate", {}, (2, 3), (2, 2), note="twin", form="twin")
    yield row("merge", "concatenate", {"axis": 1}, (2, 1, 3), (2, 2, 3), note="twin", form="twin")
    dots: list[tuple[Any, Shape, Shape]] = [
        (1, (3, 4), (3, 4)),
        (-1, (3, 4), (3, 4)),
        (1, (2, 4, 3), (2, 4, 2)),
        (2, (2, 3, 4), (2, 2, 4)),
        (-1, (2, 3, 4), (2, 2, 4)),
        ((1, 2), (2, 4, 3), (2, 2, 4)),
        ((2, 1), (2, 3, 4), (2, 4, 2)),
        ([-1, -2], (2, 3, 4), (2, 4, 2)),
        ((2, 1), (2, 3, 4), (2, 4)),
        ((1, 2), (2, 4), (2, 3, 4)),
        ((3, 1), (2, 2, 3, 4), (2, 4, 2)),
        ((1, 3), (2, 4, 2, 3), (2, 2, 2, 4)),
    ]
    for (axes, a, b), normalize in itertools.product(dots, (False, True)):
        note = f"ranks{len(a)}{len(b)}"
        yield row("merge", "Dot", {"axes": axes, "normalize": normalize}, a, b, note=note, form="list")
    yield row("merge", "dot", {"axes": 1}, (3, 4), (3, 4), note="twin", form="twin")
    yield row("merge", "dot", {"axes": -1, "normalize": True}, (2, 3, 4), (2, 2, 4), note="twin", form="twin")
