"""The faults that are planted, by family."""

from __future__ import annotations

from . import activation, convolution, core, merging, normalization, pooling, recurrent, reshaping
from .fault import Fault as Fault

FAULTS: tuple[Fault, ...] = tuple(
    fault for family in (activation, convolution, core, merging, normalization, pooling, recurrent, reshaping) for fault in family.FAULTS
)
