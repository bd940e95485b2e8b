"""Attention that drops weights in training."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class DroppedAttention(nn.Module):
    """`F.scaled_dot_product_attention` whose `dropout_p` is 0 in evaluation, as the function's own caller has to see to.

    (B, heads, T, D), (B, heads, S, D), (B, heads, S, E) -> (B, heads, T, E)

    `dropout` is the same for weights that are worked out elsewhere.
    """

    def __init__(self, p: float):
        super().__init__()
        self.dropout = nn.Dropout(p)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        p = self.dropout.p if self.training else 0.0
        return F.scaled_dot_product_attention(query, key, value, attn_mask, p, is_causal, scale=scale, enable_gqa=enable_gqa)
