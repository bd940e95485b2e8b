"""What a BatchNormalization in a TimeDistributed keeps: a chosen difference of ours, once for each step."""

from __future__ import annotations

from typing import Any

import numpy as np


def averages_of_steps(layer: Any, ours: np.ndarray, x: Any) -> np.ndarray:
    """The moving variance after all steps of one call, each step's variance with the factor N / (N - 1), as torch has it."""
    norm = layer if hasattr(layer, "momentum") else layer.layers[0]
    for step in np.moveaxis(np.asarray(x, np.float64), 1, 0):
        values = np.moveaxis(step, norm.axis, -1).reshape(-1, step.shape[norm.axis])
        ours = norm.momentum * ours + (1 - norm.momentum) * values.var(0, ddof=1)
    return ours
