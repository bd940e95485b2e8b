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


def _depthwise(rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"kernel_size": 3}
    wrong = (
        *argument("kernel_size", 0, (3,) * (rank + 1), needed={}),
        *argument("strides", 0, needed=needed),
        *argument("padding", "causal", needed=needed),
        *argument("depth_multiplier", 0, 1.5, needed=needed),
        *argument("data_format", "NHWC", needed=needed),
        *argument("depthwise_initializer", "glorot", needed=needed),
        Wrong(("kernel_initializer", "depthwise_initializer"), kwargs={**needed, "kernel_initializer": "zeros"}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        Wrong(("3", str((2, *(2,) * rank, 3))), kwargs=needed, inputs=((2, *(2,) * rank, 3),)),
        refused_inputs((None, *inner, None), says=("None",)),
        refused_inputs((2, *inner, 6), says=("4 channels",), built=True),
    )
    kwargs = {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2, "activation": "relu"}
    return Row(f"DepthwiseConv{rank}D", kwargs, ((2, *inner, 4),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _separable(rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"filters": 4, "kernel_size": 3}
    wrong = (
        *argument("filters", 0, needed=needed),
        *argument("kernel_size", 0, "3", needed=needed),
        *argument("padding", "causal", needed=needed),
        *argument("depth_multiplier", 0, needed=needed),
        *argument("pointwise_initializer", "ones_", needed=needed),
        Wrong(("kernel_size",), kwargs={"filters": 4}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        Wrong(("3", str((2, *(2,) * rank, 3))), kwargs=needed, inputs=((2, *(2,) * rank, 3),)),
        refused_inputs((None, *inner, None), says=("None",)),
        refused_inputs((2, *inner, 6), says=("4 channels",), built=True),
    )
    kwargs = {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2, "activation": "relu"}
    return Row(f"SeparableConv{rank}D", kwargs, ((2, *inner, 4),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _transposed(rank: int) -> Row:
    inner = (4, 3, 3)[:rank]
    needed = {"filters": 4, "kernel_size": 3}
    wrong = (
        *argument("filters", 0, needed=needed),
        *argument("kernel_size", 0, (3,) * (rank + 1), needed=needed),
        *argument("strides", 0, needed=needed),
        *argument("padding", "causal", needed=needed),
        *argument("output_padding", -1, (0,) * (rank + 1), 0.5, needed=needed),
        Wrong(("output_padding", str((2,) * rank), "strides"), kwargs={**needed, "strides": 2, "output_padding": 2}),
        Wrong(("strides", "dilation_rate"), kwargs={**needed, "strides": 2, "dilation_rate": 2}),
        Wrong(("groups",), kwargs={**needed, "groups": 2}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        Wrong(
            (str((0,) * rank), str((2, *(1,) * rank, 4))),
            kwargs={"filters": 4, "kernel_size": 2, "padding": "same", "output_padding": 0},
            inputs=((2, *(1,) * rank, 4),),
        ),
        refused_inputs((None, *inner, None), says=("None",)),
        refused_inputs((2, *inner, 6), says=("4 channels",), built=True),
    )
    kwargs = {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}
    return Row(f"Conv{rank}DTranspose", kwargs, ((2, *inner, 4),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


ROWS: tuple[Row, ...] = (
    *map(_conv, (1, 2, 3)),
    *map(_depthwise, (1, 2)),
    *map(_separable, (1, 2)),
    *map(_transposed, (1, 2, 3)),
)
