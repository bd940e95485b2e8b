"""`fit`, `evaluate`, `predict` and their one-batch forms, as functions for any `nn.Module`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, DataError, shown
from ..kinds import is_sequence, is_whole
from ..modes import in_mode
from ..session import say
from .callbacks import CallbackList, History, TerminateOnNaN, known
from .compile import Compiled
from .data import Arrays, Batch, Loader, Source, class_weights, is_array_like, make_source, to_structure
from .engine import Engine, check_last_batch, refuse_overrides
from .progress import ProgbarLogger, interactive
from .structure import flatten, pack

_UNCOMPILED = "You must call `compile()` before using the model."


class LiveLogs(Mapping[str, float]):
    """The running losses and metrics of an epoch, computed when they are first read: reading waits for the device."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._values: dict[str, float] | None = None

    def _read(self) -> dict[str, float]:
        if self._values is None:
            self._values = self._engine.results()
        return self._values

    def __getitem__(self, key: str) -> float:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


class Feed:
    """The batches of each epoch, from arrays or a loader; with `limit`, an epoch goes on where the last one stopped."""

    def __init__(self, engine: Engine, source: Source, shuffle: bool | str = False, limit: int | None = None):
        self.engine = engine
        self.source = source
        self.shuffle = shuffle
        # one number from torch's generator: the order of an epoch is a function of it and the epoch
        self.seed = int(torch.randint(2**62, ())) if shuffle and isinstance(source, Arrays) else 0
        self.limit = limit
        self.steps = limit or source.steps
        self._iterator: Iterator[Batch] | None = None
        self._seen = 0
        if isinstance(source, Arrays):
            engine.watch(source)

    def _open(self, epoch: int) -> Iterator[Batch]:
        if isinstance(self.source, Arrays):
            return self.source.batches(self.source.order(self.shuffle, self.seed, epoch))
        return self._loaded(self.source)

    def _loaded(self, loader: Loader) -> Iterator[Batch]:
        shape: tuple[int, int, int] | None = None
        for arrays in loader.read_all():
            counts = (len(arrays.xs), len(arrays.ys), len(arrays.ws))
            if shape is None:
                shape = counts
                self.engine.watch(arrays)
            elif counts != shape:
                raise DataError(f"the loader's batches differ: one had {shape} inputs, targets and weights, another {counts}")
            yield (*arrays.xs, *arrays.ys, *arrays.ws)

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch."""
        if self.limit is None:
            yield from self._open(epoch)
            return
        if self._iterator is None:
            self._iterator, self._seen = self._open(epoch), 0
        for _ in range(self.limit):
            batch = next(self._iterator, None)
            if batch is None:
                self._iterator = None
                warnings.warn(
                    "Your input ran out of data; interrupting training. Make sure that your dataset can generate at least "
                    f"`steps_per_epoch * epochs` batches: this epoch wanted {self.limit}.",
                    stacklevel=2,
                )
                return
            self._seen += 1
            yield batch
        if self._seen == self.source.steps:
            self._iterator = None


def fit(
    module: nn.Module,
    compiled: Compiled | None,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str | bool = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
) -> History:
    """Trains a module, as Keras's `Model.fit` does.

    Args:
        module: any `nn.Module`; it is put into training mode for the time, and every mode is restored.
        compiled: loss, optimizer, metrics.
        x, y: arrays or tensors, or lists and dicts of them by input and output name; or a `DataLoader`/`Dataset` as x.
        verbose: 'auto' or 1 for a progress bar (a line per epoch where no bar can be drawn), 2 for lines, 0 for nothing.
        validation_split: the last part of the samples, cut off before shuffling.
        shuffle: True, False, or 'batch' to shuffle whole batches. The order depends on one number drawn from torch's
            generator, and on the epoch.
        class_weight: a weight for each integer class; unlike in Keras each class that occurs must have one.

    Returns:
        The `History`.

    Raises:
        DataError: data that do not fit each other or the model.
        ArgumentError: an uncompiled model, arguments out of range, a loss without gradient.
    """
    compiled = _compiled(module, compiled)
    _check_fit_arguments(epochs, initial_epoch, steps_per_epoch, validation_split, shuffle, x)
    callback_list = _callbacks(callbacks, verbose, "fit")
    source = make_source(
        module,
        x,
        y,
        _weights(y, sample_weight, class_weight, x),
        batch_size=batch_size,
        steps=steps_per_epoch,
        shuffle=shuffle,
    )
    validation: Source | None = None
    if validation_data is not None:
        parts = validation_data if is_sequence(validation_data) else (validation_data,)
        if not 1 <= len(parts) <= 3:
            raise DataError(f"validation_data must be (x, y) or (x, y, sample_weight), but it has {len(parts)} entries")
        validation = make_source(module, *parts, batch_size=validation_batch_size or batch_size, who="fit, validation_data")
    elif validation_split and isinstance(source, Arrays):
        source, validation = source.split(validation_split)
        source.set_batch_size(batch_size, steps_per_epoch)
        validation.set_batch_size(validation_batch_size or batch_size)

    engine = Engine(module, source.inputs, compiled)
    feed = Feed(engine, source, shuffle, steps_per_epoch)
    tester: tuple[Engine, Feed] | None = None
    if validation is not None:
        test_engine = Engine(module, validation.inputs, compiled)
        tester = test_engine, Feed(test_engine, validation, limit=validation_steps)
    return _train(module, compiled, engine, feed, tester, callback_list, epochs, initial_epoch, verbose, validation_freq)


def _train(
    module: nn.Module,
    compiled: Compiled,
    engine: Engine,
    feed: Feed,
    tester: tuple[Engine, Feed] | None,
    callbacks: CallbackList,
    epochs: int,
    initial_epoch: int,
    verbose: int | str | bool,
    validation_freq: int | list[int],
) -> History:
    history = next(c for c in callbacks.callbacks if isinstance(c, History))
    compiled.history = history
    compiled.stop_training = False
    module.__dict__.pop("stop_training", None)
    _attach(callbacks, module, compiled, {"verbose": _level(verbose), "epochs": epochs, "steps": feed.steps})
    _tell_idle_cuda(engine, verbose)
    logs: dict[str, float] = {}
    try:
        with in_mode(module, True):
            check_last_batch(engine, feed.source)
            callbacks.all("on_train_begin")
            for epoch in range(initial_epoch, epochs):
                engine.reset()
                callbacks.all("on_epoch_begin", epoch)
                _train_epoch(engine, feed, callbacks, compiled, epoch)
                logs = engine.results()
                _tell_not_finite(logs, epoch, callbacks, warned=_stopping(module, compiled))
                if tester is not None and _validates(epoch, validation_freq):
                    logs.update({f"val_{name}": value for name, value in _test(*tester, callbacks).items()})
                callbacks.all("on_epoch_end", epoch, logs)
                if _stopping(module, compiled):
                    break
            callbacks.all("on_train_end", logs)
    finally:
        _stop_bars(callbacks)
    return history


def _train_epoch(engine: Engine, feed: Feed, callbacks: CallbackList, compiled: Compiled, epoch: int) -> None:
    begin, end = callbacks.batch["on_train_batch_begin"], callbacks.batch["on_train_batch_end"]
    if not begin and not end:
        for batch in feed.epoch(epoch):
            engine.train_batch(batch)
        return
    for step, batch in enumerate(feed.epoch(epoch)):
        for function in begin:
            function(step)
        engine.train_batch(batch)
        logs = LiveLogs(engine)
        for function in end:
            function(step, logs)
        if _stopping(engine.module, compiled):
            break


def _test(engine: Engine, feed: Feed, callbacks: CallbackList) -> dict[str, float]:
    if engine.compiled is not None and engine.compiled.binding is not None:
        engine.compiled.binding.reset()
    callbacks.all("on_test_begin")
    begin, end = callbacks.batch["on_test_batch_begin"], callbacks.batch["on_test_batch_end"]
    with in_mode(engine.module, False), torch.inference_mode():
        for step, batch in enumerate(feed.epoch()):
            for function in begin:
                function(step)
            engine.test_batch(batch)
            if end:
                logs = LiveLogs(engine)
                for function in end:
                    function(step, logs)
    logs = engine.results()
    callbacks.all("on_test_end", logs)
    return logs


def evaluate(
    module: nn.Module,
    compiled: Compiled | None,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: int | str | bool = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Loss and metrics over data, in eval mode, without gradients.

    Returns:
        The loss; or a list, the loss first, where there are metrics or several losses; or a dict with `return_dict`.
    """
    compiled = _compiled(module, compiled)
    _check_positive("steps", steps)
    callback_list = _callbacks(callbacks, verbose, "evaluate")
    source = make_source(module, x, y, sample_weight, batch_size=batch_size, steps=steps, who="evaluate")
    engine = Engine(module, source.inputs, compiled)
    feed = Feed(engine, source, limit=steps)
    _attach(callback_list, module, compiled, {"verbose": _level(verbose), "epochs": 1, "steps": feed.steps})
    try:
        logs = _test(engine, feed, callback_list)
    finally:
        _stop_bars(callback_list)
    return _shaped(engine, logs, return_dict)


