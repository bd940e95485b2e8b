"""Indices that come as floats."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary  # pyright: ignore[reportUnknownVariableType] (torch gives no type)


def whole_indices(x: Tensor) -> Tensor:
    """Integer indices from a tensor of any dtype; raises ValueError where a float is no whole number.

    (...) -> (...) of int64. The check needs the values, so it is left out under torch.compile and torch.export.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(whole_indices, (x,), x)
    indices = x.to(torch.int64)
    if x.is_floating_point() and not torch.compiler.is_compiling() and not bool((indices == x).all()):
        raise ValueError(f"indices came as {str(x.dtype).removeprefix('torch.')} with fractional values; pass integers (int64 or int32)")
    return indices
