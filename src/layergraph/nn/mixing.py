"""Changes of images that take parts of others, or of several changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergraph.nn.augment import Change, Drawn, beta, chances, chosen, each, uniform
from layergraph.nn.colours import Range, stretched


def _span(x: Tensor, length: int, ratio: Tensor) -> tuple[Tensor, Tensor]:
    """Where a part of an axis lies, at random: its start and its end, (B,)."""
    start = uniform(x, x.shape[:1], 0, 1) * (length - ratio * length)
    return start, start + ratio * length


def _boxes(x: Tensor, left: Tensor, right: Tensor, top: Tensor, bottom: Tensor) -> Tensor:
    """Which pixels lie inside of a box for each image: (B, 1, H, W)."""
    rows, columns = torch.arange(x.shape[2], device=x.device)[:, None], torch.arange(x.shape[3], device=x.device)
    return (columns >= each(left)) & (columns < each(right)) & (rows >= each(top)) & (rows < each(bottom))


def _row(weight: Tensor) -> Tensor:
    return weight.reshape(-1, 1)


@dataclass(frozen=True)
class Erase(Change):
    """A box of some images filled: with a value, with one for each channel, or, for None, with noise as bright as the bounds."""

    chance: Range
    scale: Range
    fill: float | tuple[float, ...] | None
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        across, down = torch.sqrt(uniform(x, (2, *x.shape[:1]), *self.scale)).unbind()
        box = *_span(x, x.shape[3], across), *_span(x, x.shape[2], down)
        return chances(x, *self.chance), *box, torch.randn_like(x) if self.fill is None else None

    def images(self, x: Tensor, changed: Tensor, left: Any, right: Any, top: Any, bottom: Any, noise: Tensor | None = None) -> Tensor:
        fill = x.new_tensor(self.fill).reshape(1, -1, 1, 1) if noise is None else noise * self.bounds[1]
        return torch.where(each(changed) & _boxes(x, left, right, top, bottom), fill.clamp(*self.bounds), x)


@dataclass(frozen=True)
class CutMix(Change):
    """A box of each image from another one; labels are mixed by what is left (Yun et al. 2019)."""

    alpha: Range

    def draw(self, x: Tensor) -> Drawn:
        ratio = torch.sqrt(1 - beta(x, x.shape[:1], uniform(x, (), *self.alpha) + 1e-6))
        box = torch.stack((*_span(x, x.shape[3], ratio), *_span(x, x.shape[2], ratio)))
        left, right, top, bottom = box.unbind()
        return torch.randperm(x.shape[0], device=x.device), box, 1 - (right - left) * (bottom - top) / (x.shape[3] * x.shape[2])

    def images(self, x: Tensor, order: Tensor, box: Tensor, weight: Tensor) -> Tensor:
        return torch.where(_boxes(x, *box.unbind()), x[order], x)

    def masks(self, x: Tensor, order: Tensor, box: Tensor, weight: Tensor) -> Tensor:
        return self.images(x, order, box, weight)

    def labels(self, y: Tensor, order: Tensor, box: Tensor, weight: Tensor) -> Tensor:
        return _row(weight) * y + (1 - _row(weight)) * y[order]


@dataclass(frozen=True)
class MixUp(Change):
    """Each image, and its label, mixed with another one (Zhang et al. 2017)."""

    alpha: float

    def draw(self, x: Tensor) -> Drawn:
        return torch.randperm(x.shape[0], device=x.device), beta(x, x.shape[:1], self.alpha)

    def images(self, x: Tensor, order: Tensor, weight: Tensor) -> Tensor:
        return each(weight) * x + (1 - each(weight)) * x[order]

    def masks(self, x: Tensor, order: Tensor, weight: Tensor) -> Tensor:
        return self.images(x, order, weight)

    def labels(self, y: Tensor, order: Tensor, weight: Tensor) -> Tensor:
        return _row(weight) * y + (1 - _row(weight)) * y[order]


@dataclass(frozen=True)
class Stretch(Change):
    """`stretched`, among changes that are drawn."""

    bounds: Range

    def images(self, x: Tensor, *drawn: Any) -> Tensor:
        return stretched(x, self.bounds)


Way = Callable[..., Tensor]


@dataclass(frozen=True)
class Sampled(Change):
    """`count` changes one after the other, each any of `parts` (RandAugment, Cubuk et al. 2019)."""

    parts: tuple[Change, ...]
    count: int

    def draw(self, x: Tensor) -> Drawn:
        indices = torch.randint(len(self.parts), (self.count,), device=x.device)
        return indices, tuple(part.draw(x) for part in self.parts)

    def images(self, x: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        return self._through([part.images for part in self.parts], x, indices, drawn)

    def masks(self, x: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        return self._through([part.masks for part in self.parts], x, indices, drawn)

    def _through(self, ways: list[Way], x: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        for number in range(self.count):
            x = chosen(indices[number], [_bound(way, x, own) for way, own in zip(ways, drawn, strict=True)])
        return x


def _bound(way: Way, x: Tensor, drawn: Drawn) -> Callable[[], Tensor]:
    return lambda: way(x, *drawn).to(x.dtype)


@dataclass(frozen=True)
class Mixed(Change):
    """The images mixed with those of several chains of changes, each any of `parts` or none (AugMix, Hendrycks et al. 2019)."""

    parts: tuple[Change, ...]
    chains: int
    depth: int
    alpha: float
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        gammas = torch.ops.aten._standard_gamma(uniform(x, (self.chains,), self.alpha, self.alpha))
        indices = torch.randint(len(self.parts) + 1, (self.chains, self.depth), device=x.device)
        drawn = tuple(tuple(tuple(part.draw(x) for part in self.parts) for _ in range(self.depth)) for _ in range(self.chains))
        return gammas / gammas.sum(), beta(x, (), self.alpha), indices, drawn

    def images(self, x: Tensor, weights: Tensor, kept: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        return self._mixed([part.images for part in self.parts], x, weights, kept, indices, drawn).clamp(*self.bounds)

    def masks(self, x: Tensor, weights: Tensor, kept: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        return self._mixed([part.masks for part in self.parts], x, weights, kept, indices, drawn)

    def _mixed(self, ways: list[Way], x: Tensor, weights: Tensor, kept: Tensor, indices: Tensor, drawn: Drawn) -> Tensor:
        mixed = torch.zeros_like(x)
        for chain, steps in enumerate(drawn):
            y = x
            for step, own in enumerate(steps):
                bound = [_bound(way, y, part) for way, part in zip(ways, own, strict=True)]
                y = chosen(indices[chain, step], [*bound, _kept(y)])
            mixed = mixed + y * weights[chain]
        return kept * x + (1 - kept) * mixed


def _kept(x: Tensor) -> Callable[[], Tensor]:
    return lambda: x
