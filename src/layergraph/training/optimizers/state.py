"""What an optimizer keeps from step to step: made, counted, exported by torch's names and in Keras's order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import ArgumentError
from .rules import Holder

if TYPE_CHECKING:
    from .base import Optimizer
    from .variables import Variable, Variables

# The state that `Optimizer` itself keeps of a parameter, beside that of the rule.
_OWN = {"average", "gradient_accumulator"}
_GROUP = ("lr", "initial_lr")  # the second is where a scheduler of torch's starts from


def remembered(known: dict[str, Tensor], told: bool, found: Variables) -> dict[str, Tensor]:
    """All parameters that were ever named; names from a module replace numbers."""
    if found.told:
        return {**known, **found.named} if told else dict(found.named)
    ids = {id(t) for t in known.values()}
    fresh = {name: t for name, t in found.named.items() if id(t) not in ids}
    return {**known, **{name if name not in known else f"{len(known) + i}": t for i, (name, t) in enumerate(fresh.items())}}


def settle(optimizer: Optimizer, asleep: dict[Tensor, dict[str, Tensor]]) -> None:
    """Every parameter gets the state that it lacks; that of frozen ones is put aside, and comes back with them."""
    inner = optimizer.torch_optimizer
    assert inner is not None
    current = {id(p) for p in optimizer.parameters}
    for p in [p for p in inner.state if id(p) not in current]:
        asleep[p] = inner.state.pop(p)
    for p in optimizer.parameters:
        kept = inner.state[p]
        kept.update(asleep.pop(p, {}))
        if not kept.keys() - _OWN:
            kept.update(optimizer.started(p))
        if optimizer.use_ema and "average" not in kept:
            kept["average"] = p.detach().clone() if optimizer.iterations else torch.zeros_like(p)
        if optimizer.gradient_accumulation_steps and "gradient_accumulator" not in kept:
            kept["gradient_accumulator"] = torch.zeros_like(p)
        for key, value in kept.items():
            if value.device != p.device and value.ndim:
                kept[key] = value.to(p.device)
    if optimizer.iterations:
        settle_counts(optimizer, inner, optimizer.parameters)


def settle_counts(optimizer: Optimizer, inner: torch.optim.Optimizer, parameters: list[Tensor]) -> None:
    """These parameters have taken `iterations` steps, as all have, whenever they joined in."""
    for group in inner.param_groups:
        if "t" in group:
            group["t"] = optimizer.iterations
    for p in parameters:
        optimizer.recount(inner.state[p])


# --- by torch's names


def state_of(optimizer: Optimizer, asleep: Mapping[Tensor, dict[str, Tensor]]) -> dict[str, Any]:
    """See `Optimizer.state_dict`."""
    inner = optimizer.torch_optimizer
    found: dict[str, Any] = {"iterations": optimizer.steps, "groups": [], "state": {}, "made": dict(optimizer.made)}
    if inner is None:
        if not optimizer.follows_schedule:
            found["groups"] = [{"lr": optimizer.learning_rate}]
        return found
    found["groups"] = [{key: float(group[key]) for key in _GROUP if key in group} for group in inner.param_groups]
    for name, p in names_of(optimizer).items():
        kept = inner.state[p] if p in inner.state else asleep.get(p)
        if kept:
            found["state"][name] = dict(kept)
    return found


def names_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """Every parameter that may have state, by name."""
    named = dict(optimizer.named)
    ids = {id(t) for t in named.values()}
    more = [p for p in optimizer.parameters if id(p) not in ids]
    return {**named, **{str(len(named) + i): p for i, p in enumerate(more)}}


def load_state(optimizer: Optimizer, given: Mapping[str, Any], asleep: dict[Tensor, dict[str, Tensor]]) -> None:
    """See `Optimizer.load_state_dict`: everything is checked before anything changes."""
    who = f"{type(optimizer).__name__}.load_state_dict"
    inner = optimizer.torch_optimizer
    if inner is None:
        if given["state"] or given["made"]:
            raise ArgumentError(f"{who}() before build()", "optimizer.build(model) first")
        optimizer.steps = int(given["iterations"])
        for group in given["groups"][:1]:
            optimizer.learning_rate = group["lr"]
        return
    wanted = _matched(optimizer, given["state"], who)
    _check_made(optimizer, given["made"], who)
    awake = {id(p) for p in optimizer.parameters}
    for p in optimizer.parameters:  # what the state does not mention is as new
        inner.state[p].clear()
    asleep.clear()
    for p, tensors in wanted:
        kept = inner.state[p] if id(p) in awake else asleep.setdefault(p, {})
        # a count of steps stays where the state had it: torch wants it beside the parameter only when it is fused
        kept.update({key: t.detach().to(p.device if t.ndim else t.device, copy=True) for key, t in tensors.items()})
    for group, kept in zip(inner.param_groups, given["groups"], strict=False):
        group.update(kept)
    for path, tensor in given["made"].items():
        if path in optimizer.made:
            optimizer.made[path].copy_(tensor)
        else:
            optimizer.made[path] = tensor.detach().clone()
    optimizer.steps = int(given["iterations"])
    settle(optimizer, asleep)


def _matched(optimizer: Optimizer, given: Mapping[str, Mapping[str, Tensor]], who: str) -> list[tuple[Tensor, Mapping[str, Tensor]]]:
    """Each state with its parameter: by name, or in order where one side only has numbers."""
    named = names_of(optimizer)
    awake = {id(p) for p in optimizer.parameters}
    if given.keys() <= named.keys():
        pairs = [(name, named[name], kept) for name, kept in given.items()]
    elif len(given) == len(optimizer.parameters):
        trained = [(name, p) for name, p in named.items() if id(p) in awake]
        pairs = [(name, p, kept) for (name, p), kept in zip(trained, given.values(), strict=True)]
    else:
        strange = [name for name in given if name not in named]
        raise ArgumentError(
            f"{who}: there is state of {strange}, which are no parameters of this optimizer", "build it from the same model"
        )
    for name, p, kept in pairs:
        own = optimizer.started(p)
        if not own and id(p) not in awake:
            continue  # frozen, so that its shapes are not known yet
        for key in own.keys() | kept.keys() - _OWN:
            if key not in own or key not in kept or own[key].shape != kept[key].shape:
                ours, theirs = (f"{tuple(side[key].shape)}" if key in side else "nothing" for side in (own, kept))
                raise ArgumentError(
                    f"{who}: of {name!r} it keeps {key!r} as {ours}, and the state has {theirs}", "the same optimizer and model"
                )
        for key in _OWN & kept.keys():
            if kept[key].shape != p.shape:
                raise ArgumentError(f"{who}: {key!r} of {name!r} is {tuple(kept[key].shape)}, and the parameter {tuple(p.shape)}")
    return [(p, kept) for _, p, kept in pairs]


def _check_made(optimizer: Optimizer, given: Mapping[str, Tensor], who: str) -> None:
    ours = {path: tuple(t.shape) for path, t in optimizer.made.items()}
    theirs = {path: tuple(t.shape) for path, t in given.items()}
    if any(theirs.get(path) != shape for path, shape in ours.items()):  # there may be more, of frozen variables
        raise ArgumentError(f"{who}: it has variables {ours}, and the state has {theirs}", "the same optimizer and model")


# --- in Keras's order


class Entry(NamedTuple):
    """One of Keras's variables of an optimizer: its path, its value in Keras's layout, and how another is put in its place."""

    path: str
    value: Tensor
    put: Callable[[Tensor], Any]


def counters(optimizer: Optimizer) -> Iterator[Entry]:
    """The first variables of any optimizer: the steps, and the rate where it is a number."""

    def put_steps(value: Tensor) -> None:
        optimizer.steps = int(value)

    def put_rate(value: Tensor) -> None:
        optimizer.learning_rate = float(value)

    yield Entry(f"{optimizer.name}/iteration", torch.tensor(optimizer.steps, dtype=torch.int32), put_steps)
    if not optimizer.follows_schedule:
        yield Entry(f"{optimizer.name}/learning_rate", torch.tensor(optimizer.learning_rate, dtype=torch.float32), put_rate)


def nothing(value: Tensor) -> None:
    """What Keras keeps and never reads is not set."""


def unused(optimizer: Optimizer) -> Iterator[Entry]:
    """The count and rate that Keras keeps for a wrapper beside those of what it wraps."""
    yield Entry(f"{optimizer.name}/iteration", torch.zeros((), dtype=torch.int32), nothing)
    yield Entry(f"{optimizer.name}/learning_rate", torch.zeros(()), nothing)


def entries(optimizer: Optimizer, found: list[Variable]) -> Iterator[Entry]:
    """Everything: counters, averages, accumulators, and the slots of the rule or the variables of a person's own optimizer."""
    yield from counters(optimizer)
    if optimizer.torch_optimizer is None:
        return
    groups = [(("average", "average"),)] if optimizer.use_ema else []
    groups += [(("gradient_accumulator", "gradient_accumulator"),)] if optimizer.gradient_accumulation_steps else []
    own = [] if isinstance(optimizer.torch_optimizer, Holder) else optimizer.slots()
    for slots in [*groups, *own]:
        for v in found:
            for word, key in slots:
                yield slot(optimizer, v, word, key)
    for path, tensor in optimizer.made.items():
        yield Entry(path, tensor, tensor.copy_)


