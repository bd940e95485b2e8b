"""One model, many processes: under `torchrun` or `accelerate launch` the same script trains on each of them.

processes.py    who they are, how they agree, and what happens when one of them is lost
work.py         what one process does of the batches of `fit`, `evaluate` and `predict`
share.py        the part of each batch that is its own, and what that counts in the whole
loading.py      a `DataLoader` of which each process reads its part only
wrapping.py     gradients averaged by torch's DistributedDataParallel, through accelerate; weights and statistics made equal
sharding.py     weights in parts (FSDP2), for models that do not fit on one device

Each process runs the whole script. `batch_size` is that of all of them together: every batch is cut into nearly equal parts, and the
parts are weighted so that the update is that of one process with the whole batch. None of these files is imported while one process
trains alone. The processes trust each other and the network between them; on one machine they talk through 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...errors import ArgumentError, shown, suggestion

if TYPE_CHECKING:
    from ..callbacks.base import Callback
    from ..compile import Compiled
    from ..data.feed import Feed
    from ..engine import Engine

P = ParamSpec("P")
R = TypeVar("R")

_KINDS = ("auto", "ddp", "fsdp2", False)


def launched() -> int:
    """The number of processes that were started together; 1 where this one is alone."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return int(os.environ.get("WORLD_SIZE") or 1)


def checked(distribute: Any) -> Any:
    """An argument of `compile`.

    Raises:
        ArgumentError: it is none of 'auto', 'ddp', 'fsdp2' and False.
    """
    if not any(distribute is kind or (isinstance(distribute, str) and distribute == kind) for kind in _KINDS):
        raise ArgumentError(
            f"compile(distribute={shown(distribute)}): wanted 'auto', 'ddp', 'fsdp2', or False to train in each process alone",
            suggestion(distribute, [kind for kind in _KINDS if kind]),
        )
    return distribute


def together(function: Callable[P, R]) -> Callable[P, R]:
    """`fit`, `evaluate` and `predict` as something that all processes do together, where there are several."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if launched() < 2:
            return function(*args, **kwargs)
        from .work import run

        return cast("R", run(function, args, kwargs))

    return call


def divide(engine: Engine, feed: Feed) -> None:
    """The engine computes this process's part of what the feed gives, where several work together."""
    if launched() > 1:
        from .work import Work, current

        group = current()
        if group is not None:
            engine.work = Work(group, engine, feed)


def heard(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks that run in this process: those that talk or write run in the first one only."""
    found = list(callbacks)
    if launched() > 1:
        from .work import current

        group = current()
        if group is not None and not group.first:
            found = [callback for callback in found if callback.every_process]
    return found


def streams() -> Tensor | None:
    """The states of torch's generators of all processes that work together, one a row; None where this one is alone. All must ask."""
    if launched() > 1:
        from .work import current

        group = current()
        if group is not None:
            return torch.stack(group.each(torch.get_rng_state()))
    return None


def set_stream(states: Tensor) -> None:
    """Goes on with this process's row of what `streams` gave."""
    torch.set_rng_state(states[dist.get_rank()].clone())  # torch reads a view from where its storage begins, and crashes


@contextlib.contextmanager
def whole(module: nn.Module, alone: bool = False) -> Generator[bool]:
    """Whether this process is the one that writes; within, it has all weights of the module. All processes come here together.

    Args:
        alone: this process works by itself, and writes what it has.

    >>> with whole(nn.Linear(2, 1)) as writes:
    ...     print(writes)
    True
    """
    if launched() < 2 or alone:
        yield True
        return
    from .sharding import gathering

    with gathering(module) as writes:
        yield writes


def refuse_one_batch(compiled: Compiled | None) -> None:
    """Weights that every process trains by itself drift apart in silence.

    Raises:
        ArgumentError: several processes, and nobody has said that each works alone.
    """
    if launched() > 1 and compiled is not None and compiled.distribute is not False:
        raise ArgumentError(
            f"train_on_batch trains in this process only, and there are {launched()}: their weights would drift apart",
            "fit; or compile(..., distribute=False), if that is what you want",
        )
