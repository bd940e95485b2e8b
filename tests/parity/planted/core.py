"""Faults of core."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault("embedding off by one", "layers/embedding.py", "self.embedding(x if", "self.embedding((x + 1) % self.input_dim if", "^embedding"),
    Fault("fans in torch's layout", "initializers.py", "compute_fans(out.shape,", "compute_fans(out.shape[::-1],", "^init:conv"),
    Fault("glorot by fan_in alone", "initializers.py", "(fan_in + fan_out) / 2)", "fan_in)", "^init:dense"),
    Fault(
        "layers of equal depth in the order of making",
        "graph/walk.py",
        "-depth_of_owner[owner], entry[owner])",
        "-depth_of_owner[owner],)",
        "^order:",
    ),
    Fault(
        "layers in the order of execution",
        "graph/walk.py",
        "key=lambda owner: (-depth_of_owner[owner], entry[owner])",
        "key=lambda owner: -entry[owner]",
        "^cnn",
    ),
)
