"""Indices as vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from layergraph.nn.indices import whole_indices
from layergraph.nn.whole import whole


@whole
def encode(x: Tensor, depth: int, mode: str, dtype: torch.dtype, weights: Tensor | None = None) -> Tensor:
    """Indices as vectors of length `depth`: a one for each index, a one for each that a row has, or how often a row has each.

    `mode` is 'one_hot', (...) -> (..., depth), a last axis of 1 (of 2 axes or more) being left out; or 'multi_hot' or 'count', which
    take the last axis for a row, (..., n) -> (..., depth). `weights` (..., n) are added up in the place of ones.

    An index below 0 is no index, and adds nothing. One of `depth` or more raises ValueError; the check needs the values, so it is
    left out under torch.compile and torch.export, where such an index adds nothing either.
    """
    index = whole_indices(x)
    if not torch.compiler.is_compiling() and not x.is_meta and index.numel() and int(index.max()) >= depth:
        raise ValueError(f"index {int(index.max())} is outside 0 .. {depth - 1}")
    if index.ndim == 0 or (mode == "one_hot" and not (index.ndim > 1 and index.shape[-1] == 1)):
        index = index.unsqueeze(-1)
    index = torch.where((index >= 0) & (index < depth), index, depth)
    out = torch.zeros((*index.shape[:-1], depth + 1), dtype=dtype, device=index.device)
    if mode == "count":
        added = torch.ones_like(index, dtype=dtype) if weights is None else weights.to(dtype).reshape(index.shape)
        out = out.scatter_add(-1, index, added)
    else:
        out = out.scatter(-1, index, 1)
    return out[..., :depth]
