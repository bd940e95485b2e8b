"""Settings that code written for Keras reads and sets: the float type, the fuzz factor, the image layout; and dtype names.

Each setting is a context variable: two threads, or two asyncio tasks, can hold different ones, and a thread starts with
the defaults. A layer reads a setting once, when it is made; a later change does not reach it.
"""

from __future__ import annotations

from contextvars import ContextVar
from numbers import Real
from typing import Any, TypeAlias, cast

import numpy as np
import torch

from .errors import ArgumentError, shown, suggestion

DTypeLike: TypeAlias = "str | torch.dtype | np.dtype[Any] | type | None"

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")
_DTYPES = (
    *_FLOATS,
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool"),
    *("float8_e4m3fn", "float8_e5m2", "complex64", "complex128"),
)
_TORCH: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _DTYPES}
_NAMES = {dtype: name for name, dtype in _TORCH.items()}
_PYTHON: dict[object, str] = {bool: "bool", int: "int32", float: "float32", complex: "complex64", str: "string", "int": "int32"}
_OTHER_NAMES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "short": "int16", "str": "string"}

_floatx: ContextVar[str] = ContextVar("layergraph_floatx", default="float32")
_epsilon: ContextVar[float] = ContextVar("layergraph_epsilon", default=1e-7)
_image_data_format: ContextVar[str] = ContextVar("layergraph_image_data_format", default="channels_last")


def backend() -> str:
    """`"torch"`, the only one.

    >>> backend()
    'torch'
    """
    return "torch"


def floatx() -> str:
    """The name of the float type that new layers use unless told otherwise, `"float32"` at first."""
    return _floatx.get()


def set_floatx(value: str) -> None:
    """Set `floatx()`: `"float16"`, `"bfloat16"`, `"float32"` or `"float64"`.

    Raises `ArgumentError` for anything else. It leaves `torch.get_default_dtype()` alone.

    >>> set_floatx("float64"); floatx()
    'float64'
    >>> set_floatx("float32")
    """
    _floatx.set(_one_of("set_floatx", value, _FLOATS))


def epsilon() -> float:
    """The small number that keeps divisions finite in losses and constraints, 1e-7 at first."""
    return _epsilon.get()


def set_epsilon(value: float) -> None:
    """Set `epsilon()`, a number above 0. Raises `ArgumentError` for anything else."""
    if not isinstance(value, Real) or not value > 0:
        raise ArgumentError(f"set_epsilon: wanted a number above 0, got {shown(value)}", "set_epsilon(1e-7)")
    _epsilon.set(float(value))


def image_data_format() -> str:
    """Where new layers expect the channels of images: `"channels_last"` (B, H, W, C) at first, or `"channels_first"`."""
    return _image_data_format.get()


def set_image_data_format(data_format: str) -> None:
    """Set `image_data_format()`, in any case of letters. Raises `ArgumentError` for an unknown one."""
    value = data_format.lower() if isinstance(data_format, str) else data_format
    _image_data_format.set(_one_of("set_image_data_format", value, _LAYOUTS))


def standardize_dtype(dtype: DTypeLike = None) -> str:
    """Keras's name of a dtype given in any spelling; None is `floatx()`.

    Takes a Keras name, a torch or numpy dtype, or a Python type (`int` is `"int32"` and `float` is `"float32"`, as in Keras).
    Raises `ArgumentError` for anything else.

    >>> standardize_dtype(torch.bfloat16), standardize_dtype(np.float32), standardize_dtype(int)
    ('bfloat16', 'float32', 'int32')
    """
    if dtype is None:
        return _floatx.get()
    if isinstance(dtype, torch.dtype):
        name = _NAMES.get(dtype)
    elif isinstance(dtype, str) and (dtype in _TORCH or dtype == "string"):
        name = str(dtype)
    else:
        name = _PYTHON.get(dtype) if isinstance(dtype, type | str) else None
        name = name or _numpy_name(dtype)
    if name is None:
        raise _invalid(dtype)
    return name


def torch_dtype(dtype: DTypeLike = None) -> torch.dtype:
    """The `torch.dtype` of a dtype given in any spelling; None is `floatx()`.

    Raises `ArgumentError` for an unknown one, and for `"string"`, which torch does not have.

    >>> torch_dtype("float32")
    torch.float32
    """
    if isinstance(dtype, torch.dtype) and dtype in _NAMES:
        return dtype
    name = standardize_dtype(dtype)
    if name not in _TORCH:
        raise ArgumentError(f"Invalid dtype: {name!r} has no torch.dtype", "turn strings into integers before they reach a tensor")
    return _TORCH[name]


def _numpy_name(dtype: object) -> str | None:
    if isinstance(dtype, np.dtype):
        name = cast("np.dtype[Any]", dtype).name
    elif isinstance(dtype, type) and issubclass(dtype, np.generic):
        name = np.dtype(cast("type[np.generic]", dtype)).name
    else:
        return None
    return name if name in _TORCH else None


def _invalid(dtype: object) -> ArgumentError:
    if isinstance(dtype, str) and dtype in _OTHER_NAMES:
        return ArgumentError(f"Invalid dtype: {dtype!r}", f"did you mean {_OTHER_NAMES[dtype]!r}?")
    near = suggestion(dtype, _DTYPES)
    return ArgumentError(f"Invalid dtype: {shown(dtype)}", near or f"use one of {', '.join(_DTYPES)}")


def _one_of(who: str, value: str, allowed: tuple[str, ...]) -> str:
    if value in allowed:
        return value
    wanted = ", ".join(repr(name) for name in allowed)
    raise ArgumentError(f"{who}: wanted one of {wanted}, got {shown(value)}", suggestion(value, allowed))
