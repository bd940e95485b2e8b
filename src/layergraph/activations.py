"""Activation functions: Keras's names, arguments and defaults over torch functions.

Each is a plain function of tensors of any shape, `(...) -> (...)`; it also records on a symbol. `get("relu")` gives the
function that a layer calls: torch's own where torch has one with the same numbers (`torch.relu`), else the function of
this module. No function changes its input, and none draws random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from .absent import explained
from .errors import ArgumentError
from .identify import Config, CustomObjects, function_config, lookup, parse, unknown

Activation: TypeAlias = Callable[..., Tensor]
Axis: TypeAlias = "int | tuple[int, ...] | list[int] | None"

_KIND = "activation function"


def linear(x: Tensor) -> Tensor:
    """`x` itself."""
    return x


def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope * (x - threshold)`.

    >>> relu(torch.tensor([-2.0, 0.5, 3.0]), negative_slope=0.1, max_value=2.0)
    tensor([-0.2000,  0.5000,  2.0000])
    """
    if threshold == 0 and max_value is None:
        return F.leaky_relu(x, negative_slope) if negative_slope else torch.relu(x)
    if threshold == 0 and max_value == 6:
        above = F.relu6(x)
    else:
        above = torch.where(x > threshold, x, 0) if threshold else torch.relu(x)
        above = above if max_value is None else torch.clamp(above, 0, max_value)
    return above - negative_slope * torch.relu(threshold - x) if negative_slope else above


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """`x` where positive, else `negative_slope * x`. The slope is Keras's 0.2; torch's default is 0.01."""
    return F.leaky_relu(x, negative_slope)


def relu6(x: Tensor) -> Tensor:
    """`min(max(x, 0), 6)`."""
    return F.relu6(x)


def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """`exp(x)`, scaled to a sum of 1 along `axis`: one axis, several together, or all (None).

    >>> softmax(torch.zeros(2, 4)).sum(-1)
    tensor([1., 1.])
    """
    return torch.softmax(x, axis) if isinstance(axis, int) else torch.exp(log_softmax(x, axis))


def log_softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """The logarithm of `softmax(x, axis)`, without its overflow."""
    if isinstance(axis, int):
        return torch.log_softmax(x, axis)
    # no reshape and no rank: it works where sizes are unknown
    return x - (torch.logsumexp(torch.flatten(x), 0) if axis is None else torch.logsumexp(x, tuple(axis), keepdim=True))


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`x` where positive, else `alpha * (exp(x) - 1)`."""
    return F.elu(x, alpha)


def selu(x: Tensor) -> Tensor:
    """The scaled `elu` of Klambauer et al. 2017, that keeps mean 0 and variance 1; use it with `lecun_normal`."""
    return torch.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)` (Barron 2017)."""
    return torch.celu(x, alpha)


