"""Image layers that change colours at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layergraph.layers.fields import DataFormat, anything, checked, data_format, number
from layergraph.layers.preprocessing.image_base import (
    Factor,
    OptionalFactor,
    RandomImageLayer,
    ValueRange,
    factor_in,
    from_zero,
    odd_sides,
    optional,
    value_range,
)
from layergraph.nn import colours
from layergraph.nn.augment import Change


class RandomContrast(RandomImageLayer):
    """More contrast or less, by a factor of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: (lower, upper) in [0, 1] for a factor in [1 - lower, 1 + upper); a number f is (0, f): more contrast only.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomContrast(0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Contrast(1 - self.factor[0], 1 + self.factor[1], self.value_range)


class RandomBrightness(RandomImageLayer):
    """Brighter or darker, by an amount of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the amount as parts of the value range, (lower, upper) in [-1, 1], or f for (-f, f).
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomBrightness(0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(-1, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Brighten(*self.factor, self.value_range)


class RandomHue(RandomImageLayer):
    """Hues turned, one way or the other, by an amount of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the amount in half turns, (lower, upper) in [0, 1], or its largest value.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomHue(0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Hue(*self.factor, self.value_range)

    def takes_channels(self, channels: int) -> bool:
        return channels == 3


class RandomSaturation(RandomImageLayer):
    """Paler or more colourful, by a factor of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of f, (lower, upper) in [-1, 1], or f for (-f, f): the saturation is multiplied by f / (1 - f).
        value_range: the bounds of the saturation, as Keras 3.15 uses it.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomSaturation((0.4, 0.6))(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(-1, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Saturate(*self.factor, self.value_range)

    def takes_channels(self, channels: int) -> bool:
        return channels == 3


class RandomSharpness(RandomImageLayer):
    """Sharper or smoother, by an amount of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the amount, (lower, upper) in [0, 1], or its largest value: 0 smooths, 0.5 does nothing, 1 sharpens.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomSharpness(0.5)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Sharpen(*self.factor, self.value_range)


class RandomColorDegeneration(RandomImageLayer):
    """Towards the gray image, by an amount of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the amount, (lower, upper) in [-1, 1], or f for (-f, f): 0 does nothing, 1 leaves no colour.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomColorDegeneration((0.0, 0.5))(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(-1, 1))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Degenerate(*self.factor, self.value_range)

    def takes_channels(self, channels: int) -> bool:
        return channels in (1, 3)


class RandomGrayscale(RandomImageLayer):
    """Some images in gray, which keep their three channels.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the probability.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomGrayscale(0.5)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: float = number(default=0.5, low=0, high=1)
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Gray(self.factor)

    def takes_channels(self, channels: int) -> bool:
        return channels in (1, 3)


class RandomInvert(RandomImageLayer):
    """Some images as negatives: the largest value minus the pixels.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the probability, (lower, upper) in [0, 1], or its largest value.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomInvert(0.5)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return colours.Invert(*self.factor, self.value_range)


class RandomPosterization(RandomImageLayer):
    """Fewer bits for each pixel, a number of its own for each image.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the bits of 8 that are kept, (lower, upper) for lower to upper - 1, or n for (1, n).
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomPosterization(4)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(1, 8))
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Posterize(*self.factor, self.value_range)


class RandomGaussianBlur(RandomImageLayer):
    """Some images smoothed, all as much.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the probability, (lower, upper) in [0, 1], or its largest value.
        kernel_size: of the window, (height, width) in pixels, both odd.
        sigma: the range of the window's standard deviations, across and down, in pixels, within [0, 1], or its largest value.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomGaussianBlur(0.5)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    kernel_size: Any = checked(odd_sides, default=3)
    sigma: Factor = checked(factor_in(0, 1), default=1.0)
    value_range: ValueRange = checked(value_range, default=(0, 255))
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Blur(self.factor, self.kernel_size, self.sigma, self.value_range)


class Solarization(RandomImageLayer):
    """Pixels turned around where they are bright: 255 - x for x of at least a threshold, each image with one of its own.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        addition_factor: the range of what is added first, (lower, 255 * upper) of 255, or f for (0, f).
        threshold_factor: the same of the threshold.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> Solarization(0.1, 0.5)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    addition_factor: Factor = checked(from_zero, default=0.0)
    threshold_factor: Factor = checked(from_zero, default=0.0)
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return colours.Solarize(self.addition_factor, self.threshold_factor, self.value_range)


class RandomColorJitter(RandomImageLayer):
    """RandomBrightness, RandomContrast, RandomSaturation and RandomHue, in this order, as far as their factors are given.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        value_range: the least and the largest value of a pixel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: `factor` of these layers.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))
    brightness_factor: OptionalFactor = checked(optional(factor_in(-1, 1)), default=None)
    contrast_factor: OptionalFactor = checked(optional(factor_in(0, 1)), default=None)
    saturation_factor: OptionalFactor = checked(optional(factor_in(-1, 1)), default=None)
    hue_factor: OptionalFactor = checked(optional(factor_in(0, 1)), default=None)
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return colours.Chain(tuple(self._parts_of()))

    def _parts_of(self) -> Iterator[Change]:
        bounds = self.value_range
        if self.brightness_factor is not None:
            yield colours.Brighten(self.brightness_factor[0], self.brightness_factor[1], bounds)
        if self.contrast_factor is not None:
            yield colours.Contrast(1 - self.contrast_factor[0], 1 + self.contrast_factor[1], bounds)
        if self.saturation_factor is not None:
            yield colours.Saturate(self.saturation_factor[0], self.saturation_factor[1], bounds)
        if self.hue_factor is not None:
            yield colours.Hue(self.hue_factor[0], self.hue_factor[1], bounds)

    def takes_channels(self, channels: int) -> bool:
        return channels == 3 or (self.saturation_factor is None and self.hue_factor is None)
