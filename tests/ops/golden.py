"""Reading and writing what Keras gave: one `.npz` a family, holding the bytes of all results and a JSON index of what lies where."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "goldens"
SPECIAL = {"bfloat16": "float32"}  # numpy has no bfloat16: kept as float32


class Result:
    """A tensor that an op gave: its values, and its dtype by name."""

    def __init__(self, values: np.ndarray, dtype: str):
        self.values, self.dtype = values, dtype

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.values.shape)} {self.values.ravel()[:6]}"


class Writer:
    """Collects the results of one family and writes them at once."""

    def __init__(self, family: str, **about: Any):
        self.path = FOLDER / f"{family}.npz"
        self.index: dict[str, Any] = {"about": about, "rows": {}}
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, row: str, result: Any) -> None:
        self.index["rows"][row] = self._placed(result)

    def _placed(self, result: Any) -> Any:
        if isinstance(result, Result):
            data = np.ascontiguousarray(result.values).tobytes()
            start, self.size = self.size, self.size + len(data)
            self.parts.append(data)
            return {"dtype": result.dtype, "shape": list(result.values.shape), "at": start}
        if isinstance(result, list | tuple):
            return {type(result).__name__: [self._placed(item) for item in result]}
        assert result is None or type(result) in (bool, int, float, str), result
        return result

    def save(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        index = np.frombuffer(json.dumps(self.index, separators=(",", ":")).encode(), np.uint8)
        np.savez_compressed(self.path, index=index, data=np.frombuffer(b"".join(self.parts), np.uint8))


@functools.cache
def _opened(family: str) -> tuple[dict[str, Any], bytes]:
    with np.load(FOLDER / f"{family}.npz", allow_pickle=False) as file:
        return json.loads(file["index"].tobytes()), file["data"].tobytes()


def about(family: str) -> dict[str, Any]:
    """The versions that a family was recorded with."""
    return _opened(family)[0]["about"]


def rows(family: str) -> list[str]:
    """The ids of a family's recorded rows."""
    return list(_opened(family)[0]["rows"])


def result(family: str, row: str) -> Any:
    """What Keras gave for a row: a `Result`, a plain value, or a list or tuple of such."""
    index, data = _opened(family)

    def taken(place: Any) -> Any:
        if not isinstance(place, dict):
            return place
        if "dtype" in place:
            kind = np.dtype(SPECIAL.get(place["dtype"], place["dtype"]))
            count = int(np.prod(place["shape"]))
            values = np.frombuffer(data, kind, count, place["at"]) if count else np.empty(0, kind)
            return Result(values.reshape(place["shape"]), place["dtype"])
        ((word, items),) = place.items()
        return {"list": list, "tuple": tuple}[word](taken(item) for item in items)

    return taken(index["rows"][row])
