"""Ops that make tensors: ranges, fills, identities and windows, on torch's default device, of `floatx()` unless told otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import torch
from torch import Tensor

from layergraph.config import DTypeLike, torch_dtype
from layergraph.ops.convert import common_dtype, device_of, dtype_of, floatx, is_scalar, is_tensor, made_dtype, tensor, to_dtype, untyped
from layergraph.ops.define import as_floats, needs_values, op

_windows: Any = importlib.import_module("torch.signal.windows")  # which torch gives no types
Size: TypeAlias = "int | Sequence[int]"


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: DTypeLike = None) -> Tensor:
    """Numbers from `start` (or 0, if it comes alone) up to `stop`, without it. () -> (n,); ints give int32, floats `floatx()`.

    >>> arange(3), arange(1, 2, 0.5)
    (tensor([0, 1, 2], dtype=torch.int32), tensor([1.0000, 1.5000]))
    """
    needs_values("arange", "the size of the result", "give numbers, such as those in x.shape", start, stop, step)
    bounds = [each if is_scalar(each) else tensor(each) for each in (start, stop, step) if each is not None]
    kind = common_dtype(*bounds) if dtype is None else torch_dtype(dtype)
    return torch.arange(*((0, start) if stop is None else (start, stop)), 1 if step is None else step, dtype=kind)


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: DTypeLike = None, axis: int = 0
) -> Any:
    """`num` numbers at equal steps from `start` to `stop`, with `stop` if `endpoint`; with `retstep`, and the step.

    () -> (num,), or (...) -> (num, ...), the new axis at `axis`.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    low, high = as_floats(start, stop)
    last: Any = high if endpoint else high - (high - low) / num
    if low.ndim or high.ndim:
        weights = torch.linspace(0, 1, num, dtype=dtype_of(low), device=device_of(low))
        low, last = untyped.broadcast_tensors(low, last)
        between = torch.lerp(low[None], last[None], weights.reshape(-1, *[1] * low.ndim))
    else:
        between = torch.linspace(low, last, num, dtype=dtype_of(low), device=device_of(low))
    result = to_dtype(torch.moveaxis(between, 0, axis) if axis else between, dtype_of(low) if dtype is None else torch_dtype(dtype))
    if not retstep:
        return result
    span = stop - start if is_scalar(start) and is_scalar(stop) else high - low
    return result, span / ((num - 1 if endpoint else num) or float("nan"))


@op
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: DTypeLike = None, axis: int = 0) -> Any:
    """`base` to the power of `linspace`. () -> (num,), or (...) -> (num, ...), the new axis at `axis`."""
    powers = linspace(start, stop, num, endpoint, axis=axis)
    return to_dtype(base**powers, dtype_of(powers) if dtype is None else torch_dtype(dtype))


@op
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: DTypeLike = None, axis: int = 0) -> Any:
    """`num` numbers at equal ratios from `start` to `stop`, both of one sign. () -> (num,), or (...) -> (num, ...), the new axis at `axis`.

    >>> geomspace(1, 1000, 4)
    tensor([   1.,   10.,  100., 1000.])
    """
    low, high = as_floats(start, stop)
    powers = linspace(torch.log10(torch.abs(low)), torch.log10(torch.abs(high)), num, endpoint, axis=axis)
    sign = torch.sign(low).unsqueeze(axis if axis >= 0 else axis + low.ndim + 1) if low.ndim else torch.sign(low)
    return to_dtype(10**powers * sign, dtype_of(low) if dtype is None else torch_dtype(dtype))


@op
def zeros(shape: Size, dtype: DTypeLike = None) -> Tensor:
    """Zeros. () -> shape"""
    return torch.zeros(shape, dtype=made_dtype(dtype))


@op
def ones(shape: Size, dtype: DTypeLike = None) -> Tensor:
    """Ones. () -> shape"""
    return torch.ones(shape, dtype=made_dtype(dtype))


