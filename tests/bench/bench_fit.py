"""`fit`, `evaluate` and `predict` against plain loops over index slices: 60,000 x 784 into 784-64-32-10.

Run by hand: `python tests/bench/bench_fit.py [rounds] [words of a row]`. Ours and the loop alternate; a figure is the median of paired
ratios. One thread.
"""

from __future__ import annotations

import contextlib
import gc
import io
import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from layergraph.losses import SparseCategoricalCrossentropy
from layergraph.training import Compiled, evaluate, fit, predict

SAMPLES = 60_000


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def adam(model: nn.Module, fused: bool = True) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, fused=fused)


def train_by_hand(x: torch.Tensor, y: torch.Tensor, batch: int) -> None:
    model = network()
    optimizer = adam(model)
    order = torch.randperm(len(x))
    total = 0.0
    for start in range(0, len(x), batch):
        index = order[start : start + batch]
        loss = F.cross_entropy(model(x[index]), y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
    float(total)


def train_with_loader(x: torch.Tensor, y: torch.Tensor, batch: int) -> None:
    model = network()
    optimizer = adam(model, fused=False)
    for a, b in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch, shuffle=True):
        loss = F.cross_entropy(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Terminal(io.StringIO):
    """Where a bar is drawn that nobody looks at."""

    def isatty(self) -> bool:
        return True


def train_with_fit(
    x: torch.Tensor, y: torch.Tensor, batch: int, ours: bool = False, metrics: list[str] | None = None, bar: bool = False
) -> None:
    model = network()
    compiled = Compiled("adam" if ours else adam(model), SparseCategoricalCrossentropy(from_logits=True), metrics=metrics)
    with contextlib.redirect_stdout(Terminal()) as page:
        fit(model, compiled, x, y, batch_size=batch, verbose=int(bar))
    assert ("loss: " in page.getvalue()) is bar


def predict_by_hand(model: nn.Module, x: torch.Tensor, batch: int) -> None:
    model.eval()
    with torch.inference_mode():
        torch.cat([model(x[start : start + batch]) for start in range(0, len(x), batch)]).numpy()


def evaluate_by_hand(model: nn.Module, x: torch.Tensor, y: torch.Tensor, batch: int) -> None:
    model.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(x), batch):
            a, b = x[start : start + batch], y[start : start + batch]
            total += F.cross_entropy(model(a), b) * len(a)
    float(total)


def ratio(ours: Callable[[], None], theirs: Callable[[], None], rounds: int) -> tuple[float, float, float]:
    """Median of paired ratios, and the two medians in seconds."""
    pairs: list[tuple[float, float]] = []
    for i in range(rounds + 1):
        times: dict[int, float] = {}
        for which in (0, 1) if i % 2 else (1, 0):
            gc.collect()
            start = time.perf_counter()
            (ours, theirs)[which]()
            times[which] = time.perf_counter() - start
        if i:
            pairs.append((times[0], times[1]))
    return statistics.median(a / b for a, b in pairs), statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def main(rounds: int = 7, only: str = "") -> None:
    torch.set_num_threads(1)
    x, y = torch.rand(SAMPLES, 784), torch.randint(10, (SAMPLES,))
    model = network()
    scorer = Compiled("adam", SparseCategoricalCrossentropy(from_logits=True))
    for batch in (32, 128):
        rows: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("loop again / loop", lambda b=batch: train_by_hand(x, y, b), lambda b=batch: train_by_hand(x, y, b)),
            ("fit, torch Adam / loop", lambda b=batch: train_with_fit(x, y, b), lambda b=batch: train_by_hand(x, y, b)),
            ("fit, 'adam' / loop", lambda b=batch: train_with_fit(x, y, b, ours=True), lambda b=batch: train_by_hand(x, y, b)),
            ("fit, accuracy / loop", lambda b=batch: train_with_fit(x, y, b, metrics=["accuracy"]), lambda b=batch: train_by_hand(x, y, b)),
            (
                "fit, accuracy, bar / loop",
                lambda b=batch: train_with_fit(x, y, b, metrics=["accuracy"], bar=True),
                lambda b=batch: train_by_hand(x, y, b),
            ),
            ("fit / DataLoader loop", lambda b=batch: train_with_fit(x, y, b, ours=True), lambda b=batch: train_with_loader(x, y, b)),
            ("predict / loop", lambda b=batch: predict(model, x, b, verbose=0), lambda b=batch: predict_by_hand(model, x, b)),
            ("evaluate / loop", lambda b=batch: evaluate(model, scorer, x, y, b, 0), lambda b=batch: evaluate_by_hand(model, x, y, b)),
        ]
        for name, ours, theirs in rows:
            if only not in name:
                continue
            median, a, b = ratio(ours, theirs, rounds)
            print(f"batch {batch:4d}  {name:26s} {median:.3f}   ({a:.3f} s / {b:.3f} s)", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7, " ".join(sys.argv[2:]))
