"""Convolutional LSTMs."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs

_SIZES = (6, 5, 4)


def _conv_lstm(rank: int) -> Row:
    needed = {"filters": 3, "kernel_size": 2}
    sizes = _SIZES[:rank]
    x, state = (2, 4, *sizes, 2), (2, *(size - 1 for size in sizes), 3)
    wrong = (
        *argument("filters", 0, 2.5, None, needed={"kernel_size": 2}),
        *argument("kernel_size", 0, "two", needed={"filters": 3}),
        *argument("padding", "causal", needed=needed),
        *argument("data_format", "last", needed=needed),
        *argument("dropout", -0.1, 2, needed=needed),
        *argument("return_sequences", "yes", needed=needed),
        Wrong(("strides", "dilation_rate"), kwargs={**needed, "strides": 2, "dilation_rate": 2}),
        Wrong(("filter", "filters"), kwargs={**needed, "filter": 3}),
        refused_inputs((*x[:-1], None)),
        refused_inputs(x[:-1]),
        refused_inputs((2, 4, *[1] * rank, 2)),
        refused_inputs((*x[:-1], 7), says=("7", "2"), built=True),
        Wrong(("stateful", "None"), kwargs={**needed, "stateful": True}, inputs=((None, *x[1:]),)),
    )
    kwargs = {**needed, "dropout": 0.25, "recurrent_dropout": 0.25, "return_sequences": True, "return_state": True}
    return Row(
        f"ConvLSTM{rank}D",
        kwargs,
        (x, state, state),
        "initial_state",
        unknown=(1,),
        random=True,
        recurrent=True,
        wrong=wrong,
    )


ROWS: tuple[Row, ...] = (*map(_conv_lstm, (1, 2, 3)),)
