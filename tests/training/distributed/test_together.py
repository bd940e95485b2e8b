"""Several processes train what one would: with two and with four, whole weights or parts of them."""

from __future__ import annotations

import pytest

from .launching import launch, ran


@pytest.mark.parametrize("processes", [2, 4])
def test_trains_what_one_process_would(processes, tmp_path):
    ran(launch("together.py", processes=processes, FOLDER=str(tmp_path / "backup")))


def test_weights_in_parts(tmp_path):
    ran(launch("sharded.py", str(tmp_path), FSDP_MIN_NUM_PARAMS="1"))
