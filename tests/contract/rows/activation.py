"""Activation layers."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs

ROWS: tuple[Row, ...] = (
    Row(
        "ReLU",
        {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.25},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("max_value", -1.0, "6"), *argument("negative_slope", -0.1, None), *argument("threshold", -1.0, None)),
    ),
    Row("LeakyReLU", {}, ((2, 3, 4),), unknown=(1, 2), wrong=argument("negative_slope", None, "0.3", -0.5)),
    Row("ELU", {"alpha": 0.5}, ((2, 3, 4),), unknown=(1, 2), wrong=argument("alpha", None, "0.3")),
    Row(
        "PReLU",
        {"shared_axes": [1]},
        ((2, 3, 4, 2),),
        unknown=(1,),
        wrong=(
            *argument("shared_axes", 0, -1, 1.5, "last", [1, 0]),
            *argument("alpha_initializer", "glorot"),
            Wrong(("shared_axes", "3", "(2, 3, 4)"), kwargs={"shared_axes": [3]}, inputs=((2, 3, 4),)),
            refused_inputs((None, 3, None, 2), says=("axis 2", "shared_axes=[2]")),
            refused_inputs((2, 3, 5, 2), says=("(1, 4, 2)",), built=True),
        ),
    ),
    Row(
        "Softmax",
        {"axis": 1},
        ((2, 3, 4), (2, 3, 4)),
        named=("mask",),
        masks=(1,),
        unknown=(1, 2),
        wrong=(*argument("axis", 1.5, "last"), Wrong(("axis", "5", "(2, 4)"), kwargs={"axis": 5}, inputs=((2, 4), (2, 4)))),
    ),
)
