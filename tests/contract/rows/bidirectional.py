"""Bidirectional."""

from __future__ import annotations

from .row import Of, Row, Wrong, argument, refused_inputs

_LAYER = Of("LSTM", {"units": 3, "return_sequences": True, "return_state": True})

ROWS: tuple[Row, ...] = (
    Row(
        "Bidirectional",
        {"layer": _LAYER},
        ((2, 5, 4), (2, 3), (2, 3), (2, 3), (2, 3)),
        "initial_state",
        unknown=(1,),
        recurrent=True,
        wrong=(
            *argument("layer", "lstm", 3, None),
            *argument("merge_mode", "cat", 1, needed={"layer": _LAYER}),
            Wrong(("go_backwards",), kwargs={"layer": Of("Dense", {"units": 3})}),
            Wrong(("go_backwards", "False"), kwargs={"layer": _LAYER, "backward_layer": _LAYER}),
            Wrong(
                ("return_sequences", "True", "False"),
                kwargs={"layer": _LAYER, "backward_layer": Of("LSTM", {"units": 3, "go_backwards": True, "return_state": True})},
            ),
            refused_inputs((2, 4)),
            refused_inputs((None, 5, None), says=("None",)),
            refused_inputs((2, 5, 7), says=("7", "4"), built=True),
        ),
    ),
)
