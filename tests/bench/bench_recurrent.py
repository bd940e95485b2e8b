"""What the recurrent layers cost beside nn.LSTM, nn.GRU and nn.RNN run eagerly: ours eager, and compiled by inductor.

`floor` is torch's module run eagerly, and after it a compiled nn.Linear(8, 8): what it costs to call anything compiled.

python tests/bench/bench_recurrent.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import measure
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.nn.recurrent import GRU, LSTM, RNN

KINDS: dict[str, tuple[Any, Any]] = {"LSTM": (LSTM, nn.LSTM), "GRU": (GRU, nn.GRU), "SimpleRNN": (RNN, nn.RNN)}
# Batch, steps, features, units, dtype.
SIZES = (
    (32, 20, 16, 32, torch.float32),
    (32, 50, 64, 128, torch.float32),
    (64, 100, 128, 256, torch.float32),
    (32, 50, 64, 128, torch.float64),
)
MODES = ("inference", "training")


def inference(model: Callable[..., Any], x: Tensor, wanted: Tensor) -> Callable[[], object]:
    def run() -> Any:
        with torch.no_grad():
            return model(x)

    return run


def step(model: Any, x: Tensor, wanted: Tensor, learner: nn.Module | None = None) -> Callable[[], object]:
    """One training step: forward, loss, backward, SGD."""
    optimizer = torch.optim.SGD((model if learner is None else learner).parameters(), lr=1e-3)

    def run() -> None:
        optimizer.zero_grad()
        F.mse_loss(model(x)[0], wanted).backward()
        optimizer.step()

    return run


def with_floor(runs: dict[str, Callable[[], object]], mode: str) -> dict[str, Callable[[], object]]:
    linear = torch.compile(nn.Linear(8, 8), fullgraph=True)
    x, wanted = torch.randn(2, 8), torch.randn(2, 8)
    least = inference(linear, x, wanted) if mode == "inference" else step(lambda x: linear(x).unsqueeze(0), x, wanted, linear)
    twin = runs["twin"]

    def floor() -> None:
        twin()
        least()

    return {**runs, "floor": floor}


def limit(kind: str, mode: str, dtype: torch.dtype) -> float | None:
    """The most that ours may cost, in units of torch's module; None where the figure is only reported."""
    if dtype != torch.float32:
        return None
    return 1.05 if kind == "LSTM" or mode == "inference" else 1.4


def candidates(kind: str, features: int, units: int, dtype: torch.dtype) -> dict[str, Any]:
    """With the same weights; `again` is a second module of torch's, to show the noise."""
    torch.manual_seed(0)
    ours, theirs = KINDS[kind]
    twin = theirs(features, units, batch_first=True).to(dtype)
    if kind != "GRU":
        nn.init.zeros_(twin.bias_hh_l0)
    made = {"ours": ours(features, units), "compiled": ours(features, units), "again": theirs(features, units, batch_first=True)}
    for model in made.values():
        model.to(dtype).load_state_dict(twin.state_dict())
    return {"twin": twin, **made, "compiled": torch.compile(made["compiled"], fullgraph=True)}


def check_equal(models: dict[str, Any], x: Tensor, wanted: Tensor) -> None:
    """Same outputs and same gradients, or nothing is timed."""
    found = {}
    for name, model in models.items():
        output = model(x)[0]
        torch.testing.assert_close(output, models["twin"](x)[0])
        F.mse_loss(output, wanted).backward()
        found[name] = [model.get_parameter(place).grad for place in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")]
        torch.testing.assert_close(found[name], found["twin"])
        model.zero_grad()


def work() -> dict[str, dict[str, list[float]]]:
    found = {}
    for batch, steps, features, units, dtype in SIZES:
        for kind in KINDS:
            for mode in MODES:
                torch._dynamo.reset()
                models = candidates(kind, features, units, dtype)
                x, wanted = torch.randn(batch, steps, features, dtype=dtype), torch.randn(batch, steps, units, dtype=dtype)
                check_equal(models, x, wanted)
                make = inference if mode == "inference" else step
                runs = {name: make(model, x, wanted) for name, model in models.items()}
                size = f"{batch} x {steps} x {features} -> {units}"
                found[f"{kind} | {size} | {str(dtype).removeprefix('torch.')} | {mode}"] = measure.paired(with_floor(runs, mode))
    return found


def main() -> None:
    rows, missed = [], []
    for name, found in measure.in_processes(work).items():
        eager, compiled, floor, noise = (measure.ratio(found[which], found["twin"]) for which in ("ours", "compiled", "floor", "again"))
        milliseconds = 1e3 * sorted(found["twin"])[len(found["twin"]) // 2]
        kind, _, dtype, mode = name.split(" | ")
        most = limit(kind, mode, getattr(torch, dtype))
        held = "" if most is None else "yes" if max(eager, compiled) <= most + abs(noise - 1) else "NO"
        figures = f"**{eager:.3f}**", f"**{compiled:.3f}**", f"{floor:.3f}", f"{noise:.3f}"
        rows.append([*name.split(" | "), f"{milliseconds:.2f}", *figures, most or "", held])
        missed += [name] if held == "NO" else []
    head = [
        "layer",
        "size",
        "dtype",
        "what",
        "torch's, ms",
        "eager / torch's",
        "compiled / torch's",
        "torch's / torch's",
        "at most",
        "held",
    ]
    print(f"### Recurrent layers\n\n{measure.machine()}\n\n{measure.table(head, rows)}\n\nmissed: {len(missed)} of {len(rows)}")


if __name__ == "__main__":
    main()
