"""Classes as vectors, and images as blocks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from layergraph import config
from layergraph.config import DTypeLike
from layergraph.ops.convert import floatx, tensor, to_dtype
from layergraph.ops.convolution import Sizes, layout
from layergraph.ops.define import as_floats, op, refuse


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: DTypeLike = None, sparse: bool = False) -> Any:
    """1 at the class, 0 elsewhere, along a new `axis`: (...) -> (..., num_classes) of `floatx()`; a negative class is all 0.

    >>> one_hot([0, 2, -1], 3)
    tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    _dense("one_hot", sparse)
    x, wanted = tensor(x, "int64"), floatx() if dtype is None else config.torch_dtype(dtype)
    vectors = F.one_hot(torch.clamp(x, min=0), num_classes) * (x >= 0).unsqueeze(-1)
    return to_dtype(vectors if axis in (-1, x.ndim) else vectors.movedim(-1, axis), wanted)


@op
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: DTypeLike = None, sparse: bool = False, **kwargs: Any
) -> Any:
    """1 at each of the classes of a row, 0 elsewhere: (B, n) -> (B, num_classes), or (n,) -> (num_classes,)."""
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if kwargs or num_classes is None:
        refuse("multi_hot", f"has no argument {next(iter(kwargs))!r}" if kwargs else "wants num_classes")
    _dense("multi_hot", sparse)
    x = tensor(inputs, "int64")
    return torch.amax(one_hot(x, num_classes, axis, dtype), 1 if x.ndim > 1 else 0)


def _dense(name: str, sparse: bool) -> None:
    if sparse:
        refuse(name, "torch has dense tensors here, no sparse ones", "leave sparse out")


@op
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers from their absolute values and angles, in radians."""
    return torch.polar(*as_floats(abs_, angle))


@op
def unfold(x: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """Windows of images as columns: (B, C, H, W) -> (B, C * kh * kw, windows), channels first whatever the settings."""
    x = tensor(x)
    if x.ndim != 4:
        refuse("unfold", f"takes (B, C, H, W), got shape {tuple(x.shape)}")
    return F.unfold(x, *map(_size, (kernel_size, dilation, padding, stride)))


@op
def fold(x: Any, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """Columns of `unfold` added up to images: (B, C * kh * kw, windows) -> (B, C, *output_size)."""
    x = tensor(x)
    if x.ndim != 3:
        refuse("fold", f"takes (B, C * kh * kw, windows), got shape {tuple(x.shape)}")
    return F.fold(x, *map(_size, (output_size, kernel_size, dilation, padding, stride)))


def _size(size: Sizes) -> int | tuple[int, ...]:
    return size if isinstance(size, int) else tuple(size)


def _blocks(name: str, x: Any, block_size: int, data_format: str) -> tuple[Any, str]:
    x = tensor(x)
    if block_size < 2 or x.ndim != 4:
        refuse(name, f"takes a block_size of at least 2 and a batch of images, got {block_size} and shape {tuple(x.shape)}")
    return x, layout(data_format)


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as blocks of pixels: (B, H, W, b * b * C) -> (B, H * b, W * b, C); channels first, torch's pixel_shuffle."""
    x, where = _blocks("depth_to_space", x, block_size, data_format)
    if where == "channels_first":
        return F.pixel_shuffle(x, block_size)
    return x.unflatten(3, [block_size, block_size, -1]).permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)


@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """The inverse of `depth_to_space`: (B, H, W, C) -> (B, H / b, W / b, b * b * C)."""
    x, where = _blocks("space_to_depth", x, block_size, data_format)
    if where == "channels_first":
        return F.pixel_unshuffle(x, block_size)
    return x.unflatten(2, [-1, block_size]).unflatten(1, [-1, block_size]).permute(0, 1, 3, 2, 4, 5).flatten(3)
