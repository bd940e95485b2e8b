"""The contract table: one row a layer class, and what each of them refuses. Pure data: layergraph is not imported.

`test_contract.py` holds every row to the same promises. A new layer is one row here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Wrong:
    """Something a layer refuses: constructor arguments, or the shapes it is called on. The message has all of `says`."""

    says: tuple[str, ...]
    kwargs: dict[str, Any] | None = None
    inputs: tuple[Shape, ...] | None = None
    # Refused only by a layer that was built on the row's own inputs.
    built: bool = False
    # One bare tensor where a list belongs.
    bare: bool = False


@dataclass(frozen=True)
class Row:
    """One layer class.

    Args:
        layer: its name in `layergraph.layers`.
        kwargs: constructor arguments that leave no part of it out.
        inputs: shapes with a batch of 2.
        form: "one" (a tensor), "list" (a list of tensors), "initial_state" (a tensor, and the rest as `initial_state=`).
        unknown: axes, besides the batch, whose sizes it may learn at run time; of the inputs that have the most axes.
        integers: values are drawn from range(integers) as int64, where it is given.
        random: whether it draws numbers in training.
        recurrent: compiles for inference only, as yet, and is not probed with unknown times (a loop over thousands of steps).
        wrong: what it refuses.
    """

    layer: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[tuple[int, ...], ...] = ()
    form: str = "one"
    unknown: tuple[int, ...] = ()
    integers: int = 0
    random: bool = False
    recurrent: bool = False
    wrong: tuple[Wrong, ...] = ()


def _argument(name: str, *values: Any, needed: dict[str, Any] | None = None) -> tuple[Wrong, ...]:
    """Each value of that argument is refused by a message with the argument's name and the value."""
    return tuple(Wrong((name, str(value)), kwargs={**(needed or {}), name: value}) for value in values)


def _inputs(*shapes: Shape, says: tuple[str, ...] = (), **more: Any) -> Wrong:
    return Wrong((*says, *map(str, shapes)), inputs=shapes, **more)


