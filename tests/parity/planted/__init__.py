"""The faults that are planted, by family."""

from __future__ import annotations

from . import activation, convolution, core, merging, normalization, pooling, recurrent, reshaping
from .fault import Fault as Fault

FAMILIES = (activation, convolution, core, merging, normalization, pooling, recurrent, reshaping)
FAULTS: tuple[Fault, ...] = tuple(fault for family in FAMILIES for fault in family.FAULTS)
