"""Numbers, rescaled and normalized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from layergraph import config
from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers.fields import Argument, checked, flag, is_int
from layergraph.layers.preprocessing.data import DataLayer, batches, first_of, is_number, numbers, plain
from layergraph.layers.weights import Weight
from layergraph.nn.tables import Normalize, Rescale

Numbers = Argument[float | Sequence[Any], Any]


def _values(value: Any, owner: Any) -> Any:
    """A number, or numbers in lists: plain ones, as a config has them."""
    found = plain(value)
    flat: list[Any] = np.array(found, dtype=object).reshape(-1).tolist() if is_sequence(found) else [found]
    if not flat or not all(map(is_number, flat)):
        raise Fact(f"must be a number, or a list of numbers, got {shown(value)}")
    return found


def _optional_values(value: Any, owner: Any) -> Any:
    return None if value is None else _values(value, owner)


class Rescaling(DataLayer):
    """`x * scale + offset`.

    (...) -> (...), integers becoming floats

    Args:
        scale, offset: a number, or a list that broadcasts against the last axis: one for each channel. With
            `set_image_data_format("channels_first")`, a list belongs to the third axis from the end.

    >>> from layergraph import Input
    >>> Rescaling(1 / 127.5, offset=-1)(Input(shape=(32, 32, 3), dtype="uint8")).dtype
    'float32'
    """

    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    scale: Numbers = checked(_values)
    offset: Numbers = checked(_values, default=0.0)

    def build(self, input_shape: Shape) -> None:
        if not is_sequence(self.scale) and not is_sequence(self.offset):
            return
        values = [torch.tensor(value, dtype=self._torch_dtype) for value in (self.scale, self.offset)]
        if config.image_data_format() == "channels_first":
            values = [value.reshape(*value.shape, *(1,) * (3 - value.ndim)) if value.ndim else value for value in values]
        self.rescale = Rescale(*values)

    def call(self, x: Tensor) -> Tensor:
        x = x if x.dtype.is_floating_point else x.to(self._torch_dtype)
        return self.rescale(x) if "rescale" in self.__dict__ else x * self.scale + self.offset

    def keras_weights(self) -> list[Weight]:
        return []

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        return input_dtypes[0] if input_dtypes[0].is_floating_point else self._torch_dtype


def _axes(value: Any, owner: Any) -> Any:
    if value is None or is_int(value):
        return value if value is None else int(value)
    if not is_sequence(value) or not all(map(is_int, value)):
        raise Fact(f"must be an int, a tuple of ints or None, got {shown(value)}")
    return tuple(map(int, value))


class Normalization(DataLayer):
    """`(x - mean) / sqrt(variance)`, with the statistics of data that `adapt` has seen.

    (B, ..., C) -> (B, ..., C)

    The deviation is taken for at least `layergraph.config.epsilon()`.

    Args:
        axis: an axis, or several, along which each place has statistics of its own; None takes the same for all numbers.
        mean, variance: the statistics, where they are known; they broadcast against the axes, and are then no weights.
        invert: `x * sqrt(variance) + mean` instead.

    >>> import torch
    >>> layer = Normalization()
    >>> layer.adapt(torch.tensor([[0.0, 7.0], [2.0, 9.0]]))
    >>> layer(torch.tensor([[0.0, 9.0]]))
    tensor([[-1.,  1.]])
    """

    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    axis: Argument[int | Sequence[int] | None, Any] = checked(_axes, default=-1)
    mean: Any = checked(_optional_values, default=None)
    variance: Any = checked(_optional_values, default=None)
    invert: bool = flag(default=False)

    def check_fields(self) -> None:
        mean, variance = self.mean, self.variance
        if (mean is None) != (variance is None):
            raise Fact(f"needs `mean` and `variance` together, got mean={shown(mean)} and variance={shown(variance)}")
        if mean is None:
            return
        if np.shape(mean) != np.shape(variance):
            raise Fact(f"has a `mean` of shape {np.shape(mean)} and a `variance` of shape {np.shape(variance)}; they must be alike")
        if np.ndim(mean) > len(self._named):
            raise Fact(f"has a `mean` of shape {np.shape(mean)} for axis={self.axis}, which is {len(self._named)} axes")

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer; `axis` as a list, empty for None."""
        return {**super().get_config(), "axis": list(self._named)}

    @property
    def _named(self) -> tuple[int, ...]:
        return () if self.axis is None else (self.axis,) if is_int(self.axis) else self.axis

    def _axes_kept(self, shape: Shape) -> list[int]:
        """The axes with statistics of their own, from 0 up. Raises `Fact`."""
        rank = len(shape)
        wrong = [axis for axis in self._named if not -rank <= axis < rank]
        if wrong:
            raise Fact(f"axis {wrong[0]} is out of range for rank {rank}, of shape {shape}")
        kept = sorted({axis % rank for axis in self._named})
        if any(shape[axis] is None for axis in kept):
            raise Fact(f"needs known sizes at axis {self.axis}, got shape {shape}", "give them in Input(shape=...), or use axis=None")
        return kept

    def build(self, input_shape: Shape) -> None:
        kept = self._axes_kept(input_shape)
        sizes = [input_shape[axis] or 0 for axis in kept]
        along = [size or 0 if axis in kept else 1 for axis, size in enumerate(input_shape)]
        self.normalize = Normalize(sizes, along, config.epsilon(), self.invert, self._given(kept, sizes))

    def _given(self, kept: list[int], sizes: list[int]) -> tuple[Tensor, Tensor] | None:
        if self.mean is None:
            return None
        try:
            mean, variance = (torch.tensor(value, dtype=self._torch_dtype).expand(sizes).clone() for value in (self.mean, self.variance))
        except RuntimeError:
            raise Fact(
                f"has a `mean` of shape {np.shape(self.mean)}, and the input's sizes at axis {self.axis} are {tuple(sizes)}"
            ) from None
        return mean, variance

    def call(self, x: Tensor) -> Tensor:
        return self.normalize(x if x.dtype.is_floating_point else x.to(self._torch_dtype))

    def keras_weights(self) -> list[Weight]:
        own = self.normalize
        return (
            []
            if self.mean is not None
            else [Weight(name, (getattr(own, name),), trainable=False) for name in ("mean", "variance", "count")]
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes_kept(input_shape)
        if self.built:
            along = self.normalize.along
            ends = input_shape[len(input_shape) - len(along) :]
            if len(along) > len(input_shape) or any(want != 1 and n not in (None, want) for want, n in zip(along, ends, strict=True)):
                raise Fact(f"has statistics of shape {tuple(along)}, got an input of shape {input_shape}", "use another layer")
        return input_shape

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        return input_dtypes[0] if input_dtypes[0].is_floating_point else self._torch_dtype

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data: an array, a tensor, or an iterable of batches, such as a DataLoader.

        Of a batch (x, y) it takes x. The statistics are the whole population's, worked out in float64.

        Raises:
            ArgumentError: for a layer with a given `mean`, for data that are no numbers, or whose shape is not the layer's.
        """
        self._adapting(self._adapt, data)

    def _adapt(self, data: Any) -> None:
        if self.mean is not None:
            raise Fact("would replace the `mean` and `variance` that were given", "leave them out of Normalization(...)")
        if is_sequence(data) and data and not hasattr(first_of(data[0]), "shape"):
            data = numbers(data)  # rows of numbers, and no batches
        count, mean, spread = 0, torch.zeros(()), torch.zeros(())
        for batch in batches(data):
            x = numbers(batch).detach().double()
            if not self.built:
                self.build(tuple(x.shape))
            kept, reduced = self._seen(tuple(x.shape))
            number = math.prod(x.shape[axis] for axis in reduced)
            if number == 0:
                continue
            there = x.mean(reduced) if reduced else x
            apart = there - mean.to(x)
            squares = ((x - there.reshape(kept)) ** 2).sum(reduced) if reduced else torch.zeros_like(x)
            spread = spread.to(x) + squares + apart**2 * (count * number / (count + number))
            count += number
            mean = mean.to(x) + apart * (number / count)
        if count == 0:
            raise Fact("got no values")
        own = self.normalize
        own.mean.copy_(mean)
        own.variance.copy_(spread / count)

    def _seen(self, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
        """(the sizes along which the statistics of this shape are seen, the axes they are taken over). Raises `Fact`."""
        kept, along = self._axes_kept(shape), self.normalize.along
        seen = [size if axis in kept else 1 for axis, size in enumerate(shape)]
        if len(shape) != len(along) or [shape[axis] for axis in kept] != list(self.normalize.mean.shape):
            raise Fact(f"got data of shape {shape}, and the layer has statistics of shape {tuple(along)}", "use another layer")
        return seen, [axis for axis in range(len(shape)) if axis not in kept]
