"""Images (H, W, C), or a batch of them, (B, H, W, C), in other sizes, and cut into patches.

`data_format` None is `config.image_data_format()`; with 'channels_first', images are (C, H, W) or (B, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from layergraph.errors import Fact
from layergraph.nn.images import RESIZES
from layergraph.nn.images import resize as resized
from layergraph.ops.convert import dtype_of, tensor
from layergraph.ops.convolution import Sizes, conv, layout
from layergraph.ops.define import op
from layergraph.ops.images import Images, channel_axis, choice, device_of, known


@op
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size: (B, H, W, C) -> (B, *size, C), the dtype kept, ints rounded.

    Args:
        interpolation: 'bilinear', 'nearest' or 'bicubic', by torch's `F.interpolate`; it has no Lanczos.
        antialias: whether a smaller image is smoothed first.
        crop_to_aspect_ratio, pad_to_aspect_ratio: whether the middle is cut out, or `fill_value` put around, so that nothing is
            stretched.

    >>> resize(torch.zeros(2, 8, 6, 3), (4, 4)).shape
    torch.Size([2, 4, 4, 3])
    """
    height, width = (int(side) for side in size)
    if min(height, width) < 1 or fill_mode != "constant" or (crop_to_aspect_ratio and pad_to_aspect_ratio):
        raise Fact("takes a size of at least 1, fill_mode 'constant', and one of crop_to_aspect_ratio and pad_to_aspect_ratio")
    choice("interpolation", interpolation, RESIZES)
    came = Images(images, data_format, "channels_first")
    ratio = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else ""
    return came.back(
        resized(came.batch, (height, width), interpolation, antialias, ratio, fill_value, dtype_of(came.batch), tuple(came.batch.shape[2:]))
    )


def _sides(name: str, given: tuple[int | None, int | None, int | None], size: int | None, sign: int) -> tuple[int, int]:
    """What is added or cut before and after, two of (before, after, target) given: target = size + sign * (before + after)."""
    if given.count(None) != 1 or any(each is not None and each < 0 for each in given):
        raise Fact(f"takes two of three for the {name}, each at least 0: before, after and the target; got {given}")
    before, after, target = given
    if target is not None:
        more = sign * (target - known(size, name))
        before, after = (more - (after or 0), after or 0) if before is None else (before, more - before)
    before, after = before or 0, after or 0
    if min(before, after) < 0 or (size is not None and size + sign * (before + after) < 0):
        raise Fact(f"cannot make a {name} of {target} from {size} with {before} before and {after} after")
    return before, after


def _frame(images: Any, data_format: str | None, heights: Any, widths: Any, sign: int) -> tuple[Any, list[int]]:
    """A tensor, and how F.pad changes its sides, less than 0 cutting away."""
    x = tensor(images)
    last = channel_axis(x, data_format) == -1
    height, width = x.shape[-3:-1] if last else x.shape[-2:]
    top, bottom = _sides("height", heights, height, sign)
    left, right = _sides("width", widths, width, sign)
    return x, [0, 0] * last + [sign * side for side in (left, right, top, bottom)]


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around them: (B, H, W, C) -> (B, target_height, target_width, C).

    Two of top, bottom and target height are given, and two of left, right and target width.
    """
    heights, widths = (top_padding, bottom_padding, target_height), (left_padding, right_padding, target_width)
    return torch.constant_pad_nd(*_frame(images, data_format, heights, widths, 1))


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """The inner part of images: (B, H, W, C) -> (B, target_height, target_width, C). As for `pad_images`, two of three are given."""
    heights, widths = (top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width)
    return torch.constant_pad_nd(*_frame(images, data_format, heights, widths, -1))


def _patches(images: Any, size: tuple[int, ...], strides: Sizes | None, dilation: Sizes, padding: str, data_format: str | None) -> Any:
    """A convolution whose filters each read one value of a window."""
    x, where = tensor(images), layout(data_format)
    single = x.ndim == len(size) + 1
    x = x.unsqueeze(0) if single else x
    channels = known(x.shape[-1 if where == "channels_last" else 1], "number of channels")
    values = math.prod(size) * channels
    kernel = torch.eye(values, dtype=dtype_of(x), device=device_of(x))
    y = conv(x, kernel.reshape(*size, channels, values), strides or size, padding, where, dilation)
    return y.squeeze(0) if single else y


@op
def extract_patches(
    images: Any,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of images as channels: (B, H, W, C) -> (B, H', W', h * w * C). A size of three is `extract_patches_3d`'s.

    >>> extract_patches(torch.zeros(1, 8, 8, 3), 4).shape
    torch.Size([1, 2, 2, 48])
    """
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) not in (2, 3):
        raise Fact(f"takes a size of one int, two or three, got {size!r}")
    return _patches(images, sides, strides, dilation_rate, padding, data_format)


@op
def extract_patches_3d(
    volumes: Any,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of volumes as channels: (B, D, H, W, C) -> (B, D', H', W', d * h * w * C)."""
    sides = (size,) * 3 if isinstance(size, int) else tuple(size)
    return _patches(volumes, sides, strides, dilation_rate, padding, data_format)
