"""The base of Keras's optimizers: learning rate, clipping, decoupled weight decay, and the torch optimizer that does the work."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

import torch
from torch import Tensor

from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_dict
from . import rules, schedules
from .schedules import LearningRateSchedule

Rate = float | LearningRateSchedule | Callable[[], float]


class Common(TypedDict, total=False):
    """The arguments that every optimizer takes."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


_COMMON: Common = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}
_LATER = ("use_ema", "loss_scale_factor", "gradient_accumulation_steps")


class Optimizer:
    """The base of the optimizers: learning rate, clipping, weight decay and the count of steps.

    Args:
        learning_rate: a Python float, a schedule, or a function without arguments.
        weight_decay: decoupled: `w -= learning_rate * weight_decay * w` before each update, biases included.
        clipnorm, clipvalue, global_clipnorm: limits for each gradient's norm, each entry, the norm of all; one at most.

    Raises:
        ArgumentError: an unknown argument, a learning rate that is no float, two kinds of clipping.
    """

    torch_optimizer: torch.optim.Optimizer | None

    def __init__(self, learning_rate: Rate, **common: Unpack[Common]):
        who = type(self).__name__
        unknown = {key: value for key, value in common.items() if key not in _COMMON}
        if unknown:
            known = [*inspect.signature(type(self).__init__).parameters, *_COMMON]
            hint = "learning_rate" if "lr" in unknown else None
            fix = f"did you mean {hint!r}?" if hint else suggestion(next(iter(unknown)), known)
            raise ArgumentError(f"{who}: Argument(s) not recognized: {unknown}", fix)
        options: dict[str, Any] = {**_COMMON, **common}
        for key in _LATER:
            if options[key]:
                raise ArgumentError(f"{who}({key}={options[key]!r}) is not in layergraph yet")
        clips = [key for key in ("clipnorm", "clipvalue", "global_clipnorm") if options[key] is not None]
        if len(clips) > 1:
            raise ArgumentError(
                f"{who}: Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                + ", ".join(f"{key}={options[key]}" for key in clips)
            )
        for key in (*clips, "weight_decay"):
            if options[key] is not None and options[key] < 0:
                raise ArgumentError(f"{who}({key}={options[key]!r}): wanted a number that is not negative")
        self._rate: Rate = _checked_rate(who, learning_rate)
        self.weight_decay = options["weight_decay"]
        self.clipnorm = options["clipnorm"]
        self.clipvalue = options["clipvalue"]
        self.global_clipnorm = options["global_clipnorm"]
        self.name = options["name"] or who.lower()
        self.iterations = 0
        self.torch_optimizer = None

    # --- the learning rate

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; it can be set, unless it follows a schedule."""
        if isinstance(self._rate, LearningRateSchedule):
            return float(self._rate(self.iterations))
        return float(self._rate()) if callable(self._rate) else self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._rate, LearningRateSchedule) and not isinstance(value, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the optimizer with a "
                "float `learning_rate` argument."
            )
        self._rate = cast("Rate", value) if callable(value) else _not_negative(type(self).__name__, float(value))

    # --- building and stepping

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """The torch optimizer that does the update; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method make(self, parameters)")

    @property
    def built(self) -> bool:
        """Whether the torch optimizer exists."""
        return self.torch_optimizer is not None

    @property
    def parameters(self) -> list[Tensor]:
        """The tensors that are trained."""
        return [] if self.torch_optimizer is None else self.torch_optimizer.param_groups[0]["params"]

    def build(self, parameters: Iterable[Tensor]) -> None:
        """Takes these parameters; state that belongs to ones it already knew is kept."""
        parameters = list(parameters)
        if self.torch_optimizer is None:
            self.torch_optimizer = self.make(parameters)
        elif [id(p) for p in parameters] != [id(p) for p in self.parameters]:
            self.torch_optimizer.param_groups[0]["params"] = parameters

    def step(self) -> None:
        """One update from the gradients in `.grad`.

        Raises:
            ArgumentError: "No gradients provided for any variable."
        """
        if self.torch_optimizer is None:
            raise ArgumentError(f"{type(self).__name__}.step() before build()", "optimizer.build(model.parameters())")
        group = self.torch_optimizer.param_groups[0]
        rate = self.learning_rate
        group["lr"] = rate
        limited = self.clipnorm is not None or self.clipvalue is not None or self.global_clipnorm is not None
        if limited or self.weight_decay:
            trained = [p for p in group["params"] if p.grad is not None]
            if limited:
                self._clip([p.grad for p in trained if p.grad is not None])
            if self.weight_decay:
                rules.decay(trained, 1.0 - rate * self.weight_decay)
        self.prepare(group)
        self.torch_optimizer.step()
        self.iterations += 1

    def prepare(self, group: dict[str, Any]) -> None:
        """What changes in the torch optimizer's options from step to step."""

    def _clip(self, grads: list[Tensor]) -> None:
        if self.clipnorm is not None:
            rules.clip_each(grads, self.clipnorm)
        elif self.global_clipnorm is not None:
            rules.clip_all(grads, self.global_clipnorm)
        elif self.clipvalue is not None:
            rules.clip_values(grads, self.clipvalue)

    def apply(self, grads: Sequence[Tensor | None], trainable_variables: Iterable[Tensor] | None = None) -> None:
        """Keras's way: one step with these gradients (the parameters' own `.grad` are left as they were)."""
        if trainable_variables is not None:
            self.build(trainable_variables)
        parameters = self.parameters
        if len(grads) != len(parameters):
            raise ArgumentError(f"{type(self).__name__}.apply: {len(grads)} gradients for {len(parameters)} variables")
        if all(g is None for g in grads):
            raise ArgumentError("No gradients provided for any variable.")
        kept = [p.grad for p in parameters]
        try:
            for p, g in zip(parameters, grads, strict=True):
                # clipping works in place: the caller's gradients stay as they are
                p.grad = None if g is None else g.detach().clone()
            self.step()
        finally:
            for p, g in zip(parameters, kept, strict=True):
                p.grad = g

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> int:
        """`apply` for pairs; gives the number of steps so far."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self.iterations

    # --- state and config

    def state_dict(self) -> dict[str, Any]:
        """The number of steps and torch's state."""
        return {"iterations": self.iterations, "torch": None if self.torch_optimizer is None else self.torch_optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`, for a built optimizer."""
        self.iterations = state["iterations"]
        if state["torch"] is not None:
            if self.torch_optimizer is None:
                raise ArgumentError(f"{type(self).__name__}.load_state_dict() before build()", "optimizer.build(model.parameters()) first")
            self.torch_optimizer.load_state_dict(copy.deepcopy(state["torch"]))  # torch keeps the tensors it is given

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = [key for key in inspect.signature(type(self).__init__).parameters if key not in ("self", "common", "learning_rate")]
        rate = self._rate
        if isinstance(rate, LearningRateSchedule):
            rate = {"class_name": type(rate).__name__, "config": rate.get_config()}
        names = [*own, *(key for key in ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "name") if key not in own)]
        return {"learning_rate": rate, **{key: getattr(self, key) for key in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """The inverse of `get_config`."""
        rate = config.get("learning_rate")
        if is_dict(rate):
            config = {**config, "learning_rate": getattr(schedules, rate["class_name"]).from_config(rate["config"])}
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items() if v is not None)})"


def _checked_rate(who: str, rate: Any) -> Any:
    if callable(rate):
        return rate
    if type(rate) is not float:
        raise ArgumentError(
            f"{who}: Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that takes no "
            f"arguments). Received instead: learning_rate={shown(rate)} ({type(rate).__name__})",
            f"float({shown(rate)})" if isinstance(rate, (int,)) or hasattr(rate, "item") else None,
        )
    return _not_negative(who, rate)


def _not_negative(who: str, rate: float) -> float:
    if not rate >= 0.0:
        raise ArgumentError(f"{who}(learning_rate={rate!r}): wanted a learning_rate that is not negative")
    return rate
