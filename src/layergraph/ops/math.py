"""Ops of mathematics: segments, ranks, error functions, Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.kinds import is_sequence
from layergraph.nn.scattering import overlap_add, segment_reduce
from layergraph.ops.convert import dtype_of, floating, tensor, to_dtype
from layergraph.ops.define import as_floats, needs_values, op, refuse, unary

_fft: Any = torch.fft  # which has no types

rsqrt = unary("rsqrt", torch.rsqrt, "`1 / sqrt(x)`", floating)
erf = unary("erf", torch.erf, "The error function", floating)
erfc = unary("erfc", torch.erfc, "`1 - erf(x)`", floating)
erfinv = unary("erfinv", torch.erfinv, "The inverse of `erf`", floating)


@op
def logdet(x: Any) -> Any:
    """The logarithm of the determinant: (..., n, n) -> (...)."""
    return torch.logdet(floating(x))


# Segments and ranks


def _segments(name: str, reduce: str, data: Any, segment_ids: Any, num_segments: int | None) -> Any:
    data = tensor(data)
    segments = tensor(segment_ids, like=data)
    if segments.ndim != 1:
        refuse(name, f"segment_ids has one axis, got shape {tuple(segments.shape)}", "flatten it, and the same axes of data")
    if None not in (segments.shape[0], data.shape[0]) and segments.shape[0] != data.shape[0]:
        refuse(name, f"segment_ids is an id for each of the {data.shape[0]} rows of data, got {segments.shape[0]}")
    if num_segments is None:
        needs_values(name, "the number of segments", "give num_segments=", data, segments)
        num_segments = int(segments.max()) + 1
    return segment_reduce(data, segments, num_segments, reduce)


@op
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows that share a segment: (N, ...), (N,) -> (num_segments, ...); ids of no segment are left out.

    On symbols `num_segments` must be given. `sorted` has no effect.

    >>> segment_sum([1, 2, 10], [0, 0, 2])
    tensor([ 3,  0, 10], dtype=torch.int32)
    """
    return _segments("segment_sum", "sum", data, segment_ids, num_segments)


@op
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The products of the rows that share a segment, as `segment_sum`; 1 for a segment without rows."""
    return _segments("segment_prod", "prod", data, segment_ids, num_segments)


@op
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The maxima of the rows that share a segment, as `segment_sum`; a segment without rows is -inf, or the lowest int."""
    return _segments("segment_max", "amax", data, segment_ids, num_segments)


@op
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The minima of the rows that share a segment, as `segment_sum`; a segment without rows is inf, or the highest int."""
    return _segments("segment_min", "amin", data, segment_ids, num_segments)


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each target class is among its `k` highest predictions: (B,), (B, classes) -> (B,) of bool; ties count."""
    predictions = tensor(predictions)
    chosen = torch.take_along_dim(predictions, tensor(targets, "int64", like=predictions)[:, None], -1)
    return torch.any(chosen >= torch.topk(predictions, k)[0], -1)


