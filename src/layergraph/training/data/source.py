"""`Source`: the one interface to everything that training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .inputs import Inputs

if TYPE_CHECKING:
    from .arrays import Arrays

Batch = tuple[Tensor, ...]
Part = tuple[int, int]

ALL: Part = (0, 1)


class Source:
    """What an epoch reads: flat tuples of tensors, inputs first, then targets, then sample weights.

    Attributes:
        lasting: whether it can be read again; a generator cannot.
        workers: processes or threads of ours that prepare batches.
    """

    inputs: Inputs
    lasting: bool = True
    workers: int = 0

    @property
    def length(self) -> int | None:
        """How many numbers an order has: samples, or batches of a PyDataset; None where the order is not ours to choose."""
        return None

    @property
    def steps(self) -> int | None:
        """Batches in an epoch; None where nobody knows."""
        return None

    def tell(self, watch: Callable[[Arrays], None]) -> None:
        """Has `watch` called with the structure of a batch, once: now for arrays, else before the first batch is given out."""
        raise NotImplementedError

    def order(self, shuffle: bool | str, seed: int, epoch: int) -> Tensor | None:
        """The order of an epoch, a function of the seed and the epoch: indices 0..length - 1; None for the order as given.

        With shuffle='batch' whole batches of samples are mixed, and the last, smaller one stays last.
        """
        length = self.length
        size: int | None = getattr(self, "batch_size", None)  # where samples are put into batches here
        if not shuffle or length is None:
            return None
        if shuffle != "batch" or size is None:
            return torch.randperm(length, generator=seeded(seed, epoch))
        whole = length // size
        blocks = torch.arange(whole * size).view(whole, size)
        mixed = blocks[torch.randperm(whole, generator=seeded(seed, epoch))].flatten()
        return torch.cat([mixed, torch.arange(whole * size, length)])

    def batches(self, order: Tensor | None = None, start: int = 0, part: Part = ALL) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on, in an order that `order()` gave, or any other.

        Args:
            order: indices; None for the order as given.
            start: the first batch to give. What has an order does not read those before it; others read and drop them.
            part: (r, n): of each batch only the r-th of n parts of its rows, as even as can be, in their order.
        """
        raise NotImplementedError

    def on_epoch_begin(self, epoch: int, seed: int) -> None:
        """Called before the batches of an epoch, counted from 0, are drawn. The random numbers of workers depend on both."""

    def on_epoch_end(self) -> None:
        """Called when the batches of an epoch were drawn, not when it was broken off."""

    def close(self) -> None:
        """Lets go of workers and iterators; the source can be read again."""


def seeded(seed: int, epoch: int) -> torch.Generator:
    """A generator of its own for each seed and epoch."""
    return torch.Generator().manual_seed((seed + 0x9E3779B97F4A7C15 * (epoch + 1)) % (1 << 63))


def rows(size: int, part: Part) -> slice:
    """The rows of a batch of `size` that belong to a part.

    >>> [rows(7, (r, 3)) for r in range(3)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
    """
    r, n = part
    return slice(size * r // n, size * (r + 1) // n)


def cut(batch: Batch, part: Part) -> Batch:
    """The rows of a batch that belong to a part."""
    return batch if part == ALL else tuple(t[rows(len(t), part)] for t in batch)