def _conv(rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"filters": 4, "kernel_size": 3}
    wrong = (
        *_argument("filters", 0, 2.5, needed=needed),
        *_argument("kernel_size", 0, (3,) * (rank + 1), "3x3", needed=needed),
        *_argument("strides", 0, -1, needed=needed),
        *_argument("padding", "sam", "reflect", needed=needed),
        *_argument("groups", 0, 3, needed=needed),
        *_argument("activation", "rellu", needed=needed),
        *_argument("data_format", "channel_last", needed=needed),
        Wrong(("strides", "dilation_rate"), kwargs={**needed, "strides": 2, "dilation_rate": 2}),
        Wrong(("kernal_size", "kernel_size"), kwargs={"filters": 4, "kernal_size": 3}),
        Wrong(("kernel_size",), kwargs={"filters": 4}),
        _inputs((2, 7)),
        _inputs((2, *inner, 4, 3)),
        Wrong(("3", str((2, *(2,) * rank, 3))), kwargs=needed, inputs=((2, *(2,) * rank, 3),)),
        _inputs((None, *inner, None), says=("None",)),
        _inputs((2, *inner, 6), says=("4 channels",), built=True),
    )
    kwargs = {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2, "activation": "relu"}
    return Row(f"Conv{rank}D", kwargs, ((2, *inner, 4),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _pool(kind: str, rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"pool_size": 2}
    wrong = (
        *_argument("pool_size", 0, (2,) * (rank + 1)),
        *_argument("strides", 0, needed=needed),
        *_argument("padding", "causal", "sane", needed=needed),
        *_argument("data_format", "NHWC", needed=needed),
        Wrong(("pool_sizes", "pool_size"), kwargs={"pool_sizes": 2}),
        _inputs((2, 7)),
        _inputs((2, *inner, 4, 3)),
        Wrong(("2", str((2, *(1,) * rank, 3))), kwargs=needed, inputs=((2, *(1,) * rank, 3),)),
    )
    kwargs = {"pool_size": 3, "strides": 2, "padding": "same"}
    return Row(f"{kind}Pooling{rank}D", kwargs, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _global(kind: str, rank: int) -> Row:
    inner = (4, 3, 2)[:rank]
    wrong = (
        *_argument("data_format", "first"),
        *_argument("keepdims", 3),
        _inputs((2, 4)),
        _inputs((2, *inner, 4, 3)),
    )
    return Row(f"Global{kind}Pooling{rank}D", {}, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _merge(layer: str) -> Row:
    wrong = (
        Wrong(("axes",), kwargs={"axes": 1}),
        _inputs((2, 4), (2, 5)),
        _inputs((None, 3, 4), (None, 2, 4)),
        Wrong(("list",), inputs=((2, 4),), bare=True),
    )
    return Row(
        layer, {}, ((2, 3, 4), (2, 3, 4)) if layer == "Subtract" else ((2, 3, 4), (2, 4), (2, 3, 1)), "list", unknown=(1,), wrong=wrong
    )


def _recurrent(layer: str) -> Row:
    wrong = (
        *_argument("units", 0, 2.5, None),
        *_argument("return_sequences", "yes", needed={"units": 3}),
        Wrong(("return_sequence", "return_sequences"), kwargs={"units": 3, "return_sequence": True}),
        Wrong(("go_backwards",), kwargs={"units": 3, "go_backwards": True}),
        Wrong(("stateful",), kwargs={"units": 3, "stateful": True}),
        Wrong(("recurrent_dropout",), kwargs={"units": 3, "recurrent_dropout": 0.5}),
        Wrong(("activation",), kwargs={"units": 3, "activation": "rellu"}),
        _inputs((2, 4)),
        _inputs((2, 5, 4, 3)),
        _inputs((None, 5, None), says=("None",)),
        _inputs((2, 5, 7), says=("7", "4"), built=True),
    )
    states = ((2, 3),) * (2 if layer == "LSTM" else 1)
    kwargs = {"units": 3, "return_sequences": True, "return_state": True}
    return Row(layer, kwargs, ((2, 5, 4), *states), "initial_state", unknown=(1,), recurrent=True, wrong=wrong)


def _padded(layer: str, word: str, rank: int) -> Row:
    inner = (6, 5, 4)[:rank]
    pairs: Any = (1, 2) if rank == 1 else ((1, 2), (2, 1), (1, 0))[:rank]
    wrong = (
        *_argument(word, -1, "1", (1,) * (rank + 2), 1.5),
        *(_argument("data_format", "NHWC") if rank > 1 else ()),
        Wrong((f"{word}s", word), kwargs={f"{word}s": 1}),
        _inputs((2, 7)),
        _inputs((2, *inner, 4, 3)),
        *([_inputs((2, *(3,) * rank, 2), says=("(1, 2)",))] if word == "cropping" else []),
    )
    return Row(layer, {word: pairs}, ((2, *inner, 2),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _up(rank: int) -> Row:
    inner = (3, 4, 2)[:rank]
    wrong = (
        *_argument("size", 0, "2", *([(2,) * (rank + 1)] if rank > 1 else [])),
        *(_argument("interpolation", "bilinaer") if rank == 2 else ()),
        *(_argument("data_format", "NHWC") if rank > 1 else ()),
        _inputs((2, 4)),
        _inputs((2, *inner, 4, 3)),
    )
    return Row(f"UpSampling{rank}D", {"size": 2}, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


CORE = (
    Row(
        "Dense",
        {"units": 3, "activation": "relu"},
        ((2, 4, 5),),
        unknown=(1,),
        wrong=(
            *_argument("units", 0, -1, 2.5, True, None, "3"),
            *_argument("activation", "rellu", needed={"units": 3}),
            *_argument("use_bias", "yes", needed={"units": 3}),
            *_argument("kernel_initializer", "glorot", needed={"units": 3}),
            *_argument("kernel_regularizer", "l3", needed={"units": 3}),
            Wrong(("units",), kwargs={}),
            Wrong(("activaton", "activation"), kwargs={"units": 3, "activaton": "relu"}),
            _inputs((None, 4, None), says=("last", "None")),
            _inputs((2,)),
            _inputs((2, 4, 7), says=("5", "7"), built=True),
        ),
    ),
    Row(
        "Activation",
        {"activation": "tanh"},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*_argument("activation", "tahn", 3), Wrong(("activation",), kwargs={})),
    ),
    Row("Dropout", {"rate": 0.5}, ((2, 3, 4),), unknown=(1, 2), random=True, wrong=_argument("rate", 1.5, -0.1, "50%", None)),
    Row("Flatten", {}, ((2, 3, 4),), unknown=(1, 2), wrong=_argument("data_format", "last")),
    Row(
        "Reshape",
        {"target_shape": (-1, 2)},
        ((2, 3, 4),),
        wrong=(
            *_argument("target_shape", (-1, -1), (2.5, 2), "12", (-2, 6)),
            Wrong(("(5, 2)", "(2, 4)"), kwargs={"target_shape": (5, 2)}, inputs=((2, 4),)),
            Wrong(("(-1, 5)", "(2, 4)"), kwargs={"target_shape": (-1, 5)}, inputs=((2, 4),)),
        ),
    ),
    Row(
        "Permute",
        {"dims": (2, 1)},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*_argument("dims", (1, 3), (0, 1), (1, 1), 2.5), _inputs((2, 3, 4, 5), says=("(2, 1)",))),
    ),
    Row("RepeatVector", {"n": 3}, ((2, 4),), unknown=(1,), wrong=(*_argument("n", 0, 2.5, "3"), _inputs((2, 4, 5)), _inputs((2,)))),
    Row(
        "Embedding",
        {"input_dim": 7, "output_dim": 3},
        ((2, 5),),
        unknown=(1,),
        integers=7,
        wrong=(
            *_argument("input_dim", 0, 2.5, needed={"output_dim": 3}),
            *_argument("output_dim", 0, needed={"input_dim": 7}),
            Wrong(("output_dim",), kwargs={"input_dim": 7}),
            Wrong(("mask_zeros", "mask_zero"), kwargs={"input_dim": 7, "output_dim": 3, "mask_zeros": True}),
        ),
    ),
    Row(
        "BatchNormalization",
        {},
        ((2, 3, 4, 5),),
        unknown=(1, 2),
        wrong=(
            *_argument("momentum", 2.0, -0.1),
            *_argument("axis", 1.5, "last"),
            *_argument("epsilon", -1.0),
            Wrong(("axis", "5", "(2, 4)"), kwargs={"axis": 5}, inputs=((2, 4),)),
            _inputs((None, 4, None), says=("None",)),
            _inputs((2,)),
            _inputs((2, 3, 4, 7), says=("5", "7"), built=True),
        ),
    ),
    Row(
        "LayerNormalization",
        {"axis": [-1, -2]},
        ((2, 3, 4, 5),),
        unknown=(1,),
        wrong=(
            *_argument("axis", 1.5, "last"),
            *_argument("epsilon", -1.0),
            Wrong(("axis", "4", "(2, 4)"), kwargs={"axis": 4}, inputs=((2, 4),)),
            Wrong(("axis",), kwargs={"axis": [1, -2]}, inputs=((2, 3, 4),)),
            Wrong(("None",), kwargs={"axis": -1}, inputs=((None, 4, None),)),
        ),
    ),
    Row(
        "ReLU",
        {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.25},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*_argument("max_value", -1.0, "6"), *_argument("negative_slope", -0.1, None), *_argument("threshold", -1.0, None)),
    ),
    Row("LeakyReLU", {}, ((2, 3, 4),), unknown=(1, 2), wrong=_argument("negative_slope", None, "0.3", -0.5)),
    Row(
        "Softmax",
        {"axis": 1},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*_argument("axis", 1.5, "last"), Wrong(("axis", "5", "(2, 4)"), kwargs={"axis": 5}, inputs=((2, 4),))),
    ),
)

MERGES = (
    *map(_merge, ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")),
    Row(
        "Concatenate",
        {"axis": 1},
        ((2, 3, 4), (2, 2, 4)),
        "list",
        unknown=(1,),
        wrong=(
            *_argument("axis", 1.5, "last"),
            _inputs((2, 3, 4), (2, 3, 5)),
            _inputs((2, 4), (2, 3, 4)),
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
            *_argument("axes", 0, (0, 1), (1, 2, 3), 1.5, "1"),
            Wrong(("axes",), kwargs={}),
            _inputs((2, 3, 4), (2, 5, 2), says=("4", "5")),
            _inputs((2, 3, 4), says=("2",)),
            _inputs((2, 3, 4), (2, 4, 2), (2, 4, 2)),
            Wrong(("list",), inputs=((2, 4),), bare=True),
        ),
    ),
)

ROWS: tuple[Row, ...] = (
    *CORE,
    *map(_conv, (1, 2, 3)),
    *(_pool(kind, rank) for kind in ("Max", "Average") for rank in (1, 2, 3)),
    *(_global(kind, rank) for kind in ("Average", "Max") for rank in (1, 2, 3)),
    *MERGES,
    *(_padded(f"ZeroPadding{rank}D", "padding", rank) for rank in (1, 2, 3)),
    *(_padded(f"Cropping{rank}D", "cropping", rank) for rank in (1, 2, 3)),
    *map(_up, (1, 2, 3)),
    *map(_recurrent, ("SimpleRNN", "LSTM", "GRU")),
)
