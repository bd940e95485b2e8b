"""The parity table: what is recorded from Keras and what layergraph is held to. Pure data: neither package is imported.

A row is one layer with one set of arguments on one set of inputs. `record.py` turns each row into numbers with Keras,
`test_parity.py` turns it into numbers with layergraph. To add a layer, add rows, and run `record.py` (see its docstring).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class In:
    """One input: its shape with the batch, and how its values are drawn.

    `draw`: "normal" (both signs, never 0), "distinct" (the same, without ties: for maxima), "integers" (in [low, high)).
    """

    shape: Shape
    draw: str = "normal"
    dtype: str = "float32"
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class Row:
    """One golden.

    Args:
        id: unique; its first word is the layer's family in lower case.
        family: the golden file that holds it.
        layer: the name in `keras.layers` (for `form="twin"`, of the function).
        kwargs: constructor arguments.
        inputs: what it is called on.
        form: "one" (one tensor), "list" (a list), "initial_state" (a tensor, and the rest as `initial_state=`),
            "twin" (a function of a list).
        training: the mode.
        steps: forward passes in that mode; pass k sees its inputs times k + 1, and the last one is recorded.
        rule: where Keras 3.15.1 on torch is known to be wrong, the function of `record.py` that the golden comes from instead.
        init: whether the distribution of fresh weights is recorded too.
    """

    id: str
    family: str
    layer: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[In, ...] = ()
    form: str = "one"
    training: bool = False
    steps: int = 1
    rule: str | None = None
    init: bool = False


def _word(value: object) -> str:
    text = "".join(c if c.isalnum() or c == "." else "_" for c in str(value).replace("-", "m"))
    return "_".join(part for part in text.split("_") if part)


def _row(family: str, layer: str, kwargs: dict[str, Any], *shapes: Shape | In, note: str = "", **more: Any) -> Row:
    inputs = tuple(s if isinstance(s, In) else In(s) for s in shapes)
    words = [layer.lower(), *(f"{k}_{_word(v)}" for k, v in kwargs.items()), *([note] if note else [])]
    return Row("-".join(words), family, layer, kwargs, inputs, **more)


# --------------------------------------------------------------------------------------------- core and reshaping

ACTIVATIONS = """
    relu leaky_relu relu6 softmax log_softmax elu celu selu softplus softsign tanh sigmoid exponential linear hard_sigmoid silu swish
    hard_silu hard_swish gelu mish glu hard_tanh tanh_shrink hard_shrink soft_shrink log_sigmoid squareplus sparse_plus sparse_sigmoid
    sparsemax
