"""Numbers put into bins, and as vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.kinds import is_sequence
from layergraph.layers.fields import Field, checked, choice, is_int, number, only
from layergraph.layers.preprocessing.data import DataLayer, batches, encoded_shape, is_number, numbers, plain
from layergraph.layers.weights import Weight
from layergraph.nn.encoding import encode
from layergraph.nn.tables import Buckets

NO_SPARSE = "torch's layers take dense tensors; call .to_sparse() on the output"


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
    found = plain(value)
    if not is_sequence(found) or not all(map(is_number, found)):
        raise Fact(f"must be a list of numbers, got {shown(value)}")
    if sorted(found) != list(found):
        raise Fact(f"must be in ascending order, got {shown(value)}", "bin_boundaries=sorted(...)")
    return list(found)


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
    def bin_boundaries(self) -> list[float] | None:
        """The boundaries; None before `adapt`."""
        given: list[float] | None = self.__dict__["bin_boundaries"]
        if not self.built:
            return given
        held: Tensor = self.buckets.boundaries
        if type(held) is not Tensor or held.is_meta:  # torch looks at layers while it exports them
            return given
        if given is not None and torch.equal(torch.tensor(given, dtype=held.dtype, device=held.device), held):
            return given
        return plain(held) if held.numel() or self.num_bins == 1 else None

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer. Keras's class takes no `trainable`: it stands in it only where it is False."""
        config = super().get_config()
        return config if not self.trainable else {word: value for word, value in config.items() if word != "trainable"}

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


_interpolated: Any = np.interp
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
    values, weights = (_interpolated(shares, cumulated / cumulated[-1], row) for row in (summary[0], cumulated))
    return np.stack([values, np.diff(weights, prepend=0)]).astype(np.float32)
