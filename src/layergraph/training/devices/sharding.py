"""Weights in parts: FSDP2, torch's `fully_shard`, for models that do not fit on one device.

accelerate shards on accelerators only; torch's own function, which it calls, works on CPU and gloo too, and is what is called here.
What `accelerate launch --use_fsdp --fsdp_version 2` was told (offloading, resharding, how to wrap) is read from accelerate's plugin.

A module that has been sharded stays so after `fit`: it is the same object with the same names, its weights are DTensors, and calling
it is done by all processes together. `gathering` gives full weights to the process that writes them.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, fx, nn

from .processes import Group, is_alone

_LEAST = 100_000  # parameters of a unit that is gathered by itself; FSDP_MIN_NUM_PARAMS says otherwise


def is_sharded(tensor: Any) -> bool:
    """Whether this process holds a part of the tensor only."""
    return hasattr(tensor, "full_tensor")


def has_shards(module: nn.Module) -> bool:
    """Whether any weight of a module is in parts."""
    return any(is_sharded(p) for p in module.parameters())


def shard(module: nn.Module, group: Group, optimizer: Any = None) -> None:
    """Leaves each process a part of each weight; the module stays the object it is. A built optimizer goes with it."""
    if has_shards(module):
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    before = dict(module.named_parameters())
    first = next(iter(before.values()))
    options: dict[str, Any] = {"mesh": init_device_mesh(first.device.type, (group.size,)), **_launched_options(group)}
    for unit in units(module):
        fully_shard(unit, **options)
    fully_shard(module, **options)
    if optimizer is not None:
        _switch(optimizer, {before[name]: p for name, p in module.named_parameters()})


def _launched_options(group: Group) -> dict[str, Any]:
    """What `accelerate launch` was told."""
    if group.accelerator is None or os.environ.get("ACCELERATE_USE_FSDP", "").lower() not in ("1", "true"):
        return {}
    accelerate: Any = importlib.import_module("accelerate")
    plugin = accelerate.FullyShardedDataParallelPlugin(fsdp_version=2)
    options: dict[str, Any] = {"reshard_after_forward": plugin.reshard_after_forward}
    return {**options, "offload_policy": plugin.cpu_offload} if torch.cuda.is_available() else options


def units(module: nn.Module) -> list[nn.Module]:
    """The modules that are gathered by themselves, innermost first: each with at least so many parameters that no other one has.

    Weights that are used outside the module that holds them (tied, or read by the graph) are gathered with the whole.
    """
    least = int(os.environ.get("FSDP_MIN_NUM_PARAMS") or _LEAST)
    holders = Counter(id(p) for part in module.modules() for p in part._parameters.values() if p is not None)
    apart = {key for key, count in holders.items() if count > 1} | _read_by_graphs(module)
    found: list[nn.Module] = []
    claimed: set[int] = set()
    for part in reversed(list(module.modules())[1:]):
        own = {id(p): p.numel() for p in part.parameters() if id(p) not in claimed}
        if own and not own.keys() & apart and sum(own.values()) >= least:
            found.append(part)
            claimed |= own.keys()
    return found


def _read_by_graphs(module: nn.Module) -> set[int]:
    graphs = [part for part in module.modules() if isinstance(part, fx.GraphModule)]
    read: set[int] = set()
    for part in graphs:
        weights = dict(part.named_parameters(remove_duplicate=False))
        read |= {id(weights[node.target]) for node in part.graph.nodes if node.op == "get_attr" and node.target in weights}
    return read


def _switch(optimizer: Any, places: dict[nn.Parameter, nn.Parameter]) -> None:
    """The optimizer holds the parts from now on, and its state is cut as the weights are."""
    from torch.distributed.tensor import distribute_tensor

    inner: torch.optim.Optimizer | None = getattr(optimizer, "torch_optimizer", optimizer)
    if not isinstance(inner, torch.optim.Optimizer):
        return
    for group in inner.param_groups:
        group["params"] = [places.get(p, p) for p in group["params"]]
    for old, new in places.items():
        state = inner.state.pop(old, None)
        if state is None:
            continue
        like = cast("Any", new)
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == new.shape:
                state[name] = distribute_tensor(value, like.device_mesh, like.placements)
        inner.state[new] = state


def unfuse(optimizer: Any) -> None:
    """No fused steps on weights in parts: that of SGD is not there (torch 2.13), and that of Adam takes a gradient whose axes lie in
    another order, such as that of a penalty, for one that lies as the weight does.
    """
    for group in getattr(getattr(optimizer, "torch_optimizer", optimizer), "param_groups", ()):
        if group.get("fused"):
            group["fused"] = False


@contextlib.contextmanager
def gathering(module: nn.Module) -> Generator[bool]:
    """Whether this process is the one that writes; within, it has the full weights, on the CPU where they were in parts.

    All processes come here together; only the first one gets True, and it must not run the model within.
    """
    if not dist.is_initialized() or is_alone():
        yield True
        return
    first = dist.get_rank() == 0
    if not has_shards(module):
        yield first
        return
    for part in module.modules():
        if hasattr(part, "reshard"):
            cast("Any", part).reshard()
    replaced: list[tuple[nn.Module, str, nn.Parameter]] = []
    full: dict[int, nn.Parameter] = {}
    for part in module.modules():
        for name, p in part._parameters.items():
            if p is not None and is_sharded(p):
                if id(p) not in full:
                    full[id(p)] = gathered(p, first)
                replaced.append((part, name, p))
    try:
        if first:
            for part, name, p in replaced:
                part._parameters[name] = full[id(p)]
        full.clear()
        yield first
    finally:
        for part, name, p in replaced:
            part._parameters[name] = p


def gathered(value: Any, keep: bool = True) -> Any:
    """A tensor in parts as one on the CPU, and so each in a state of dicts, lists and tuples; all processes must ask for it.

    Args:
        keep: False in a process that only gives its part: it gets an empty tensor.
    """
    if isinstance(value, Tensor):
        if not is_sharded(value):
            return value
        full: Tensor = cast("Any", value).full_tensor().detach()
        full = full.cpu() if keep else full.new_empty(0)
        return nn.Parameter(full, requires_grad=value.requires_grad) if isinstance(value, nn.Parameter) else full
    if isinstance(value, dict):
        return {key: gathered(one, keep) for key, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return type(cast("Any", value))(gathered(one, keep) for one in cast("Iterable[Any]", value))
    return value
