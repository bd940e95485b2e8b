"""Ops on shapes: axes moved, added, split and joined, diagonals, padding. Values stay what they are.

Where a size is given, None stands for one that is known only when the model runs, as `x.shape` of a symbol shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor

from layergraph.ops.convert import dtype_of, is_scalar, is_tensor, promoted, tensor, tensors, to_dtype, untyped
from layergraph.ops.creation import Size
from layergraph.ops.define import op, refuse
from layergraph.ops.reductions import Axis, placed

Sections: TypeAlias = "int | Sequence[int] | Tensor"


def _sizes(shape: Any) -> tuple[Any, ...]:
    """A shape as torch takes it: -1 for None."""
    given: Any = cast("Any", shape).tolist() if isinstance(shape, Tensor) else shape
    sizes: list[Any] = list(cast("Any", given)) if isinstance(given, list | tuple) else [given]
    return tuple(-1 if size is None else size for size in sizes)


@op
def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape, in which one size may be -1 or None. (...) -> newshape

    >>> reshape(torch.ones(2, 6), (-1, 3)).shape
    torch.Size([4, 3])
    """
    return torch.reshape(tensor(x), _sizes(newshape))


@op
def ravel(x: Any) -> Any:
    """All elements along one axis. (...) -> (n,)"""
    return torch.ravel(tensor(x))


