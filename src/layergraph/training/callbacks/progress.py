"""The progress bar: tqdm on a terminal or in a notebook, one plain line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from ...session import is_interactive_logging_enabled, say
from .base import Callback, Logs

_INTERVAL = 0.1  # seconds between two looks at the running values: each look waits for the device


def numbers(logs: Mapping[str, Any]) -> str:
    """`loss: 0.2513 - mae: 1.0000e-04`."""
    return " - ".join(f"{key}: {value:.4f}" if abs(value) > 1e-3 else f"{key}: {value:.4e}" for key, value in logs.items())


def duration(seconds: float, unit: str = "step") -> str:
    """`17ms/step`."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    return f"{seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{unit}"


def interactive() -> bool:
    """Whether a bar can be redrawn where the output goes."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def make_bar(total: int | None, title: str, unit: str = "step") -> Any:
    """A bar of tqdm that nobody else moves."""
    from tqdm.std import tqdm

    class Bar(tqdm):  # pyright: ignore[reportMissingTypeArgument]
        monitor_interval = 0  # no thread beside: this bar is looked after here

    counts = "{percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
    return Bar(
        total=total,
        desc=title or None,
        unit=unit,
        file=sys.stdout,
        dynamic_ncols=True,
        bar_format=("{desc}: " if title else "") + counts if total else None,
    )


class ProgbarLogger(Callback):
    """Shows how far an epoch is, and its losses and metrics.

    Args:
        verbose: 'auto' or 1 for a bar where one can be drawn and else a line per epoch; 2 for the lines.
    """

    def __init__(self, verbose: int | str = "auto"):
        super().__init__()
        self.bar: Any = None
        self.lines = verbose == 2 or not interactive() or not is_interactive_logging_enabled()
        self.fitting = False
        self.looked = 0.0
        self.started = 0.0
        self.seen = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.fitting = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._open(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._advance(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._close(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        if not self.fitting:
            self._open("evaluate")

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self.fitting:
            self._advance(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self.fitting:
            self._close(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._open("predict")

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._advance(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        self._close(None)

    def _open(self, title: str) -> None:
        self.started = self.looked = time.monotonic()
        self.seen = 0
        if self.lines:
            if title.startswith("Epoch") and self.params["epochs"] > 1:
                say(title)
            return
        self.bar = make_bar(self.params["steps"], title)

    def _advance(self, batch: int, logs: Logs) -> None:
        self.seen = batch + 1
        if self.bar is None:
            return
        now = time.monotonic()
        if now - self.looked >= _INTERVAL:
            self.looked = now
            self._draw(logs)

    def _draw(self, logs: Logs) -> None:
        self.bar.n = self.seen
        self.bar.set_postfix_str(numbers(logs) if logs else "", refresh=False)
        self.bar.refresh()

    def _close(self, logs: Logs) -> None:
        if self.bar is not None:
            self._draw(logs)
            self.close()
        elif self.lines:
            spent = time.monotonic() - self.started
            steps = max(self.seen, 1)
            text = f"{self.seen}/{self.params['steps'] or self.seen} - {spent:.0f}s - {duration(spent / steps)}"
            say(f"{text} - {numbers(logs)}" if logs else text)

    def close(self) -> None:
        """Closes a bar that is open, also after an error."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
