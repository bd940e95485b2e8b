"""Gaussian noise, added or multiplied, in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary  # pyright: ignore[reportUnknownVariableType] (torch gives no type)


def gaussian_noise(x: Tensor, stddev: float, training: bool) -> Tensor:
    """(...) -> (...), each element with its own draw of N(0, stddev) added."""
    if has_torch_function_unary(x):
        return handle_torch_function(gaussian_noise, (x,), x, stddev, training)
    return x + torch.randn_like(x) * stddev if training and stddev else x


def gaussian_dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """(...) -> (...), each element times its own draw of N(1, sqrt(p / (1 - p))), with the spread of a dropout (Srivastava et al. 2014)."""
    if has_torch_function_unary(x):
        return handle_torch_function(gaussian_dropout, (x,), x, p, training)
    return x * (1 + torch.randn_like(x) * math.sqrt(p / (1 - p))) if training and p else x


class GaussianNoise(nn.Module):
    """`gaussian_noise` in training, nothing in evaluation."""

    def __init__(self, stddev: float):
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return gaussian_noise(x, self.stddev, self.training)

    def extra_repr(self) -> str:
        return f"stddev={self.stddev}"


class GaussianDropout(nn.Module):
    """`gaussian_dropout` in training, nothing in evaluation."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return gaussian_dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
