"""What catching the user's line costs a layer call while a graph is written: with the line, and without.

python tests/bench/bench_line.py
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any
from unittest import mock

import measure
import torch.nn.functional as F

from layergraph import Input, Model, errors
from layergraph.graph import record
from layergraph.layers import Dense, base

DEPTHS = (5, 30, 60)
GOAL = 3e-6
CALLS = 100
ROUNDS = 15
LINE = ("somewhere.py", 1)


def deeper(depth: int, run: Callable[[], Any]) -> Any:
    """`run()` under so many frames of the user's code."""
    return run() if depth <= 1 else deeper(depth - 1, run)


def rows() -> dict[str, Callable[[], Any]]:
    """What is written in a line of a user's script; the frames of ours between the line and the walk differ."""
    x = Input((4,))
    dense = Dense(4)
    model = Model(x, dense(x))
    return {
        "Dense(4)": lambda: Dense(4),
        "dense(x)": lambda: dense(x),
        "model(x)": lambda: model(x),
        "x + x": lambda: x + x,
        "F.layer_norm(x, (4,))": lambda: F.layer_norm(x, (4,)),
    }


def without(run: Callable[[], Any]) -> Callable[[], Any]:
    """The same, the line known beforehand."""

    def constant() -> errors.Place:
        return LINE

    def patched() -> Any:
        with mock.patch.object(record, "user_place", constant), mock.patch.object(base, "user_place", constant):
            return [run() for _ in range(CALLS)]

    return patched


def work() -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for name, run in rows().items():
        for depth in DEPTHS:
            runs = {
                "with": lambda run=run, depth=depth: deeper(depth, lambda: [run() for _ in range(CALLS)]),
                "without": lambda run=run, depth=depth: deeper(depth, without(run)),
            }
            found[f"{name} | {depth}"] = {
                what: [seconds / CALLS for seconds in each] for what, each in measure.paired(runs, ROUNDS).items()
            }
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
