"""The part of each batch that one process computes, and what it counts in the whole.

With N samples in a batch and n of them here, a loss that is a mean counts n W / N, of W processes whose gradients are averaged: the
average is then the gradient of the whole batch. A sum counts W. A mean over weights or masked steps counts by what it divides by.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError, DataError
from ..binding import Binding, BoundLoss, Masks
from ..data.datasets import Samples
from ..data.source import Batch, Source
from ..losses.base import Loss
from ..losses.foreign import TorchFunctionLoss, TorchLoss
from ..losses.functions import masked_weight
from ..metrics.base import Metric
from ..metrics.foreign import ForeignMetric
from .processes import Group

_SUMS = ("sum", "none", None)
_WEIGHTED = ("cross_entropy_loss", "nll_loss", "cross_entropy")  # whose mean is one over the weights of the classes that occur


def part(size: int, rank: int, count: int) -> tuple[int, int]:
    """Where the part of one of `count` processes begins and ends in a batch of `size`: the first ones have one sample more.

    >>> [part(8, rank, 3) for rank in range(3)]
    [(0, 3), (3, 6), (6, 8)]
    """
    each, rest = divmod(size, count)
    start = rank * each + min(rank, rest)
    return start, start + each + (rank < rest)


class Share:
    """What one process does of the batches of one feed.

    Args:
        group: the processes.
        inputs: how many tensors of a batch are inputs; asked at the first batch.
    """

    def __init__(self, group: Group, inputs: Callable[[], int]):
        self.group = group
        self.inputs = inputs
        self.sizes: deque[tuple[int, int]] = deque()  # (here, in all) of the batches that were read and are not computed yet
        self.here, self.all = 0, 0
        self.factors: list[Tensor | float] = []
        self.cut = True  # False where a loader reads this process's part only
        self.read = False

    # --- reading

    def take(self, batch: Batch) -> Batch:
        """This process's part of a batch; where nothing is left for it, the whole batch, which then counts nothing."""
        if not self.cut:
            return batch
        size = int(batch[0].shape[0])
        if not self.read:
            self.read = True
            self._check(batch)
        start, stop = part(size, self.group.rank, self.group.size)
        self.sizes.append((stop - start, size))
        return batch if start == stop else tuple(t[start:stop] for t in batch)

    def _check(self, batch: Batch) -> None:
        """The processes must read the same: the targets of the first batch are compared (inputs may be changed at random)."""
        first = batch[min(self.inputs(), len(batch) - 1)]
        digest = hashlib.sha256(first.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
        if not self.group.same([[list(t.shape) for t in batch], digest]):
            raise DataError(
                "the processes were given different data: each one reads every batch and computes its own part of it",
                "the same arrays in every process; a generator or IterableDataset that draws from a generator with a fixed seed; or "
                "a DataLoader over a Dataset with __getitem__, of which each process reads its part only",
            )

    def batches(self, source: Source, order: Tensor | None, start: int = 0) -> Iterator[Batch]:
        """This process's part of the batches of an epoch from number `start` on; of a dataset of samples it reads no others."""
        self.sizes.clear()
        if not isinstance(source, Samples):
            return map(self.take, source.batches(order, start))
        return self._of_samples(source, order, start)

    def _of_samples(self, source: Samples, order: Tensor | None, start: int) -> Iterator[Batch]:
        rank, size = self.group.rank, self.group.size
        spare: Batch | None = None
        for number, batch in enumerate(source.batches(order, start, part=(rank, size)), start):
            self.sizes.append((len(batch[0]), min(source.batch_size, source.length - number * source.batch_size)))
            if len(batch[0]):
                spare = batch
            else:  # what stands in for it counts nothing
                batch = tuple(t.new_zeros(1, *t.shape[1:]) for t in batch) if spare is None else tuple(t[:1] for t in spare)
            yield batch

    # --- losses

    def begin(self) -> None:
        """The next batch that was read is computed now."""
        self.here, self.all = self.sizes.popleft()

    def weigh(self, bound: Sequence[BoundLoss], ys: Sequence[Any], preds: Sequence[Any], ws: Sequence[Any], masks: Masks) -> None:
        """Finds out what the loss of each output counts here."""
        found = [self._divisor(one.loss, ys[one.output], preds[one.output], ws[one.output], masks and masks[one.output]) for one in bound]
        tensors = [d.detach().double() if self.here else d.new_zeros((), dtype=torch.float64) for d in found if isinstance(d, Tensor)]
        scales: Iterator[Tensor] = iter(())
        if tensors:
            own = torch.stack(tensors)
            total = self.group.total(own)
            scales = iter((own * self.group.size / torch.where(total == 0, 1.0, total)).to(preds[0].dtype).unbind())
        whole = float(self.group.size) if self.here else 0.0
        self.factors = [next(scales) if isinstance(d, Tensor) else whole if d == "sum" else self.mean for d in found]

    def scaled(self, position: int, value: Tensor) -> Tensor:
        """The loss of an output, times what it counts here."""
        factor = self.factors[position]
        if isinstance(factor, Tensor):  # a mean over nothing is NaN in torch, and counts nothing
            return torch.where(factor == 0, 0.0, value * factor)
        return value if factor == 1.0 else value * factor

    @property
    def mean(self) -> float:
        """What a mean over the samples counts here."""
        return self.here * self.group.size / self.all if self.all else 1.0

    @staticmethod
    def _divisor(loss: Loss, y: Any, pred: Any, weight: Any, mask: Any) -> Tensor | str:
        """What a loss divides by here, where that is not the same for all samples; else 'sum' or 'mean'."""
        if isinstance(loss, (TorchLoss, TorchFunctionLoss)):
            if loss.reduction == "mean" and weight is None and mask is None and loss.name in _WEIGHTED:
                of_module = isinstance(loss, TorchLoss)
                options = {**vars(loss.module), **loss.module._buffers} if of_module else getattr(loss.function, "keywords", {})
                return _class_weights(options, y, pred)
            return "sum" if loss.reduction == "sum" else "mean" if mask is None else mask.sum()
        if loss.reduction in _SUMS:
            return "sum"
        own = loss.counts(pred.select(getattr(loss, "axis", -1), 0), y)
        mask = own if mask is None else mask if own is None else own & mask
        if loss.reduction == "mean_with_sample_weight":
            weights = masked_weight(weight, mask, loss.reduction)
            return "mean" if weights is None else weights.sum()
        return "mean" if mask is None else mask.sum()

    def reduce(self, binding: Binding) -> None:
        """Running means and metrics of this process become those of all of them."""
        running = [binding.total, *(bound.running for bound in binding.losses)]
        started = [one for one in running if one.total is not None]
        if started:
            totals = self.group.total(torch.stack([torch.as_tensor(one.total).double() for one in started])) / self.group.size
            for one, total in zip(started, totals.unbind(), strict=True):
                one.total = total
        for _, metric in (*binding.metrics, *binding.weighted):
            reduce_metric(metric, self.group)


def _class_weights(options: Mapping[str, Any], y: Tensor, pred: Tensor) -> Tensor | str:
    """What the mean of torch's cross-entropy divides by: the weights of the labels that are not ignored."""
    if y.is_floating_point() and y.shape == pred.shape:
        return "mean"
    ignored: int = options.get("ignore_index", -100)
    weights: Any = options.get("weight")
    labels = y.long()
    valid = labels != ignored
    if weights is None:
        return valid.sum()
    return (weights.to(pred.device)[torch.where(valid, labels, 0)] * valid).sum()


def reduce_metric(metric: Metric, group: Group) -> None:
    """The state of a metric becomes that of all processes.

    Raises:
        ArgumentError: a metric of the user's that does not say how its state is added up.
    """
    own: Any = metric
    if isinstance(metric, ForeignMetric):
        for foreign in _foreign(metric):
            foreign.sync()
            foreign._computed = None  # what a callback has looked at was this process's own
    elif hasattr(own, "reduce_state"):
        own.reduce_state(group.total)
    elif hasattr(metric, "total"):
        for name in ("total", "count"):
            if hasattr(metric, name):
                setattr(metric, name, group.total(torch.as_tensor(getattr(metric, name)).double()))
    else:
        raise ArgumentError(
            f"the metric {metric.name!r} does not say how it is added up over processes",
            "write reduce_state(self, sum_over_processes): each tensor of its state, summed by that function",
        )


def _foreign(metric: Metric) -> list[Any]:
    """The metrics of torchmetrics in a metric; several where it is a collection of them."""
    if not isinstance(metric, ForeignMetric):
        return []
    return [part for part in list(metric._parts().values()) or [metric.metric] if hasattr(part, "sync")]


def keep_to_itself(binding: Binding, group: Group) -> None:
    """A metric of torchmetrics would gather at each look, which not every process takes: for the time it waits to be told."""
    for _, metric in (*binding.metrics, *binding.weighted):
        for foreign in _foreign(metric):
            for name in ("sync_on_compute", "_to_sync"):  # the second is what compute() reads, set from the first when it is made
                if getattr(foreign, name, False):
                    setattr(foreign, name, False)
                    group.afterwards.append(partial(setattr, foreign, name, True))
