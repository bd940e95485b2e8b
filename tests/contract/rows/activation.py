"""Activation layers."""

from __future__ import annotations

from .row import Row, Wrong, argument

ROWS: tuple[Row, ...] = (
    Row(
        "ReLU",
        {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.25},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("max_value", -1.0, "6"), *argument("negative_slope", -0.1, None), *argument("threshold", -1.0, None)),
    ),
    Row("LeakyReLU", {}, ((2, 3, 4),), unknown=(1, 2), wrong=argument("negative_slope", None, "0.3", -0.5)),
    Row(
        "Softmax",
        {"axis": 1},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("axis", 1.5, "last"), Wrong(("axis", "5", "(2, 4)"), kwargs={"axis": 5}, inputs=((2, 4),))),
    ),
)
