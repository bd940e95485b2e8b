"""Memory over many calls without garbage collection: the slope of the resident set, and what a collection then finds.

Run by hand, on Linux: `python tests/bench/bench_memory.py [calls]`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

import numpy as np
import torch

from layergraph import Input, Model, layers


def resident() -> float:
    """KiB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def slope(function: Callable[[], object], calls: int) -> tuple[float, float]:
    """(KiB a call, by regression over the second half; cyclic objects a call)."""
    for _ in range(200):
        function()
    gc.collect()
    gc.disable()
    try:
        points: list[tuple[int, float]] = []
        for i in range(calls):
            function()
            if i >= calls // 2 and i % 50 == 0:
                points.append((i, resident()))
        found = gc.collect()
    finally:
        gc.enable()
    steps, sizes = np.array(points).T
    return float(np.polyfit(steps, sizes, 1)[0]), found / calls


def main(calls: int = 10_000) -> None:
    torch.set_num_threads(1)
    x, y = torch.rand(32, 20), torch.randint(3, (32,))
    symbol = Input((20,))
    model = Model(symbol, layers.Dense(3, activation="softmax")(layers.Dense(8, activation="relu")(symbol)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows: dict[str, Callable[[], object]] = {
        "model(x)": lambda: model(x),
        "predict": lambda: model.predict(x, verbose=0),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "train_on_batch": lambda: model.train_on_batch(x, y),
        "test_on_batch": lambda: model.test_on_batch(x, y),
        "fit, one batch": lambda: model.fit(x, y, verbose=0),
    }
    for name, function in rows.items():
        grown, cyclic = slope(function, calls)
        print(f"{name:18s} {grown:8.4f} KiB a call   {cyclic:6.1f} cyclic objects a call", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
