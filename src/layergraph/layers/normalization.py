"""Normalizations of each sample by its own statistics; by the batch's, see `batch_normalization.py`."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_list, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Axes,
    Constraint,
    Initializer,
    Regularizer,
    checked,
    constraint,
    flag,
    initializer,
    is_int,
    number,
    regularizer,
    whole,
)
from layergraph.layers.weights import Weight


def affine(layer: Any, module: Any) -> list[Weight]:
    """gamma and beta, as far as the layer has them."""
    gamma = [Weight("gamma", (module.weight,))] if layer.scale else []
    return gamma + ([Weight("beta", (module.bias,))] if layer.center else [])


def drop_unused(layer: Any, module: nn.Module) -> None:
    """torch's modules have both gamma and beta, or none."""
    if not layer.scale:
        module.register_parameter("weight", None)
    if not layer.center:
        module.register_parameter("bias", None)


def channels_second(x: Any, axis: int) -> Any:
    """A tensor with its axis `axis` moved to 1, and the others in their order: a view."""
    return x if axis % x.ndim == 1 else x.permute(0, axis % x.ndim, *(i for i in range(1, x.ndim) if i != axis % x.ndim))


def channels_home(x: Any, axis: int, rank: int) -> Any:
    """The way back; `rank` counts all axes."""
    axis %= rank
    return x if axis == 1 else x.permute(0, *range(2, axis + 1), 1, *range(axis + 1, rank))


def check_channels(input_shape: Shape, axis: int) -> int:
    """The size at `axis`, where it is a known one and not the batch's. Raises `Fact`."""
    rank = len(input_shape)
    if rank < 2:
        raise Fact(f"takes an input of at least 2 axes, got shape {input_shape}")
    if not -rank <= axis < rank or axis % rank == 0:
        raise Fact(f"axis {axis} is out of range for rank {rank}, of shape {input_shape}; axis 0 is the batch")
    size = input_shape[axis]
    if size is None:
        raise Fact(f"needs a known size at axis {axis}, got shape {input_shape}", "give it in Input(shape=...)")
    return size


def axes(value: Any, owner: Any) -> int | list[int]:
    if is_int(value):
        return int(value)
    if not is_sequence(value) or not value or not all(map(is_int, value)):
        raise Fact(f"must be an int or a list of ints, got {shown(value)}")
    return [int(axis) for axis in value]


def sorted_axes(layer: Any, rank: int) -> list[int]:
    """The layer's axes counted from 0, in order. Raises `Fact`."""
    axes: list[int] = layer.axis if is_list(layer.axis) else [layer.axis]
    wrong = [axis for axis in axes if not -rank <= axis < rank]
    if wrong:
        raise Fact(f"axis {wrong[0]} is out of range for rank {rank}")
    found = sorted({axis % rank for axis in axes})
    if len(found) != len(axes):
        raise Fact(f"names an axis twice: {layer.axis}, for rank {rank}")
    return found


def axes_of(layer: Any, input_shape: Shape) -> list[int]:
    """`sorted_axes` for a shape, which the error tells."""
    try:
        return sorted_axes(layer, len(input_shape))
    except Fact as fact:
        raise Fact(f"{fact.what}, of shape {input_shape}") from None


class _OverAxes(Layer):
    """A normalization over some axes of each sample, with weights of their sizes; torch's modules do it over the last axes."""

    _casts_integers: ClassVar[bool] = True

    def _normalized_shape(self, input_shape: Shape) -> list[Any]:
        return [input_shape[axis] for axis in sorted_axes(self, len(input_shape))]

    def _over_last(self, module: Any, x: Tensor) -> Tensor:
        """`module` with the layer's axes moved behind the others."""
        axes, rank = sorted_axes(self, x.ndim), x.ndim
        order = [*(i for i in range(rank) if i not in axes), *axes]
        if order == list(range(rank)):
            return module(x)
        return module(x.permute(*order)).permute(*(order.index(i) for i in range(rank)))

    def _built_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = tuple(input_shape[axis] for axis in axes_of(self, input_shape))
        if None in sizes:
            raise Fact(f"needs known sizes at axis {self.axis}, got shape {input_shape}", "give them in Input(shape=...)")
        if self.built and sizes != self._built_shape():
            raise Fact(f"was built for sizes {self._built_shape()}, got shape {input_shape}", "use another layer")
        return input_shape


