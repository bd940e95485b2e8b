"""Colours of images, and changes of them: (B, C, H, W), red, green and blue along axis 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergraph.nn.augment import Change, Drawn, chances, each, rescaled, signs, uniform
from layergraph.nn.images import filtered, gaussian

Range = tuple[float, float]
BYTES = (0, 255)


def gray(x: Any, axis: int) -> Any:
    """0.2989 red + 0.587 green + 0.114 blue: (..., 3, ...) -> (..., 1, ...)."""
    red, green, blue = x.unbind(axis)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(axis)


def rgb_to_hsv(x: Any, axis: int, dtype: torch.dtype) -> Any:
    """Red, green and blue as hue, saturation and value, all in [0, 1] where they are: (..., 3, ...) -> (..., 3, ...)."""
    x = torch.where(torch.abs(x) < torch.finfo(dtype).eps, 0.0, x)
    red, green, blue = x.unbind(axis)
    value = torch.amax(x, axis)
    spread = value - torch.amin(x, axis)
    saturation = torch.where(value > 0, spread / torch.where(value > 0, value, 1.0), 0.0)
    sixth = 1 / (6 * torch.where(spread > 0, spread, 1.0))
    hue = torch.where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = torch.where(value == red, sixth * (green - blue), hue)
    hue = torch.where(spread > 0, hue, 0.0) + (hue < 0).to(dtype)
    return torch.stack((hue, saturation, value), axis)


def hsv_to_rgb(x: Any, axis: int) -> Any:
    """The inverse of `rgb_to_hsv`."""
    hue, saturation, value = x.unbind(axis)
    turn = torch.remainder(hue, 1.0) * 6
    pure = torch.abs(turn - 3) - 1, 2 - torch.abs(turn - 2), 2 - torch.abs(turn - 4)
    return torch.stack([value * (1 - saturation + saturation * torch.clamp(part, 0.0, 1.0)) for part in pure], axis)


@dataclass(frozen=True)
class Ranged(Change):
    """A number for each image, from `low` to `high`; pixels lie within `bounds`."""

    low: float
    high: float
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        return (uniform(x, x.shape[:1], self.low, self.high),)


@dataclass(frozen=True)
class Contrast(Ranged):
    """The distance from each channel's mean, times the number."""

    def images(self, x: Tensor, factor: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return ((x - mean) * each(factor) + mean).clamp(*self.bounds)


@dataclass(frozen=True)
class Brighten(Ranged):
    """The number, times the width of the bounds, added."""

    def images(self, x: Tensor, delta: Tensor) -> Tensor:
        return (x + each(delta) * (self.bounds[1] - self.bounds[0])).clamp(*self.bounds)


@dataclass(frozen=True)
class Hue(Ranged):
    """The hue turned by half of the number, one way or the other."""

    def draw(self, x: Tensor) -> Drawn:
        return (signs(x) * uniform(x, x.shape[:1], self.low, self.high) * 0.5,)

    def images(self, x: Tensor, turn: Tensor) -> Tensor:
        hue, saturation, value = rgb_to_hsv(rescaled(x, self.bounds, (0, 1)), 1, x.dtype).unbind(1)
        hue = hue + turn[:, None, None].to(x.dtype)
        hue = torch.where(hue > 1, hue - 1, hue)
        hue = torch.where(hue < 0, hue + 1, hue)
        return rescaled(hsv_to_rgb(torch.stack((hue, saturation, value), 1), 1).clamp(0, 1), (0, 1), self.bounds)


@dataclass(frozen=True)
class Saturate(Ranged):
    """The saturation times f / (1 - f), for a number f."""

    def draw(self, x: Tensor) -> Drawn:
        factor = uniform(x, x.shape[:1], self.low, self.high)
        return (factor / (1 - factor + 1e-7),)

    def images(self, x: Tensor, factor: Tensor) -> Tensor:
        hue, saturation, value = rgb_to_hsv(x, 1, x.dtype).unbind(1)
        saturation = (saturation * factor[:, None, None].to(x.dtype)).clamp(*self.bounds)
        return hsv_to_rgb(torch.stack((hue, saturation, value), 1), 1)


@dataclass(frozen=True)
class Sharpen(Ranged):
    """Away from the smoothed image, or, for numbers under 1 / 2, towards it."""

    def images(self, x: Tensor, factor: Tensor) -> Tensor:
        kernel = x.new_full((1, 1, 3, 3), 1 / 13)
        kernel[0, 0, 1, 1] = 5 / 13
        smooth = filtered(x, kernel, x.shape[1], 1)
        return (x + (1 - 2 * each(factor).to(x.dtype)) * (smooth - x)).clamp(*self.bounds)


@dataclass(frozen=True)
class Degenerate(Ranged):
    """Towards the gray image, by the number."""

    def images(self, x: Tensor, factor: Tensor) -> Tensor:
        pale = gray(x, 1) if x.shape[1] == 3 else x
        return (x + each(factor).to(x.dtype) * (pale - x)).clamp(*self.bounds)


@dataclass(frozen=True)
class Gray(Change):
    """Some images without their colours."""

    chance: float

    def draw(self, x: Tensor) -> Drawn:
        return (uniform(x, x.shape[:1], 0, 1) < self.chance,)

    def images(self, x: Tensor, changed: Tensor) -> Tensor:
        return torch.where(each(changed), gray(x, 1) if x.shape[1] == 3 else x, x)


@dataclass(frozen=True)
class Invert(Ranged):
    """The upper bound minus the pixels, for images chosen with a probability of the range."""

    def draw(self, x: Tensor) -> Drawn:
        return (chances(x, self.low, self.high),)

    def images(self, x: Tensor, changed: Tensor) -> Tensor:
        return torch.where(each(changed), self.bounds[1] - x, x)


@dataclass(frozen=True)
class Posterize(Ranged):
    """The first bits of each pixel's 8: from `low` to `high` - 1 of them."""

    def draw(self, x: Tensor) -> Drawn:
        low, high = int(self.low), max(int(self.high), int(self.low) + 1)
        return (torch.randint(low, high, x.shape[:1], device=x.device),)

    def images(self, x: Tensor, bits: Tensor) -> Tensor:
        step = each(torch.pow(2.0, 8 - bits)).to(x.dtype)
        pixels = torch.trunc(rescaled(x, self.bounds, BYTES).clamp(*BYTES))
        return rescaled(torch.floor(pixels / step) * step, BYTES, self.bounds)


@dataclass(frozen=True)
class Blur(Change):
    """Some images smoothed by a window of the normal distribution, of one width for all of them."""

    chance: Range
    size: tuple[int, int]
    sigma: Range
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        return chances(x, *self.chance), uniform(x, (2,), *self.sigma) + 1e-6

    def images(self, x: Tensor, changed: Tensor, sigma: Tensor) -> Tensor:
        kernel = gaussian(self.size, (sigma[1], sigma[0]), sigma.dtype, x.device)
        smooth = filtered(x, kernel.to(x.dtype), x.shape[1], tuple(side // 2 for side in self.size))
        return torch.where(each(changed), smooth.to(x.dtype), x).clamp(*self.bounds)


@dataclass(frozen=True)
class Solarize(Change):
    """Pixels, of 255, with a number added, and turned around where they are at least another number."""

    added: Range
    threshold: Range
    bounds: Range

    def draw(self, x: Tensor) -> Drawn:
        return tuple(uniform(x, x.shape[:1], low, high * 255) for low, high in (self.added, self.threshold))

    def images(self, x: Tensor, added: Tensor, threshold: Tensor) -> Tensor:
        pixels = (rescaled(x, self.bounds, BYTES) + each(added).to(x.dtype)).clamp(*BYTES)
        return rescaled(torch.where(pixels < each(threshold), pixels, 255 - pixels), BYTES, self.bounds)


@dataclass(frozen=True)
class Chain(Change):
    """Changes one after the other."""

    parts: tuple[Change, ...]

    def draw(self, x: Tensor) -> Drawn:
        return tuple(part.draw(x) for part in self.parts)

    def images(self, x: Tensor, *drawn: Any) -> Tensor:
        for part, own in zip(self.parts, drawn, strict=True):
            x = part.images(x, *own).to(x.dtype)
        return x


def stretched(x: Tensor, bounds: Sequence[float]) -> Tensor:
    """Each channel of each image from bound to bound, and as it is where it has one value only: (B, C, H, W) -> the same."""
    pixels = rescaled(x, bounds, BYTES)
    low, high = torch.amin(pixels, (2, 3), keepdim=True), torch.amax(pixels, (2, 3), keepdim=True)
    flat = low == high
    scale = 255 / torch.where(flat, 1.0, high - low)
    return torch.where(flat, x, rescaled(torch.clamp(pixels * scale - low * scale, *BYTES), BYTES, bounds))
