"""Faults of EinsumDense."""

from __future__ import annotations

from .fault import Fault

_E = "layers/einsum.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "einsum's fans by the last axes",
        _E,
        'if kind != "initializer" or weight',
        'if kind == "initializer" or weight',
        "^init:einsum",
    ),
    Fault(
        "einsum's fans exchanged", _E, "if letter not in output]\n        counted", "if letter in output]\n        counted", "^init:einsum"
    ),
    Fault("einsum without its activation", _E, "return self.activation(y if", "return (y if", "^einsum.*activation"),
)
