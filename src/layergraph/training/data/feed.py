"""The batches of each epoch: their order, and where an epoch stands."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import torch

from ...errors import DataError
from .sources import Arrays, Batch, Loader, Source


class Feed:
    """The batches of each epoch, from arrays or a loader; with `limit`, an epoch goes on where the last one stopped."""

    def __init__(self, watch: Callable[[Arrays], None], source: Source, shuffle: bool | str = False, limit: int | None = None):
        self.watch = watch
        self.source = source
        self.shuffle = shuffle
        # one number from torch's generator: the order of an epoch is a function of it and the epoch
        self.seed = int(torch.randint(2**62, ())) if shuffle and isinstance(source, Arrays) else 0
        self.limit = limit
        self.steps = limit or source.steps
        self._iterator: Iterator[Batch] | None = None
        self._seen = 0
        if isinstance(source, Arrays):
            watch(source)

    def _open(self, epoch: int) -> Iterator[Batch]:
        if isinstance(self.source, Arrays):
            return self.source.batches(self.source.order(self.shuffle, self.seed, epoch))
        return self._loaded(self.source)

    def _loaded(self, loader: Loader) -> Iterator[Batch]:
        shape: tuple[int, int, int] | None = None
        for arrays in loader.read_all():
            counts = (len(arrays.xs), len(arrays.ys), len(arrays.ws))
            if shape is None:
                shape = counts
                self.watch(arrays)
            elif counts != shape:
                raise DataError(f"the loader's batches differ: one had {shape} inputs, targets and weights, another {counts}")
            yield (*arrays.xs, *arrays.ys, *arrays.ws)

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch."""
        if self.limit is None:
            yield from self._open(epoch)
            return
        if self._iterator is None:
            self._iterator, self._seen = self._open(epoch), 0
        for _ in range(self.limit):
            batch = next(self._iterator, None)
            if batch is None:
                self._iterator = None
                warnings.warn(
                    "Your input ran out of data; interrupting training. Make sure that your dataset can generate at least "
                    f"`steps_per_epoch * epochs` batches: this epoch wanted {self.limit}.",
                    stacklevel=2,
                )
                return
            self._seen += 1
            yield batch
        if self._seen == self.source.steps:
            self._iterator = None
