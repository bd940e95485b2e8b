"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.layers import sizes
from layergraph.layers.convolution import ConvolutionBase, check_steps, kernel_and_bias
from layergraph.layers.fields import (
    Activation,
    Constraint,
    DataFormat,
    Field,
    Initializer,
    OptionalWindow,
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
from layergraph.layers.weights import Weight

TransposedNd: TypeAlias = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class _ConvTranspose(ConvolutionBase):
    """torch's transposed convolution, and where Keras leaves away one element more at the end than at the start, without that element."""

    _module: ClassVar[Callable[..., TransposedNd]]

    filters: int = positive()
    kernel_size: Window = window()
    strides: Window = window(default=1)
    padding: str = choice("valid", "same", default="valid")
    output_padding: OptionalWindow = window(default=None, minimum=0, optional=True)
    data_format: DataFormat = data_format(default=None)
    dilation_rate: Window = window(default=1)
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
        if self.output_padding is not None and any(more >= step for more, step in zip(self.output_padding, self.strides, strict=True)):
            raise Fact(f"has output_padding {self.output_padding}, which must be below strides {self.strides} along every axis")

    def _ends(self, rule: Callable[..., Any]) -> list[Any]:
        """What a rule of `sizes` says for each axis."""
        more = self.output_padding or (None,) * self.rank
        return [rule(*each, self.padding) for each in zip(*self._windows, more, strict=True)]

    def _lengths(self, spatial: Shape) -> Shape:
        return sizes.transposed_shape(spatial, *self._windows, self._ends(sizes.transposed_crop))

    def build(self, input_shape: Shape) -> None:
        padding, more, _ = zip(*self._ends(sizes.transposed_padding), strict=True)
        kernel, strides, dilation = self._windows
        channels = sizes.channels(input_shape, self.data_format)
        self.conv = type(self)._module(channels, self.filters, kernel, strides, padding, more, 1, self.use_bias, dilation)

    def call(self, x: Tensor) -> Tensor:
        x = self.conv(sizes.channels_first(x, self.data_format))
        return self._finished(sizes.without_last(x, [last for _, _, last in self._ends(sizes.transposed_padding)]))

    def keras_weights(self) -> list[Weight]:
        return kernel_and_bias(self.conv)


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution along steps.

    (B, T, C) -> (B, T', filters)

    The arguments are `Conv2DTranspose`'s, with one int each.

    >>> from layergraph import Input
    >>> Conv1DTranspose(8, 3, strides=2, padding="same")(Input(shape=(10, 3))).shape
    (None, 20, 8)
    """

    rank = 1
    _module = nn.ConvTranspose1d


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images: the gradient of `Conv2D`, which makes images larger by its strides.

    (B, H, W, C) -> (B, H', W', filters)

    With k the kernel's size under its dilation, a size n becomes

    - 'valid': (n - 1) * stride + max(k, stride), or (n - 1) * stride + k + output_padding;
    - 'same': n * stride, or (n - 1) * stride + k % 2 + output_padding.

    It lowers to `nn.ConvTranspose2d`. Where Keras leaves away one element more at the end than at the start, as for
    `kernel_size=3, strides=2, padding="same"`, torch's module has no word for it, and a slice follows that drops the last element.

    Args:
        filters: the number of output channels.
        kernel_size, strides, dilation_rate: an int, or one for each spatial axis.
        padding: 'valid' or 'same'.
        output_padding: an int below the stride, or one for each spatial axis: chooses the size (above).
        data_format, activation, use_bias, initializers, regularizers, constraints: as in `Conv2D`. The kernel is
            (kh, kw, filters, C) in Keras's layout.

    >>> from layergraph import Input
    >>> Conv2DTranspose(8, 3, strides=2, padding="same")(Input(shape=(16, 16, 3))).shape
    (None, 32, 32, 8)
    """

    rank = 2
    _module = nn.ConvTranspose2d


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes.

    (B, D, H, W, C) -> (B, D', H', W', filters)

    The arguments are `Conv2DTranspose`'s, with three ints each, but `data_format` comes before `output_padding`.

    >>> from layergraph import Input
    >>> Conv3DTranspose(8, 2, strides=2)(Input(shape=(4, 4, 4, 3))).shape
    (None, 8, 8, 8, 8)
    """

    rank = 3
    _module = nn.ConvTranspose3d
    _fields: ClassVar[dict[str, Field]] = {
        name: _ConvTranspose._fields[name]
        for name in ("filters", "kernel_size", "strides", "padding", "data_format", *_ConvTranspose._fields)
    }


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
