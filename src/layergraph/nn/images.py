"""Images read between their pixels: (B, H, W, C), any dtype."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.nn.whole import whole


@whole
def sample(x: Tensor, coordinates: Sequence[Tensor], order: int, mode: str, value: float = 0) -> Tensor:
    """`x` at coordinates between its elements, one tensor of coordinates for each axis: (s1, ..., sn), n times (...) -> (...).

    Args:
        order: 0 takes the nearest element, 1 interpolates between neighbours.
        mode: what is outside: 'constant' is `value`, 'nearest' the edge, 'wrap' repeats, 'mirror' reflects about the centre of
            the edge, 'reflect' about its border. `F.grid_sample` has no value, no 'wrap', and two axes of floats alone.
    """
    return _sampled(x, (), coordinates, order, mode, value)


def _sampled(x: Tensor, lead: tuple[Tensor, ...], coordinates: Sequence[Tensor], order: int, mode: str, value: float) -> Tensor:
    """The axes of `x` are those that `lead` indexes, those with coordinates, and the rest, which is kept."""
    whole_numbers = not x.dtype.is_floating_point and not x.dtype.is_complex
    value = int(value) if whole_numbers else value
    rest = (None,) * (x.ndim - len(lead) - len(coordinates))
    nodes = [_nodes(c, size, order, mode) for c, size in zip(coordinates, x.shape[len(lead) :], strict=False)]
    parts: list[Tensor] = []
    for corner in itertools.product(*nodes):
        part = x[(*lead, *(index for index, _, _ in corner))]
        if mode == "constant":
            inside = functools.reduce(torch.logical_and, (valid for _, valid, _ in corner))
            part = torch.where(inside[(..., *rest)], part, value)
        weight = functools.reduce(operator.mul, (weight for _, _, weight in corner))
        parts.append(part * weight[(..., *rest)] if order else part)
    total = functools.reduce(operator.add, parts)
    return (torch.round(total) if whole_numbers and total.is_floating_point() else total).to(x.dtype)


def _nodes(coordinate: Tensor, size: int, order: int, mode: str) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(index, whether it is inside, weight) of each neighbour along one axis."""
    if order == 0:
        near = torch.round(coordinate) if coordinate.is_floating_point() else coordinate
        pairs = [(near.long(), torch.ones_like(coordinate))]
    else:
        low = torch.floor(coordinate)
        upper = coordinate - low
        pairs = [(low.long(), 1 - upper), (low.long() + 1, upper)]
    return [(_inside(index, size, mode), (index >= 0) & (index < size), weight) for index, weight in pairs]


def _inside(index: Tensor, size: int, mode: str) -> Tensor:
    """An index that may lie outside of `range(size)`, as one inside."""
    match mode:
        case "wrap":
            return index % size
        case "mirror":
            last = size - 1
            around = index % max(1, 2 * last)
            return torch.minimum(around, 2 * last - around)
        case "reflect":
            return reflected(index, size)
        case _:
            return index.clamp(0, size - 1)


def reflected(index: Tensor, size: int) -> Tensor:
    """An index reflected about the borders of the first and the last element."""
    around = index % (2 * size)
    return torch.minimum(around, 2 * size - 1 - around)


@whole
def warp(x: Tensor, transform: Tensor, order: int, mode: str, value: float = 0) -> Tensor:
    """Each output pixel read where a projective map takes it: (B, H, W, C), (B or 1, 8) -> (B, H, W, C).

    The output's (x, y) is read at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1, for a
    transform [a0, a1, a2, b0, b1, b2, c0, c1].
    """
    rows, columns = _grid(x, transform.dtype)
    a0, a1, a2, b0, b1, b2, c0, c1 = transform[:, :, None, None].unbind(1)
    k = c0 * columns + c1 * rows + 1
    at = (b0 * columns + b1 * rows + b2) / k, (a0 * columns + a1 * rows + a2) / k
    return _sampled(x, (_batch(x),), at, order, mode, value)


