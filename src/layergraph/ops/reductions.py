"""Reductions: sums, means, extrema, their places, moments; and what runs along an axis: cumulative sums and products.

`axis` is an int, a tuple of ints, or None for all axes; `()` reduces nothing. (...) -> the shape without those axes, or with
`keepdims` with 1 in their places. Variances divide by N, as in numpy. The `nan*` ops leave nan out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from layergraph.config import DTypeLike, torch_dtype
from layergraph.ops.convert import dtype_of, floating, promoted, tensor, to_dtype, whole
from layergraph.ops.define import op, refuse

Axis: TypeAlias = "int | Sequence[int] | None"

_INTS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32)


def _dims(axis: Axis) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def _no_axes(axis: Axis) -> bool:
    return not isinstance(axis, int) and axis is not None and len(axis) == 0


def _reduced(function: Callable[..., Any], x: Any, axis: Axis, keepdims: bool, **words: Any) -> Any:
    """`function` over axes; without arguments that say what it does anyway."""
    dims = _dims(axis)
    args = (dims, True) if keepdims else () if dims is None else (dims,)
    return function(x, *args, **words)


def _sum_words(x: Any) -> dict[str, Any]:
    """Sums of small ints are int32, where torch gives int64."""
    return {"dtype": torch.int32} if dtype_of(x) in _INTS else {}


@op
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over axes; bools and small ints give int32.

    >>> sum(torch.ones(2, 3, dtype=torch.int8), axis=1)
    tensor([3, 3], dtype=torch.int32)
    """
    x = tensor(x)
    return x if _no_axes(axis) else _reduced(torch.sum, x, axis, keepdims, **_sum_words(x))


@op
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over axes; ints give floats."""
    x = floating(x)
    return x if _no_axes(axis) else _reduced(torch.mean, x, axis, keepdims)


@op
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike = None) -> Any:
    """The product over axes, in `dtype` where one is given; bools and small ints give int32."""
    x = tensor(x)
    words = _sum_words(x) if dtype is None else {"dtype": torch_dtype(dtype)}
    if axis is None and not keepdims:
        return torch.prod(x, **words)
    return _one_by_one(torch.prod, x, axis, keepdims, **words)


def _one_by_one(function: Callable[..., Any], x: Any, axis: Axis, keepdims: bool, **words: Any) -> Any:
    """Over several axes with a function that takes one."""
    for dim in reversed(placed(axis, x.ndim)):
        x = function(x, dim, keepdims, **words)
    return x


def placed(axis: Axis, ndim: int) -> list[int]:
    """Axes counted from the front, in order; raises IndexError where there is no such axis."""
    axes = range(ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    for each in axes:
        if not -ndim <= each < ndim:
            raise IndexError(f"axis {each} is out of range for {ndim} axes")
    return sorted(each % ndim for each in axes)


@op
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest over axes, at least `initial`, which is also that of an empty tensor."""
    return _extreme(torch.amax, torch.maximum, x, axis, keepdims, initial)


@op
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest over axes, at most `initial`, which is also that of an empty tensor."""
    return _extreme(torch.amin, torch.minimum, x, axis, keepdims, initial)


def _extreme(function: Callable[..., Any], pair: Callable[..., Any], x: Any, axis: Axis, keepdims: bool, initial: Any) -> Any:
    x = tensor(x)
    if initial is None:
        return x if _no_axes(axis) else _reduced(function, x, axis, keepdims)
    start = tensor(initial, dtype_of(x), like=x)
    if 0 in x.shape:
        return torch.where(_reduced(torch.any, x, axis, keepdims), start, start)
    return pair(x if _no_axes(axis) else _reduced(function, x, axis, keepdims), start)


@op
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest over axes."""
    return _extreme(torch.amax, torch.maximum, x, axis, keepdims, None)


@op
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest over axes."""
    return _extreme(torch.amin, torch.minimum, x, axis, keepdims, None)


@op
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest less the smallest over axes."""
    x = tensor(x)
    return torch.zeros_like(x) if _no_axes(axis) else _reduced(torch.amax, x, axis, keepdims) - _reduced(torch.amin, x, axis, keepdims)


@op
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any is true (or not 0) over axes."""
    return to_dtype(_reduced(torch.any, tensor(x), axis, keepdims), torch.bool)


@op
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all are true (or not 0) over axes."""
    return to_dtype(_reduced(torch.all, tensor(x), axis, keepdims), torch.bool)


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the largest along an axis, or in the flattened tensor, as int32."""
    return _reduced(torch.argmax, _orderable(x), axis, keepdims).to(torch.int32)


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the smallest along an axis, or in the flattened tensor, as int32."""
    return _reduced(torch.argmin, _orderable(x), axis, keepdims).to(torch.int32)


def _orderable(x: Any) -> Any:
    x = tensor(x)
    return x.to(torch.uint8) if dtype_of(x) == torch.bool else x


@op
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many are not 0 over axes, as int32."""
    x = tensor(x)
    return (x != 0).to(torch.int32) if _no_axes(axis) else _reduced(torch.count_nonzero, x, axis, False).to(torch.int32)


@op
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance over axes, divided by N; torch's own default is N - 1. Ints give floats."""
    x = floating(x)
    return torch.zeros_like(x) if _no_axes(axis) else torch.var(x, _dims(axis), correction=0, keepdim=keepdims)


