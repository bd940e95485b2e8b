"""Expressions, and what they give: `keras` is Keras when they are recorded, and layergraph in the tests.

They stand in `goldens/rooms.json`, by family, each before its result. `encoded` makes JSON of a result.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import numpy as np
import torch

Point = namedtuple("Point", ["x", "y"])
SCOPE = {
    "np": np,
    "torch": torch,
    "OrderedDict": OrderedDict,
    "defaultdict": defaultdict,
    "deque": deque,
    "Point": Point,
    "ramp": np.arange(24, dtype="float32").reshape(2, 3, 4) - 7,
    "image": (np.arange(7 * 9 * 3).reshape(7, 9, 3) * 5 % 256).astype("float32"),
    "gray": np.arange(20, dtype="float32").reshape(4, 5, 1),
    "rows": [[1], [2, 3], [4, 5, 6], []],
}


def encoded(value: Any) -> Any:
    """A result as JSON has it; arrays and tensors say their kind, their dtype and their shape."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, torch.Tensor):
        return {"tensor": value.tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, dict):
        return {"dict": [[encoded(key), encoded(item)] for key, item in sorted(value.items(), key=str)]}
    if isinstance(value, deque):
        return {"deque": [encoded(item) for item in value]}
    if isinstance(value, tuple):
        return {type(value).__name__ if type(value) in (Point, torch.Size) else "tuple": [encoded(item) for item in value]}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def outcome(expression: str, keras: Any, **scope: Any) -> Any:
    """What an expression gives, or the kinds of error it is: `{"raises": ["ValueError", ...]}`."""
    try:
        return encoded(eval(expression, {**SCOPE, **scope, "keras": keras}))
    except Exception as error:
        return {"raises": [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"][:-3]}
