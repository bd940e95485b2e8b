"""Callbacks with Keras's protocol, and the ones that every training has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from ...errors import ArgumentError, shown
from ...kinds import is_sequence

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
    every_process: ClassVar[bool] = True  # where several processes train together: False for what talks or writes, in the first one only
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
        """Takes the model, and what it was compiled with."""
        self.model = model
        compiled = model.__dict__.get("_compiled")
        if compiled is not None:
            self.compiled = compiled

    def close(self) -> None:
        """Lets go of what is open (a bar, a file), also after an error; called when `fit`, `evaluate` or `predict` end, however they do."""

    def make_room(self) -> None:
        """Clears a line that is being drawn, before others print; it comes again."""

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


def _explained(callback: Callback, event: str, index: int) -> Callable[..., None]:
    """The event of a callback: it gets its `logs`, None where there are none; an error in it is told with who and where."""
    function = getattr(callback, event)
    numbered = "epoch" in event or "batch" in event

    def call(*args: Any) -> None:
        try:
            if numbered and len(args) == 1:
                function(args[0], None)
            elif args or event == "close":
                function(*args)
            else:
                function(None)
        except Exception as error:
            error.add_note(f"in callbacks[{index}], {type(callback).__name__}.{event}{_moment(callback, event, args)}")
            raise

    return call


def _moment(callback: Callback, event: str, args: tuple[Any, ...]) -> str:
    """`, at epoch 2, batch 17`, as the progress bar counts them."""
    number: Any = args[0] if args else None
    if "epoch" in event:
        return f", at epoch {number + 1}"
    trainer = callback.trainer
    epoch = f", at epoch {trainer.epoch + 1}" if trainer is not None else ""
    if "batch" in event:
        return f"{epoch or ', at'}{',' if epoch else ''} batch {number + 1}"
    return epoch


class CallbackList(Callback):
    """Several callbacks as one; for a loop of one's own, which calls its `on_...` methods.

    Args:
        callbacks: a Callback, or a nest of lists of them.
        add_history, add_progbar: put a History and a progress bar at the end, unless there is one.
        model: told to all of them.
        **params: told to all of them: verbose, epochs, steps.

    An exception keeps its type, and a note says which callback raised it, and when.

    Raises:
        ArgumentError: `callbacks[i]` is no Callback.

    >>> events = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))], epochs=1)
    >>> events.on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: nn.Module | None = None, **params: Any
    ):
        super().__init__()
        from .schedulers import as_callback

        self.callbacks: list[Callback] = [as_callback(each) for each in _flat(callbacks)]
        for i, callback in enumerate(self.callbacks):
            if not isinstance(callback, Callback):
                hint = "an instance: " + callback.__name__ + "()" if isinstance(callback, type) else "LambdaCallback(on_epoch_end=...)"
                raise ArgumentError(f"callbacks[{i}] is {shown(callback)} ({type(callback).__name__}), not a Callback", hint)
        if add_history and not known(self.callbacks, History):
            self.callbacks.append(History())
        if add_progbar:
            from .progress import ProgbarLogger

            if not known(self.callbacks, ProgbarLogger):
                self.callbacks.append(ProgbarLogger())
        numbered = list(enumerate(self.callbacks))
        # batch events reach only those that have written them
        self.batch = {event: [_explained(c, event, i) for i, c in numbered if _overrides(c, event)] for event in _BATCH_EVENTS}
        if params:
            self.set_params(params)
        if model is not None:
            self.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tells all of them."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: nn.Module) -> None:
        """Tells all of them."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def all(self, event: str, *args: Any) -> None:
        """Calls `event` on every callback, in order."""
        if event in _SPOKEN:
            for callback in self.callbacks:
                callback.make_room()
        for i, callback in enumerate(self.callbacks):
            _explained(callback, event, i)(*args)

    def each(self, event: str, batch: int, logs: Logs) -> None:
        """Calls a batch event on those that have written it."""
        for function in self.batch[event]:
            function(batch, logs)

    def close(self) -> None:
        """Closes every callback, whatever the others do; the first error is raised then, with notes of the others."""
        errors = self._closing_errors()
        if errors:
            _note(errors[0], errors[1:])
            raise errors[0]

    @contextlib.contextmanager
    def closing(self) -> Generator[None]:
        """Closes every callback in the end; an error of the block stays the one that is raised."""
        try:
            yield
        except BaseException as error:
            _note(error, self._closing_errors())
            raise
        self.close()

    def _closing_errors(self) -> list[Exception]:
        errors: list[Exception] = []
        for i, callback in enumerate(self.callbacks):
            try:
                _explained(callback, "close", i)()
            except Exception as error:
                errors.append(error)
        return errors

    def on_train_begin(self, logs: Any = None) -> None:
        self.all("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        self.all("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self.all("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self.all("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self.all("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self.all("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.all("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.all("on_epoch_end", epoch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.each("on_train_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.each("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.each("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.each("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.each("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.each("on_predict_batch_end", batch, logs)


# Events at which people print.
_SPOKEN = frozenset(("on_epoch_begin", "on_epoch_end", "on_train_end", "on_test_begin", "on_test_end"))


def _flat(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    if isinstance(callbacks, Callback) or not is_sequence(callbacks):
        return [callbacks]
    return [each for callback in callbacks for each in _flat(callback)]


def _note(first: BaseException, others: Sequence[Exception]) -> None:
    for error in others:
        first.add_note(f"and {type(error).__name__}: {error} {' '.join(getattr(error, '__notes__', ()))}")


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
