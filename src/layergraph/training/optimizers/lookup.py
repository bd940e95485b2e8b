"""Optimizers from names, configs and classes, ours and torch's."""

from __future__ import annotations

from typing import Any

import torch

from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_class, is_dict
from . import classes, loss_scaling, multi, shaped
from .base import Optimizer
from .configs import deserialize

_CLASSES: list[Any] = [
    *(classes.SGD, classes.Adam, classes.AdamW, classes.RMSprop, classes.Adagrad, classes.Adadelta, classes.Adamax, classes.Nadam),
    *(classes.Lion, classes.Ftrl, classes.Lamb, classes.ScheduleFreeAdamW, shaped.Adafactor, shaped.Muon),
    *(loss_scaling.LossScaleOptimizer, multi.MultiOptimizer, multi.OptimizerMap),
]
OPTIMIZERS: dict[str, Any] = {cls.__name__.lower(): cls for cls in _CLASSES}


def get(identifier: Any) -> Any:
    """An optimizer from its name (in any case), its config, or itself: ours, torch's, or a class of torch's.

    Raises:
        ArgumentError: "Could not interpret optimizer identifier: ..." with the nearest name.
    """
    if isinstance(identifier, (Optimizer, torch.optim.Optimizer)):
        return identifier
    if is_dict(identifier) and "class_name" in identifier:
        return deserialize(identifier)
    if is_class(identifier) and issubclass(identifier, Optimizer):
        return _without_arguments(identifier)
    if is_class(identifier) and issubclass(identifier, torch.optim.Optimizer):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in OPTIMIZERS:
        return _without_arguments(OPTIMIZERS[identifier.lower()])
    word = identifier.lower() if isinstance(identifier, str) else identifier
    raise ArgumentError(f"Could not interpret optimizer identifier: {shown(identifier)}", suggestion(word, OPTIMIZERS))


def _without_arguments(cls: Any) -> Any:
    if cls in (loss_scaling.LossScaleOptimizer, multi.MultiOptimizer, multi.OptimizerMap):
        raise ArgumentError(f"the optimizer {cls.__name__!r} needs arguments", f"optimizers.{cls.__name__}(...)")
    return cls()
