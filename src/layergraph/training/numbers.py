"""Small helpers that losses, metrics and data share: conversion to tensors, dtypes, names."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor


def as_tensor(value: Any, device: torch.device | None = None) -> Tensor:
    """`value` as a tensor; numbers and float64 arrays become float32, tensors stay what they are."""
    if not isinstance(value, Tensor):
        value = torch.as_tensor(value)
        if value.dtype is torch.float64:
            value = value.float()
    return value if device is None or value.device == device else value.to(device)


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """`a / b`, and 0 where `b` is 0."""
    return torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))


def torch_dtype(dtype: Any) -> torch.dtype:
    """`'float32'` or `torch.float32` -> `torch.float32`."""
    return dtype if isinstance(dtype, torch.dtype) else getattr(torch, str(dtype))


def snake_case(name: str) -> str:
    """`MeanSquaredError` -> `mean_squared_error`, `KLDivergence` -> `kl_divergence`."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
