"""Faults of transposed convolutions."""

from __future__ import annotations

from .fault import Fault

_SIZES, _LAYER = "layers/sizes.py", "layers/transposed.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "a transposed convolution drops the first element",
        _SIZES,
        "slice(None, -n if n else None) for n",
        "slice(n, None) for n",
        "transpose",
    ),
    Fault(
        "a transposed 'same' as torch spells it: padding and output_padding",
        _SIZES,
        "return left, max(left - right, 0), max(right - left, 0)",
        "return max(left, right), abs(left - right), 0",
        "transpose",
    ),
    Fault(
        "a transposed 'same' leaves away the larger half in front",
        _SIZES,
        "min(-(-total // 2), span - 1)",
        "min(total // 2, span - 1)",
        "transpose",
    ),
    Fault("a transposed 'same' placed without its dilation", _SIZES, "// 2), span - 1)", "// 2), kernel - 1)", "transpose.*dilation"),
    Fault(
        "a transposed kernel's fans counted in torch's layout",
        _LAYER,
        "return kernel_and_bias(self.conv)",
        "return [Weight('kernel', (self.conv.weight,)), *kernel_and_bias(self.conv)[1:]]",
        "^init:conv[0-9]dtranspose",
    ),
)
