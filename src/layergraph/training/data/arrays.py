"""Arrays as a source: tensors of one length, cut into batches.

Arrays become tensors once, without a copy where that is possible, and batches are slices of them: no DataLoader stands
between an array and the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from ...kinds import is_whole
from .checks import check_batch_size
from .inputs import Inputs
from .source import ALL, Batch, Part, Source, rows
from .structure import flatten, map_leaves
from .tensors import to_structure

_CHUNK_BYTES = 4 << 20  # batches are gathered several at a time: about a cache full, at most 64 batches


class Arrays(Source):
    """Tensors of one length, cut into batches.

    Args:
        inputs: how the module takes its inputs.
        x, y, sample_weight: structures of arrays; y and sample_weight may be None.
    """

    def __init__(self, inputs: Inputs, x: Any, y: Any = None, sample_weight: Any = None, *, double: bool = False):
        self.inputs = inputs
        self.xs = inputs.flatten(to_structure(x, "x", double))
        self.y = None if y is None else to_structure(y, "y", double)
        self.weight = None if sample_weight is None else to_structure(sample_weight, "sample_weight", double)
        self.ys = [leaf for leaf in flatten(self.y) if leaf is not None]
        self.ws = [leaf for leaf in flatten(self.weight) if leaf is not None]
        self._length = self._common_length()
        self.batch_size = 32
        self.fixed: int | None = None  # the only batch size that the module takes

    def _common_length(self) -> int:
        sizes = {"x": self.xs, "y": self.ys, "sample_weight": self.ws}
        lengths = {int(t.shape[0]) for tensors in sizes.values() for t in tensors}
        if len(lengths) > 1 and not self.inputs.ragged:
            told = [f"'{name}' sizes: {', '.join(str(t.shape[0]) for t in tensors)}" for name, tensors in sizes.items() if tensors]
            turned = len(self.xs) == len(self.ys) == 1 and self.xs[0].ndim == 2 and self.xs[0].shape[1] == self.ys[0].shape[0]
            raise DataError(
                "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.",
                "the first axis of every array is the samples" + (": x.T" if turned else ""),
                details=told,
            )
        return lengths.pop() if lengths else 0

    def tell(self, watch: Callable[[Arrays], None]) -> None:
        if self.fixed is not None:
            check_batch_size(self.fixed, self.length, self.batch_size)
        watch(self)

    @property
    def length(self) -> int:
        """The number of samples."""
        return self._length

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return max(1, math.ceil(self.length / self.batch_size))  # of nothing, one empty batch

    def set_batch_size(self, batch_size: int | None, steps: int | None = None) -> Arrays:
        """32 unless given, or what `steps` batches need."""
        self.batch_size = checked_batch_size(batch_size) or (max(1, math.ceil(self.length / steps)) if steps else 32)
        return self

    def split(self, fraction: float) -> tuple[Arrays, Arrays]:
        """The first and the last part: the last `fraction` of the samples is for validation."""
        at = math.floor(self.length * (1.0 - fraction))
        if at in (0, self.length):
            raise DataError(
                f"Training data contains {self.length} samples, which is not sufficient to split it into a validation and training set as "
                f"specified by `validation_split={fraction}`",
                "provide more data, or another validation_split",
            )
        return self._cut(0, at), self._cut(at, self.length)

    def _cut(self, start: int, stop: int) -> Arrays:
        part = object.__new__(Arrays)
        part.__dict__.update(self.__dict__)
        part.xs = [t[start:stop] for t in self.xs]
        part.y = None if self.y is None else map_leaves(lambda t: t[start:stop], self.y)
        part.weight = None if self.weight is None else map_leaves(lambda t: t[start:stop], self.weight)
        part.ys = [leaf for leaf in flatten(part.y) if leaf is not None]
        part.ws = [leaf for leaf in flatten(part.weight) if leaf is not None]
        part._length = stop - start
        return part

    def batches(self, order: Tensor | None = None, start: int = 0, part: Part = ALL) -> Iterator[Batch]:
        """Tuples of tensors, one for each input, target and weight; starting late costs nothing."""
        tensors = [*self.xs, *self.ys, *self.ws]
        size = self.batch_size
        length = self.length if order is None else len(order)
        if part != ALL:
            whole = torch.arange(length) if order is None else order
            for begin in range(start * size, length, size):
                chosen = whole[begin : begin + size]
                chosen = chosen[rows(len(chosen), part)]
                yield tuple(t.index_select(0, chosen.to(t.device)) for t in tensors)
            return
        batch_bytes = sum(t.element_size() * math.prod(t.shape[1:]) for t in tensors) * size
        chunk = size * max(1, min(64, _CHUNK_BYTES // max(batch_bytes, 1)))
        if order is None:
            for begin in range(start * size, max(length, 1), chunk):
                yield from zip(*(torch.split(t[begin : begin + chunk], size) for t in tensors), strict=True)
            return
        indices = {t.device: order.to(t.device) for t in tensors}
        for begin in range(start * size, length, chunk):
            yield from zip(*(torch.split(t.index_select(0, indices[t.device][begin : begin + chunk]), size) for t in tensors), strict=True)


def checked_batch_size(batch_size: Any) -> int | None:
    """A batch size that was given, as an int."""
    if batch_size is None:
        return None
    if not is_whole(batch_size) or batch_size < 1:
        raise DataError(f"batch_size={batch_size!r}: wanted a whole number of at least 1")
    return int(batch_size)
