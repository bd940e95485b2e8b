"""What `fit`, `evaluate` and `predict` read: arrays, tensors, or a loader of torch.

Arrays become tensors once, without a copy where that is possible, and batches are slices of them: no DataLoader stands
between an array and the model. A source yields flat tuples of tensors: inputs, then targets, then sample weights.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ...errors import DataError
from ...kinds import is_sequence, is_whole
from .inputs import Inputs
from .structure import flatten, is_nested, map_leaves
from .tensors import to_structure

Batch = tuple[Tensor, ...]

_CHUNK_BYTES = 4 << 20  # batches are gathered several at a time: about a cache full, at most 64 batches


class Arrays:
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
        self.length = self._common_length()
        self.batch_size = 32

    def _common_length(self) -> int:
        sizes = {"x": self.xs, "y": self.ys, "sample_weight": self.ws}
        lengths = {int(t.shape[0]) for tensors in sizes.values() for t in tensors}
        if len(lengths) > 1:
            told = [f"'{name}' sizes: {', '.join(str(t.shape[0]) for t in tensors)}" for name, tensors in sizes.items() if tensors]
            raise DataError(
                "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.",
                "the first axis of every array is the samples",
                details=told,
            )
        return lengths.pop() if lengths else 0

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return max(1, math.ceil(self.length / self.batch_size))  # of nothing, one empty batch

    def set_batch_size(self, batch_size: int | None, steps: int | None = None) -> Arrays:
        """32 unless given, or what `steps` batches need."""
        if batch_size is not None and (not is_whole(batch_size) or batch_size < 1):
            raise DataError(f"batch_size={batch_size!r}: wanted a whole number of at least 1")
        self.batch_size = int(batch_size) if batch_size is not None else max(1, math.ceil(self.length / steps)) if steps else 32
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
        part.length = stop - start
        return part

    def order(self, shuffle: bool | str, seed: int, epoch: int) -> Tensor | None:
        """The order of the samples in an epoch: a function of the seed and the epoch; None for the order as given."""
        if not shuffle:
            return None
        generator = torch.Generator().manual_seed((seed + 0x9E3779B97F4A7C15 * (epoch + 1)) % (1 << 63))
        if shuffle != "batch":
            return torch.randperm(self.length, generator=generator)
        whole = self.length // self.batch_size
        blocks = torch.arange(whole * self.batch_size).view(whole, self.batch_size)
        return torch.cat([blocks[torch.randperm(whole, generator=generator)].flatten(), torch.arange(whole * self.batch_size, self.length)])

    def batches(self, order: Tensor | None = None) -> Iterator[Batch]:
        """Tuples of tensors, one for each input, target and weight."""
        tensors = [*self.xs, *self.ys, *self.ws]
        size = self.batch_size
        batch_bytes = sum(t.element_size() * math.prod(t.shape[1:]) for t in tensors) * size
        chunk = size * max(1, min(64, _CHUNK_BYTES // max(batch_bytes, 1)))
        if order is None:
            for start in range(0, max(self.length, 1), chunk):
                yield from zip(*(torch.split(t[start : start + chunk], size) for t in tensors), strict=True)
            return
        indices = {t.device: order.to(t.device) for t in tensors}
        for start in range(0, self.length, chunk):
            yield from zip(*(torch.split(t.index_select(0, indices[t.device][start : start + chunk]), size) for t in tensors), strict=True)


class Loader:
    """Batches of a `torch.utils.data.DataLoader`: `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""

    def __init__(self, inputs: Inputs, loader: Any, *, double: bool = False):
        self.inputs = inputs
        self.loader = loader
        self.double = double
        try:
            self.steps: int | None = len(loader)
        except TypeError:
            self.steps = None
        if self.steps == 0:
            raise DataError("the data is empty: the DataLoader has 0 batches")

    def read(self, batch: Any) -> Arrays:
        """One batch, taken apart."""
        parts = batch if is_sequence(batch) else (batch,)
        if not 1 <= len(parts) <= 3:
            raise DataError(f"a batch must be (x,), (x, y) or (x, y, sample_weight), but this one has {len(parts)} entries")
        return Arrays(self.inputs, *parts, double=self.double)

    def read_all(self) -> Iterator[Arrays]:
        """All batches of an epoch."""
        return map(self.read, self.loader)


Source = Arrays | Loader


def is_array_like(x: Any) -> bool:
    """Whether `x` is arrays, and not something that makes batches."""
    return not isinstance(x, (Dataset, DataLoader)) and (is_nested(x) or hasattr(x, "__array__") or hasattr(x, "to_numpy"))


def make_source(
    module: nn.Module,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    who: str = "fit",
) -> Source:
    """The source for whatever was passed.

    Raises:
        DataError: wrong types, lengths or names; generators and PyDatasets, which cannot be read yet.
    """
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    double = first is not None and first.dtype is torch.float64
    inputs = Inputs(module)
    if x is None:
        raise DataError(f"{who}: `x` is None", "pass an array, a tensor, or a dict of them by input name")
    if is_array_like(x):
        arrays = Arrays(inputs, x, y, sample_weight, double=double)
        if arrays.length == 0 and not who.startswith("predict"):  # of nothing, nothing is learned, but the shape of the outputs is known
            raise DataError("the data is empty: `x` has 0 samples")
        return arrays.set_batch_size(batch_size, steps)
    kind = "generator" if inspect.isgenerator(x) else type(x).__name__
    if not isinstance(x, (DataLoader, Dataset)):
        raise DataError(
            f"{who}: Unrecognized data type: `x` is a {kind}; layergraph does not read generators and PyDatasets yet",
            "pass arrays, tensors, or a torch.utils.data.DataLoader",
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise DataError(
                f"{who}: When providing `x` as a {kind}, `{name}` should not be passed; the batches hold it",
                "yield (x, y) or (x, y, sample_weight)",
            )
    if isinstance(x, Dataset):
        shuffled = bool(shuffle) and not isinstance(x, IterableDataset)
        x = DataLoader(cast("Dataset[Any]", x), batch_size=batch_size or 32, shuffle=shuffled)
    return Loader(inputs, x, double=double)


def class_weights(y: Any, weights: Mapping[int, float]) -> Tensor:
    """A weight per sample from a weight per class; `y` is integer labels or one-hot.

    Raises:
        DataError: several outputs, or a class without a weight (Keras takes 1 in silence).
    """
    leaves = flatten(y)
    if len(leaves) != 1:
        raise DataError("`class_weight` is only supported for Models with a single output.", "pass sample_weight, one array per output")
    labels: Tensor = leaves[0]
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] != 1 else labels.squeeze(-1)
    labels = labels.round().long() if labels.is_floating_point() else labels.long()
    present, position = cast("tuple[Tensor, Tensor]", labels.unique(return_inverse=True))
    missing = [int(c) for c in present if int(c) not in weights]
    if missing:
        raise DataError(
            f"class_weight has no entry for class {missing[0]}; it has {sorted(weights)}", f"class_weight={{..., {missing[0]}: 1.0}}"
        )
    return torch.tensor([float(weights[int(c)]) for c in present], device=labels.device)[position]
