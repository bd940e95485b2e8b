"""Recurrent layers."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs


def _recurrent(layer: str) -> Row:
    wrong = (
        *argument("units", 0, 2.5, None),
        *argument("return_sequences", "yes", needed={"units": 3}),
        Wrong(("return_sequence", "return_sequences"), kwargs={"units": 3, "return_sequence": True}),
        Wrong(("go_backwards",), kwargs={"units": 3, "go_backwards": True}),
        Wrong(("stateful",), kwargs={"units": 3, "stateful": True}),
        Wrong(("recurrent_dropout",), kwargs={"units": 3, "recurrent_dropout": 0.5}),
        Wrong(("activation",), kwargs={"units": 3, "activation": "rellu"}),
        refused_inputs((2, 4)),
        refused_inputs((2, 5, 4, 3)),
        refused_inputs((None, 5, None), says=("None",)),
        refused_inputs((2, 5, 7), says=("7", "4"), built=True),
    )
    states = ((2, 3),) * (2 if layer == "LSTM" else 1)
    kwargs = {"units": 3, "return_sequences": True, "return_state": True}
    return Row(layer, kwargs, ((2, 5, 4), *states), "initial_state", unknown=(1,), recurrent=True, wrong=wrong)


ROWS: tuple[Row, ...] = (*map(_recurrent, ("SimpleRNN", "LSTM", "GRU")),)
