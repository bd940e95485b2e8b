"""Attention."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from layergraph.errors import Fact
from layergraph.ops.convert import dtype_of, tensor
from layergraph.ops.define import as_floats, needs_values, op, refuse


@op
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Attention of each head: query (B, T, heads, D), key (B, S, heads', D), value (B, S, heads', E) -> (B, T, heads, E).

    Args:
        bias: added to the scores; broadcasts to (B, heads, T, S).
        mask: where a query may look at a key, of the same shape; a row that may look nowhere looks everywhere alike.
        scale: of the scores, 1 / sqrt(D) unless given.
        is_causal: whether a query looks at keys up to its own place alone.
        flash_attention: True wants torch's flash kernel, outside of graphs, and raises where there is none; else torch chooses.
        attn_logits_soft_cap: None; the others are for JAX on TPUs, in Keras too.

    Where heads' divides heads, groups of heads share their keys. torch's `F.scaled_dot_product_attention` does the work.
    """
    if attn_logits_soft_cap is not None:
        refuse("dot_product_attention", "attn_logits_soft_cap is for JAX on TPUs", "leave it out")
    if bias is not None and mask is not None:
        refuse("dot_product_attention", "takes one of bias and mask, got both", "add to the bias where the mask is false")
    query, key, value = as_floats(query, key, value)
    if not query.ndim == key.ndim == value.ndim == 4:
        raise Fact("takes query, key and value of 4 axes, (batch, steps, heads, size)")
    added = None
    if mask is not None:
        mask = tensor(mask, "bool", like=query)
        added = torch.zeros_like(mask, dtype=dtype_of(query)).masked_fill(torch.logical_not(mask), _lowest(dtype_of(query)))
    elif bias is not None:
        added = tensor(bias, dtype_of(query), like=query)
    if is_causal and added is not None:
        added, is_causal = torch.where(_past(query, key), added, _lowest(dtype_of(query))), False
    words: dict[str, Any] = {"attn_mask": added, "is_causal": is_causal, "scale": scale, "enable_gqa": query.shape[2] != key.shape[2]}
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    if not flash_attention:
        return F.scaled_dot_product_attention(q, k, v, **words).transpose(1, 2)
    needs_values("dot_product_attention", "the choice of a kernel", "leave flash_attention out: torch chooses", query, key, value)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v, **words).transpose(1, 2)


def _lowest(dtype: torch.dtype) -> float:
    """A score that exp makes 0, and far enough from -inf that a row of them gives no nan."""
    return torch.finfo(dtype).min * 0.7


def _past(query: Any, key: Any) -> Any:
    """(T, S), whether a key stands no later than a query; from the tensors, since their sizes may be known at run time only."""
    here, there = (torch.ones_like(x[0, :, 0, 0], dtype=torch.bool) for x in (query, key))
    return torch.tril(here[:, None] & there[None])
