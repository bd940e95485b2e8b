"""What a loader gives, as flat tuples of tensors: taken apart with care once, and by the same path afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, shown
from ...kinds import is_dict, is_sequence
from .arrays import Arrays
from .inputs import Inputs
from .source import Batch
from .tensors import PLAIN, to_structure, to_tensor
from .weights import weights_of

Path = tuple[Any, ...]

_UNCHANGED = (torch.Tensor, torch.nn.Parameter)


class Reader:
    """Takes batches apart: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each part an array or a structure of them by name.

    A dict with a key for each input and others for outputs is x and y in one.

    Args:
        inputs: how the module takes its inputs.
        outputs: the names of the module's outputs where they are known.
        what: what the batches come from, for messages.
        check: is called with the inputs of the first batch.
    """

    def __init__(
        self,
        inputs: Inputs,
        outputs: list[str],
        what: str,
        check: Callable[[Sequence[Tensor]], None] | None = None,
        *,
        double: bool = False,
    ):
        self.inputs = inputs
        self.outputs = outputs
        self.what = what
        self.check = check
        self.double = double
        self.class_weight: Mapping[int, float] | None = None
        self.watch: Callable[[Arrays], None] | None = None
        self.counts: tuple[int, int, int] | None = None
        # of a batch once taken apart: where its containers are, with their types and lengths, where it has None, and where its leaves
        self._containers: list[tuple[Path, type, int]] = []
        self._nones: list[Path] = []
        self._leaves: list[Path] = []
        self._flat: tuple[Any, int] = (object, 0)

    def __call__(self, batch: Any) -> Batch:
        kind, count = self._flat
        leaves = batch if type(batch) is kind and len(batch) == count else self._along_the_paths(batch)
        if leaves is None:
            return self._read(batch)
        size = -1
        found: list[Tensor] = []
        for leaf in leaves:
            if type(leaf) not in _UNCHANGED:
                if type(leaf) is not np.ndarray or leaf.dtype not in PLAIN:
                    return self._read(batch)
                leaf = to_tensor(leaf, "a batch", self.double)
            elif leaf.dtype is torch.float64 and not self.double:
                leaf = to_tensor(leaf, "a batch")
            shape = leaf.shape
            if not shape or (shape[0] != size and size >= 0):
                return self._read(batch)
            size = shape[0]
            found.append(leaf)
        return tuple(found)

    def _along_the_paths(self, batch: Any) -> list[Any] | None:
        """The leaves of a batch that has the structure of the one before; None of another."""
        if not self._leaves:
            return None
        try:
            for path, kind, count in self._containers:
                value = _at(batch, path)
                if type(value) is not kind or len(value) != count:
                    return None
            if any(_at(batch, path) is not None for path in self._nones):
                return None
            return [_at(batch, path) for path in self._leaves]
        except KeyError:
            return None

    def _read(self, batch: Any) -> Batch:
        batch = as_tensors(batch, self.double)
        arrays = self.taken_apart(batch)
        counts = (len(arrays.xs), len(arrays.ys), len(arrays.ws))
        if self.counts is None:
            self.counts = counts
            if self.check is not None:
                self.check(arrays.xs)
            if self.watch is not None:
                self.watch(arrays)
        elif counts != self.counts:
            raise DataError(f"the {self.what}'s batches differ: one had {self.counts} inputs, targets and weights, another {counts}")
        flat = (*arrays.xs, *arrays.ys, *arrays.ws)
        self._learn(batch, flat)
        return flat

    def taken_apart(self, batch: Any) -> Arrays:
        """One batch as arrays, checked."""
        taken = self.inputs.taken(batch)
        if taken is not None:
            return Arrays(self.inputs, *taken, double=self.double)
        parts: list[Any] | tuple[Any, ...] = batch if is_sequence(batch) else self._by_name(batch) if is_dict(batch) else (batch,)
        if not 1 <= len(parts) <= 3:
            raise DataError(
                f"a batch must be x, (x,), (x, y) or (x, y, sample_weight), but this one of the {self.what} has {len(parts)} entries",
                "yield (x, y); several inputs go into one x, as a list or a dict by name: ((a, b), y)",
            )
        if parts[0] is None:
            raise DataError(f"a batch of the {self.what} has None for x: {shown(batch)}")
        if self.class_weight is not None:
            x, y, weight = (*parts, None, None)[:3]
            parts = (x, y, weights_of(None if y is None else to_structure(y, "y"), weight, self.class_weight))
        return Arrays(self.inputs, *parts, double=self.double)

    def _by_name(self, batch: dict[Any, Any]) -> tuple[Any, ...]:
        others = [key for key in batch if key not in self.inputs.names]
        if not others or not self.inputs.exact or not all(key in self.outputs for key in others):
            return (batch,)
        return {key: batch[key] for key in batch if key not in others}, {key: batch[key] for key in others}

    def _learn(self, batch: Any, flat: Batch) -> None:
        """Remembers where the tensors of a batch are, if they were taken as they are."""
        self._flat, self._containers, self._nones, self._leaves = (object, 0), [], [], []
        containers: list[tuple[Path, type, int]] = []
        places: list[tuple[Any, Path]] = []
        _walk(batch, (), containers, places)
        where = {id(value): path for value, path in places if value is not None}
        tensors = [path for value, path in places if value is not None]
        if len(where) != len(tensors) or {id(t) for t in flat} != set(where) or len(flat) != len(where):
            return  # one tensor twice, one that is left out, or one that was made on the way
        leaves = [where[id(t)] for t in flat]
        if len(containers) == 1 and leaves == [(i,) for i in range(len(flat))] and len(places) == len(flat):
            self._flat = (type(batch), len(flat))
        else:
            self._containers, self._leaves = containers, leaves
            self._nones = [path for value, path in places if value is None]


def _walk(value: Any, path: Path, containers: list[tuple[Path, type, int]], places: list[tuple[Any, Path]]) -> None:
    if is_dict(value) or is_sequence(value):
        containers.append((path, type(value), len(value)))
        for key, item in value.items() if is_dict(value) else enumerate(value):
            _walk(item, (*path, key), containers, places)
    else:
        places.append((value, path))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def as_tensors(value: Any, double: bool) -> Any:
    """The same structure with plain arrays of numbers as tensors."""
    if type(value) is np.ndarray and value.dtype in PLAIN and value.ndim:
        return to_tensor(value, "a batch", double)
    if is_dict(value) and type(value) is dict:
        return {key: as_tensors(item, double) for key, item in value.items()}
    if is_sequence(value) and type(value) in (list, tuple):
        return type(value)([as_tensors(item, double) for item in value])
    if isinstance(value, Tensor) and value.dtype is torch.float64 and value.ndim and not double:
        return to_tensor(value, "a batch")
    return value
