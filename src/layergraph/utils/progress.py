"""A progress bar for loops of one's own."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from layergraph.errors import ArgumentError
from layergraph.session import is_interactive_logging_enabled, say
from layergraph.training.callbacks.bar import duration, interactive, make_bar
from layergraph.training.callbacks.progress import numbers


class Progbar:
    """Shows how far a loop is, and values on the way: a bar of tqdm where one can be drawn, else one line at the end.

    Args:
        target: how many steps there will be; None if nobody knows.
        width: kept; the bar has a width of its own.
        verbose: 0 for nothing, 1 for the bar, 2 for the line at the end.
        interval: seconds between two drawings, at least.
        stateful_metrics: values shown as they come; all others are averaged over the steps.
        stateless_metrics: the other way round: values that are averaged, and no others.
        unit_name: what a step is called.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 1.0)])
    >>> bar.update(2, [("loss", 0.5)])  # doctest: +ELLIPSIS
    2/2 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError("Progbar: only one of `stateful_metrics` and `stateless_metrics` can be given")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateless_metrics is not None else set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._started = time.monotonic()
        self._drawn = 0.0
        self._bar: Any = None

    def update(self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """Go to a step.

        Args:
            current: how many steps are done.
            values: (name, value at this step) pairs. At the end they are shown as they are given.
            finalize: whether this is the end; None if `target` says so.
        """
        last = finalize if finalize is not None else self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(value)
            if last or not self._averaged(name):
                self._sums[name] = (number, 1)
            else:
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + number * steps, count + steps)
        self._seen = current
        if self.verbose == 1 and interactive() and is_interactive_logging_enabled():
            self._draw(last)
        elif self.verbose and last:
            self._line()

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Go on by `n` steps."""
        self.update(self._seen + n, values)

    def _averaged(self, name: str) -> bool:
        return name in self.stateless_metrics if self.stateless_metrics is not None else name not in (self.stateful_metrics or ())

    def _means(self) -> dict[str, float]:
        return {name: total / count for name, (total, count) in self._sums.items()}

    def _draw(self, last: bool) -> None:
        now = time.monotonic()
        if now - self._drawn < self.interval and not last:
            return
        self._drawn = now
        self._bar = self._bar or make_bar(self.target, "", self.unit_name)
        self._bar.n = self._seen
        self._bar.set_postfix_str(numbers(self._means()), refresh=False)
        self._bar.refresh()
        if last:
            self._bar.close()
            self._bar = None

    def _line(self) -> None:
        spent = time.monotonic() - self._started
        text = f"{self._seen}/{self.target or self._seen} - {spent:.0f}s - {duration(spent / max(self._seen, 1), self.unit_name)}"
        say(f"{text} - {numbers(self._means())}" if self._sums else text)