class LayerNormalization(_OverAxes):
    """Normalizes each sample over some axes.

    (B, ..., C) -> (B, ..., C)

    Args:
        axis: an axis, or a list of axes, over which mean and variance are taken; gamma and beta have their sizes.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.

    Keras's old `rms_scaling=True` is taken, with a warning: it divides by the standard deviation without taking the mean off,
    and has a gamma and no beta. `RMSNormalization` is what its name says.

    >>> from layergraph import Input
    >>> LayerNormalization()(Input(shape=(10, 16))).shape
    (None, 10, 16)
    """

    supports_masking = True

    axis: Axes = checked(axes, default=-1)
    epsilon: float = number(default=1e-3, low=0)
    center: bool = flag(default=True)
    scale: bool = flag(default=True)
    rms_scaling: bool = flag(default=False, kw_only=True)
    beta_initializer: Initializer = initializer(default="zeros")
    gamma_initializer: Initializer = initializer(default="ones")
    beta_regularizer: Regularizer = regularizer(default=None)
    gamma_regularizer: Regularizer = regularizer(default=None)
    beta_constraint: Constraint = constraint(default=None)
    gamma_constraint: Constraint = constraint(default=None)

    def check_fields(self) -> None:
        if self.rms_scaling:
            warnings.warn(
                f"{self.label}: rms_scaling=True divides by the standard deviation, not by the root mean square; "
                "use layers.RMSNormalization",
                stacklevel=3,
            )

    def build(self, input_shape: Shape) -> None:
        sizes = self._normalized_shape(input_shape)
        if self.rms_scaling:
            self.rms: Any = nn.ParameterDict({"weight": nn.Parameter(torch.ones(sizes))})
            return
        self.layer_norm = nn.LayerNorm(sizes, eps=self.epsilon)
        drop_unused(self, self.layer_norm)

    def call(self, x: Tensor) -> Tensor:
        return self._over_last(self._by_deviation if self.rms_scaling else self.layer_norm, x)

    def _by_deviation(self, x: Tensor) -> Tensor:
        last = tuple(range(-len(self.axis) if isinstance(self.axis, list) else -1, 0))
        return x * torch.rsqrt(torch.var(x, last, correction=0, keepdim=True) + self.epsilon) * self.rms.weight

    def keras_weights(self) -> list[Weight]:
        return [Weight("gamma", (self.rms.weight,))] if self.rms_scaling else affine(self, self.layer_norm)

    def _built_shape(self) -> tuple[int, ...]:
        return tuple(self.rms.weight.shape if self.rms_scaling else self.layer_norm.normalized_shape)


class RMSNormalization(_OverAxes):
    """Divides each sample by its root mean square over some axes (Zhang and Sennrich 2019): torch's RMSNorm.

    (B, ..., C) -> (B, ..., C)

    Args:
        axis: an axis, or a list of axes, over which the mean of squares is taken; the scale has their sizes.
        epsilon: added to the mean of squares.

    >>> from layergraph import Input
    >>> RMSNormalization()(Input(shape=(10, 16))).shape
    (None, 10, 16)
    """

    axis: Axes = checked(axes, default=-1)
    epsilon: float = number(default=1e-6, low=0)

    def build(self, input_shape: Shape) -> None:
        self.rms_norm = nn.RMSNorm(self._normalized_shape(input_shape), eps=self.epsilon)

    def call(self, x: Tensor) -> Tensor:
        return self._over_last(self.rms_norm, x)

    def keras_weights(self) -> list[Weight]:
        return [Weight("scale", (self.rms_norm.weight,))]

    def _built_shape(self) -> tuple[int, ...]:
        return tuple(self.rms_norm.normalized_shape)


class GroupNormalization(Layer):
    """Normalizes each sample in groups of channels (Wu and He 2018): torch's GroupNorm.

    (B, ..., C) -> (B, ..., C), C at `axis`

    Args:
        groups: how many groups the channels make; -1 gives each channel its own, which is instance normalization.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma, one for each channel.

    >>> from layergraph import Input
    >>> GroupNormalization(4)(Input(shape=(8, 8, 16))).shape
    (None, 8, 8, 16)
    """

    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    groups: int = whole(default=32)
    axis: int = whole(default=-1)
    epsilon: float = number(default=1e-3, low=0)
    center: bool = flag(default=True)
    scale: bool = flag(default=True)
    beta_initializer: Initializer = initializer(default="zeros")
    gamma_initializer: Initializer = initializer(default="ones")
    beta_regularizer: Regularizer = regularizer(default=None)
    gamma_regularizer: Regularizer = regularizer(default=None)
    beta_constraint: Constraint = constraint(default=None)
    gamma_constraint: Constraint = constraint(default=None)

    def check_fields(self) -> None:
        if self.groups < 1 and self.groups != -1:
            raise Fact(f"has groups {self.groups}, which must be a positive int, or -1 for as many as there are channels")

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[self.axis] or 0
        self.group_norm = nn.GroupNorm(channels if self.groups == -1 else self.groups, channels, eps=self.epsilon)
        drop_unused(self, self.group_norm)
        if self.center and not self.scale:  # without a weight, torch's backward of one with a bias fails
            del self.group_norm.weight
            self.group_norm.register_buffer("weight", torch.ones(channels), persistent=False)

    def call(self, x: Tensor) -> Tensor:
        return channels_home(self.group_norm(channels_second(x, self.axis)), self.axis, x.ndim)

    def keras_weights(self) -> list[Weight]:
        return affine(self, self.group_norm)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = check_channels(input_shape, self.axis)
        if channels % self.groups:  # no number is a multiple of a larger one
            raise Fact(f"has {self.groups} groups, which do not divide the input's {channels} channels, of shape {input_shape}")
        if self.built and channels != self.group_norm.num_channels:
            raise Fact(f"was built for {self.group_norm.num_channels} channels, got shape {input_shape}", "use another layer")
        return input_shape


class UnitNormalization(Layer):
    """Divides each sample by its L2 norm over some axes: torch's F.normalize.

    (B, ...) -> (B, ...)

    Args:
        axis: an axis, or a list of axes, over which the norm is 1 afterwards.

    >>> import torch
    >>> UnitNormalization()(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    axis: Axes = checked(axes, default=-1)

    def call(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=self.axis, eps=1e-12)  # pyright: ignore[reportArgumentType] (torch takes several axes too)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes_of(self, input_shape)
        return input_shape
