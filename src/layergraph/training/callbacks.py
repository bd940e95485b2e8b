"""Callbacks with Keras's protocol, and the ones that every training has."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, shown
from ..session import say

if TYPE_CHECKING:
    from .compile import Compiled

Logs = Mapping[str, Any] | None


class Callback:
    """The base: override what you need. `self.model` and `self.params` are set before training.

    `on_batch_begin` and `on_batch_end` are other names for the `on_train_batch_*` pair. During training, the `logs` of a
    batch are a mapping that is computed only when it is read: reading waits for the device.
    """

    model: nn.Module | None = None
    compiled: Compiled | None = None

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes {'verbose', 'epochs', 'steps'}."""
        self.params = params

    def set_model(self, model: nn.Module) -> None:
        """Takes the model."""
        self.model = model

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...
    def on_train_begin(self, logs: Any = None) -> None: ...
    def on_train_end(self, logs: Any = None) -> None: ...
    def on_test_begin(self, logs: Any = None) -> None: ...
    def on_test_end(self, logs: Any = None) -> None: ...
    def on_predict_begin(self, logs: Any = None) -> None: ...
    def on_predict_end(self, logs: Any = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.on_batch_end(batch, logs)


_BATCH_EVENTS = {
    "on_train_batch_begin": "on_batch_begin",
    "on_train_batch_end": "on_batch_end",
    "on_test_batch_begin": None,
    "on_test_batch_end": None,
    "on_predict_batch_begin": None,
    "on_predict_batch_end": None,
}


def _overrides(callback: Callback, event: str) -> bool:
    alias = _BATCH_EVENTS[event]
    names = [event] if alias is None else [event, alias]
    return any(getattr(type(callback), name) is not getattr(Callback, name) or name in vars(callback) for name in names)


class CallbackList:
    """Several callbacks as one. Batch events reach only those that have written them.

    Raises:
        ArgumentError: `callbacks[i]` is no Callback.
    """

    def __init__(self, callbacks: Any = None, model: nn.Module | None = None, params: dict[str, Any] | None = None):
        if isinstance(callbacks, CallbackList):
            callbacks = callbacks.callbacks
        given: list[Any] = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for i, callback in enumerate(given):
            if not isinstance(callback, Callback):
                hint = "an instance: " + callback.__name__ + "()" if isinstance(callback, type) else "LambdaCallback(on_epoch_end=...)"
                raise ArgumentError(f"callbacks[{i}] is {shown(callback)} ({type(callback).__name__}), not a Callback", hint)
        self.callbacks: list[Callback] = given
        self.batch = {event: [getattr(c, event) for c in given if _overrides(c, event)] for event in _BATCH_EVENTS}
        for callback in given:
            if params is not None:
                callback.set_params(params)
            if model is not None:
                callback.set_model(model)

    def all(self, event: str, *args: Any) -> None:
        """Calls `event` on every callback, in order."""
        for callback in self.callbacks:
            getattr(callback, event)(*args)


class History(Callback):
    """What `fit` returns: `history` (name -> a value per epoch), `epoch`, `params`."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        logs = logs or {}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("model", "compiled")}


class LambdaCallback(Callback):
    """A callback from functions.

    >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> tell.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for event, function in functions.items():
            if not event.startswith("on_") or not hasattr(Callback, event):
                raise ArgumentError(f"LambdaCallback: {event!r} is no event of a callback", "on_epoch_end, on_train_batch_end, ...")
            if function is not None:
                setattr(self, event, function)


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


def known(callbacks: Iterable[Callback], kind: type[Callback]) -> bool:
    """Whether one of that kind is there already."""
    return any(isinstance(callback, kind) for callback in callbacks)
