"""Padding whose amount depends on the size: `ceil(n / stride)` outputs, the larger half at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary  # pyright: ignore[reportUnknownVariableType] (torch gives no type)

_larger: Callable[[Any, Any], Any] = torch.sym_max  # pyright: ignore[reportUnknownVariableType] (torch gives no types)


def same_pads(size: Any, kernel: int, stride: int, dilation: int) -> tuple[Any, Any]:
    """(before, after) along one axis of `size` elements (an int, or torch's symbolic int)."""
    total = _larger(0, ((size + stride - 1) // stride - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2


def pad_same(x: Tensor, kernel: list[int], stride: list[int], dilation: list[int], value: float = 0.0) -> Tensor:
    """(B, C, *sizes) -> (B, C, *padded sizes), the padding worked out from the sizes of `x`."""
    if has_torch_function_unary(x):
        return handle_torch_function(pad_same, (x,), x, kernel, stride, dilation, value)
    pads = [same_pads(size, *each) for size, *each in zip(x.shape[2:], kernel, stride, dilation, strict=True)]
    return F.pad(x, [end for pair in reversed(pads) for end in pair], value=value)


_AVERAGES = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def average_of_real(x: Tensor, kernel: list[int], stride: list[int]) -> Tensor:
    """Average pool with `same` padding where each window counts its real elements only.

    (B, C, *sizes) -> (B, C, *ceil(sizes / stride)). torch pads both ends alike, so this is the sum over the padded input
    divided by the sum over padded ones.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(average_of_real, (x,), x, kernel, stride)
    ones = [1] * len(kernel)
    pool = _AVERAGES[len(kernel)]
    counts = pad_same(torch.ones_like(x[:1, :1]), kernel, stride, ones)
    return pool(pad_same(x, kernel, stride, ones), kernel, stride) / pool(counts, kernel, stride)
