"""Adaptive pools: as many windows as the output is to have elements, whatever the input's size."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from layergraph.graph.spec import Shape
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import DataFormat, Window, data_format, window


class _AdaptivePool(Layer):
    """Window i of n along an axis of `size` elements is elements floor(i * size / n) to ceil((i + 1) * size / n): torch's rule."""

    rank: ClassVar[int]
    _casts_integers: ClassVar[bool] = True
    _function: ClassVar[Callable[..., Tensor]]

    output_size: Window = window()
    data_format: DataFormat = data_format(default=None)

    def call(self, x: Tensor) -> Tensor:
        x = type(self)._function(sizes.channels_first(x, self.data_format), self.output_size)
        return sizes.channels_back(x, self.data_format, self.rank)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, self.rank, self.data_format)
        return sizes.with_spatial(input_shape, self.output_size, sizes.channels(input_shape, self.data_format), self.data_format)


class AdaptiveAveragePooling1D(_AdaptivePool):
    """Mean over each of `output_size` windows of steps.

    (B, T, C) -> (B, output_size, C)

    >>> from layergraph import Input
    >>> AdaptiveAveragePooling1D(4)(Input(shape=(None, 3))).shape
    (None, 4, 3)
    """

    rank = 1
    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAveragePooling2D(_AdaptivePool):
    """Mean over each of `output_size` windows of an image.

    (B, H, W, C) -> (B, *output_size, C)

    Args:
        output_size: an int or (rows, columns).
        data_format: as in `Conv2D`.

    >>> from layergraph import Input
    >>> AdaptiveAveragePooling2D((4, 2))(Input(shape=(None, None, 3))).shape
    (None, 4, 2, 3)
    """

    rank = 2
    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAveragePooling3D(_AdaptivePool):
    """Mean over each of `output_size` windows of a volume.

    (B, D, H, W, C) -> (B, *output_size, C)

    >>> from layergraph import Input
    >>> AdaptiveAveragePooling3D(2)(Input(shape=(8, 8, 8, 3))).shape
    (None, 2, 2, 2, 3)
    """

    rank = 3
    _function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPooling1D(_AdaptivePool):
    """Maximum over each of `output_size` windows of steps.

    (B, T, C) -> (B, output_size, C)

    >>> from layergraph import Input
    >>> AdaptiveMaxPooling1D(4)(Input(shape=(None, 3))).shape
    (None, 4, 3)
    """

    rank = 1
    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPooling2D(_AdaptivePool):
    """Maximum over each of `output_size` windows of an image.

    (B, H, W, C) -> (B, *output_size, C)

    >>> from layergraph import Input
    >>> AdaptiveMaxPooling2D((4, 2))(Input(shape=(None, None, 3))).shape
    (None, 4, 2, 3)
    """

    rank = 2
    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPooling3D(_AdaptivePool):
    """Maximum over each of `output_size` windows of a volume.

    (B, D, H, W, C) -> (B, *output_size, C)

    >>> from layergraph import Input
    >>> AdaptiveMaxPooling3D(2)(Input(shape=(8, 8, 8, 3))).shape
    (None, 2, 2, 2, 3)
    """

    rank = 3
    _function = staticmethod(F.adaptive_max_pool3d)
