"""Convolutions and pools as ops: over 1, 2 or 3 spatial axes by the rank of what comes, kernels in Keras's layout.

`data_format` None is `config.image_data_format()`. 'same' padding is Keras's: `ceil(n / stride)` places, the larger half at
the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from layergraph.errors import Fact, suggestion
from layergraph.layers import sizes
from layergraph.layers.fields import ints
from layergraph.nn.padding import average_of_real
from layergraph.ops.convert import tensor
from layergraph.ops.define import as_floats, op
from layergraph.ops.settings import image_data_format

Sizes = int | Sequence[int]

_CONV: dict[int, Callable[..., Any]] = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_TRANSPOSED: dict[int, Callable[..., Any]] = {1: torch.conv_transpose1d, 2: torch.conv_transpose2d, 3: torch.conv_transpose3d}
_MAX: dict[int, Callable[..., Any]] = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}
_AVERAGE: dict[int, Callable[..., Any]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE_MAX: dict[int, Callable[..., Any]] = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
_ADAPTIVE_AVERAGE: dict[int, Callable[..., Any]] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


def layout(data_format: str | None) -> str:
    """A data format that may be left out."""
    if data_format is None:
        return image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise Fact(
            f"data_format is 'channels_last', 'channels_first' or None, got {data_format!r}",
            suggestion(data_format, ("channels_last", "channels_first")),
        )
    return data_format


def _rank(x: Any) -> int:
    if x.ndim not in (3, 4, 5):
        raise Fact(f"takes a batch with 1, 2 or 3 spatial axes and channels, got shape {tuple(x.shape)}")
    return x.ndim - 2


def _each(name: str, value: Sizes, rank: int, minimum: int = 1) -> tuple[int, ...]:
    try:
        return ints(value, rank, minimum)
    except Fact as fact:
        raise Fact(f"{name} {fact.what}", fact.fix) from None


def _word(padding: str) -> str:
    word = padding.lower()
    if word not in ("valid", "same"):
        raise Fact(f"padding is 'valid' or 'same', got {padding!r}", suggestion(word, ("valid", "same")))
    return word


@op
def conv(
    inputs: Any, kernel: Any, strides: Sizes = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Sizes = 1
) -> Any:
    """Convolution, in groups where the kernel takes fewer channels than there are: (B, *sizes, C), kernel (*window, C / groups, filters).

    (B, H, W, C) -> (B, H', W', filters)

    >>> conv(torch.zeros(1, 8, 8, 3), torch.zeros(3, 3, 3, 16), strides=2, padding="same").shape
    torch.Size([1, 4, 4, 16])
    """
    inputs, kernel = as_floats(inputs, kernel)
    return _convolved(inputs, kernel, strides, padding, layout(data_format), dilation_rate)


def _convolved(x: Any, kernel: Any, strides: Sizes, padding: str, data_format: str, dilation_rate: Sizes) -> Any:
    rank = _rank(x)
    if kernel.ndim != x.ndim:
        raise Fact(f"takes a kernel of {x.ndim} axes for an input of {x.ndim}, got shape {tuple(kernel.shape)}")
    strides, dilation = _each("strides", strides, rank), _each("dilation_rate", dilation_rate, rank)
    channels, wanted = sizes.channels(x.shape, data_format), kernel.shape[-2]
    if channels is None or channels % wanted:
        raise Fact(f"has a kernel for {wanted} channels, which {channels} channels of shape {tuple(x.shape)} are no multiple of")
    window = tuple(kernel.shape[:-2])
    same = _word(padding) == "same"
    own = sizes.own_padding(window, strides, dilation) if same else (0,) * rank
    x = sizes.channels_first(x, data_format)
    if own is None:
        x = sizes.padded(x, window, strides, dilation)
    y = _CONV[rank](x, _torch_kernel(kernel), None, strides, own or (0,) * rank, dilation, channels // wanted)
    return sizes.channels_back(y, data_format, rank)


def _torch_kernel(kernel: Any) -> Any:
    """(*window, in, out) -> (out, in, *window)"""
    rank = kernel.ndim - 2
    return kernel.permute(rank + 1, rank, *range(rank))


@op
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Sizes = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Sizes = 1
) -> Any:
    """Convolution of each channel by itself: (B, *sizes, C), kernel (*window, C, multiplier) -> (B, *sizes', C * multiplier)."""
    inputs, kernel = as_floats(inputs, kernel)
    return _convolved(inputs, _depthwise_kernel(inputs, kernel, data_format), strides, padding, layout(data_format), dilation_rate)


def _depthwise_kernel(x: Any, kernel: Any, data_format: str | None) -> Any:
    """(*window, C, multiplier) -> (*window, 1, C * multiplier)"""
    channels = sizes.channels(x.shape, layout(data_format))
    if kernel.shape[-2] != channels:
        raise Fact(f"has a kernel for {kernel.shape[-2]} channels, got {channels} in shape {tuple(x.shape)}")
    return kernel.flatten(-2).unsqueeze(-2)


@op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """`depthwise_conv`, then a mixture of the channels by a kernel (1, ..., C * multiplier, filters): -> (B, *sizes', filters)."""
    x, depthwise, pointwise = as_floats(inputs, depthwise_kernel, pointwise_kernel)
    x = _convolved(x, _depthwise_kernel(x, depthwise, data_format), strides, padding, layout(data_format), dilation_rate)
    return _convolved(x, pointwise, 1, "valid", layout(data_format), 1)


@op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Transposed convolution: (B, *sizes, C), kernel (*window, filters, C) -> (B, *sizes', filters).

    A size n becomes `n * stride` for 'same', `(n - 1) * stride + max(window, stride)` for 'valid', and with `output_padding`
    `(n - 1) * stride + window % 2 + output_padding` or `(n - 1) * stride + window + output_padding`.
    """
    x, kernel = as_floats(inputs, kernel)
    rank, data_format, word = _rank(x), layout(data_format), _word(padding)
    strides, dilation = _each("strides", strides, rank), _each("dilation_rate", dilation_rate, rank)
    more = (None,) * rank if output_padding is None else _each("output_padding", output_padding, rank, 0)
    channels = sizes.channels(x.shape, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != channels:
        raise Fact(f"takes a kernel (*window, filters, {channels}) for shape {tuple(x.shape)}, got shape {tuple(kernel.shape)}")
    crops = [sizes.transposed_crop(*each, word) for each in zip(kernel.shape, strides, dilation, more, strict=False)]
    y = _TRANSPOSED[rank](sizes.channels_first(x, data_format), _torch_kernel(kernel), None, strides, 0, 0, 1, dilation)
    ends = [-end for crop in reversed(crops) for end in crop]
    y = torch.constant_pad_nd(y, ends) if any(ends) else y
    return sizes.channels_back(y, data_format, rank)


# Pools


def _windows(x: Any, pool_size: Sizes, strides: Sizes | None, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    pool = _each("pool_size", pool_size, rank)
    return pool, pool if strides is None else _each("strides", strides, rank)


@op
def max_pool(inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None) -> Any:
    """Maximum over windows: (B, *sizes, C) -> (B, *sizes', C). Strides are the window's size unless given.

    >>> max_pool(torch.tensor([[[1.0], [3.0], [2.0]]]), 2, padding="same").flatten()
    tensor([3., 2.])
    """
    x = tensor(inputs)
    rank, data_format = _rank(x), layout(data_format)
    pool, strides = _windows(x, pool_size, strides, rank)
    x = sizes.channels_first(x, data_format)
    if _word(padding) == "same":
        x = sizes.padded(x, pool, strides, (1,) * rank, float("-inf"))
    return sizes.channels_back(_MAX[rank](x, pool, strides), data_format, rank)


@op
def average_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Mean over windows: (B, *sizes, C) -> (B, *sizes', C). For 'same', over the real elements of each window.

    Keras 3.15 on torch repeats the edge and counts it, where the padding is not the same at both ends.

    >>> average_pool(torch.tensor([[[1.0], [3.0], [2.0]]]), 2, padding="same").flatten()
    tensor([2., 2.])
    """
    x = tensor(inputs)
    rank, data_format = _rank(x), layout(data_format)
    pool, strides = _windows(x, pool_size, strides, rank)
    own = sizes.own_padding(pool, strides, (1,) * rank) if _word(padding) == "same" else (0,) * rank
    x = sizes.channels_first(x, data_format)
    y = _AVERAGE[rank](x, pool, strides, own, count_include_pad=False) if own else average_of_real(x, list(pool), list(strides))
    return sizes.channels_back(y, data_format, rank)


def _adaptive(functions: dict[int, Callable[..., Any]], inputs: Any, output_size: Sizes, data_format: str | None) -> Any:
    x = tensor(inputs)
    rank, data_format = _rank(x), layout(data_format)
    wanted = _each("output_size", output_size, rank)
    y = functions[rank](sizes.channels_first(x, data_format), wanted if rank > 1 else wanted[0])
    return sizes.channels_back(y, data_format, rank)


@op
def adaptive_max_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """Maximum over as many windows as `output_size` says: (B, *sizes, C) -> (B, *output_size, C)."""
    return _adaptive(_ADAPTIVE_MAX, inputs, output_size, data_format)


@op
def adaptive_average_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """Mean over as many windows as `output_size` says: (B, *sizes, C) -> (B, *output_size, C)."""
    return _adaptive(_ADAPTIVE_AVERAGE, inputs, output_size, data_format)
