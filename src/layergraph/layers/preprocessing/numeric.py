"""Numbers: rescaled, normalized, encoded, put into bins."""

from __future__ import annotations

import math
import numbers as python
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from torch import Tensor

from layergraph import config
from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.kinds import is_array, is_sequence
from layergraph.layers.fields import Argument, Field, checked, choice, flag, is_int, number, only
from layergraph.layers.preprocessing.data import DataLayer, batches, encoded_shape, first_of, numbers
from layergraph.layers.weights import Weight
from layergraph.nn.encoding import encode
from layergraph.nn.tables import Buckets, Normalize, Rescale

Numbers = Argument[float | Sequence[Any], Any]
NO_SPARSE = "torch's layers take dense tensors; call .to_sparse() on the output"


def _values(value: Any, owner: Any) -> Any:
    """A number, or numbers in lists: plain ones, as a config has them."""
    plain = value.tolist() if isinstance(value, Tensor) or is_array(value) or isinstance(value, np.generic) else value
    flat = np.array(plain, dtype=object).reshape(-1).tolist() if is_sequence(plain) else [plain]
    if not flat or not all(isinstance(item, python.Real) and not isinstance(item, bool) for item in flat):
        raise Fact(f"must be a number, or a list of numbers, got {shown(value)}")
    return plain


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

    @property
    def _named(self) -> tuple[int, ...]:
        return () if self.axis is None else (self.axis,) if is_int(self.axis) else self.axis

    def _kept(self, shape: Shape) -> list[int]:
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
        kept = self._kept(input_shape)
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
        self._kept(input_shape)
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
        kept, along = self._kept(shape), self.normalize.along
        seen = [size if axis in kept else 1 for axis, size in enumerate(shape)]
        if len(shape) != len(along) or [shape[axis] for axis in kept] != list(self.normalize.mean.shape):
            raise Fact(f"got data of shape {shape}, and the layer has statistics of shape {tuple(along)}", "use another layer")
        return seen, [axis for axis in range(len(shape)) if axis not in kept]


def output_mode(*modes: str, default: str) -> Any:
    """How indices come out. 'binary' and 'tf-idf' are older words for 'multi_hot' and 'tf_idf'."""
    own = cast("Field", choice(*modes, default=default))

    def check(value: Any, owner: Any) -> str:
        return own.check({"binary": "multi_hot", "tf-idf": "tf_idf"}.get(value, value) if isinstance(value, str) else value, owner)

    return Field(default, check)


def _count(value: Any, owner: Any) -> int | None:
    if value is not None and (not is_int(value) or value < 1):
        raise Fact(f"must be a positive int or None, got {shown(value)}")
    return value if value is None else int(value)


class CategoryEncoding(DataLayer):
    """Whole numbers from 0 as vectors of zeros and ones, or of counts.

    'one_hot': (...) -> (..., num_tokens), a last axis of 1 being left out; 'multi_hot' and 'count': (..., n) -> (..., num_tokens),
    the last axis being one sample

    A number below 0 adds nothing, one of `num_tokens` or more raises. Keras takes axis 1 for the sample's where there are 3 axes or
    more, against its own documentation and declared shapes.

    Args:
        num_tokens: how many numbers there are.
        output_mode: 'multi_hot', 'one_hot' or 'count'. For 'count', `layer(x, count_weights=w)` adds up weights, of the shape of `x`.
        sparse: only False.

    >>> from layergraph import Input
    >>> CategoryEncoding(4, "one_hot")([3, 2, 0])
    tensor([[0., 0., 0., 1.],
            [0., 0., 1., 0.],
            [1., 0., 0., 0.]])
    >>> CategoryEncoding(4)(Input(shape=(7,), dtype="int64")).shape
    (None, 4)
    """

    num_tokens: Any = checked(_count, default=None)
    output_mode: str = output_mode("multi_hot", "one_hot", "count", default="multi_hot")
    sparse: bool = only(default=False, why=NO_SPARSE)

    def check_fields(self) -> None:
        if self.num_tokens is None:
            raise Fact("needs `num_tokens`, got None", "use IntegerLookup where the numbers are not known")

    def _casts(self, dtype: torch.dtype) -> bool:
        return False  # what comes in are indices; the layer's dtype is that of the output

    def call(self, x: Tensor, count_weights: Tensor | None = None) -> Tensor:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(f"{self.label}: `count_weights` has no use with output_mode={self.output_mode!r}", "output_mode='count'")
        return encode(x, self.num_tokens, self.output_mode, self._torch_dtype, count_weights)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return encoded_shape(input_shape, self.num_tokens, self.output_mode)

    def compute_output_spec(self, x: TensorSpec, count_weights: TensorSpec | None = None) -> TensorSpec:
        if count_weights is not None and self.output_mode != "count":
            raise Fact(f"has no use for `count_weights` with output_mode={self.output_mode!r}", "output_mode='count'")
        if count_weights is not None and count_weights.shape != x.shape:
            raise Fact(f"takes `count_weights` of the input's shape {x.shape}, got {count_weights.shape}")
        return TensorSpec(self.compute_output_shape(x.shape), self._torch_dtype)


def _boundaries(value: Any, owner: Any) -> list[float] | None:
    if value is None:
        return None
    plain = value.tolist() if isinstance(value, Tensor) or is_array(value) else value
    if not is_sequence(plain) or not all(isinstance(item, python.Real) and not isinstance(item, bool) for item in plain):
        raise Fact(f"must be a list of numbers, got {shown(value)}")
    if sorted(plain) != list(plain):
        raise Fact(f"must be in ascending order, got {shown(value)}", "bin_boundaries=sorted(...)")
    return list(plain)


