"""Trainings that are killed at any moment, and gone on with in a new process, differ in no bit from those that were not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CELLS = [(4 * i + j, end, place) for i, end in enumerate(("SIGKILL", "SIGTERM", "Ctrl-C", "exception"))
         for j, place in enumerate(("epoch end", "mid-epoch", "validation", "after the last batch"))]  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """What is wrong with each of 16 trainings, all in one tree of processes: `resume_cells.py --all` does 256."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("resume_cells.py"))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(number, end, place): wrong for number, end, place, wrong in rows}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[1]}, {cell[2]}, setting {cell[0]}")
def test_a_training_goes_on_bit_by_bit(found, cell):
    assert found[cell] is None
