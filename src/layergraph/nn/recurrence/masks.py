"""Masks over steps for kernels that know none, whatever the mask, in the same operations for each: nothing depends on its values.

The valid steps of each row move to its front, in their order; the kernel runs over all; then each step takes the output of the
last valid step up to it. What the kernel makes of the steps behind the valid ones is taken by none.

The last h is an output. The last c of an LSTM is not, so there the steps behind are to keep c: `hold` makes the forget gate 1
and the input gate 0, as rounding has it and in their slopes too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Far beyond where a sigmoid is 0 or 1 and has no slope, also in float64 (745); a power of two that float16 has.
_FAR = 2.0**14


def front(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The valid steps of each row first; and how many are valid up to each step.

    x (B, T, features), mask (B, T) of bools -> (B, T, features) with time first in memory, as kernels want it, counts (B, T)
    """
    batch, steps = mask.shape
    order = torch.argsort(mask.logical_not(), dim=1, stable=True).t()
    places = order + steps * torch.arange(batch, device=x.device)
    return _taken(x, places), mask.cumsum(1)


def spread(output: Tensor, counts: Tensor) -> Tensor:
    """At each step the output of the last valid one, zeros before the first: (B, T, hidden), counts (B, T) -> (B, T, hidden)."""
    batch, counts = output.shape[0], counts.t()
    places = batch * (counts - 1).clamp(min=0) + torch.arange(batch, device=output.device)
    return _taken(output.transpose(0, 1), places).masked_fill((counts == 0).t().unsqueeze(-1), 0.0)


def _taken(x: Tensor, places: Tensor) -> Tensor:
    """Rows of the first two axes of x, as if they were one axis, at places (T, B): (B, T, features), time first in memory."""
    taken = x.flatten(0, 1).index_select(0, places.flatten())
    return taken.view(*places.shape, x.shape[2]).transpose(0, 1)


def hold(x: Tensor, counts: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Inputs and weights of an LSTM with one more feature, which is 1 behind the valid steps; the others are 0 there.

    x (B, T, features) of `front`, weights as nn.LSTM orders them -> (B, T, features + 1), the weights for it
    """
    steps = torch.arange(x.shape[1], device=x.device)
    behind = (steps >= counts[:, -1:]).unsqueeze(-1)
    ih, *others = weights
    hidden = ih.shape[0] // 4
    i, f, rest = ih.new_full((hidden, 1), -_FAR), ih.new_full((hidden, 1), _FAR), ih.new_zeros(2 * hidden, 1)
    held = torch.cat((x.masked_fill(behind, 0.0).transpose(0, 1), behind.transpose(0, 1).to(x.dtype)), -1)
    return held.transpose(0, 1), [torch.cat((ih, torch.cat((i, f, rest))), 1), *others]
