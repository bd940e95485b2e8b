"""The table of ops: what a row is, and the arrays that rows are called on.

A family of rows is a file `rows_<family>.py` with a list ROWS; its goldens are `goldens/<family>.npz`, recorded by `record.py`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

Symbolic = Literal["batch", "fixed", "refused"]


class A:
    """An array among the arguments of a row: made of its words alone, so the table holds no numbers and the goldens no inputs."""

    def __init__(self, spelled: str, values: Any, dtype: str):
        self.spelled, self.dtype = spelled, dtype
        self.values = np.asarray(values, "float32" if dtype == "bfloat16" else dtype)

    def __repr__(self) -> str:
        return self.spelled


def _scrambled(shape: tuple[int, ...]) -> np.ndarray:
    """0, 1, ..., in an order that looks like none."""
    size = int(np.prod(shape))
    step = next(s for s in (7, 11, 13, 17, 1) if np.gcd(s, max(size, 1)) == 1)
    return (np.arange(size) * step + 3).reshape(shape) % max(size, 1)


def f(*shape: int, dtype: str = "float32") -> A:
    """Distinct floats of both signs, none of them 0."""
    values = (_scrambled(shape) - np.prod(shape) // 2 + 0.5) / 4
    return A(f"f{list(shape)}" + ("" if dtype == "float32" else f":{dtype}"), values, dtype)


def g(*shape: int, dtype: str = "float32") -> A:
    """Other floats of both signs, some of them equal."""
    values = (np.cos(np.arange(np.prod(shape)).reshape(shape) * 2.0) * 4).round() / 2 + 0.25
    return A(f"g{list(shape)}" + ("" if dtype == "float32" else f":{dtype}"), values, dtype)


def unit(*shape: int, dtype: str = "float32") -> A:
    """Floats strictly between 0 and 1."""
    return A(f"unit{list(shape)}" + ("" if dtype == "float32" else f":{dtype}"), (_scrambled(shape) + 0.5) / np.prod(shape), dtype)


def i(*shape: int, dtype: str = "int32") -> A:
    """Ints, of both signs where the dtype has them."""
    values = _scrambled(shape) - (0 if dtype.startswith("u") else np.prod(shape) // 2)
    return A(f"i{list(shape)}" + ("" if dtype == "int32" else f":{dtype}"), values, dtype)


def n(*shape: int, below: int, dtype: str = "int32") -> A:
    """Indices: ints from 0 to below."""
    return A(f"n{list(shape)}<{below}" + ("" if dtype == "int32" else f":{dtype}"), _scrambled(shape) * 5 % below, dtype)


def b(*shape: int) -> A:
    """Booleans."""
    return A(f"b{list(shape)}", _scrambled(shape) % 3 == 0, "bool")


def holes(*shape: int) -> A:
    """Floats, nan where `b` of the same shape is true."""
    return A(f"holes{list(shape)}", np.where(b(*shape).values, np.nan, f(*shape).values), "float32")


def c(*shape: int) -> A:
    """Complex numbers."""
    return A(f"c{list(shape)}", f(*shape).values + 1j * g(*shape).values, "complex64")


def v(values: Any, dtype: str = "float32") -> A:
    """These values."""
    return A(f"v{values}" + ("" if dtype == "float32" else f":{dtype}"), values, dtype)


class Row:
    """One call of an op.

    Args:
        op: its name; `args` and `kwargs` are those of the call, arrays as `A`.
        symbolic: how it is called on symbols: "batch", with the first axis of each array unknown; "fixed", all sizes known;
            "refused", where shapes depend on values: a SymbolicError.
        numpy: why numpy is the judge of this row and not Keras, which is wrong here on its torch backend.
        wide: Keras gives 32 bits for these 64-bit arguments, and we keep 64.
    """

    def __init__(self, op: str, *args: Any, symbolic: Symbolic = "batch", numpy: str | None = None, wide: bool = False, **kwargs: Any):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.symbolic, self.numpy, self.wide = symbolic, numpy, wide
        words = [repr(arg) for arg in args] + [f"{word}={value!r}" for word, value in kwargs.items()]
        self.id = f"{op}({', '.join(words)})"

    @property
    def arrays(self) -> list[A]:
        found: list[A] = []
        self.filled(lambda array: found.append(array))
        return found

    def filled(self, make: Callable[[A], Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments, with what `make` gives in the place of each array."""

        def fill(value: Any) -> Any:
            if isinstance(value, A):
                return make(value)
            return type(value)(fill(item) for item in value) if isinstance(value, list | tuple) else value

        return [fill(arg) for arg in self.args], {word: fill(value) for word, value in self.kwargs.items()}


def _table() -> dict[str, list[Row]]:
    here = Path(__file__).parent
    names = sorted(module.name for module in pkgutil.iter_modules([str(here)]) if module.name.startswith("rows_"))
    return {name.removeprefix("rows_"): importlib.import_module(f"{__package__}.{name}").ROWS for name in names}


def families() -> dict[str, list[Row]]:
    """{family: its rows}, by the files that there are."""
    table = _table()
    ids = [row.id for rows in table.values() for row in rows]
    twice = {each for each in ids if ids.count(each) > 1}
    assert not twice, f"rows that say the same: {twice}"
    return table
