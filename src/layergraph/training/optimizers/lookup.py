"""Optimizers from names, configs and classes, ours and torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_class, is_dict
from .base import Optimizer
from .classes import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, RMSprop

OPTIMIZERS: dict[str, Any] = {cls.__name__.lower(): cls for cls in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam, Lion)}
LATER = {"ftrl", "lamb", "adafactor", "muon", "schedulefreeadamw", "lossscaleoptimizer", "multioptimizer"}


def get(identifier: Any) -> Any:
    """An optimizer from its name (in any case), its config, or itself: ours, torch's, or a class of torch's.

    Raises:
        ArgumentError: "Could not interpret optimizer identifier: ..." with the nearest name.
    """
    if isinstance(identifier, (Optimizer, torch.optim.Optimizer)):
        return identifier
    if is_dict(identifier) and "class_name" in identifier:
        made: Optimizer = get(identifier["class_name"])
        return type(made).from_config(identifier.get("config", {}))
    if is_class(identifier) and issubclass(identifier, Optimizer):
        return cast("Callable[[], Optimizer]", identifier)()
    if is_class(identifier) and issubclass(identifier, torch.optim.Optimizer):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() in OPTIMIZERS:
            return OPTIMIZERS[identifier.lower()]()
        if identifier.lower() in LATER:
            raise ArgumentError(f"the optimizer {identifier!r} is not in layergraph yet", "pass any torch.optim optimizer")
    word = identifier.lower() if isinstance(identifier, str) else identifier
    raise ArgumentError(f"Could not interpret optimizer identifier: {shown(identifier)}", suggestion(word, OPTIMIZERS))
