"""A variable of a metric: a tensor with Keras's `assign`, `assign_add`, `assign_sub` and `value`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..numbers import as_tensor


class MetricVariable(nn.Parameter):
    """A tensor that a metric adds to. Whatever is computed from it is a plain tensor; it follows what it is given to its device.

    >>> total = MetricVariable(torch.zeros(()), "total")
    >>> _ = total.assign_add(2.0)
    >>> float(total), float(total / 4)
    (2.0, 0.5)
    """

    # A Parameter without gradients, because torch has no public tensor class whose arithmetic gives plain tensors but this one.
    def __new__(cls, data: Tensor, name: str | None = None, aggregation: str | None = "sum") -> MetricVariable:
        return super().__new__(cls, data, requires_grad=False)

    def __init__(self, data: Tensor, name: str | None = None, aggregation: str | None = "sum"):
        self._name = name or "variable"
        self.aggregation = aggregation

    @property
    def name(self) -> str:
        """What it is called in the state of its metric."""
        return self._name

    @property
    def value(self) -> Tensor:
        """The values, as a plain tensor that shares them."""
        return self.detach()

    @torch.no_grad()
    def assign(self, value: Any) -> MetricVariable:
        """Takes `value`, a tensor, array or number of its shape."""
        self.copy_(self._beside(value))
        return self

    @torch.no_grad()
    def assign_add(self, value: Any) -> MetricVariable:
        """Adds `value`."""
        self.add_(self._beside(value))
        return self

    @torch.no_grad()
    def assign_sub(self, value: Any) -> MetricVariable:
        """Takes `value` away."""
        self.sub_(self._beside(value))
        return self

    def numpy(self, *, force: bool = False) -> Any:
        """The values, copied from the device."""
        return self.detach().cpu().numpy(force=force)

    def move(self, device: torch.device) -> None:
        """Goes to a device; in single precision where that has no other."""
        with torch.inference_mode(False), torch.no_grad():
            values = self.data.float() if device.type == "mps" and self.dtype is torch.float64 else self.data
            self.data = values.to(device)

    def _beside(self, value: Any) -> Tensor:
        value = as_tensor(value)
        if value.device != self.device and value.device.type != "cpu":
            self.move(value.device)
        return value.to(self.dtype)

    def __repr__(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"<MetricVariable name={self.name}, shape={tuple(self.shape)}, value={self.detach().tolist()}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> MetricVariable:
        twin = memo[id(self)] = MetricVariable(self.detach().clone(), self._name, self.aggregation)
        return twin

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return MetricVariable, (self.detach(), self._name, self.aggregation)


def new_variable(values: Any, name: str | None = None, aggregation: str | None = "sum") -> MetricVariable:
    """A variable made from `values()`, which later code may change whatever mode this runs in."""
    with torch.inference_mode(False), torch.no_grad():
        return MetricVariable(values().detach(), name, aggregation)
