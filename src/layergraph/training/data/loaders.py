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
        self.close()
        number = start
        opened: Any = None
        try:
            self._opened = opened = self.given(order, start, part)
            part = ALL if self.divides else part
            for number, batch in enumerate(map(self.reader, opened), start + 1):  # noqa: B007 (told if the next one fails)
                yield batch if part == ALL else cut(batch, part)
        except Exception as error:
            error.add_note(f"layergraph: while batch {number + 1} of epoch {self.epoch + 1} was read from the {self.reader.what}")
            raise
        finally:
            if self._opened is opened:
                self.close()

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and self.lasting:
            shut(opened)


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


def shut(iterator: Any) -> None:
    """Ends what an iterator keeps running now, not when the last traceback that holds it is gone.

    Torch has no public way to end the workers of a DataLoader; those that are to persist belong to the loader, and stay.
    """
    workers = getattr(iterator, "_shutdown_workers", None)
    if workers is not None:
        if not getattr(iterator, "_persistent_workers", False):
            workers()
    elif isinstance(iterator, Generator):
        iterator.close()
