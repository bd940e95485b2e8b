"""Callbacks that set the learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError, shown
from ...session import say
from .base import Callback


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch: `schedule(epoch, lr)` or `schedule(epoch)` gives a float."""

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._two = _takes_two(schedule)

    def _rate(self, new: float | None = None) -> float:
        optimizer: Any = self.compiled.optimizer if self.compiled is not None else None
        if hasattr(optimizer, "learning_rate"):
            if new is not None:
                optimizer.learning_rate = new
            return optimizer.learning_rate
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise ArgumentError(
                f"LearningRateScheduler: the optimizer {shown(optimizer)} has no learning rate yet", "an optimizer instance"
            )
        for group in optimizer.param_groups:
            group["lr"] = new if new is not None else group["lr"]
        return float(optimizer.param_groups[0]["lr"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        rate: Any = self.schedule(epoch, self._rate()) if self._two else self.schedule(epoch)
        if not isinstance(rate, (float, int)) and not (isinstance(rate, Tensor) and rate.ndim == 0):
            raise ArgumentError(f"The output of the `schedule` function should be a float. Got: {shown(rate)}")
        self._rate(float(rate))
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self._rate()


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.1)
    except TypeError:
        return False
    return True
