"""The base of Keras's optimizers: one step, from gradients to weights, around the torch optimizer that does the update."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError
from . import applying, rules, state
from .configured import Configured
from .custom import Custom
from .variables import Variable, as_variables


class Optimizer(Configured):
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

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """The torch optimizer that does the update; the built-in classes write it."""
        return rules.Holder(parameters, lr=self.learning_rate)

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        """The state of a parameter before its first step."""
        return self._torch.first(parameter) if isinstance(self._torch, rules.Rule) else {}

    def started(self, parameter: Tensor) -> dict[str, Tensor]:
        """`start`, of the rule that is at work: a person's `update_step` in a subclass of Adam has no use for Adam's moments."""
        return {} if isinstance(self._torch, rules.Holder) else self.start(parameter)

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
        if not self._variables.told or any(t.device != p.device for p, kept in self._first_state() for t in kept if t.ndim):
            return False
        return {id(p) for p in self.parameters} == {id(p) for p in parameters}

    def _first_state(self) -> list[tuple[Tensor, list[Tensor]]]:
        """The first parameter and its state: where that is, all is."""
        return [(p, list(self._torch.state.get(p, {}).values())) for p in self.parameters[:1]] if self._torch is not None else []

    def build(self, variables: Any) -> None:
        """Takes what to train: a module, which tells names and layouts too, or its parameters. State of known ones is kept.

        Before a training starts a second build may name others, frozen or thawed in between.

        Args:
            variables: an `nn.Module`, `model.parameters()`, `model.named_parameters()`, `model.trainable_variables`.
        """
        found = as_variables(variables)
        tensors = found.tensors
        if self._torch is None:
            own = type(self).update_step is not Custom.update_step
            self._torch = Optimizer.make(self, tensors) if own else self.make(tensors)
        elif {id(p) for p in self.parameters} != {id(p) for p in tensors}:
            self._torch.param_groups[0]["params"] = tensors
        elif self._variables.told and not found.told:
            found = self._variables  # nothing is new, and what is known stays known
        self._named = state.remembered(self._named, self._variables.told, found)
        self._variables = found
        self._joined = any(len(v.held) > 1 for v in found.found)
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
        trained: list[Tensor] = []
        missing: list[Tensor] = []
        for group in torch_optimizer.param_groups:
            for p in group["params"]:
                (missing if p.grad is None else trained).append(p)
        if not trained:
            raise ArgumentError("No gradients provided for any variable.", "loss.backward() comes before step()")
        if callable(self._rate):
            rate = self.learning_rate
            if rate != rate:
                raise ArgumentError(f"{type(self).__name__}: the learning rate of step {self._steps} is {rate}")
            for group in torch_optimizer.param_groups:
                group["lr"] = rate
        self._update(trained)
        if self.use_ema:
            self._average()
        self._steps += 1
        if missing:  # to torch each parameter has a count of its own, to Keras all have one
            state.settle_counts(self, torch_optimizer, missing)

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
        if isinstance(self._torch, rules.Holder):
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
        if not self._joined:
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

    def recount(self, kept: dict[str, Any]) -> None:
        """Sets what torch counts of one parameter to `iterations`."""
        if "step" in kept:
            kept["step"].fill_(float(self.iterations))

    def _settle_counts(self) -> None:
        if self._torch is not None:
            state.settle_counts(self, self._torch, self.parameters)

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
