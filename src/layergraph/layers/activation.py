"""Activation functions with arguments, as layers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph import activations
from layergraph.errors import Fact, ShapeError, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Argument,
    Axes,
    Constraint,
    Initializer,
    Regularizer,
    checked,
    constraint,
    initializer,
    is_int,
    number,
    regularizer,
)
from layergraph.layers.normalization import axes
from layergraph.layers.weights import Layout, Weight


class _Elementwise(Layer):
    """A function of each element."""

    supports_masking = True

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

    Keras 2's `alpha=` is taken for `negative_slope=`, with a warning.

    >>> import torch
    >>> LeakyReLU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.3000,  2.0000])
    """

    _renamed: ClassVar[Mapping[str, str]] = MappingProxyType({"alpha": "negative_slope"})

    negative_slope: float = number(default=0.3, low=0)

    def call(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)


class ELU(_Elementwise):
    """x where x >= 0, `alpha * (exp(x) - 1)` below (Clevert et al. 2016).

    (B, ...) -> (B, ...)

    >>> import torch
    >>> ELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    alpha: float = number(default=1.0)

    def call(self, x: Tensor) -> Tensor:
        return F.elu(x, self.alpha)


def _as_vector(alpha: Tensor) -> tuple[Tensor]:
    return (alpha.reshape(-1),)


def _shared_axes(value: Any, owner: Any) -> list[int] | None:
    if value is None:
        return None
    given = list(value) if is_sequence(value) else [value]
    if not all(is_int(axis) and axis > 0 for axis in given):
        raise Fact(f"must be None, or axes from 1 on (0 is the batch), got {shown(value)}")
    return [int(axis) for axis in given]


class PReLU(_Elementwise):
    """x where x >= 0, `alpha * x` below, with a learned alpha for each element (He et al. 2015).

    (B, ...) -> (B, ...)

    Where alpha differs along one axis at most, as with `shared_axes=[1, 2]` on images, it is an nn.PReLU.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha; its shape is the input's without the batch, with 1 at
            the shared axes.
        shared_axes: axes along which alpha is the same; 1 is the first after the batch.

    >>> from layergraph import Input
    >>> prelu = PReLU(shared_axes=[1, 2])
    >>> prelu(Input(shape=(8, 8, 16))).shape, prelu.get_weights()[0].shape
    ((None, 8, 8, 16), (1, 1, 16))
    """

    _casts_integers: ClassVar[bool] = True

    alpha_initializer: Initializer = initializer(default="Zeros")
    alpha_regularizer: Regularizer = regularizer(default=None)
    alpha_constraint: Constraint = constraint(default=None)
    shared_axes: Argument[int | list[int] | tuple[int, ...] | None, list[int] | None] = checked(_shared_axes, default=None)

    def build(self, input_shape: Shape) -> None:
        sizes = self._alpha_shape = self._sizes(input_shape)
        if len(self._own_axes(len(input_shape))) > 1:
            self.prelu: Any = nn.ParameterDict({"alpha": nn.Parameter(torch.zeros(sizes))})
        else:
            self.prelu = nn.PReLU(max(sizes, default=1))

    def call(self, x: Tensor) -> Tensor:
        own = self._own_axes(x.ndim)
        if len(own) > 1:
            return torch.relu(x) - self.prelu.alpha * torch.relu(-x)
        if own in ([], [1]):
            return self.prelu(x)
        rest = [axis for axis in range(1, x.ndim) if axis != own[0]]
        order = [0, own[0], *rest]
        return self.prelu(x.permute(*order)).permute(*(order.index(axis) for axis in range(x.ndim)))

    def keras_weights(self) -> list[Weight]:
        whole: Any = getattr(self.prelu, "alpha", None)
        if whole is not None:
            return [Weight("alpha", (whole,))]
        return [Weight("alpha", (self.prelu.weight,), Layout(self._as_keras, _as_vector))]

    def _as_keras(self, alpha: Tensor) -> Tensor:
        return alpha.reshape(self._alpha_shape)

    def _own_axes(self, rank: int) -> list[int]:
        """The axes along which alpha differs."""
        return [axis for axis in range(1, rank) if axis not in (self.shared_axes or ())]

    def _sizes(self, input_shape: Shape) -> tuple[int, ...]:
        """alpha's shape, as Keras has it."""
        own = self._own_axes(len(input_shape))
        return tuple((input_shape[axis] or 0) if axis in own else 1 for axis in range(1, len(input_shape)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = super().compute_output_shape(input_shape)
        if not shape:
            raise Fact(f"takes an input with a batch axis, got shape {shape}")
        wrong = [axis for axis in self.shared_axes or () if axis >= len(shape)]
        if wrong:
            raise Fact(f"has shared_axes {self.shared_axes}, of which {wrong[0]} is out of range for shape {shape}")
        unknown = [axis for axis in self._own_axes(len(shape)) if shape[axis] is None]
        if unknown:
            raise Fact(
                f"needs a known size at axis {unknown[0]}, since alpha has as many values; the input's shape is {shape}",
                f"give it in Input(shape=...), or share alpha along it: shared_axes=[{unknown[0]}]",
            )
        if self.built and self._sizes(shape) != self._alpha_shape:
            raise Fact(f"was built for an alpha of shape {self._alpha_shape}, got an input of shape {shape}", "use another layer")
        return shape


def _check_mask(layer: Layer, mask: Any, x: Any) -> None:
    """Raise ShapeError for a mask that does not broadcast to `x`; it must have no more axes, and none that is larger."""
    pairs = zip(reversed(mask.shape), reversed(x.shape), strict=False)
    if mask.ndim > x.ndim or any(None not in (m, n) and m not in (1, n) for m, n in pairs):
        raise ShapeError(
            f"{layer.label}: a mask of shape {tuple(mask.shape)} does not broadcast to the input's {tuple(x.shape)}",
            "each size of the mask must be 1, or the input's",
        )


class Softmax(_Elementwise):
    """Exponentials along an axis (or several), divided by their sum.

    (B, ...) -> (B, ...)

    `layer(x, mask=m)` gives 0 where the mask is False, and shares the 1 among the rest; all is 0 where the mask is False along
    the whole axis. The mask must broadcast to the input; numbers count as True above 0.5.

    >>> import torch
    >>> Softmax()(torch.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    >>> Softmax()(torch.zeros(1, 4), mask=torch.tensor([True, True, False, False]))
    tensor([[0.5000, 0.5000, 0.0000, 0.0000]])
    """

    axis: Axes = checked(axes, default=-1)

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return self._softmax(x)
        _check_mask(self, mask, x)
        kept = mask if mask.dtype is torch.bool else torch.gt(mask, 0.5)
        lowest = -3e4 if x.dtype is torch.float16 else -1e9
        return torch.where(kept, self._softmax(torch.where(kept, x, lowest)), 0.0)

    def _softmax(self, x: Tensor) -> Tensor:
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
