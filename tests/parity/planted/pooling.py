"""Faults of pooling."""

from __future__ import annotations

from .fault import Fault

_POOL = "layers/pooling.py"

FAULTS: tuple[Fault, ...] = (
    Fault("'same' max pool pads zeros", _POOL, 'least = float("-inf") if', "least = 0.0 if", "^maxpool"),
    Fault("average pool counts the padding", _POOL, "count_include_pad=False", "count_include_pad=True", "^averagepool"),
)
