"""Recurrent layers."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs


def _recurrent(layer: str) -> Row:
    wrong = (
        *argument("units", 0, 2.5, None),
        *argument("return_sequences", "yes", needed={"units": 3}),
        Wrong(("return_sequence", "return_sequences"), kwargs={"units": 3, "return_sequence": True}),
        Wrong(("stateful", "batch"), kwargs={"units": 3, "stateful": True}, inputs=((None, 5, 4),)),
        *argument("recurrent_dropout", 1.5, -0.5, "much", needed={"units": 3}),
        Wrong(("activation",), kwargs={"units": 3, "activation": "rellu"}),
        refused_inputs((2, 4)),
        refused_inputs((2, 5, 4, 3)),
        refused_inputs((None, 5, None), says=("None",)),
        refused_inputs((2, 5, 7), says=("7", "4"), built=True),
    )
    states = ((2, 3),) * (2 if layer == "LSTM" else 1)
    kwargs = {"units": 3, "return_sequences": True, "return_state": True}
    return Row(layer, kwargs, ((2, 5, 4), *states), "initial_state", unknown=(1,), recurrent=True, wrong=wrong)


def _cell(layer: str) -> Row:
    states = ((2, 3),) * (2 if layer == "LSTMCell" else 1)
    wrong = (
        *argument("units", 0, None),
        *argument("dropout", 2, needed={"units": 3}),
        refused_inputs((2, 5, 4), *states),
        refused_inputs((None, None), *states, says=("None",)),
        Wrong(("(2, 5)",), inputs=((2, 4), *((2, 5) for _ in states))),
        Wrong(("(2, 3)",), inputs=((2, 4), *states, (2, 3))),
    )
    return Row(layer, {"units": 3}, ((2, 4), *states), "states", wrong=wrong)


_LSTM = {"class_name": "LSTMCell", "config": {"units": 3}}
_GRU = {"class_name": "GRUCell", "config": {"units": 2, "reset_after": False}}
_RNN = Row(
    "RNN",
    {"cell": [_LSTM, _GRU], "return_sequences": True, "return_state": True, "go_backwards": True},
    ((2, 5, 4),),
    unknown=(1,),
    recurrent=True,
    wrong=(
        *argument("cell", 3, None),
        Wrong(("Dense", "state_size"), kwargs={"cell": {"class_name": "Dense", "config": {"units": 3}}}),
        *argument("unroll", "yes", needed={"cell": _LSTM}),
        Wrong(("stateful", "batch"), kwargs={"cell": _LSTM, "stateful": True}, inputs=((None, 5, 4),)),
        refused_inputs((2, 4)),
        refused_inputs((2, 5, None), says=("None",)),
    ),
)
_STACK = Row(
    "StackedRNNCells",
    {"cells": [_LSTM, _GRU]},
    ((2, 4), (2, 3), (2, 3), (2, 2)),
    "stacked_states",
    wrong=(*argument("cells", 3, []), Wrong(("cells", "Dense"), kwargs={"cells": [{"class_name": "Dense", "config": {"units": 3}}]})),
)

ROWS: tuple[Row, ...] = (
    *map(_recurrent, ("SimpleRNN", "LSTM", "GRU")),
    *map(_cell, ("SimpleRNNCell", "LSTMCell", "GRUCell")),
    _RNN,
    _STACK,
)