def predict(
    module: nn.Module,
    x: Any,
    batch_size: int | None = None,
    verbose: int | str | bool = "auto",
    steps: int | None = None,
    callbacks: Any = None,
    compiled: Compiled | None = None,
) -> Any:
    """The outputs for all samples, as numpy arrays in the structure of the module's outputs; in eval mode."""
    _check_positive("steps", steps)
    refuse_overrides(module)
    callback_list = _callbacks(callbacks, verbose, "predict")
    source = make_source(module, x, batch_size=batch_size, steps=steps, who="predict")
    engine = Engine(module, source.inputs, None)
    feed = Feed(engine, source, limit=steps)
    _attach(callback_list, module, compiled, {"verbose": _level(verbose), "epochs": 1, "steps": feed.steps})
    begin, end = callback_list.batch["on_predict_batch_begin"], callback_list.batch["on_predict_batch_end"]
    parts: list[list[Any]] = []
    outputs: Any = None
    try:
        callback_list.all("on_predict_begin")
        with in_mode(module, False), torch.inference_mode():
            for step, batch in enumerate(feed.epoch()):
                for function in begin:
                    function(step)
                outputs = engine.forward(engine.moved(batch[: engine.counts[0]]))
                leaves = [outputs] if isinstance(outputs, Tensor) else flatten(outputs)
                parts.append([leaf.cpu() if isinstance(leaf, Tensor) else leaf for leaf in leaves])
                for function in end:
                    function(step, {"outputs": outputs})
            joined = [_joined(column) for column in zip(*parts, strict=True)]
        callback_list.all("on_predict_end")
    finally:
        _stop_bars(callback_list)
    return pack(outputs, joined)


