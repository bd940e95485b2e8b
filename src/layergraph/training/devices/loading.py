"""A `DataLoader` of which each process reads its part only: samples are read once, and not once a process."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from .processes import Group
from .share import Share, part

_AHEAD = 64  # batches whose indices are told at a time


class _Part:
    """The indices of this process's part of each batch. The first process draws them and tells the others: their order is one."""

    def __init__(self, batches: Iterable[Any], group: Group, sizes: deque[tuple[int, int]]):
        self.batches = batches
        self.group = group
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.batches)  # pyright: ignore[reportArgumentType] (where the loader's own has a length)

    def __iter__(self) -> Iterator[list[Any]]:
        self.sizes.clear()
        own = iter(self.batches) if self.group.first else iter(())
        while True:
            told: list[list[Any]] = self.group.tell(_plain(itertools.islice(own, _AHEAD)))
            for batch in told:
                start, stop = part(len(batch), self.group.rank, self.group.size)
                self.sizes.append((stop - start, len(batch)))
                yield batch[start:stop] or batch  # where nothing is left, a batch that counts nothing
            if len(told) < _AHEAD:
                return


def _plain(batches: Iterable[Any]) -> list[list[Any]]:
    return [[index if isinstance(index, str) else int(index) for index in batch] for batch in batches]


def read_part(given: Any, share: Share) -> Any:
    """The loader for this process's part; the loader itself where its batches cannot be told beforehand, and are cut once read.

    Its arguments are those of the loader: workers, collate_fn, pin_memory and so on.
    """
    loader: Any = given
    if not isinstance(given, DataLoader) or isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        return loader
    share.cut = False
    names = (
        "num_workers",
        "collate_fn",
        "pin_memory",
        "timeout",
        "worker_init_fn",
        "multiprocessing_context",
        "generator",
        "persistent_workers",
        "pin_memory_device",
    )
    options: dict[str, Any] = {name: getattr(loader, name) for name in names}
    if loader.num_workers:
        options["prefetch_factor"] = loader.prefetch_factor
    sampler: Any = _Part(loader.batch_sampler, share.group, share.sizes)
    make: Any = DataLoader
    return make(loader.dataset, batch_sampler=sampler, **options)
