"""What the recurrent layers cost beside nn.LSTM, nn.GRU and nn.RNN run eagerly: ours eager, and compiled by inductor.

`floor` is torch's module run eagerly, and after it a compiled nn.Linear(8, 8): what it costs to call anything compiled. The rows of
CASES do what torch's modules cannot; beside them stands torch's module of the same size without it.

python tests/bench/bench_recurrent.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import measure
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.nn import cells

KINDS: dict[str, tuple[Any, Any]] = {
    "LSTM": (cells.LSTM, nn.LSTM),
    "GRU": (cells.GRU, nn.GRU),
    "GRU, reset_after=False": (cells.EarlyGRU, nn.GRU),
    "SimpleRNN": (cells.RNN, nn.RNN),
}
SMALL, MIDDLE = (32, 20, 16, 32), (32, 50, 64, 128)  # batch, steps, features, units
MODES = ("inference", "training")
ROUNDS, PROCESSES = 7, 2


class Case(NamedTuple):
    kind: str
    what: str
    size: tuple[int, int, int, int] = MIDDLE
    dtype: torch.dtype = torch.float32

    @property
    def plain(self) -> bool:
        """Whether torch's module does the same."""
        return self.what in ("", "float64") and "reset" not in self.kind


CASES = (
    *(Case(kind, "", size) for kind in ("LSTM", "GRU", "SimpleRNN") for size in (SMALL, MIDDLE)),
    *(Case(kind, "float64", MIDDLE, torch.float64) for kind in ("LSTM", "GRU")),
    *(Case(kind, "mask") for kind in ("LSTM", "GRU", "SimpleRNN")),
    Case("LSTM", "mask, return_state"),
    Case("LSTM", "recurrent_dropout"),
    Case("LSTM", "softsign"),
    Case("GRU, reset_after=False", ""),
)


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


def limit(case: Case, mode: str) -> float | None:
    """The most that ours may cost, in units of torch's module; None where the figure is only reported."""
    if case.what == "" and case.plain:
        return 1.05 if case.kind == "LSTM" or mode == "inference" else 1.4
    return 1.5 if case.what == "mask" else None


class Called(nn.Module):
    """A module with the words of a case."""

    def __init__(self, module: Any, case: Case):
        super().__init__()
        if case.what in ("softsign", "recurrent_dropout"):
            softsign = case.what == "softsign"
            module.equip(F.softsign if softsign else torch.tanh, torch.sigmoid, 0.0, 0.0 if softsign else 0.2)
        self.module, self.words = module, {}
        if "mask" in case.what:
            batch, steps = case.size[:2]
            lengths = torch.linspace(steps // 2, steps, batch).long()
            self.words = {"mask": torch.arange(steps) < lengths.unsqueeze(1), "last": "return_state" in case.what}

    def forward(self, x: Tensor) -> Any:
        return self.module(x, **self.words)


def candidates(case: Case, mode: str) -> dict[str, Any]:
    """With the same weights; `again` is a second module of torch's, to show the noise."""
    torch.manual_seed(0)
    ours, theirs = KINDS[case.kind]
    *_, features, units = case.size
    twin = theirs(features, units, batch_first=True)
    if case.kind != "GRU":
        nn.init.zeros_(twin.bias_hh_l0)
    made = {"ours": ours(features, units), "compiled": ours(features, units), "again": theirs(features, units, batch_first=True)}
    for model in made.values():
        model.load_state_dict(twin.state_dict())
    for name in ("ours", "compiled"):
        made[name] = Called(made[name], case)
    made = {name: model.to(case.dtype).train(mode == "training") for name, model in {"twin": twin, **made}.items()}
    return {**made, "compiled": torch.compile(made["compiled"], fullgraph=True)}


def check_equal(models: dict[str, Any], x: Tensor, wanted: Tensor, against: str) -> None:
    """Same outputs and same gradients, or nothing is timed."""
    found: dict[str, list[Any]] = {}
    for name in (against, *models):
        if against == "ours" and name in ("twin", "again"):
            continue
        torch.manual_seed(1)
        output = models[name](x)[0]
        F.mse_loss(output, wanted).backward()
        learned = [parameter.grad for parameter in models[name].parameters()]
        found[name] = [output.detach(), *(gradient.clone() for gradient in learned if gradient is not None)]
        torch.testing.assert_close(found[name][:4], found[against][:4])
        models[name].zero_grad()


def work() -> dict[str, dict[str, list[float]]]:
    found = {}
    for case in CASES:
        for mode in MODES:
            torch._dynamo.reset()
            models = candidates(case, mode)
            batch, steps, features, units = case.size
            x, wanted = torch.randn(batch, steps, features, dtype=case.dtype), torch.randn(batch, steps, units, dtype=case.dtype)
            start = time.perf_counter()
            models["compiled"](x)[0].sum().backward()
            models["compiled"].zero_grad()
            compiling = time.perf_counter() - start
            if case.what != "recurrent_dropout" or mode == "inference":  # inductor draws other numbers
                check_equal(models, x, wanted, "twin" if case.plain else "ours")
            make = inference if mode == "inference" else step
            runs = {name: make(model, x, wanted) for name, model in models.items()}
            size = f"{batch} x {steps} x {features} -> {units}"
            times = measure.paired(with_floor(runs, mode), ROUNDS)
            found[f"{case.kind} | {case.what} | {size} | {mode}"] = {**times, "compiling": [compiling]}
    return found


HEAD = (
    *("layer", "with", "size", "what", "torch's, ms", "eager / torch's", "compiled / torch's"),
    *("floor / torch's", "torch's / torch's", "to compile, s", "at most", "held"),
)


def main() -> None:
    rows, missed = [], []
    cases = [(case, mode) for case in CASES for mode in MODES]
    for (case, mode), (name, found) in zip(cases, measure.in_processes(work, PROCESSES).items(), strict=True):
        eager, compiled, floor, noise = (measure.ratio(found[which], found["twin"]) for which in ("ours", "compiled", "floor", "again"))
        milliseconds = 1e3 * sorted(found["twin"])[len(found["twin"]) // 2]
        most = limit(case, mode)
        held = "" if most is None else "yes" if max(eager, compiled) <= most + abs(noise - 1) else "NO"
        figures = f"**{eager:.3f}**", f"**{compiled:.3f}**", f"{floor:.3f}", f"{noise:.3f}", f"{min(found['compiling']):.1f}"
        rows.append([*name.split(" | "), f"{milliseconds:.2f}", *figures, most or "", held])
        missed += [name] if held == "NO" else []
    print(f"### Recurrent layers\n\n{measure.machine()}\n\n{measure.table(HEAD, rows)}\n\nmissed: {len(missed)} of {len(rows)}")


if __name__ == "__main__":
    main()
