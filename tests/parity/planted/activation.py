"""Faults of activation."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault("leaky ReLU's slope", "layers/activation.py", "number(default=0.3, low=0)", "number(default=0.2, low=0)", "^leakyrelu"),
    Fault("the slope of 'leaky_relu'", "activations.py", "negative_slope: float = 0.2", "negative_slope: float = 0.01", "^activation"),
    Fault("gelu by tanh", "activations.py", '"gelu": (gelu, F.gelu)', '"gelu": (gelu, lambda x: F.gelu(x, approximate="tanh"))', "gelu"),
    Fault(
        "hard sigmoid of Keras 2",
        "activations.py",
        '"hard_sigmoid": (hard_sigmoid, F.hardsigmoid)',
        '"hard_sigmoid": (hard_sigmoid, lambda x: torch.clamp(0.2 * x + 0.5, 0, 1))',
        "hard_sigmoid",
    ),
    Fault("ReLU's slope starts at 0, not at the threshold", "activations.py", "torch.relu(threshold - x)", "torch.relu(-x)", "^relu"),
    Fault(
        "softmax along axis 1",
        "layers/activation.py",
        "axis: Axes = checked(axes, default=-1",
        "axis: Axes = checked(axes, default=0",
        "^softmax",
    ),
    Fault("elu without its alpha", "layers/activation.py", "F.elu(x, self.alpha)", "F.elu(x)", "^elu"),
    Fault("prelu's alpha on both sides", "layers/activation.py", "self.prelu.alpha * torch.relu(-x)", "self.prelu.alpha * x", "^prelu"),
    Fault("masked logits stay in the sum", "layers/activation.py", "torch.where(kept, x, lowest)), 0.0)", "x), 0.0)", "^softmax.*masked"),
)
