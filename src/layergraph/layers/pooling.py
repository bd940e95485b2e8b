"""Pools: over windows, and over everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import DataFormat, OptionalWindow, Window, choice, data_format, flag, window
from layergraph.nn.padding import average_of_real


class _Pool(Layer):
    """A window that slides over `rank` spatial axes and keeps the channels."""

    rank: ClassVar[int]
    _name_by_position: ClassVar[bool] = True

    pool_size: Window = window(default=2)
    strides: OptionalWindow = window(default=None, optional=True)
    padding: str = choice("valid", "same", default="valid")
    data_format: DataFormat = data_format(default=None)

    @property
    def _windows(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        return self.pool_size, self.strides or self.pool_size, (1,) * self.rank

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer; `strides` as it is used."""
        return {**super().get_config(), "strides": list(self.strides or self.pool_size)}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, self.rank, self.data_format)
        given = sizes.spatial(input_shape, self.data_format)
        try:
            lengths = sizes.window_shape(given, *self._windows, self.padding)
        except Fact as fact:
            raise Fact(f"{fact.what}, from shape {input_shape}", fact.fix) from None
        return sizes.with_spatial(input_shape, lengths, sizes.channels(input_shape, self.data_format), self.data_format)


class _MaxPool(_Pool):
    _function: ClassVar[Callable[..., Tensor]]

    def call(self, x: Tensor) -> Tensor:
        given = x
        x = sizes.channels_first(x, self.data_format)
        if self.padding == "same":
            least = float("-inf") if given.dtype.is_floating_point else torch.iinfo(given.dtype).min
            x = sizes.padded(x, *self._windows, value=least)
        x = self._pooled(x, None in given.shape[1:])
        return sizes.channels_back(x, self.data_format, self.rank)

    def _pooled(self, x: Tensor, unknown: bool) -> Tensor:
        """The pool of a padded tensor, whose sizes may be unknown until it runs."""
        return type(self)._function(x, self.pool_size, self.strides or self.pool_size)


class MaxPooling1D(_MaxPool):
    """Maximum over windows of steps.

    (B, T, C) -> (B, T', C)

    >>> from layergraph import Input
    >>> MaxPooling1D(2)(Input(shape=(10, 3))).shape
    (None, 5, 3)
    """

    rank = 1
    _function = staticmethod(torch.max_pool1d)

    def _pooled(self, x: Tensor, unknown: bool) -> Tensor:
        if unknown:  # under torch.compile and torch.export, torch.max_pool1d makes a constant of the length
            return torch.max_pool1d_with_indices(x, self.pool_size, self.strides or self.pool_size)[0]
        return super()._pooled(x, unknown)


class MaxPooling2D(_MaxPool):
    """Maximum over windows of an image.

    (B, H, W, C) -> (B, H', W', C)

    >>> from layergraph import Input
    >>> MaxPooling2D()(Input(shape=(32, 32, 3))).shape
    (None, 16, 16, 3)
    """

    rank = 2
    _function = staticmethod(torch.max_pool2d)


class MaxPooling3D(_MaxPool):
    """Maximum over windows of a volume.

    (B, D, H, W, C) -> (B, D', H', W', C)

    >>> from layergraph import Input
    >>> MaxPooling3D()(Input(shape=(8, 8, 8, 1))).shape
    (None, 4, 4, 4, 1)
    """

    rank = 3
    _function = staticmethod(torch.max_pool3d)


class _AveragePool(_Pool):
    """`same` divides by the number of real elements in the window, as TensorFlow and JAX do; Keras 3.15 on torch does not."""

    _function: ClassVar[Callable[..., Tensor]]
    _casts_integers: ClassVar[bool] = True

    pool_size: Window = window()

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        pool, strides, dilation = self._windows
        if self.padding == "same":
            own = sizes.own_padding(pool, strides, dilation)
            if own is not None:
                x = type(self)._function(x, pool, strides, own, count_include_pad=False)
            else:
                x = average_of_real(x, list(pool), list(strides))
        else:
            x = type(self)._function(x, pool, strides)
        return sizes.channels_back(x, self.data_format, self.rank)


