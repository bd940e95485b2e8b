"""Chains of N Dense with skips: what recording and lowering cost, and what a chain of 10,000 can do.

python tests/bench/bench_scale.py
"""

from __future__ import annotations

import copy
import gc
import pickle
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import measure
import torch
import twins
from torch import fx, nn

from layergraph import Model

SIZES = (100, 1_000, 10_000)
REPEATS = {100: 15, 1_000: 7, 10_000: 2}


def by_hand(depth: int) -> fx.GraphModule:
    """The least that anybody could do: the bare `nn.Linear`s and one fx graph."""
    graph = fx.Graph()
    x = graph.placeholder("x")
    modules = {}
    for number in range(depth):
        modules[f"dense_{number}"] = nn.Linear(16, 16)
        x = graph.call_function(torch.add, (graph.call_module(f"dense_{number}", (x,)), x))
    graph.output(x)
    return fx.GraphModule(modules, graph)


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def work() -> dict[str, dict[str, list[float]]]:
    by_hand(10), twins.our_chain(10)
    found: dict[str, dict[str, list[float]]] = {}
    for size in SIZES:
        row: dict[str, list[float]] = {"ours": [], "hand": []}
        for _ in range(REPEATS[size]):
            row["ours"].append(seconds(lambda: twins.our_chain(size))[0])  # noqa: B023 (called at once)
            row["hand"].append(seconds(lambda: by_hand(size))[0])  # noqa: B023
        found[str(size)] = row
    found["10,000"] = {name: [value] for name, value in long_chain(10_000).items()}
    return found


def long_chain(depth: int) -> dict[str, float]:
    """Seconds for each thing that a very deep model must be able to do at the recursion limit as it stands."""
    limit = sys.getrecursionlimit()
    took: dict[str, float] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        took[name], result = seconds(run)
        return result

    model = timed("build", lambda: twins.our_chain(depth))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.01)  # glorot weights and 10,000 skips overflow
    x = torch.rand(8, 16)
    y = timed("run", lambda: model(x))
    timed("backward", lambda: y.sum().backward())
    twin = timed("deepcopy", lambda: copy.deepcopy(model))
    again = timed("pickle and back", lambda: pickle.loads(pickle.dumps(model)))
    part = timed("sub-model", lambda: Model(model.inputs, model.get_layer(f"dense_{depth // 2}").output))
    timed("summary", lambda: model.summary(print_fn=lambda text: None))
    torch.testing.assert_close(twin(x), y)
    torch.testing.assert_close(again(x), y)
    assert len(list(part.parameters())) == 2 * (depth // 2 + 1)
    assert torch.isfinite(y).all()
    assert sys.getrecursionlimit() == limit
    return took


def main() -> None:
    found = measure.in_processes(work)
    middle = {size: {who: statistics.median(times) for who, times in found[str(size)].items()} for size in SIZES}
    rows = []
    for size, row in middle.items():
        times = measure.ratio(found[str(size)]["ours"], found[str(size)]["hand"])
        rows.append([f"{size:,}", f"{1e3 * row['ours']:.1f}", f"{1e3 * row['hand']:.1f}", f"{times:.2f}"])
    print(f"### Building a chain of N Dense(16) with skips\n\n{measure.machine()}\n")
    print(measure.table(["N", "ours, ms", "nn.Linears and one fx graph by hand, ms", "ours / by hand"], rows))
    ours, hand = (middle[10_000][who] / middle[1_000][who] for who in ("ours", "hand"))
    print(f"\n10,000 against 1,000: {ours:.1f} times (at most 12); by hand {hand:.1f} times\n")
    print("### The chain of 10,000, recursion limit untouched\n")
    slowest = [[name, f"{max(times):.2f}"] for name, times in found["10,000"].items()]
    print(measure.table(["what", "seconds (slowest of three processes)"], slowest))


if __name__ == "__main__":
    main()
