"""Whether data fit a model's Inputs: rank, shape and dtype, seen before anything runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import DataError, describe
from ...graph.spec import TensorSpec
from ...graph.symbolic import SymbolicTensor
from ...kinds import is_list
from .inputs import Inputs

Shape = tuple[int | None, ...]

_MOVED: dict[tuple[int, ...], str] = {(1, 2, 0): "the model wants channels last", (2, 0, 1): "the model wants channels first"}


def check_inputs(module: nn.Module, inputs: Inputs, xs: Sequence[Tensor], who: str) -> None:
    """Raises for the first tensor that does not fit its Input; a module without Inputs, or one that learns its shape, takes anything.

    Raises:
        DataError: which input, what came, what was wanted, and what to type.
    """
    symbols = getattr(module, "inputs", None)
    if not inputs.exact or not is_list(symbols) or len(symbols) != len(xs) or getattr(module, "_shape_learnt", False):
        return
    for name, symbol, x in zip(inputs.names, symbols, xs, strict=True):
        if isinstance(symbol, SymbolicTensor):
            where = "x" if len(xs) == 1 else name
            details = [f"the Input was made at {describe(symbol.node.place)}"]
            if not _fits(tuple(x.shape), symbol.spec.shape):
                what = f"{who}: input {name!r} wants shape {symbol.spec.shape}, but its data has shape {tuple(x.shape)}"
                raise DataError(what, _reshaped(tuple(x.shape), symbol.spec.shape, where), details=details)
            wrong = _wrong_dtype(x, symbol.spec)
            if wrong:
                raise DataError(f"{who}: input {name!r} wants {wrong[0]}", wrong[1].format(x=where), details=details)


def fixed_batch_size(module: nn.Module) -> int | None:
    """The batch size that an Input of the module has of its own."""
    symbols = getattr(module, "inputs", None)
    sizes = [s.spec.shape[0] for s in symbols if isinstance(s, SymbolicTensor) and s.spec.ndim] if is_list(symbols) else []
    return next((size for size in sizes if size is not None), None)


def check_batch_size(fixed: int, length: int, batch_size: int) -> None:
    """Raises where the batches, or the last of them, have another size than an Input of the module."""
    if batch_size != fixed or length % fixed:
        rest = f", the last of {length % batch_size}" if length % batch_size else ""
        raise DataError(
            f"the Input has a batch size of {fixed}, but the {length} samples come in batches of {batch_size}{rest}",
            f"batch_size={fixed}" + (f", and {length - length % fixed} samples" if length % fixed else ""),
        )


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Whether a model takes this shape: a last axis of size 1 may be there or not, and the number of samples is another's affair."""
    if len(shape) == len(wanted) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        shape = (*shape, 1)
    return len(shape) == len(wanted) and _same(shape[1:], wanted[1:])


def _same(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(want is None or want == got for got, want in zip(shape, wanted, strict=True))


def _reshaped(shape: tuple[int, ...], wanted: Shape, x: str) -> str | None:
    """What to type so that data of this shape fit, if there is something."""
    sample, inner = shape[1:], wanted[1:]
    if _same(shape, inner):
        return f"add the axis of the samples: {x}[None]"
    if len(shape) == 2 and len(wanted) == 2 and shape[0] == inner[0]:
        return f"samples come first: {x}.T"
    if len(sample) == len(inner) and len(sample) > 1:
        for axes in itertools.permutations(range(len(sample))):
            if _same(tuple(sample[a] for a in axes), inner):
                order = ", ".join(str(a) for a in (0, *(a + 1 for a in axes)))
                return f"{_MOVED.get(axes, 'the axes have another order')}: {x}.transpose({order}), of a tensor {x}.permute({order})"
    if len(sample) == len(inner) - 1:
        for axis in range(len(inner)):
            if _same((*sample[:axis], 1, *sample[axis:]), inner):
                index = ", ".join(":" for _ in range(axis + 1))
                return f"add a channel axis: {x}[{index}, None]"
        last = wanted[-1]
        if not sample:
            return f"one column for each class, if these are labels: to_categorical({x}, {last})"
        if _same(sample, wanted[1:-1]):
            return f"the model wants {last} channels, and there are none: np.repeat({x}[..., None], {last}, -1)"
    known = [size for size in inner if size is not None]
    if len(known) == len(inner) and math.prod(known) == math.prod(sample):
        return f"{x}.reshape({', '.join(map(str, (-1, *known)))})"
    if len(sample) == len(inner) and _same(sample[:-1], inner[:-1]):
        return f"Input(shape={sample}), if the model is to take {shape[-1]} values on the last axis"
    return None


def _wrong_dtype(x: Tensor, spec: TensorSpec) -> tuple[str, str] | None:
    """(what was wanted and what came, what to type) where numbers would be lost."""
    name = str(x.dtype).removeprefix("torch.")
    kind = str(spec.dtype).removeprefix("torch.")
    if x.is_complex() and not spec.dtype.is_complex:
        return f"{kind}, but its data is {name}", "{x}.real, or abs({x})"
    if x.is_floating_point() and not spec.dtype.is_floating_point and not spec.dtype.is_complex and spec.dtype is not torch.bool:
        bad: Any = x[x.frac() != 0] if x.numel() else x
        if bad.numel():
            return (
                f"{kind}, but its data is {name} with values such as {float(bad[0]):g}",
                "encode it as integers first; {x}.round() where these are rounding errors",
            )
    return None
