"""Checkpoints: a model, its optimizer and the random numbers, in one file without pickle, for a loop of one's own and for `fit`.

    save_checkpoint, load_checkpoint    for a plain PyTorch loop; they read what `fit` wrote by BackupAndRestore too
    resuming.py                         what a running `fit` needs besides: its place in the data, sums, callbacks

What is loaded is compared with the model and the optimizer first: it fits, or nothing is changed.
"""

from __future__ import annotations

import copy
import importlib.metadata
import os
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import archive
from ..errors import ArgumentError, CheckpointError, CorruptModelFileError, shown
from ..modes import all_modules, unbuilt
from ..random import SeedGenerator
from .optimizers.base import Optimizer
from .optimizers.variables import variables_of

FORMAT = "1"
_KIND = "layergraph_checkpoint"
_OURS = ("model", "buffers", "generators", "optimizer", "random", "stateful", "values", "fit", "versions")


def save_checkpoint(path: str | os.PathLike[str], module: nn.Module, optimizer: Any = None, **extra: Any) -> None:
    """Writes a model, an optimizer, the state of all random number generators, and whatever else a loop needs, to one file.

    The file takes the place of an older one at once, when it is complete and on the disk. Any reader of safetensors opens it; the
    weights are `model.<key of state_dict>`.

    Args:
        path: in a folder that exists.
        module: any `nn.Module`.
        optimizer: of `torch.optim`, or of layergraph: `model.optimizer`.
        extra: by name: what has a `state_dict` (a torch `lr_scheduler`, a `GradScaler`) is saved by it; numbers, strings, lists,
            dicts, tensors and arrays as they are: `epoch=3`.

    Raises:
        OSError: the file could not be written; the one that was there is as it was.
        ArgumentError: something that a file without pickle cannot hold.

    Example:
        >>> import tempfile, torch
        >>> model = torch.nn.Linear(3, 1)
        >>> optimizer = torch.optim.AdamW(model.parameters())
        >>> path = f"{tempfile.mkdtemp()}/run.safetensors"
        >>> save_checkpoint(path, model, optimizer, epoch=3)
        >>> load_checkpoint(path, model, optimizer)["epoch"]
        3
    """
    stateful = {name: value.state_dict() for name, value in extra.items() if has_state(value)}
    values = {name: value for name, value in extra.items() if not has_state(value)}
    write_state(path, {**state_of(module, optimizer), "stateful": stateful, "values": values})


def load_checkpoint(
    path: str | os.PathLike[str], module: nn.Module, optimizer: Any = None, *, random_state: bool = True, **stateful: Any
) -> dict[str, Any]:
    """Reads what `save_checkpoint` or BackupAndRestore wrote, into a model and an optimizer that fit it.

    Args:
        path: the file; of a BackupAndRestore, `<backup_dir>/latest.safetensors`.
        module, optimizer: those that were saved, or their like. Without an optimizer only the weights are read.
        random_state: also set the generators of Python, numpy and torch, as they were.
        stateful: what was saved by its `state_dict`, by the same names.

    Returns:
        The other values that were saved, by name; of a `fit` its `epoch` and `step`, the next to run, counted from 0, and `history`.

    Raises:
        OSError: there is no such file.
        CorruptModelFileError: it is damaged, or no checkpoint.
        CheckpointError: it does not fit; nothing was changed.
    """
    state = read_state(path)
    build(module, optimizer)
    who = os.fspath(path)
    missing = [name for name in stateful if name not in state["stateful"]]
    if missing:
        raise CheckpointError(f"{who} has no state of {missing[0]!r}; it has {sorted(state['stateful'])}", f"load it without {missing[0]}=")
    check(who, state, module, optimizer)
    with Undone() as undo:
        for name, value in stateful.items():
            undo(value)
            value.load_state_dict(copy.deepcopy(state["stateful"][name]))
        load(state, module, optimizer)
    if random_state:
        set_random_state(state["random"])
    return dict(state["values"])


