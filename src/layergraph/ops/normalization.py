"""Statistics, and what is normalized by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from layergraph.ops.convert import dtype_of, floating, tensor, to_dtype
from layergraph.ops.define import as_floats, op, refuse
from layergraph.ops.settings import epsilon as small

Axes = int | Sequence[int]


def _axes(axis: Axes, rank: int) -> list[int]:
    """Axes counted from the front, in order."""
    return sorted(a % rank for a in ([axis] if isinstance(axis, int) else axis))


@op
def moments(x: Any, axes: Axes | None, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Mean and variance (divided by n) along `axes`, all for None; float16 is computed in float32.

    >>> moments([1.0, 3.0], 0)
    (tensor(2.), tensor(1.))
    """
    if synchronized:
        refuse("moments", "statistics over several devices are not supported", "use torch.distributed.all_reduce in your own loop")
    x = floating(x)
    dims = list(range(x.ndim)) if axes is None else [axes] if isinstance(axes, int) else list(axes)
    half = dtype_of(x) == torch.float16
    variance, mean = torch.var_mean(x.float() if half else x, dims, correction=0, keepdim=keepdims)
    if not half:
        return mean, variance
    most = torch.finfo(torch.float16).max
    return mean.clamp(-most, most).half(), variance.clamp(-most, most).half()


@op
def normalize(x: Any, axis: Axes = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """`x` divided by its norm of `order` along `axis`, or by epsilon (1e-7) where that is more.

    >>> normalize([3.0, 4.0])
    tensor([0.6000, 0.8000])
    """
    if not isinstance(order, int) or order < 1:
        refuse("normalize", f"order is an int of at least 1, got {order!r}")
    x = floating(x)
    axes: Any = axis if isinstance(axis, int) else list(axis)  # torch takes several, whatever its types say
    return F.normalize(x if x.ndim else x[None], order, axes, small(epsilon))


@op
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, each of them a value for each place of `axis`."""
    given = [part for part in (x, mean, variance, offset, scale) if part is not None]
    made = iter(as_floats(*given))
    x, mean, variance = next(made), next(made), next(made)
    offset = None if offset is None else next(made)
    scale = None if scale is None else next(made)
    axis %= x.ndim
    others = [a for a in range(x.ndim) if a != axis]
    there = [*others[:1], axis, *others[1:]]  # torch's batch_norm has the channels on axis 1
    y = F.batch_norm(x.permute(there) if axis != 1 else x, mean, variance, scale, offset, eps=epsilon)
    return y.permute([there.index(a) for a in range(x.ndim)]) if axis != 1 else y


@op
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Axes = -1, epsilon: float | None = None, **kwargs: Any) -> Any:
    """`x` with mean 0 and variance 1 along `axis`, times `gamma`, plus `beta`; epsilon is 1e-7 unless given. Halves in float32.

    `rms_scaling=True` divides by the standard deviation alone, as Keras did once.
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        refuse("layer_normalization", f"has no argument {next(iter(kwargs))!r}")
    kept, x = dtype_of(tensor(x)), _full(x)
    axes, epsilon = _axes(axis, x.ndim), small(epsilon)
    gamma, beta = (None if part is None else tensor(part, dtype_of(x), like=x) for part in (gamma, beta))
    shape = [x.shape[a] for a in axes]
    if not rms_scaling and axes == list(range(x.ndim - len(axes), x.ndim)) and None not in shape:
        gamma, beta = (None if part is None else part.reshape(shape) for part in (gamma, beta))
        return to_dtype(F.layer_norm(x, shape, gamma, beta, epsilon), kept)
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    y = (x if rms_scaling else x - mean) * torch.rsqrt(variance + epsilon)
    y = y if gamma is None else y * _along(gamma, axes, x.ndim)
    return to_dtype(y if beta is None or rms_scaling else y + _along(beta, axes, x.ndim), kept)


def _full(x: Any) -> Any:
    """A float tensor of at least float32."""
    x = floating(x)
    return x if dtype_of(x).itemsize > 2 else x.float()


def _along(part: Any, axes: list[int], rank: int) -> Any:
    """A value for each place of some axes, with size 1 on the others."""
    if part.ndim == rank:
        return part
    part = part if part.ndim == len(axes) else part.unflatten(0, [-1, *(1,) * (len(axes) - 1)])
    for axis in range(rank):
        part = part if axis in axes else part.unsqueeze(axis)
    return part


@op
def rms_normalization(x: Any, scale: Any = None, axis: Axes = -1, epsilon: float | None = None) -> Any:
    """`x / sqrt(mean(x**2) + epsilon)` along `axis`, times `scale`; epsilon is 1e-7 unless given. Halves in float32."""
    kept, x = dtype_of(tensor(x)), _full(x)
    x = x if x.ndim else x[None]
    axes, epsilon = _axes(axis, x.ndim), small(epsilon)
    scale = None if scale is None else tensor(scale, dtype_of(x), like=x)
    shape = [x.shape[a] for a in axes]
    if axes == list(range(x.ndim - len(axes), x.ndim)) and None not in shape:
        return to_dtype(F.rms_norm(x, shape, scale if scale is None else scale.reshape(shape), epsilon), kept)
    y = x * torch.rsqrt(torch.mean(x * x, axes, keepdim=True) + epsilon)
    return to_dtype(y if scale is None else y * _along(scale, axes, x.ndim), kept)
