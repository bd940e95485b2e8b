"""Layers that act in training only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, DataFormat, anything, checked, data_format, is_int, number
from layergraph.nn import noise
from layergraph.nn.dropout import BroadcastAlphaDropout, BroadcastDropout, broadcast_alpha_dropout, broadcast_dropout
from layergraph.regularizers import L1L2


def _noise_shape(value: Any, owner: Any) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    if not is_sequence(value) or not all(size is None or (is_int(size) and size > 0) for size in value):
        raise Fact(f"must be a tuple of sizes and Nones, got {shown(value)}")
    return tuple(value)


class _Noise(Layer):
    """A layer that draws numbers in training, and gives its input back in inference."""

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(input_shape, tuple):
            raise Fact(f"takes one tensor, got {input_shape}")
        return input_shape


class _Broadcasting(_Noise):
    """One whose draws may be shared along axes, by a `noise_shape`."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = super().compute_output_shape(input_shape)
        drawn: tuple[int | None, ...] = self.noise_shape or (None,) * len(shape)
        fits = [given is None or given == 1 or size is None or given == size for given, size in zip(drawn, shape, strict=False)]
        if len(drawn) != len(shape) or not all(fits):
            raise Fact(f"has noise_shape {self.noise_shape}, which does not broadcast to shape {shape}")
        return shape


class Dropout(_Broadcasting):
    """Zeroes elements with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, ...) -> (B, ...)

    The mode is torch's, `model.train()` and `model.eval()`; `layer(x, training=True)` fixes it for that call. The stream is torch's
    generator: `seed` is kept in the config and has no effect.

    Args:
        rate: the probability, in [0, 1].
        noise_shape: the shape of the mask, None for an input's own size: `(None, 1, None)` drops along axis 1 alike.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> Dropout(0.5)(Input(shape=(4,))).shape
    (None, 4)
    """

    supports_masking = True

    rate: float = number(low=0, high=1)
    noise_shape: Argument[Sequence[int | None] | None, tuple[int | None, ...] | None] = checked(_noise_shape, default=None)
    seed: int | None = anything(default=None)

    def build(self, input_shape: Shape) -> None:
        self.dropout = nn.Dropout(self.rate) if self.noise_shape is None else BroadcastDropout(self.rate, self.noise_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        if training is None:
            return self.dropout(x)
        if self.noise_shape is not None:
            return broadcast_dropout(x, self.rate, self.noise_shape, training)
        return F.dropout(x, self.rate, training)


class AlphaDropout(_Broadcasting):
    """Sets elements to SELU's lower limit with probability `rate` in training, and keeps mean and variance: for layers with `selu`.

    (B, ...) -> (B, ...)

    Mode and stream are torch's, as in `Dropout`.

    Args:
        rate: the probability, in [0, 1]; with 1 all is 0, where Keras divides by zero.
        noise_shape: the shape of the mask, None for an input's own size: `(None, 1, None)` drops along axis 1 alike.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> AlphaDropout(0.1)(Input(shape=(4,))).shape
    (None, 4)
    """

    _casts_integers: ClassVar[bool] = True

    rate: float = number(low=0, high=1)
    noise_shape: Argument[Sequence[int | None] | None, tuple[int | None, ...] | None] = checked(_noise_shape, default=None)
    seed: int | None = anything(default=None)

    def build(self, input_shape: Shape) -> None:
        shape = self.noise_shape
        self.alpha_dropout = nn.AlphaDropout(self.rate) if shape is None else BroadcastAlphaDropout(self.rate, shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        if training is None:
            return self.alpha_dropout(x)
        if self.noise_shape is not None:
            return broadcast_alpha_dropout(x, self.rate, self.noise_shape, training)
        return F.alpha_dropout(x, self.rate, training)


class GaussianDropout(_Noise):
    """Multiplies each element by a draw of N(1, sqrt(rate / (1 - rate))) in training.

    (B, ...) -> (B, ...)

    Mode and stream are torch's, as in `Dropout`.

    Args:
        rate: in [0, 1); the noise has the mean and the spread of a `Dropout(rate)`. With 1, which Keras takes and then divides by
            zero, its spread is infinite.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> GaussianDropout(0.5)(Input(shape=(4,))).shape
    (None, 4)
    """

    _casts_integers: ClassVar[bool] = True

    rate: float = number(low=0, high=1)
    seed: int | None = anything(default=None)

    def check_fields(self) -> None:
        if self.rate == 1:
            raise Fact("has rate 1, for which the noise has an infinite spread", "use a rate below 1")

    def build(self, input_shape: Shape) -> None:
        self.gaussian_dropout = noise.GaussianDropout(self.rate)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return self.gaussian_dropout(x) if training is None else noise.gaussian_dropout(x, self.rate, training)


class GaussianNoise(_Noise):
    """Adds a draw of N(0, stddev) to each element in training.

    (B, ...) -> (B, ...)

    Mode and stream are torch's, as in `Dropout`.

    Args:
        stddev: the spread of the noise, in [0, 1].
        seed: kept in the config.

    >>> from layergraph import Input
    >>> GaussianNoise(0.1)(Input(shape=(4,))).shape
    (None, 4)
    """

    _casts_integers: ClassVar[bool] = True

    stddev: float = number(low=0, high=1)
    seed: int | None = anything(default=None)

    def build(self, input_shape: Shape) -> None:
        self.gaussian_noise = noise.GaussianNoise(self.stddev)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return self.gaussian_noise(x) if training is None else noise.gaussian_noise(x, self.stddev, training)


_ChannelDropout: TypeAlias = nn.Dropout1d | nn.Dropout2d | nn.Dropout3d


class _SpatialDropout(_Noise):
    """Zeroes whole channels: torch's DropoutNd, in training."""

    rank: ClassVar[int]
    _module: ClassVar[Callable[[float], _ChannelDropout]]
    _function: ClassVar[Callable[[Tensor, float, bool], Tensor]]
    _name_by_position: ClassVar[bool] = True
    _dtype_by_position: ClassVar[bool] = True

    def build(self, input_shape: Shape) -> None:
        self.dropout = type(self)._module(self.rate)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        x = self.dropout(x) if training is None else type(self)._function(x, self.rate, training)
        return sizes.channels_back(x, self.data_format, self.rank)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, self.rank, self.data_format)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Without `trainable`, as long as it says nothing: Keras's class does not take it."""
        return {name: value for name, value in super().get_config().items() if (name, value) != ("trainable", True)}


class SpatialDropout1D(_SpatialDropout):
    """Zeroes whole channels of a sequence with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, T, C) -> (B, T, C)

    Mode and stream are torch's, as in `Dropout`.

    Args:
        rate: the probability, in [0, 1].
        seed: kept in the config.

    >>> from layergraph import Input
    >>> SpatialDropout1D(0.5)(Input(shape=(7, 4))).shape
    (None, 7, 4)
    """

    rank = 1
    _module = nn.Dropout1d
    _function = F.dropout1d
    data_format: ClassVar[str] = "channels_last"

    rate: float = number(low=0, high=1)
    seed: int | None = anything(default=None)


class _SpatialDropoutOfImages(_SpatialDropout):
    rate: float = number(low=0, high=1)
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)


