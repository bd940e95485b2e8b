"""Dropout whose mask is broadcast."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary  # pyright: ignore[reportUnknownVariableType] (torch gives no type)


def broadcast_dropout(x: Tensor, p: float, shape: Sequence[int | None], training: bool) -> Tensor:
    """Dropout with one decision for each element of `shape`, None taking the size of `x`; `F.dropout` decides for each of `x`'s.

    (...) -> (...)
    """
    if has_torch_function_unary(x):
        return handle_torch_function(broadcast_dropout, (x,), x, p, shape, training)
    sizes = [size if given is None else given for given, size in zip(shape, x.shape, strict=True)]
    return x * F.dropout(x.new_ones(sizes), p) if training and p else x


class BroadcastDropout(nn.Module):
    """`broadcast_dropout` in training, nothing in evaluation."""

    def __init__(self, p: float, shape: Sequence[int | None]):
        super().__init__()
        self.p, self.shape = p, tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return broadcast_dropout(x, self.p, self.shape, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, shape={self.shape}"
