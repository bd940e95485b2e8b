"""Keras's way to step: gradients given as a list, and not found in `.grad`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import ArgumentError, shown

if TYPE_CHECKING:
    from .base import Optimizer


def apply(optimizer: Optimizer, grads: Sequence[Tensor | None], variables: Iterable[Tensor] | None) -> None:
    """See `Optimizer.apply`. Everything is checked before anything changes."""
    grads = list(grads)
    if not grads:
        return
    who = type(optimizer).__name__
    if variables is None and not optimizer.built:
        raise ArgumentError(
            f"{who}.apply: When passing `grads` without `variables`, the optimizer must already be built on a list of variables.",
            "optimizer.build(model)",
        )
    given = optimizer.parameters if variables is None else list(variables)
    if len(grads) != len(given):
        raise ArgumentError(f"{who}.apply: {len(grads)} gradients for {len(given)} variables")
    if all(g is None for g in grads):
        raise ArgumentError("No gradients provided for any variable.")
    for p, g in zip(given, grads, strict=True):
        if g is not None and g.shape != p.shape:
            raise ArgumentError(f"{who}.apply: a gradient of shape {tuple(g.shape)} for a variable of shape {tuple(p.shape)}")
    if not optimizer.built:
        optimizer.build(given)
    _check_known(optimizer, given)
    _tell_missing(optimizer, grads, given)
    parameters = optimizer.parameters
    kept = [p.grad for p in parameters]
    try:
        for p in parameters:
            p.grad = None
        for p, g in zip(given, grads, strict=True):
            # a copy, since clipping works in place; laid out as the parameter, which torch's fused kernels take for granted
            p.grad = None if g is None else torch.empty_like(p).copy_(g.detach())
        optimizer.step()
    finally:
        for p, g in zip(parameters, kept, strict=True):
            p.grad = g


def _check_known(optimizer: Optimizer, given: Sequence[Tensor]) -> None:
    known = {id(p) for p in optimizer.parameters}
    for p in given:
        if id(p) not in known:
            raise ArgumentError(
                f"Unknown variable: {shown(p)}. This optimizer can only be called for the variables it was originally built with.",
                "optimizer.build(model) takes others in and keeps what it knows",
            )


def _tell_missing(optimizer: Optimizer, grads: Sequence[Tensor | None], given: Sequence[Tensor]) -> None:
    if any(g is None for g in grads):
        names = {id(t): name for name, t in optimizer.named.items()}
        without = [names.get(id(p), "?") for p, g in zip(given, grads, strict=True) if g is None]
        warnings.warn(
            f"Gradients do not exist for variables {without} when minimizing the loss. If using `model.compile()`, did you forget to "
            "provide a `loss` argument?",
            stacklevel=4,
        )
