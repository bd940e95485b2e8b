"""`Trainer`: a `fit` that is running. Epochs, validation, callbacks, and where it stands."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping

from torch import nn

from ..modes import in_mode
from .callbacks.base import CallbackList, History, known
from .callbacks.monitors import TerminateOnNaN
from .compile import Compiled
from .data.feed import Feed
from .engine import Engine, check_last_batch


class LiveLogs(Mapping[str, float]):
    """The running losses and metrics of an epoch, computed when they are first read: reading waits for the device."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._values: dict[str, float] | None = None

    def _read(self) -> dict[str, float]:
        if self._values is None:
            self._values = self._engine.batch_results()
        return self._values

    def __getitem__(self, key: str) -> float:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


class Trainer:
    """What is trained, on what, and where the training stands; callbacks see it as `self.trainer`.

    Args:
        engine: runs the training batches.
        feed: the training batches.
        tester: engine and batches of the validation, if there is one.
        callbacks: those of the user, the progress bar, the History.
        epochs, initial_epoch: the first epoch not to run, and the first to run, counted from 0.
        validation_freq: validate after each so many epochs, or after those in a list, counted from 1.
    """

    def __init__(
        self,
        module: nn.Module,
        compiled: Compiled,
        engine: Engine,
        feed: Feed,
        tester: tuple[Engine, Feed] | None,
        callbacks: CallbackList,
        epochs: int,
        initial_epoch: int,
        validation_freq: int | list[int],
    ):
        self.module = module
        self.compiled = compiled
        self.engine = engine
        self.feed = feed
        self.tester = tester
        self.callbacks = callbacks
        self.epochs = epochs
        self.epoch = initial_epoch  # the epoch that runs, or is the next to run
        self.step = 0  # batches of this epoch that are done
        self.validation_freq = validation_freq

    @property
    def history(self) -> History:
        """The `History` among the callbacks."""
        return next(c for c in self.callbacks.callbacks if isinstance(c, History))

    @property
    def stopping(self) -> bool:
        """Whether somebody has set `model.stop_training`."""
        return self.compiled.stop_training or bool(self.module.__dict__.get("stop_training", False))

    def agreed(self) -> bool:
        """Whether somebody has asked to stop, in any of the processes that train together: all of them stop at the same batch."""
        work = self.engine.work
        return self.stopping if work is None else work.group.any(self.stopping)

    def run(self) -> History:
        """Trains from `epoch` on, until `epochs` or until somebody stops it."""
        history = self.history
        self.compiled.history = history
        self.compiled.stop_training = False
        self.module.__dict__.pop("stop_training", None)
        logs: dict[str, float] = {}
        try:
            with in_mode(self.module, True):
                check_last_batch(self.engine, self.feed.source)
                self.callbacks.all("on_train_begin", {})
                while self.epoch < self.epochs and self.feed.more(self.epoch):
                    self.engine.reset()
                    self.callbacks.all("on_epoch_begin", self.epoch, {})
                    self._run_epoch()
                    logs = self.engine.results(whole=True)
                    self._tell_not_finite(logs)
                    if self.tester is not None and self._validates():
                        engine, feed = self.tester
                        found = test(engine, feed, self.callbacks) if feed.more(self.epoch) else {}
                        logs.update({f"val_{name}": value for name, value in found.items()})
                    logs = dict(sorted(logs.items()))
                    self.callbacks.all("on_epoch_end", self.epoch, logs)
                    if self.agreed():
                        break
                    self.epoch, self.step = self.epoch + 1, 0
                self.engine.finish()
                self.callbacks.all("on_train_end", logs)
        finally:
            for feed in (self.feed, self.tester[1]) if self.tester is not None else (self.feed,):
                feed.close()
            self.callbacks.close()
        return history

    def _run_epoch(self) -> None:
        begin, end = self.callbacks.batch["on_train_batch_begin"], self.callbacks.batch["on_train_batch_end"]
        work = self.engine.work
        agree = work is not None and work.agree_on_batches((*begin, *end))
        if not agree and not begin and not end:
            for batch in self.feed.epoch(self.epoch):
                self.engine.train_batch(batch)
                self.step += 1
            return
        every = self.compiled.steps_per_execution
        for batch in self.feed.epoch(self.epoch):
            if self.step % every == 0:
                for function in begin:
                    function(self.step, {})
            self.engine.train_batch(batch)
            self.step += 1
            if self.step % every == 0 or self.step == self.feed.steps:
                logs = LiveLogs(self.engine)
                for function in end:
                    function(self.step - 1, logs)
                if self.agreed() if agree else work is None and self.stopping:
                    break

    def _validates(self) -> bool:
        done, frequency = self.epoch + 1, self.validation_freq
        return done % frequency == 0 if isinstance(frequency, int) else done in frequency

    def _tell_not_finite(self, logs: Mapping[str, float]) -> None:
        loss = logs.get("loss", 0.0)
        if not math.isfinite(loss) and not self.stopping and not known(self.callbacks.callbacks, TerminateOnNaN):
            warnings.warn(f"the loss is {loss} in epoch {self.epoch + 1}; TerminateOnNaN() stops at the first such batch", stacklevel=4)


def test(engine: Engine, feed: Feed, callbacks: CallbackList) -> dict[str, float]:
    """Losses and metrics over all batches, in eval mode, without gradients."""
    engine.reset()
    callbacks.all("on_test_begin", {})
    begin, end = callbacks.batch["on_test_batch_begin"], callbacks.batch["on_test_batch_end"]
    every = engine.compiled.steps_per_execution if engine.compiled is not None else 1
    with in_mode(engine.module, False), engine.without_gradients():
        for step, batch in enumerate(feed.epoch()):
            if step % every == 0:
                for function in begin:
                    function(step, {})
            engine.test_batch(batch)
            if end and ((step + 1) % every == 0 or step + 1 == feed.steps):
                logs = LiveLogs(engine)
                for function in end:
                    function(step, logs)
    logs = engine.results(whole=True)
    callbacks.all("on_test_end", logs)
    return logs
