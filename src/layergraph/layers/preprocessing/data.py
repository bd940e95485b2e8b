"""What layers over data share: they are called on lists and arrays too, and learn from arrays, tensors and iterables of batches."""

from __future__ import annotations

import itertools
import numbers as python
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape
from layergraph.graph.symbolic import SymbolicTensor, has_symbol
from layergraph.kinds import is_array, is_numpy_scalar, is_sequence
from layergraph.layers.base import Layer
from layergraph.nn.tables import Resized

_NUMBERS = "biuf"
_DATASET = "wrap it: adapt(torch.utils.data.DataLoader(dataset, batch_size=256))"


class DataLayer(Resized, Layer):
    """A layer that is called on lists, numbers and arrays as well as on tensors: on what a Dataset gives, before there is a batch."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not has_symbol(args, kwargs):
            args, kwargs = tuple(map(self._hosted, args)), {name: self._hosted(value) for name, value in kwargs.items()}
        return super().__call__(*args, **kwargs)

    def _hosted(self, value: Any) -> Any:
        """A list, a number or an array as a tensor; anything else as it is."""
        if is_sequence(value) or is_array(value) or is_numpy_scalar(value) or type(value) in (int, float):
            try:
                found = numbers(value)
                return found.to(self._torch_dtype) if self._casts(found.dtype) else found
            except Fact as fact:
                raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None
        return value

    def _adapting(self, function: Callable[..., None], *args: Any) -> None:
        """Run a part of `adapt` in the layer's name."""
        try:
            function(*args)
        except Fact as fact:
            raise ArgumentError(f"{self.label}: adapt() {fact.what}", fact.fix) from None


def is_number(value: Any) -> bool:
    """Whether a value is a number of Python's, and no bool."""
    return isinstance(value, python.Real) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """An array's or tensor's values as Python's own, in lists; anything else as it is."""
    held: Any = value
    return held.tolist() if isinstance(value, Tensor) or is_array(value) or is_numpy_scalar(value) else held


def numbers(value: Any) -> Tensor:
    """Numbers, in whatever they are nested, as a tensor of their own dtype; whole numbers in int64, other ones of lists in the default."""
    if isinstance(value, Tensor):
        return value
    array: Any = value
    if not is_array(value):
        if is_sequence(value) and any(isinstance(item, Tensor) for item in value):
            return torch.stack([torch.as_tensor(item) for item in value])
        try:
            array = np.asarray(value)
        except ValueError:
            raise Fact(f"takes rows of one length, got {shown(value)}", "pad the rows, or call it on each") from None
        if array.dtype == np.float64 and not is_numpy_scalar(value):
            array = array.astype(str(torch.get_default_dtype()).removeprefix("torch."))
    if array.dtype.kind not in _NUMBERS:
        raise Fact(f"takes numbers, got {shown(value)}", "use StringLookup for words, or TextVectorization for texts")
    return torch.from_numpy(np.array(array))


def first_of(batch: Any) -> Any:
    """The inputs of a batch that a loader gives with its targets, (x, y) or [x, y]."""
    if not is_sequence(batch) or not batch:
        return batch
    items: Any = batch
    targets = len(items) > 1 and isinstance(items[1], Tensor) and is_sequence(items[0])  # words, collated
    return items[0] if targets or isinstance(items[0], Tensor) or is_array(items[0]) else items


def batches(data: Any, steps: int | None = None) -> Iterator[Any]:
    """The inputs of each batch of an iterable, of the first `steps` of them; an array or a tensor is one batch. Raises `Fact`."""
    if isinstance(data, SymbolicTensor):
        raise Fact("takes data, and a symbolic tensor has none", "call it on the arrays that the model is trained on")
    if isinstance(data, Tensor) or is_array(data):
        yield data
        return
    given: Any = data
    if not hasattr(given, "__iter__") or isinstance(given, (str, bytes, dict)):
        fix = _DATASET if isinstance(given, Dataset) else None
        raise Fact(f"takes an array, a tensor or an iterable of batches, got {type(data).__name__} {shown(data)}", fix)
    empty = True
    for batch in itertools.islice(given, steps):
        empty = False
        yield first_of(batch)
    if empty:
        raise Fact("got an empty iterable, and wants at least one batch", "a generator is used up after one pass: make a new one")


def encoded_shape(shape: Shape, depth: int, mode: str) -> Shape:
    """The shape of `nn.encoding.encode`'s result; 'int' leaves the shape as it is."""
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*shape[:-1], depth) if len(shape) > 1 and shape[-1] == 1 else (*shape, depth)
    return (*shape[:-1], depth)