class AveragePooling1D(_AveragePool):
    """Mean over windows of steps.

    (B, T, C) -> (B, T', C)

    >>> from layergraph import Input
    >>> AveragePooling1D(2)(Input(shape=(10, 3))).shape
    (None, 5, 3)
    """

    rank = 1
    _function = staticmethod(F.avg_pool1d)


class AveragePooling2D(_AveragePool):
    """Mean over windows of an image.

    (B, H, W, C) -> (B, H', W', C)

    >>> from layergraph import Input
    >>> AveragePooling2D(2)(Input(shape=(32, 32, 3))).shape
    (None, 16, 16, 3)
    """

    rank = 2
    _function = staticmethod(F.avg_pool2d)


class AveragePooling3D(_AveragePool):
    """Mean over windows of a volume.

    (B, D, H, W, C) -> (B, D', H', W', C)

    >>> from layergraph import Input
    >>> AveragePooling3D(2)(Input(shape=(8, 8, 8, 1))).shape
    (None, 4, 4, 4, 1)
    """

    rank = 3
    _function = staticmethod(F.avg_pool3d)


class _GlobalPool(Layer):
    """One number for each channel."""

    rank: ClassVar[int]
    _reduce: ClassVar[Callable[..., Tensor]]

    data_format: DataFormat = data_format(default=None)
    keepdims: bool = flag(default=False)

    def call(self, x: Tensor) -> Tensor:
        first = 2 if self.data_format == "channels_first" else 1
        return type(self)._reduce(x, tuple(range(first, first + self.rank)), keepdim=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        sizes.check_rank(input_shape, self.rank, self.data_format)
        channels = sizes.channels(input_shape, self.data_format)
        if not self.keepdims:
            return (input_shape[0], channels)
        return sizes.with_spatial(input_shape, (1,) * self.rank, channels, self.data_format)


class _GlobalAverage(_GlobalPool):
    _reduce = staticmethod(torch.mean)
    _casts_integers = True


class _GlobalMax(_GlobalPool):
    _reduce = staticmethod(torch.amax)


class GlobalAveragePooling1D(_GlobalAverage):
    """Mean over steps; with a mask, over those where it is True.

    (B, T, C) -> (B, C), or (B, 1, C) with keepdims; mask: (B, T)

    A sample without any True gives nan, as in Keras. No mask goes on.

    >>> from layergraph import Input
    >>> GlobalAveragePooling1D()(Input(shape=(10, 3))).shape
    (None, 3)
    """

    rank = 1
    supports_masking = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(x)
        channels, steps = (1, 2) if self.data_format == "channels_first" else (2, 1)
        real = mask.unsqueeze(channels)
        return torch.where(real, x, 0).sum(steps, self.keepdims) / real.sum(steps, self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


class GlobalAveragePooling2D(_GlobalAverage):
    """Mean over an image.

    (B, H, W, C) -> (B, C), or (B, 1, 1, C) with keepdims

    >>> from layergraph import Input
    >>> GlobalAveragePooling2D()(Input(shape=(32, 32, 3))).shape
    (None, 3)
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """Mean over a volume.

    (B, D, H, W, C) -> (B, C), or (B, 1, 1, 1, C) with keepdims

    >>> from layergraph import Input
    >>> GlobalAveragePooling3D()(Input(shape=(8, 8, 8, 3))).shape
    (None, 3)
    """

    rank = 3


class GlobalMaxPooling1D(_GlobalMax):
    """Maximum over steps.

    (B, T, C) -> (B, C), or (B, 1, C) with keepdims

    >>> from layergraph import Input
    >>> GlobalMaxPooling1D()(Input(shape=(10, 3))).shape
    (None, 3)
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMax):
    """Maximum over an image.

    (B, H, W, C) -> (B, C), or (B, 1, 1, C) with keepdims

    >>> from layergraph import Input
    >>> GlobalMaxPooling2D()(Input(shape=(32, 32, 3))).shape
    (None, 3)
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMax):
    """Maximum over a volume.

    (B, D, H, W, C) -> (B, C), or (B, 1, 1, 1, C) with keepdims

    >>> from layergraph import Input
    >>> GlobalMaxPooling3D()(Input(shape=(8, 8, 8, 3))).shape
    (None, 3)
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
