"""What gives batches itself, as a source: DataLoaders, iterables and generators."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from torch import Tensor

from ...errors import DataError
from .arrays import Arrays
from .reader import Reader
from .source import ALL, Batch, Part, Source, cut


class Read(Source):
    """A source whose batches are taken apart as they come."""

    divides = False

    def __init__(self, reader: Reader):
        self.reader = reader
        self.inputs = reader.inputs
        self.epoch = self.seed = 0
        self._opened: Any = None

    def tell(self, watch: Callable[[Arrays], None]) -> None:
        self.reader.watch = watch

    def on_epoch_begin(self, epoch: int, seed: int) -> None:
        self.epoch, self.seed = epoch, seed

    def given(self, order: Tensor | None, start: int, part: Part) -> Iterator[Any]:
        """The batches as they come, from number `start` on; those of a part where `divides` says so."""
        raise NotImplementedError

    def batches(self, order: Tensor | None = None, start: int = 0, part: Part = ALL) -> Iterator[Batch]:
        self.shut()
        number = start
        opened: Any = None
        try:
            self._opened = opened = self.given(order, start, part)
            part = ALL if self.divides else part
            for number, batch in enumerate(map(self.reader, opened), start + 1):  # noqa: B007 (told if the next one fails)
                yield batch if part == ALL else cut(batch, part)
        except Exception as error:
            where = f"layergraph: while batch {number + 1} of epoch {self.epoch + 1} was read from the {self.reader.what}"
            dead = _died(opened, 0.1) if isinstance(error, (RuntimeError, OSError, EOFError)) else None
            if dead is None:
                error.add_note(where)
                raise
            self.bury(opened)
            death = error if isinstance(error, RuntimeError) else RuntimeError(f"DataLoader worker (pid {dead}) exited unexpectedly")
            death.add_note(
                f"{where}, the worker process {dead} died, often for want of memory; num_workers=0 would show an error of its own"
            )
            raise death from (None if death is error else error)
        finally:
            if self._opened is opened:
                self.shut()

    def shut(self) -> None:
        """Ends what prepares batches."""
        opened, self._opened = self._opened, None
        if opened is not None and self.lasting:
            shut(opened) if _died(opened) is None else self.bury(opened)

    def bury(self, iterator: Any) -> None:
        """Ends the workers that are left, one of which has died."""
        shut(iterator, persistent=True)

    def close(self) -> None:
        self.shut()


class Loader(Read):
    """The batches of a user's `DataLoader`, or of any iterable of batches; an iterator or a generator can be read once."""

    def __init__(self, reader: Reader, loader: Iterable[Any]):
        super().__init__(reader)
        self.loader = loader
        self.lasting = not isinstance(loader, Iterator)
        if self.steps == 0:
            raise DataError(f"the data is empty: the {reader.what} has 0 batches")

    @property
    def steps(self) -> int | None:
        try:
            return len(self.loader)  # pyright: ignore[reportArgumentType] (tried)
        except (TypeError, NotImplementedError):
            return None

    def given(self, order: Tensor | None, start: int, part: Part) -> Iterator[Any]:
        iterator = iter(self.loader)
        for _ in range(start):
            next(iterator, None)
        return iterator

    def bury(self, iterator: Any) -> None:
        super().bury(iterator)
        if getattr(self.loader, "_iterator", None) is iterator:
            self.loader.__dict__["_iterator"] = None  # else the loader, whose workers persist, could not be read again

    def close(self) -> None:
        super().close()
        if not self.lasting:
            self.loader = ()  # a generator that nobody else keeps is closed


def _died(iterator: Any, patience: float = 0) -> int | None:
    """The id of a worker process of a DataLoader's iterator that was killed; what is seen of that first may be a lost connection."""
    for worker in getattr(iterator, "_workers", ()):
        if patience:
            worker.join(patience)
        if worker.exitcode:
            return worker.pid
    return None


def shut(iterator: Any, *, persistent: bool = False) -> None:
    """Ends what an iterator keeps running now, not when the last traceback that holds it is gone.

    Torch has no public way to end the workers of a DataLoader; those that are to persist belong to the loader, and stay.
    """
    workers = getattr(iterator, "_shutdown_workers", None)
    if workers is not None:
        if persistent or not getattr(iterator, "_persistent_workers", False):
            workers()
    elif isinstance(iterator, Generator):
        iterator.close()
