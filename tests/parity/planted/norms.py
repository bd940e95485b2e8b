"""Faults of group, RMS, unit and spectral normalization, and of batch normalization with masks and renormalization."""

from __future__ import annotations

from .fault import Fault

_N = "layers/normalization.py"
_B = "layers/batch_normalization.py"
_NN = "nn/normalization.py"

FAULTS: tuple[Fault, ...] = (
    Fault("group norm's epsilon", _N, "channels, eps=self.epsilon)", "channels)", "^groupnorm"),
    Fault("instance norm as one group", _N, "channels if self.groups == -1", "1 if self.groups == -1", "^groupnorm.*groups_m1"),
    Fault(
        "rms norm's epsilon",
        _N,
        "self._normalized_shape(input_shape), eps=self.epsilon)",
        "self._normalized_shape(input_shape))",
        "^rms",
    ),
    Fault("unit norm over the last axis", _N, "dim=self.axis, eps=1e-12", "dim=-1, eps=1e-12", "^unitnorm"),
    Fault("rms_scaling takes the unbiased variance", _N, "correction=0", "correction=1", "^layernormalization-rms"),
    Fault(
        "masked steps count",
        _NN,
        "count = mask.expand(x.shape).sum",
        "count = torch.ones_like(mask).expand(x.shape).sum",
        "^batchnorm.*masked",
    ),
    Fault("masked variance is biased", _NN, "variance * count / torch.clamp", "variance * 1 / torch.clamp", "^batchnorm.*masked"),
    Fault(
        "r is not clipped",
        _NN,
        "deviation / followed, self.rmin, self.rmax",
        "deviation / followed, None, None",
        "^batchnormalization-renorm",
    ),
    Fault(
        "the gradient goes through r",
        _NN,
        "        with torch.no_grad():\n            deviation",
        "        if True:\n            deviation",
        "^batchnormalization-renorm",
    ),
    Fault(
        "training follows with the other momentum",
        _NN,
        "_move(self.renorm_std, deviation, self.renorm_momentum)",
        "_move(self.renorm_std, deviation, self.momentum)",
        "^batchnormalization-renorm.*renorm_momentum",
    ),
    Fault(
        "a fresh deviation is the variance",
        _B,
        "return torch.sqrt(self.moving_variance_initializer(shape, dtype))",
        "return self.moving_variance_initializer(shape, dtype)",
        "^init:batchnorm",
    ),
    Fault("one power iteration whatever is asked", _NN, "for _ in range(self.iterations):", "for _ in range(1):", "^spectral"),
    Fault("the kernel is not overwritten", _NN, "kernel.div_(torch.where(zero, 1, largest))", "pass", "^spectral"),
    Fault("vector_u stays", _NN, "self.vector_u.copy_(torch.where(zero, self.vector_u, u))", "pass", "^spectral"),
)
