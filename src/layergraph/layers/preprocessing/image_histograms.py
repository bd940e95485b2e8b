"""Image layers that even out histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from layergraph.errors import Fact, shown
from layergraph.kinds import is_sequence
from layergraph.layers.fields import Argument, DataFormat, checked, data_format, is_int, number, positive
from layergraph.layers.preprocessing.image_base import ImageLayer, RandomImageLayer, ValueRange, value_range
from layergraph.nn.augment import Change
from layergraph.nn.colours import stretched
from layergraph.nn.histograms import Equalize, clahe


class AutoContrast(ImageLayer):
    """Each channel of each image stretched over the whole value range, in training and in evaluation.

    (B, H, W, C) -> (B, H, W, C)

    Args:
        value_range: the least and the largest value of a pixel.

    >>> import torch
    >>> AutoContrast((0, 1))(torch.tensor([[[[0.25], [0.5], [0.75]]]])).flatten()
    tensor([0.0000, 0.5000, 1.0000])
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))

    def images(self, x: Any, given: Any) -> Tensor:
        return stretched(x, self.value_range)


class Equalization(RandomImageLayer):
    """The histogram of each channel, over the whole batch as in Keras, made even.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says. It draws nothing.

    Args:
        value_range: the least and the largest value of a pixel.
        bins: of the histogram.

    >>> from layergraph import Input
    >>> Equalization()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))
    bins: int = positive(default=256)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return Equalize(self.bins, self.value_range)


def _grid(value: Any, owner: Any) -> tuple[int, int]:
    sides = tuple(value) if is_sequence(value) else ()
    if len(sides) != 2 or not all(is_int(side) and side > 0 for side in sides):
        raise Fact(f"must be a pair of positive ints, (rows, columns), got {shown(value)}")
    return sides


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Histograms made even in tiles, the contrast limited, in training and in evaluation (CLAHE, Zuiderveld 1994).

    (B, H, W, C) -> (B, H, W, C), computed in float32; the dtype is kept, and integers are rounded towards zero

    Args:
        value_range: the least and the largest value of a pixel.
        clip_limit: how often a value may come, where 1 is an even histogram; 0 for no limit.
        tile_grid_size: how many tiles, (rows, columns).

    >>> from layergraph import Input
    >>> ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))
    clip_limit: float = number(default=4.0)
    tile_grid_size: Argument[Sequence[int], tuple[int, int]] = checked(_grid, default=(8, 8))
    data_format: DataFormat = data_format(default=None)
    _casts_integers = False

    def images(self, x: Any, given: Any) -> Tensor:
        return clahe(x, self.clip_limit, self.tile_grid_size, self.value_range)