def train_on_batch(
    module: nn.Module,
    compiled: Compiled | None,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    return_dict: bool = False,
) -> Any:
    """One update on one batch; returns what `evaluate` would, before the update."""
    compiled = _compiled(module, compiled)
    engine, batch = _one_batch(module, compiled, x, y, _weights(y, sample_weight, class_weight, x), "train_on_batch")
    with in_mode(module, True):
        engine.train_batch(batch)
    return _shaped(engine, engine.results(), return_dict)


def test_on_batch(  # no test, whatever its name begins with
    module: nn.Module,
    compiled: Compiled | None,
    x: Any,
    y: Any = None,  # noqa: PT028
    sample_weight: Any = None,  # noqa: PT028
    return_dict: bool = False,  # noqa: PT028
) -> Any:
    """Loss and metrics of one batch, in eval mode."""
    compiled = _compiled(module, compiled)
    engine, batch = _one_batch(module, compiled, x, y, sample_weight, "test_on_batch")
    with in_mode(module, False), torch.inference_mode():
        engine.test_batch(batch)
    return _shaped(engine, engine.results(), return_dict)


def predict_on_batch(module: nn.Module, x: Any) -> Any:
    """The outputs of one batch as numpy arrays."""
    refuse_overrides(module)
    engine, batch = _one_batch(module, None, x, None, None, "predict_on_batch")
    with in_mode(module, False), torch.inference_mode():
        outputs = engine.forward(engine.moved(batch))
        joined = [_joined([leaf.cpu() if isinstance(leaf, Tensor) else leaf]) for leaf in flatten(outputs)]
    return pack(outputs, joined)


# --- parts -------------------------------------------------------------------------------------------------------------


def _one_batch(module: nn.Module, compiled: Compiled | None, x: Any, y: Any, weight: Any, who: str) -> tuple[Engine, Batch]:
    source = make_source(module, x, y, weight, who=who)
    if not isinstance(source, Arrays):
        raise DataError(f"{who}: `x` must be arrays or tensors, not a {type(x).__name__}")
    engine = Engine(module, source.inputs, compiled)
    engine.watch(source)
    if compiled is not None and compiled.binding is not None:
        compiled.binding.reset()
    return engine, (*source.xs, *source.ys, *source.ws)


def _compiled(module: nn.Module, compiled: Compiled | None) -> Compiled:
    refuse_overrides(module)
    if compiled is None:
        raise ArgumentError(_UNCOMPILED, "model.compile(optimizer='adam', loss='mse')")
    return compiled


def _check_positive(name: str, value: Any) -> None:
    if value is not None and (not is_whole(value) or value < 1):
        raise ArgumentError(f"{name}={value!r}: wanted a whole number of at least 1")


