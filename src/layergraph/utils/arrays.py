"""Class vectors, norms and sequences: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.dtypes import floatx
from layergraph.errors import ArgumentError, DataError, ShapeError, shown

Array = np.ndarray[Any, Any]


class NoClassError(DataError, IndexError):
    """A class number outside those that there are."""


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """A vector of class numbers as rows of zeros with a one: (...) or (..., 1) -> (..., num_classes).

    Args:
        x: integers from 0; what is no tensor is read as numpy's int64, fractions cut off.
        num_classes: how many; None counts to the largest.

    Returns:
        A numpy array of float64, as in Keras; for a tensor a tensor of int64, which `F.one_hot` gives.

    Raises:
        NoClassError: (an IndexError) a class below 0 or above the last; Keras counts those below 0 from the end.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if isinstance(x, Tensor):
        classes = x.squeeze(-1) if x.ndim > 1 and x.shape[-1] == 1 else x
        return F.one_hot(classes.long(), _count(classes, num_classes))
    numbers: Array = np.asarray(x).astype("int64")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    wanted = _count(numbers, num_classes)
    rows = np.zeros((numbers.size, wanted))
    rows[np.arange(numbers.size), numbers.reshape(-1)] = 1
    return rows.reshape((*numbers.shape, wanted))


def _count(classes: Any, wanted: int | None) -> int:
    """How many classes there are, all of `classes` being among them."""
    empty = 0 in classes.shape
    lowest, highest = (0, -1) if empty else (int(classes.min()), int(classes.max()))
    count = wanted or highest + 1
    if lowest < 0 or highest >= count:
        wrong = lowest if lowest < 0 else highest
        raise NoClassError(
            f"to_categorical: class {wrong} is not one of 0 to {count - 1}", f"num_classes={highest + 1}" if lowest >= 0 else None
        )
    if count == 0:
        raise DataError("to_categorical: there are no classes to count in an empty array", "pass num_classes=")
    return count


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """`x` divided by its norm along `axis`; where the norm is 0, by 1. A numpy array for an array, a tensor for a tensor.

    Args:
        x: (...) -> (...); an array of one axis (n) -> (1, n), as in Keras.
        axis: along which a norm is taken.
        order: of the norm: 2 for Euclid's, 1 for the sum of absolute values.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if isinstance(x, Tensor):
        floats = x if x.is_floating_point() else x.to(getattr(torch, floatx()))
        norm = cast(Tensor, torch.linalg.vector_norm(floats, order, axis, keepdim=True))
        return x / torch.where(norm == 0, 1.0, norm)
    values: Array = np.atleast_2d(x)
    norms: Array = np.linalg.norm(values, order, axis, keepdims=True)
    return values / np.where(norms == 0, 1, norms)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: Literal["pre", "post"] = "pre",
    truncating: Literal["pre", "post"] = "pre",
    value: Any = 0.0,
) -> Array:
    """Sequences of different lengths as one array: (samples, maxlen, ...).

    Args:
        sequences: lists or arrays, of steps of one shape.
        maxlen: the length of all; None takes the longest one's.
        dtype: numpy's name; `object` for strings of any length.
        padding: on which side short ones are filled up.
        truncating: on which side long ones lose steps.
        value: what fills up.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ArgumentError(f'pad_sequences: {name}: wanted "pre" or "post", got {shown(side)}')
    rows = _rows(sequences)
    longest = max(map(len, rows), default=0) if maxlen is None else maxlen
    step = next((np.asarray(row).shape[1:] for row in rows if len(row)), ())
    text = dtype is object or np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and not text:
        raise ArgumentError(f"pad_sequences: value={value!r} is no {np.dtype(dtype)}", "dtype=object for strings")
    padded: Array = np.full((len(rows), longest, *step), value, dtype=dtype)
    for place, row in enumerate(rows):
        kept = np.asarray(row[max(len(row) - longest, 0) :] if truncating == "pre" else row[:longest], dtype=dtype)
        if not len(kept):
            continue
        if kept.shape[1:] != step:
            raise ShapeError(f"pad_sequences: the sequence at position {place} has steps of shape {kept.shape[1:]}, others of {step}")
        padded[place, slice(0, len(kept)) if padding == "post" else slice(longest - len(kept), None)] = kept
    return padded


def _rows(sequences: Any) -> list[Any]:
    if not hasattr(sequences, "__len__"):
        raise DataError(f"pad_sequences: `sequences` must be a list of sequences, got {shown(sequences)}", "list(sequences)")
    rows = list(sequences)
    for place, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise DataError(f"pad_sequences: `sequences` must be a list of iterables; at position {place} stands {shown(row)}")
    return rows
