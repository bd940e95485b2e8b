"""Gradients averaged over the processes by torch's DistributedDataParallel; weights and moving statistics made equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...errors import DataError
from .processes import Group
from .sharding import is_sharded


class Calls(nn.Module):
    """What DistributedDataParallel wraps: it calls a function over these parameters, be it the module or a twin of it.

    It has no buffers, which torch's wrapper would send to all before every batch.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]):
        super().__init__()
        self.trained = nn.ParameterList(parameters)

    def forward(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


def wrapped(parameters: Sequence[nn.Parameter], group: Group) -> Any:
    """A runner `runner(function, *args)` after whose backward every process has the mean gradients of these parameters."""
    calls = Calls(parameters)
    return nn.parallel.DistributedDataParallel(calls) if group.accelerator is None else group.accelerator.prepare_model(calls)


def synchronize(module: nn.Module, group: Group, who: str) -> None:
    """Weights and buffers become those of the first process; parts of weights (FSDP2) are one already.

    Raises:
        DataError: the processes have different models.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if not group.same([[name, list(t.shape), str(t.dtype)] for name, t in tensors.items()]):
        raise DataError(f"{who}: the processes have different models", "every process must build the same model")
    with torch.no_grad():
        for tensor in tensors.values():
            if not is_sharded(tensor):
                tensor.copy_(group.from_first(tensor))


def average_gradients(parameters: Sequence[nn.Parameter], group: Group) -> list[nn.Parameter]:
    """Every process has the mean gradients; given back are the parameters that have none in some process."""
    counts = group.total(torch.tensor([p.grad is not None for p in parameters], dtype=torch.int64))
    used = [int(count) for count in counts]
    for p, count in zip(parameters, used, strict=True):
        if count:
            gradient = torch.zeros_like(p) if p.grad is None else p.grad
            dist.all_reduce(gradient)
            p.grad = gradient / group.size
    return [p for p, count in zip(parameters, used, strict=True) if count < group.size]


def average_statistics(module: nn.Module, group: Group) -> None:
    """Moving means and variances become the mean of those of the processes, each of which has seen its own parts only.

    Keras's distributed training does the same, on reading them.
    """
    found: list[Tensor] = []
    for part in module.modules():
        for name in ("running_mean", "running_var"):
            value = part._buffers.get(name)
            if value is not None and part.training and not isinstance(part, nn.SyncBatchNorm):
                found.append(value)
    if not found:
        return
    mean = group.total(torch.cat([value.double().flatten() for value in found])) / group.size
    start = 0
    for value in found:
        value.copy_(mean[start : start + value.numel()].view_as(value))
        start += value.numel()
