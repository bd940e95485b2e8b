"""What it costs to catch the user's line, at each of the places where a graph is written.

python tests/bench/bench_line.py
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import measure

from layergraph import Input, Model, errors
from layergraph.layers import Dense

DEPTHS = (5, 30, 60)
GOAL = 3e-6
CALLS = 100
ROUNDS = 31
# Wherever the function was imported to.
MODULES = [
    module for name, module in sys.modules.items() if name.startswith("layergraph.") and vars(module).get("user_place") is errors.user_place
]
MODULES.remove(errors)


def somewhere() -> errors.Place:
    """The line, known beforehand."""
    return "somewhere.py", 1


def seconds(run: Callable[[], Any]) -> float:
    """Of this thread's processor time, for a run: a line takes a hundredth of what other processes may take away meanwhile."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def pairs(run: Callable[[], Any]) -> dict[str, list[float]]:
    """Seconds a call, the line caught and not, in turns."""
    times: dict[str, list[float]] = {"with": [], "without": []}
    gc.collect()
    gc.disable()
    try:
        for turn in range(ROUNDS):
            for what in ("with", "without") if turn % 2 else ("without", "with"):
                for module in MODULES:
                    module.user_place = errors.user_place if what == "with" else somewhere
                times[what].append(seconds(run) / CALLS)
    finally:
        gc.enable()
        for module in MODULES:
            module.user_place = errors.user_place
    return times


def deeper(depth: int, run: Callable[[], Any]) -> Any:
    """`run()` under so many frames of the user's code."""
    return run() if depth <= 1 else deeper(depth - 1, run)


def rows() -> dict[str, Callable[[], Any]]:
    """What stands in a line of a user's script; the frames of ours between the line and the walk differ."""
    x = Input((4,))
    dense = Dense(4)
    model = Model(x, dense(x))
    return {
        "Input((4,))": lambda: Input((4,)),
        "Dense(4)": lambda: Dense(4),
        "dense(x)": lambda: dense(x),
        "model(x)": lambda: model(x),
        "x + x": lambda: x + x,
    }


def work() -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for name, run in rows().items():
        for depth in DEPTHS:
            found[f"{name} | {depth}"] = pairs(lambda run=run, depth=depth: deeper(depth, lambda: [run() for _ in range(CALLS)]))
    return found


def main() -> None:
    found = measure.in_processes(work)
    lines, worst = [], 0.0
    for name, times in found.items():
        cost = statistics.median(a - b for a, b in zip(times["with"], times["without"], strict=True))
        whole = statistics.median(times["with"])
        worst = max(worst, cost)
        lines.append([*name.split(" | "), f"{1e6 * whole:.1f}", f"**{1e6 * cost:.2f}**", "yes" if cost <= GOAL else "NO"])
    head = ["line", "frames above", "whole, µs", "of it for the line, µs", "held"]
    print(f"### The user's line\n\n{measure.machine()}\n\n{measure.table(head, lines)}")
    print(f"\nworst: {1e6 * worst:.2f} µs (at most {1e6 * GOAL:.0f})")


if __name__ == "__main__":
    main()
