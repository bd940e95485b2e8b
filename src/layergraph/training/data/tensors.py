"""Arrays, frames and lists as tensors, without a copy where that is possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...config import floatx
from ...errors import DataError, shown
from ...kinds import is_sequence
from .structure import is_nested, map_leaves

PLAIN = {np.dtype(kind) for kind in ("?", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")}
"""The dtypes of numpy that torch takes as they are."""

_NULLABLE = {"boolean", *(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64))}
_OTHERWISE = "encode it as numbers first: pandas.get_dummies(...), or the codes of pandas.factorize(...)"
_ENCODED = {"category": "its codes are numbers: column.cat.codes; or pandas.get_dummies(...)"}


def to_tensor(value: Any, what: str, double: bool = False) -> Tensor:
    """`value` as a tensor, sharing its memory where that can be; float64 becomes `floatx()` unless `double`.

    Raises:
        DataError: text, objects, and everything else that is no array.
    """
    if isinstance(value, Tensor):
        tensor = value
    else:
        if type(value) is not np.ndarray and hasattr(value, "to_numpy"):
            value = _from_frame(value, what)
        if not isinstance(value, np.ndarray):
            if not isinstance(value, (list, tuple, int, float, np.generic)) and not hasattr(value, "__array__"):
                raise DataError(
                    f"Unrecognized data type: `{what}` is {shown(value)} of type {type(value).__name__}",
                    f"{what}.toarray()" if hasattr(value, "toarray") else "pass an array or a tensor",
                )
            value = np.asarray(value)
        tensor = _from_numpy(cast("np.ndarray[Any, Any]", value), what)
    if tensor.ndim == 0:
        raise DataError(f"`{what}` has no axes; its first axis must be the samples", "wrap it: np.asarray([value])")
    return tensor.to(getattr(torch, floatx())) if tensor.dtype is torch.float64 and not double else tensor


def _from_frame(frame: Any, what: str) -> Any:
    """A frame as a table (N, columns); a series as one column, (N, 1), as Keras has it."""
    array: Any = frame.to_numpy()
    columns = getattr(frame, "columns", None)
    if array.dtype.kind in "OSU":
        if columns is None:
            array = _from_column(frame, what)
        elif len(columns):
            array = np.stack([_from_column(frame[name], f"{what}[{name!r}]") for name in columns], axis=1)
    return array[:, None] if array.ndim == 1 else array


def _from_column(column: Any, what: str) -> np.ndarray[Any, Any]:
    """A column of numbers; missing numbers of pandas's own dtypes are NaN."""
    array = column.to_numpy()
    if array.dtype.kind not in "OSUMm":
        return array
    dtype = str(column.dtype)
    if dtype.lower() in _NULLABLE:
        return column.to_numpy(dtype="float64", na_value=np.nan)
    kind = "words, or other objects" if dtype in ("object", "str", "string") else dtype
    raise DataError(f"`{what}` holds {kind}, which are no numbers", _ENCODED.get(dtype, _OTHERWISE))


def _from_numpy(array: np.ndarray[Any, Any], what: str) -> Tensor:
    flags = array.flags
    if flags.c_contiguous and flags.writeable and array.dtype in PLAIN:
        return torch.from_numpy(array)
    if array.dtype.kind in "OSUVMm":
        kind = "str" if array.dtype.kind in "SU" else str(array.dtype)
        raise DataError(f"`{what}` holds {kind} (dtype {array.dtype}), which is no number", "encode it as numbers first")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 for stride in array.strides) or (array.dtype.itemsize and any(s % array.dtype.itemsize for s in array.strides)):
        array = np.ascontiguousarray(array)
    if not array.flags.writeable:
        # torch warns of read-only memory (a memory map, a broadcast); nothing here ever writes to it
        array = np.asarray(_Writable(array))
    return torch.from_numpy(array)


class _Writable:
    """The same memory, said to be writable."""

    def __init__(self, array: np.ndarray[Any, Any]):
        self.kept = array
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def to_structure(value: Any, what: str, double: bool = False) -> Any:
    """A structure of arrays as one of tensors. A list of plain numbers, or of lists of them, is one array; a pandas frame is one array."""
    if _is_of_numbers(value):
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise DataError(f"`{what}` is a list of lists of different lengths", f"pad_sequences({what})") from error
    to_numpy = getattr(value, "to_numpy", None)
    if to_numpy is not None and isinstance(value, Mapping):
        value = to_numpy()
    if not is_nested(value):
        return to_tensor(value, what, double)
    return map_leaves(lambda leaf: to_tensor(leaf, what, double), value)


def _is_of_numbers(value: Any) -> bool:
    """Whether this is a list of numbers, or of lists of them, and so on."""
    if not is_sequence(value) or not value:
        return False
    first = value[0]
    if is_sequence(first):
        return _is_of_numbers(first) and all(is_sequence(item) for item in value)
    return all(isinstance(item, (int, float, bool, np.generic)) for item in value)
