"""What a person's own optimizer is written with: `build`, `update_step`, and variables beside those of the model, as in Keras."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ... import initializers
from ...config import torch_dtype
from ...errors import ArgumentError, shown
from ...kinds import is_sequence

if TYPE_CHECKING:
    from .variables import Variables


class Custom:
    """Mixed into `Optimizer`.

    >>> from layergraph.optimizers import Optimizer
    >>> class Momentum(Optimizer):
    ...     def build(self, variables):
    ...         super().build(variables)
    ...         self.moments = [self.add_variable_from_reference(reference_variable=v, name="m") for v in variables]
    ...
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         m = self.moments[self._get_variable_index(variable)]
    ...         self.assign(m, 0.9 * m - learning_rate * gradient)
    ...         self.assign_add(variable, m)
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> optimizer = Momentum(0.5)
    >>> optimizer.apply([torch.ones(2)], [weight])
    >>> weight.tolist()
    [0.5, 0.5]
    """

    name: str
    _variables: Variables
    _made: dict[str, Tensor]
    _names_made: set[str]
    _now: dict[int, int] | None = None

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step."""
        raise NotImplementedError

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: float) -> None:
        """Changes one variable: write it, with `assign`, `assign_add` and `assign_sub`.

        Args:
            gradient, variable: in Keras's layout, where a module has told it.
            learning_rate: of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method update_step(self, gradient, variable, learning_rate)")

    @torch.no_grad()
    def _update_each(self) -> None:
        rate = self.learning_rate
        found = self._variables.found
        values = [v.tensors[0] if v.layout is None else v.value for v in found]
        self._now = {id(value): i for i, value in enumerate(values)}
        try:
            for v, value in zip(found, values, strict=True):
                if any(t.grad is not None for t in v.tensors):
                    self.update_step(v.gather(lambda t: t.grad), value, rate)
                    v.write(value)
        finally:
            self._now = None

    def _get_variable_index(self, variable: Tensor) -> int:
        """The place of a variable among those of `build`."""
        if self._now is not None and id(variable) in self._now:
            return self._now[id(variable)]
        for i, (given, v) in enumerate(zip(self._variables, self._variables.found, strict=True)):
            if variable is given or any(variable is t for t in v.tensors):
                return i
        raise ArgumentError(
            f"{type(self).__name__}: {shown(variable)} is none of the variables that it was built with",
            "super().build(variables) comes first",
        )

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Tensor:
        """A tensor of the optimizer's own, which `state_dict` keeps; after a second `build`, the one that was there.

        Args:
            shape: Keras's, of sizes.
            initializer: a name or an `Initializer`.
            dtype: float32 unless it is given.
            aggregation, layout: taken for Keras's sake.
            name: what it is called in `state_dict`, behind the optimizer's own name.
        """
        path = f"{self.name}/{name or 'variable'}"
        while path in self._names_made:
            path += "_"
        self._names_made.add(path)
        kept = self._made.get(path)
        if kept is None or tuple(kept.shape) != tuple(shape):
            fill: Any = initializers.get(initializer)
            kind = torch.float32 if dtype is None else torch_dtype(dtype)
            self._made[path] = torch.as_tensor(fill(tuple(shape), kind))
        return self._made[path]

    def add_variable_from_reference(self, reference_variable: Tensor, name: str | None = None, initializer: Any = "zeros") -> Tensor:
        """A tensor like a variable, in Keras's layout: `momentum` of `dense/kernel` is `my_optimizer/dense_kernel_momentum`."""
        i = self._get_variable_index(reference_variable)
        variable = self._variables.found[i]
        path = f"{variable.path.replace('/', '_')}_{name or 'var'}"
        made = self.add_variable(variable.shape, initializer, variable.dtype, name=path)
        if made.device != variable.tensors[0].device:
            made = self._made[f"{self.name}/{path}"] = made.to(variable.tensors[0].device)
        return made

    def add_optimizer_variables(self, trainable_variables: Iterable[Tensor], name: Any, initializer: Any = "zeros") -> Any:
        """A tensor like each variable; with a list of names (and of initializers), a list for each."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        firsts = initializer if is_sequence(initializer) else [initializer] * len(name)
        made: list[list[Tensor]] = [[] for _ in name]
        for v in trainable_variables:
            for column, word, first in zip(made, name, firsts, strict=True):
                column.append(self.add_variable_from_reference(v, word, first))
        return tuple(made)

    def assign(self, variable: Tensor, value: Any) -> None:
        """`variable = value`, in place."""
        with torch.no_grad():
            variable.copy_(torch.as_tensor(value, device=variable.device))

    def assign_add(self, variable: Tensor, value: Any) -> None:
        """`variable += value`."""
        with torch.no_grad():
            variable.add_(value)

    def assign_sub(self, variable: Tensor, value: Any) -> None:
        """`variable -= value`."""
        with torch.no_grad():
            variable.sub_(value)
