"""A module called once for each step of a sequence, as what learns statistics from its batches needs it."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

from layergraph.modes import in_mode


def each_step(module: Any, x: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
    """`module(x[:, t])` for each t, in the order of time; the results stacked along axis 1.

    (B, T, ...) -> (B, T, ...). The module is given `mask=mask[:, t]` where there is a mask, (B, T, ...). `training` is the mode for
    the time of the call; None leaves the module's own.
    """
    with contextlib.nullcontext() if training is None else in_mode(module, training):
        if mask is None:
            return torch.stack([module(step) for step in x.unbind(1)], 1)
        return torch.stack([module(step, mask=valid) for step, valid in zip(x.unbind(1), mask.unbind(1), strict=True)], 1)


def each_step_of(module: Any, x: Tensor, folded: Tensor) -> Tensor:
    """`each_step` on steps that stand in the batch axis: (B, T, ...), (B * T, ...) -> (B * T, ...), the sizes B and T those of `x`."""
    return each_step(module, folded.reshape(*x.shape[:2], *folded.shape[1:])).flatten(0, 1)
