"""Settings that code written for Keras reads and sets: the float type, the fuzz factor, the image layout, the dtype policy.

Each setting is a context variable: two threads, or two asyncio tasks, can hold different ones, and a thread starts with
the defaults. A layer reads a setting once, when it is made; a later change does not reach it.
"""

from __future__ import annotations

from contextvars import ContextVar
from numbers import Real
from typing import TYPE_CHECKING

from .absent import explained
from .dtype_policies import dtype_policy as dtype_policy
from .dtype_policies import set_dtype_policy as set_dtype_policy
from .dtypes import DTypeLike as DTypeLike
from .dtypes import constant_when_compiled, one_of
from .dtypes import floatx as floatx
from .dtypes import set_floatx as set_floatx
from .dtypes import standardize_dtype as standardize_dtype
from .dtypes import torch_dtype as torch_dtype
from .errors import ArgumentError, shown
from .session import disable_interactive_logging as disable_interactive_logging
from .session import enable_interactive_logging as enable_interactive_logging
from .session import is_interactive_logging_enabled as is_interactive_logging_enabled

__all__ = [
    "backend",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

_LAYOUTS = ("channels_last", "channels_first")

_epsilon: ContextVar[str] = ContextVar("layergraph_epsilon", default="1e-07")
_image_data_format: ContextVar[str] = ContextVar("layergraph_image_data_format", default="channels_last")


def backend() -> str:
    """`"torch"`, the only one.

    >>> backend()
    'torch'
    """
    return "torch"


def epsilon() -> float:
    """The small number that keeps divisions finite in losses and constraints, 1e-7 at first."""
    return float(_epsilon_written())


@constant_when_compiled
def _epsilon_written() -> str:
    return _epsilon.get()


def set_epsilon(value: float) -> None:
    """Set `epsilon()`, a number above 0. Raises `ArgumentError` for anything else."""
    if not isinstance(value, Real) or not value > 0:
        raise ArgumentError(f"set_epsilon: wanted a number above 0, got {shown(value)}", "set_epsilon(1e-7)")
    _epsilon.set(repr(float(value)))


@constant_when_compiled
def image_data_format() -> str:
    """Where new layers expect the channels of images: `"channels_last"` (B, H, W, C) at first, or `"channels_first"`."""
    return _image_data_format.get()


def set_image_data_format(data_format: str) -> None:
    """Set `image_data_format()`, in any case of letters. Raises `ArgumentError` for an unknown one."""
    value = data_format.lower() if isinstance(data_format, str) else data_format
    _image_data_format.set(one_of("set_image_data_format", value, _LAYOUTS))


def set_backend(backend: str) -> None:
    """Take `"torch"`, and raise `ArgumentError` for any other: there is one backend.

    >>> set_backend("torch")
    """
    if backend != "torch":
        raise ArgumentError(f"set_backend: layergraph runs on torch alone, got {shown(backend)}", "set_backend('torch')")


def enable_traceback_filtering() -> None:
    """Nothing: tracebacks are Python's own, whole. An error of layergraph's names the line of your code by itself."""


def disable_traceback_filtering() -> None:
    """Nothing: tracebacks are never filtered."""


def is_traceback_filtering_enabled() -> bool:
    """False: tracebacks are never filtered.

    >>> is_traceback_filtering_enabled()
    False
    """
    return False


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
