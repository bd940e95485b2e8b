"""Layers of a list of tensors."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs


def _merge(layer: str) -> Row:
    wrong = (
        Wrong(("axes",), kwargs={"axes": 1}),
        refused_inputs((2, 4), (2, 5)),
        refused_inputs((None, 3, 4), (None, 2, 4)),
        Wrong(("list",), inputs=((2, 4),), bare=True),
    )
    return Row(
        layer, {}, ((2, 3, 4), (2, 3, 4)) if layer == "Subtract" else ((2, 3, 4), (2, 4), (2, 3, 1)), "list", unknown=(1,), wrong=wrong
    )


ROWS: tuple[Row, ...] = (
    *map(_merge, ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")),
    Row(
        "Concatenate",
        {"axis": 1},
        ((2, 3, 4), (2, 2, 4)),
        "list",
        unknown=(1,),
        wrong=(
            *argument("axis", 1.5, "last"),
            refused_inputs((2, 3, 4), (2, 3, 5)),
            refused_inputs((2, 4), (2, 3, 4)),
            Wrong(("axis", "3"), kwargs={"axis": 3}, inputs=((2, 4), (2, 4))),
            Wrong(("list",), inputs=((2, 4),), bare=True),
        ),
    ),
    Row(
        "Dot",
        {"axes": (2, 1), "normalize": True},
        ((2, 3, 4), (2, 4, 2)),
        "list",
        unknown=(),
        wrong=(
            *argument("axes", 0, (0, 1), (1, 2, 3), 1.5, "1"),
            Wrong(("axes",), kwargs={}),
            refused_inputs((2, 3, 4), (2, 5, 2), says=("4", "5")),
            refused_inputs((2, 3, 4), says=("2",)),
            refused_inputs((2, 3, 4), (2, 4, 2), (2, 4, 2)),
            Wrong(("list",), inputs=((2, 4),), bare=True),
        ),
    ),
)
