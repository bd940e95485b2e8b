"""Callbacks that watch a logged value: what is better, and what follows from it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError
from .base import Callback, Logs
from .progress import tell


class TerminateOnNaN(Callback):
    """Stops the training when the loss of a batch is not finite. It reads the loss at every batch: on an accelerator this waits for it.

    Args:
        raise_error: raise RuntimeError at once, so that no `on_train_end` is called, instead of ending the training in order.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = logs.get("loss") if logs is not None else None
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately.")
        tell(f"Batch {batch}: Invalid loss, terminating training")
        stop(self.model)


def stop(model: Any) -> None:
    """Ends the training after this batch or epoch."""
    model.stop_training = True


class Monitor(Callback):
    """What watches one logged value: which way is better, and whether it is.

    A value that is NaN is never better, and anything is better than none: in Keras a first NaN counts as the best for good.

    Args:
        monitor: the name in the logs.
        mode: 'min' or 'max'; 'auto' knows that a loss should fall, and of each metric of `compile` which way is better.
        baseline: what the first value must beat.
        min_delta: by how much a value must be better; its sign does not count.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = baseline
        self._sign: int | None = {"min": -1, "max": 1}.get(mode)

    def value(self, logs: Any, missing: str) -> float | None:
        """The watched value, or None with a warning: `missing`, with the names that there are in the place of `{}`."""
        logs = logs or {}
        if logs.get(self.monitor) is None:
            warnings.warn(missing.replace("{}", ",".join(logs)), stacklevel=3)
            return None
        return float(logs[self.monitor])

    def sign(self) -> int:
        """1 where more is better, -1 where less is.

        Raises:
            ArgumentError: mode='auto', and nothing is known of the metric.
        """
        if self._sign is None:
            binding = self.compiled.binding if self.compiled is not None else None
            name = self.monitor.removeprefix("val_")
            way = "down" if name == "loss" else binding.direction(self.monitor) if binding is not None else None
            if way is None:
                raise ArgumentError(
                    f"{type(self).__name__} callback received monitor={self.monitor}, but layergraph isn't able to automatically determine "
                    "whether that metric should be maximized or minimized.",
                    "Pass `mode='max'` in order to monitor based on the highest metric value, or pass `mode='min'` in order to use the "
                    "lowest value.",
                )
            self._sign = 1 if way == "up" else -1
        return self._sign

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        sign = self.sign()
        if math.isnan(value):
            return False
        if reference is None:
            return True
        # as Keras writes it, so that it rounds as Keras does
        return value - self.min_delta > reference if sign > 0 else value + self.min_delta < reference


class EarlyStopping(Monitor):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    Args:
        monitor, min_delta, mode: what is watched, and what is better; see Monitor. NaN is no improvement.
        patience: epochs without improvement after which it stops; the first epoch never stops.
        verbose: 1 says when it stops, and which weights come back.
        baseline: while it is not beaten, an improvement does not start the waiting again.
        restore_best_weights: put back, at the end, the weights of the best epoch (parameters and buffers), also where the
            training was not stopped.
        start_from_epoch: epochs, counted from 0, before this one are not looked at.
    """

    kept = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._start()

    def _start(self) -> None:
        self.best = None
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._start()

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            assert self.model is not None
            self.best_weights = {key: value.detach().clone() for key, value in self.model.state_dict().items() if isinstance(value, Tensor)}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        what = f"Early stopping conditioned on metric `{self.monitor}` which is not available."
        current = self.value(logs, f"{what} Available metrics are: {{}}")
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improves(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            stop(self.model)

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            tell(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                tell(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            assert self.model is not None
            with torch.no_grad():
                self.model.load_state_dict(self.best_weights, strict=False)
            self.best_weights = None
