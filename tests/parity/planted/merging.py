"""Faults of merging."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault("dot normalised by the mean", "layers/merging.py", "(x * x).sum(axis, True)", "(x * x).mean(axis, True)", "^dot"),
    Fault(
        "concatenate in another order",
        "layers/merging.py",
        "torch.cat(list(inputs), self.axis)",
        "torch.cat(list(inputs)[::-1], self.axis)",
        "^concat",
    ),
    Fault(
        "subtract the other way", "layers/merging.py", "_combine = operator.sub", "_combine = staticmethod(lambda a, b: b - a)", "^subtract"
    ),
    Fault("average of two", "layers/merging.py", "super().call(inputs) / len(inputs)", "super().call(inputs) / 2", "^average-"),
)
