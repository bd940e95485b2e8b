"""Callbacks that set the learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError, shown
from .base import Callback
from .monitors import Monitor
from .progress import tell


def optimizers(callback: Callback) -> Iterator[tuple[str, Any]]:
    """(name, optimizer) of what the model trains with; the name is empty where there is one only.

    Raises:
        ArgumentError: the model trains with nothing that has a learning rate.
    """
    optimizer: Any = callback.compiled.optimizer if callback.compiled is not None else getattr(callback.model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several: Any = getattr(optimizer, "optimizers", None)
    if several is not None:
        yield from ((str(getattr(each, "name", i)), each) for i, each in enumerate(several))
    elif hasattr(optimizer, "learning_rate") or isinstance(optimizer, torch.optim.Optimizer):
        yield "", optimizer
    else:
        raise ArgumentError(
            f"{type(callback).__name__}: the optimizer {shown(optimizer)} has no learning rate yet", "an optimizer instance"
        )


def rate_of(optimizer: Any) -> float:
    """Its learning rate: of a torch optimizer, that of the first group."""
    if hasattr(optimizer, "learning_rate"):
        return float(optimizer.learning_rate)
    return float(optimizer.param_groups[0]["lr"])


def scale_rate(optimizer: Any, change: Callable[[float], float]) -> float:
    """Sets the learning rate to a function of itself: of a torch optimizer, in each group. Gives the new one, of the first group."""
    if hasattr(optimizer, "learning_rate"):
        optimizer.learning_rate = change(float(optimizer.learning_rate))
        return float(optimizer.learning_rate)
    for group in optimizer.param_groups:
        rate = change(float(group["lr"]))
        if isinstance(group["lr"], Tensor):  # compiled or captured steps read this very tensor
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
    return rate_of(optimizer)


def logged_rates(callback: Callback) -> dict[str, float]:
    """`learning_rate`, or `learning_rate_<name>` of each optimizer."""
    return {f"learning_rate_{name}" if name else "learning_rate": rate_of(optimizer) for name, optimizer in optimizers(callback)}


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch, and logs it as `learning_rate`.

    Args:
        schedule: `schedule(epoch, learning_rate)` or `schedule(epoch)` gives a float; epochs count from 0.
        verbose: 1 says it.

    Raises:
        ArgumentError: the schedule gives no number.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._two = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for name, optimizer in optimizers(self):
            rate: Any = self.schedule(epoch, rate_of(optimizer)) if self._two else self.schedule(epoch)
            if isinstance(rate, bool) or not (hasattr(rate, "__float__") and getattr(rate, "ndim", 0) == 0):
                raise ArgumentError(f"The output of the `schedule` function should be a float. Got: {shown(rate)}")
            rate = float(rate)
            scale_rate(optimizer, lambda _, rate=rate: rate)
            if self.verbose > 0:
                tell(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {f'{name} ' if name else ''}learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs.update(logged_rates(self))


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.1)
    except TypeError:
        return False
    except ValueError:  # built in, without a signature
        return True
    return True


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when `monitor` has not improved for `patience` epochs; logs it as `learning_rate`.

    Args:
        monitor, mode, min_delta: what is watched, and what is better; see Monitor. NaN is no improvement.
        factor: below 1.
        patience: epochs without improvement after which the rate falls.
        verbose: 1 says it.
        cooldown: epochs after a fall in which none is counted.
        min_lr: the rate does not fall below it. Of a torch optimizer with several groups each falls by the factor.

    Raises:
        ArgumentError: factor >= 1; other arguments.
    """

    kept = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if not factor < 1.0:
            raise ArgumentError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}", "factor=0.1")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._start()

    def _start(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._start()

    def in_cooldown(self) -> bool:
        """Whether a fall is too recent for another."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs if logs is not None else {}
        logs.update(logged_rates(self))
        what = f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available."
        current = self.value(logs, f"{what} Available metrics are: {{}}.")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        found = [(name, optimizer) for name, optimizer in optimizers(self) if rate_of(optimizer) > self.min_lr]
        for name, optimizer in found:
            rate = scale_rate(optimizer, lambda old: max(old * self.factor, self.min_lr))
            if self.verbose > 0:
                tell(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{f' {name}' if name else ''} learning rate to {rate}.")
        return bool(found)