def _check_fit_arguments(epochs: Any, initial_epoch: Any, steps: Any, fraction: Any, shuffle: Any, x: Any) -> None:
    if not is_whole(epochs) or epochs < 0:
        raise ArgumentError(f"fit(epochs={epochs!r}): wanted a whole number that is not negative")
    if not is_whole(initial_epoch) or initial_epoch < 0:
        raise ArgumentError(f"fit(initial_epoch={initial_epoch!r}): wanted a whole number that is not negative")
    if 0 < epochs <= initial_epoch:
        warnings.warn(f"fit(initial_epoch={initial_epoch}, epochs={epochs}): nothing is left to train", stacklevel=4)
    _check_positive("steps_per_epoch", steps)
    if not isinstance(fraction, (int, float)) or not 0 <= fraction < 1:
        raise ArgumentError(f"fit(validation_split={fraction!r}): wanted a number in [0, 1)")
    if shuffle not in (True, False, "batch"):
        raise ArgumentError(f"fit(shuffle={shuffle!r}): wanted True, False or 'batch'")
    if fraction and x is not None and not is_array_like(x):
        kind = "generator" if hasattr(x, "send") else type(x).__name__
        raise DataError(
            f"fit(validation_split={fraction}): Argument `validation_split` is only supported for tensors or NumPy arrays; `x` is a {kind}",
            "pass validation_data",
        )


def _weights(y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None, x: Any) -> Any:
    if class_weight is None:
        return sample_weight
    if sample_weight is not None:
        raise ArgumentError("You cannot `class_weight` and `sample_weight` at the same time.", "multiply the weights yourself")
    if not is_array_like(x) or y is None:
        raise DataError("`class_weight` works on arrays with a `y`", "yield (x, y, sample_weight) from the loader")
    return class_weights(to_structure(y, "y"), class_weight)


def _callbacks(callbacks: Any, verbose: int | str | bool, who: str) -> CallbackList:
    if verbose not in ("auto", 0, 1, 2):
        raise ArgumentError(f"{who}(verbose={shown(verbose)}): wanted 'auto', 0, 1 or 2")
    found = CallbackList(callbacks)
    extra: list[Any] = []
    quiet = verbose == 0 or (verbose == "auto" and who == "predict" and not interactive())
    if not quiet and not known(found.callbacks, ProgbarLogger):
        extra.append(ProgbarLogger(verbose))
    if who == "fit" and not known(found.callbacks, History):
        extra.append(History())
    return CallbackList([*found.callbacks, *extra])


def _attach(callbacks: CallbackList, module: nn.Module, compiled: Compiled | None, params: dict[str, Any]) -> None:
    for callback in callbacks.callbacks:
        callback.compiled = compiled
        callback.set_params(params)
        callback.set_model(module)


def _level(verbose: int | str | bool) -> int:
    return 1 if verbose == "auto" else int(verbose)


def _stop_bars(callbacks: CallbackList) -> None:
    for callback in callbacks.callbacks:
        if isinstance(callback, ProgbarLogger):
            callback.stop()


def _stopping(module: nn.Module, compiled: Compiled) -> bool:
    return compiled.stop_training or bool(module.__dict__.get("stop_training", False))


def _validates(epoch: int, frequency: int | list[int]) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else (epoch + 1) in frequency


def _tell_not_finite(logs: Mapping[str, float], epoch: int, callbacks: CallbackList, warned: bool) -> None:
    loss = logs.get("loss", 0.0)
    if not math.isfinite(loss) and not warned and not known(callbacks.callbacks, TerminateOnNaN):
        warnings.warn(f"the loss is {loss} in epoch {epoch + 1}; TerminateOnNaN() stops at the first such batch", stacklevel=4)


def _tell_idle_cuda(engine: Engine, verbose: int | str | bool) -> None:
    if verbose != 0 and engine.device is not None and engine.device.type == "cpu" and torch.cuda.is_available():
        say("layergraph: the model is on the CPU while CUDA is idle; model.cuda() before fit() moves it")


def _shaped(engine: Engine, logs: dict[str, float], return_dict: bool) -> Any:
    return logs if return_dict or engine.binding is None else engine.binding.as_list(logs)


def _joined(column: Any) -> Any:
    if not isinstance(column[0], Tensor):
        return column[0]
    if column[0].ndim == 0:
        raise DataError("predict: the model gives an output without axes; its first axis must be the samples")
    joined = torch.cat(list(column))
    return (joined.float() if joined.dtype is torch.bfloat16 else joined).numpy()
