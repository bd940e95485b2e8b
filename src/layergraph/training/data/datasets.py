"""Datasets of torch that are passed as they are, and PyDatasets: their order is ours, a function of seed and epoch."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

from torch import Tensor
from torch.utils.data import DataLoader

from ...errors import DataError
from .loaders import Read
from .reader import Reader, as_tensors
from .source import Part, rows, seeded
from .structure import map_leaves


class Samples(Read):
    """A map-style dataset of samples, cut into batches by torch's DataLoader; starting late reads nothing of what is skipped."""

    divides = True

    def __init__(self, reader: Reader, dataset: Any, batch_size: int):
        super().__init__(reader)
        self.dataset = dataset
        self.batch_size = batch_size
        if not self.length:
            raise DataError(f"the data is empty: the {reader.what} has 0 samples")

    @property
    def length(self) -> int:  # asked each time: it may change between epochs
        return len(self.dataset)

    @property
    def steps(self) -> int:
        return -(-self.length // self.batch_size)

    def given(self, order: Tensor | None, start: int, part: Part) -> Iterator[Any]:
        chosen: Sequence[int] = range(self.length) if order is None else cast("list[int]", order.tolist())
        size = self.batch_size
        lists = [chosen[i : i + size] for i in range(start * size, len(chosen), size)]
        parts = [list(one[rows(len(one), part)]) for one in lists]
        # a batch with fewer rows than there are parts leaves some with none, of the shape that others have
        nothing = {i for i, one in enumerate(parts) if not one}
        batches: Any = [one or [lists[i][0]] for i, one in enumerate(parts)]
        given = iter(DataLoader(self.dataset, batch_sampler=batches, generator=seeded(self.seed, self.epoch)))
        return given if not nothing else (map_leaves(_no_rows, b) if i in nothing else b for i, b in enumerate(given))


def _no_rows(value: Any) -> Any:
    return value[:0]


class Batches(Read):
    """A PyDataset, whose items are batches: read one by one, or ahead by threads or processes."""

    def __init__(self, reader: Reader, dataset: Any):
        super().__init__(reader)
        self.dataset = dataset
        workers = int(getattr(dataset, "workers", 1))
        self.processes = bool(getattr(dataset, "use_multiprocessing", False))
        self.workers = workers if workers > 1 or (workers > 0 and self.processes) else 0
        self.ahead = max(1, int(getattr(dataset, "max_queue_size", 10)))
        if self.steps == 0:
            raise DataError(f"the data is empty: the {reader.what} has 0 batches")

    @property
    def length(self) -> int | None:  # asked each time: it may change between epochs
        return self.dataset.num_batches if hasattr(self.dataset, "num_batches") else len(self.dataset)

    @property
    def steps(self) -> int | None:
        return self.length

    def on_epoch_begin(self, epoch: int, seed: int) -> None:
        super().on_epoch_begin(epoch, seed)
        getattr(self.dataset, "on_epoch_begin", int)()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()

    def given(self, order: Tensor | None, start: int, part: Part) -> Iterator[Any]:
        length = self.length
        places: Iterable[int] = itertools.count(start) if length is None else range(start, length)
        if order is not None:
            places = cast("list[int]", order[start:].tolist())
        if not self.workers:
            return map(self.dataset.__getitem__, places)
        if not self.processes:
            return _by_threads(self.dataset, places, self.workers, self.ahead)
        return iter(
            DataLoader(
                self.dataset,
                batch_size=None,
                sampler=places,
                num_workers=self.workers,
                prefetch_factor=-(-self.ahead // self.workers),
                collate_fn=functools.partial(as_tensors, double=self.reader.double),  # tensors travel between processes in shared memory
                generator=seeded(self.seed, self.epoch),
            )
        )


def _by_threads(dataset: Any, places: Iterable[int], workers: int, ahead: int) -> Generator[Any]:
    """The items at `places`, in that order, of which at most `ahead` are prepared in advance."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="layergraph-data")
    waiting: deque[Future[Any]] = deque()
    try:
        for place in places:
            waiting.append(pool.submit(dataset.__getitem__, place))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
