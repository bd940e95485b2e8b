"""Faults of reshaping."""

from __future__ import annotations

from .fault import Fault

_SHAPES = "layers/reshaping.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "flatten takes channels first as they lie",
        _SHAPES,
        'if self.data_format == "channels_first" and x.ndim > 2',
        "if False",
        "^flatten",
    ),
    Fault(
        "upsampling aligns the corners",
        _SHAPES,
        'None if mode.startswith("nearest") else False',
        'None if mode.startswith("nearest") else True',
        "^upsampling2d",
    ),
    Fault(
        "zero padding's ends exchanged",
        _SHAPES,
        "for pair in reversed(pairs) for end in pair",
        "for pair in reversed(pairs) for end in reversed(pair)",
        "^zeropadding",
    ),
)
