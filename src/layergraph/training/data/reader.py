"""What a loader gives, as flat tuples of tensors: taken apart with care once, and by the same path afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError, shown
from ...kinds import is_dict, is_sequence
from .arrays import Arrays
from .inputs import Inputs
from .source import Batch
from .tensors import to_structure
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
        # of a batch that needs no conversion: where its containers are, with their types and lengths, and where its tensors
        self._containers: list[tuple[Path, type, int]] = []
        self._leaves: list[Path] = []
        self._flat: tuple[Any, int] = (object, 0)

    def __call__(self, batch: Any) -> Batch:
        kind, count = self._flat
        if type(batch) is kind and len(batch) == count:
            if _as_it_is(batch):
                return batch if kind is tuple else tuple(batch)
        elif self._leaves:
            found = self._along_the_paths(batch)
            if found is not None:
                return found
        return self._read(batch)

    def _along_the_paths(self, batch: Any) -> Batch | None:
        for path, kind, count in self._containers:
            value = batch
            for key in path:
                value = value[key]
            if type(value) is not kind or len(value) != count:
                return None
        leaves: list[Any] = []
        try:
            for path in self._leaves:
                value = batch
                for key in path:
                    value = value[key]
                leaves.append(value)
        except KeyError:
            return None
        return tuple(leaves) if _as_it_is(leaves) else None

    def _read(self, batch: Any) -> Batch:
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
        self._flat, self._containers, self._leaves = (object, 0), [], []
        containers: list[tuple[Path, type, int]] = []
        places: dict[int, Path] = {}
        _walk(batch, (), containers, places)
        if not all(id(t) in places for t in flat):
            return
        leaves = [places[id(t)] for t in flat]
        if len(set(leaves)) != len(leaves) or len(leaves) != len(places):
            return  # one tensor twice, or one that is left out
        if len(containers) == 1 and leaves == [(i,) for i in range(len(flat))]:
            self._flat = (type(batch), len(flat))
        else:
            self._containers, self._leaves = containers, leaves


def _walk(value: Any, path: Path, containers: list[tuple[Path, type, int]], places: dict[int, Path]) -> None:
    if is_dict(value) or is_sequence(value):
        containers.append((path, type(value), len(value)))
        for key, item in value.items() if is_dict(value) else enumerate(value):
            _walk(item, (*path, key), containers, places)
    elif value is not None:
        places[id(value)] = path


def _as_it_is(leaves: Any) -> bool:
    """Whether these are tensors that need no conversion, of one length."""
    size = -1
    for t in leaves:
        if type(t) not in _UNCHANGED or t.dtype is torch.float64 or not t.ndim:
            return False
        if len(t) != size:
            if size >= 0:
                return False
            size = len(t)
    return True
