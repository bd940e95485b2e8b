"""Activation functions with arguments, as layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph import activations
from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.layers.base import Layer
from layergraph.layers.fields import Axes, checked, number
from layergraph.layers.normalization import axes


class _Elementwise(Layer):
    """A function of each element."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(input_shape, tuple):
            raise Fact(f"takes one tensor, got {input_shape}")
        return input_shape


class ReLU(_Elementwise):
    """`max_value` where x >= max_value, x where x >= threshold, `negative_slope * (x - threshold)` below.

    (B, ...) -> (B, ...)

    >>> import torch
    >>> ReLU(max_value=6.0)(torch.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """

    max_value: float | None = number(default=None, low=0, optional=True)
    negative_slope: float = number(default=0.0, low=0)
    threshold: float = number(default=0.0, low=0)

    def call(self, x: Tensor) -> Tensor:
        if (self.max_value, self.negative_slope, self.threshold) == (None, 0, 0):
            return torch.relu(x)
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Elementwise):
    """x where x >= 0, `negative_slope * x` below.

    (B, ...) -> (B, ...)

    >>> import torch
    >>> LeakyReLU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.3000,  2.0000])
    """

    negative_slope: float = number(default=0.3, low=0)

    def call(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)


class Softmax(_Elementwise):
    """Exponentials along an axis (or several), divided by their sum.

    (B, ...) -> (B, ...)

    >>> import torch
    >>> Softmax()(torch.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    axis: Axes = checked(axes, default=-1)

    def call(self, x: Tensor) -> Tensor:
        axis: Any = self.axis
        if isinstance(axis, int):
            return torch.softmax(x, axis)
        return torch.exp(x - torch.logsumexp(x, axis, keepdim=True))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape, rank = super().compute_output_shape(input_shape), len(input_shape)
        for axis in self.axis if isinstance(self.axis, list) else [self.axis]:
            if not -rank <= axis < rank:
                raise Fact(f"axis {axis} is out of range for rank {rank}, of shape {input_shape}")
        return shape
