"""What a call costs beside the twins: `model(x)` and a training step, batch 1 and 32, time and peak memory.

python tests/bench/bench_call.py
"""

from __future__ import annotations

from collections.abc import Callable

import measure
import torch
import torch.nn.functional as F
import twins
from torch import Tensor, nn

BATCHES = (1, 32)


def step(model: nn.Module, x: Tensor, wanted: Tensor) -> Callable[[], object]:
    """One training step: forward, loss, backward, SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def run() -> None:
        optimizer.zero_grad()
        F.mse_loss(model(x), wanted).backward()
        optimizer.step()

    return run


def inference(model: nn.Module, x: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.inference_mode():
            return model(x)

    return run


def candidates(case: twins.Case) -> dict[str, nn.Module]:
    """Ours and the twins with the same weights; `again` is a second idiomatic twin, to show the noise."""
    torch.manual_seed(0)
    twin = case.idiomatic()
    others = {"ours": case.ours(), "again": case.idiomatic(), "fast": case.fast()}
    for model in others.values():
        model.load_state_dict(twin.state_dict())
    return {"twin": twin, **others}


def check_equal(models: dict[str, nn.Module], x: Tensor, wanted: Tensor) -> None:
    """Same outputs and same gradients, or nothing is timed."""
    grads = {}
    for name, model in models.items():
        F.mse_loss(model(x), wanted).backward()
        grads[name] = [parameter.grad for _, parameter in sorted(model.named_parameters())]
        torch.testing.assert_close(model(x), models["twin"](x))
        torch.testing.assert_close(grads[name], grads["twin"])
        model.zero_grad()


def work() -> dict[str, dict[str, list[float]]]:
    found = {}
    for case in twins.CASES:
        for batch in BATCHES:
            for mode, make in (("inference", inference), ("training step", step)):
                models = candidates(case)
                for model in models.values():
                    model.train(mode != "inference")
                x = torch.rand(batch, *case.shape)
                wanted = torch.rand_like(models["twin"](x))
                check_equal(models, x, wanted)
                runs = {name: make(model, x, wanted) if make is step else make(model, x) for name, model in models.items()}
                row = measure.paired(runs)
                row["ours peak"], row["twin peak"] = ([float(measure.peak_bytes(runs[name]))] for name in ("ours", "twin"))
                found[f"{case.name} | {batch} | {mode}"] = row
    return found


def main() -> None:
    rows, worst = [], 0.0
    for name, found in measure.in_processes(work).items():
        ours, noise = measure.ratio(found["ours"], found["twin"]), measure.ratio(found["again"], found["twin"])
        allowed = 0.02 + abs(noise - 1)
        memory = max(a / b for a, b in zip(found["ours peak"], found["twin peak"], strict=True))
        microseconds = 1e6 * sorted(found["twin"])[len(found["twin"]) // 2]
        held = "yes" if ours - 1 <= allowed and memory <= 1.02 else "NO"
        fast = measure.ratio(found["ours"], found["fast"])
        rows.append([*name.split(" | "), f"{microseconds:.1f}", f"**{ours:.3f}**", f"{noise:.3f}", f"{fast:.3f}", f"{memory:.3f}", held])
        worst = max(worst, ours)
    head = ["model", "batch", "what", "twin, µs", "ours / twin", "twin / twin", "ours / fastest", "peak memory", "held"]
    print(f"### A call\n\n{measure.machine()}\n\n{measure.table(head, rows)}\n\nworst: {worst:.3f}")


if __name__ == "__main__":
    main()
