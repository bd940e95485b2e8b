"""Reading and writing goldens: one `.npz` a family, holding one flat float64 vector and a JSON index of what lies where."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "goldens"
LIMITS = {"float32": 1e-5, "float64": 1e-12}
"""The largest error allowed, in the measure of `error`."""


def error(got: np.ndarray, wanted: np.ndarray) -> float:
    """max |a - b| / max(|b|, 1e-3 max|b|): relative, but not to elements that are small beside the largest one.

    A shape that differs, or a value that is not finite, is an infinite error.
    """
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if got.shape != wanted.shape or not np.isfinite(got).all():
        return float("inf")
    if wanted.size == 0:
        return 0.0
    largest = np.abs(wanted).max()
    scale = np.maximum(np.abs(wanted), 1e-3 * largest) if largest > 0 else np.ones_like(wanted)
    return float((np.abs(got - wanted) / scale).max())


def same(got: Any, wanted: Any) -> bool:
    """Whether two results, as JSON has them, are equal; numbers up to the limit of float32."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and got.get("shape") == wanted.get("shape") and same(got.get("values"), wanted.get("values"))
    if _numbers(wanted):
        return _numbers(got) and error(np.array(got), np.array(wanted)) <= LIMITS["float32"]
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted


def _numbers(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


class Writer:
    """Collects the rows of one family and writes them at once, the same bytes for the same numbers."""

    def __init__(self, family: str, **about: Any):
        self.path = FOLDER / f"{family}.npz"
        self.index: dict[str, Any] = {"about": about, "rows": {}}
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, row: str, arrays: dict[str, list[np.ndarray | None]], **facts: Any) -> None:
        """`arrays`: lists of arrays by what they are ("inputs", "outputs", ...); `facts`: whatever JSON takes."""
        places = {what: [None if array is None else self._place(array) for array in group] for what, group in arrays.items()}
        self.index["rows"][row] = {"arrays": places, "facts": facts}

    def _place(self, array: np.ndarray) -> list[Any]:
        flat = np.asarray(array, np.float64).ravel()
        start, self.size = self.size, self.size + flat.size
        self.parts.append(flat)
        return [start, list(np.shape(array)), str(np.asarray(array).dtype)]

    def save(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        index = np.frombuffer(json.dumps(self.index, separators=(",", ":")).encode(), np.uint8)
        np.savez_compressed(self.path, index=index, data=np.concatenate(self.parts))


@functools.cache
def family(name: str) -> dict[str, dict[str, Any]]:
    """{row id: {"inputs": [array], ..., "facts": {...}}}"""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        index, data = json.loads(file["index"].tobytes()), file["data"]

    def take(place: list[Any] | None) -> np.ndarray | None:
        if place is None:
            return None
        start, shape, dtype = place
        return data[start : start + int(np.prod(shape))].reshape(shape).astype(dtype)

    return {
        row: {what: [take(p) for p in group] for what, group in entry["arrays"].items()} | {"facts": entry["facts"]}
        for row, entry in index["rows"].items()
    }


@functools.cache
def about(name: str) -> dict[str, Any]:
    """The versions that a family was recorded with."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return json.loads(file["index"].tobytes())["about"]
