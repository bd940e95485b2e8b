"""Convolutions."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs


def _conv(rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"filters": 4, "kernel_size": 3}
    wrong = (
        *argument("filters", 0, 2.5, needed=needed),
        *argument("kernel_size", 0, (3,) * (rank + 1), "3x3", needed=needed),
        *argument("strides", 0, -1, needed=needed),
        *argument("padding", "sam", "reflect", needed=needed),
        *argument("groups", 0, 3, needed=needed),
        *argument("activation", "rellu", needed=needed),
        *argument("data_format", "channel_last", needed=needed),
        Wrong(("strides", "dilation_rate"), kwargs={**needed, "strides": 2, "dilation_rate": 2}),
        Wrong(("kernal_size", "kernel_size"), kwargs={"filters": 4, "kernal_size": 3}),
        Wrong(("kernel_size",), kwargs={"filters": 4}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        Wrong(("3", str((2, *(2,) * rank, 3))), kwargs=needed, inputs=((2, *(2,) * rank, 3),)),
        refused_inputs((None, *inner, None), says=("None",)),
        refused_inputs((2, *inner, 6), says=("4 channels",), built=True),
    )
    kwargs = {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2, "activation": "relu"}
    return Row(f"Conv{rank}D", kwargs, ((2, *inner, 4),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


ROWS: tuple[Row, ...] = (*map(_conv, (1, 2, 3)),)
