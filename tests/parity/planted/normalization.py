"""Faults of normalization."""

from __future__ import annotations

from .fault import Fault

_BN = "layers/batch_normalization.py"
_LN = "layers/normalization.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "batch norm's epsilon",
        _BN,
        "low=0, high=1)\n    epsilon: float = number(default=1e-3",
        "low=0, high=1)\n    epsilon: float = number(default=1e-5",
        "^batchnorm",
    ),
    Fault(
        "batch norm's default momentum",
        _BN,
        "    momentum: float = number(default=0.99,",
        "    momentum: float = number(default=0.9,",
        "^batchnorm",
    ),
    Fault(
        "batch norm's momentum the torch way",
        _BN,
        "momentum = input_shape[self.axis] or 0, round(1 - self.momentum, 12)",
        "momentum = input_shape[self.axis] or 0, self.momentum",
        "^batchnorm",
    ),
    Fault("a frozen batch norm learns", _BN, "stay_in_inference(module, not self._trainable, mode)", "pass", "^batchnorm.*trainable"),
    Fault(
        "layer norm's epsilon",
        _LN,
        "checked(axes, default=-1)\n    epsilon: float = number(default=1e-3",
        "checked(axes, default=-1)\n    epsilon: float = number(default=1e-5",
        "^layernorm",
    ),
    Fault(
        "layer norm's axes come back in another order",
        _LN,
        "order.index(i) for i in range(rank)",
        "order[i] for i in range(rank)",
        "^layernorm",
    ),
)
