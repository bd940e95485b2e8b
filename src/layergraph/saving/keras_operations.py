"""Keras's own operations (`x + y`, `keras.ops.mean`) in its configs, as torch calls: a small table, and a refusal by name for the rest.

    {"module": "keras.src.ops.numpy", "class_name": "Concatenate", "config": {"name": "concatenate", "axis": 1}, ...}

Each is a function of the arguments in the node and of those in the operation's config.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F

from layergraph import activations
from layergraph.config import torch_dtype
from layergraph.errors import Fact, shown, suggestion
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.identify import Config
from layergraph.saving.objects import STAND_INS
from layergraph.saving.operations import Operation
from layergraph.saving.values import is_list


def _dims(x: Any, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else tuple(axis) if is_list(axis) else axis


def _reduced(function: Callable[..., Any], x: Any, axis: Any = None, keepdims: bool = False, initial: None = None) -> Any:
    return function(x, _dims(x, axis), keepdim=keepdims)


def _counted(function: Callable[..., Any], x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    if axis is None:
        raise Fact("an argmax over all axes, the batch included, has no place in a graph", "give it an axis")
    return function(x, axis, keepdim=keepdims).to(torch.int32)


def _averaged(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return (x if x.spec.dtype.is_floating_point else x.to(torch.float32)).mean(_dims(x, axis), keepdim=keepdims)


def _spread(function: Callable[..., Any], x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return function(x, _dims(x, axis), correction=0, keepdim=keepdims)


def _index(x: Any, index: Any) -> Any:
    return x[tuple(index) if is_list(index) else index]


def _shaped(x: Any, newshape: Any) -> Any:
    return x.reshape([-1 if size is None else size for size in newshape])


def _axes(x: Any, axes: Any = None) -> Any:
    return x.permute(tuple(axes) if axes is not None else tuple(reversed(range(x.ndim))))


def _squeezed(x: Any, axis: Any = None) -> Any:
    if axis is None:
        axis = [i for i, size in enumerate(x.shape) if size == 1]
    return x.squeeze(tuple(axis) if is_list(axis) else axis)


def _softmax(function: Callable[..., Any], x: Any, axis: Any = -1) -> Any:
    if not isinstance(axis, int):
        raise Fact(f"a softmax over several axes, {shown(axis)}, is not supported in a config of Keras's")
    return function(x, axis)


def _split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return list(torch.tensor_split(x, indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections), axis))


def _taken(x: Any, indices: Any, axis: int | None = None) -> Any:
    if axis is None:
        raise Fact("a `take` without axis reads across the batch", "give it an axis")
    if isinstance(indices, SymbolicTensor):
        if indices.ndim != 1:
            raise Fact(f"a `take` by indices of shape {indices.shape} is not supported in a config of Keras's", "take by a vector")
        return torch.index_select(x, axis, indices)
    return x.select(axis, indices) if isinstance(indices, int) else torch.index_select(x, axis, torch.as_tensor(indices))


def _clipped(x: Any, x_min: Any, x_max: Any) -> Any:
    return torch.clamp(x, x_min, x_max)


def _one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    if axis != -1 or sparse:
        raise Fact("a one-hot with another axis than -1, or a sparse one, is not supported in a config of Keras's")
    return F.one_hot(x.long(), num_classes).to(torch_dtype(dtype or "float32"))


def _extreme(function: Callable[..., Any], bound: str, left: Any, right: Any) -> Any:
    """The larger, or smaller, of two, one of which may be a number."""
    if isinstance(left, SymbolicTensor) and isinstance(right, SymbolicTensor | torch.Tensor):
        return function(left, right)
    symbol, number = (left, right) if isinstance(left, SymbolicTensor) else (right, left)
    return function(symbol, number) if isinstance(number, torch.Tensor) else torch.clamp(symbol, **{bound: number})


def _cast_to(x: Any, dtype: Any) -> Any:
    return x.to(torch_dtype(dtype))


def _padded(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    if mode != "constant" or not is_list(pad_width):
        raise Fact(f"a pad of mode {shown(mode)} by {shown(pad_width)} is not supported in a config of Keras's")
    pairs = pad_width
    return F.pad(x, [int(n) for pair in reversed(pairs) for n in pair], value=constant_values or 0.0)


def _expanded(x: Any, axis: Any) -> Any:
    return x.unsqueeze(axis)


def _swapped(x: Any, axis1: int, axis2: int) -> Any:
    return x.transpose(axis1, axis2)


def _moved(x: Any, source: Any, destination: Any) -> Any:
    return torch.movedim(x, source, destination)


def _flipped(x: Any, axis: Any) -> Any:
    return torch.flip(x, (axis,) if isinstance(axis, int) else tuple(axis))


def _joined(xs: Any, axis: int = 0) -> Any:
    return torch.cat(xs, axis)


def _stacked(xs: Any, axis: int = 0) -> Any:
    return torch.stack(xs, axis)


def _einsum(*xs: Any, subscripts: str) -> Any:
    return torch.einsum(subscripts, *xs)


def _gelu(x: Any, approximate: bool = True) -> Any:
    return F.gelu(x, approximate="tanh" if approximate else "none")


_KERAS: dict[str, Callable[..., Any]] = {
    "Add": operator.add, "Subtract": operator.sub, "Multiply": operator.mul, "Divide": operator.truediv, "TrueDivide": operator.truediv,
    "FloorDivide": operator.floordiv, "Mod": operator.mod, "Power": operator.pow, "Matmul": operator.matmul, "Equal": operator.eq,
    "NotEqual": operator.ne, "Less": operator.lt, "LessEqual": operator.le, "Greater": operator.gt, "GreaterEqual": operator.ge,
    "LogicalAnd": operator.and_, "LogicalOr": operator.or_, "LogicalXor": operator.xor, "Negative": torch.neg, "Absolute": torch.abs,
    "Exp": torch.exp, "Expm1": torch.expm1, "Log": torch.log, "Log1p": torch.log1p, "Sqrt": torch.sqrt, "Rsqrt": torch.rsqrt,
    "Square": torch.square, "Sin": torch.sin, "Cos": torch.cos, "Tan": torch.tan, "Tanh": torch.tanh, "Sinh": torch.sinh,
    "Cosh": torch.cosh, "Erf": torch.erf, "Floor": torch.floor, "Ceil": torch.ceil, "Sign": torch.sign, "Reciprocal": torch.reciprocal,
    "LogicalNot": torch.logical_not, "Isnan": torch.isnan, "Isfinite": torch.isfinite, "Isinf": torch.isinf, "Relu": torch.relu,
    "Relu6": F.relu6, "Sigmoid": torch.sigmoid, "Silu": F.silu, "Softplus": F.softplus, "Softsign": F.softsign, "Selu": torch.selu,
    "LogSigmoid": F.logsigmoid, "HardSigmoid": F.hardsigmoid, "HardSilu": F.hardswish, "StopGradient": torch.detach,
    "Copy": torch.clone, "GetItem": _index, "Reshape": _shaped, "Transpose": _axes, "Squeeze": _squeezed,
    "ExpandDims": _expanded, "Swapaxes": _swapped, "Moveaxis": _moved, "Flip": _flipped, "Concatenate": _joined, "Stack": _stacked,
    "Split": _split, "Take": _taken, "Where": torch.where, "Einsum": _einsum, "Mean": _averaged, "Sum": partial(_reduced, torch.sum),
    "Max": partial(_reduced, torch.amax), "Min": partial(_reduced, torch.amin), "Any": partial(_reduced, torch.any),
    "All": partial(_reduced, torch.all), "Var": partial(_spread, torch.var), "Std": partial(_spread, torch.std),
    "Argmax": partial(_counted, torch.argmax), "Argmin": partial(_counted, torch.argmin), "Softmax": partial(_softmax, torch.softmax),
    "LogSoftmax": partial(_softmax, torch.log_softmax), "Gelu": _gelu, "LeakyRelu": F.leaky_relu, "Elu": F.elu, "Clip": _clipped,
    "Maximum": partial(_extreme, torch.maximum, "min"), "Minimum": partial(_extreme, torch.minimum, "max"), "Cast": _cast_to,
    "OneHot": _one_hot, "Pad": _padded, "ReLU": activations.relu,
}  # fmt: skip


def _keras_operation(entry: Config) -> Operation:
    """An operation of Keras's, through the table. Raises `Fact` for others, by name."""
    kind, config = entry["class_name"], dict(cast("Mapping[str, Any]", entry["config"]))
    function = _KERAS.get(kind)
    if function is None:
        raise Fact(
            f"Keras's operation {shown(kind)} of {shown(entry.get('module'))} is not supported in a config", suggestion(kind, _KERAS)
        )
    name = config.pop("name", kind)
    return Operation(str(name), partial(function, **config))


STAND_INS["keras.src.ops."] = _keras_operation
STAND_INS["keras.ops."] = _keras_operation
STAND_INS["keras.src.activations."] = _keras_operation  # `keras.activations.relu(x, max_value=6)`
