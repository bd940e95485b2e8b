"""Faults of convolution."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "the larger half of 'same' in front",
        "nn/padding.py",
        "return total // 2, total - total // 2",
        "return total - total // 2, total // 2",
        "padding_same",
    ),
    Fault(
        "'causal' pads the end",
        "layers/convolution.py",
        "torch.constant_pad_nd(x, [self.dilation_rate[0] * (self.kernel_size[0] - 1), 0])",
        "torch.constant_pad_nd(x, [0, self.dilation_rate[0] * (self.kernel_size[0] - 1)])",
        "causal",
    ),
    Fault(
        "average pool counts the asymmetric padding",
        "nn/padding.py",
        "counts = pad_same(torch.ones_like(x[:1, :1]), kernel, stride, ones)",
        "counts = torch.ones_like(pad_same(x[:1, :1], kernel, stride, ones))",
        "^averagepool",
    ),
    Fault("conv kernel flipped", "layers/weights.py", "*range(k.ndim - 2)),))", "*range(k.ndim - 2)).flip(-1),))", "^conv"),
    Fault(
        "conv kernel's axes exchanged",
        "layers/weights.py",
        "*range(k.ndim - 2)),))",
        "*reversed(range(k.ndim - 2))),))",
        "^conv2d-.*kernel_size_[0-9]-",
    ),
    Fault("a dense kernel's rows turned", "layers/weights.py", "lambda k: (k.t(),))", "lambda k: (k.t().roll(1, 0),))", "^dense"),
)