def slot(optimizer: Optimizer, v: Variable, word: str, key: str) -> Entry:
    """One slot of one variable, kept by torch for each tensor in torch's layout."""
    assert optimizer.torch_optimizer is not None
    state = optimizer.torch_optimizer.state

    def put(value: Tensor) -> None:
        for t, part in zip(v.tensors, v.spread(value), strict=True):
            if key in state.get(t, {}):
                state[t][key].copy_(part)

    return Entry(path_of(optimizer, v, word), v.gather(lambda t: state[t].get(key) if t in state else None), put)


def path_of(optimizer: Optimizer, v: Variable, word: str) -> str:
    """`adam/dense_kernel_momentum`."""
    return f"{optimizer.name}/{v.path.replace('/', '_')}_{word}"


def load_keras_state(optimizer: Optimizer, wanted: list[Entry], store: Mapping[str, Any]) -> None:
    """See `Optimizer.load_keras_state`: all shapes are checked before anything changes."""
    if len(store) != len(wanted):
        warnings.warn(
            f"Skipping variable loading for optimizer '{optimizer.name}', because it has {len(wanted)} variables whereas the saved "
            f"optimizer has {len(store)} variables.",
            stacklevel=3,
        )
        return
    arrays = [torch.as_tensor(np.asarray(store[str(i)])) for i in range(len(wanted))]
    for entry, array in zip(wanted, arrays, strict=True):
        if entry.value.shape != array.shape:
            raise ArgumentError(
                f"{type(optimizer).__name__}: the variable {entry.path} has shape {tuple(entry.value.shape)}, and what is loaded "
                f"{tuple(array.shape)}",
                "the same optimizer and model",
            )
    with torch.no_grad():
        for entry, array in zip(wanted, arrays, strict=True):
            entry.put(array.to(entry.value.device))
