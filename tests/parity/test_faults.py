"""The goldens notice wrong numbers: a few of the faults of `faults.py`, which plants them all when it is run by hand."""

from __future__ import annotations

import pytest

from .faults import SOURCE, plant
from .planted import FAULTS, Fault

QUICK = ("batch norm's epsilon", "GRU's gates in torch's order", "layers of equal depth in the order of making")


def test_there_are_sixty_faults_of_different_names() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_has_its_place(fault: Fault) -> None:
    assert (SOURCE / fault.file).read_text().count(fault.old) == 1
    assert fault.old != fault.new


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in QUICK], ids=lambda fault: fault.name)
def test_a_fault_fails_a_golden(fault: Fault) -> None:
    found = plant(fault, fault.look)
    assert int(found.pop("looked at")) > 0
    assert [golden for golden, wrong in found.items() if "raised" not in wrong] != []


def test_without_a_fault_the_same_goldens_hold() -> None:
    assert set(plant(None, "^(batchnorm|gru|order:)")) == {"looked at"}
