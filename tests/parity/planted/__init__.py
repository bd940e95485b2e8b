"""The faults that are planted, by family."""

from __future__ import annotations

from . import activation, adaptive, convolution, core, depthwise, merging, normalization, pooling, recurrent, reshaping, transposed
from .fault import Fault as Fault

FAMILIES = (activation, adaptive, convolution, core, depthwise, merging, normalization, pooling, recurrent, reshaping, transposed)
FAULTS: tuple[Fault, ...] = tuple(fault for family in FAMILIES for fault in family.FAULTS)
