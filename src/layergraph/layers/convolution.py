"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

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


class ConvolutionBase(Layer):
    """What all convolutions share: what they refuse, their shapes, and `same` padding. The fields are each family's, in Keras's order."""

    rank: ClassVar[int]
    _casts_integers: ClassVar[bool] = True
    # The attribute of the module that takes the input.
    _entry: ClassVar[str] = "conv"

    @property
    def _own(self) -> Any:
        """This layer, with the fields that its class adds."""
        return self

    @property
    def _windows(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        return self._own.kernel_size, self._own.strides, self._own.dilation_rate

    def _filters(self, channels: int) -> int:
        """The number of output channels."""
        return self._own.filters

    def _lengths(self, spatial: Shape) -> Shape:
        """The output's spatial sizes; raises `Fact`."""
        return sizes.window_shape(spatial, *self._windows, self._own.padding)

    def _check_channels(self, channels: int, input_shape: Shape) -> None:
        """Refuse a number of channels, by raising `Fact`."""

    def _module_of(self, kind: Callable[..., ConvNd], channels: Any, filters: int, groups: int, bias: bool) -> ConvNd:
        """The module of this layer's window, which pads by itself where it can."""
        kernel, strides, dilation = self._windows
        padding = sizes.own_padding(kernel, strides, dilation) if self._own.padding == "same" else None
        return kind(channels, filters, kernel, strides, padding or 0, dilation, groups, bias)

    def _padded(self, x: Tensor) -> Tensor:
        """A channels-first tensor with the padding that the module cannot do itself."""
        if self._own.padding == "same" and sizes.own_padding(*self._windows) is None:
            return sizes.padded(x, *self._windows)
        return x

    def _finished(self, x: Tensor) -> Tensor:
        """A channels-first result in the layer's layout, activated: softmax looks at the last axis."""
        return self._own.activation(sizes.channels_back(x, self._own.data_format, self.rank))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        layout = self._own.data_format
        sizes.check_rank(input_shape, self.rank, layout)
        channels = sizes.channels(input_shape, layout)
        if channels is None:
            raise Fact(
                f"needs a known number of channels, since its kernel has as many; the input's shape is {input_shape}",
                "give it in Input(shape=...)",
            )
        self._check_channels(channels, input_shape)
        if self.built and channels != (wanted := getattr(self, self._entry).in_channels):
            raise Fact(f"was built for {wanted} channels, got {channels} in {input_shape}", "use another layer: one layer has one kernel")
        try:
            lengths = self._lengths(sizes.spatial(input_shape, layout))
        except Fact as fact:
            raise Fact(f"{fact.what}, from shape {input_shape}", fact.fix) from None
        return sizes.with_spatial(input_shape, lengths, self._filters(channels), layout)


def check_steps(layer: Any) -> None:
    """Refuse strides and dilation at once, as Keras does of all but depthwise convolutions, by raising `Fact`."""
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise Fact(f"cannot have strides {layer.strides} and dilation_rate {layer.dilation_rate} both above 1")


def kernel_and_bias(module: Any) -> list[Weight]:
    """The weights of a convolution of torch's, transposed or not, as Keras has them."""
    bias = [] if module.bias is None else [Weight("bias", (module.bias,))]
    return [Weight("kernel", (module.weight,), CONV), *bias]


class _Conv(ConvolutionBase):
    """A convolution over `rank` spatial axes, a bias and an activation."""

    _module: ClassVar[Callable[..., ConvNd]]

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
        check_steps(self)
        if self.filters % self.groups:
            raise Fact(f"has {self.filters} filters, which {self.groups} groups do not divide")

    def _check_channels(self, channels: int, input_shape: Shape) -> None:
        if channels % self.groups:
            raise Fact(f"has {self.groups} groups, which do not divide the input's {channels} channels, of shape {input_shape}")

    def build(self, input_shape: Shape) -> None:
        channels = sizes.channels(input_shape, self.data_format)
        self.conv = self._module_of(type(self)._module, channels, self.filters, self.groups, self.use_bias)

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        if self.padding == "causal":
            x = torch.constant_pad_nd(x, [self.dilation_rate[0] * (self.kernel_size[0] - 1), 0])
        return self._finished(self.conv(self._padded(x)))

    def keras_weights(self) -> list[Weight]:
        return kernel_and_bias(self.conv)


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
