"""A bar in one line of a terminal, over tqdm, and tqdm's own in a notebook."""

from __future__ import annotations

import sys
from typing import Any

_BLOCKS, _ASCII = " ▏▎▍▌▋▊▉█", " 123456789#"
_WIDEST, _NARROWEST = 20, 6  # of the bar itself, in characters


def duration(seconds: float, unit: str = "step") -> str:
    """`17ms/step`."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    return f"{seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{unit}"


def interactive() -> bool:
    """Whether a bar can be redrawn where the output goes."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def make_bar(total: int | None, title: str, unit: str = "step") -> Any:
    """A bar of tqdm that nobody else moves: set `n`, `set_postfix_str`, and `refresh` or `close` it."""
    if "ipykernel" in sys.modules:
        from tqdm.notebook import tqdm as notebook

        class Widget(notebook):
            monitor_interval = 0

        try:
            return Widget(total=total, desc=title or None, unit=unit, file=sys.stdout, dynamic_ncols=True)
        except ImportError:  # without ipywidgets: the line below
            pass
    return _line_class()(total=total, desc=title or None, unit=unit, file=sys.stdout, dynamic_ncols=True)


def line(
    title: str,
    n: int,
    total: int | None,
    elapsed: float,
    unit: str,
    numbers: str,
    width: int | None,
    ascii_only: bool,
    done: bool = False,
    first: tuple[int, float] = (0, 0.0),
) -> str:
    """What is known, in at most `width` characters: the bar shrinks first, then the speed goes, then numbers from the end.

    `first` tells when the first step was done: it builds and compiles, and says nothing of those that follow.

    >>> line("Epoch 1/2", 30, 60, 3.0, "step", "loss: 0.2513 - mae: 0.4", 80, True)
    'Epoch 1/2:  50%|###   | 30/60 [00:03<00:03, 100ms/step] loss: 0.2513 - mae: 0.4'
    """
    head = f"{title}: " if title else ""
    spent = _clock(elapsed)
    each = (elapsed - first[1]) / (n - first[0]) if n > first[0] else elapsed / max(n, 1)
    speed = f", {duration(each, unit)}" if n else ""
    if not total:
        return _fitted([f"{head}{n} [{spent}{speed}]", f"{head}{n} [{spent}]"], numbers, width, done)
    share = min(n / total, 1.0)
    left = "" if done or n <= first[0] else f"<{_clock(each * max(total - n, 0))}"
    counts = f"{n:{len(str(total))}}/{total}"

    def with_bar(size: int, time: str) -> str:
        return f"{head}{int(share * 100):3}%|{_bar(share, size, _ASCII if ascii_only else _BLOCKS)}| {counts} [{time}]"

    sizes = range(_WIDEST, _NARROWEST - 1, -1)
    times = f"{spent}{left}{speed}", f"{spent}{left}", spent
    heads = [*(with_bar(size, times[0]) for size in sizes), *(with_bar(_NARROWEST, time) for time in times[1:])]
    return _fitted([*heads, f"{head}{counts}", counts], numbers, width, done)


def _clock(seconds: float) -> str:
    """`01:02`, `1:00:02`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _bar(share: float, size: int, marks: str) -> str:
    """`####5     `: the first mark is empty, the last one full."""
    full, part = divmod(round(share * size * (len(marks) - 1)), len(marks) - 1)
    return (marks[-1] * full + (marks[part] if full < size else "")).ljust(size)


def _fitted(heads: list[str], numbers: str, width: int | None, done: bool) -> str:
    """The longest head that leaves room for the numbers; a line that is done may be longer than the terminal is wide."""
    if width is None or done:
        return f"{heads[0]} {numbers}".rstrip()
    room = width - 1  # the cursor stays in the line
    for head in heads:
        if len(head) + 1 + len(numbers) <= room:
            return f"{head} {numbers}".rstrip()
    shown = heads[-1]
    for part in numbers.split(" - "):
        longer = f"{shown} {part}" if shown is heads[-1] else f"{shown} - {part}"
        if len(longer) + 4 > room:
            break
        shown = longer
    return f"{shown} ..."[:room]


def _line_class() -> Any:
    from tqdm.std import tqdm

    class Line(tqdm):  # pyright: ignore[reportMissingTypeArgument]
        monitor_interval = 0  # no thread beside: this bar is looked after here
        done = False  # whether all is in it that will be
        first = (0, 0.0)  # the first step that was seen, and when it was done

        def __str__(self) -> str:
            known: Any = self.format_dict
            more = self.postfix or "", known["ncols"], bool(known["ascii"]), self.done, self.first
            return line(known["prefix"], self.n, self.total, known["elapsed"], self.unit, *more)

    return Line
