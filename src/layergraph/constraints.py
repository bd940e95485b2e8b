"""Projections of weights, applied after each optimizer step.

A constraint takes a weight **in Keras's layout** and gives one of the same shape, so `axis` counts Keras's axes: a Dense
kernel is (in, out), a Conv2D kernel (height, width, in, out). Whoever holds the torch parameter turns it round first.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from . import config as settings
from .absent import explained
from .errors import ArgumentError, shown
from .identify import Config, Configured, CustomObjects, Family

Axes: TypeAlias = "int | list[int] | tuple[int, ...]"


class Constraint(Configured):
    """The base of constraints: leaves `w` as it is. A subclass defines `__call__(w)`."""

    def __call__(self, w: Tensor) -> Tensor:
        """`w` -> a tensor of its shape that obeys."""
        return w


class MaxNorm(Constraint):
    """Shortens vectors along `axis` to at most `max_value`; shorter ones stay.

    >>> MaxNorm(2.0)(torch.tensor([[3.0, 0.3], [4.0, 0.4]]))
    tensor([[1.2000, 0.3000],
            [1.6000, 0.4000]])
    """

    def __init__(self, max_value: float = 2, axis: Axes = 0):
        self.max_value = _number(self, "max_value", max_value)
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        return w * (torch.clamp(norm, 0, self.max_value) / (settings.epsilon() + norm))


class NonNeg(Constraint):
    """Sets what is negative to 0."""

    def __call__(self, w: Tensor) -> Tensor:
        return torch.clamp(w, min=0)


class UnitNorm(Constraint):
    """Scales vectors along `axis` to length 1."""

    def __init__(self, axis: Axes = 0):
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return w / (settings.epsilon() + _norm(w, self.axis))


class MinMaxNorm(Constraint):
    """Brings the length of vectors along `axis` into [`min_value`, `max_value`], going the part `rate` of the way each step."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axes = 0):
        self.min_value = _number(self, "min_value", min_value)
        self.max_value = _number(self, "max_value", max_value)
        self.rate = _number(self, "rate", rate)
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        wanted = self.rate * torch.clamp(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (wanted / (settings.epsilon() + norm))


def _norm(w: Tensor, axis: Axes) -> Tensor:
    return torch.sqrt(torch.sum(torch.square(w), axis, keepdim=True))


def _number(who: Constraint, name: str, value: float) -> float:
    if not isinstance(value, Real):
        raise ArgumentError(f"{type(who).__name__}: {name}: wanted a number, got {shown(value)}")
    return value


max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm

_FAMILY = Family("constraint", Constraint, (MaxNorm, NonNeg, UnitNorm, MinMaxNorm))


def get(identifier: object) -> Constraint | None:
    """None, a name (`"max_norm"`), a config, a class, or any callable of a tensor -> the constraint.

    Raises `ArgumentError` for an unknown name.

    >>> get("max_norm")
    MaxNorm(max_value=2, axis=0)
    """
    return _FAMILY.get(identifier)


def serialize(constraint: object, custom_objects: CustomObjects | None = None) -> Config | None:
    """Keras's config of a constraint: `{"class_name": "MaxNorm", "config": {...}, ...}`."""
    return _FAMILY.serialize(constraint, custom_objects)


def deserialize(config: str | Config, custom_objects: CustomObjects | None = None) -> Constraint:
    """The constraint that a name or a config describes; `custom_objects` maps the user's own names."""
    return _FAMILY.deserialize(config, custom_objects)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
