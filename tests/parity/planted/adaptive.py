"""Faults of adaptive and masked pools."""

from __future__ import annotations

from .fault import Fault

_POOL = "layers/pooling.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "an adaptive mean of equal windows",
        "layers/adaptive.py",
        "_function = staticmethod(F.adaptive_avg_pool1d)",
        "_function = staticmethod(lambda x, n: F.interpolate(x, n[0], mode='linear', align_corners=False))",
        "^adaptiveaverage",
    ),
    Fault(
        "an adaptive maximum of the first element alone",
        "layers/adaptive.py",
        "_function = staticmethod(F.adaptive_max_pool1d)",
        "_function = staticmethod(lambda x, n: F.interpolate(x, n[0]))",
        "^adaptivemax",
    ),
    Fault("a masked mean divides by all steps", _POOL, "/ real.sum(steps, self.keepdims)", "/ x.shape[steps]", "mask"),
    Fault("a masked mean adds what is masked", _POOL, "torch.where(real, x, 0).sum", "torch.where(real, x, x).sum", "mask"),
)
