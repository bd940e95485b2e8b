"""Images (H, W, C), or a batch of them, (B, H, W, C), read at other places than their pixels.

`data_format` None is `config.image_data_format()`; with 'channels_first', images are (C, H, W) or (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from layergraph.errors import Fact
from layergraph.nn.images import distort, homography, resample, sample, warp
from layergraph.ops.convert import dtype_of, floating, is_tensor, tensor
from layergraph.ops.define import as_floats, op
from layergraph.ops.images import ORDERS, Images, choice

_FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
_METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), "linear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "cubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@op
def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0) -> Any:
    """`inputs` at coordinates between its elements: (s1, ..., sn), n coordinates (n, ...) -> (...), the dtype kept.

    Args:
        order: 0 takes the nearest element, 1 interpolates between neighbours.
        fill_mode: what is outside: 'constant' is `fill_value`, 'nearest' the edge, 'wrap' repeats, 'mirror' reflects about the
            centre of the edge, 'reflect' about its border.

    >>> map_coordinates([0.0, 10.0, 20.0], [[0.5, 1.25, 3.0]], order=1, fill_mode="nearest")
    tensor([ 5.0000, 12.5000, 20.0000])
    """
    x = tensor(inputs)
    together = is_tensor(coordinates) or not isinstance(coordinates, list | tuple)
    parts: list[Any] = list(tensor(coordinates).unbind(0)) if together else [tensor(each) for each in cast("list[Any]", coordinates)]
    if len(parts) != x.ndim or order not in (0, 1):
        raise Fact(f"takes order 0 or 1 and a coordinate for each of the {x.ndim} axes, got order {order} and {len(parts)}")
    return sample(x, parts, order, choice("fill_mode", fill_mode, _FILLS), fill_value)


@op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Each output pixel (x, y) read at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1: the shape kept.

    `transform` is [a0, a1, a2, b0, b1, b2, c0, c1], (8,) or one for each image, (B, 8). `fill_mode` is `map_coordinates`'s.
    Keras 3.15 on torch does not divide by k.

    >>> import torch
    >>> affine_transform(torch.tensor([[[1.0], [2.0], [3.0]]]), [1.0, 0, 1, 0, 1, 0, 0, 0], fill_mode="nearest").flatten()
    tensor([2., 3., 3.])
    """
    order = choice("interpolation", interpolation, ORDERS)
    came = Images(images, data_format, "channels_last")
    maps = floating(tensor(transform, like=came.batch))
    maps = maps.unsqueeze(0) if maps.ndim == 1 else maps
    if maps.ndim != 2 or maps.shape[1] != 8:
        raise Fact(f"takes a transform of (8,) or (batch, 8), got shape {tuple(maps.shape)}")
    return came.back(warp(came.batch, maps, order, choice("fill_mode", fill_mode, _FILLS), fill_value))


@op
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images pulled so that four points (x, y) come to lie on four others: points (4, 2), or (B, 4, 2); the shape kept."""
    order = choice("interpolation", interpolation, ORDERS)
    came = Images(images, data_format, "channels_last")
    start, end = (each.unsqueeze(0) if each.ndim == 2 else each for each in as_floats(start_points, end_points))
    if tuple(start.shape[1:]) != (4, 2) or tuple(end.shape[1:]) != (4, 2):
        raise Fact(f"takes points of (4, 2) or (batch, 4, 2), got shapes {tuple(start.shape)} and {tuple(end.shape)}")
    maps = homography(start.float() if dtype_of(start).itemsize < 4 else start, end.float() if dtype_of(end).itemsize < 4 else end)
    return came.back(warp(came.batch, maps, order, "constant", fill_value))


@op
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Each pixel read from a random place nearby, smoothly so by `sigma`, as far as `alpha`; the shape kept.

    Drawn anew each time from torch's generator; with a `seed`, an int, the same each time.
    """
    order = choice("interpolation", interpolation, ORDERS)
    came = Images(images, data_format, "channels_last")
    mode = choice("fill_mode", fill_mode, _FILLS)
    return came.back(distort(came.batch, float(alpha), float(sigma), order, mode, fill_value, seed))


@op
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Some axes scaled and moved: (s1, ..., sn) -> output_shape, with a scale and a translation for each of `spatial_dims`.

    A place i of the input comes to lie at `(i + 0.5) * scale + translation - 0.5`. `method` is 'linear', 'cubic', 'lanczos3' or
    'lanczos5'; ints are rounded.
    """
    x = tensor(images)
    kernel = choice("method", method, _METHODS)
    scale, translation = as_floats(tensor(scale, like=x), tensor(translation, like=x))
    axes = [axis % x.ndim for axis in spatial_dims]
    return resample(x, [int(size) for size in output_shape], axes, scale, translation, kernel, antialias)