def has_state(value: Any) -> bool:
    return callable(getattr(value, "state_dict", None)) and callable(getattr(value, "load_state_dict", None))


class Undone:
    """A block that, if it raises, leaves what was named to it as it was: `undo(object with a state_dict)`, or `undo(function)`."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], Any]] = []

    def __enter__(self) -> Callable[[Any], None]:
        return self._add

    def _add(self, value: Any) -> None:
        if callable(getattr(value, "load_state_dict", None)):
            before = copy.deepcopy(value.state_dict())
            self._steps.append(lambda: value.load_state_dict(before))
        else:
            self._steps.append(value)

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is not None:
            for step in reversed(self._steps):
                step()


# --- the file ------------------------------------------------------------------------------------------------------------


def write_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Writes the parts of a checkpoint."""
    versions = {name: importlib.metadata.version(name) for name in ("layergraph", "torch", "numpy")}
    tensors, text = archive.flatten_state({**state, "versions": versions})
    archive.write(path, tensors, {_KIND: FORMAT, "state": text})


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The parts of a checkpoint."""
    tensors, header = archive.read(path)
    if header.get(_KIND) != FORMAT:
        what = f"a checkpoint of format {header[_KIND]!r}" if _KIND in header else "no checkpoint"
        raise CorruptModelFileError(f"{os.fspath(path)} is {what}; wanted a checkpoint of format {FORMAT!r}", "a file of save_checkpoint()")
    try:
        state: dict[str, Any] = archive.unflatten_state(tensors, header["state"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptModelFileError(f"{os.fspath(path)} cannot be read: {error!r}") from error
    return {key: state.get(key, {}) for key in _OURS}


# --- its parts -----------------------------------------------------------------------------------------------------------


def state_of(module: nn.Module, optimizer: Any) -> dict[str, Any]:
    """Weights, what layers keep besides, the optimizer, and the random numbers."""
    return {
        "model": dict(module.state_dict()),
        "buffers": _other_buffers(module),
        "generators": {name: _generator_state(one) for name, one in _generators(module)},
        "optimizer": None
        if optimizer is None
        else {"class": type(optimizer).__name__, "shapes": _shapes(optimizer), "state": optimizer.state_dict()},
        "random": random_state(),
    }


def build(module: nn.Module, optimizer: Any) -> None:
    """Layergraph's optimizers learn their parameters when training starts; a state needs them earlier."""
    lazy = unbuilt(module)
    if lazy is not None:
        raise ArgumentError(
            f"{type(lazy).__name__} has no weights yet, into which a checkpoint could be read", "call the model on a batch first"
        )
    if isinstance(optimizer, Optimizer) and not optimizer.built:
        optimizer.build(variables_of(module))


def check(who: str, state: Mapping[str, Any], module: nn.Module, optimizer: Any) -> None:
    """Compares a checkpoint with what it is to be read into.

    Raises:
        CheckpointError: names, shapes or dtypes of weights, or the kind of optimizer, differ.
    """
    weights = dict(module.state_dict())
    saved = state["model"]
    if saved.keys() != weights.keys():
        lines = [f"not in the model: {', '.join(sorted(saved.keys() - weights.keys())) or 'none'}"]
        lines.append(f"not in the checkpoint: {', '.join(sorted(weights.keys() - saved.keys())) or 'none'}")
        raise CheckpointError(
            f"{who} is the checkpoint of another model: its weights have other names", "the model that was saved", details=lines
        )
    wrong = [
        f"{name}: {_kind(saved[name])} in the checkpoint, {_kind(value)} in the model"
        for name, value in weights.items()
        if _kind(saved[name]) != _kind(value)
    ]
    if wrong:
        raise CheckpointError(f"{who} is the checkpoint of another model", "the model that was saved", details=wrong[:5])
    if optimizer is None:
        return
    if state["optimizer"] is None:
        raise CheckpointError(f"{who} holds no optimizer", "load it without one")
    _check_optimizer(who, state["optimizer"], optimizer)


