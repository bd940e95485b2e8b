"""How time and memory are measured here; README.md beside this file says why.

One thread. The process starts itself anew with an allocator that keeps what is freed, so that no run pays for another's pages.
Candidates take turns within a round, and only times of one round are divided by each other: the machine's moods cancel. The inner
loop is sized once, so that a sample lasts about 20 ms. Three processes, at least 31 rounds in each; the median of all ratios counts.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

Run = Callable[[], object]

ROUNDS = 31
PROCESSES = 3
SAMPLE_SECONDS = 0.02
_WORKER = "LAYERGRAPH_BENCH_WORKER"
# 32 MiB is the most that older glibc takes as the mmap threshold (more is ignored, and then every larger tensor costs fresh pages).
_ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}


def quiet_process() -> None:
    """One thread, no freed memory given back: starts this program anew where that has to be said before it runs."""
    if any(os.environ.get(name) != value for name, value in _ALLOCATOR.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **_ALLOCATOR})
    torch.set_num_threads(1)


def once(run: Run, loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        run()
    return time.perf_counter() - start


def loops_for(run: Run) -> int:
    """How many calls last `SAMPLE_SECONDS`, after a warm-up."""
    loops = 1
    while once(run, loops) < SAMPLE_SECONDS:
        loops *= 2
    return max(1, round(loops * SAMPLE_SECONDS / min(once(run, loops) for _ in range(3))))


def paired(runs: dict[str, Run], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds a call for each candidate, round by round; the order within a round turns from one to the next."""
    loops = loops_for(next(iter(runs.values())))
    names = list(runs)
    for name in names:
        once(runs[name], loops)
    times: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                times[name].append(once(runs[name], loops) / loops)
    finally:
        gc.enable()
    return times


def peak_bytes(run: Run) -> int:
    """The most that torch's allocator held at once during `run()` beyond what it held before, from torch's own profiler."""
    run()
    with _silent(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.json")
        profile.export_chrome_trace(str(trace))
        events = [event for event in json.loads(trace.read_text())["traceEvents"] if event.get("name") == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event["ts"]):
        held += event["args"]["Bytes"]
        peak = max(peak, held)
    return peak


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Nothing on standard error, from C++ either: the profiler says four lines a run."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def in_processes(work: Callable[[], dict[str, dict[str, list[float]]]], count: int = PROCESSES) -> dict[str, dict[str, list[float]]]:
    """`work()` done by `count` fresh processes running this same script, their lists joined; does not return in those processes."""
    if os.environ.get(_WORKER):
        quiet_process()
        print(json.dumps(work()))
        sys.exit()
    joined: dict[str, dict[str, list[float]]] = {}
    for number in range(count):
        print(f"process {number + 1} of {count}", file=sys.stderr)
        done = subprocess.run([sys.executable, *sys.orig_argv[1:]], env={**os.environ, _WORKER: "1"}, stdout=subprocess.PIPE, check=True)
        for row, columns in json.loads(done.stdout).items():
            for column, values in columns.items():
                joined.setdefault(row, {}).setdefault(column, []).extend(values)
    return joined


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the paired ratios."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine() -> str:
    """One line about what the figures were taken on."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, torch {torch.__version__}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
