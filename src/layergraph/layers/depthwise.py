"""Convolutions of each channel by itself: depthwise, and separable, which mix the channels afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn

from layergraph.graph.spec import Shape
from layergraph.layers import sizes
from layergraph.layers.convolution import ConvNd, ConvolutionBase
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
from layergraph.layers.weights import CONV, Weight, depthwise


class _DepthwiseConv(ConvolutionBase):
    """torch's convolution in as many groups as there are channels."""

    _module: ClassVar[Callable[..., ConvNd]]

    kernel_size: Window = window()
    strides: Window = window(default=1)
    padding: str = choice("valid", "same", default="valid")
    depth_multiplier: int = positive(default=1)
    data_format: DataFormat = data_format(default=None)
    dilation_rate: Window = window(default=1)
    activation: Activation = activation(default=None)
    use_bias: bool = flag(default=True)
    depthwise_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    depthwise_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    depthwise_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)

    def _filters(self, channels: int) -> int:
        return channels * self.depth_multiplier

    def build(self, input_shape: Shape) -> None:
        channels = sizes.channels(input_shape, self.data_format) or 0
        self.conv = self._module_of(type(self)._module, channels, self._filters(channels), channels, self.use_bias)

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        return self._finished(self.conv(self._padded(x)))

    def keras_weights(self) -> list[Weight]:
        bias = [] if self.conv.bias is None else [Weight("bias", (self.conv.bias,))]
        return [Weight("kernel", (self.conv.weight,), depthwise(self.depth_multiplier), fields="depthwise"), *bias]


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel along steps by itself.

    (B, T, C) -> (B, T', C * depth_multiplier)

    The arguments are `DepthwiseConv2D`'s, with one int each.

    >>> from layergraph import Input
    >>> DepthwiseConv1D(3, depth_multiplier=2)(Input(shape=(10, 3))).shape
    (None, 8, 6)
    """

    rank = 1
    _module = nn.Conv1d


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of an image by itself, with `depth_multiplier` kernels for each.

    (B, H, W, C) -> (B, H', W', C * depth_multiplier)

    Output channel `c * depth_multiplier + m` is input channel c under its kernel m.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in `Conv2D`; strides and dilation may
            both be above 1.
        depth_multiplier: the number of kernels for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel, which is (kh, kw, C, depth_multiplier)
            in Keras's layout.

    >>> from layergraph import Input
    >>> DepthwiseConv2D(3, padding="same")(Input(shape=(32, 32, 3))).shape
    (None, 32, 32, 3)
    """

    rank = 2
    _module = nn.Conv2d


class _SeparableConv(ConvolutionBase):
    """A depthwise convolution without a bias, which has the window; then a mixture of its channels, with one."""

    _module: ClassVar[Callable[..., ConvNd]]
    _entry: ClassVar[str] = "depthwise"

    filters: int = positive()
    kernel_size: Window = window()
    strides: Window = window(default=1)
    padding: str = choice("valid", "same", default="valid")
    data_format: DataFormat = data_format(default=None)
    dilation_rate: Window = window(default=1)
    depth_multiplier: int = positive(default=1)
    activation: Activation = activation(default=None)
    use_bias: bool = flag(default=True)
    depthwise_initializer: Initializer = initializer(default="glorot_uniform")
    pointwise_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    depthwise_regularizer: Regularizer = regularizer(default=None)
    pointwise_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    depthwise_constraint: Constraint = constraint(default=None)
    pointwise_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)

    def build(self, input_shape: Shape) -> None:
        channels = sizes.channels(input_shape, self.data_format) or 0
        between = channels * self.depth_multiplier
        self.depthwise = self._module_of(type(self)._module, channels, between, channels, False)
        self.pointwise = type(self)._module(between, self.filters, 1, bias=self.use_bias)

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        return self._finished(self.pointwise(self.depthwise(self._padded(x))))

    def keras_weights(self) -> list[Weight]:
        bias = [] if self.pointwise.bias is None else [Weight("bias", (self.pointwise.bias,))]
        return [
            Weight("depthwise_kernel", (self.depthwise.weight,), depthwise(self.depth_multiplier), fields="depthwise"),
            Weight("pointwise_kernel", (self.pointwise.weight,), CONV, fields="pointwise"),
            *bias,
        ]


class SeparableConv1D(_SeparableConv):
    """Convolution of each channel along steps by itself, then a mixture of the channels.

    (B, T, C) -> (B, T', filters)

    The arguments are `SeparableConv2D`'s, with one int each.

    >>> from layergraph import Input
    >>> SeparableConv1D(8, 3)(Input(shape=(10, 3))).shape
    (None, 8, 8)
    """

    rank = 1
    _module = nn.Conv1d


class SeparableConv2D(_SeparableConv):
    """Convolution of each channel of an image by itself, then a mixture of the channels.

    (B, H, W, C) -> (B, H', W', filters)

    Its modules in a model are `<name>.depthwise` and `<name>.pointwise`.

    Args:
        filters: the number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in `Conv2D`; strides and dilation may
            both be above 1.
        depth_multiplier: the number of kernels for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the first kernel, which is
            (kh, kw, C, depth_multiplier) in Keras's layout.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the second, (1, 1, C * depth_multiplier, filters).

    >>> from layergraph import Input
    >>> SeparableConv2D(8, 3, padding="same")(Input(shape=(32, 32, 3))).shape
    (None, 32, 32, 8)
    """

    rank = 2
    _module = nn.Conv2d


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
