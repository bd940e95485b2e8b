"""Activation functions as ops: those of `layergraph.activations`, on whatever becomes a tensor, with the defaults of Keras's ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from layergraph import activations
from layergraph.ops.convert import floating, tensor
from layergraph.ops.define import op, unary

Axis = int | Sequence[int] | None

relu = unary("relu", torch.relu, "`max(x, 0)`")
relu6 = unary("relu6", F.relu6, "`min(max(x, 0), 6)`")
sigmoid = unary("sigmoid", torch.sigmoid, "`1 / (1 + exp(-x))`", floating)
log_sigmoid = unary("log_sigmoid", F.logsigmoid, "The logarithm of `sigmoid(x)`", floating)
hard_sigmoid = unary("hard_sigmoid", F.hardsigmoid, "`relu6(x + 3) / 6`", floating)
sparse_sigmoid = unary("sparse_sigmoid", activations.sparse_sigmoid, "`(x + 1) / 2`, clipped to [0, 1]", floating)
silu = unary("silu", F.silu, "`x * sigmoid(x)`", floating)
swish = unary("swish", F.silu, "`x * sigmoid(x)`", floating)
hard_silu = unary("hard_silu", F.hardswish, "`x * relu6(x + 3) / 6`", floating)
hard_swish = unary("hard_swish", F.hardswish, "`x * relu6(x + 3) / 6`", floating)
softplus = unary("softplus", F.softplus, "`log(1 + exp(x))`", floating)
sparse_plus = unary("sparse_plus", activations.sparse_plus, "0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on", floating)
softsign = unary("softsign", F.softsign, "`x / (1 + |x|)`", floating)
tanh_shrink = unary("tanh_shrink", F.tanhshrink, "`x - tanh(x)`", floating)
hard_tanh = unary("hard_tanh", F.hardtanh, "`x`, clipped to [-1, 1]", floating)
selu = unary("selu", torch.selu, "The scaled `elu` that keeps mean 0 and variance 1", floating)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where positive, else `alpha * (exp(x) - 1)`. (...) -> (...)"""
    return F.elu(floating(x), alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`. (...) -> (...)"""
    return torch.celu(floating(x), alpha)


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` where positive, else `negative_slope * x`. (...) -> (...)"""
    return F.leaky_relu(floating(x), negative_slope)


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """`x` times the normal distribution function at `x`, by tanh, or by erf without `approximate`. (...) -> (...)"""
    return activations.gelu(floating(x), approximate)


@op
def glu(x: Any, axis: int = -1) -> Any:
    """`a * sigmoid(b)`, where `a` and `b` are the halves of `x` along `axis`: (..., 2n) -> (..., n)."""
    return F.glu(floating(x), axis)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` drawn towards 0 by `threshold`, 0 within it. (...) -> (...)"""
    return F.softshrink(floating(x), threshold)


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where `|x| > threshold`, else 0. (...) -> (...)"""
    return torch.hardshrink(floating(x), threshold)


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` where above `threshold`, else `default_value`. (...) -> (...)"""
    return torch.threshold(tensor(x), threshold, default_value)


@op
def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x**2 + b)) / 2`. (...) -> (...)"""
    return activations.squareplus(floating(x), b)


@op
def softmax(x: Any, axis: Axis = -1) -> Any:
    """`exp(x)`, scaled to a sum of 1 along `axis`: one axis, several together, or all (None). (...) -> (...)"""
    return activations.softmax(floating(x), _axes(axis))


@op
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """The logarithm of `softmax(x, axis)`. (...) -> (...)"""
    return activations.log_softmax(floating(x), _axes(axis))


def _axes(axis: Axis) -> int | tuple[int, ...] | None:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """`max(x - tau, 0)` along `axis`, with Keras's `tau`: see `layergraph.activations.sparsemax`. (...) -> (...)"""
    return activations.sparsemax(floating(x), axis)