def _grid(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The row and the column of each pixel, (H, 1) and (1, W)."""
    height, width = x.shape[1:3]
    return torch.arange(height, dtype=dtype, device=x.device)[:, None], torch.arange(width, dtype=dtype, device=x.device)[None]


def _batch(x: Tensor) -> Tensor:
    return torch.arange(x.shape[0], device=x.device)[:, None, None]


@whole
def distort(x: Tensor, alpha: float, sigma: float, order: int, mode: str, value: float, seed: int | None) -> Tensor:
    """Each pixel read from a random place nearby: noise, blurred with `sigma` and scaled by `alpha`. (B, H, W, C) -> the same.

    The noise is drawn each time from torch's generator, or from one of its own that starts at `seed`.
    """
    generator = None if seed is None or x.is_meta else torch.Generator(x.device).manual_seed(seed)
    dtype = x.dtype if x.is_floating_point() else torch.float32
    noise = torch.randn((2, x.shape[0], *x.shape[1:3]), generator=generator, dtype=dtype, device=x.device)
    return displaced(x, noise, alpha, x.new_tensor(sigma, dtype=dtype), int(6 * sigma) | 1, order, mode, value)


def displaced(x: Tensor, noise: Tensor, alpha: float | Tensor, sigma: Tensor, size: int, order: int, mode: str, value: float) -> Tensor:
    """Each pixel read from a place nearby: (B, H, W, C), noise down and to the right (2, B, H, W) -> (B, H, W, C).

    The noise is scaled by `alpha * sigma`, and blurred by a window of `size` of which no more counts than is within 3 `sigma`.
    """
    away = torch.arange(size, dtype=noise.dtype, device=x.device) - (size - 1) / 2
    fall = torch.exp(-0.5 * (away / sigma) ** 2)
    fall = torch.where(torch.abs(away) <= torch.floor(torch.floor(6 * sigma) / 2), fall, 0.0)
    fall = fall / fall.sum()
    blurred = F.conv2d((noise * sigma).flatten(0, 1)[:, None], torch.outer(fall, fall)[None, None], padding=size // 2)
    down, right = blurred[:, 0].to(noise.dtype).chunk(2)
    rows, columns = _grid(x, noise.dtype)
    return _sampled(x, (_batch(x),), (rows + alpha * down, columns + alpha * right), order, mode, value)


def filtered(x: Any, kernel: Tensor, channels: int, padding: Any = 0) -> Tensor:
    """Every channel by itself under one filter (1, 1, h, w): (B, C, H, W) -> (B, C, H', W')."""
    return F.conv2d(x, kernel.expand(channels, 1, *kernel.shape[2:]), padding=padding, groups=channels)


def gaussian(size: Sequence[int], sigma: Sequence[float | Tensor], dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """A window of the normal distribution that sums to 1: (1, 1, height, width)."""
    falls: list[Tensor] = []
    for count, width in zip(size, sigma, strict=True):
        fall = torch.exp(-0.5 * ((torch.arange(count, dtype=dtype, device=device) - (count - 1) / 2) / width) ** 2)
        falls.append(fall / fall.sum())
    return torch.outer(*falls)[None, None]


_linalg: Any = torch.linalg  # which has no types


def homography(start: Any, end: Any) -> Tensor:
    """The `warp` that takes each end point to its start point: (B, 4, 2), (B, 4, 2) -> (B, 8)."""
    (sx, sy), (ex, ey) = start.unbind(-1), end.unbind(-1)
    one, zero = torch.ones_like(ex), torch.zeros_like(ex)
    columns = torch.stack((ex, ey, one, zero, zero, zero, -sx * ex, -sx * ey), -1)
    rows = torch.stack((zero, zero, zero, ex, ey, one, -sy * ex, -sy * ey), -1)
    return _linalg.solve(torch.cat((columns, rows), 1), torch.cat((sx, sy), 1))


Sizes: TypeAlias = tuple[int | None, ...]
"""Height and width, as far as they are known."""
RESIZES = {"bilinear": "bilinear", "nearest": "nearest-exact", "bicubic": "bicubic"}
"""The ways to resize, as `F.interpolate` calls them."""


def resize(x: Any, size: tuple[int, int], way: str, antialias: bool, ratio: str, value: float, dtype: torch.dtype, sizes: Sizes) -> Any:
    """Images in another size: (B, C, H, W) of `dtype` -> (B, C, *size), the dtype kept, ints rounded and within their bounds.

    `ratio` 'crop' takes the middle out, and 'pad' puts `value` around, so that nothing is stretched. `sizes` are the
    input's, as far as they are known.
    """
    x = x if dtype in (torch.float32, torch.float64) else x.to(torch.float32)
    if ratio == "crop":
        x = cropped(x, *size, sizes)
    elif ratio == "pad":
        x = padded(x, *size, value, sizes)
    smooth = {} if way == "nearest" else {"align_corners": False, "antialias": antialias}
    x = F.interpolate(x, size, mode=RESIZES[way], **smooth)
    if not dtype.is_floating_point:
        bounds = torch.iinfo(dtype)
        x = torch.round(torch.clamp(x, bounds.min, bounds.max) if way == "bicubic" else x)
    return x if dtype in (torch.float32, torch.float64) else x.to(dtype)


def middle(x: Any, height: int, width: int, sizes: Sizes) -> Any:
    """The middle part, or where an image is smaller the largest part of that ratio, resized: (B, C, H, W) -> (B, C, height, width).

    `sizes` are (H, W) as far as they are known: where they are, this is a slice.
    """
    rows, columns = sizes
    if rows is None or columns is None:
        return middle_or_resized(x, height, width)
    if rows < height or columns < width:
        return F.interpolate(cropped(x, height, width, sizes), (height, width), mode="bilinear")
    top, left = (rows - height) // 2, (columns - width) // 2
    return x[:, :, top : top + height, left : left + width]


@whole
def middle_or_resized(x: Tensor, height: int, width: int) -> Tensor:
    """`middle` of images whose sizes are known when it runs."""
    return middle(x, height, width, tuple(x.shape[2:]))


def cropped(x: Any, height: int, width: int, sizes: Sizes) -> Any:
    """The largest middle part of an image with a ratio of sides: (B, C, H, W) -> (B, C, H' <= H, W' <= W).

    `sizes` are (H, W) as far as they are known: where they are, this is a slice.
    """
    rows, columns = sizes
    if rows is None or columns is None:
        return crop_to_ratio(x, height, width)
    inner = max(min(rows, columns * height // width), 1), max(min(columns, rows * width // height), 1)
    top, left = (rows - inner[0]) // 2, (columns - inner[1]) // 2
    return x[:, :, top : top + inner[0], left : left + inner[1]]


@whole
def crop_to_ratio(x: Tensor, height: int, width: int) -> Tensor:
    """`cropped`, of images whose sizes are known when it runs."""
    return cropped(x, height, width, tuple(x.shape[2:]))


def padded(x: Any, height: int, width: int, value: float, sizes: Sizes) -> Any:
    """An image amid `value`, with a ratio of sides, up to an odd pixel: (B, C, H, W) -> (B, C, H' >= H, W' >= W)."""
    rows, columns = sizes
    if rows is None or columns is None:
        return pad_to_ratio(x, height, width, value)
    top = (max(rows, columns * height // width) - rows) // 2
    left = (max(columns, rows * width // height) - columns) // 2
    return F.pad(x, [left, left, top, top], value=value)


@whole
def pad_to_ratio(x: Tensor, height: int, width: int, value: float) -> Tensor:
    """`padded`, of images whose sizes are known when it runs."""
    return padded(x, height, width, value, tuple(x.shape[2:]))


@whole
def resample(
    x: Tensor, sizes: Sequence[int], axes: Sequence[int], scale: Tensor, translation: Tensor, kernel: str, antialias: bool
) -> Tensor:
    """Axes scaled and moved, each place of an output a weighted sum of the input's: the place `(i + 0.5) * scale + translation - 0.5`.

    `sizes` are the output's, `scale` and `translation` have a value for each of `axes`, `kernel` is 'linear', 'cubic', 'lanczos3'
    or 'lanczos5', widened where `antialias` and an axis shrinks. `F.interpolate` scales from edge to edge alone.
    """
    whole_numbers = not x.is_floating_point()
    out = x.float() if whole_numbers else x
    for axis, factor, shift in zip(axes, scale, translation, strict=True):
        weights = _weights(x.shape[axis], sizes[axis], factor, shift, _KERNELS[kernel], antialias)
        out = (out.movedim(axis, -1) @ weights.to(out.dtype)).movedim(-1, axis)
    return torch.minimum(torch.maximum(out.round(), x.min()), x.max()).to(x.dtype) if whole_numbers else out


def _weights(size: int, wanted: int, factor: Tensor, shift: Tensor, kernel: Callable[[Tensor], Tensor], antialias: bool) -> Tensor:
    """(size, wanted), the columns summing to 1, or all 0 where a place lies outside of the input."""
    step = 1 / factor
    place = (torch.arange(wanted, dtype=factor.dtype, device=factor.device) + 0.5 - shift) * step - 0.5
    away = torch.abs(place - torch.arange(size, dtype=factor.dtype, device=factor.device)[:, None])
    weights = kernel(away / step.clamp(min=1) if antialias else away)
    total = weights.sum(0, keepdim=True)
    enough = torch.abs(total) > 1000 * torch.finfo(torch.float32).eps
    weights = torch.where(enough, weights / torch.where(total != 0, total, 1), 0)
    return torch.where((place >= -0.5) & (place <= size - 0.5), weights, 0)


def _cubic(x: Tensor) -> Tensor:
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x >= 2, 0, torch.where(x >= 1, far, near))


def _lanczos(radius: int, x: Tensor) -> Tensor:
    return torch.where(x > radius, 0, torch.sinc(x) * torch.sinc(x / radius))


_KERNELS: dict[str, Callable[[Any], Tensor]] = {
    "linear": lambda x: torch.relu(1 - torch.abs(x)),
    "cubic": _cubic,
    "lanczos3": functools.partial(_lanczos, 3),
    "lanczos5": functools.partial(_lanczos, 5),
}
