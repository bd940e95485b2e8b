"""Faults of depthwise and separable convolutions."""

from __future__ import annotations

from .fault import Fault

_LAYER, _WEIGHTS = "layers/depthwise.py", "layers/weights.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "a depthwise kernel with the multiplier outside",
        _WEIGHTS,
        "return (k.permute(k.ndim - 2, k.ndim - 1, *range(k.ndim - 2)).flatten(0, 1).unsqueeze(1),)",
        "return (k.permute(k.ndim - 1, k.ndim - 2, *range(k.ndim - 2)).flatten(0, 1).unsqueeze(1),)",
        "^(depthwise|separable).*multiplier",
    ),
    Fault(
        "a depthwise kernel read with the multiplier outside",
        _WEIGHTS,
        "0, (-1, multiplier)).permute(*range(2, t.ndim), 0, 1)",
        "0, (multiplier, -1)).permute(*range(2, t.ndim), 1, 0)",
        "^(depthwise|separable).*multiplier",
    ),
    Fault(
        "a depthwise kernel's fans counted in torch's layout",
        _LAYER,
        'return [Weight("kernel", (self.conv.weight,), depthwise(self.depth_multiplier), fields="depthwise"), *bias]',
        'return [Weight("kernel", (self.conv.weight,), CONV, fields="depthwise"), *bias]',
        "^init:depthwise",
    ),
    Fault(
        "the pointwise kernel drawn by the depthwise initializer",
        _LAYER,
        'fields="pointwise"',
        'fields="depthwise"',
        "^init:separable",
    ),
    Fault(
        "a separable convolution without its dilation",
        "layers/convolution.py",
        "padding or 0, dilation, groups, bias)",
        "padding or 0, 1, groups, bias)",
        "^separable.*dilation",
    ),
    Fault(
        "a separable convolution activates twice",
        _LAYER,
        "self.pointwise(self.depthwise(self._padded(x)))",
        "self.pointwise(self.activation(self.depthwise(self._padded(x))))",
        "^separable.*relu",
    ),
)
