"""Functions of torch's that tell nothing about their result's shape without values: the same, and the shape."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.nn.whole import whole

_linalg: Any = torch.linalg  # which has no types


@whole
def least_squares(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """`torch.linalg.lstsq(a, b, rcond).solution`: (..., m, n), (..., m, k) -> (..., n, k).

    With a cutoff by the driver that has one, or on CUDA, where none has, by the pseudo-inverse.
    """
    if a.is_meta:
        return a.new_empty((*a.shape[:-2], a.shape[-1], *b.shape[a.ndim - 1 :]))
    if rcond is None:
        return _linalg.lstsq(a, b)[0]
    return _linalg.pinv(a, rtol=rcond) @ b if a.is_cuda else _linalg.lstsq(a, b, rcond=rcond, driver="gelsd")[0]


@whole
def ctc_loss(log_probabilities: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor, blank: int) -> Tensor:
    """`F.ctc_loss(..., reduction="none")`: (T, B, classes), (B, S), (B,), (B,) -> (B,)."""
    if log_probabilities.is_meta:
        return log_probabilities.new_empty(log_probabilities.shape[1])
    return F.ctc_loss(log_probabilities, targets, lengths, target_lengths, blank, "none")
