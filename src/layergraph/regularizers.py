"""Penalties on weights or outputs, to be added to the loss: a tensor of any shape in, a scalar tensor of its dtype out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from .absent import explained
from .config import epsilon
from .errors import ArgumentError, ShapeError, shown
from .identify import Config, Configured, CustomObjects, Family


class Regularizer(Configured):
    """The base of penalties. A subclass defines `__call__(x)` and keeps the arguments of its `__init__` as attributes of the same names.

    >>> class Mean(Regularizer):
    ...     def __init__(self, rate=0.1):
    ...         self.rate = rate
    ...     def __call__(self, x):
    ...         return self.rate * torch.mean(x) ** 2
    >>> Mean(0.5)(torch.ones(3)), Mean(0.5).get_config()
    (tensor(0.5000), {'rate': 0.5})
    """

    def __call__(self, x: Tensor) -> Tensor | float:
        """The penalty on `x`; 0 here."""
        return 0.0


class L1(Regularizer):
    """`l1 * sum(|x|)`. Raises `ArgumentError` unless `l1` is a finite number of 0 or more."""

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _rate(self, "l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * torch.sum(torch.abs(x))


class L2(Regularizer):
    """`l2 * sum(x**2)`: no half, and not an optimizer's weight decay, which is half of the gradient of this one.

    Raises `ArgumentError` unless `l2` is a finite number of 0 or more.

    >>> L2(0.1)(torch.tensor([1.0, 2.0]))
    tensor(0.5000)
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _rate(self, "l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * torch.sum(torch.square(x))


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`; both rates are 0 unless given, so the string `"l1l2"` has no effect."""

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _rate(self, "l1", 0.0 if l1 is None else l1)
        self.l2 = _rate(self, "l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        if not self.l1:
            return self.l2 * torch.sum(torch.square(x))
        first = self.l1 * torch.sum(torch.abs(x))
        return first + self.l2 * torch.sum(torch.square(x)) if self.l2 else first


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of |cosine| over all pairs of rows (or columns) of a matrix: 0 where they are orthogonal.

    `(n, m) -> ()`. One row alone makes no pair and costs 0 (Keras: nan).

    Raises `ArgumentError` for a bad `factor` or `mode`, and `ShapeError` for a tensor that is no matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _rate(self, "factor", factor)
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"OrthogonalRegularizer: mode: wanted 'rows' or 'columns', got {shown(mode)}")
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        if len(x.shape) != 2:
            raise ShapeError(f"OrthogonalRegularizer: wanted a matrix (rank 2), got shape {tuple(x.shape)}")
        rows = x if self.mode == "rows" else x.T
        # each row over its length, which is kept above epsilon: an all-zero row stays 0
        unit = rows * torch.rsqrt(torch.clamp(torch.sum(torch.square(rows), 1, keepdim=True), min=epsilon() ** 2))
        cosines = unit @ unit.T
        count = rows.shape[0]
        pairs = max(count * (count - 1) / 2, 1.0)
        return self.factor * 0.5 * torch.sum(torch.abs(cosines - torch.diag(torch.diagonal(cosines)))) / pairs


def _rate(who: Regularizer, name: str, value: object) -> float:
    rate = float(cast(Any, value)) if isinstance(value, int | float | np.number) else math.nan
    if not 0 <= rate < math.inf:
        raise ArgumentError(f"{type(who).__name__}: {name}: wanted a finite number of 0 or more, got {shown(cast(object, value))}")
    return rate


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_FAMILY = Family("regularizer", Regularizer, (L1, L2, L1L2, OrthogonalRegularizer))


def get(identifier: object) -> Regularizer | None:
    """None, a name (`"l2"`), a config, a class, or any callable of a tensor -> the regularizer.

    Raises `ArgumentError` for an unknown name.

    >>> get("l2")
    L2(l2=0.01)
    """
    return _FAMILY.get(identifier)


def serialize(regularizer: object, custom_objects: CustomObjects | None = None) -> Config | None:
    """Keras's config of a regularizer: `{"class_name": "L2", "config": {"l2": 0.01}, ...}`."""
    return _FAMILY.serialize(regularizer, custom_objects)


def deserialize(config: str | Config, custom_objects: CustomObjects | None = None) -> Regularizer:
    """The regularizer that a name or a config describes; `custom_objects` maps the user's own names."""
    return _FAMILY.deserialize(config, custom_objects)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
