"""Changes of images that move their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.nn.augment import Change, Drawn, chances, each, signs, uniform
from layergraph.nn.images import crop_to_ratio, displaced, homography, warp

Range = tuple[float, float]


@dataclass(frozen=True)
class Flip(Change):
    """Half of the images mirrored, along both axes at once where both are."""

    horizontal: bool
    vertical: bool

    def draw(self, x: Tensor) -> Drawn:
        return (uniform(x, x.shape[:1], 0, 1) <= 0.5,)

    def images(self, x: Tensor, flips: Tensor) -> Tensor:
        return torch.where(each(flips), x.flip([-2] * self.vertical + [-1] * self.horizontal), x)

    def masks(self, x: Tensor, flips: Tensor) -> Tensor:
        return self.images(x, flips)


@dataclass(frozen=True)
class Warp(Change):
    """Each pixel read where a map of the plane takes it.

    `order` 0 takes the nearest pixel and 1 interpolates, `mode` and `value` say what is outside, as `nn.images.sample` has them.
    """

    order: int
    mode: str
    value: float

    def plane(self, x: Tensor, *drawn: Any, **words: Any) -> Tensor:
        """The map of each image: (B, 8)."""
        raise NotImplementedError

    def images(self, x: Tensor, *drawn: Any) -> Tensor:
        return self._read(x, self.order, *drawn)

    def masks(self, x: Tensor, *drawn: Any) -> Tensor:
        return self._read(x, 0, *drawn)

    def _read(self, x: Tensor, order: int, *drawn: Any, **words: Any) -> Tensor:
        return warp(x.permute(0, 2, 3, 1), self.plane(x, *drawn), order, self.mode, self.value).permute(0, 3, 1, 2)


def _rows(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> Tensor:
    """An affine map, in which a number stands for all images: (B, 8)."""
    like = next(part for part in (a0, a1, a2, b0, b1, b2) if isinstance(part, Tensor))
    parts = [part if isinstance(part, Tensor) else torch.full_like(like, part) for part in (a0, a1, a2, b0, b1, b2, 0.0, 0.0)]
    return torch.stack(parts, 1)


@dataclass(frozen=True)
class Rotate(Warp):
    """About the centre, by an angle in degrees of the range given in turns."""

    turns: Range

    def draw(self, x: Tensor) -> Drawn:
        return (uniform(x, x.shape[:1], self.turns[0] * 360, self.turns[1] * 360),)

    def plane(self, x: Tensor, angle: Tensor) -> Tensor:
        cos, sin = torch.cos(angle * (math.pi / 180)), torch.sin(angle * (math.pi / 180))
        down, right = (x.shape[-2] - 1) / 2, (x.shape[-1] - 1) / 2
        return _rows(cos, -sin, right - right * cos + down * sin, sin, cos, down - right * sin - down * cos)


@dataclass(frozen=True)
class Zoom(Warp):
    """About the centre: 1 + a number of the range is how much of the image is seen; without `across`, alike along both axes."""

    down: Range
    across: Range | None

    def draw(self, x: Tensor) -> Drawn:
        down = uniform(x, x.shape[:1], 1 + self.down[0], 1 + self.down[1])
        return down, down if self.across is None else uniform(x, x.shape[:1], 1 + self.across[0], 1 + self.across[1])

    def plane(self, x: Tensor, down: Tensor, across: Tensor) -> Tensor:
        return _rows(across, 0.0, (x.shape[-1] - 1) / 2 * (1 - across), 0.0, down, (x.shape[-2] - 1) / 2 * (1 - down))


@dataclass(frozen=True)
class Translate(Warp):
    """Down and to the right by fractions of the sides."""

    down: Range
    right: Range

    def draw(self, x: Tensor) -> Drawn:
        return uniform(x, x.shape[:1], *self.down), uniform(x, x.shape[:1], *self.right)

    def plane(self, x: Tensor, down: Tensor, right: Tensor) -> Tensor:
        return _rows(1.0, 0.0, -right * x.shape[-1], 0.0, 1.0, -down * x.shape[-2])


@dataclass(frozen=True)
class Shear(Warp):
    """Rows moved by their height, and columns by their place, both in one direction or in the other."""

    across: Range
    down: Range

    def draw(self, x: Tensor) -> Drawn:
        sign = signs(x)
        return uniform(x, x.shape[:1], *self.across) * sign, uniform(x, x.shape[:1], *self.down) * sign

    def plane(self, x: Tensor, across: Tensor, down: Tensor) -> Tensor:
        return _rows(1.0, across, 0.0, down, 1.0, 0.0)


@dataclass(frozen=True)
class Perspective(Warp):
    """Some images seen from aside: their corners, counted from the first, lie `1 + ` a number of [-scale / 2, scale / 2) as far."""

    chance: Range
    scale: float

    def draw(self, x: Tensor) -> Drawn:
        return chances(x, *self.chance), uniform(x, (x.shape[0], 4, 2), -0.5 * self.scale, 0.5 * self.scale)

    def plane(self, x: Tensor, changed: Tensor, shifts: Tensor) -> Tensor:
        bottom, right = x.shape[-2] - 1, x.shape[-1] - 1
        corners = torch.tensor([[0, 0], [right, 0], [0, bottom], [right, bottom]], dtype=shifts.dtype, device=x.device)
        start = corners.expand_as(shifts)
        return homography(start, start + start * shifts)

    def _read(self, x: Tensor, order: int, changed: Tensor, shifts: Tensor) -> Tensor:
        return torch.where(each(changed), super()._read(x, order, changed, shifts), x)


@dataclass(frozen=True)
class Elastic(Change):
    """Some images whose pixels are read from places nearby, smoothly so; a number of `scale` says how far."""

    chance: Range
    scale: Range
    order: int
    mode: str
    value: float
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        factor = uniform(x, (), *self.scale)
        return chances(x, *self.chance), factor, torch.randn((2, x.shape[0], *x.shape[2:]), dtype=factor.dtype, device=x.device)

    def images(self, x: Tensor, changed: Tensor, factor: Tensor, noise: Tensor) -> Tensor:
        return self._read(x, self.order, changed, factor, noise).clamp(*self.bounds)

    def masks(self, x: Tensor, changed: Tensor, factor: Tensor, noise: Tensor) -> Tensor:
        return self._read(x, 0, changed, factor, noise)

    def _read(self, x: Tensor, order: int, changed: Tensor, factor: Tensor, noise: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # a kernel as wide as the widest that may be drawn: its size cannot depend on a value
        size = int(6 * 0.05 * self.scale[1] * min(height, width)) | 1
        sigma = (0.05 * factor * min(height, width)).clamp(min=1e-6)
        moved = displaced(x.permute(0, 2, 3, 1), noise, 0.1 * factor * max(height, width), sigma, size, order, self.mode, self.value)
        return torch.where(each(changed), moved.permute(0, 3, 1, 2), x)


@dataclass(frozen=True)
class Crop(Change):
    """A window of the images, the same for a batch. In evaluation, the largest middle part of its ratio, resized."""

    height: int
    width: int

    def draw(self, x: Tensor) -> Drawn:
        rows, columns = x.shape[-2:]
        if rows > self.height and columns > self.width:
            top, left = uniform(x, (), 0, rows - self.height + 1), uniform(x, (), 0, columns - self.width + 1)
            return top.long(), left.long()
        return tuple(torch.full((), start, device=x.device) for start in self._middle(rows, columns))

    def _middle(self, rows: int, columns: int) -> tuple[int, int]:
        height = max(min(rows, columns * self.height // self.width), 1)
        width = max(min(columns, rows * self.width // self.height), 1)
        return (rows - height) // 2, (columns - width) // 2

    def images(self, x: Tensor, top: Tensor, left: Tensor) -> Tensor:
        return self._window(x, top, left, "bilinear")

    def masks(self, x: Tensor, top: Tensor, left: Tensor) -> Tensor:
        return self._window(x, top, left, "nearest-exact")

    def _window(self, x: Tensor, top: Tensor, left: Tensor, mode: str) -> Tensor:
        rows, columns = x.shape[-2:]
        height, width = self.height, self.width
        if not (rows > height and columns > width):  # what of the window there is
            start = self._middle(rows, columns)
            height, width = min(height, rows - start[0]), min(width, columns - start[1])
        down, right = torch.arange(height, device=x.device) + top, torch.arange(width, device=x.device) + left
        part = x.index_select(2, down).index_select(3, right)
        return part if (height, width) == (self.height, self.width) else F.interpolate(part, (self.height, self.width), mode=mode)

    def still(self, x: Tensor) -> Tensor:
        mode = "bilinear" if x.is_floating_point() else "nearest-exact"
        return F.interpolate(crop_to_ratio(x, self.height, self.width), (self.height, self.width), mode=mode)
