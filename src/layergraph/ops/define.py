"""How an op is made: `@op` around a function, or a line of a table where torch has the function already.

An op raises our errors: torch's words, the op's name, the shapes that came, and the user's line.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar, cast, overload

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, LayergraphError, ShapeError, SymbolicError, describe, shown
from layergraph.graph.symbolic import SymbolicTensor, maker, symbols_in
from layergraph.ops.convert import Operand, floatx, operands, promoted, tensor

P = ParamSpec("P")
R = TypeVar("R")

_TORCH_WORDS = (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError, ZeroDivisionError, Fact)
_NOT_THE_ARGUMENTS = (torch.OutOfMemoryError, torch.AcceleratorError)


def op(function: Callable[P, R]) -> Callable[P, R]:
    """Names the op and its arguments in whatever torch has to say about them."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except _TORCH_WORDS as error:
            if torch.compiler.is_compiling():  # where no stack can be read
                raise
            raise _explained(function, error, args, kwargs) from None

    return call


def _explained(function: Callable[..., Any], error: Exception, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Exception:
    """The error to raise instead: what was wrong with the arguments; any other error is itself."""
    trace = error.__traceback__
    if isinstance(error, _NOT_THE_ARGUMENTS) or (isinstance(error, TypeError) and trace is not None and trace.tb_next is None):
        return error  # the second is Python's own, of a call with the wrong arguments: the op has not begun
    what = error.what if isinstance(error, Fact | LayergraphError) else str(error).strip().split("\n")[0] or type(error).__name__
    if isinstance(error, LayergraphError):
        known = what.startswith("ops.")
        if not known and not isinstance(error, ArgumentError | ShapeError):
            return error
        what = what.split(": ", 1 if known else 2 if isinstance(error, ShapeError) else 0)[-1]
    fix = error.fix if isinstance(error, Fact | LayergraphError) else None
    kind = type(error) if isinstance(error, SymbolicError) else ArgumentError
    return kind(f"ops.{function.__name__}: {what}", fix, details=_came(function, args, kwargs))


def _came(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], most: int = 5) -> list[str]:
    """A line for each of the first arguments: the shape of a tensor, and where a symbol was made; the value of anything else."""
    given: list[tuple[str, Any]] = []
    for name, value in inspect.signature(function).bind(*args, **kwargs).arguments.items():
        items: list[Any] = list(cast("list[Any]", value)) if isinstance(value, list | tuple) else []
        several = any(hasattr(item, "shape") for item in items)
        given += [(f"{name}[{i}]", item) for i, item in enumerate(items)] if several else [(name, value)]
    lines = [f"{name}: {_came_as(value)}" for name, value in given]
    return lines[:most] + ([f"and {len(lines) - most} more"] if len(lines) > most else [])


def _came_as(x: Any) -> str:
    if isinstance(x, SymbolicTensor):
        return f"{x.shape}, {x.dtype}, from {maker(x)}, made at {describe(x.node.place)}"
    if not isinstance(x, Tensor | np.ndarray):
        return shown(x)
    kind = "tensor" if isinstance(x, Tensor) else "array"
    return f"{kind} of shape {tuple(cast(Any, x).shape)}, {str(cast(Any, x).dtype).removeprefix('torch.')}"


def needs_values(name: str, why: str, fix: str, *args: Any) -> None:
    """Refuse symbols where `why` depends on the values: raises `SymbolicError` if any argument is one."""
    symbols = [symbol for symbol in symbols_in(args) if isinstance(symbol, SymbolicTensor)]
    if symbols:
        raise SymbolicError(f"ops.{name}: {why} depends on values, and {symbols[0]!r} has none yet", fix)


def refuse(name: str, what: str, fix: str | None = None) -> NoReturn:
    """Raise `ArgumentError` about an argument of the op `name`."""
    raise ArgumentError(f"ops.{name}: {what}", fix)


# Rows of the tables


class Unary(Protocol):
    """`op(x)`"""

    @overload
    def __call__(self, x: SymbolicTensor) -> SymbolicTensor: ...
    @overload
    def __call__(self, x: Operand) -> Tensor: ...


class Binary(Protocol):
    """`op(x1, x2)`"""

    @overload
    def __call__(self, x1: SymbolicTensor, x2: Operand) -> SymbolicTensor: ...
    @overload
    def __call__(self, x1: Operand, x2: SymbolicTensor) -> SymbolicTensor: ...
    @overload
    def __call__(self, x1: Operand, x2: Operand) -> Tensor: ...


class BinaryXY(Protocol):
    """`op(x, y)`, as Keras names the operands of shifts and bitwise ops."""

    @overload
    def __call__(self, x: SymbolicTensor, y: Operand) -> SymbolicTensor: ...
    @overload
    def __call__(self, x: Operand, y: SymbolicTensor) -> SymbolicTensor: ...
    @overload
    def __call__(self, x: Operand, y: Operand) -> Tensor: ...


def unary(name: str, function: Callable[[Any], Any], says: str, takes: Callable[[Any], Any] = tensor) -> Unary:
    """An op of one tensor; `takes` makes the argument what `function` wants (`floating`: ints become floats)."""

    def call(x: Any) -> Any:
        return function(takes(x))

    return op(_named(call, name, f"{says}. (...) -> (...)", function))


def binary(name: str, function: Callable[[Any, Any], Any], says: str, takes: Callable[..., Any] = operands) -> Binary:
    """An op of two tensors that broadcast; `takes` makes the two arguments what `function` wants."""

    def call(x1: Any, x2: Any) -> Any:
        return function(*takes(x1, x2))

    return op(_named(call, name, f"{says}. (...), (...) -> (...), broadcast", function))


def binary_xy(name: str, function: Callable[[Any, Any], Any], says: str) -> BinaryXY:
    """`binary`, with the operands named x and y."""

    def call(x: Any, y: Any) -> Any:
        return function(*operands(x, y))

    return op(_named(call, name, f"{says}. (...), (...) -> (...), broadcast", function))


def as_floats(*xs: Any) -> list[Any]:
    """Arguments of one dtype, and that a float: `floatx()` where they are ints."""
    return promoted(*xs, least=floatx())


def _named(call: Callable[..., Any], name: str, says: str, function: Callable[..., Any]) -> Any:
    call.__name__ = call.__qualname__ = name
    table = sys._getframe(2)
    call.__module__ = table.f_globals["__name__"]  # so that an op pickles by its name
    ours = (getattr(function, "__module__", None) or "torch") not in ("torch", "torch.functional")
    call.__doc__ = says if ours else f"{says}: `torch.{function.__name__}`"
    return call
