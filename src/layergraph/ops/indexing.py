"""Ops that choose elements: by index, by condition, by order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from layergraph.ops.convert import common_dtype, dtype_of, is_scalar, operands, promoted, tensor, tensors, to_dtype, untyped
from layergraph.ops.define import needs_values, op, refuse
from layergraph.ops.reductions import placed


@op
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`: ints, slices, `...`, None, tensors of indices, masks."""
    return tensor(x)[key]


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at `indices` along an axis, or of the flattened tensor; negative ones count from the end.

    (..., n, ...), (*k,) -> (..., *k, ...)

    >>> take(torch.tensor([[1, 2, 3], [4, 5, 6]]), [0, -1], axis=1)
    tensor([[1, 3],
            [4, 6]])
    """
    x = tensor(x)
    x, axis = (torch.flatten(x), 0) if axis is None else (x, axis)
    (dim,) = placed(axis, x.ndim)
    return x[(slice(None),) * dim + (indices if isinstance(indices, int) else tensor(indices, torch.int64, like=x),)]


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Along an axis, the elements at indices that differ from place to place, broadcast; axis None flattens `x`.

    (..., n, ...), (..., k, ...) -> (..., k, ...). Negative indices count from the end.
    """
    x, indices = tensor(x), tensor(indices, torch.int64, like=x)
    x, axis = (torch.flatten(x), 0) if axis is None else (x, axis)
    (dim,) = placed(axis, x.ndim)
    return torch.take_along_dim(x, torch.where(indices < 0, indices + x.size(dim), indices), dim)


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition is true, else `x2`, all broadcast; without them, the places where it is true, (axes, n).

    >>> where(torch.tensor([True, False]), 1.0, 0.0)
    tensor([1., 0.])
    """
    if (x1 is None) != (x2 is None):
        refuse("where", "takes both `x1` and `x2`, or neither", "ops.where(condition, x1, x2)")
    condition = tensor(condition, torch.bool, like=next((x for x in (x1, x2) if isinstance(x, torch.Tensor)), None))
    if x1 is None:
        needs_values("where", "how many places are true", "ops.where(condition, x1, x2)", condition)
        return torch.stack(torch.where(condition))
    if is_scalar(x1) and is_scalar(x2):
        kind = common_dtype(x1, x2)
        x1, x2 = (condition.new_full((), x, dtype=kind) for x in (x1, x2))
    x1, x2 = operands(x1, x2)
    return torch.where(condition, x1, x2)


@op
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each place the first choice whose condition is true, else `default`, all broadcast. [(...), ...], [(...), ...] -> (...)"""
    if len(condlist) != len(choicelist):
        refuse("select", f"needs as many choices as conditions, got {len(choicelist)} and {len(condlist)}")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


@op
def nonzero(x: Any) -> Any:
    """The places of what is not 0, as int32. (...) -> (axes, n). A symbol is refused, since n depends on values."""
    needs_values("nonzero", "how many elements are not 0", "ops.where(x != 0, x1, x2)", x)
    return torch.nonzero(tensor(x)).T.to(torch.int32)


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of `x1` is among those of `x2`, or with `invert` whether it is not. (...), (...) -> (...) of bools"""
    x1, x2 = promoted(*tensors(x1, x2))
    if dtype_of(x1) == torch.bool:
        x1, x2 = x1.to(torch.int32), x2.to(torch.int32)
    return torch.isin(x1, x2, assume_unique=assume_unique, invert=invert)


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where each value belongs in a rising vector: before its equals ("left") or behind them ("right"), as int32. (n,), (...) -> (...)"""
    sorted_sequence, values = promoted(*tensors(sorted_sequence, values))
    if sorted_sequence.ndim != 1:
        refuse("searchsorted", f"`sorted_sequence` must have 1 axis, got shape {tuple(sorted_sequence.shape)}")
    return torch.searchsorted(sorted_sequence, values, out_int32=True, side=side)


@op
def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Any, ...]:
    """The places in a tensor of `shape` of indices into it, flattened. (...) -> one (...) for each axis"""
    indices = tensor(indices)
    return tuple(to_dtype(each, dtype_of(indices)) for each in torch.unravel_index(indices, tuple(shape)))


# Order


@op
def sort(x: Any, axis: int | None = -1) -> Any:
    """In rising order along an axis, or of the flattened tensor. (...) -> (...)"""
    x = tensor(x)
    return torch.sort(torch.flatten(x), 0)[0] if axis is None else torch.sort(x, axis)[0]


@op
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The indices that put it into rising order along an axis, or flattened, equals in their order, as int32. (...) -> (...)"""
    x = tensor(x)
    x = x.to(torch.uint8) if dtype_of(x) == torch.bool else x
    x, axis = (torch.flatten(x), -1) if axis is None else (x, axis)
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


@op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Indices that put the `kth` smallest at its place, smaller ones before and larger ones behind it, as int32. (...) -> (...)

    They are those of `argsort`, which do so for every `kth`.
    """
    x = tensor(x)
    sizes = (torch.Size(x.shape).numel() if None not in x.shape else None) if axis is None else x.shape[axis]
    if sizes is not None and not -sizes <= kth < sizes:
        refuse("argpartition", f"`kth` must be an index of an axis of size {sizes}, got {kth}")
    return argsort(x, axis)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest along the last axis, and their int64 indices: (values, indices). (..., n) -> (..., k), (..., k)"""
    return torch.topk(tensor(x), k, sorted=sorted)


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements, or the distinct slices along an axis. (...) -> (n,); a symbol is refused, since n depends on values.

    Args:
        return_index: and the index of the first of each.
        return_inverse: and for each element the index of its value.
        return_counts: and how often each occurs.
        size: cut or filled up with `fill_value` (0 unless given) to this many; counts with 0, indices with 1.
    """
    needs_values("unique", "how many elements differ", "do this before the model", x)
    x = tensor(x)
    values, inverse, counts = untyped.unique(x, sorted=sorted, return_inverse=True, return_counts=True, dim=axis)
    dim = 0 if axis is None else placed(axis, x.ndim)[0]
    places = torch.arange(inverse.numel(), device=x.device)
    index = places.new_full((values.shape[dim],), inverse.numel()).scatter_reduce(0, inverse.flatten(), places, "amin")
    if size is not None:
        values = _fitted(values, dim, size, 0 if fill_value is None else fill_value)
        counts, index = _fitted(counts, 0, size, 0), _fitted(index, 0, size, 1)
    wanted = [values, *([index] if return_index else []), *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return tuple(wanted) if len(wanted) > 1 else values


def _fitted(x: Any, dim: int, size: int, fill: Any) -> Any:
    """An axis cut or filled up to a size: a negative padding cuts."""
    return F.pad(x, [*[0, 0] * (x.ndim - 1 - dim), 0, size - x.shape[dim]], value=fill)
