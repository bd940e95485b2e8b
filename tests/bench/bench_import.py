"""What `import layergraph` costs beyond `import torch`: the median of 15 by `-X importtime`.

python tests/bench/bench_import.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

import measure

RUNS = 15


def milliseconds(environment: dict[str, str]) -> tuple[float, float]:
    """(layergraph with all that it imports, torch within that)."""
    command = [sys.executable, "-X", "importtime", "-c", "import layergraph"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = {}
    for line in done.stderr.splitlines():
        _, cumulative, name = line.removeprefix("import time:").split("|")
        if name.strip() in ("layergraph", "torch"):
            found[name.strip()] = int(cumulative) / 1000
    return found["layergraph"], found["torch"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        milliseconds(environment)  # writes the bytecode
        runs = [milliseconds(environment) for _ in range(RUNS)]
    ours = statistics.median(whole - torch for whole, torch in runs)
    torch_alone = statistics.median(torch for _, torch in runs)
    print(f"### Import\n\n{measure.machine()}\n\n`import layergraph` costs torch ({torch_alone:.0f} ms) + **{ours:.0f} ms** (at most 50)")


if __name__ == "__main__":
    main()
