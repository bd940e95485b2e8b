"""The batches of each epoch: their order, and where an epoch stands."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from ...errors import CheckpointError, DataError, user_place, warn_at
from .. import checkpoint
from .arrays import Arrays
from .source import Batch, Source

_TOLD = {"steps": "the number of batches", "length": "the number of samples", "batch_size": "batch_size", "shuffle": "shuffle"}


class Feed:
    """The batches of each epoch, from any source; with `limit`, an epoch goes on where the last one stopped.

    The order of an epoch is a function of the seed, one number from torch's generator, and the epoch: an epoch can begin at any
    batch. A loader that has its own order is opened again with the random numbers it was opened with, and read up to there.

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
        self.remembers = False  # whether a loader's random numbers are kept when it is opened: for checkpoints
        self._before: Any = None
        self._opened = 0  # the epoch for which the source was opened
        self._resumes = False
        source.tell(watch)

    def _open(self, epoch: int) -> Iterator[Batch]:
        """The source from its first batch on; or from where a checkpoint was written."""
        if self._resumes:
            self._resumes = False
            return self._reopened()
        self._opened = epoch
        if self.source.lasting:
            self._seen = 0
        if self.remembers and self.source.length is None:
            self._before = [checkpoint.random_state(), [g.get_state() for g in self._generators()]]
        return self._batches(0)

    def _batches(self, start: int) -> Iterator[Batch]:
        order = self.source.order(self.shuffle, self.seed, self._opened)
        return self.source.batches(order, start) if self.divide is None else self.divide(self.source, order, start)

    def _reopened(self) -> Iterator[Batch]:
        self.source.on_epoch_begin(self._opened, self.seed)
        if self.source.length is not None:
            return self._batches(self._seen)
        now = checkpoint.random_state()
        random, generators = self._before
        checkpoint.set_random_state(random)
        for generator, state in zip(self._generators(), generators, strict=True):
            generator.set_state(state)
        iterator = self._batches(0)
        for _ in range(self._seen):
            next(iterator, None)
        checkpoint.set_random_state(now)
        return iterator

    def _generators(self) -> list[torch.Generator]:
        """The generators of a user's DataLoader."""
        loader: Any = getattr(self.source, "loader", None)
        sampler = getattr(loader, "sampler", None)
        owners = [loader, sampler, getattr(loader, "batch_sampler", None), getattr(getattr(loader, "batch_sampler", None), "sampler", None)]
        found = [getattr(owner, "generator", None) for owner in owners]
        return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from number `start` on: the rest of an epoch that has begun, after `load_state_dict`."""
        source = self.source
        source.on_epoch_begin(epoch, self.seed)
        if self.limit is None and source.lasting:
            yield from self._open(epoch)
        else:
            yield from self._limited(epoch, start)
        source.on_epoch_end()

    def _limited(self, epoch: int, start: int) -> Iterator[Batch]:
        if self.afresh and self.source.lasting:
            self._iterator = None
        for step in itertools.count(start) if self.limit is None else range(start, self.limit):
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
            self._iterator = self._open(epoch)
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

    # --- checkpoints

    def state_dict(self, epoch: int | None, step: int) -> dict[str, Any]:
        """The seed, and the place: `step` batches of `epoch` were given out; None where no epoch has begun."""
        if self.limit is None and self.source.lasting:
            place = None if epoch is None else (epoch, step)
        else:
            place = None if self._iterator is None or self.afresh else (self._opened, self._seen - (self._waiting is not None))
        generators = [g.get_state() for g in self._generators()]
        return {**self._described(), "seed": self.seed, "place": place, "before": self._before if place else None, "generators": generators}

    def check(self, state: Mapping[str, Any], who: str) -> None:
        """Whether a training can go on with these data.

        Raises:
            CheckpointError: another number of batches or samples, another batch size; a generator that cannot be rewound.
        """
        for name, here in self._described().items():
            if state[name] != here:
                raise checkpoint.unfit(who, _TOLD.get(name, name), state[name], here)
        if len(state["generators"]) != len(self._generators()):
            raise checkpoint.unfit(who, "the number of the DataLoader's generators", len(state["generators"]), len(self._generators()))
        loader: Any = getattr(self.source, "loader", None)
        fresh = inspect.isgenerator(loader) and inspect.getgeneratorstate(loader) == inspect.GEN_CREATED
        if state["place"] is not None and not self.source.lasting and not fresh:
            raise CheckpointError(
                f"{who} was written after batch {state['place'][1]} of an iterator, and this one cannot be brought there",
                "a generator that was not read yet, a DataLoader, or arrays",
            )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stands where `state_dict` was called: the next `epoch` gives the batches after that."""
        self.seed = state["seed"]
        self._iterator = None
        self._resumes = state["place"] is not None
        self._opened, self._seen = state["place"] or (0, 0)
        self._before = state["before"]
        for generator, saved in zip(self._generators(), state["generators"], strict=True):
            generator.set_state(saved)

    def _described(self) -> dict[str, Any]:
        source = self.source
        return {
            "steps": self.steps,
            "limit": self.limit,
            "length": source.length,
            "batch_size": getattr(source, "batch_size", None) or getattr(getattr(source, "loader", None), "batch_size", None),
            "shuffle": str(self.shuffle) if source.length is not None else None,
        }


def _tell_end(what: str) -> None:
    warn_at(
        user_place(),
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
        f"`steps_per_epoch * epochs` batches: {what}. A DataLoader or a PyDataset can be read again, a generator cannot.",
    )
