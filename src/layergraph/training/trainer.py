"""`Trainer`: a `fit` that is running. Epochs, validation, callbacks, where it stands, and how it is left and taken up again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from ..errors import user_place, warn_at
from ..modes import in_mode
from . import resuming
from .callbacks.backup import BackupAndRestore
from .callbacks.base import CallbackList, History, known
from .callbacks.monitors import TerminateOnNaN
from .compile import Compiled
from .data.feed import Feed
from .engine import Engine, check_last_batch
from .faults import Interrupted, LossWatch, Signals, explain


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
        self.steps_done = 0  # batches that are done, in all epochs
        self.stage = "epoch"  # what comes next: the beginning of an 'epoch', a 'batch' of it, or the 'validation' after the last one
        self.logs: dict[str, float] = {}  # of the training batches of this epoch, when they are done
        self.validation_freq = validation_freq
        self.savers = [c for c in callbacks.callbacks if isinstance(c, BackupAndRestore)]
        # several processes would be stopped at different steps: there the last checkpoint stands
        self.signals = Signals(wanted=bool(self.savers) and engine.work is None)
        self.watch = LossWatch(engine, quiet=known(callbacks.callbacks, TerminateOnNaN))
        self._passing: dict[str, Any] | None = None  # what has changed since the training could last be left
        self.feeds = (feed,) if tester is None else (feed, tester[1])
        for one in self.feeds:
            one.remembers = bool(self.savers)

    @property
    def history(self) -> History:
        """The `History` among the callbacks."""
        return next(c for c in self.callbacks.callbacks if isinstance(c, History))

    @property
    def stopping(self) -> bool:
        """Whether somebody has set `model.stop_training`."""
        return self.compiled.stop_training or bool(self.module.__dict__.get("stop_training", False))

    @property
    def first(self) -> bool:
        """Whether this process writes: of those that train together, the first."""
        return self.engine.work is None or self.engine.work.group.first

    def agreed(self) -> bool:
        """Whether somebody has asked to stop, in any of the processes that train together: all of them stop at the same batch."""
        work = self.engine.work
        return self.stopping if work is None else work.group.any(self.stopping)

    def run(self) -> History:
        """Trains from `epoch` on, until `epochs` or until somebody stops it."""
        self.compiled.history = self.history
        self._forget_stop()
        with self.signals:
            with self.callbacks.closing():
                try:
                    with torch.enable_grad(), in_mode(self.module, True):
                        self._train()
                except BaseException as error:
                    self._forget_stop()
                    if isinstance(error, Exception):
                        explain(error, self)
                    self._leave(error)
                    raise
                finally:
                    for feed in self.feeds:
                        feed.close()
            if self.signals.asked is None and self.first:
                for saver in self.savers:
                    saver.forget()
        return self.history

    def _train(self) -> None:
        check_last_batch(self.engine, self.feed.source)
        self._begin()
        logs = dict(self.logs)
        while self.epoch < self.epochs and (self.stage != "epoch" or self.feed.more(self.epoch)):
            if self.stage == "epoch":
                self.engine.reset()
                self.callbacks.all("on_epoch_begin", self.epoch, {})
                self.stage = "batch"
            if self.stage == "batch":
                self._run_epoch()
                self.logs = self.engine.results(whole=True) or self.logs
                self.stage = "validation"
                self._tell_not_finite(self.logs)
            self._passing = resuming.passing_state(self) if self.savers else None
            logs = dict(self.logs)
            if self.tester is not None and self._validates():
                engine, feed = self.tester
                found = test(engine, feed, self.callbacks, self.signals.check) if feed.more(self.epoch) else {}
                logs.update({f"val_{name}": value for name, value in found.items()})
            logs = dict(sorted(logs.items()))
            self._passing = None
            self.callbacks.all("on_epoch_end", self.epoch, logs)
            if self.agreed():
                break
            self.epoch, self.step, self.stage = self.epoch + 1, 0, "epoch"
            self._pass("epoch")
        self.signals.check()
        self.engine.finish()
        self.callbacks.all("on_train_end", logs)

    def _run_epoch(self) -> None:
        begin, end = self.callbacks.batch["on_train_batch_begin"], self.callbacks.batch["on_train_batch_end"]
        work = self.engine.work
        agree = work is not None and work.agree_on_batches((*begin, *end))
        watch = self.watch
        if not agree and not begin and not end and not self.savers:
            for batch in self.feed.epoch(self.epoch, self.step):
                self.engine.train_batch(batch)
                if watch.on:
                    watch.look(self.epoch, self.step, batch)
                self.step += 1
            return
        every = self.compiled.steps_per_execution
        for batch in self.feed.epoch(self.epoch, self.step):
            if self.step % every == 0:
                for function in begin:
                    function(self.step, {})
            self.engine.train_batch(batch)
            if watch.on:
                watch.look(self.epoch, self.step, batch)
            self.step += 1
            self.steps_done += 1
            if self.step % every == 0 or self.step == self.feed.steps:
                logs = LiveLogs(self.engine)
                for function in end:
                    function(self.step - 1, logs)
                if self.savers:
                    self._pass("batch")
                if self.agreed() if agree else work is None and self.stopping:
                    break

    # --- leaving, and going on

    def _begin(self) -> None:
        """From the beginning, or from what was saved."""
        resuming.refuse(self)
        found = next((found for saver in self.savers if (found := saver.find()) is not None), None)
        if found is None:
            self.callbacks.all("on_train_begin", {})
            return
        who, state = found
        resuming.check(self, state, who)
        resuming.load(self, state)
        self.callbacks.all("on_train_begin", {})
        if self.stage != "epoch":
            self.callbacks.all("on_epoch_begin", self.epoch, {})
        resuming.load(self, state)  # once more: callbacks start anew at these events, and set learning rates

    def _pass(self, event: str) -> None:
        """Here the training can be left: after a 'batch' or an 'epoch', when all callbacks have been called."""
        due = [saver for saver in self.savers if saver.wanted(self, event)]
        if due:
            state = resuming.fit_state(self)
            for saver in due if self.first else ():
                saver.save(state)
        self.signals.check()

    def _leave(self, error: BaseException) -> None:
        """Saves on the way out, if the training stands where it can be taken up again."""
        boundary = isinstance(error, Interrupted) and self.stage != "validation"
        if not self.savers or self.engine.work is not None or not (boundary or self._passing is not None):
            return
        try:
            self.callbacks.close()  # what was put in for a validation, such as averaged weights, is taken out again
            state = resuming.fit_state(self, self._passing)
            for saver in self.savers:
                saver.save(state)
        except Exception as failed:
            error.add_note(f"layergraph: what was done since the last checkpoint could not be saved: {failed}")
            if not isinstance(error, Exception):  # it will be another error outside of `fit`
                warn_at(user_place(), f"what was done since the last checkpoint could not be saved: {failed}")

    def _forget_stop(self) -> None:
        self.compiled.stop_training = False
        self.module.__dict__.pop("stop_training", None)

    def _validates(self) -> bool:
        done, frequency = self.epoch + 1, self.validation_freq
        return done % frequency == 0 if isinstance(frequency, int) else done in frequency

    def _tell_not_finite(self, logs: Mapping[str, float]) -> None:
        loss = logs.get("loss", 0.0)
        if not math.isfinite(loss) and not self.stopping and not self.watch.quiet:
            self.watch.tell(loss, self.epoch)


def test(engine: Engine, feed: Feed, callbacks: CallbackList, look: Callable[[], None] | None) -> dict[str, float]:
    """Losses and metrics over all batches, in eval mode, without gradients; `look` is called after each batch."""
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
            if look is not None:
                look()
    logs = engine.results(whole=True)
    callbacks.all("on_test_end", logs)
    return logs
