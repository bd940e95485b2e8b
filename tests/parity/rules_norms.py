"""Rules of normalizations, where Keras 3.15.1 on torch is known to be wrong."""

from __future__ import annotations

from typing import Any

import torch


def rms_over_axes(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """RMSNormalization by its definition, with the scale along the sorted axes.

    Keras 3.15.1 on torch takes any run of axes for the last ones, and multiplies by the scale as if its axes were the last.
    """
    if not layer.built:
        layer.build(tuple(x.shape))
    axes = tuple(sorted(axis % x.ndim for axis in layer.axis))
    along = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    return x / torch.sqrt((x**2).mean(axes, keepdim=True) + layer.epsilon) * layer.scale.value.reshape(along)