@op
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The standard deviation over axes: the square root of `var`."""
    x = floating(x)
    return torch.zeros_like(x) if _no_axes(axis) else torch.std(x, _dims(axis), correction=0, keepdim=keepdims)


@op
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """The mean over axes, weighted by `weights`: of the shape of `x`, or (n,) along the one `axis`.

    >>> average([1.0, 3.0], weights=[3, 1])
    tensor(1.5000)
    """
    if weights is None:
        return mean(x, axis)
    x, weights = promoted(floating(x), weights)
    if weights.ndim == 1 and x.ndim > 1:
        if not isinstance(axis, int):
            refuse("average", f"weights of one axis need `axis` to say which axis of {tuple(x.shape)} they belong to", "axis=-1")
        weights = weights.reshape([-1 if dim == axis % x.ndim else 1 for dim in range(x.ndim)])
    return _reduced(torch.sum, x * weights, axis, False) / _reduced(torch.sum, weights.expand_as(x), axis, False)


# Without nan


@op
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`sum`, with 0 for nan."""
    x = tensor(x)
    return torch.nan_to_num(x) if _no_axes(axis) else _reduced(torch.nansum, x, axis, keepdims, **_sum_words(x))


@op
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`mean` of what is not nan; nan where all are."""
    x = floating(x)
    return x if _no_axes(axis) else _reduced(torch.nanmean, x, axis, keepdims)


@op
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`prod`, with 1 for nan."""
    return prod(_filled(x, 1.0), axis, keepdims)


@op
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`max` of what is not nan; nan where all are."""
    return _nan_where_all_are(x, amax(_filled(x, float("-inf")), axis, keepdims), float("nan"), axis, keepdims)


@op
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`min` of what is not nan; nan where all are."""
    return _nan_where_all_are(x, amin(_filled(x, float("inf")), axis, keepdims), float("nan"), axis, keepdims)


@op
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """`argmax` of what is not nan; -1 where all are."""
    return _nan_where_all_are(x, argmax(_filled(x, float("-inf")), axis, keepdims), -1, axis, keepdims)


@op
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """`argmin` of what is not nan; -1 where all are."""
    return _nan_where_all_are(x, argmin(_filled(x, float("inf")), axis, keepdims), -1, axis, keepdims)


def _filled(x: Any, value: float) -> Any:
    """`x` with `value` for nan."""
    x = tensor(x)
    return torch.where(torch.isnan(x), value, x) if dtype_of(x).is_floating_point else x


def _nan_where_all_are(x: Any, result: Any, value: float, axis: Axis, keepdims: bool) -> Any:
    x = tensor(x)
    if not dtype_of(x).is_floating_point:
        return result
    return torch.where(_reduced(torch.all, torch.isnan(x), axis, keepdims), value, result)


@op
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`var` of what is not nan; nan where all are."""
    x = floating(x)
    if _no_axes(axis):
        return torch.where(torch.isnan(x), x, 0)
    off = x - _reduced(torch.nanmean, x, axis, True)
    return _reduced(torch.nanmean, off * off, axis, keepdims)


@op
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`std` of what is not nan; nan where all are."""
    return torch.sqrt(nanvar(x, axis, keepdims))


# Along an axis


@op
def cumsum(x: Any, axis: int | None = None, dtype: DTypeLike = None) -> Any:
    """Sums of all up to each along an axis, or of the flattened tensor; ints keep their dtype, bools give int32."""
    return _cumulative(torch.cumsum, x, axis, dtype)


@op
def cumprod(x: Any, axis: int | None = None, dtype: DTypeLike = None) -> Any:
    """Products of all up to each along an axis, or of the flattened tensor; ints keep their dtype, bools give int32."""
    return _cumulative(torch.cumprod, x, axis, dtype)


@op
def nancumsum(x: Any, axis: int | None = None, dtype: DTypeLike = None) -> Any:
    """`cumsum`, with 0 for nan."""
    return _cumulative(torch.cumsum, _filled(x, 0.0), axis, dtype)


@op
def nancumprod(x: Any, axis: int | None = None, dtype: DTypeLike = None) -> Any:
    """`cumprod`, with 1 for nan."""
    return _cumulative(torch.cumprod, _filled(x, 1.0), axis, dtype)


def _cumulative(function: Callable[..., Any], x: Any, axis: int | None, dtype: DTypeLike) -> Any:
    x = whole(x)
    kept = dtype_of(x) if dtype is None else torch_dtype(dtype)
    words = {} if kept == dtype_of(x) and kept.is_floating_point else {"dtype": kept}
    return function(x.flatten(), 0, **words) if axis is None else function(x, axis, **words)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Each less the one before it along an axis, `n` times. (..., k, ...) -> (..., k - n, ...)"""
    return torch.diff(tensor(a), n, axis)


@op
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of `y` along an axis by the trapezoidal rule, at the places `x`, or at steps `dx`."""
    y = tensor(y)
    y = floating(y) if dtype_of(y) == torch.bool else y
    return torch.trapezoid(y, dx=dx, dim=axis) if x is None else torch.trapezoid(y, tensor(x, like=y), dim=axis)
