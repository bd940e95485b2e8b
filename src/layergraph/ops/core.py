"""Ops about tensors themselves: conversion, shape and dtype, slices and scattered places."""

from __future__ import annotations

import builtins
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph import config
from layergraph.config import DTypeLike
from layergraph.nn.scattering import scatter_places, update_slice
from layergraph.ops.convert import dtype_of, tensor
from layergraph.ops.convert import is_tensor as is_tensor_or_symbol
from layergraph.ops.define import op, refuse


@op
def convert_to_tensor(x: Any, dtype: DTypeLike = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as a tensor: an int is int32, a float `floatx()`, an array keeps its dtype, a tensor or symbol is itself."""
    if sparse or ragged:
        refuse("convert_to_tensor", "torch has dense tensors here, no sparse or ragged ones", "leave sparse and ragged out")
    return tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """A tensor, or a list of tensors, as a new array; bfloat16, which numpy lacks, as float32. Raises `SymbolicError` for a symbol."""
    if isinstance(x, list | tuple):
        return np.array([convert_to_numpy(item) for item in typing.cast("Sequence[Any]", x)])
    if isinstance(x, Tensor):
        x = x.detach().cpu()
        x = (x.float() if x.dtype == torch.bfloat16 else x).numpy()
    return np.array(x)


def is_tensor(x: object) -> bool:
    """Whether `x` is a torch tensor; a symbol is none, as in Keras."""
    return isinstance(x, Tensor)


def shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of a tensor, symbol or array as a tuple, None where a symbol's size is known at run time only."""
    return tuple(x.shape if hasattr(x, "shape") else tensor(x).shape)


def dtype(x: Any) -> str:
    """Keras's name of the dtype of a tensor, symbol or array.

    >>> dtype(torch.ones(2, dtype=torch.bfloat16))
    'bfloat16'
    """
    return config.standardize_dtype(x.dtype)


@op
def cast(x: Any, dtype: DTypeLike) -> Any:
    """`x` in another dtype."""
    return tensor(x, config.torch_dtype(dtype))


@op
def saturate_cast(x: Any, dtype: DTypeLike) -> Any:
    """`x` in another dtype, clipped to the values that the dtype has.

    The largest float below the limit of an int is kept; Keras 3.15 on torch gives the least int for it.

    >>> saturate_cast([-1.0, 3.5, 300.0], "uint8")
    tensor([  0,   3, 255], dtype=torch.uint8)
    """
    x, wanted = tensor(x), config.torch_dtype(dtype)
    (low, high), (least, most) = _limits(dtype_of(x)), _limits(wanted)
    clipped = torch.clamp(x, _within(max(low, least), dtype_of(x), wanted), _within(min(high, most), dtype_of(x), wanted))
    return clipped.to(wanted)


def _limits(dtype: torch.dtype) -> tuple[float, float]:
    if dtype == torch.bool:
        return 0, 1
    info = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return info.min, info.max


def _within(limit: float, dtype: torch.dtype, wanted: torch.dtype) -> float:
    """The limit as a value of `dtype`: a float that rounds away from 0, out of the range of an int, is taken one step nearer."""
    if not dtype.is_floating_point or wanted.is_floating_point:
        return limit
    value = torch.tensor(limit, dtype=dtype)
    if abs(int(value.item())) > abs(limit):
        value = torch.nextafter(value, torch.zeros((), dtype=dtype))
    return value.item()


@op
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient flows: torch's `detach`. (...) -> (...)"""
    return torch.detach(tensor(variable))


@op
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The part of `inputs` that begins at `start_indices` and has sizes `shape`; the starts may be a tensor or symbol, (n,).

    >>> slice(torch.arange(12).reshape(3, 4), [1, 1], [2, 2])
    tensor([[ 5,  6],
            [ 9, 10]])
    """
    inputs = tensor(inputs)
    starts = _starts(start_indices)
    if not is_tensor_or_symbol(starts):
        return inputs[tuple(builtins.slice(start, start + int(size)) for start, size in zip(starts, shape, strict=True))]
    for axis, size in enumerate(shape):
        inputs = torch.index_select(inputs, axis, starts[axis] + torch.arange(int(size), device=_device(starts)))
    return inputs


def _starts(start_indices: Any) -> Any:
    """A list of ints, or a tensor or symbol where one is among them."""
    if is_tensor_or_symbol(start_indices) or any(is_tensor_or_symbol(start) for start in start_indices):
        return tensor(start_indices, "int64")
    return [int(start) for start in start_indices]


def _device(x: Any) -> torch.device | None:
    return x.device if isinstance(x, Tensor) else None


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A copy of `inputs` with `updates` written at `start_indices`, an index for each axis: ints, or a tensor or symbol, (n,)."""
    inputs = tensor(inputs)
    return update_slice(inputs, _starts(start_indices), tensor(updates, like=inputs))


@op
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of `shape` with values added at places: indices (N, k), values (N, ...) -> shape.

    >>> scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,))
    tensor([1., 0., 5., 0.])
    """
    values = tensor(values)
    indices = tensor(indices, "int64", like=values)
    zeros = torch.zeros(tuple(shape), dtype=dtype_of(values), device=_device(values))
    return torch.index_put(zeros, indices.unbind(-1), values, accumulate=True)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """A copy of `inputs` with `updates` written at places: inputs (s1, ..., sn), indices (N, k), updates (N, sk+1, ..., sn).

    `reduction` folds them in instead: 'add', 'max', 'min' or 'mul'. Of two updates of one place without it, either may stay.
    """
    inputs = tensor(inputs)
    indices, updates = tensor(indices, "int64", like=inputs), tensor(updates, dtype_of(inputs), like=inputs)
    folds = {"max": "amax", "min": "amin", "mul": "prod"}
    reduction = reduction.lower() if reduction else None
    if reduction in folds:
        return scatter_places(inputs, indices, updates, folds[reduction])
    if reduction not in (None, "add"):
        refuse("scatter_update", f"reduction is None, 'add', 'max', 'min' or 'mul', got {reduction!r}")
    return torch.index_put(inputs, indices.unbind(-1), updates, accumulate=reduction == "add")


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> tuple[Any, ...]:
    """The slices of `x` along `axis`, without it; of a size known only at run time, give `num`.

    >>> unstack(torch.tensor([[1, 2], [3, 4]]), axis=1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    x = tensor(x)
    size = x.shape[axis]
    if num is not None and size not in (None, num):
        refuse("unstack", f"axis {axis} of {tuple(x.shape)} has {size} slices, not {num}")
    if size is None and num is None:
        refuse("unstack", f"the size of axis {axis} of {x.shape} is known only at run time", "give num=")
    return tuple(x.unbind(axis)) if num is None or size is not None else tuple(x.select(axis, index) for index in range(num))
