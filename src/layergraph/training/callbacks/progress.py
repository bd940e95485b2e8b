"""The progress bar: tqdm on a terminal or in a notebook, one plain line an epoch elsewhere."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from typing import Any

from ...session import is_interactive_logging_enabled, say
from .bar import duration, interactive, make_bar
from .base import Callback, Logs

_INTERVAL = 0.1  # seconds between two looks at the running values: each look waits for the device
_open: weakref.WeakSet[ProgbarLogger] = weakref.WeakSet()


def numbers(logs: Mapping[str, Any]) -> str:
    """`loss: 0.2513 - mae: 1.0000e-04`; of a metric that gives several numbers, their mean."""
    logs = {key: value.mean() if getattr(value, "ndim", 0) else value for key, value in logs.items()}
    return " - ".join(f"{key}: {value:.4f}" if abs(value) > 1e-3 else f"{key}: {value:.4e}" for key, value in logs.items())


def tell(text: str) -> None:
    """Says something above the bars that are open; they come again with the next step."""
    bars = [bar for bar in _open if bar.bar is not None]
    for bar in bars:
        bar.make_room()
    say(text.strip("\n") if bars else text)


class ProgbarLogger(Callback):
    """Shows how far an epoch is, and its losses and metrics; `fit`, `evaluate` and `predict` have one unless verbose=0.

    On a terminal and in a notebook it is a bar, redrawn ten times a second at most; the bar reads the running values, and so waits
    for the device, no more often. Elsewhere, and with verbose=2, it is a line an epoch. The bar makes room before `on_epoch_begin`,
    `on_epoch_end` and `on_test_end` of other callbacks, so that they may print; whoever prints at batches writes
    `tqdm.tqdm.write(text)`, or the text stands behind the bar.

    Args:
        verbose: 'auto' for what `fit(verbose=...)` says; 1 for a bar where one can be drawn; 2 for the lines.
    """

    every_process = False

    def __init__(self, verbose: int | str = "auto"):
        super().__init__()
        self.verbose = verbose
        self.bar: Any = None
        self.lines = False
        self.fitting = False
        self.looked = 0.0
        self.started = 0.0
        self.seen = 0
        self.target: int | None = None
        self.tested = ""

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes {'verbose', 'epochs', 'steps'}."""
        super().set_params(params)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Any = None) -> None:
        self.fitting = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start(f"Epoch {epoch + 1}/{self.params.get('epochs', epoch + 1)}")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        fresh = not self.seen
        self.seen = batch + 1
        if self.bar is not None:
            now = time.monotonic()
            if fresh:
                self.bar.first = self.seen, now - self.started
            if now - self.looked >= _INTERVAL:
                self.looked = now
                self._draw(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_train_end(self, logs: Any = None) -> None:
        self.fitting = False

    def on_test_begin(self, logs: Any = None) -> None:
        if not self.fitting:
            self._start("evaluate")
        elif self.bar is not None:
            tester: Any = self.trainer.tester if self.trainer is not None else None
            steps = tester[1].steps if tester is not None else None
            self.tested = f"/{steps}" if steps else ""
            self.bar.n = self.seen

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self.fitting:
            self.on_train_batch_end(batch, logs)
        elif self.bar is not None:
            now = time.monotonic()
            if now - self.looked >= _INTERVAL:
                self.looked = now
                self.bar.set_postfix_str(f"validation: {batch + 1}{self.tested}", refresh=False)
                self.bar.refresh()

    def on_test_end(self, logs: Any = None) -> None:
        if not self.fitting:
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._start("predict")

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.on_train_batch_end(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)

    def make_room(self) -> None:
        """Clears the bar's line; it comes again with the next step."""
        if self.bar is not None and hasattr(self.bar, "done"):  # in a notebook the bar is beside the text
            self.bar.clear()

    def close(self) -> None:
        """Closes a bar that is open, also after an error: what it showed stays, and the next output starts a line of its own."""
        self.fitting = False
        if self.bar is not None:
            bar, self.bar = self.bar, None
            _open.discard(self)
            bar.n = self.seen
            bar.close()

    def _start(self, title: str) -> None:
        verbose = self.params.get("verbose", 1) if self.verbose == "auto" else self.verbose
        self.started = self.looked = time.monotonic()
        self.seen = 0
        if self.bar is not None:  # an epoch that did not end
            fitting = self.fitting
            self.close()
            self.fitting = fitting
        self.lines = verbose != 0 and (verbose == 2 or not interactive() or not is_interactive_logging_enabled())
        if self.lines and title.startswith("Epoch") and self.params.get("epochs", 1) > 1:
            say(title)
        if verbose != 0 and not self.lines:
            self.bar = make_bar(self.target, title)
            _open.add(self)

    def _draw(self, logs: Logs) -> None:
        self.bar.n = self.seen
        self.bar.set_postfix_str(numbers(logs) if logs else "", refresh=False)
        self.bar.refresh()

    def _finish(self, logs: Logs) -> None:
        if self.target is None or self.seen > self.target:
            self.target = self.seen or None  # known from now on
        if self.bar is not None:
            bar, self.bar = self.bar, None
            _open.discard(self)
            bar.n, bar.total = self.seen, self.target
            bar.set_postfix_str(numbers(logs) if logs else "", refresh=False)
            if hasattr(bar, "done"):
                bar.done = True
            bar.close()
        elif self.lines:
            spent = time.monotonic() - self.started
            steps = max(self.seen, 1)
            text = f"{self.seen}/{self.target or self.seen} - {spent:.0f}s - {duration(spent / steps)}"
            say(f"{text} - {numbers(logs)}" if logs else text)
