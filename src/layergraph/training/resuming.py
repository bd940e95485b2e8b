"""What a running `fit` is, as one nested state, and how another `fit` takes it over in the middle.

A training can be left, and gone on with, between two batches, after the last one, and between two epochs. What a checkpoint holds:

    weights, buffers, optimizer, random numbers    checkpoint.py
    feed, tester                                   the seed of the order, which batch comes next, random numbers before a loader was opened
    sums                                           of the losses and metrics of an epoch that has begun
    callbacks                                      the `state_dict` of each, by its class and which of that class it is
    stage, epoch, step, logs                       where the training stands
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import torch

from ..errors import ArgumentError, user_place, warn_at
from ..modes import unbuilt
from . import checkpoint
from .callbacks.base import Callback
from .checkpoint import unfit
from .data.sources import Arrays
from .devices import set_stream, streams
from .engine import ready_optimizer
from .sums import check_sums, own_metrics, sums_of

if TYPE_CHECKING:
    from .trainer import Trainer


def refuse(trainer: Trainer) -> None:
    """What cannot be saved where several processes train together.

    Raises:
        ArgumentError: weights in parts, or a checkpoint within an epoch, of which each process has sums of its own.
    """
    work = trainer.engine.work
    if work is None or not trainer.savers:
        return
    if work.sharded:
        raise ArgumentError(
            "BackupAndRestore cannot save a model whose weights are in parts (distribute='fsdp2')",
            "distribute='ddp'; or ModelCheckpoint, which saves the weights",
        )
    if any(saver.save_freq != "epoch" for saver in trainer.savers):
        raise ArgumentError("BackupAndRestore saves between epochs only where several processes train together", "save_freq='epoch'")


# --- out -----------------------------------------------------------------------------------------------------------------


def passing_state(trainer: Trainer) -> dict[str, Any]:
    """What goes on changing while an epoch is validated and its callbacks are called: kept in memory until that is done."""
    binding = trainer.compiled.binding
    return {
        "random": checkpoint.random_state(),
        "feed": trainer.feed.state_dict(trainer.epoch if trainer.stage == "batch" else None, trainer.step),
        "tester": None if trainer.tester is None else trainer.tester[1].state_dict(None, 0),
        "sums": None if binding is None or trainer.stage == "epoch" else sums_of(binding),
        "tracker": trainer.compiled.tracker.state_dict(),
        "own": [metric.state_dict() for metric in own_metrics(trainer.engine)],
        "callbacks": [[name, copied(callback.state_dict())] for name, callback in _named(trainer.callbacks.callbacks)],
        "logs": dict(trainer.logs) if trainer.stage == "validation" else trainer.engine.results(),
    }


def fit_state(trainer: Trainer, passing: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The state of a training, now, or with what `passing_state` has kept from a while ago. Processes that train together all ask."""
    passing = dict(passing or passing_state(trainer))
    compiled = trainer.compiled
    optimizer = None if isinstance(compiled.optimizer, type) or not _started(compiled.optimizer) else compiled.optimizer
    state = checkpoint.state_of(trainer.module, optimizer)
    state["random"] = passing.pop("random")
    history = dict(trainer.history.history)
    place = {"epoch": trainer.epoch, "step": trainer.step}
    return {
        **state,
        "stateful": {name: value.state_dict() for name, value in _schedulers(trainer).items()},
        "values": {**place, "history": history},
        "fit": {
            **passing,
            "stage": trainer.stage,
            "epoch": trainer.epoch,
            "step": trainer.step,
            "done": trainer.steps_done,
            "world": _world(trainer),
            "streams": streams(),
        },
    }


def _world(trainer: Trainer) -> int:
    work = trainer.engine.work
    return 1 if work is None else work.group.size


def _started(optimizer: Any) -> bool:
    return getattr(optimizer, "built", True)


def _schedulers(trainer: Trainer) -> dict[str, Any]:
    """torch's schedulers and scalers, where training holds any."""
    kinds = (torch.optim.lr_scheduler.LRScheduler, torch.amp.GradScaler)
    held = {**vars(trainer.compiled), **vars(trainer.engine)}
    return {name: value for name, value in held.items() if isinstance(value, kinds)}


