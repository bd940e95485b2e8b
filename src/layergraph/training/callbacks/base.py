"""Callbacks with Keras's protocol, and the ones that every training has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from ...errors import ArgumentError, shown

if TYPE_CHECKING:
    from ..compile import Compiled
    from ..trainer import Trainer

Logs = Mapping[str, Any] | None


class Callback:
    """The base: override what you need. `self.model` and `self.params` are set before training.

    `on_batch_begin` and `on_batch_end` are other names for the `on_train_batch_*` pair. During training, the `logs` of a
    batch are a mapping that is computed only when it is read: reading waits for the device.
    """

    model: nn.Module | None = None
    compiled: Compiled | None = None
    trainer: Trainer | None = None
    kept: ClassVar[tuple[str, ...]] = ()  # the attributes that `state_dict` gives

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a resumed training goes on as if it had not stopped: tensors, and what JSON holds."""
        return {name: getattr(self, name) for name in self.kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`; called after `on_train_begin`."""
        for name in self.kept:
            setattr(self, name, state[name])

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes {'verbose', 'epochs', 'steps'}."""
        self.params = params

    def set_model(self, model: nn.Module) -> None:
        """Takes the model."""
        self.model = model

    def close(self) -> None:
        """Lets go of what is open (a bar, a file), also after an error; called when `fit`, `evaluate` or `predict` end, however they do."""

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
        from .rates import as_callback

        if isinstance(callbacks, CallbackList):
            callbacks = callbacks.callbacks
        given: list[Any] = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        given = [as_callback(each) for each in given]
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

    def close(self) -> None:
        """Closes every callback."""
        for callback in self.callbacks:
            callback.close()


class History(Callback):
    """What `fit` returns: `history` (name -> a value per epoch), `epoch`, `params`."""

    kept = ("history", "epoch")

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
        return {key: value for key, value in self.__dict__.items() if key not in ("model", "compiled", "trainer")}


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


def known(callbacks: Iterable[Callback], kind: type[Callback]) -> bool:
    """Whether one of that kind is there already."""
    return any(isinstance(callback, kind) for callback in callbacks)
