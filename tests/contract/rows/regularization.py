"""Layers that act in training only."""

from __future__ import annotations

from .row import Row, argument

ROWS: tuple[Row, ...] = (
    Row("Dropout", {"rate": 0.5}, ((2, 3, 4),), unknown=(1, 2), random=True, wrong=argument("rate", 1.5, -0.1, "50%", None)),
)
