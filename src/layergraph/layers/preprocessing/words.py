"""Data that are words: arrays, lists and batches of them, which no torch tensor can hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from layergraph.errors import Fact, shown
from layergraph.kinds import is_array, is_numpy_scalar, is_sequence

Words = np.ndarray[Any, Any]
"""An array of Python's strings."""


def words(value: Any, encoding: str) -> Words:
    """Strings or bytes, in whatever they are nested, as an array of strings. Raises `Fact`."""
    if isinstance(value, (str, bytes)):
        return _decoded(np.array(value, dtype=object), encoding)
    if not (is_sequence(value) or is_array(value) or is_numpy_scalar(value)):
        raise Fact(f"takes strings, in a list or an array, got {type(value).__name__} {shown(value)}")
    if is_array(value) or is_numpy_scalar(value):
        return _decoded(np.asarray(value).astype(object), encoding)
    try:
        shape = np.asarray(value).shape
    except ValueError:
        raise Fact(f"takes rows of one length, got {shown(value)}", "pad the rows with '', or call it on each") from None
    found = np.empty(shape, dtype=object)
    found[...] = np.array(value, dtype=object).reshape(shape)
    return _decoded(found, encoding)


def _decoded(array: Words, encoding: str) -> Words:
    """Bytes read as text. Raises `Fact` for what is neither."""
    flat: Words = array.reshape(-1)
    for at, item in enumerate(flat):
        if isinstance(item, bytes):
            flat[at] = item.decode(encoding)
        elif not isinstance(item, str):
            raise Fact(f"takes strings, got {type(item).__name__} {shown(item)}", "for numbers, use IntegerLookup, or str(number)")
    return flat.reshape(array.shape)
