"""Images (H, W, C), or a batch of them, (B, H, W, C), in other colours, filtered and compared.

`data_format` None is `config.image_data_format()`; with 'channels_first', images are (C, H, W) or (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.errors import Fact
from layergraph.nn import colours
from layergraph.nn.images import filtered, gaussian
from layergraph.ops.convert import dtype_of, floating, tensor
from layergraph.ops.convolution import layout
from layergraph.ops.define import as_floats, op
from layergraph.ops.images import Images, channel_axis, device_of, known


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """0.2989 red + 0.587 green + 0.114 blue: (..., 3) -> (..., 1), the dtype kept; images of one channel stay as they are."""
    images = tensor(images)
    axis = channel_axis(images, data_format)
    if images.shape[axis] == 1:
        return images.clone()
    if images.shape[axis] != 3:
        raise Fact(f"takes 3 channels, or 1, got shape {tuple(images.shape)}")
    return colours.gray(images, axis).to(dtype_of(images))


def _planes(images: Any, data_format: str | None) -> tuple[Any, int, torch.dtype]:
    images = tensor(images)
    axis = channel_axis(images, data_format)
    if not dtype_of(images).is_floating_point or images.shape[axis] != 3:
        raise Fact(f"takes floats of 3 channels, got {dtype_of(images)} of shape {tuple(images.shape)}")
    return images, axis, dtype_of(images)


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue as hue, saturation and value, all in [0, 1]: (..., 3) -> (..., 3), floats."""
    images, axis, dtype = _planes(images, data_format)
    return colours.rgb_to_hsv(images, axis, dtype)


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """The inverse of `rgb_to_hsv`."""
    images, axis, _ = _planes(images, data_format)
    return colours.hsv_to_rgb(images, axis)


def _filtered(x: Any, kernel: Tensor, padding: Any = 0) -> Any:
    """Every channel by itself under one filter (1, 1, h, w): (B, C, H, W) -> (B, C, H', W')."""
    return filtered(x, kernel.to(dtype_of(x)), known(x.shape[1], "number of channels"), padding)


@op
def gaussian_blur(
    images: Any, kernel_size: Sequence[int] = (3, 3), sigma: Sequence[float] = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images smoothed by a window of the normal distribution, zeros around them.

    `kernel_size` is (height, width), and `sigma` (across, down), as in Keras; a window that is no square, and data_format None, do
    here what they say.
    """
    came = Images(images, data_format, "channels_first")
    size = tuple(int(side) for side in kernel_size)
    kernel = gaussian(size, [float(sigma[1]), float(sigma[0])], dtype_of(floating(came.batch)), device_of(came.batch))
    return came.back(_filtered(floating(came.batch), kernel, tuple(side // 2 for side in size)))


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How fast images change downwards and to the right: (B, H, W, C) -> (B, H, W, C, 2), zeros around them."""
    x, where = floating(images), layout(data_format)
    if x.ndim != 4:
        raise Fact(f"takes a batch of images, 4 axes, got shape {tuple(x.shape)}")
    x = x if where == "channels_first" else x.permute(0, 3, 1, 2)
    right = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=device_of(x))[None, None]
    edges = torch.stack((_filtered(x, right.transpose(2, 3), 1), _filtered(x, right, 1)), -1)
    return edges if where == "channels_first" else edges.permute(0, 2, 3, 1, 4)


@op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """How alike images look, 1 for the same (Wang et al. 2004): (B, H, W, C) twice -> (B,), of the first's dtype."""
    first, second = (Images(image, data_format, "channels_first") for image in (image1, image2))
    dtype = dtype_of(first.given)
    a, b = as_floats(first.batch, second.batch)
    window = gaussian((filter_size,) * 2, (filter_sigma,) * 2, dtype_of(a), device_of(a))
    mean_a, mean_b = _filtered(a, window), _filtered(b, window)
    var_a, var_b = _filtered(a * a, window) - mean_a * mean_a, _filtered(b * b, window) - mean_b * mean_b
    both = _filtered(a * b, window) - mean_a * mean_b
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    scores = torch.mean(alike / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2)), (1, 2, 3)).to(dtype)
    return scores.squeeze(0) if first.single else scores
