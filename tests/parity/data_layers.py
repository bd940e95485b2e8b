"""Layers over data: expressions, and what they give. `layers` is Keras's when they are recorded, and layergraph's in the tests.

They stand in `goldens/data_layers.json`, by family, each before its result. Neither torch nor TensorFlow is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TEXTS = ["The cat sat; the CAT!", "a dog's   day", "the dog sat on the mat", "École  and\tcafé"]
WORDS = [["fire", "wind", "wind"], ["earth", "fire", "wind"], ["water", "fire", "[UNK]"]]
NUMBERS = [[12, 1138, 42], [42, 1000, 36], [42, 12, 7]]
RAMP = (np.arange(60, dtype="float32").reshape(5, 4, 3) * 7 % 31) / 4 - 3
DRAWN = np.random.default_rng(3).normal(size=(500, 2)).astype("float32")


def adapted(layer: Any, data: Any, **kwargs: Any) -> Any:
    layer.adapt(data, **kwargs)
    return layer


def built(layer: Any, shape: tuple[int, ...]) -> Any:
    layer.build(shape)
    return layer


def batches(array: Any, size: int) -> Any:
    """A generator of batches."""
    return (array[at : at + size] for at in range(0, len(array), size))


def plain(value: Any) -> Any:
    """A result as JSON has it; of an array or tensor of numbers, its values and its shape."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.ndarray) and (value.ndim == 0 or value.dtype.kind not in "biuf"):
        value = value.tolist()  # words come in lists from layergraph
    if isinstance(value, np.ndarray):
        return {"values": plain(value.tolist()), "shape": list(value.shape)}
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def outcome(expression: str, layers: Any) -> Any:
    """What an expression gives, or `{"raises": true}`."""
    scope = {name: value for name, value in globals().items() if not name.startswith("_")}
    try:
        return plain(eval(expression, {**scope, "layers": layers}))
    except Exception:
        return {"raises": True}


# What layergraph gives on purpose where Keras gives something else, and why.
OTHERWISE: dict[str, tuple[str, Any]] = {
    "layers.CategoryEncoding(4, 'one_hot')(2)": (
        "Keras declares the shape (4,), and gives (1, 4)",
        {"values": [0.0, 0.0, 1.0, 0.0], "shape": [4]},
    ),
    "layers.CategoryEncoding(3)([[5]])": (
        "Keras raises on torch for a number that is too large, and drops it on TensorFlow",
        {"raises": True},
    ),
}
