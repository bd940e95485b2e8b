"""Dropout whose mask is broadcast."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary  # pyright: ignore[reportUnknownVariableType] (torch gives no type)


def broadcast_dropout(x: Tensor, p: float, shape: Sequence[int | None], training: bool) -> Tensor:
    """Dropout with one decision for each element of `shape`, None taking the size of `x`; `F.dropout` decides for each of `x`'s.

    (...) -> (...)
    """
    if has_torch_function_unary(x):
        return handle_torch_function(broadcast_dropout, (x,), x, p, shape, training)
    return x * F.dropout(x.new_ones(_sizes(x, shape)), p) if training and p else x


def broadcast_alpha_dropout(x: Tensor, p: float, shape: Sequence[int | None], training: bool) -> Tensor:
    """`F.alpha_dropout` with one decision for each element of `shape`, None taking the size of `x`.

    (...) -> (...). What is dropped becomes SELU's lower limit, and the affine map of Klambauer et al. 2017 gives mean and variance
    of a standard normal input back.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(broadcast_alpha_dropout, (x,), x, p, shape, training)
    if not training or not p:
        return x
    if p == 1:  # as torch's own
        return x * 0
    kept = torch.rand(_sizes(x, shape), dtype=x.dtype, device=x.device) >= p
    spread = ((1 - p) * (1 + p * _LOWEST**2)) ** -0.5
    return torch.where(kept, x, _LOWEST) * spread - spread * _LOWEST * p


# SELU's limit towards minus infinity: -alpha * scale.
_LOWEST = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def _sizes(x: Tensor, shape: Sequence[int | None]) -> list[int]:
    return [size if given is None else given for given, size in zip(shape, x.shape, strict=True)]


class _Broadcast(nn.Module):
    """What the two modules have in common: their arguments."""

    def __init__(self, p: float, shape: Sequence[int | None]):
        super().__init__()
        self.p, self.shape = p, tuple(shape)

    def extra_repr(self) -> str:
        return f"p={self.p}, shape={self.shape}"


class BroadcastDropout(_Broadcast):
    """`broadcast_dropout` in training, nothing in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        return broadcast_dropout(x, self.p, self.shape, self.training)


class BroadcastAlphaDropout(_Broadcast):
    """`broadcast_alpha_dropout` in training, nothing in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        return broadcast_alpha_dropout(x, self.p, self.shape, self.training)