@op
def empty(shape: Size, dtype: DTypeLike = None) -> Tensor:
    """Whatever the memory holds. () -> shape"""
    return torch.empty(shape, dtype=made_dtype(dtype))


@op
def full(shape: Size, fill_value: Any, dtype: DTypeLike = None) -> Any:
    """`fill_value` everywhere: a number, or what broadcasts to `shape`. () -> shape"""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if is_scalar(fill_value):
        return torch.full(sizes, fill_value, dtype=made_dtype(dtype))
    return torch.clone(torch.broadcast_to(tensor(fill_value, made_dtype(dtype)), sizes))


@op
def zeros_like(x: Any, dtype: DTypeLike = None) -> Any:
    """Zeros of the shape of `x`, and of its dtype unless told otherwise. (...) -> (...)"""
    return torch.zeros_like(tensor(x), **_kind(dtype))


@op
def ones_like(x: Any, dtype: DTypeLike = None) -> Any:
    """Ones of the shape of `x`, and of its dtype unless told otherwise. (...) -> (...)"""
    return torch.ones_like(tensor(x), **_kind(dtype))


@op
def empty_like(x: Any, dtype: DTypeLike = None) -> Any:
    """Whatever the memory holds, of the shape of `x`, and of its dtype unless told otherwise. (...) -> (...)"""
    return torch.empty_like(tensor(x), **_kind(dtype))


@op
def full_like(x: Any, fill_value: Any, dtype: DTypeLike = None) -> Any:
    """`fill_value` (a number, or what broadcasts) in the shape of `x`, and in its dtype unless told otherwise. (...) -> (...)"""
    x = tensor(x)
    if is_scalar(fill_value):
        return torch.full_like(x, fill_value, **_kind(dtype))
    fill = tensor(fill_value, dtype_of(x) if dtype is None else dtype, like=x)
    return torch.clone(untyped.broadcast_tensors(fill, x)[0])


def _kind(dtype: DTypeLike) -> dict[str, Any]:
    return {} if dtype is None else {"dtype": torch_dtype(dtype)}


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """Ones on the `k`-th diagonal, zeros elsewhere. () -> (N, M), and M is N unless given."""
    columns = N if M is None else M
    if not k:
        return torch.eye(N, columns, dtype=made_dtype(dtype))
    return (torch.arange(N)[:, None] + k == torch.arange(columns)).to(made_dtype(dtype))


@op
def identity(n: int, dtype: DTypeLike = None) -> Tensor:
    """The identity matrix. () -> (n, n)"""
    return torch.eye(n, dtype=made_dtype(dtype))


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = None) -> Tensor:
    """Ones on and below the `k`-th diagonal, zeros above. () -> (N, M), and M is N unless given."""
    return torch.tril(torch.ones((N, N if M is None else M), dtype=made_dtype(dtype)), k)


class Window(Protocol):
    """`op(x)`"""

    def __call__(self, x: int | Tensor) -> Tensor: ...


def _window(name: str, function: Callable[..., Tensor], says: str) -> Window:
    def call(x: Any) -> Tensor:
        return function(_length(name, x), dtype=floatx())

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{says} with `x` points, the same from both ends. () -> (x,). `torch.signal.windows.{function.__name__}`."
    return cast(Window, op(call))


def _length(name: str, x: Any) -> int:
    needs_values(name, "the size of the result", "give the number of points as an int", x)
    return int(tensor(x)) if is_tensor(x) else int(x)


bartlett = _window("bartlett", _windows.bartlett, "The Bartlett window, a triangle,")
blackman = _window("blackman", _windows.blackman, "The Blackman window")
hamming = _window("hamming", _windows.hamming, "The Hamming window")
hanning = _window("hanning", _windows.hann, "The Hann window")


@op
def kaiser(x: Any, beta: float) -> Tensor:
    """The Kaiser window of shape `beta` with `x` points, the same from both ends. () -> (x,)"""
    return _windows.kaiser(_length("kaiser", x), beta=float(beta), dtype=floatx())
