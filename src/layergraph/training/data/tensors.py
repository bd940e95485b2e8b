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


def to_tensor(value: Any, what: str, double: bool = False) -> Tensor:
    """`value` as a tensor, sharing its memory where that can be; float64 becomes `floatx()` unless `double`.

    Raises:
        DataError: text, objects, and everything else that is no array.
    """
    if isinstance(value, Tensor):
        tensor = value
    else:
        if hasattr(value, "to_numpy"):
            value = value.to_numpy()
        if not isinstance(value, np.ndarray):
            if not isinstance(value, (list, tuple, int, float, np.generic)) and not hasattr(value, "__array__"):
                raise DataError(
                    f"Unrecognized data type: `{what}` is {shown(value)} of type {type(value).__name__}", "pass an array or a tensor"
                )
            value = np.asarray(value)
        tensor = _from_numpy(cast("np.ndarray[Any, Any]", value), what)
    if tensor.ndim == 0:
        raise DataError(f"`{what}` has no axes; its first axis must be the samples", "wrap it: np.asarray([value])")
    return tensor.to(getattr(torch, floatx())) if tensor.dtype is torch.float64 and not double else tensor


def _from_numpy(array: np.ndarray[Any, Any], what: str) -> Tensor:
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
    """A structure of arrays as one of tensors. A list of plain numbers is one array; a pandas frame is one array."""
    if is_sequence(value) and value and all(isinstance(v, (int, float, bool, np.generic)) for v in value):
        value = np.asarray(value)
    to_numpy = getattr(value, "to_numpy", None)
    if to_numpy is not None and isinstance(value, Mapping):
        value = to_numpy()
    if not is_nested(value):
        return to_tensor(value, what, double)
    return map_leaves(lambda leaf: to_tensor(leaf, what, double), value)
