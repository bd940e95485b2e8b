"""What `compile` was told: optimizer, losses and metrics, checked as far as they can be before an output is seen."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..errors import ArgumentError, shown
from ..kinds import is_dict, is_sequence, is_whole
from .binding import Binding, Running, is_auto, losses_by_output
from .data.structure import flatten
from .devices import checked
from .losses import lookup as losses
from .metrics import lookup as metrics
from .optimizers import lookup as optimizers

if TYPE_CHECKING:
    from .callbacks.base import History


class Compiled:
    """Everything that training keeps beside a model: the arguments of `compile`, the optimizer, the last history.

    Args:
        optimizer: a name, an `Optimizer`, a `torch.optim` optimizer or class.
        loss: a name, a `Loss`, a loss of torch, a function `loss(y_true, y_pred)`; or a list or dict of these by output.
        loss_weights: a number for each loss, as a list or dict.
        metrics, weighted_metrics: lists, or lists and dicts of these by output.
        output_names: the model's outputs where they are known before it runs.
        steps_per_execution: callbacks are called once for so many batches of `fit` and `evaluate`, before the first and after the
            last of them; a batch that is the last of its epoch ends a group.
        jit_compile: only 'auto' or False, for now.
        run_eagerly, auto_scale_loss: kept, for whoever reads them.
        distribute: how several processes train together, if they were launched: 'auto', 'ddp', 'fsdp2'; False: each alone.

    Raises:
        ArgumentError: names that mean nothing, and arguments that do not fit each other.
    """

    def __init__(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        output_names: Sequence[str] | None = None,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        run_eagerly: bool = False,
        auto_scale_loss: bool = True,
        distribute: str | bool = "auto",
    ):
        if jit_compile not in ("auto", False):
            raise ArgumentError(
                f"compile(jit_compile={jit_compile!r}) is not in layergraph yet", "model = torch.compile(model) works on the model"
            )
        if not is_whole(steps_per_execution) or steps_per_execution < 1:
            raise ArgumentError(f"compile(steps_per_execution={steps_per_execution!r}): wanted a whole number of at least 1")
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self.loss_weights = loss_weights
        self.metrics = metrics
        self.weighted_metrics = weighted_metrics
        self.steps_per_execution = steps_per_execution
        self.jit_compile = jit_compile if isinstance(jit_compile, bool) else False
        self.run_eagerly = run_eagerly
        self.auto_scale_loss = auto_scale_loss
        self.distribute: str | bool = checked(distribute)
        self.tracker = Running()
        self.binding: Binding | None = None
        # whether the model has metrics of its own, beside those of `compile`: looked for when `fit` or `evaluate` begin
        self.own_metrics: bool | None = None
        self.history: History | None = None
        self.stop_training = False
        self._check(list(output_names) if output_names else None)

    def _check(self, names: list[str] | None) -> None:
        for leaf in flatten(self.loss):
            if leaf is not None and not is_auto(leaf):
                losses.resolve(leaf)
        for argument, value in (("metrics", self.metrics), ("weighted_metrics", self.weighted_metrics)):
            if value and not (is_sequence(value) or is_dict(value)):
                raise ArgumentError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: {argument}={shown(value)} of type "
                    f"{type(value).__name__}",
                    f"{argument}=[{shown(value)}]",
                )
            for leaf in flatten(value) if value else ():
                if leaf is not None:
                    metrics.check(leaf)
        if self.loss_weights is not None and not isinstance(self.loss_weights, (list, tuple, dict, float, int)):
            raise ArgumentError(f"compile: `loss_weights` must be a number, a list or a dict; received {shown(self.loss_weights)}")
        if names is not None:
            losses_by_output(self.loss, self.loss_weights, names, by_name=True)

    def bind(self, outputs: Any, names: list[str], y_true: Sequence[Tensor | None]) -> Binding:
        """The losses and metrics for these outputs; made at the first batch and kept."""
        if self.binding is None or self.binding.names != names:
            self.binding = Binding(self, outputs, names, y_true)
        return self.binding

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: a loss or metric that cannot be pickled (a lambda) is left out, with a warning."""
        state = self.__dict__.copy()
        for key in ("loss", "metrics", "weighted_metrics"):
            try:
                pickle.dumps(state[key])
            except Exception:
                warnings.warn(f"the copy is without `{key}`: {shown(state[key])} cannot be pickled; call compile() on it", stacklevel=2)
                state[key] = None
        state.update(binding=None, tracker=Running())
        return state

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update({key: copy.deepcopy(value, memo) for key, value in self.__dict__.items()})
        return twin