def _named(callbacks: list[Callback]) -> list[tuple[str, Callback]]:
    """Each callback by its class, and which of that class it is."""
    seen: dict[str, int] = {}
    names: list[tuple[str, Callback]] = []
    for callback in callbacks:
        kind = type(callback).__qualname__
        seen[kind] = seen.get(kind, 0) + 1
        names.append((f"{kind} {seen[kind]}", callback))
    return names


def copied(value: Any) -> Any:
    """The containers of a state anew, the leaves as they are."""
    if type(value) is dict:
        return {key: copied(one) for key, one in cast("dict[Any, Any]", value).items()}
    if type(value) in (list, tuple):
        return type(value)(copied(one) for one in value)
    return value


# --- in ------------------------------------------------------------------------------------------------------------------


def check(trainer: Trainer, state: Mapping[str, Any], who: str) -> None:
    """Whether a training can go on from `state`; nothing is changed but what a first batch would make as well.

    Raises:
        CheckpointError: another model, optimizer, number of batches, batch size, number of samples, or of processes.
        ArgumentError: the model has no weights yet, and there is no array to build it on.
    """
    fit = state["fit"]
    if not fit:
        raise unfit(who, "what wrote it", "save_checkpoint()", "fit()")
    if fit["world"] != _world(trainer):
        raise unfit(who, "the number of processes", fit["world"], _world(trainer))
    trainer.feed.check(fit["feed"], who)
    if trainer.tester is not None and fit["tester"] is not None:
        trainer.tester[1].check(fit["tester"], f"{who} (validation)")
    _build(trainer)
    checkpoint.check(who, state, trainer.module, None if state["optimizer"] is None else trainer.compiled.optimizer)
    binding = trainer.compiled.binding
    if fit["sums"] is not None and binding is not None:
        check_sums(binding, fit["sums"], who)
    if len(fit["own"]) != len(own_metrics(trainer.engine)):
        raise unfit(who, "the number of the model's own metrics", len(fit["own"]), len(own_metrics(trainer.engine)))


def _build(trainer: Trainer) -> None:
    """A state can be read only by weights that are there, and by an optimizer that knows them."""
    source, engine = trainer.feed.source, trainer.engine
    if unbuilt(trainer.module) is not None:
        if not isinstance(source, Arrays):
            raise ArgumentError(
                "To use the BackupAndRestore callback, your model must be built before you call `fit()`.",
                "call it on a batch of data first",
            )
        engine.build(engine.moved(tuple(x[:1] for x in source.xs)))
    ready_optimizer(trainer.compiled, [p for p in trainer.module.parameters() if p.requires_grad], trainer.module)


def load(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Takes over a state that `check` has passed."""
    fit = state["fit"]
    with checkpoint.Undone() as undo:
        _load_callbacks(trainer, fit["callbacks"], undo)
        for name, value in _schedulers(trainer).items():
            if name in state["stateful"]:
                undo(value)
                value.load_state_dict(copy.deepcopy(state["stateful"][name]))
        checkpoint.load(state, trainer.module, None if state["optimizer"] is None else trainer.compiled.optimizer)
    trainer.epoch, trainer.step, trainer.stage = fit["epoch"], fit["step"], fit["stage"]
    trainer.steps_done, trainer.logs = fit["done"], dict(fit["logs"])
    trainer.feed.load_state_dict(fit["feed"])
    if trainer.tester is not None and fit["tester"] is not None:
        trainer.tester[1].load_state_dict(fit["tester"])
    trainer.engine.earlier = fit["sums"]
    trainer.compiled.tracker.load_state_dict(fit["tracker"])
    for metric, saved in zip(own_metrics(trainer.engine), fit["own"], strict=True):
        metric.load_state_dict(saved)
    checkpoint.set_random_state(state["random"])
    if fit["streams"] is not None:
        set_stream(fit["streams"])


def _load_callbacks(trainer: Trainer, saved: list[Any], undo: Any) -> None:
    here = dict(_named(trainer.callbacks.callbacks))
    for name, state in saved:
        if name in here:
            undo(here[name])
            here[name].load_state_dict(copied(state))
        elif state and trainer.first:  # the other processes have no callbacks that write
            kind = name.split()[0]
            warn_at(user_place(), f"the checkpoint has a state of the callback {kind}, which is not among the callbacks now")
