"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Activation,
    Constraint,
    DataFormat,
    Initializer,
    Regularizer,
    Window,
    activation,
    activity,
    choice,
    constraint,
    data_format,
    flag,
    initializer,
    positive,
    regularizer,
    window,
)
from layergraph.layers.weights import CONV, Weight

ConvNd: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Conv3d


class _Conv(Layer):
    """A convolution over `rank` spatial axes, a bias and an activation."""

    rank: ClassVar[int]
    _module: ClassVar[Callable[..., ConvNd]]
    _casts_integers: ClassVar[bool] = True

    filters: int = positive()
    kernel_size: Window = window()
    strides: Window = window(default=1)
    padding: str = choice("valid", "same", default="valid")
    data_format: DataFormat = data_format(default=None)
    dilation_rate: Window = window(default=1)
    groups: int = positive(default=1)
    activation: Activation = activation(default=None)
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)

    def check_fields(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise Fact(f"cannot have strides {self.strides} and dilation_rate {self.dilation_rate} both above 1")
        if self.filters % self.groups:
            raise Fact(f"has {self.filters} filters, which {self.groups} groups do not divide")

    @property
    def _windows(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        return self.kernel_size, self.strides, self.dilation_rate

    def build(self, input_shape: Shape) -> None:
        channels = sizes.channels(input_shape, self.data_format)
        own = sizes.own_padding(*self._windows) if self.padding == "same" else None
        self.conv = type(self)._module(
            channels,
            self.filters,
            self.kernel_size,
            stride=self.strides,
            padding=own or 0,
            dilation=self.dilation_rate,
            groups=self.groups,
            bias=self.use_bias,
        )

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        if self.padding == "same" and sizes.own_padding(*self._windows) is None:
            x = sizes.padded(x, *self._windows)
        elif self.padding == "causal":
            x = torch.constant_pad_nd(x, [self.dilation_rate[0] * (self.kernel_size[0] - 1), 0])
        return self.activation(sizes.channels_back(self.conv(x), self.data_format, self.rank))  # softmax looks at the last axis

    def keras_weights(self) -> list[Weight]:
        bias = [] if self.conv.bias is None else [Weight("bias", (self.conv.bias,))]
        return [Weight("kernel", (self.conv.weight,), CONV), *bias]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, self.rank, self.data_format)
        channels = sizes.channels(input_shape, self.data_format)
        if channels is None:
            raise Fact(
                f"needs a known number of channels, since its kernel has as many; the input's shape is {input_shape}",
                "give it in Input(shape=...)",
            )
        if channels % self.groups:
            raise Fact(f"has {self.groups} groups, which do not divide the input's {channels} channels, of shape {input_shape}")
        if self.built and channels != self.conv.in_channels:
            raise Fact(
                f"was built for {self.conv.in_channels} channels, got {channels} in {input_shape}",
                "use another layer: one layer has one kernel",
            )
        try:
            lengths = sizes.window_shape(sizes.spatial(input_shape, self.data_format), *self._windows, self.padding)
        except Fact as fact:
            raise Fact(f"{fact.what}, from shape {input_shape}", fact.fix) from None
        return sizes.with_spatial(input_shape, lengths, self.filters, self.data_format)


class Conv1D(_Conv):
    """Convolution along steps.

    (B, T, C) -> (B, T', filters)

    The arguments are `Conv2D`'s, with one int each; `padding` may also be 'causal', which pads the past alone.

    >>> from layergraph import Input
    >>> Conv1D(8, 3, padding="causal")(Input(shape=(10, 3))).shape
    (None, 10, 8)
    """

    rank = 1
    _module = nn.Conv1d
    padding: str = choice("valid", "same", "causal", default="valid")

    def check_fields(self) -> None:
        super().check_fields()
        if self.padding == "causal" and self.data_format == "channels_first":
            raise Fact("cannot be causal with data_format='channels_first'", "use data_format='channels_last'")


class Conv2D(_Conv):
    """Convolution over images.

    (B, H, W, C) -> (B, H', W', filters)

    Args:
        filters: the number of output channels.
        kernel_size, strides, dilation_rate: an int, or one for each spatial axis.
        padding: 'valid', or 'same': Keras's, `ceil(n / stride)` outputs and the larger half of the zeros at the end.
        data_format: 'channels_last' or 'channels_first'; None takes `layergraph.config.image_data_format()`.
        groups: the number of groups of channels that are convolved each by itself.
        activation, use_bias, initializers, regularizers, constraints: as in `Dense`. The kernel is (kh, kw, C / groups, filters)
            in Keras's layout.

    >>> from layergraph import Input
    >>> Conv2D(8, 3, strides=2, padding="same", activation="relu")(Input(shape=(32, 32, 3))).shape
    (None, 16, 16, 8)
    """

    rank = 2
    _module = nn.Conv2d


class Conv3D(_Conv):
    """Convolution over volumes.

    (B, D, H, W, C) -> (B, D', H', W', filters)

    The arguments are `Conv2D`'s, with three ints each.

    >>> from layergraph import Input
    >>> Conv3D(8, 3)(Input(shape=(8, 8, 8, 1))).shape
    (None, 6, 6, 6, 8)
    """

    rank = 3
    _module = nn.Conv3d


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
