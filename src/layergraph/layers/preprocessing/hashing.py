"""Hashes: words and whole numbers as numbers of bins, without a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_array, is_numpy_scalar, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked, is_int, only, positive
from layergraph.layers.preprocessing.categories import NO_SPARSE, output_mode
from layergraph.layers.preprocessing.data import encoded_shape
from layergraph.layers.preprocessing.fingerprint import fingerprint64, joined64
from layergraph.layers.preprocessing.lookup import refuse_symbols
from layergraph.layers.preprocessing.vocabulary import bucket, salt
from layergraph.layers.preprocessing.words import Words, words
from layergraph.layers.weights import Weight
from layergraph.nn.encoding import encode

_NO_HASH = "hashes the text of each value, for which torch has no function, so it takes data and no symbolic tensor"
_ENCODING = "utf-8"


def _values(data: Any, whole: bool = False) -> tuple[Words, bool]:
    """(an array of Python's strings or ints, whether they are strings), floats being cut to ints, or refused. Raises `Fact`."""
    if isinstance(data, Tensor):
        data = data.detach().cpu().numpy()
    if not (is_sequence(data) or is_array(data) or is_numpy_scalar(data) or isinstance(data, (int, float, str, bytes))):
        raise Fact(f"takes strings or numbers, in a list, an array or a tensor, got {type(data).__name__} {shown(data)}")
    try:
        array = np.asarray(data)
    except ValueError:
        raise Fact(f"takes rows of one length, got {shown(data)}", "pad the rows, or call it on each") from None
    if array.dtype.kind == "f" and whole:
        raise Fact(f"takes strings and whole numbers, got {shown(data)}", "cut floats to ints, or use Discretization")
    if array.dtype.kind == "b":  # TensorFlow's words for them
        return np.where(array, "true", "false").astype(object), True
    if array.dtype.kind in "iuf":
        return array.astype(np.int64).astype(object), False
    return words(data, _ENCODING), True


class _Hashed(Layer):
    """What the two layers share: they take data, and have nothing to build."""

    def check_fields(self) -> None:
        self.__dict__["built"] = True

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        refuse_symbols(self, (inputs,), kwargs, _NO_HASH)
        try:
            return self.call(inputs)
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def _encoded(self, found: Sequence[int], shape: tuple[int, ...]) -> Tensor:
        bins = torch.tensor(found, dtype=torch.int64).reshape(shape)
        if self.output_mode == "int":
            return bins if self._torch_dtype.is_floating_point else bins.to(self._torch_dtype)
        return encode(bins, self.num_bins, self.output_mode, self._torch_dtype)

    def keras_weights(self) -> list[Weight]:
        return []


def _mask_value(value: Any, owner: Any) -> Any:
    if value is not None and not isinstance(value, str) and not is_int(value):
        raise Fact(f"must be a str, an int or None, got {shown(value)}")
    return value


class Hashing(_Hashed):
    """Each word or whole number as the number of a bin, by a hash of its text. For data: lists, arrays and tensors, before the model.

    'int': (...) -> (...) of int64; 'one_hot': (...) -> (..., num_bins), a last axis of 1 being left out; 'multi_hot' and 'count':
    (..., n) -> (..., num_bins), the last axis being one sample

    The hash is TensorFlow's, and so Keras's: FarmHash's Fingerprint64 of the UTF-8 text, or of the decimal digits of a number (of
    which a fraction is cut off), or SipHash under a key. In a graph, use `x % num_bins` or IntegerLookup.

    Args:
        num_bins: how many bins there are.
        mask_value: a value with bin 0 for itself; the others share those from 1 on.
        salt: a key for SipHash: an int or two; None takes Fingerprint64.
        output_mode: 'int', 'one_hot', 'multi_hot' or 'count'.
        sparse: only False.

    Raises:
        ArgumentError: on a symbolic tensor.

    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"]]).flatten()
    tensor([1, 0, 1])
    """

    num_bins: int = positive()
    mask_value: Any = checked(_mask_value, default=None)
    salt: Any = checked(salt, default=None)
    output_mode: str = output_mode("int", "one_hot", "multi_hot", "count", default="int")
    sparse: bool = only(default=False, why=NO_SPARSE)

    def call(self, inputs: Any) -> Tensor:
        values, strings = _values(inputs)
        masks = self.mask_value is not None and self.num_bins > 1
        first, count = int(masks), self.num_bins - int(masks)

        def place(value: Any) -> int:
            if masks and value == self.mask_value:
                return 0
            return first + bucket(value.encode() if strings else b"%d" % value, count, self.salt)

        return self._encoded([place(value) for value in values.reshape(-1).tolist()], values.shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return encoded_shape(tuple(input_shape), self.num_bins, self.output_mode)


class _CrossingFields(_Hashed):
    """The fields of HashedCrossing, in Keras's order but for `name` and `dtype`."""

    num_bins: int = positive()
    output_mode: str = output_mode("int", "one_hot", default="int")
    sparse: bool = only(default=False, why=NO_SPARSE)


class HashedCrossing(_CrossingFields):
    """Two or more features of each sample as the number of one bin, by a hash of them all. For data, before the model.

    A list of (), (B,) or (B, 1), strings or whole numbers -> the same shape of int64; 'one_hot': (B, num_bins)

    The hash is TensorFlow's, and so Keras's: the fingerprints of words, and numbers as they are, joined in their order.

    Args:
        num_bins: how many bins there are.
        output_mode: 'int' or 'one_hot'.
        sparse: only False.

    Raises:
        ArgumentError: on symbolic tensors, and for features of other shapes or kinds.

    >>> HashedCrossing(num_bins=5)([["A", "B", "A"], [101, 101, 102]])
    tensor([1, 4, 3])
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(num_bins, output_mode, sparse, name=name, dtype=dtype, **kwargs)

    def call(self, inputs: Any) -> Tensor:
        if not is_sequence(inputs) or len(inputs) < 2:
            raise Fact(f"takes a list of two features or more, got {shown(inputs)}")
        features = [self._feature(each) for each in inputs]
        shapes = [shape for _, shape in features]
        if any(shape != shapes[0] for shape in shapes):
            raise Fact(f"takes features of one shape, got {', '.join(map(str, shapes))}")
        found: list[int] = []
        for together in zip(*(prints for prints, _ in features), strict=True):
            crossed = _KEY
            for each in together:
                crossed = joined64(crossed, each)
            found.append(crossed % self.num_bins)
        return self._encoded(found, shapes[0])

    def _feature(self, data: Any) -> tuple[list[int], tuple[int, ...]]:
        """(the fingerprint of each value, their shape). Raises `Fact`."""
        values, strings = _values(data, whole=True)
        if values.ndim > 2 or (values.ndim == 2 and values.shape[1] != 1):
            raise Fact(f"takes features of shape (), (batch,) or (batch, 1), got {values.shape}")
        flat = values.reshape(-1).tolist()
        return [fingerprint64(value.encode()) if strings else value for value in flat], values.shape

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return encoded_shape(tuple(input_shape[0]), self.num_bins, self.output_mode)


# With which TensorFlow's crossing starts.
_KEY = 0xDECAFCAFFE
