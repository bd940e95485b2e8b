"""Image layers that move pixels at random."""

from __future__ import annotations

from typing import Any

from layergraph.layers.fields import DataFormat, anything, checked, choice, data_format, number
from layergraph.layers.preprocessing.image_base import (
    FILLS,
    ORDERS,
    Factor,
    OptionalFactor,
    RandomImageLayer,
    ValueRange,
    both_ways,
    factor_in,
    optional,
    part_of_side,
    value_range,
)
from layergraph.nn import movements
from layergraph.nn.augment import Change

_MODES = {"horizontal": (True, False), "vertical": (False, True), "horizontal_and_vertical": (True, True)}


class RandomFlip(RandomImageLayer):
    """Half of the images mirrored, left to right, upside down, or both at once.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says. The stream is torch's generator: `seed` is kept in the
    config and has no effect.

    Args:
        mode: 'horizontal', 'vertical' or 'horizontal_and_vertical'.

    >>> import torch
    >>> layer = RandomFlip("horizontal").eval()
    >>> layer(torch.tensor([[[[1.0], [2.0]]]])).flatten()
    tensor([1., 2.])
    """

    mode: str = choice(*_MODES, default="horizontal_and_vertical")
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return movements.Flip(*_MODES[self.mode])


def _reading(layer: Any, mode: str) -> tuple[int, str, float]:
    """How a layer reads between pixels, and outside of the image."""
    return ORDERS[layer.interpolation], mode, layer.fill_value


class RandomRotation(RandomImageLayer):
    """Images turned about their centres, each by an angle of its own.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the angles as parts of a full turn, (lower, upper), or f for (-f, f); positive is counterclockwise.
        fill_mode: what is outside: 'reflect' about the border, 'wrap', 'constant', which is `fill_value`, or 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomRotation(0.1)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(-1, 1))
    fill_mode: str = choice(*FILLS, default="reflect")
    interpolation: str = choice(*ORDERS, default="bilinear")
    seed: int | None = anything(default=None)
    fill_value: float = number(default=0.0)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return movements.Rotate(*_reading(self, self.fill_mode), self.factor)


class RandomZoom(RandomImageLayer):
    """Images seen from nearer or further, each by a factor of its own.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        height_factor: the range of what is seen, as (lower, upper) added to 1, or f for (-f, f): -0.2 zooms in, 0.2 out.
        width_factor: the same across; None for what is drawn for the height.
        fill_mode: what is outside: 'reflect' about the border, 'wrap', 'constant', which is `fill_value`, or 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomZoom(0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    height_factor: Any = checked(part_of_side(-1, closed=False))
    width_factor: OptionalFactor = checked(optional(part_of_side(-1, closed=False)), default=None)
    fill_mode: str = choice(*FILLS, default="reflect")
    interpolation: str = choice(*ORDERS, default="bilinear")
    seed: int | None = anything(default=None)
    fill_value: float = number(default=0.0)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        across = None if self.width_factor is None else both_ways(self.width_factor)
        return movements.Zoom(*_reading(self, self.fill_mode), both_ways(self.height_factor), across)


class RandomTranslation(RandomImageLayer):
    """Images moved, each by a way of its own.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        height_factor: the range of the ways down, as parts of the height, (lower, upper), or f for (-f, f).
        width_factor: the same to the right.
        fill_mode: what is outside: 'reflect' about the border, 'wrap', 'constant', which is `fill_value`, or 'nearest'.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomTranslation(0.2, 0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    height_factor: Any = checked(part_of_side(-1, closed=True))
    width_factor: Any = checked(part_of_side(-1, closed=True))
    fill_mode: str = choice(*FILLS, default="reflect")
    interpolation: str = choice(*ORDERS, default="bilinear")
    seed: int | None = anything(default=None)
    fill_value: float = number(default=0.0)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return movements.Translate(*_reading(self, self.fill_mode), both_ways(self.height_factor), both_ways(self.width_factor))


class RandomShear(RandomImageLayer):
    """Images slanted, each by amounts of its own, which have one sign.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        x_factor: the range of the slant across, in pixels a pixel, (lower, upper), or f for (-f, f).
        y_factor: the same downwards.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is outside: 'reflect' about the border, 'wrap', 'constant', which is `fill_value`, or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomShear(0.2, 0.2)(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    x_factor: Any = checked(part_of_side(-1, closed=True), default=0.0)
    y_factor: Any = checked(part_of_side(-1, closed=True), default=0.0)
    interpolation: str = choice(*ORDERS, default="bilinear")
    fill_mode: str = choice(*FILLS, default="reflect")
    fill_value: float = number(default=0.0)
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)

    def change(self) -> Change:
        return movements.Shear(*_reading(self, self.fill_mode), both_ways(self.x_factor), both_ways(self.y_factor))


class RandomPerspective(RandomImageLayer):
    """Some images seen from aside, `fill_value` around them.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the probability that an image is changed, or its largest value.
        scale: how far corners move, at most half of it times the side.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomPerspective()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    scale: float = number(default=1.0, low=0, high=1)
    interpolation: str = choice(*ORDERS, default="bilinear")
    fill_value: float = number(default=0.0)
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return movements.Perspective(*_reading(self, "constant"), self.factor, self.scale)


class RandomElasticTransform(RandomImageLayer):
    """Some images distorted as rubber is (Simard et al. 2003), alike for a batch in how far, and each in its own way.

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the probability that an image is changed, or its largest value.
        scale: the range of how far pixels move, where 1 is a tenth of the longer side, or its largest value.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what is outside: 'reflect' about the border, 'wrap', 'mirror', 'constant', which is `fill_value`, or 'nearest'.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomElasticTransform()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    scale: Factor = checked(factor_in(0, 1), default=1.0)
    interpolation: str = choice(*ORDERS, default="bilinear")
    fill_mode: str = choice(*FILLS, "mirror", default="reflect")
    fill_value: float = number(default=0.0)
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return movements.Elastic(self.factor, self.scale, *_reading(self, self.fill_mode), self.value_range)
