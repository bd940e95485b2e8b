"""Order statistics, histograms and correlations."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from layergraph.ops.convert import device_of, dtype_of, floating, floatx, promoted, tensor, to_dtype
from layergraph.ops.define import as_floats, needs_values, op, refuse
from layergraph.ops.reductions import Axis, placed


@op
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle value over axes, and the mean of the two middle ones (torch gives the lower); ints give floats.

    >>> median(torch.tensor([1.0, 2.0, 4.0, 9.0]))
    tensor(3.)
    """
    return _quantile(torch.quantile, x, 0.5, axis, "linear", keepdims)


@op
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantiles `q`, each between 0 and 1, over axes. (...) -> (*q.shape, ...)

    `method` says what lies between two values: "linear", "lower", "higher", "midpoint" or "nearest".
    """
    return _quantile(torch.quantile, x, q, axis, method, keepdims)


@op
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile`, with `q` in percent."""
    return _quantile(torch.quantile, x, _hundredths(q, x), axis, method, keepdims)


@op
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`median` of what is not nan; nan where all are."""
    return _quantile(torch.nanquantile, x, 0.5, axis, "linear", keepdims)


@op
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of what is not nan; nan where all are."""
    return _quantile(torch.nanquantile, x, q, axis, method, keepdims)


@op
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`percentile` of what is not nan; nan where all are."""
    return _quantile(torch.nanquantile, x, _hundredths(q, x), axis, method, keepdims)


def _hundredths(q: Any, x: Any) -> Any:
    return q / 100 if isinstance(q, int | float) else tensor(q, floatx(), like=x) / 100


def _quantile(function: Any, x: Any, q: Any, axis: Axis, method: str, keepdims: bool) -> Any:
    """torch's quantile takes one axis: the others go to the front and the rest becomes one."""
    x = floating(x)
    kind = dtype_of(x)
    x = x if kind in (torch.float32, torch.float64) else x.float()  # torch sorts no halves here
    axes = placed(axis, x.ndim)
    rest = [dim for dim in range(x.ndim) if dim not in axes]
    flat = x.flatten() if not rest else x.permute(*rest, *axes).flatten(len(rest)) if axes else x.unsqueeze(-1)
    levels: Any = float(q) if isinstance(q, int | float) else tensor(q, dtype_of(x), like=x)
    result = function(flat, levels, -1, interpolation=method)
    for dim in axes if keepdims else ():
        result = result.unsqueeze(dim + (0 if isinstance(levels, float) else levels.ndim))
    return to_dtype(result, kind)


@op
def histogram(x: Any, bins: int = 10, range: tuple[float, float] | None = None) -> Any:
    """How many values of a tensor of one axis lie in each of `bins` equal parts of `range`, and the edges of the parts.

    (n,) -> (bins,), (bins + 1,), both of the dtype of `x`. Without `range`, it goes from the smallest to the largest value.

    >>> histogram([1.0, 2.0, 2.5, 4.0], bins=3)
    (tensor([1., 2., 1.]), tensor([1., 2., 3., 4.]))
    """
    x = floating(x)
    if x.ndim != 1:
        refuse("histogram", f"`x` must have 1 axis, got {tuple(x.shape)}", "x.flatten()")
    if range is not None and range[1] < range[0]:
        refuse("histogram", f"`range` must be (lowest, highest), got {range!r}", f"range={(range[1], range[0])!r}")
    low, high = (torch.amin(x), torch.amax(x)) if range is None else (x.new_full((), bound) for bound in range)
    return torch.histc(x, bins, *range or ()), torch.linspace(low, high, bins + 1, dtype=dtype_of(x), device=device_of(x))


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each int occurs, or the sum of its `weights`; each row by itself, if there are rows.

    (n,) -> (max(x) + 1,) and (B, n) -> (B, max(x) + 1), at least `minlength`; int32, or the dtype of the weights. A symbol is
    refused, since the size depends on values: `ops.sum(ops.one_hot(x, n), -2)` does not.
    """
    if sparse:
        refuse("bincount", "`sparse=True` is not supported, as on Keras's torch backend")
    needs_values("bincount", "the size of the result", "ops.sum(ops.one_hot(x, n), axis=-2)", x, weights)
    x = tensor(x)
    dtype = torch.int32
    if weights is not None:
        weights = tensor(weights, like=x)
        dtype = promoted(x[..., :0], weights[..., :0])[0].dtype
    if x.ndim == 1:
        return torch.bincount(x, weights, minlength).to(dtype)
    length = max(minlength, int(x.max()) + 1 if x.numel() else 0)
    rows = x + length * torch.arange(len(x), device=x.device)[:, None]
    return torch.bincount(rows.flatten(), weights if weights is None else weights.flatten(), length * len(x)).view(len(x), length).to(dtype)


@op
def digitize(x: Any, bins: Any) -> Any:
    """The number of the bin of each value: how many of the rising edges `bins` are at most it, as int32. (...) -> (...)"""
    x = tensor(x)
    x = x.to(torch.uint8) if dtype_of(x) == torch.bool else x
    return torch.bucketize(x, tensor(bins, like=x), right=True, out_int32=True)


@op
def corrcoef(x: Any) -> Any:
    """The correlations of the rows, which are variables. (n, observations) -> (n, n)"""
    x = floating(x)
    off = x - torch.mean(x, -1, keepdim=True)
    off = off if x.ndim > 1 else off[None]
    products = off @ torch.transpose(off, 0, 1)  # torch.corrcoef cannot be probed on the meta device
    scale = torch.sqrt(torch.diagonal(products))
    result = torch.clamp(products / scale[:, None] / scale[None], -1, 1)
    return result if x.ndim > 1 else result[0, 0]


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The cross-correlation of two vectors, where both overlap wholly ("valid"), anywhere ("full"), or the middle of it ("same").

    (n,), (m,) -> (|n - m| + 1,), (n + m - 1,) or (max(n, m),)
    """
    x1, x2 = as_floats(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        refuse("correlate", f"takes two vectors, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    if mode not in ("valid", "same", "full"):
        refuse("correlate", f"`mode` must be 'valid', 'same' or 'full', got {mode!r}")
    n, m = x1.shape[0], x2.shape[0]
    if n is None or m is None:
        refuse("correlate", f"needs sizes that are known, got shapes {x1.shape} and {x2.shape}", "give them in Input(batch_shape=...)")
    full = F.conv1d(x1[None, None], x2[None, None], padding=m - 1)[0, 0]
    length = {"valid": abs(n - m) + 1, "same": n if n > m else m, "full": n + m - 1}[mode]
    start = (n + m - 1 - length) // 2
    return full if mode == "full" else full[start : start + length]
