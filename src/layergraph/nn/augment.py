"""Images changed at random in training, as they are in evaluation: (B, C, H, W), floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Drawn: TypeAlias = tuple[Any, ...]
"""What is drawn for a batch: tensors, or nests of them."""


@dataclass(frozen=True)
class Change:
    """A change of images, as data: what is drawn for a batch, and what that makes of it.

    `labels` (B, ...) are changed where images are mixed, `masks` (B, C, H, W), a class at each pixel, where pixels move.
    """

    def draw(self, x: Tensor) -> Drawn:
        """The random numbers for a batch."""
        return ()

    def images(self, x: Tensor, *drawn: Any, **words: Any) -> Tensor:
        raise NotImplementedError

    def masks(self, x: Tensor, *drawn: Any, **words: Any) -> Tensor:
        return x

    def labels(self, y: Tensor, *drawn: Any, **words: Any) -> Tensor:
        return y

    def still(self, x: Tensor) -> Tensor:
        """Images or masks in evaluation."""
        return x


class Augment(nn.Module):
    """A `Change` in training, its `still` in evaluation; `training` fixes the mode for a call."""

    def __init__(self, change: Change):
        super().__init__()
        self.change = change

    def draw(self, x: Tensor) -> Drawn:
        return self.change.draw(x)

    def forward(self, x: Tensor, labels: Tensor | None = None, masks: Tensor | None = None, training: bool | None = None) -> Any:
        """The images; with labels or masks, all three."""
        change = self.change
        if self.training if training is None else training:
            drawn = self.draw(x)
            images = change.images(x, *drawn).to(x.dtype)
            labels = None if labels is None else change.labels(labels, *drawn)
            masks = None if masks is None else change.masks(masks, *drawn)
        else:
            images, masks = change.still(x), None if masks is None else change.still(masks)
        return images if labels is None and masks is None else (images, labels, masks)

    def extra_repr(self) -> str:
        return repr(self.change)


def uniform(x: Tensor, shape: Sequence[int], low: float, high: float) -> Tensor:
    """Numbers in [low, high), beside `x`, and exact enough to be places and angles."""
    return torch.rand(tuple(shape), dtype=torch.promote_types(x.dtype, torch.float32), device=x.device) * (high - low) + low


def chances(x: Tensor, low: float, high: float) -> Tensor:
    """For each image whether it is changed, with a probability that is itself drawn from [low, high): (B,)."""
    return uniform(x, x.shape[:1], 0, 1) < uniform(x, x.shape[:1], low, high)


def signs(x: Tensor) -> Tensor:
    """1 or -1 for each image: (B,)."""
    return torch.where(uniform(x, x.shape[:1], 0, 1) > 0.5, -1.0, 1.0)


def beta(x: Tensor, shape: Sequence[int], alpha: Tensor | float) -> Tensor:
    """Numbers of the beta distribution of `alpha` and `alpha`."""
    # the share of one of two gammas; torch's Dirichlet does not compile with sizes that vary
    both = torch._standard_gamma(uniform(x, (*shape, 2), 0, 0) + alpha)
    both = both.clamp(min=torch.finfo(both.dtype).tiny)
    return both[..., 0] / both.sum(-1)


def each(drawn: Tensor) -> Tensor:
    """A number for each image, as it broadcasts over them: (B,) -> (B, 1, 1, 1)."""
    return drawn[:, None, None, None]


def chosen(index: Tensor, ways: Sequence[Callable[[], Tensor]]) -> Tensor:
    """What the way at `index` gives. That one runs; where values may not decide what runs, as under torch.compile, all do."""
    if not torch.compiler.is_compiling() and not index.is_meta:
        return ways[int(index)]()
    result = ways[0]()
    for number, way in enumerate(ways[1:], 1):
        result = torch.where(index == number, way(), result)
    return result


def rescaled(x: Tensor, old: Sequence[float], new: Sequence[float]) -> Tensor:
    """Values of the range `old` in the range `new`."""
    if tuple(old) == tuple(new):
        return x
    return (x - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]