"""

RELUS: tuple[dict[str, Any], ...] = (
    {},
    {"max_value": 1.0},
    {"max_value": 6.0},
    {"negative_slope": 0.2},
    {"threshold": 0.5},
    {"negative_slope": 0.1, "threshold": 0.5},
    {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.25},
    {"max_value": 1.0, "threshold": 0.5},
    {"max_value": 1.0, "negative_slope": 0.3},
)


def _core() -> Iterator[Row]:
    yield _row("core", "Dense", {"units": 4}, (3, 5), init=True)
    yield _row("core", "Dense", {"units": 4}, (2, 3, 5), note="rank3")
    yield _row("core", "Dense", {"units": 2}, (2, 2, 3, 4), note="rank4")
    yield _row("core", "Dense", {"units": 4, "use_bias": False}, (3, 5))
    for name in ("relu", "softmax", "tanh", "gelu"):
        yield _row("core", "Dense", {"units": 4, "activation": name}, (3, 5))
    for name in ACTIVATIONS.split():
        yield _row("core", "Activation", {"activation": name}, (4, 6))
    yield _row("core", "Activation", {"activation": "softmax"}, (2, 3, 4), note="rank3")
    yield _row("core", "Dropout", {"rate": 0.5}, (3, 4), note="eval")
    yield _row("core", "Dropout", {"rate": 0.0}, (3, 4), note="train", training=True)
    for shape in ((3,), (3, 4), (2, 3, 4), (2, 3, 2, 4), (2, 2, 3, 2, 2)):
        for data_format in ("channels_last", "channels_first"):
            yield _row("core", "Flatten", {"data_format": data_format}, shape, note=f"rank{len(shape)}")
    yield _row("core", "Flatten", {}, (2, 3, 2, 4))
    for target, shape in (((6, 2), (2, 3, 4)), ((-1, 2), (2, 3, 4)), ((3, -1, 2), (2, 12)), ((12,), (2, 3, 2, 2)), ((-1,), (2, 3, 2, 2))):
        yield _row("core", "Reshape", {"target_shape": target}, shape)
    for dims in ((2, 1), (1, 2), (2, 1, 3), (3, 1, 2), (2, 4, 3, 1)):
        yield _row("core", "Permute", {"dims": dims}, (2, 3, 4, 5, 2)[: len(dims) + 1])
    yield _row("core", "RepeatVector", {"n": 3}, (2, 4))
    for dtype in ("int32", "int64", "float32", "uint8"):
        tokens = In((3, 5), "integers", dtype, 0, 7)
        yield _row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, tokens, note=dtype, init=dtype == "int32")
    yield _row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, In((6,), "integers", "int32", 0, 7), note="rank1")
    yield _row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, In((2, 3, 2), "integers", "int32", 0, 7), note="rank3")
    for kwargs in RELUS:
        yield _row("core", "ReLU", kwargs, (4, 8))
    for kwargs in ({}, {"negative_slope": 0.1}, {"negative_slope": 0.0}):
        yield _row("core", "LeakyReLU", kwargs, (4, 8))
    for axis in (-1, 1, 2, -2, (1, 2), (-1, -3)):
        yield _row("core", "Softmax", {"axis": axis}, (2, 3, 4, 2))
    yield _row("core", "Softmax", {}, (3, 5))


# ------------------------------------------------------------------------------------------------------- convolution


def _conv() -> Iterator[Row]:
    # Every 'same' of these three sizes pads differently: an odd kernel with stride 2 on an even size pads at the end only.
    for k, s, n in itertools.product((2, 3, 5), (1, 2, 3), (7, 8)):
        yield _row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "same"}, (2, n, 2), note=f"n{n}")
    for k, s in ((1, 1), (2, 1), (3, 2), (5, 3)):
        yield _row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "valid"}, (2, 8, 2))
        yield _row("conv", "Conv1D", {"filters": 3, "kernel_size": k, "strides": s, "padding": "causal"}, (2, 8, 2))
    for padding in ("valid", "same", "causal"):
        yield _row("conv", "Conv1D", {"filters": 2, "kernel_size": 3, "padding": padding, "dilation_rate": 2}, (2, 8, 2))
    yield _row("conv", "Conv1D", {"filters": 2, "kernel_size": 2, "padding": "same", "dilation_rate": 3}, (2, 8, 2))
    yield _row("conv", "Conv1D", {"filters": 4, "kernel_size": 3, "groups": 2, "use_bias": False}, (2, 6, 6), init=True)
    yield _row("conv", "Conv1D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first", "padding": "same"}, (2, 2, 7))
    yield _row("conv", "Conv1D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first", "strides": 2}, (2, 2, 7))

    def conv2d(kwargs: dict[str, Any], shape: Shape = (2, 6, 7, 2), note: str = "", **more: Any) -> Row:
        return _row("conv", "Conv2D", {"filters": 3, **kwargs}, shape, note=note, **more)

    yield conv2d({"kernel_size": 3}, init=True)
    for k, s in (((3, 2), (1, 1)), ((2, 3), (2, 1)), ((1, 4), (1, 3)), (1, 2), (4, 1)):
        for padding in ("valid", "same"):
            yield conv2d({"kernel_size": k, "strides": s, "padding": padding})
    for k, n in itertools.product((2, 3, 5), (6, 7)):
        yield conv2d({"kernel_size": k, "strides": 2, "padding": "same"}, (2, n, n, 2), f"n{n}")
    yield conv2d({"kernel_size": 5, "strides": 3, "padding": "same"}, (2, 8, 5, 1), "far")
    yield conv2d({"kernel_size": 3, "padding": "SAME"})
    for padding, dilation in (("valid", 2), ("same", (2, 1)), ("same", (1, 3))):
        yield conv2d({"kernel_size": (2, 2), "padding": padding, "dilation_rate": dilation})
    yield conv2d({"filters": 6, "kernel_size": 2, "groups": 3}, (2, 4, 4, 3))
    yield conv2d({"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same"}, (2, 4, 4, 4), init=True)
    yield conv2d({"kernel_size": 2, "use_bias": False})
    for name in ("relu", "tanh", "softmax"):
        yield conv2d({"kernel_size": 2, "activation": name}, (2, 4, 3, 2))
    first = {"data_format": "channels_first"}
    yield conv2d({"kernel_size": (3, 2), **first}, (2, 2, 6, 5))
    yield conv2d({"kernel_size": (3, 2), "padding": "same", "strides": 2, **first}, (2, 2, 6, 5))
    yield conv2d({"filters": 4, "kernel_size": 2, "groups": 2, "padding": "same", **first}, (2, 2, 4, 5))
    yield conv2d({"kernel_size": 2, "data_format": "channels_last"})

    def conv3d(kwargs: dict[str, Any], shape: Shape = (2, 4, 5, 3, 2), **more: Any) -> Row:
        return _row("conv", "Conv3D", {"filters": 2, **kwargs}, shape, **more)

    yield conv3d({"kernel_size": 2}, init=True)
    yield conv3d({"kernel_size": (3, 2, 1), "padding": "same"})
    yield conv3d({"kernel_size": (2, 3, 3), "padding": "same", "strides": (2, 2, 1)})
    yield conv3d({"kernel_size": (1, 2, 2), "strides": (2, 1, 1)})
    yield conv3d({"kernel_size": 2, "dilation_rate": (2, 1, 1), "padding": "same"})
    yield conv3d({"kernel_size": 2, "groups": 2, "use_bias": False})
    yield conv3d({"kernel_size": 2, "activation": "relu"})
    yield conv3d({"kernel_size": (2, 1, 2), "data_format": "channels_first", "padding": "same"}, (2, 2, 3, 4, 3))


# ----------------------------------------------------------------------------------------------------------- pooling


def _pads(n: int, k: int, s: int) -> tuple[int, int]:
    """(before, after) of padding 'same'."""
    total = max(0, (-(-n // s) - 1) * s + k - n)
    return total // 2, total - total // 2


def _pool_row(rank: int, kind: str, kwargs: dict[str, Any], shape: Shape, **more: Any) -> Row:
    layer = f"{kind}Pooling{rank}D"
    if kind == "Average" and kwargs.get("padding") == "same":
        size = _each(kwargs["pool_size"], rank)
        step = _each(kwargs.get("strides") or size, rank)
        inner = shape[2:] if kwargs.get("data_format") == "channels_first" else shape[1:-1]
        if any(a != b for a, b in (_pads(n, k, s) for n, k, s in zip(inner, size, step, strict=True))):
            more["rule"] = "average_of_real_elements"
    return _row("pool", layer, kwargs, In(shape, "distinct" if kind == "Max" else "normal"), **more)


def _each(value: int | Shape, rank: int) -> Shape:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _pool() -> Iterator[Row]:
    first = {"data_format": "channels_first"}
    for kind in ("Max", "Average"):
        for k, s, n in itertools.product((2, 3), (1, 2, 3), (7, 8)):
            yield _pool_row(1, kind, {"pool_size": k, "strides": s, "padding": "same"}, (2, n, 2), note=f"n{n}")
        yield _pool_row(1, kind, {"pool_size": 5, "strides": 2, "padding": "same"}, (2, 6, 2))
        yield _pool_row(1, kind, {"pool_size": 3}, (2, 8, 2))
        yield _pool_row(1, kind, {"pool_size": 2, "strides": 3, "padding": "valid"}, (2, 8, 2))
        yield _pool_row(1, kind, {"pool_size": 2, **first}, (2, 2, 7))
        yield _pool_row(2, kind, {"pool_size": 2}, (2, 5, 6, 2))
        yield _pool_row(2, kind, {"pool_size": (3, 2), "strides": (1, 2)}, (2, 5, 6, 2))
        for k, s in ((2, None), (3, 2), ((2, 3), 1), ((3, 4), (2, 1)), (2, 1)):
            for n in ((5, 6), (4, 7)):
                yield _pool_row(2, kind, {"pool_size": k, "strides": s, "padding": "same"}, (2, *n, 2), note=f"n{n[0]}{n[1]}")
        yield _pool_row(2, kind, {"pool_size": 2, "padding": "same", **first}, (2, 2, 5, 6))
        yield _pool_row(2, kind, {"pool_size": (2, 3), "strides": 2, **first}, (2, 2, 5, 6))
        yield _pool_row(3, kind, {"pool_size": 2}, (2, 4, 5, 3, 2))
        yield _pool_row(3, kind, {"pool_size": (1, 2, 3), "strides": (2, 1, 1)}, (2, 4, 3, 4, 2))
        yield _pool_row(3, kind, {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 4, 5, 3, 1))
        yield _pool_row(3, kind, {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 3, 4, 3, 1))
        yield _pool_row(3, kind, {"pool_size": 2, **first}, (2, 2, 4, 4, 3))
    yield _pool_row(1, "Max", {}, (2, 7, 2))
    yield _pool_row(2, "Max", {}, (2, 5, 6, 2))
    yield _pool_row(3, "Max", {}, (2, 4, 5, 3, 2))
    shapes = {1: (2, 8, 3), 2: (2, 4, 2, 3), 3: (2, 2, 4, 2, 3)}
    for rank, kind in itertools.product((1, 2, 3), ("Average", "Max")):
        for kwargs in ({}, {"keepdims": True}, first, {"keepdims": True, **first}):
            draw = "distinct" if kind == "Max" else "normal"
            yield _row("pool", f"Global{kind}Pooling{rank}D", kwargs, In(shapes[rank], draw))


# ----------------------------------------------------------------------------------------------------- normalization


def _norm() -> Iterator[Row]:
    bn = "BatchNormalization"
    shapes = {2: (8, 4), 3: (4, 4, 3), 4: (4, 2, 4, 3), 5: (2, 2, 2, 2, 3)}
    for (rank, shape), training in itertools.product(shapes.items(), (False, True)):
        note = f"rank{rank}_{'train' if training else 'eval'}"
        yield _row("norm", bn, {}, shape, note=note, training=training, init=rank == 2 and training)
    settings: list[tuple[dict[str, Any], Shape]] = [
        ({"axis": 1}, (4, 3, 4)),
        ({"axis": 1}, (4, 3, 4, 2)),
        ({"axis": 2}, (4, 4, 3, 2)),
        ({"axis": -2}, (4, 4, 3)),
        ({"center": False}, (8, 4)),
        ({"scale": False}, (8, 4)),
        ({"center": False, "scale": False}, (4, 2, 2, 3)),
        ({"epsilon": 0.05}, (8, 4)),
    ]
    for (kwargs, shape), training in itertools.product(settings, (False, True)):
        yield _row("norm", bn, kwargs, shape, note=f"rank{len(shape)}_{'train' if training else 'eval'}", training=training)
    for momentum in (0.0, 0.5, 0.9):
        yield _row("norm", bn, {"momentum": momentum}, (8, 3), note="three_steps", training=True, steps=3)
    yield _row("norm", bn, {}, (4, 2, 2, 3), note="three_steps", training=True, steps=3)
    yield _row("norm", bn, {"trainable": False}, (8, 3), note="train", training=True, steps=2)

    ln = "LayerNormalization"
    yield _row("norm", ln, {}, (4, 6), init=True)
    yield _row("norm", ln, {}, (2, 3, 4), note="rank3")
    by_hand = {"rule": "moments_over_axes"}
    for axis in (1, 2, -2, [1, 2], [2, 1]):
        yield _row("norm", ln, {"axis": axis}, (2, 3, 4, 2), **by_hand)
    for axis in ([-1, -2], [1, 3], [3, 1], [1, 2, 3]):
        yield _row("norm", ln, {"axis": axis}, (2, 3, 4, 2))
    yield _row("norm", ln, {"axis": -1}, (2, 3, 2, 4))
    yield _row("norm", ln, {"axis": 1}, (2, 3, 3, 3), note="cube", **by_hand)
    for kwargs in ({"center": False}, {"scale": False}, {"center": False, "scale": False}, {"epsilon": 0.05}):
        yield _row("norm", ln, kwargs, (4, 6))
    yield _row("norm", ln, {"axis": 1, "center": False}, (2, 4, 3), **by_hand)
    yield _row("norm", ln, {"axis": 1, "scale": False}, (2, 4, 3), **by_hand)


# ----------------------------------------------------------------------------------------------------------- merging


def _merge() -> Iterator[Row]:
    broadcast = (((2, 4), (2, 3, 4)), ((2, 3, 4), (2, 4)), ((2, 3, 1), (2, 1, 4)), ((2, 2, 3, 4), (2, 3, 1)))
    for layer in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield _row("merge", layer, {}, (3, 4), note="one", form="list")
        yield _row("merge", layer, {}, *[(2, 3, 4)] * 2, note="two", form="list")
        yield _row("merge", layer, {}, *[(3, 4)] * 3, note="three", form="list")
        yield _row("merge", layer, {}, (2, 4), (2, 3, 4), (2, 1, 4), (2, 2, 3, 4), note="four_ranks", form="list")
        yield _row("merge", layer.lower(), {}, *[(3, 4)] * 3, note="twin", form="twin")
    for layer, (number, shapes) in itertools.product(("Add", "Subtract", "Multiply", "Average", "Maximum"), enumerate(broadcast)):
        yield _row("merge", layer, {}, *shapes, note=f"broadcast{number}", form="list")
    yield _row("merge", "Subtract", {}, (3, 4), (3, 4), note="two", form="list")
    yield _row("merge", "subtract", {}, (3, 4), (3, 4), note="twin", form="twin")
    for axis, shapes in (
        (-1, ((3, 2), (3, 4))),
        (1, ((2, 1, 3), (2, 2, 3), (2, 4, 3))),
        (0, ((2, 3), (1, 3))),
        (2, ((2, 2, 1, 3), (2, 2, 2, 3))),
        (-2, ((2, 2, 1, 3), (2, 2, 2, 3), (2, 2, 1, 3), (2, 2, 3, 3))),
        (-1, ((2, 3),)),
    ):
        yield _row("merge", "Concatenate", {"axis": axis}, *shapes, note=f"of{len(shapes)}", form="list")
    yield _row("merge", "Concatenate", {}, (2, 2, 3), (2, 2, 1), form="list")
    yield _row("merge", "concatenate", {}, (2, 3), (2, 2), note="twin", form="twin")
    yield _row("merge", "concatenate", {"axis": 1}, (2, 1, 3), (2, 2, 3), note="twin", form="twin")
    dots: list[tuple[Any, Shape, Shape]] = [
        (1, (3, 4), (3, 4)),
        (-1, (3, 4), (3, 4)),
        (1, (2, 4, 3), (2, 4, 2)),
        (2, (2, 3, 4), (2, 2, 4)),
        (-1, (2, 3, 4), (2, 2, 4)),
        ((1, 2), (2, 4, 3), (2, 2, 4)),
        ((2, 1), (2, 3, 4), (2, 4, 2)),
        ([-1, -2], (2, 3, 4), (2, 4, 2)),
        ((2, 1), (2, 3, 4), (2, 4)),
        ((1, 2), (2, 4), (2, 3, 4)),
        ((3, 1), (2, 2, 3, 4), (2, 4, 2)),
        ((1, 3), (2, 4, 2, 3), (2, 2, 2, 4)),
    ]
    for (axes, a, b), normalize in itertools.product(dots, (False, True)):
        note = f"ranks{len(a)}{len(b)}"
        yield _row("merge", "Dot", {"axes": axes, "normalize": normalize}, a, b, note=note, form="list")
    yield _row("merge", "dot", {"axes": 1}, (3, 4), (3, 4), note="twin", form="twin")
    yield _row("merge", "dot", {"axes": -1, "normalize": True}, (2, 3, 4), (2, 2, 4), note="twin", form="twin")


# ---------------------------------------------------------------------------------- padding, cropping and upsampling


def _resize() -> Iterator[Row]:
    first = {"data_format": "channels_first"}
    for padding in (1, 2, (1, 2), (0, 3)):
        yield _row("resize", "ZeroPadding1D", {"padding": padding}, (2, 3, 2))
    yield _row("resize", "ZeroPadding1D", {}, (2, 3, 2))
    yield _row("resize", "ZeroPadding1D", {"padding": (2, 1), **first}, (2, 3, 4))
    for padding in (2, (1, 2), ((1, 2), (0, 3)), ((0, 1), (0, 1))):
        yield _row("resize", "ZeroPadding2D", {"padding": padding}, (2, 3, 4, 2))
        yield _row("resize", "ZeroPadding2D", {"padding": padding, **first}, (2, 2, 3, 4))
    yield _row("resize", "ZeroPadding2D", {}, (2, 3, 4, 2))
    for padding in (1, (1, 0, 2), ((1, 2), (0, 1), (2, 0))):
        yield _row("resize", "ZeroPadding3D", {"padding": padding}, (2, 2, 3, 2, 2))
    yield _row("resize", "ZeroPadding3D", {"padding": ((1, 2), (0, 1), (2, 0)), **first}, (2, 2, 2, 3, 2))
    yield _row("resize", "ZeroPadding3D", {}, (1, 2, 3, 2, 2))
    for cropping in (1, (1, 2), (0, 2), (2, 0)):
        yield _row("resize", "Cropping1D", {"cropping": cropping}, (2, 6, 2))
    yield _row("resize", "Cropping1D", {}, (2, 6, 2))
    for cropping in (1, (1, 2), ((1, 2), (0, 3)), ((0, 1), (2, 0))):
        yield _row("resize", "Cropping2D", {"cropping": cropping}, (2, 5, 6, 2))
        yield _row("resize", "Cropping2D", {"cropping": cropping, **first}, (2, 2, 5, 6))
    yield _row("resize", "Cropping2D", {}, (2, 3, 4, 2))
    for cropping in (1, (1, 0, 2), ((1, 2), (0, 1), (2, 0))):
        yield _row("resize", "Cropping3D", {"cropping": cropping}, (2, 4, 3, 5, 2))
    yield _row("resize", "Cropping3D", {"cropping": ((1, 2), (0, 1), (2, 0)), **first}, (2, 2, 4, 3, 4))
    yield _row("resize", "Cropping3D", {}, (2, 3, 4, 3, 2))
    for size in (2, 3):
        yield _row("resize", "UpSampling1D", {"size": size}, (2, 3, 2))
    yield _row("resize", "UpSampling1D", {}, (2, 3, 2))
    # Thirds are no float32 numbers, and a bicubic weight is steep: sizes by which a division is exact.
    bicubic = (("bicubic", size) for size in (2, (4, 2), (1, 4)))
    for interpolation, size in (*itertools.product(("nearest", "bilinear"), (2, (3, 2), (1, 3))), *bicubic):
        yield _row("resize", "UpSampling2D", {"size": size, "interpolation": interpolation}, (2, 3, 4, 2))
        yield _row("resize", "UpSampling2D", {"size": size, "interpolation": interpolation, **first}, (2, 2, 3, 4))
    yield _row("resize", "UpSampling2D", {}, (2, 3, 2, 2))
    for size in (2, (1, 2, 3)):
        yield _row("resize", "UpSampling3D", {"size": size}, (2, 2, 3, 2, 2))
        yield _row("resize", "UpSampling3D", {"size": size, **first}, (2, 2, 2, 3, 2))


# --------------------------------------------------------------------------------------------------------- recurrent


def _rnn() -> Iterator[Row]:
    x = (2, 4, 2)
    for layer in ("SimpleRNN", "LSTM", "GRU"):
        state = (2, 3)
        states = [state, state] if layer == "LSTM" else [state]
        yield _row("rnn", layer, {"units": 3}, x, init=True)
        yield _row("rnn", layer, {"units": 3, "return_sequences": True}, x)
        yield _row("rnn", layer, {"units": 3, "return_state": True}, x)
        yield _row("rnn", layer, {"units": 3, "return_sequences": True, "return_state": True}, x)
        yield _row("rnn", layer, {"units": 3, "use_bias": False}, x)
        yield _row("rnn", layer, {"units": 3}, (3, 1, 2), note="one_step")
        yield _row("rnn", layer, {"units": 3}, x, *states, note="state", form="initial_state")
        both = {"return_sequences": True, "return_state": True}
        yield _row("rnn", layer, {"units": 3, **both}, x, *states, note="state", form="initial_state")
        yield _row("rnn", layer, {"units": 3, "use_bias": False, **both}, x, *states, note="state", form="initial_state")
    yield _row("rnn", "LSTM", {"units": 3, "unit_forget_bias": False}, x, init=True)


ROWS: tuple[Row, ...] = (*_core(), *_conv(), *_pool(), *_norm(), *_merge(), *_resize(), *_rnn())
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(row.family for row in ROWS))
assert len({row.id for row in ROWS}) == len(ROWS), "two rows with one id"
