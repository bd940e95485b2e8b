"""An optimizer around others: a different one for different variables."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn

import torch
from torch import Tensor

from ...errors import ArgumentError, shown
from ...kinds import is_dict
from . import state
from .base import Optimizer
from .configs import made_inside, serialize
from .loss_scaling import LossScaleOptimizer
from .variables import Variable, Variables, as_variables


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Which optimizer a variable gets: by its path, or by a regular expression that matches the whole path.

    >>> from layergraph.optimizers import SGD, Adam
    >>> chosen = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> chosen["encoder/dense/kernel"].name, chosen["decoder/dense/kernel"].name
    ('adam', 'sgd')

    Args:
        default_optimizer: for paths that nothing matches.
        optimizer_map: a dict of paths or expressions and optimizers.

    Raises:
        TypeError: what is no optimizer of layergraph's.
        ArgumentError: a key that is there already; a path that two expressions match.
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {shown(default_optimizer)}")
        if optimizer_map is not None and not is_dict(optimizer_map):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {shown(optimizer_map)}")
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = dict(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """For paths that nothing matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Multiple optimizers assigned to variable {key}: {matching} match it", "expressions that exclude each other"
            )
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, value: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ArgumentError(f"{key!r} already exists in the OptimizerMap with value {self._optimizer_map[key]}", "del map[key] first")
        if not isinstance(key, str):
            raise ArgumentError(f"key must be a string. Received: {shown(key)}")
        _check_inner(value, "OptimizerMap")
        self._optimizer_map[key] = value

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, optimizers as their configs."""
        inner = {key: serialize(optimizer) for key, optimizer in self._optimizer_map.items()}
        return {"default_optimizer": serialize(self._default_optimizer), "optimizer_map": inner}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> OptimizerMap:
        """The inverse of `get_config`."""
        inner = {key: made_inside(optimizer, custom_objects) for key, optimizer in config["optimizer_map"].items()}
        return cls(made_inside(config["default_optimizer"], custom_objects), inner)


def _check_inner(value: Any, who: str) -> None:
    if not isinstance(value, Optimizer):
        raise ArgumentError(f"{who}: wanted an optimizer of layergraph's, got {shown(value)}", "Adam()")
    if isinstance(value, (LossScaleOptimizer, MultiOptimizer)):
        raise ArgumentError(f"{who}: optimizer cannot be {type(value).__name__}", f"{type(value).__name__} goes around, not inside")


class MultiOptimizer(Optimizer):
    """A different optimizer for different variables.

    Keras's paths of a model's variables are known when it is built from the model, as `fit` does: `encoder/dense/kernel`;
    those of a plain module's parameters are their names, `body.0.weight`.

    Args:
        optimizer_map: an `OptimizerMap`, or a function that gives the optimizer of a variable, which has `path`, `name`, `shape`.
        loss_scale_factor: takes the place of that of each inner optimizer.
    """

    def __init__(self, optimizer_map: Callable[[Any], Optimizer], loss_scale_factor: float | None = None, name: str | None = None):
        super().__init__(0.0, name=name)
        self._optimizer_map = optimizer_map
        self._inner: list[Optimizer] = []
        self.loss_scale_factor = loss_scale_factor
        known = [*optimizer_map.values(), optimizer_map.default_optimizer] if isinstance(optimizer_map, OptimizerMap) else []
        for inner in known:
            self._take(inner)

    def _take(self, inner: Optimizer) -> int:
        """The place of an inner optimizer, which is new or known."""
        for i, known in enumerate(self._inner):
            if known is inner:
                return i
        _check_inner(inner, "MultiOptimizer")
        inner.loss_scale_factor = self.loss_scale_factor
        self._inner.append(inner)
        return len(self._inner) - 1

    @property
    def optimizers(self) -> list[Optimizer]:
        """The inner optimizers, each once."""
        return self._inner

    @property
    def loss_scale_factor(self) -> float | None:
        """That of all inner optimizers."""
        return self._scale

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._scale = value
        for inner in self._inner:
            inner.loss_scale_factor = value

    @property
    def learning_rate(self) -> NoReturn:
        """There is none: each inner optimizer has its own."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual sub-optimizers instead."
        )

    @property
    def built(self) -> bool:
        return any(inner.built for inner in self._inner)

    @property
    def parameters(self) -> list[Tensor]:
        return [p for inner in self._inner for p in inner.parameters]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for inner in self._inner for group in inner.param_groups]

    def build(self, variables: Any) -> None:
        """Each variable goes to its optimizer, which is asked for again at each build."""
        found = as_variables(variables)
        chosen = [self._take(self._optimizer_map(v)) for v in found.found]
        for i, inner in enumerate(self._inner):
            own = [v for v, place in zip(found.found, chosen, strict=True) if place == i]
            if own or inner.built:
                ids = {id(t) for v in own for t in v.tensors}
                named = {name: t for name, t in found.named.items() if id(t) in ids}
                inner.build(Variables(own, named, found.told))
        self._variables, self._named = found, found.named

    def step(self) -> None:
        """One step of each."""
        active = [inner for inner in self._inner if inner.parameters]
        if not active or any(all(p.grad is None for p in inner.parameters) for inner in active):
            raise ArgumentError("No gradients provided for any variable.", "loss.backward() comes before step()")
        for inner in active:
            inner.step()
        self._steps += 1

    @property
    def averages(self) -> list[Tensor]:
        return [average for inner in self._inner for average in inner.averages]

    def swap_averages(self) -> None:
        for inner in self._inner:
            inner.swap_averages()

    def finalize_variable_values(self, var_list: Any = None) -> None:
        for inner in self._inner:
            inner.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        for inner in self._inner:
            inner.exclude_from_weight_decay(var_list, var_names)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for inner in self._inner:
            inner.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The number of steps, and the state of each inner optimizer."""
        return {"iterations": self._steps, "optimizers": [inner.state_dict() for inner in self._inner]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        given = state_dict["optimizers"]
        if len(given) != len(self._inner):
            raise ArgumentError(f"MultiOptimizer.load_state_dict: the state of {len(given)} optimizers, and it has {len(self._inner)}")
        kept = [copy.deepcopy(inner.state_dict()) for inner in self._inner]
        try:
            for inner, each in zip(self._inner, given, strict=True):
                inner.load_state_dict(each)
        except ArgumentError:
            for inner, each in zip(self._inner, kept, strict=True):
                inner.load_state_dict(each)
            raise
        self._steps = int(state_dict["iterations"])

    def entries(self) -> list[state.Entry]:
        count, rate = state.unused(self)

        def put(value: Tensor) -> None:
            self._steps = int(value)

        own = [count._replace(value=torch.tensor(self._steps, dtype=torch.int32), put=put), rate]
        return own + [entry for inner in self._inner for entry in inner.entries()]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, an `OptimizerMap` as its config."""
        chosen = self._optimizer_map
        inner = serialize(chosen) if isinstance(chosen, OptimizerMap) else chosen
        return {"optimizer_map": inner, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The inverse of `get_config`."""
        return cls(**{**config, "optimizer_map": made_inside(config["optimizer_map"], custom_objects)})
