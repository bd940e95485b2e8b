"""Data by the piece: splitting, windows over a series, batches from Python code."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from layergraph.errors import ArgumentError, DataError, shown

Samples = Dataset[Any]
Split = int | float | None


class PyDataset:
    """Batches made by Python code: subclass it, and write `__len__` (how many batches) and `__getitem__` (one whole batch).

    `on_epoch_begin` and `on_epoch_end` may be written too; `fit` calls them around the batches of each epoch, whose order it mixes unless
    `shuffle=False`. Keras also looks at a batch before it trains, and calls `on_epoch_end` before each validation. Iterating goes through
    the batches one by one, without workers. Also under the name `Sequence`.

    Args:
        workers: how many threads or processes prepare batches; one thread is the caller's own.
        use_multiprocessing: whether they are processes, those of a torch `DataLoader`; then the dataset is copied at each epoch.
        max_queue_size: how many batches are prepared in advance at most.

    >>> class Halves(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.arange(4)[2 * index : 2 * index + 2]
    >>> [batch.tolist() for batch in Halves()]
    [[0, 1], [2, 3]]
    """

    # of the class, so that a subclass that forgets super().__init__() works
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int | None:
        """How many batches there are: `len(self)`; a subclass without end gives None."""
        if hasattr(self, "__len__"):
            return len(cast(Any, self))
        raise NotImplementedError(f"{type(self).__name__} needs a method __len__(self): how many batches there are")

    def __getitem__(self, index: int) -> Any:
        """The batch at a position: `x`, `(x, y)` or `(x, y, sample_weight)`."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index): one whole batch")

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch: the place to shuffle."""


Sequence = PyDataset


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What `fit` takes as a batch: `x`, `(x,)` where `x` is a list or a tuple, `(x, y)` or `(x, y, sample_weight)`.

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight([1, 2]), pack_x_y_sample_weight(1, 2)
    (1, ([1, 2],), (1, 2))
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` from a batch, None for what it does not hold.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(cast("tuple[Any, ...]", data)) if isinstance(data, list | tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise DataError(f"a batch must be x, (x,), (x, y) or (x, y, sample_weight), but this one has {len(parts)} entries")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight


def split_dataset(
    dataset: Any,
    left_size: Split = None,
    right_size: Split = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Samples, Samples]:
    """Two datasets of torch: the first samples, and the last.

    Args:
        dataset: an array or a tensor, a list or a tuple of them of one length, or a `torch.utils.data.Dataset`.
        left_size: how many samples, an int, or which part of them, a float; None for what the right one leaves.
        right_size: the same for the last ones. If the two leave samples over, those in the middle are in neither.
        shuffle: whether to mix the samples first. Without it they keep their order, as in Keras on TensorFlow; Keras on torch mixes always.
        seed: of the mixing; None draws from torch's generator.
        preferred_backend: None or "torch".

    Returns:
        `torch.utils.data.Subset`s. A sample of arrays is a tuple of tensors, of one where one array was given.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right), right[0]
    (8, 2, (tensor(8),))
    """
    if preferred_backend not in (None, "torch"):
        raise ArgumentError(f"split_dataset: preferred_backend: layergraph runs on torch alone, got {shown(preferred_backend)}")
    source = _as_dataset(dataset)
    total = len(cast(Any, source))
    left, right = _sizes(left_size, right_size, total)
    if shuffle:
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        order = [int(index) for index in torch.randperm(total, generator=generator, device="cpu")]
    else:
        order = list(range(total))
    return Subset(source, order[:left]), Subset(source, order[total - right :])


def _as_dataset(dataset: Any) -> Samples:
    if isinstance(dataset, IterableDataset):
        samples = list(cast("IterableDataset[Any]", dataset))
        return cast(Samples, samples)
    if isinstance(dataset, Dataset):
        return cast(Samples, dataset)
    arrays = list(cast("list[Any]", dataset)) if isinstance(dataset, list | tuple) else [dataset]
    if not arrays or not all(isinstance(array, np.ndarray | Tensor) for array in arrays):
        raise TypeError(f"split_dataset: wanted a torch Dataset, an array or a list of arrays, got {shown(cast(object, dataset))}")
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise DataError(f"split_dataset: the arrays have different lengths: {', '.join(str(len(array)) for array in arrays)}")
    return TensorDataset(*(torch.as_tensor(array) for array in arrays))


def _sizes(left: Split, right: Split, total: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("split_dataset: at least one of `left_size` and `right_size` must be given", "left_size=0.8")
    first, last = _size("left_size", left, total), _size("right_size", right, total)
    first = total - cast(int, last) if first is None else first
    last = total - first if last is None else last
    if first + last > total:
        raise ArgumentError(f"split_dataset: left_size={left} and right_size={right} are more than all {total} samples together")
    if first == 0 or last == 0:
        which = "left" if first == 0 else "right"
        raise ArgumentError(f"split_dataset: with left_size={left} and right_size={right} of {total} samples the {which} part is empty")
    return first, last


def _size(name: str, size: Split, total: int) -> int | None:
    if size is None:
        return None
    whole = type(size) is int
    if not whole and type(size) is not float:
        raise TypeError(f"Invalid `{name}` Type. Expected: int or float or None, Received: {shown(size)}")
    if not 0 < size < (total if whole else 1):
        wanted = f"a positive integer smaller than {total}, or a float between 0 and 1"
        raise ArgumentError(f"split_dataset: `{name}` should be {wanted}. Received: {name}={size}")
    return int(size) if whole else round(size * total)


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str | None = None,
) -> DataLoader[Any]:
    """Windows over a series, as a torch `DataLoader`: batches (B, sequence_length, ...), or (windows, targets).

    A window is a view of the series until its batch is made. Keras gives a `tf.data.Dataset` or one of Grain: `format`, which says
    which of them, has no effect. With `shuffle`, every epoch has another order, of all windows.

    Args:
        data: (T, ...), an array or a tensor: the first axis is time.
        targets: `targets[i]` belongs to the window that begins at `data[i]`; None for windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps from the beginning of one window to that of the next.
        sampling_rate: steps from one step of a window to the next: `data[i], data[i + r], ...`
        batch_size: windows in a batch; None gives single ones.
        shuffle: whether to mix the windows. seed: of the mixing; None draws from torch's generator.
        start_index, end_index: windows use `data[start_index:end_index]` only.

    >>> batches = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, sequence_length=3, batch_size=2)
    >>> [(windows.tolist(), target.tolist()) for windows, target in batches]
    [([[0, 1, 2], [1, 2, 3]], [0, 10]), ([[2, 3, 4], [3, 4, 5]], [20, 30])]
    """
    series = _steps("data", data)
    start, stop = _bounds(len(series), start_index, end_index)
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < len(series):
            wanted = f"higher than 0 and lower than the length of the data, {len(series)}"
            raise ArgumentError(f"timeseries_dataset_from_array: `{name}` must be {wanted}. Received: {name}={value}")
    if sequence_length < 1:
        raise ArgumentError(f"timeseries_dataset_from_array: `sequence_length` must be at least 1, got {shown(sequence_length)}")
    series = series[start:stop]
    span = (sequence_length - 1) * sampling_rate + 1
    if span > len(series):
        raise DataError(f"timeseries_dataset_from_array: a window spans {span} steps, but there are {len(series)}")
    windows = series.unfold(0, span, 1)[..., ::sampling_rate].movedim(-1, 1)
    samples: Any
    if targets is None:
        samples = windows[::sequence_stride]
    else:
        values = _steps("targets", targets)
        count = min(len(windows), len(values))
        values = values[start:stop]
        if count > len(values):
            raise DataError(f"timeseries_dataset_from_array: {count} windows, but {len(values)} targets from start_index={start} on")
        samples = TensorDataset(windows[:count:sequence_stride], values[:count:sequence_stride])
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return DataLoader(samples, batch_size=batch_size, shuffle=shuffle, generator=generator)


def _steps(name: str, value: Any) -> Tensor:
    try:
        tensor = torch.as_tensor(value if isinstance(value, Tensor) else np.asarray(value))
    except TypeError as error:
        raise DataError(f"timeseries_dataset_from_array: `{name}` is no array of numbers: {error}") from None
    if tensor.ndim == 0:
        raise DataError(f"timeseries_dataset_from_array: `{name}` has no axes; its first axis must be time")
    return tensor


def _bounds(length: int, start: int | None, end: int | None) -> tuple[int, int]:
    first, last = start or 0, end or length
    if not 0 <= first < length or not first < last <= length:
        raise ArgumentError(
            f"timeseries_dataset_from_array: start_index={start} and end_index={end} are no part of {length} steps",
            f"0 <= start_index < end_index <= {length}",
        )
    return first, last
