"""Sizes of windows that slide over axes: output lengths and Keras's `same` padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.nn.padding import pad_same, same_pads


def window_length(size: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    """How many places a window has along an axis: `floor((n - k_eff) / s) + 1` for valid, `ceil(n / s)` else; None for an unknown n."""
    if size is None:
        return None
    return (size - (kernel - 1) * dilation - 1) // stride + 1 if padding == "valid" else -(-size // stride)


def window_shape(input_shape: Shape, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], padding: str) -> Shape:
    """`window_length` for each spatial axis; raises `Fact` where the window does not fit."""
    sizes = tuple(window_length(*each, padding) for each in zip(input_shape, kernel, strides, dilation, strict=True))
    if any(size is not None and size <= 0 for size in sizes):
        raise Fact(
            f"has a window of {tuple(kernel)}, larger than the input's {tuple(input_shape)}: the output would have sizes {sizes}",
            "use padding='same', a smaller window, or a larger input",
        )
    return sizes


def transposed_crop(kernel: int, stride: int, dilation: int, more: int | None, padding: str) -> tuple[int, int]:
    """What Keras leaves away of a full transposed convolution, (n - 1) * stride + span long, at both ends; below 0 are zeros to add.

    `more` is `output_padding`; None means as many elements as make 'same' n * stride long, and 'valid' no shorter than that.
    """
    span = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, -(max(span, stride) - span if more is None else more)
    total = span + stride - 2 if more is None else span + span % 2 - 2 + more
    left = min(-(-total // 2), span - 1)
    return span - 1 - left, span - 1 - (total - left)


def transposed_padding(kernel: int, stride: int, dilation: int, more: int | None, padding: str) -> tuple[int, int, int]:
    """`transposed_crop` as (padding, output_padding) of torch's module, and how many elements are to drop at the end after it: 0 or 1."""
    left, right = transposed_crop(kernel, stride, dilation, more, padding)
    return left, max(left - right, 0), max(right - left, 0)


def transposed_shape(input_shape: Shape, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], crops: Any) -> Shape:
    """The spatial sizes that a transposed convolution gives; raises `Fact` where nothing is left."""
    sizes = tuple(
        None if n is None else (n - 1) * s + (k - 1) * d + 1 - left - right
        for n, k, s, d, (left, right) in zip(input_shape, kernel, strides, dilation, crops, strict=True)
    )
    if any(size is not None and size <= 0 for size in sizes):
        raise Fact(f"leaves nothing of the input's {tuple(input_shape)}: the output would have sizes {sizes}", "use a larger input")
    return sizes


def without_last(x: Any, counts: Sequence[int]) -> Any:
    """A channels-first tensor without the last elements of each spatial axis: a view."""
    return x[(slice(None), slice(None), *(slice(None, -n if n else None) for n in counts))] if any(counts) else x


def padded(x: Any, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int], value: float = 0.0) -> Tensor:
    """A channels-first tensor with Keras's `same` padding, by constants where the sizes are known, else worked out when it runs.

    (B, C, *sizes) -> (B, C, *padded sizes)
    """
    sizes: Shape = x.shape[2:]
    if any(size is None and stride > 1 for size, stride in zip(sizes, strides, strict=True)):
        return pad_same(x, list(kernel), list(strides), list(dilation), value)
    anything = 1  # with stride 1, the padding is the same for every size
    pads = [same_pads(anything if size is None else size, *each) for size, *each in zip(sizes, kernel, strides, dilation, strict=True)]
    flat = [end for pair in reversed(pads) for end in pair]
    return torch.constant_pad_nd(x, flat, value) if any(flat) else x


def own_padding(kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...] | None:
    """The symmetric padding that a torch module can do itself, whatever the input's size: stride 1 and odd windows. Else None."""
    spans = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    if any(stride > 1 for stride in strides) or any(span % 2 for span in spans):
        return None
    return tuple(span // 2 for span in spans)


def channels_first(x: Any, data_format: str) -> Any:
    """A channels-last tensor with its channels moved to axis 1: a view."""
    return x if data_format == "channels_first" or x.ndim < 3 else x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def channels_back(x: Any, data_format: str, rank: int) -> Any:
    """The way back: `rank` is the number of spatial axes."""
    return x if data_format == "channels_first" else x.permute(0, *range(2, rank + 2), 1)


def unflatten(x: Any, axis: int, sizes: Sequence[int]) -> Tensor:
    """`torch.unflatten`, for a value whose type is not known; the method of tensors is written in Python, and costs twice as much."""
    return torch.unflatten(x, axis, sizes)


def spatial(shape: Shape, data_format: str) -> Shape:
    """The spatial sizes of a shape."""
    return shape[2:] if data_format == "channels_first" else shape[1:-1]


def channels(shape: Shape, data_format: str) -> int | None:
    """The number of channels of a shape."""
    return shape[1 if data_format == "channels_first" else -1]


def with_spatial(shape: Shape, sizes: Shape, channels: int | None, data_format: str) -> Shape:
    """A shape with other spatial sizes and channels."""
    return (shape[0], channels, *sizes) if data_format == "channels_first" else (shape[0], *sizes, channels)


def check_rank(shape: Shape, rank: int, data_format: str = "channels_last") -> None:
    """Raise `Fact` unless a shape has a batch axis, `rank` spatial axes and channels."""
    if not isinstance(shape, tuple) or len(shape) != rank + 2:
        axes = ["batch", *(["steps"] if rank == 1 else ["height", "width"] if rank == 2 else ["depth", "height", "width"])]
        axes = [*axes, "channels"] if data_format == "channels_last" else [axes[0], "channels", *axes[1:]]
        raise Fact(f"expects {rank + 2} axes, ({', '.join(axes)}), got shape {shape}")