class _Binned(DataLayer):
    """The fields of Discretization, of which one is read from a buffer."""

    bin_boundaries: Any = checked(_boundaries, default=None)
    num_bins: int | None = checked(_count, default=None)
    epsilon: float = number(default=0.01, low=1e-9, high=1)
    output_mode: str = output_mode("int", "one_hot", "multi_hot", "count", default="int")
    sparse: bool = only(default=False, why=NO_SPARSE)

    def check_fields(self) -> None:
        given = self.__dict__["bin_boundaries"]
        if given is None and self.num_bins is None:
            raise Fact("needs `bin_boundaries`, or `num_bins` for adapt() to find them")
        if given is not None and self.num_bins is not None:
            raise Fact(f"takes `bin_boundaries` or `num_bins`, got both: {shown(given)} and {self.num_bins}", "leave num_bins out")


class Discretization(_Binned):
    """The bin that each number lies in, 0 being below the first boundary; a boundary belongs to the bin above it.

    'int': (...) -> (...) of int32; 'one_hot': (...) -> (..., bins), a last axis of 1 being left out; 'multi_hot' and 'count':
    (B, n, ...) -> (B, ..., bins), or (n,) -> (bins,)

    The boundaries are part of the config and of the state dict.

    Args:
        bin_boundaries: the boundaries, one less than there are bins.
        num_bins: how many bins `adapt` shall make, with about as many values each.
        epsilon: how exact the quantiles shall be; `adapt` keeps about 1 / epsilon numbers in memory.
        output_mode: 'int', 'one_hot', 'multi_hot' or 'count'.
        sparse: only False.

    >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]])
    tensor([[0, 2, 3, 1]], dtype=torch.int32)
    """

    _casts_integers: ClassVar[bool] = True

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(bin_boundaries, num_bins, epsilon, output_mode, sparse, dtype=dtype, name=name, **kwargs)

    @property
    def bin_boundaries(self) -> list[float] | None:  # pyright: ignore[reportIncompatibleVariableOverride] (the buffer knows better)
        """The boundaries; None before `adapt`."""
        given: list[float] | None = self.__dict__["bin_boundaries"]
        if not self.built:
            return given
        held: Tensor = self.buckets.boundaries
        if type(held) is not Tensor or held.is_meta:  # torch looks at layers while it exports them
            return given
        if given is not None and torch.equal(torch.tensor(given, dtype=held.dtype, device=held.device), held):
            return given
        return held.tolist() if held.numel() or self.num_bins == 1 else None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.__dict__["bin_boundaries"] = _boundaries(config["bin_boundaries"], layer)  # what adapt() had found
        return layer

    def build(self, input_shape: Shape) -> None:
        self.buckets = Buckets(torch.tensor(self.__dict__["bin_boundaries"] or [], dtype=self._torch_dtype))

    def call(self, x: Tensor) -> Tensor:
        index = self.buckets(x)
        if self.output_mode == "int":
            return index
        if self.output_mode != "one_hot" and x.ndim > 2:
            index = index.movedim(1, -1)
        return encode(index, self.buckets.bins, self.output_mode, self._torch_dtype)

    def keras_weights(self) -> list[Weight]:
        return []

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        found = self.bin_boundaries
        if found is None:
            raise Fact("has no boundaries yet", "call adapt(data) first, or give bin_boundaries=[...]")
        if self.output_mode in ("multi_hot", "count") and len(input_shape) > 2:
            input_shape = (input_shape[0], *input_shape[2:], input_shape[1])
        return encoded_shape(input_shape, len(found) + 1, self.output_mode)

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        return torch.int32 if self.output_mode == "int" else self._torch_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the boundaries from the quantiles of data: an array, a tensor, or an iterable of batches, such as a DataLoader.

        Args:
            data: of a batch (x, y) x is taken.
            steps: how many batches of an iterable are looked at; None takes all.

        Raises:
            ArgumentError: for a layer with given `bin_boundaries`, or for data that are no numbers.
        """
        self._adapting(self._adapt, data, steps)

    def _adapt(self, data: Any, steps: int | None) -> None:
        if self.num_bins is None:
            raise Fact("would replace the `bin_boundaries` that were given", "give num_bins instead")
        summary = np.zeros((2, 0), np.float32)
        for batch in batches(data, steps):
            found = np.concatenate((summarized(numbers(batch).detach().cpu().float().numpy(), self.epsilon), summary), axis=1)
            summary = compressed(found[:, np.argsort(found[0])], self.epsilon)
        if not summary.size:
            raise Fact("got no values")
        if not self.built:
            self.build(())
        self.buckets.put("boundaries", torch.from_numpy(compressed(summary, 1 / self.num_bins)[0, :-1].copy()))


Summary = np.ndarray[Any, Any]
"""(2, n): values in ascending order, and how many values of the data each stands for."""


def summarized(values: Summary, epsilon: float) -> Summary:
    """Every so many of the sorted values, 1 / epsilon of them, or all where there are fewer."""
    step = max(values.size * epsilon, 1)
    chosen = np.sort(values, axis=None)[int(step - 1) :: int(step)]
    return np.stack([chosen, np.ones_like(chosen) * step])


def compressed(summary: Summary, epsilon: float) -> Summary:
    """A summary by 1 / epsilon values, interpolated at equal steps of the cumulated weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    cumulated = summary[1].cumsum()
    values = np.interp(shares, cumulated / cumulated[-1], summary[0])
    weights = np.interp(shares, cumulated / cumulated[-1], cumulated)
    return np.stack([values, np.diff(weights, prepend=0)]).astype(np.float32)
