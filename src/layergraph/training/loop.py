"""`fit`, `evaluate` and `predict`, as functions for any `nn.Module`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, DataError, shown
from ..kinds import is_sequence, is_whole
from ..modes import in_mode
from ..session import say
from .callbacks.bar import interactive
from .callbacks.base import CallbackList, History, known
from .callbacks.progress import ProgbarLogger
from .compile import Compiled
from .data.feed import Feed
from .data.sources import Arrays, Source, is_array_like, make_source
from .data.structure import flatten, pack
from .devices import divide, heard, together
from .engine import Engine
from .steps import engine_for
from .trainer import Trainer, test

_UNCOMPILED = "You must call `compile()` before using the model."


@together
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
        module: any `nn.Module`; it is put into training mode for the time, and every mode is restored. Of a `Model`, or of
            another class with `Trainable` among its bases, `train_step`, `compute_loss` and the like are called where the
            class has written them; methods of a plain module under these names are its own affair, and are not called.
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
    compiled = checked(compiled)
    kind = engine_for(module, compiled)
    _check_fit_arguments(epochs, initial_epoch, steps_per_epoch, validation_split, validation_freq, shuffle, x)
    callback_list = _callbacks(callbacks, verbose, "fit")
    source = make_source(
        module,
        x,
        y,
        sample_weight,
        batch_size=batch_size,
        steps=steps_per_epoch,
        class_weight=class_weight,
        inputs=kind.inputs_of(module),
    )
    validation: Source | None = None
    if validation_data is not None:
        parts = validation_data if is_sequence(validation_data) else (validation_data,)
        if not 1 <= len(parts) <= 3:
            raise DataError(f"validation_data must be (x, y) or (x, y, sample_weight), but it has {len(parts)} entries")
        size = validation_batch_size or batch_size
        validation = make_source(module, *parts, batch_size=size, who="fit, validation_data", inputs=kind.inputs_of(module))
    elif validation_split and isinstance(source, Arrays):
        source, validation = source.split(validation_split)
        source.set_batch_size(batch_size, steps_per_epoch)
        validation.set_batch_size(validation_batch_size or batch_size)

    engine = kind(module, source.inputs, compiled)
    feed = Feed(engine.watch, source, shuffle, steps_per_epoch)
    divide(engine, feed)
    tester: tuple[Engine, Feed] | None = None
    if validation is not None:
        test_engine = kind(module, validation.inputs, compiled)
        tester = test_engine, Feed(test_engine.watch, validation, limit=validation_steps, afresh=True)
        divide(*tester)
    trainer = Trainer(module, compiled, engine, feed, tester, callback_list, epochs, initial_epoch, validation_freq)
    _attach(callback_list, module, compiled, {"verbose": _level(verbose), "epochs": epochs, "steps": feed.steps}, trainer)
    _tell_idle_cuda(engine, verbose)
    try:
        return trainer.run()
    finally:  # a callback that is kept, and the History is, would hold all that this training held
        for callback in callback_list.callbacks:
            callback.trainer = None


@together
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
    compiled = checked(compiled)
    _check_positive("steps", steps)
    callback_list = _callbacks(callbacks, verbose, "evaluate")
    kind = engine_for(module, compiled)
    inputs = kind.inputs_of(module)
    source = make_source(module, x, y, sample_weight, batch_size=batch_size, steps=steps, who="evaluate", inputs=inputs)
    engine = kind(module, source.inputs, compiled)
    feed = Feed(engine.watch, source, limit=steps)
    divide(engine, feed)
    _attach(callback_list, module, compiled, {"verbose": _level(verbose), "epochs": 1, "steps": feed.steps})
    with callback_list.closing(), contextlib.closing(feed):
        logs = test(engine, feed, callback_list, None)
    return shaped(engine, logs, return_dict)


@together
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
    callback_list = _callbacks(callbacks, verbose, "predict")
    kind = engine_for(module, compiled, predicting=True)
    source = make_source(module, x, batch_size=batch_size, steps=steps, who="predict", inputs=kind.inputs_of(module))
    engine = kind(module, source.inputs, compiled)
    feed = Feed(engine.watch, source, limit=steps)
    divide(engine, feed)
    _attach(callback_list, module, compiled, {"verbose": _level(verbose), "epochs": 1, "steps": feed.steps})
    begin, end = callback_list.batch["on_predict_batch_begin"], callback_list.batch["on_predict_batch_end"]
    parts: list[list[Any]] = []
    outputs: Any = None
    with callback_list.closing(), contextlib.closing(feed):
        callback_list.all("on_predict_begin", {})
        with in_mode(module, False), engine.without_gradients():
            for step, batch in enumerate(feed.epoch()):
                for function in begin:
                    function(step, {})
                outputs = engine.predict_batch(batch)
                leaves = [outputs] if isinstance(outputs, Tensor) else flatten(outputs)
                parts.append([leaf.cpu() if isinstance(leaf, Tensor) else leaf for leaf in leaves])
                for function in end:
                    function(step, {"outputs": outputs})
            if engine.work is not None:
                parts = engine.work.assemble(parts)
            arrays = [joined(column) for column in zip(*parts, strict=True)]
        callback_list.all("on_predict_end", {})
    return pack(outputs, arrays)


# --- parts -------------------------------------------------------------------------------------------------------------


def checked(compiled: Compiled | None) -> Compiled:
    """What `compile` was told, or an error where it was not called."""
    if compiled is None:
        raise ArgumentError(_UNCOMPILED, "model.compile(optimizer='adam', loss='mse')")
    return compiled


def _check_positive(name: str, value: Any) -> None:
    if value is not None and (not is_whole(value) or value < 1):
        raise ArgumentError(f"{name}={value!r}: wanted a whole number of at least 1")


def _check_fit_arguments(epochs: Any, initial_epoch: Any, steps: Any, fraction: Any, frequency: Any, shuffle: Any, x: Any) -> None:
    if not is_whole(epochs) or epochs < 0:
        raise ArgumentError(f"fit(epochs={epochs!r}): wanted a whole number that is not negative")
    if not is_whole(initial_epoch) or initial_epoch < 0:
        raise ArgumentError(f"fit(initial_epoch={initial_epoch!r}): wanted a whole number that is not negative")
    if 0 < epochs <= initial_epoch:
        warnings.warn(f"fit(initial_epoch={initial_epoch}, epochs={epochs}): nothing is left to train", stacklevel=4)
    _check_positive("steps_per_epoch", steps)
    if not isinstance(fraction, (int, float)) or not 0 <= fraction < 1:
        raise ArgumentError(f"fit(validation_split={fraction!r}): wanted a number in [0, 1)")
    if not is_whole(frequency) and not is_sequence(frequency):
        raise ArgumentError(
            f"fit(validation_freq={shown(frequency)}): Expected `validation_freq` to be a list or int.", "validation_freq=1"
        )
    if shuffle not in (True, False, "batch"):
        raise ArgumentError(f"fit(shuffle={shuffle!r}): wanted True, False or 'batch'")
    if fraction and x is not None and not is_array_like(x):
        kind = "generator" if hasattr(x, "send") else type(x).__name__
        raise DataError(
            f"fit(validation_split={fraction}): Argument `validation_split` is only supported for tensors or NumPy arrays; `x` is a {kind}",
            "pass validation_data",
        )


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
    return CallbackList(heard([*found.callbacks, *extra]))


def _attach(
    callbacks: CallbackList, module: nn.Module, compiled: Compiled | None, params: dict[str, Any], trainer: Trainer | None = None
) -> None:
    for callback in callbacks.callbacks:
        callback.compiled = compiled
        callback.trainer = trainer
        callback.set_params(params)
        callback.set_model(module)


def _level(verbose: int | str | bool) -> int:
    return 1 if verbose == "auto" else int(verbose)


def _tell_idle_cuda(engine: Engine, verbose: int | str | bool) -> None:
    if verbose != 0 and engine.device is not None and engine.device.type == "cpu" and torch.cuda.is_available():
        say("layergraph: the model is on the CPU while CUDA is idle; model.cuda() before fit() moves it")


def shaped(engine: Engine, logs: dict[str, float], return_dict: bool) -> Any:
    """Results as a dict, or as Keras's number or list."""
    return logs if return_dict else engine.as_list(logs)


def joined(column: Any) -> Any:
    """The outputs of all batches as one array."""
    if not isinstance(column[0], Tensor):
        return column[0]
    if column[0].ndim == 0:
        raise DataError("predict: the model gives an output without axes; its first axis must be the samples")
    joined = torch.cat(list(column))
    return (joined.float() if joined.dtype is torch.bfloat16 else joined).numpy()
