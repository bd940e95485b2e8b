"""Rows gathered into segments, and places written into a copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from layergraph.nn.whole import whole

_HALVES = (torch.float16, torch.bfloat16)


@whole
def segment_reduce(x: Tensor, segments: Tensor, count: int, reduce: str) -> Tensor:
    """Rows with the same segment as one: (N, ...) and (N,) -> (count, ...). A row whose segment is none of the `count` is left out.

    `reduce` is that of `Tensor.scatter_reduce`. A segment without rows is 0 for `sum`, 1 for `prod`, and the lowest or highest
    value of the dtype for `amax` and `amin`. `torch.segment_reduce` wants sorted rows, and lengths instead of segments.
    """
    values = x.float() if x.dtype in _HALVES else x
    rows = torch.where((segments >= 0) & (segments < count), segments, count).long()
    out = values.new_full((count + 1, *x.shape[1:]), _start(values.dtype, reduce))
    index = rows.reshape(-1, *(1,) * (x.ndim - 1)).expand_as(x)
    return out.scatter_reduce(0, index, values, reduce)[:count].to(x.dtype)


def _start(dtype: torch.dtype, reduce: str) -> float:
    if reduce in ("sum", "prod"):
        return int(reduce == "prod")
    if dtype.is_floating_point:
        return float("-inf") if reduce == "amax" else float("inf")
    return torch.iinfo(dtype).min if reduce == "amax" else torch.iinfo(dtype).max


@whole
def scatter_places(x: Tensor, indices: Tensor, updates: Tensor, reduce: str) -> Tensor:
    """`x` with updates folded in at places that may repeat: `Tensor.index_put` with `reduce` for each of them.

    (s1, ..., sn), indices (N, k), updates (N, sk+1, ..., sn) -> (s1, ..., sn)
    """
    k = indices.shape[-1]
    lead, rest = x.shape[:k], x.shape[k:]
    rows = x.reshape(-1, *rest)
    places = torch.arange(rows.shape[0], device=x.device).reshape(lead)[indices.long().unbind(-1)]
    index = places.reshape(-1, *(1,) * len(rest)).expand(-1, *rest)
    return rows.scatter_reduce(0, index, updates.expand(index.shape), reduce).reshape(x.shape)


@whole
def update_slice(x: Tensor, starts: Sequence[int] | Tensor, updates: Tensor) -> Tensor:
    """A copy of `x` with `updates` written at `starts`, an index for each axis."""
    if isinstance(starts, Tensor):
        grid = [start + torch.arange(size, device=x.device) for start, size in zip(starts.long().unbind(), updates.shape, strict=True)]
        return x.index_put(torch.meshgrid(*grid, indexing="ij"), updates.to(x.dtype))
    out = x.clone()
    out[tuple(slice(start, start + size) for start, size in zip(starts, updates.shape, strict=True))] = updates
    return out


@whole
def overlap_add(x: Tensor, stride: int) -> Tensor:
    """Frames laid `stride` apart and added up: (..., N, length) -> (..., stride * (N - 1) + length)."""
    count, length = x.shape[-2:]
    size = stride * (count - 1) + length
    columns = x.reshape(-1, count, length).transpose(1, 2)
    return torch.nn.functional.fold(columns, (1, size), (1, length), stride=(1, stride)).reshape(*x.shape[:-2], size)
