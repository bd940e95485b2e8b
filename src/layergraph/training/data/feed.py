"""The batches of each epoch: their order, and where an epoch stands."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch

from ...errors import DataError, user_place, warn_at
from .arrays import Arrays
from .source import Batch, Source


class Feed:
    """The batches of each epoch, from any source; with `limit`, an epoch goes on where the last one stopped.

    Args:
        watch: is told the structure of the batches.
        limit: batches in an epoch.
        afresh: with `limit`, whether each epoch begins at the first batch again, as each validation does.
    """

    def __init__(
        self,
        watch: Callable[[Arrays], None],
        source: Source,
        shuffle: bool | str = False,
        limit: int | None = None,
        *,
        afresh: bool = False,
    ):
        self.source = source
        self.shuffle = shuffle
        # one number from torch's generator: the order of an epoch is a function of it and the epoch
        self.seed = int(torch.randint(2**62, ())) if (shuffle and source.length is not None) or source.workers else 0
        self.limit = limit
        self.afresh = afresh
        self.steps = limit or source.steps
        self.divide: Callable[..., Iterator[Batch]] | None = None  # of each batch, what this process computes
        self._iterator: Iterator[Batch] | None = None
        self._waiting: Batch | None = None
        self._seen = 0
        self._told = False  # that the data have ended
        source.tell(watch)

    def _open(self, epoch: int) -> Iterator[Batch]:
        order = self.source.order(self.shuffle, self.seed, epoch)
        return self.source.batches(order) if self.divide is None else self.divide(self.source, order)

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch."""
        source = self.source
        source.on_epoch_begin(epoch, self.seed)
        if self.limit is None and source.lasting:
            yield from self._open(epoch)
        else:
            yield from self._limited(epoch)
        source.on_epoch_end()

    def _limited(self, epoch: int) -> Iterator[Batch]:
        if self.afresh and self.source.lasting:
            self._iterator = None
        for step in itertools.count() if self.limit is None else range(self.limit):
            batch = self._draw(epoch)
            if batch is None:
                if not self._seen:
                    raise DataError("the data is empty: it gave no batch", "pass a new generator: one that has ended gives nothing more")
                if self.limit is not None:
                    self._told = True
                    _tell_end(f"epoch {epoch + 1} wanted {self.limit} and had {step}")
                return
            yield batch
        if self._seen == self.source.steps:
            self._iterator = None

    def _draw(self, epoch: int) -> Batch | None:
        batch, self._waiting = self._waiting, None
        if batch is not None:
            return batch
        if self._iterator is None:
            self._iterator, self._seen = self._open(epoch), 0 if self.source.lasting else self._seen
        batch = next(self._iterator, None)
        if batch is None:
            self._iterator = None
        else:
            self._seen += 1
        return batch

    def more(self, epoch: int) -> bool:
        """Whether there are batches for this epoch. Of what can be read only once, the next batch is drawn to see, and kept."""
        if self.source.lasting or not self._seen:
            return True
        if self._told:
            return False
        self.source.on_epoch_begin(epoch, self.seed)
        self._waiting = self._draw(epoch)
        if self._waiting is None:
            self._told = True
            _tell_end(f"epoch {epoch + 1} had none")
        return self._waiting is not None

    def close(self) -> None:
        """Lets go of workers and iterators."""
        self._iterator = self._waiting = None
        self.source.close()


def _tell_end(what: str) -> None:
    warn_at(
        user_place(),
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
        f"`steps_per_epoch * epochs` batches: {what}. A DataLoader or a PyDataset can be read again, a generator cannot.",
    )
