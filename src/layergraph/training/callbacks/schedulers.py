"""Learning rate schedulers of torch as callbacks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ...errors import ArgumentError, shown
from ...kinds import is_dict, is_list
from .base import Callback


class TorchScheduler(Callback):
    """Steps a scheduler of `torch.optim.lr_scheduler` after each epoch, or after each batch.

    `fit(callbacks=[scheduler])` takes a scheduler as it is, for once an epoch. It is made over the torch optimizer that does
    the work, and the learning rate must be a plain number: a schedule of Keras's would set it anew at each step.

    >>> import torch
    >>> from layergraph import optimizers
    >>> from layergraph.training import Compiled, fit
    >>> model = torch.nn.Linear(3, 1)
    >>> adam = optimizers.Adam(0.1)
    >>> adam.build(model)
    >>> halving = torch.optim.lr_scheduler.StepLR(adam.torch_optimizer, 1, 0.5)
    >>> history = fit(model, Compiled(adam, "mse"), torch.rand(8, 3), torch.rand(8, 1), epochs=3, callbacks=[halving], verbose=0)
    >>> history.history["learning_rate"], adam.learning_rate
    ([0.1, 0.05, 0.025], 0.0125)

    Args:
        scheduler: of `torch.optim.lr_scheduler`.
        per_step: step it after each batch, as `OneCycleLR` wants.
        monitor: what a `ReduceLROnPlateau` of torch's is given; None for `val_loss` where there is validation, else `loss`.

    Raises:
        ArgumentError: when the training begins, for a scheduler over another optimizer, or under a schedule of Keras's.
    """

    def __init__(self, scheduler: LRScheduler, per_step: bool = False, monitor: str | None = None):
        super().__init__()
        if not isinstance(scheduler, LRScheduler):
            raise ArgumentError(f"TorchScheduler: {shown(scheduler)} is no scheduler of torch.optim.lr_scheduler")
        if per_step and isinstance(scheduler, ReduceLROnPlateau):
            raise ArgumentError("TorchScheduler: ReduceLROnPlateau looks at the results of an epoch", "per_step=False")
        self.scheduler = scheduler
        self.per_step = per_step
        self.monitor = monitor
        if per_step:  # there on the instance only: a batch event costs time, and most schedulers have none
            self.on_train_batch_end = self._after_batch

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer: Any = self.compiled.optimizer if self.compiled is not None else None
        inner = getattr(optimizer, "optimizers", [optimizer])
        torch_optimizers = [getattr(each, "torch_optimizer", each) for each in inner]
        if not any(each is self.scheduler.optimizer for each in torch_optimizers):
            raise ArgumentError(
                f"{type(self.scheduler).__name__} is over an optimizer that does not train this model",
                "optimizer.build(model), then make the scheduler over optimizer.torch_optimizer",
            )
        if any(getattr(each, "follows_schedule", False) for each in inner):
            raise ArgumentError(
                f"{type(self.scheduler).__name__}: the optimizer follows a schedule already, which sets the learning rate at each step",
                "learning_rate=0.001 in the optimizer, or no scheduler of torch's",
            )

    def _after_batch(self, batch: int, logs: Any = None) -> None:
        self.scheduler.step()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.scheduler.optimizer.param_groups[0]["lr"])
        if self.per_step:
            return
        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
            return
        logs = logs or {}
        name = self.monitor or ("val_loss" if "val_loss" in logs else "loss")
        if name not in logs:
            raise ArgumentError(
                f"ReduceLROnPlateau: there is no {name!r} among the results: {', '.join(logs)}", "TorchScheduler(monitor=...)"
            )
        self.scheduler.step(logs[name])

    def state_dict(self) -> dict[str, Any]:
        """What changes in the scheduler from step to step; functions and the like stay those that it was made with."""
        return {"scheduler": _plain(self.scheduler.state_dict())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.scheduler.load_state_dict(_merged(self.scheduler.state_dict(), state["scheduler"]))


def as_callback(given: Any) -> Any:
    """A scheduler of torch's as a callback; all else as it is."""
    return TorchScheduler(given) if isinstance(given, LRScheduler) else given


_NOTHING = object()


def _plain(value: Any) -> Any:
    """What JSON can hold of a value: without the entries of dicts that it cannot, and with infinities as words."""
    if is_dict(value):
        if not all(isinstance(key, str) for key in value):
            return _NOTHING
        found = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not _NOTHING}
    if is_list(value):
        found = [_plain(item) for item in value]
        return _NOTHING if any(item is _NOTHING for item in found) else found
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else _NOTHING


def _merged(own: Any, kept: Any) -> Any:
    """`own` with what was kept of another like it."""
    if is_dict(own) and is_dict(kept):
        return {key: _merged(item, kept[key]) if key in kept else item for key, item in own.items()}
    if is_list(own) and is_list(kept) and len(own) == len(kept):
        return [_merged(mine, other) for mine, other in zip(own, kept, strict=True)]
    return float(kept) if isinstance(own, float) and isinstance(kept, str) else kept
