"""Several processes train what one would: launched here by hand, by torchrun and by accelerate."""

from __future__ import annotations

import pytest

from .launching import launch, ran


@pytest.mark.parametrize("processes", [2, 4])
def test_trains_what_one_process_would(processes):
    ran(launch("together.py", processes=processes))
