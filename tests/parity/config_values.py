"""The arrays of the goldens of configs: small numbers made from their places."""

from __future__ import annotations

import numpy as np


def filled(shape):
    """Quarters between -0.75 and 0.75, in a pattern that repeats every 7 places; vectors, which may be variances, above 0."""
    values = (np.arange(int(np.prod(shape))) * 3 % 7 - 3) / 4
    return (abs(values) + 0.25 if len(shape) == 1 else values).astype("float32").reshape(shape)


def given(shape, dtype):
    """An input: as `filled`; where it is of whole numbers, 0 to 6."""
    return filled(shape) if "float" in dtype else (np.arange(int(np.prod(shape))) * 3 % 7).reshape(shape).astype(dtype)
