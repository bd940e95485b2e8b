"""Dtypes: their names in every spelling, the float type in use, and what a mix of them becomes.

The float type is a context variable, as all settings are: see `config.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, cast

import numpy as np
import torch

from .errors import ArgumentError, shown, suggestion

DTypeLike: TypeAlias = "str | torch.dtype | np.dtype[Any] | type | None"

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_DTYPES = (
    *_FLOATS,
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool"),
    *("float8_e4m3fn", "float8_e5m2", "complex64", "complex128"),
)
_TORCH: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _DTYPES}
_NAMES = {dtype: name for name, dtype in _TORCH.items()}
_PYTHON: dict[object, str] = {bool: "bool", int: "int32", float: "float32", complex: "complex64", str: "string", "int": "int32"}
_OTHER_NAMES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "short": "int16", "str": "string"}

# What each dtype turns into next, on the way up: JAX's lattice, which Keras follows. "int" and "float" are Python's own numbers.
_STEPS: dict[str, tuple[str, ...]] = {
    "bool": ("int",),
    "int": ("uint8", "int8", "complex64"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "uint64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}
# Keras computes in 32 bits unless TensorFlow runs it.
_IN_32_BITS = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}

_floatx: ContextVar[str] = ContextVar("layergraph_floatx", default="float32")


def constant_when_compiled(read: Callable[[], str]) -> Callable[[], str]:
    """Have torch.compile take what a setting is while it compiles: it cannot read a context variable.

    Text only: of a number the compiler would make a symbol. This is the mark of torch.compiler.assume_constant_result, which
    imports the compiler.
    """
    read.__dict__["_dynamo_marked_constant"] = True
    return read


@constant_when_compiled
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
    _floatx.set(one_of("set_floatx", value, _FLOATS))


def standardize_dtype(dtype: DTypeLike = None) -> str:
    """Keras's name of a dtype given in any spelling; None is `floatx()`.

    Takes a Keras name, a torch or numpy dtype, or a Python type (`int` is `"int32"` and `float` is `"float32"`, as in Keras).
    Raises `ArgumentError` for anything else.

    >>> standardize_dtype(torch.bfloat16), standardize_dtype(np.float32), standardize_dtype(int)
    ('bfloat16', 'float32', 'int32')
    """
    if dtype is None:
        return floatx()
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


def is_float_dtype(dtype: DTypeLike) -> bool:
    """Whether values of this dtype are floats.

    >>> is_float_dtype("bfloat16"), is_float_dtype(torch.int32)
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: DTypeLike) -> bool:
    """Whether values of this dtype are integers, signed or not; bool is not one of them.

    >>> is_int_dtype("uint8"), is_int_dtype(bool)
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


def result_type(*dtypes: DTypeLike) -> str:
    """The dtype in which Keras computes with a mix of dtypes; no dtypes, and None, are `floatx()`.

    Python's `int` and `float` give way to any dtype of their kind. It never says a dtype of 64 bits (`"int32"` for two of int64), as
    Keras on this backend does not. torch's own rule, `torch.promote_types`, differs: there int64 and float32 keep what they are.

    Raises:
        ArgumentError: a float8, which is not mixed with anything, and a string.

    >>> result_type("bfloat16", int), result_type("int32", "float16"), result_type(torch.uint8, torch.int8)
    ('bfloat16', 'float16', 'int16')
    """
    names = ["int" if each is int else "float" if each is float else standardize_dtype(each) for each in dtypes or (None,)]
    for name in names:
        if name.startswith("float8"):
            raise ArgumentError(f"result_type: {name} is not mixed with other dtypes, got {shown(dtypes)}", "cast it first")
        if name not in _STEPS and len(set(names)) > 1:
            raise ArgumentError(f"result_type: {name!r} is no dtype to compute in", "turn strings into integers first")
    found = names[0] if len(set(names)) == 1 else _lowest_above(names)
    if found in ("int", "float"):
        found += _floatx.get()[-2:]
    return _IN_32_BITS.get(found, found)


def _lowest_above(names: list[str]) -> str:
    common = set(_STEPS).intersection(*map(_above, names))
    return max((len(_above(name) & common), name) for name in common)[1]


def _above(name: str) -> set[str]:
    """The dtype, and every one that it can turn into."""
    return {name}.union(*(_above(step) for step in _STEPS[name]))


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


def one_of(who: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, if it is one of the words allowed. Raises `ArgumentError` otherwise."""
    if value in allowed:
        return value
    wanted = ", ".join(repr(name) for name in allowed)
    raise ArgumentError(f"{who}: wanted one of {wanted}, got {shown(value)}", suggestion(value, allowed))