@op
def logsumexp(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` along some axes, all for None, without overflow."""
    x = floating(x)
    return torch.logsumexp(x, list(range(x.ndim)) if axis is None else [axis] if isinstance(axis, int) else list(axis), keepdims)


@op
def cdist(x: Any, y: Any) -> Any:
    """Euclidean distances between all pairs of rows: (..., n, d), (..., m, d) -> (..., n, m)."""
    x, y = as_floats(x, y)
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


# Fourier transforms. A complex tensor is a pair (real, imaginary)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of the last axis: (..., n) -> (..., 1 + (n - sequence_length) // sequence_stride, sequence_length)."""
    return tensor(x).unfold(-1, sequence_length, sequence_stride)


def _complex(x: Any) -> Any:
    parts = list(x) if is_sequence(x) else []
    if len(parts) != 2:
        raise ValueError("a complex tensor is a pair (real, imaginary)")
    real, imaginary = map(tensor, parts)
    if not (dtype_of(real).is_floating_point and dtype_of(imaginary).is_floating_point):
        raise ValueError(f"real and imaginary parts are floats, got {dtype_of(real)} and {dtype_of(imaginary)}")
    return torch.complex(real, imaginary)


def _pair(x: Any) -> tuple[Any, Any]:
    return torch.real(x), torch.imag(x)


def _transform(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    return _pair(function(_complex(x)))


@op
def fft(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The Fourier transform along the last axis, of (real, imaginary) to (real, imaginary): (..., n) -> (..., n)."""
    return _transform(_fft.fft, x)


@op
def fft2(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The Fourier transform along the last two axes, of (real, imaginary) to (real, imaginary)."""
    return _transform(_fft.fft2, x)


@op
def ifft2(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The inverse of `fft2`."""
    return _transform(_fft.ifft2, x)


@op
def rfft(x: Any, fft_length: int | None = None) -> tuple[Any, Any]:
    """The Fourier transform of reals along the last axis: (..., n) -> (real, imaginary), (..., fft_length // 2 + 1) each."""
    return _pair(_fft.rfft(floating(x), fft_length))


@op
def irfft(x: tuple[Any, Any], fft_length: int | None = None) -> Any:
    """The inverse of `rfft`: (..., n // 2 + 1) -> (..., fft_length)."""
    return _fft.irfft(_complex(x), fft_length)


def _window(name: str, window: Any, length: int, dtype: torch.dtype, device: Any) -> Any:
    """A window function of `length` values; None is none."""
    if window is None:
        return torch.ones(length, dtype=dtype, device=device)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            refuse(name, f"a window is 'hann', 'hamming', a tensor or None, got {window!r}")
        make = torch.hann_window if window == "hann" else torch.hamming_window
        return make(length, periodic=True, dtype=dtype, device=device)
    window = tensor(window, dtype)
    if tuple(window.shape) != (length,):
        refuse(name, f"the window has a value for each of the {length} places of a sequence, got shape {tuple(window.shape)}")
    return window


def _lead(x: Any, axes: int) -> list[int]:
    return [-1 if size is None else size for size in x.shape[:-axes]]


@op
def stft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True) -> tuple[Any, Any]:
    """Fourier transforms of windows that slide along the last axis: (..., n) -> (real, imaginary), (..., T, fft_length // 2 + 1).

    Args:
        x: float32 or float64.
        window: 'hann', 'hamming', a tensor (sequence_length,), or None.
        center: whether each window stands around its place, the ends of `x` reflected, or begins there.
    """
    x = tensor(x)
    if dtype_of(x) not in (torch.float32, torch.float64):
        raise TypeError(f"x is float32 or float64, got {dtype_of(x)}")
    if fft_length < sequence_length:
        refuse("stft", f"fft_length is at least sequence_length, got {fft_length} and {sequence_length}")
    window = _window("stft", window, sequence_length, dtype_of(x), x.device if isinstance(x, Tensor) else None)
    flat = torch.flatten(x, 0, -2) if x.ndim > 2 else x
    bins = torch.stft(flat, fft_length, sequence_stride, sequence_length, window, center, return_complex=True).transpose(-2, -1)
    return _pair(bins.unflatten(0, _lead(x, 1)) if x.ndim > 2 else bins)


@op
def istft(
    x: tuple[Any, Any],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft` with the same arguments: (real, imaginary), (..., T, fft_length // 2 + 1) -> (..., n).

    `length` is that of the result; without it, it is what the windows cover.
    """
    frames = _fft.irfft(_complex(x), fft_length)
    start = fft_length // 2 if center else 0
    kept = (..., slice(start, start + length if length is not None else -start or None))
    if window is None:
        return overlap_add(frames, sequence_stride)[kept]
    shape = _window("istft", window, sequence_length, dtype_of(frames), frames.device if isinstance(frames, Tensor) else None)
    before = (fft_length - sequence_length) // 2
    shape = torch.constant_pad_nd(shape, [before, fft_length - sequence_length - before])
    if sequence_length < fft_length or not center:
        return overlap_add(frames * (shape / _coverage(shape, sequence_stride)), sequence_stride)[kept]
    # torch.istft, which looks at values and so cannot be asked for a shape: divided by the windows that really cover a place
    real = overlap_add(torch.ones_like(frames) * (shape * shape), sequence_stride)
    return overlap_add(frames * shape, sequence_stride)[kept] / real[kept]


def _coverage(window: Tensor, stride: int) -> Tensor:
    """The sum of the squares of all windows, `stride` apart, that cover a place: (n,) -> (n,)."""
    size = window.shape[0]
    laps = -(-size // stride)
    squares = torch.constant_pad_nd(window * window, [0, laps * stride - size])
    return squares.reshape(laps, stride).sum(0).repeat(laps)[:size]


@op
def view_as_complex(x: Any) -> Any:
    """Pairs along the last axis as complex numbers: (..., 2) -> (...) of complex64."""
    x = tensor(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        refuse("view_as_complex", f"the last axis is (real, imaginary), of size 2, got shape {tuple(x.shape)}")
    x = to_dtype(x, torch.float32)
    return torch.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs along a new last axis: (...) -> (..., 2)."""
    return torch.view_as_real(tensor(x))
