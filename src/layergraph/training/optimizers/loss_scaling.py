"""An optimizer around another: a loss scale that finds its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError, shown
from . import rules, state
from .arguments import DEFAULTS
from .base import Optimizer
from .configs import made_inside, serialize
from .variables import as_variables


class LossScaleOptimizer(Optimizer):
    """Scales the loss for float16, and finds the scale: doubled after so many good steps, halved where a gradient is not finite.

    Such a step is left out. Finding out waits for the device at each step. `bfloat16` needs none of this.

    Args:
        inner_optimizer: does the work; its own `loss_scale_factor` is set to None.
        initial_scale: the first scale, rather too high than too low.
        dynamic_growth_steps: the number of good steps after which the scale doubles.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not kwargs.pop("dynamic", True):
            raise ArgumentError(
                "LossScaleOptimizer no longer supports `dynamic=False`", "set `loss_scale_factor` directly on the `inner_optimizer`"
            )
        for key, value in kwargs.items():
            if key not in DEFAULTS:
                raise ArgumentError(f"LossScaleOptimizer does not support arguments: `{key}`")
            if value != DEFAULTS[key]:
                raise ArgumentError(f"LossScaleOptimizer does not support `{key}`", f"set `{key}` on the `inner_optimizer`")
        if not isinstance(inner_optimizer, Optimizer):
            raise ArgumentError(f"LossScaleOptimizer: wanted an optimizer of layergraph's, got {shown(inner_optimizer)}", "Adam()")
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self.dynamic_scale = float(initial_scale)
        self.step_counter = 0
        inner_optimizer.loss_scale_factor = None

    @property
    def learning_rate(self) -> float:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def follows_schedule(self) -> bool:
        return self.inner_optimizer.follows_schedule

    @property
    def iterations(self) -> int:
        """The updates of the inner optimizer: steps that were left out do not count."""
        return self.inner_optimizer.iterations

    @iterations.setter
    def iterations(self, value: int) -> None:
        self.inner_optimizer.iterations = value

    @property
    def torch_optimizer(self) -> torch.optim.Optimizer | None:
        return self.inner_optimizer.torch_optimizer

    @property
    def built(self) -> bool:
        return self.inner_optimizer.built

    @property
    def parameters(self) -> list[Tensor]:
        return self.inner_optimizer.parameters

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.inner_optimizer.param_groups

    def knows(self, parameters: Any) -> bool:
        return self.inner_optimizer.knows(parameters)

    def build(self, variables: Any) -> None:
        found = as_variables(variables)
        self.inner_optimizer.build(found)
        self._variables, self._named = found, found.named

    def step(self) -> None:
        """One step, unless a gradient is not finite. The gradients in `.grad` are those of the scaled loss."""
        grads = [p.grad for p in self.parameters if p.grad is not None]
        if grads and not bool(torch.stack([g.isfinite().all() for g in grads]).all()):
            self.step_counter = 0
            self.dynamic_scale *= 0.5
            return
        rules.divide(grads, self.dynamic_scale) if grads else None
        self.inner_optimizer.step()
        if self.step_counter == self.dynamic_growth_steps - 1:
            self.step_counter = 0
            self.dynamic_scale *= 2.0
        else:
            self.step_counter += 1

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times the scale of now."""
        return loss * self.dynamic_scale

    @property
    def scales_loss(self) -> bool:
        return True

    @property
    def averages(self) -> list[Tensor]:
        return self.inner_optimizer.averages

    def swap_averages(self) -> None:
        self.inner_optimizer.swap_averages()

    def finalize_variable_values(self, var_list: Any = None) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.inner_optimizer.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The scale, and the state of the inner optimizer."""
        return {"dynamic_scale": self.dynamic_scale, "step_counter": self.step_counter, "inner": self.inner_optimizer.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.inner_optimizer.load_state_dict(state_dict["inner"])
        self.dynamic_scale, self.step_counter = float(state_dict["dynamic_scale"]), int(state_dict["step_counter"])

    def entries(self) -> list[state.Entry]:
        def put_counter(value: Tensor) -> None:
            self.step_counter = int(value)

        def put_scale(value: Tensor) -> None:
            self.dynamic_scale = float(value)

        found = [*state.unused(self)]
        if self.built:
            found.append(state.Entry(f"{self.name}/step_counter", torch.tensor(self.step_counter, dtype=torch.int32), put_counter))
            found.append(state.Entry(f"{self.name}/dynamic_scale", torch.tensor(self.dynamic_scale), put_scale))
        return found + self.inner_optimizer.entries()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the inner optimizer as its config."""
        inner = serialize(self.inner_optimizer)
        words = {"initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps}
        return {"name": self.name, "inner_optimizer": inner, **words}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The inverse of `get_config`."""
        return cls(**{**config, "inner_optimizer": made_inside(config["inner_optimizer"], custom_objects)})
