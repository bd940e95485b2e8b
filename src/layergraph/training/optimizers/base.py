"""The base of Keras's optimizers: one step, from gradients to weights, around the torch optimizer that does the update."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor

from ...errors import ArgumentError, shown
from ...kinds import is_dict
from ..numbers import snake_case
from . import applying, rules, schedules, state
from .arguments import CONFIG, Common, Rate, checked_rate, gathered, not_negative, signature_of
from .custom import Custom
from .schedules import LearningRateSchedule
from .variables import Variable, Variables, as_variables


class Optimizer(Custom):
    """The base of the optimizers.

    One step: divide the gradients by `loss_scale_factor`, accumulate them, clip, decay the weights, update, average, count.
    `compile` takes it, and so does a loop of your own:

    >>> model = torch.nn.Linear(2, 1)
    >>> from layergraph.optimizers import Adam
    >>> optimizer = Adam(0.1)
    >>> optimizer.build(model)
    >>> loss = model(torch.ones(1, 2)).sum()
    >>> loss.backward()
    >>> optimizer.step()
    >>> optimizer.zero_grad()
    >>> optimizer.iterations
    1

    Args:
        learning_rate: a Python float, a schedule, or a function without arguments. A float lives in the group of
            `torch_optimizer`, where a scheduler of torch's may change it; a schedule or function sets the group's rate at each
            step, whatever stood there.
        weight_decay: decoupled: `w -= learning_rate * weight_decay * w` before each update, biases included; see
            `exclude_from_weight_decay`.
        clipnorm, clipvalue, global_clipnorm: limits for each gradient's norm, each entry, the norm of all; one at most.
        use_ema: keep an average of the weights, `a = ema_momentum * a + (1 - ema_momentum) * w` after each step, that takes their
            place at the end of `fit`, and every `ema_overwrite_frequency` steps.
        loss_scale_factor: the loss is multiplied by it (`scale_loss`), the gradients are divided by it.
        gradient_accumulation_steps: update once in so many steps, with the mean of their gradients. A schedule counts every step,
            `iterations` the updates.

    Raises:
        ArgumentError: an unknown argument, a learning rate that is no float, two kinds of clipping, numbers out of range.
    """

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        if "__init__" in vars(cls):
            found = signature_of(cls.__init__)
            cls._arguments = tuple(p.name for p in found.parameters.values() if p.name not in CONFIG and p.kind is p.POSITIONAL_OR_KEYWORD)
            cls.__signature__ = found  # what `inspect` looks for

    def __init__(self, learning_rate: Rate, *common: Any, **named: Unpack[Common]):
        self._rate: Any = checked_rate(type(self).__name__, learning_rate)
        options = gathered(type(self), common, named)
        self._scale: float | None = options.pop("loss_scale_factor")
        self.name = options.pop("name") or snake_case(type(self).__name__)
        for word, value in options.items():
            setattr(self, word, value)
        self._steps = 0  # those included that only accumulated
        self._torch: torch.optim.Optimizer | None = None
        self._variables = Variables([], {}, told=False)
        self._named: dict[str, Tensor] = {}  # all parameters ever known, frozen ones too
        self._kept_from_decay: tuple[list[Tensor], str | None] = [], None
        self._decayed: list[Tensor] | None = None
        self._made: dict[str, Tensor] = {}  # the variables of a person's own optimizer, by path
        self._names_made: set[str] = set()
        self._asleep: dict[Tensor, dict[str, Tensor]] = {}  # the state of frozen parameters

    # --- the learning rate and the count

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; it can be set, unless it follows a schedule."""
        if isinstance(self._rate, LearningRateSchedule):
            return float(self._rate(self._steps))
        if callable(self._rate):
            function: Any = self._rate
            return float(function())
        return self._rate if self._torch is None else float(self._torch.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._rate, LearningRateSchedule) and not isinstance(value, LearningRateSchedule) and not callable(value):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the optimizer with a "
                "float `learning_rate` argument."
            )
        self._rate = value if callable(value) else not_negative(type(self).__name__, float(value))
        if self._torch is not None and not callable(value):
            for group in self._torch.param_groups:
                group["lr"] = self._rate

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by before `backward`, and the gradients are divided by."""
        return self._scale

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._scale = value

    @property
    def follows_schedule(self) -> bool:
        """Whether the rate is a schedule or a function, which set the rate of torch's groups at each step."""
        return callable(self._rate)

    @property
    def steps(self) -> int:
        """The number of steps so far, those included that only accumulated: what a schedule counts."""
        return self._steps

    @steps.setter
    def steps(self, value: int) -> None:
        self._steps = int(value)
        self._settle_counts()

    @property
    def iterations(self) -> int:
        """The number of updates so far; with `gradient_accumulation_steps`, fewer than steps."""
        return self._steps // self.gradient_accumulation_steps if self.gradient_accumulation_steps else self._steps

    @iterations.setter
    def iterations(self, value: int) -> None:
        self.steps = int(value) * (self.gradient_accumulation_steps or 1)

    # --- building

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """The torch optimizer that does the update; the built-in classes write it."""
        return rules.Holder(parameters, lr=self.learning_rate)

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        """The state of a parameter before its first step."""
        return self._torch.first(parameter) if isinstance(self._torch, rules.Rule) else {}

    @property
    def torch_optimizer(self) -> torch.optim.Optimizer | None:
        """The optimizer of torch's that does the update, once it is built: stock `torch.optim` wherever that has the rule."""
        return self._torch

    @property
    def named(self) -> dict[str, Tensor]:
        """The parameters that it has ever been built with, by name."""
        return self._named

    @property
    def made(self) -> dict[str, Tensor]:
        """The variables of a person's own optimizer, by path."""
        return self._made

    @property
    def built(self) -> bool:
        """Whether the torch optimizer exists."""
        return self._torch is not None

    @property
    def parameters(self) -> list[Tensor]:
        """The tensors that are trained."""
        return [] if self._torch is None else [p for group in self._torch.param_groups for p in group["params"]]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of `torch_optimizer`."""
        return [] if self._torch is None else self._torch.param_groups

    def knows(self, parameters: Sequence[Tensor]) -> bool:
        """Whether it is built for just these, and a module has told their names and layouts: nothing to do at the next `fit`."""
        return self._variables.told and {id(p) for p in self.parameters} == {id(p) for p in parameters}

    def build(self, variables: Any) -> None:
        """Takes what to train: a module, which tells names and layouts too, or its parameters. State of known ones is kept.

        Before a training starts a second build may name others, frozen or thawed in between.

        Args:
            variables: an `nn.Module`, `model.parameters()`, `model.named_parameters()`, `model.trainable_variables`.
        """
        found = as_variables(variables)
        tensors = found.tensors
        if self._torch is None:
            self._torch = self.make(tensors)
        elif {id(p) for p in self.parameters} != {id(p) for p in tensors}:
            self._torch.param_groups[0]["params"] = tensors
        elif self._variables.told and not found.told:
            found = self._variables  # nothing is new, and what is known stays known
        self._named = state.remembered(self._named, self._variables.told, found)
        self._variables = found
        self._decayed = None
        self._names_made = set()
        state.settle(self, self._asleep)

    # --- stepping

    def step(self) -> None:
        """One step from the gradients in `.grad`.

        Raises:
            ArgumentError: "No gradients provided for any variable.": nothing has changed.
        """
        torch_optimizer = self._torch
        if torch_optimizer is None:
            raise ArgumentError(f"{type(self).__name__}.step() before build()", "optimizer.build(model)")
        missing = False
        trained: list[Tensor] = []
        for group in torch_optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    missing = True
                else:
                    trained.append(p)
        if not trained:
            raise ArgumentError("No gradients provided for any variable.", "loss.backward() comes before step()")
        if callable(self._rate):
            rate = self.learning_rate
            for group in torch_optimizer.param_groups:
                group["lr"] = rate
        self._update(trained)
        if self.use_ema:
            self._average()
        self._steps += 1
        if missing:
            self._settle_counts()

    def _update(self, trained: list[Tensor]) -> None:
        steps = self.gradient_accumulation_steps
        if steps or self.loss_scale_factor is not None:
            grads = [p.grad for p in trained if p.grad is not None]
            if self.loss_scale_factor is not None:
                rules.divide(grads, self.loss_scale_factor)
            if steps and not self._accumulated(trained, grads, steps):
                return
        if self.clipnorm or self.clipvalue or self.global_clipnorm:
            self._clip(trained)
        self._decay(trained)
        assert self._torch is not None
        for group in self._torch.param_groups:
            self.prepare(group)
        self.advance()
        if steps:
            rules.zero([kept["gradient_accumulator"] for kept in self._states()])

    def _states(self) -> list[dict[str, Tensor]]:
        assert self._torch is not None
        return [self._torch.state[p] for p in self.parameters]

    def _accumulated(self, trained: list[Tensor], grads: list[Tensor], steps: int) -> bool:
        """Whether it is time to update; if so, the gradients are the mean of those since the last time."""
        assert self._torch is not None
        sums = [self._torch.state[p]["gradient_accumulator"] for p in trained]
        if (self._steps + 1) % steps:
            rules.add(sums, grads)
            return False
        rules.add(grads, sums)
        rules.divide(grads, steps)
        return True

    def prepare(self, group: dict[str, Any]) -> None:
        """What changes in the torch optimizer's options from step to step."""

    def advance(self) -> None:
        """The update proper; in a class of the user's, `update_step` for each variable."""
        assert self._torch is not None
        if type(self).update_step is not Custom.update_step:
            self._update_each()
        self._torch.step()

    def _clip(self, trained: list[Tensor]) -> None:
        grads = [p.grad for p in trained if p.grad is not None]
        if self.clipnorm:
            rules.clip_each(grads, self.clipnorm, self._joint(trained))
        elif self.global_clipnorm:
            rules.clip_all(grads, self.global_clipnorm)
        elif self.clipvalue:
            rules.clip_values(grads, self.clipvalue)

    def _joint(self, trained: list[Tensor]) -> list[int] | None:
        """Which of these tensors are one variable to Keras (a GRU's two biases), as a number for each; None where none are."""
        if all(len(v.tensors) == 1 for v in self._variables.found):
            return None
        owner = {id(t): i for i, v in enumerate(self._variables.found) for t in v.tensors}
        return [owner.get(id(p), -1 - i) for i, p in enumerate(trained)]

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss to call `backward` on: times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @property
    def scales_loss(self) -> bool:
        """Whether `scale_loss` does anything."""
        return self.loss_scale_factor is not None

    # --- weight decay

    def exclude_from_weight_decay(self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None) -> None:
        """Spares parameters the weight decay.

        Args:
            var_list: the parameters themselves.
            var_names: regular expressions, any of which is found in Keras's name of the variable (`bias`, `gamma`), or in the
                full name of a plain module's parameter (`body.0.bias`).
        """
        self._kept_from_decay = list(var_list or ()), "|".join(sorted(set(var_names or ()))) or None
        self._decayed = None

    def is_decayed(self, variable: Variable) -> bool:
        """Whether weight decay is meant for a variable."""
        tensors, pattern = self._kept_from_decay
        ids = {id(t) for t in tensors}
        return not (any(id(t) in ids for t in variable.tensors) or (pattern is not None and re.search(pattern, variable.name)))

    def _decay(self, trained: list[Tensor]) -> None:
        if not self.weight_decay:
            return
        if self._kept_from_decay != ([], None):
            if self._decayed is None:
                self._decayed = [t for v in self._variables.found if self.is_decayed(v) for t in v.tensors]
            ids = {id(t) for t in self._decayed}
            trained = [p for p in trained if id(p) in ids]
        self._decay_by(trained, self.weight_decay)

    def _decay_by(self, trained: list[Tensor], weight_decay: float) -> None:
        for group in self.param_groups:
            own = trained if len(self.param_groups) == 1 else [p for p in group["params"] if any(p is t for t in trained)]
            if own:
                rules.decay(own, 1.0 - group["lr"] * weight_decay)

    # --- averages

    def _average(self) -> None:
        momentum = self.ema_momentum if self.iterations else 0.0
        averages = [kept["average"] for kept in self._states()]
        rules.average(averages, self.parameters, momentum)
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            rules.copy(self.parameters, averages)

    @property
    def averages(self) -> list[Tensor]:
        """With `use_ema`, the average of each of `parameters`; without, nothing."""
        return [kept["average"] for kept in self._states()] if self.use_ema and self._torch is not None else []

    def swap_averages(self) -> None:
        """Exchanges the parameters and their averages; a second call puts both back."""
        if self.use_ema:
            rules.swap(self.parameters, self.averages)

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """Puts the averages into the parameters, where `use_ema` has kept them; `fit` does it at its end."""
        averages = self.averages
        if averages:
            wanted = {id(p) for p in self.parameters} if var_list is None else {id(p) for p in as_variables(var_list).tensors}
            pairs = [(p, a) for p, a in zip(self.parameters, averages, strict=True) if id(p) in wanted]
            if pairs:
                rules.copy([p for p, _ in pairs], [a for _, a in pairs])

    # --- Keras's way to step

    def apply(self, grads: Sequence[Tensor | None], trainable_variables: Iterable[Tensor] | None = None) -> None:
        """One step with these gradients (the parameters' own `.grad` are left as they were).

        Args:
            grads: a gradient, or None, for each variable.
            trainable_variables: the variables; if they are not given, those that the optimizer was built with, in that order.

        Raises:
            ArgumentError: another number of gradients, variables that the optimizer was not built with, no gradient at all:
                nothing has changed.
        """
        applying.apply(self, grads, trainable_variables)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> int:
        """`apply` for pairs; gives the number of steps so far."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients, or sets them to zero."""
        if self._torch is not None:
            self._torch.zero_grad(set_to_none)

    # --- state and config

    def _settle_counts(self) -> None:
        """Where torch counts the steps of each parameter, all count as Keras does: together."""
        if self._torch is not None:
            state.settle_counts(self, self._torch)

    def recount(self, kept: dict[str, Any]) -> None:
        """Sets what torch counts of one parameter to `iterations`."""
        if "step" in kept:
            kept["step"].fill_(float(self.iterations))

    def slots(self) -> list[tuple[tuple[str, str], ...]]:
        """Keras's names of the state of each variable and the keys that torch has for it: in groups, each complete before the next."""
        return []

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on, as numbers and tensors: steps, rate, moments, averages, accumulated gradients.

        The tensors are the optimizer's own, as in torch: copy them if they shall stay. State of frozen parameters is in it.
        """
        return state.state_of(self, self._asleep)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`, for a built optimizer.

        Raises:
            ArgumentError: the state is of other parameters or another kind of optimizer: nothing has changed.
        """
        state.load_state(self, state_dict, self._asleep)

    def entries(self) -> list[state.Entry]:
        """Keras's variables of the optimizer, each with its path and how it is set."""
        return list(state.entries(self, self._variables.found))

    @property
    def variables(self) -> list[Tensor]:
        """Keras's variables of the optimizer, in Keras's order and layout: iteration, learning rate, then state. Copies or views."""
        return [entry.value for entry in self.entries()]

    def keras_state(self) -> dict[str, Any]:
        """What Keras writes into `optimizer/vars`: {"0": array, "1": array, ...}."""
        return {str(i): value.detach().cpu().numpy().copy() for i, value in enumerate(self.variables)}

    def load_keras_state(self, store: Mapping[str, Any]) -> None:
        """The inverse of `keras_state`. Warns, as Keras does, and changes nothing if the number of arrays is another."""
        state.load_keras_state(self, self.entries(), store)

    def save_own_variables(self, store: Any) -> None:
        """Keras's name for `keras_state`, into a dict or an HDF5 group."""
        for key, value in self.keras_state().items():
            store[key] = value

    load_own_variables = load_keras_state

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Arrays in the order of `variables`.

        Raises:
            ArgumentError: before `build`, and for other shapes: nothing has changed.
        """
        if not self.built:
            raise ArgumentError(f"{type(self).__name__}.set_weights() before build()", "optimizer.build(model)")
        self.load_keras_state({str(i): weight for i, weight in enumerate(weights)})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a schedule as its config, a function as itself."""
        config: dict[str, Any] = {key: getattr(self, key) for key in CONFIG if key != "learning_rate"}
        rate = self._rate if callable(self._rate) else self.learning_rate
        config["learning_rate"] = schedules.serialize(rate) if isinstance(rate, LearningRateSchedule) else rate
        own = self._arguments
        return {**{key: config[key] for key in CONFIG}, **{key: getattr(self, key) for key in own if hasattr(self, key)}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The inverse of `get_config`."""
        rate = config.get("learning_rate")
        if is_dict(rate):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        """For copies: what is looked up by id is looked up anew."""
        return {**self.__dict__, "_decayed": None}

    def __repr__(self) -> str:
        words = [*CONFIG[1:], *self._arguments]
        return f"{type(self).__name__}({', '.join(f'{word}={shown(value)}' for word in words if (value := getattr(self, word, None)))})"