@op
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in the order `axes`, or all of them reversed, the batch axis too. (...) -> (...)"""
    x = tensor(x)
    return torch.permute(x, tuple(reversed(range(x.ndim))) if axes is None else tuple(axes))


@op
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Axes moved from `source` to `destination`, the others in their order. (...) -> (...)"""
    source, destination = (each if isinstance(each, int) else tuple(each) for each in (source, destination))
    return untyped.moveaxis(tensor(x), source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes in each other's place. (...) -> (...)"""
    return torch.swapaxes(tensor(x), axis1, axis2)


@op
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Axes of size 1 where `axis` says, counted in the result. (...) -> (..., 1, ...)"""
    x = tensor(x)
    added = [axis] if isinstance(axis, int) else axis
    for each in placed(added, x.ndim + len(added)):
        x = torch.unsqueeze(x, each)
    return x


@op
def squeeze(x: Any, axis: Axis = None) -> Any:
    """Without the axes of size 1 at `axis`, or all of them (of a symbol: those whose size is known). (..., 1, ...) -> (...)

    Raises where `axis` names an axis of another size, which torch leaves alone.
    """
    x = tensor(x)
    axes = [dim for dim, size in enumerate(x.shape) if size == 1] if axis is None else placed(axis, x.ndim)
    for dim in axes:
        if x.shape[dim] not in (1, None):
            refuse("squeeze", f"axis {dim} has size {x.shape[dim]}, and only an axis of size 1 can go; the shape is {tuple(x.shape)}")
    return torch.squeeze(x, tuple(axes)) if axes else x


@op
def flip(x: Any, axis: Axis = None) -> Any:
    """The order reversed along axes, or along all. (...) -> (...)"""
    x = tensor(x)
    return torch.flip(x, placed(axis, x.ndim))


@op
def fliplr(x: Any) -> Any:
    """The order reversed along axis 1. (n, m, ...) -> (n, m, ...)"""
    return torch.fliplr(tensor(x))


@op
def flipud(x: Any) -> Any:
    """The order reversed along axis 0. (n, ...) -> (n, ...)"""
    return torch.flipud(tensor(x))


@op
def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Turned by 90 degrees `k` times, from the first of `axes` towards the second. (n, m, ...) -> (m, n, ...)"""
    return torch.rot90(tensor(array), k, tuple(axes))


@op
def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Shifted along axes, or as one row; what leaves at the end comes in at the front. (...) -> (...)"""
    shifts: Any = shift if is_scalar(shift) else tuple(cast("Sequence[int]", shift))
    return torch.roll(tensor(x), shifts) if axis is None else torch.roll(tensor(x), shifts, axis if isinstance(axis, int) else tuple(axis))


@op
def broadcast_to(x: Any, shape: Size) -> Any:
    """Repeated, without a copy, along axes that are missing or of size 1. (...) -> shape; None keeps the size that is there."""
    return torch.broadcast_to(tensor(x), _sizes(shape))


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element `repeats` times along an axis, or of the flattened tensor: a number, or one for each. (..., n, ...) -> (..., m, ...)

    >>> repeat([1, 2], 2), repeat([1, 2], [1, 3])
    (tensor([1, 1, 2, 2], dtype=torch.int32), tensor([1, 2, 2, 2], dtype=torch.int32))
    """
    x = tensor(x)
    x, axis = (torch.flatten(x), 0) if axis is None else (x, axis)
    if isinstance(repeats, list | tuple):
        counts = [int(each) for each in cast("list[Any]", repeats)]
        if len(counts) > 1:
            return torch.repeat_interleave(x, tensor(counts, like=x), axis, output_size=sum(counts))
        repeats = counts[0]
    elif not is_scalar(repeats):
        repeats = tensor(repeats, like=x)
    return torch.repeat_interleave(x, repeats, axis)


@op
def tile(x: Any, repeats: Any) -> Any:
    """The whole tensor, repeated along each axis; of too few numbers, they are those of the last axes. (n, ...) -> (n * r, ...)"""
    return torch.tile(tensor(x), _sizes(repeats))


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """More elements at both ends of the axes. (n, ...) -> (before + n + after, ...)

    Args:
        pad_width: a number, (before, after) for all axes, or such a pair for each axis, from the first.
        mode: "constant" adds `constant_values` (0 unless given), "edge" repeats the last element, "reflect" mirrors without it,
            "symmetric" with it, "wrap" goes on from the other end. Of these, none adds more than there is.
    """
    x = tensor(x)
    pairs = _pairs(pad_width, x.ndim)
    if mode == "constant":
        flat = [each for pair in reversed(pairs) for each in pair]
        return torch.constant_pad_nd(x, flat, 0 if constant_values is None else constant_values)
    if constant_values is not None:
        refuse("pad", f"`constant_values` belongs to mode 'constant', and `mode` is {mode!r}")
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        refuse("pad", f"`mode` must be 'constant', 'edge', 'reflect', 'symmetric' or 'wrap', got {mode!r}")
    for dim, (before, after) in enumerate(pairs):
        x = _prolonged(x, dim, before, after, mode)
    return x


def _pairs(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    given: list[Any] = [pad_width] if isinstance(pad_width, int) else list(pad_width)
    if len(given) == 2 and all(isinstance(each, int) for each in given):
        given = [given]
    given = given * ndim if len(given) == 1 else given
    if len(given) != ndim:
        refuse("pad", f"`pad_width` must have a pair for each of {ndim} axes, got {pad_width!r}", "pad_width=((before, after), ...)")
    return [(each, each) if isinstance(each, int) else tuple(each) if len(each) == 2 else (each[0], each[0]) for each in given]


def _prolonged(x: Any, dim: int, before: int, after: int, mode: str) -> Any:
    """An axis with parts of itself at its ends."""
    if not before and not after:
        return x
    size, off = x.shape[dim], int(mode == "reflect")
    if size is not None and mode != "edge" and max(before, after) > size - off:
        refuse("pad", f"mode {mode!r} cannot add {max(before, after)} elements to an axis of {size}", "use mode='constant' or 'edge'")

    def part(start: int | None, stop: int | None) -> Any:
        return x[(slice(None),) * dim + (slice(start, stop),)]

    if mode == "edge":
        ends = part(None, 1), part(-1, None)
        front, back = (torch.repeat_interleave(end, count, dim) for end, count in zip(ends, (before, after), strict=True))
    elif mode == "wrap":
        front, back = part(-before, None), part(None, after)
    else:
        front, back = torch.flip(part(off, off + before), [dim]), torch.flip(part(-off - after, -off or None), [dim])
    return torch.cat([*([front] if before else []), x, *([back] if after else [])], dim)


# Splitting and joining


@op
def split(x: Any, indices_or_sections: Sections, axis: int = 0) -> list[Any]:
    """Parts along an axis: so many equal ones, or cut at indices (torch.split takes sizes). (n, ...) -> [(k, ...), ...]

    >>> [part.tolist() for part in split([1, 2, 3, 4], [1, 3])]
    [[1], [2, 3], [4]]
    """
    return _parts("split", x, indices_or_sections, axis)


@op
def array_split(x: Any, indices_or_sections: Sections, axis: int = 0) -> list[Any]:
    """`split`, where the first parts may be one longer than the others."""
    return list(torch.tensor_split(tensor(x), _cuts(indices_or_sections), axis))


@op
def vsplit(x: Any, indices_or_sections: Sections) -> list[Any]:
    """`split` along axis 0, of at least 2 axes."""
    return _parts("vsplit", x, indices_or_sections, 0, least=2)


@op
def hsplit(x: Any, indices_or_sections: Sections) -> list[Any]:
    """`split` along axis 1, or along the only one."""
    x = tensor(x)
    return _parts("hsplit", x, indices_or_sections, 0 if x.ndim == 1 else 1)


@op
def dsplit(x: Any, indices_or_sections: Sections) -> list[Any]:
    """`split` along axis 2, of at least 3 axes."""
    return _parts("dsplit", x, indices_or_sections, 2, least=3)


def _cuts(indices_or_sections: Sections) -> Any:
    if isinstance(indices_or_sections, int):
        return indices_or_sections
    return tuple(int(each) for each in cast("Sequence[Any]", indices_or_sections))


def _parts(name: str, x: Any, indices_or_sections: Sections, axis: int, least: int = 1) -> list[Any]:
    x, cuts = tensor(x), _cuts(indices_or_sections)
    if x.ndim < least:
        refuse(name, f"takes at least {least} axes, got shape {tuple(x.shape)}")
    (dim,) = placed(axis, x.ndim)
    if isinstance(cuts, int) and (cuts < 1 or (x.shape[dim] is not None and x.shape[dim] % cuts)):
        refuse(name, f"axis {dim} of size {x.shape[dim]} does not part into {cuts} equal sections", "ops.array_split takes any number")
    return list(torch.tensor_split(x, cuts, dim))


@op
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Joined along an axis that is there; dtypes promote. [(n, ...), (m, ...)] -> (n + m, ...)"""
    return torch.cat(promoted(*tensors(*xs)), axis)


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`x2` behind `x1` along an axis, or both flattened. (n, ...), (m, ...) -> (n + m, ...)"""
    x1, x2 = promoted(*tensors(x1, x2))
    return torch.cat([torch.flatten(x1), torch.flatten(x2)], 0) if axis is None else torch.cat([x1, x2], axis)


@op
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Joined along a new axis; dtypes promote. [(...), (...)] -> (2, ...)"""
    return torch.stack(promoted(*tensors(*x)), axis)


@op
def vstack(xs: Sequence[Any]) -> Any:
    """Joined along axis 0; vectors become rows. [(n, m), (k, m)] -> (n + k, m)"""
    return torch.vstack(promoted(*tensors(*xs)))


@op
def hstack(xs: Sequence[Any]) -> Any:
    """Joined along axis 1, vectors along their only one. [(n, m), (n, k)] -> (n, m + k)"""
    return torch.hstack(promoted(*tensors(*xs)))


@op
def dstack(xs: Sequence[Any]) -> Any:
    """Joined along axis 2, which is added where it is missing. [(n, m), (n, m)] -> (n, m, 2)"""
    return torch.dstack(promoted(*tensors(*xs)))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> tuple[Any, ...]:
    """The coordinates of a grid over vectors. (n,), (m,) -> (m, n), (m, n), or (n, m), (n, m) with `indexing="ij"`"""
    return untyped.meshgrid(tensors(*x), indexing=indexing)


# Diagonals


@op
def diag(x: Any, k: int = 0) -> Any:
    """The `k`-th diagonal of a matrix, or the matrix with that diagonal. (n, m) -> (d,), (n,) -> (n + |k|, n + |k|)"""
    return torch.diag(tensor(x), k)


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix whose `k`-th diagonal is the flattened tensor. (...) -> (n + |k|, n + |k|)"""
    return torch.diagflat(tensor(x), k)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal over two axes, as the last one. (n, m, ...) -> (..., d)"""
    return torch.diagonal(tensor(x), offset, axis1, axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal over two axes; small ints give int32. (n, m, ...) -> (...)"""
    x = tensor(x)
    kind = dtype_of(x)
    narrow = kind in (torch.bool, torch.uint8, torch.int8, torch.int16)
    return torch.sum(torch.diagonal(x, offset, axis1, axis2), -1, dtype=torch.int32 if narrow else kind)


@op
def tril(x: Any, k: int = 0) -> Any:
    """With zeros above the `k`-th diagonal of the last two axes. (..., n, m) -> (..., n, m)"""
    return torch.tril(tensor(x), k)


@op
def triu(x: Any, k: int = 0) -> Any:
    """With zeros below the `k`-th diagonal of the last two axes. (..., n, m) -> (..., n, m)"""
    return torch.triu(tensor(x), k)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element, the highest first unless `increasing`. (n,) -> (n, N), and N is n unless given."""
    x = tensor(x)
    return to_dtype(torch.vander(x, N, increasing), dtype_of(x))


# Facts


@op
def ndim(x: Any) -> int:
    """The number of axes."""
    return x.ndim if is_tensor(x) else tensor(x).ndim


@op
def size(x: Any) -> Any:
    """The number of elements, as an int64 tensor without axes."""
    x = tensor(x)
    count: Any = math.prod(x.size())
    return tensor(count, torch.int64)
