"""What one process does of the batches of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ArgumentError, DataError
from ...modes import unbuilt
from ..binding import Binding, Masks
from ..compile import Compiled
from ..data.feed import Feed
from ..engine import Engine
from .loading import read_part
from .processes import Group, is_alone, join
from .sharding import has_shards, is_sharded, shard, unfuse
from .share import Share, keep_to_itself, part
from .wrapping import average_gradients, average_statistics, synchronize, wrapped

_current: ContextVar[Group | None] = ContextVar("layergraph_group", default=None)


def current() -> Group | None:
    """The processes that work together just now."""
    return None if is_alone() else _current.get()


def run(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Calls `fit`, `evaluate` or `predict`, for `args[0]`, in all processes together."""
    if current() is not None:  # a callback has called: they are together already
        return function(*args, **kwargs)
    compiled = next((value for value in (*args, *kwargs.values()) if isinstance(value, Compiled)), None)
    who = getattr(function, "__name__", "fit")
    group = join("auto" if compiled is None else compiled.distribute, who)
    if group is None:
        return function(*args, **kwargs)
    token = _current.set(group)
    try:
        return group.work(who, partial(_placed, function, group, compiled, args, kwargs))
    finally:
        _current.reset(token)


def _placed(function: Callable[..., Any], group: Group, compiled: Compiled | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    _place(args[0], group, compiled, getattr(function, "__name__", "fit"))
    return function(*args, **kwargs)


def _place(module: nn.Module, group: Group, compiled: Compiled | None, who: str) -> None:
    """The module on this process's device, its weights those of the first process, and in parts where they are to be."""
    if next(module.parameters(), None) is None:
        return  # nothing yet: the first batch builds it
    optimizer = None if compiled is None else compiled.optimizer
    sharded = has_shards(module)
    if group.device is not None and group.device.type == "cuda" and group.kind == "ddp" and not sharded:
        module.to(group.device)
        inner = getattr(optimizer, "torch_optimizer", optimizer)
        for state in inner.state.values() if isinstance(inner, torch.optim.Optimizer) else ():
            state.update({k: v.to(group.device) for k, v in state.items() if isinstance(v, Tensor) and v.ndim})
    synchronize(module, group, who)
    if group.kind == "fsdp2" and not sharded and unbuilt(module) is None:
        shard(module, group, optimizer)


class Work:
    """What this process does of the batches of one feed, for the engine that computes them.

    Raises:
        ArgumentError: steps of the user's own, or compiled ones.
        DataError: the processes were given different data.
    """

    def __init__(self, group: Group, engine: Engine, feed: Feed):
        self.group = group
        self.module = engine.module
        _refuse(engine)
        self.share = Share(group, lambda: engine.counts[0])
        self.runner: Any = None
        self.unused: list[nn.Parameter] = []
        self.built = unbuilt(engine.module) is None
        self.sharded = group.kind == "fsdp2" or has_shards(engine.module)
        if self.sharded:
            engine.without_gradients = torch.no_grad  # torch keeps gathered weights for the next pass, which may be one of training
        source: Any = feed.source
        if not group.same([getattr(source, "length", None), getattr(source, "batch_size", None), feed.steps]):
            raise DataError(
                "the processes were given different numbers of samples or batches: each one wants all data, and computes its own part",
                "the same arrays in every process",
            )
        feed.seed = group.tell(feed.seed)
        feed.divide = self.share.batches
        engine.forward.through = self.call
        if hasattr(source, "loader"):
            source.loader = read_part(source.loader, self.share)

    def agree_on_batches(self, functions: Sequence[Any]) -> bool:
        """Whether all ask each other after every batch whether to stop: where a callback that runs everywhere sees batches."""
        seen = [getattr(getattr(function, "__self__", None), "every_process", True) for function in functions]
        return self.group.any(any(seen))

    @property
    def counts(self) -> bool:
        """Whether this process has samples of the batch that runs; else it computes only because all must."""
        return self.share.here > 0

    def call(self, function: Any, *args: Any) -> Any:
        """The module, or its twin, so that torch averages the gradients."""
        if self.sharded and function is not self.module:
            raise ArgumentError("distribute='fsdp2' cannot run a model whose outputs carry masks", "compile(..., distribute='ddp')")
        return function(*args) if self.runner is None else self.runner(function, *args)

    def next_size(self) -> int:
        """A batch that was read is computed now: how many samples it has in all processes together."""
        self.share.begin()
        return self.share.all

    def losses_of(self, binding: Binding) -> Callable[..., tuple[Tensor, list[Tensor]]]:
        """What stands in for `binding.loss`: what the losses of a part of a batch add to those of the whole."""
        keep_to_itself(binding, self.group)

        def losses(
            ys: Sequence[Any], preds: Sequence[Any], ws: Sequence[Any], extra: Sequence[Tensor], masks: Masks = None
        ) -> tuple[Tensor, list[Tensor]]:
            self.share.weigh(binding.losses, ys, preds, ws, masks)
            return binding.loss(ys, preds, ws, [self._term(term) for term in extra], masks, self.share.scaled)

        return losses

    def _term(self, term: Any) -> Tensor:
        """What the model adds to the loss counts as a mean over its batch, which is right too for what does not depend on the batch.

        The penalty of weights in parts reaches the parts of this process only, and nobody averages it.
        """
        return term.full_tensor() if is_sharded(term) else term * self.share.mean

    def start(self, engine: Engine) -> None:
        """Before the first batch is learned from: the weights are there now."""
        if not self.built:
            synchronize(self.module, self.group, "fit")
            if self.group.kind == "fsdp2":
                if self.group.device is not None and self.group.device.type == "cuda":
                    raise ArgumentError(
                        "distribute='fsdp2' wants a model that has its weights", "call the model once, or build() it, before fit"
                    )
                shard(self.module, self.group)

    def after_backward(self, engine: Engine) -> None:
        """The first step averages the gradients by itself: it shows which of them there are, and torch's wrapper wants to know.

        Those that a loss does not reach (an output without a loss) stay with us.
        """
        if has_shards(self.module):
            if not engine.stepped:
                unfuse(engine.optimizer)
        elif self.runner is None:
            self.unused = average_gradients(engine.parameters, self.group)
            apart = {id(p) for p in self.unused}
            used = [p for p in engine.parameters if id(p) not in apart]
            if used:
                self.runner = wrapped(used, self.group)
                self.group.afterwards.append(self._unwrap)
        elif self.unused:
            average_gradients(self.unused, self.group)

    def _unwrap(self) -> None:
        """A wrapper that outlives its group has been seen to abort the process when that ends (torch 2.13), after all was well."""
        self.runner = None
        if self.group.accelerator is not None:
            self.group.accelerator._models.clear()

    def reduce(self, binding: Binding) -> None:
        """At the end of an epoch: what this process has counted becomes what all have."""
        average_statistics(self.module, self.group)
        self.share.reduce(binding)

    def assemble(self, parts: list[list[Any]]) -> list[list[Any]]:
        """The outputs of all batches in order, from what each process has of them; every process gets all."""
        sizes = list(self.share.sizes)
        size, own = self.group.size, self.group.rank
        counts = [[stop - start for start, stop in (part(total, rank, size) for _, total in sizes)] for rank in range(size)]
        most = max(sum(rows) for rows in counts)
        found: list[Any] = []
        for column in zip(*parts, strict=True):
            if not isinstance(column[0], Tensor) or not column[0].ndim:
                found.append(column[0])
                continue
            rows = torch.cat([leaf[:count] for leaf, count in zip(column, counts[own], strict=True)])
            padded = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
            order = torch.cat([torch.arange(count) + start for count, start in _runs(counts, most)])
            found.append(torch.cat(self.group.each(padded)).index_select(0, order))
        return [found]


def _refuse(engine: Engine) -> None:
    """What cannot be divided."""
    compiled = engine.compiled
    if not engine.divides:
        raise ArgumentError(
            f"{type(engine.module).__name__} has steps or metrics of its own, which are not divided over several processes",
            "compile(..., distribute=False) to run in each process alone; or a loop of yours over DistributedDataParallel(model)",
        )
    if compiled is not None and getattr(compiled, "jit_compile", False):
        raise ArgumentError(
            "compile(jit_compile=True) is not for several processes that train together yet", "jit_compile=False, or distribute=False"
        )


def _runs(counts: list[list[int]], most: int) -> list[tuple[int, int]]:
    """(length, start) of the rows of each batch's parts, in order, where the rows of each process stand below those of the one before."""
    starts = [rank * most for rank in range(len(counts))]
    found: list[tuple[int, int]] = []
    for batch in range(len(counts[0])):
        for rank, rows in enumerate(counts):
            found.append((rows[batch], starts[rank]))
            starts[rank] += rows[batch]
    return found
