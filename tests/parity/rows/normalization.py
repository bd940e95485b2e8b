"""Normalizations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row


def rows() -> Iterator[Row]:
    bn = "BatchNormalization"
    shapes = {2: (8, 4), 3: (4, 4, 3), 4: (4, 2, 4, 3), 5: (2, 2, 2, 2, 3)}
    for (rank, shape), training in itertools.product(shapes.items(), (False, True)):
        note = f"rank{rank}_{'train' if training else 'eval'}"
        yield row("norm", bn, {}, shape, note=note, training=training, init=rank == 2 and training)
    settings: list[tuple[dict[str, Any], Shape]] = [
        ({"axis": 1}, (4, 3, 4)),
        ({"axis": 1}, (4, 3, 4, 2)),
        ({"axis": 2}, (4, 4, 3, 2)),
        ({"axis": -2}, (4, 4, 3)),
        ({"center": False}, (8, 4)),
        ({"scale": False}, (8, 4)),
        ({"center": False, "scale": False}, (4, 2, 2, 3)),
        ({"epsilon": 0.05}, (8, 4)),
    ]
    for (kwargs, shape), training in itertools.product(settings, (False, True)):
        yield row("norm", bn, kwargs, shape, note=f"rank{len(shape)}_{'train' if training else 'eval'}", training=training)
    for momentum in (0.0, 0.5, 0.9):
        yield row("norm", bn, {"momentum": momentum}, (8, 3), note="three_steps", training=True, steps=3)
    yield row("norm", bn, {}, (4, 2, 2, 3), note="three_steps", training=True, steps=3)
    yield row("norm", bn, {"trainable": False}, (8, 3), note="train", training=True, steps=2)

    ln = "LayerNormalization"
    yield row("norm", ln, {}, (4, 6), init=True)
    yield row("norm", ln, {}, (2, 3, 4), note="rank3")
    by_hand = {"rule": "moments_over_axes"}
    for axis in (1, 2, -2, [1, 2], [2, 1]):
        yield row("norm", ln, {"axis": axis}, (2, 3, 4, 2), **by_hand)
    for axis in ([-1, -2], [1, 3], [3, 1], [1, 2, 3]):
        yield row("norm", ln, {"axis": axis}, (2, 3, 4, 2))
    yield row("norm", ln, {"axis": -1}, (2, 3, 2, 4))
    yield row("norm", ln, {"axis": 1}, (2, 3, 3, 3), note="cube", **by_hand)
    for kwargs in ({"center": False}, {"scale": False}, {"center": False, "scale": False}, {"epsilon": 0.05}):
        yield row("norm", ln, kwargs, (4, 6))
    yield row("norm", ln, {"axis": 1, "center": False}, (2, 4, 3), **by_hand)
    yield row("norm", ln, {"axis": 1, "scale": False}, (2, 4, 3), **by_hand)
