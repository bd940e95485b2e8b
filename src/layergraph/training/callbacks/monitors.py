"""Callbacks that watch a logged value."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError
from ...session import say
from .base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops the training, or raises RuntimeError, when the loss of a batch is not finite. It reads the loss at every batch."""

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}.")
        say(f"Batch {batch}: Invalid loss, terminating training")
        assert self.model is not None
        self.model.stop_training = True  # pyright: ignore[reportArgumentType] (nn.Module declares tensors and modules only)


class _Monitor(Callback):
    """What watches one logged value: which way is better, and whether it is."""

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.baseline = baseline
        self.best: float | None = baseline
        self._sign: int | None = {"min": -1, "max": 1}.get(mode)

    def value(self, logs: Any) -> float | None:
        """The watched value, or None with a warning."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__} conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=3,
            )
            return None
        return float(logs[self.monitor])

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if self._sign is None:
            binding = self.compiled.binding if self.compiled is not None else None
            way = (
                binding.direction(self.monitor) if binding is not None else "down" if self.monitor.removeprefix("val_") == "loss" else None
            )
            if way is None:
                raise ArgumentError(
                    f"{type(self).__name__} callback received monitor={self.monitor}, but layergraph isn't able to automatically determine "
                    "whether that metric should be maximized or minimized.",
                    "Pass `mode='max'` in order to monitor based on the highest metric value, or pass `mode='min'` in order to use the "
                    "lowest value.",
                )
            self._sign = 1 if way == "up" else -1
        if reference is None:
            return True
        return self._sign * (value - reference) > self.min_delta


class EarlyStopping(_Monitor):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    `restore_best_weights` puts back, at the end, the weights of the best epoch (parameters and buffers).
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
        super().__init__(monitor, mode, baseline, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self.baseline
        self.best_weights = None
        self.best_epoch = 0

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            assert self.model is not None
            self.best_weights = {key: value.detach().clone() for key, value in self.model.state_dict().items() if isinstance(value, Tensor)}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.value(logs)
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
            assert self.model is not None
            self.model.stop_training = True  # pyright: ignore[reportArgumentType] (nn.Module declares tensors and modules only)

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            assert self.model is not None
            with torch.no_grad():
                self.model.load_state_dict(self.best_weights, strict=False)
            self.best_weights = None