class SpatialDropout2D(_SpatialDropoutOfImages):
    """Zeroes whole channels of an image with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, H, W, C) -> (B, H, W, C); with data_format='channels_first', (B, C, H, W)

    Mode and stream are torch's, as in `Dropout`.

    Args:
        rate: the probability, in [0, 1].
        data_format: where the channels are; None takes `layergraph.config.image_data_format()`.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> SpatialDropout2D(0.5)(Input(shape=(8, 8, 4))).shape
    (None, 8, 8, 4)
    """

    rank = 2
    _module = nn.Dropout2d
    _function = F.dropout2d


class SpatialDropout3D(_SpatialDropoutOfImages):
    """Zeroes whole channels of a volume with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, D, H, W, C) -> (B, D, H, W, C); with data_format='channels_first', (B, C, D, H, W)

    Mode and stream are torch's, as in `Dropout`. The arguments are `SpatialDropout2D`'s.

    >>> from layergraph import Input
    >>> SpatialDropout3D(0.5)(Input(shape=(4, 8, 8, 4))).shape
    (None, 4, 8, 8, 4)
    """

    rank = 3
    _module = nn.Dropout3d
    _function = F.dropout3d


class ActivityRegularization(Layer):
    """Gives its input on, and adds a penalty on it to the loss, divided by the batch size.

    (B, ...) -> (B, ...)

    The term `l1 * sum(|x|) + l2 * sum(x**2)` is in `losses` after each call; `fit` adds it.

    Args:
        l1, l2: the rates; finite numbers of at least 0.

    >>> import torch
    >>> layer = ActivityRegularization(l2=0.5)
    >>> y = layer(torch.full((2, 3), 2.0))
    >>> layer.losses
    [tensor(6.)]
    """

    supports_masking = True

    l1: float = number(default=0.0, low=0)
    l2: float = number(default=0.0, low=0)

    def check_fields(self) -> None:
        if self.activity_regularizer is not None:
            raise Fact("makes its own `activity_regularizer`, and was given one", "give it l1 and l2")
        self.__dict__["activity_regularizer"] = L1L2(self.l1, self.l2)

    def call(self, x: Tensor) -> Tensor:
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "activity_regularizer"}