def load(state: Mapping[str, Any], module: nn.Module, optimizer: Any) -> None:
    """Reads a checkpoint that `check` has passed; the random numbers are left as they are."""
    with Undone() as undo:
        if optimizer is not None:
            undo(optimizer)
            optimizer.load_state_dict(copy.deepcopy(state["optimizer"]["state"]))  # torch keeps the tensors that it is given
        with torch.no_grad():
            module.load_state_dict(state["model"])
            _load_buffers(module, state["buffers"])
        own = dict(_generators(module))
        for name, value in state["generators"].items():
            if name in own:
                _set_generator(own[name], value)


def _kind(value: Any) -> str:
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" if isinstance(value, Tensor) else type(value).__name__


def _other_buffers(module: nn.Module) -> dict[str, Tensor]:
    """Buffers that a `state_dict` leaves out: the states of recurrent layers, for one."""
    persistent = module.state_dict().keys()
    return {name: buffer for name, buffer in module.named_buffers() if name not in persistent}


def _load_buffers(module: nn.Module, saved: Mapping[str, Tensor]) -> None:
    device = next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    for name, value in saved.items():
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        kept = owner._buffers.get(leaf)  # (some are made at the first batch)
        if kept is not None and kept.shape == value.shape:
            kept.copy_(value)
        else:
            owner.register_buffer(leaf, value.to(device, copy=True), persistent=False)


def _generators(module: nn.Module) -> Iterable[tuple[str, Any]]:
    """The generators that layers hold: `SeedGenerator`s and torch's, with a name each."""
    for number, one in enumerate(all_modules(module)):
        for name, value in vars(one).items():
            if isinstance(value, (SeedGenerator, torch.Generator)):
                yield f"{number}.{name}", value


def _generator_state(one: Any) -> Tensor:
    return one.state.clone() if isinstance(one, SeedGenerator) else one.get_state()


def _set_generator(one: Any, state: Tensor) -> None:
    if isinstance(one, SeedGenerator):
        one.state.copy_(state)
    else:
        one.set_state(state)


# --- optimizers ----------------------------------------------------------------------------------------------------------


def _shapes(optimizer: Any) -> list[list[Any]]:
    """The shapes of the parameters, group by group."""
    inner: Any = getattr(optimizer, "torch_optimizer", optimizer)
    return [[list(p.shape) for p in group["params"]] for group in getattr(inner, "param_groups", ())]


def _check_optimizer(who: str, saved: Mapping[str, Any], optimizer: Any) -> None:
    name = type(optimizer).__name__
    if saved["class"] != name:
        raise CheckpointError(f"{who} was written with the optimizer {saved['class']}, this one is {name}", f"optimizer {saved['class']}")
    if saved["shapes"] != _shapes(optimizer):
        counts = [[len(group) for group in shapes] for shapes in (saved["shapes"], _shapes(optimizer))]
        raise CheckpointError(
            f"{who} was written with an optimizer of other parameters: {counts[0]} in its groups, here {counts[1]}, or of other shapes",
            "the same layers trainable, in the same groups",
        )


# --- random numbers ------------------------------------------------------------------------------------------------------


def random_state() -> dict[str, Any]:
    """The state of the generators that everybody draws from: Python's, numpy's, torch's, and those of the CUDA devices in use."""
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """The inverse of `random_state`; devices that are not here are left out."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        for device, value in zip(range(torch.cuda.device_count()), state["cuda"], strict=False):
            torch.cuda.set_rng_state(value, device)


def unfit(who: str, what: str, saved: Any, here: Any) -> CheckpointError:
    """The error for a checkpoint of a `fit` that was called otherwise."""
    return CheckpointError(
        f"{who} is the checkpoint of another training: {what} was {shown(saved)}, and is {shown(here)} now",
        "the same data and arguments to go on; another backup_dir to start anew",
    )