def softplus(x: Tensor) -> Tensor:
    """`log(1 + exp(x))`."""
    return F.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """`x / (1 + |x|)`."""
    return F.softsign(x)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` drawn towards 0 by `threshold`, 0 within it."""
    return F.softshrink(x, threshold)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` where `|x| > threshold`, else 0."""
    return torch.hardshrink(x, threshold)


def tanh_shrink(x: Tensor) -> Tensor:
    """`x - tanh(x)`."""
    return F.tanhshrink(x)


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on (Goyal et al. 2024)."""
    return torch.where(x < 1, 0.25 * torch.relu(x + 1) ** 2, x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """`(x + 1) / 2`, clipped to [0, 1]."""
    return F.hardtanh(0.5 * (x + 1), 0.0, 1.0)


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """`max(x - tau, 0)` along `axis`, with Keras's own `tau`.

    Keras 3.15.1 adds up *all* partial sums of the support where Martins and Astudillo 2016 have the last one only, so the
    result is not a point of the simplex once two or more values are in the support: `[1.0, 0.9]` gives `[0.05, 0]`, not
    `[0.55, 0.45]`. Code and weights from Keras need Keras's numbers, so these are they.
    """
    ranked = torch.sort(x, dim=axis, descending=True)[0]
    rank = torch.cumsum(torch.ones_like(ranked), axis)
    total = torch.cumsum(ranked, axis)
    support = ranked - (total - 1) / rank > 0
    totals = torch.sum(torch.where(support, total, 0), axis, keepdim=True)
    return torch.relu(x - (totals - 1) / torch.sum(support, axis, keepdim=True))


def silu(x: Tensor) -> Tensor:
    """`x * sigmoid(x)`, also called swish."""
    return F.silu(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2` (Barron 2021)."""
    return (x + torch.sqrt(x * x + b)) / 2


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """`x` times the normal distribution function at `x`, by erf, or by tanh where `approximate` (Hendrycks, Gimpel 2016)."""
    return F.gelu(x, approximate="tanh" if approximate else "none")


def mish(x: Tensor) -> Tensor:
    """`x * tanh(softplus(x))` (Misra 2019)."""
    return F.mish(x)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """`a * sigmoid(b)`, where `a` and `b` are the halves of `x` along `axis`: `(..., 2n) -> (..., n)`."""
    return F.glu(x, axis)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return torch.tanh(x)


def hard_tanh(x: Tensor) -> Tensor:
    """`x`, clipped to [-1, 1]."""
    return F.hardtanh(x)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where above `threshold`, else `default_value`."""
    return F.threshold(x, threshold, default_value)


def sigmoid(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`."""
    return torch.sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of `sigmoid(x)`, without its underflow."""
    return F.logsigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """`relu6(x + 3) / 6`."""
    return F.hardsigmoid(x)


def hard_silu(x: Tensor) -> Tensor:
    """`x * relu6(x + 3) / 6`, also called hard swish."""
    return F.hardswish(x)


def exponential(x: Tensor) -> Tensor:
    """`exp(x)`."""
    return torch.exp(x)


swish = silu
hard_swish = hard_silu

# One row a name: (the function of this module, the callable a layer calls, further torch callables with the same numbers).
# The second is torch's own wherever its defaults are Keras's: a C function if torch has a public one, for the path of a call.
_ROWS: dict[str, tuple[Activation, ...]] = {
    "linear": (linear, linear),
    "relu": (relu, torch.relu, F.relu),
    "leaky_relu": (leaky_relu, leaky_relu),
    "relu6": (relu6, F.relu6),
    "softmax": (softmax, softmax),
    "log_softmax": (log_softmax, log_softmax),
    "elu": (elu, F.elu),
    "selu": (selu, torch.selu, F.selu),
    "celu": (celu, torch.celu, F.celu),
    "softplus": (softplus, F.softplus),
    "softsign": (softsign, F.softsign),
    "soft_shrink": (soft_shrink, F.softshrink),
    "hard_shrink": (hard_shrink, torch.hardshrink, F.hardshrink),
    "tanh_shrink": (tanh_shrink, F.tanhshrink),
    "sparse_plus": (sparse_plus, sparse_plus),
    "sparse_sigmoid": (sparse_sigmoid, sparse_sigmoid),
    "sparsemax": (sparsemax, sparsemax),
    "silu": (silu, F.silu),
    "squareplus": (squareplus, squareplus),
    "gelu": (gelu, F.gelu),
    "mish": (mish, F.mish),
    "glu": (glu, F.glu),
    "tanh": (tanh, torch.tanh, F.tanh),
    "hard_tanh": (hard_tanh, F.hardtanh),
    "threshold": (threshold, threshold, F.threshold, torch.threshold),
    "sigmoid": (sigmoid, torch.sigmoid, F.sigmoid),
    "log_sigmoid": (log_sigmoid, F.logsigmoid),
    "hard_sigmoid": (hard_sigmoid, F.hardsigmoid),
    "hard_silu": (hard_silu, F.hardswish),
    "exponential": (exponential, torch.exp),
}
_CALLED: dict[str, Activation] = {name: row[1] for name, row in _ROWS.items()} | {"swish": F.silu, "hard_swish": F.hardswish}
_NAMED: dict[Activation, str] = {function: name for name, row in _ROWS.items() for function in row}


def get(identifier: object) -> Activation:
    """The callable that `identifier` stands for.

    Args:
        identifier: None (`linear`), a name, a config, or any callable (a function, an `nn.Module`), which is returned as it is.

    Raises `ArgumentError` for an unknown name, and for a class, which would be called on the data.

    >>> get("relu") is torch.relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str | Mapping):
        return deserialize(cast("str | Config", identifier))
    if isinstance(identifier, type):
        raise ArgumentError(
            f"Could not interpret activation function identifier: {identifier!r} is a class", f"pass an instance: {identifier.__name__}()"
        )
    if not callable(identifier):
        raise unknown(_KIND, identifier, _CALLED)
    return cast(Activation, identifier)


def is_torch(activation: object) -> bool:
    """Whether `activation` is known to be made of torch functions alone: a function of this module or of torch's.

    Such a function may be recorded call by call; a function or module of the user's may look at values, and stays whole.
    """
    if not isinstance(activation, FunctionType | BuiltinFunctionType):
        return False
    return activation in _NAMED or (activation.__module__ or "").split(".")[0] == "torch"


def serialize(activation: Activation, custom_objects: CustomObjects | None = None) -> str | Config:
    """The name of a built-in, in either of its forms; `{"class_name": "function", "config": name}` of one in `custom_objects`.

    Raises `ArgumentError` for a callable that has no such name.

    >>> serialize(torch.relu), serialize(relu), serialize(linear)
    ('relu', 'relu', 'linear')
    """
    try:
        name = _NAMED.get(activation)
    except TypeError:  # an object without a hash
        name = None
    return name or function_config(_KIND, activation, custom_objects)


def deserialize(config: str | Config, custom_objects: CustomObjects | None = None) -> Any:
    """The callable that `serialize` named."""
    return lookup(_KIND, parse(_KIND, config)[0], _CALLED, custom_objects)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
