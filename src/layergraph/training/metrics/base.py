"""The protocol of metrics, running means and sums, and metrics of torchmetrics.

`update_state(y_true, y_pred, sample_weight=None)` adds a batch, `result()` gives a tensor without axes, `reset_state()`
starts again. A metric of torchmetrics, or any object with `update`, `compute` and `reset`, is taken as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import ArgumentError
from ..losses.functions import align
from ..numbers import as_tensor, snake_case


class Metric:
    """The base of metrics: write `update_state`, `result` and `reset_state`.

    `direction` is 'up' where more is better, 'down' where less is, None where it is not known; callbacks read it.
    """

    direction: ClassVar[str | None] = None

    def __init__(self, name: str | None = None, dtype: Any = None):
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update_state(self, y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The value so far."""
        raise NotImplementedError(f"{type(self).__name__} needs a method result(self)")

    def reset_state(self) -> None:
        """Forgets every batch."""
        raise NotImplementedError(f"{type(self).__name__} needs a method reset_state(self)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {key: getattr(self, key) for key in inspect.signature(type(self).__init__).parameters if key != "self"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The inverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _sum(values: Tensor) -> Tensor:
    """A sum in double precision where the device has it: an epoch of float32 additions would lose digits."""
    return values.sum(dtype=torch.float32 if values.device.type == "mps" else torch.float64)


class Mean(Metric):
    """The (weighted) mean of values: each sample's values are averaged first.

    >>> m = Mean()
    >>> m.update_state([1, 3, 5, 7])
    >>> float(m.result())
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name, dtype)
        self.reset_state()

    def reset_state(self) -> None:
        self.total: Any = 0.0
        self.count: Any = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            values = as_tensor(values)
            if sample_weight is not None:
                values, weights = _samplewise(values, sample_weight)
                self.total = self.total + _sum(values)
                self.count = self.count + _sum(weights)
                return
            batch = values.shape[0] if values.ndim else 1
            each = values.numel() / max(batch, 1)
            total = _sum(values)
            self.total = self.total + (total if each == 1 else total / each)
            self.count = self.count + batch

    def result(self) -> Tensor:
        """The mean so far; 0 before any value."""
        count, total = torch.as_tensor(self.count), torch.as_tensor(self.total)
        return torch.where(count == 0, 0.0, total / torch.where(count == 0, 1.0, count)).float()


class Sum(Metric):
    """The (weighted) sum of values: each sample's values are summed first."""

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name, dtype)
        self.reset_state()

    def reset_state(self) -> None:
        self.total: Any = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            values = as_tensor(values)
            if sample_weight is not None:
                values, _ = _samplewise(values, sample_weight, torch.sum)
            self.total = self.total + _sum(values)

    def result(self) -> Tensor:
        """The sum so far."""
        return torch.as_tensor(self.total).float()


def _samplewise(values: Tensor, weight: Any, reduce: Callable[..., Tensor] = torch.mean) -> tuple[Tensor, Tensor]:
    """Weighted values and weights, one per sample, in Keras's order of reducing and broadcasting."""
    values = values.float() if not values.is_floating_point() else values
    weight = as_tensor(weight, device=values.device).to(values.dtype)
    values, weight = align(values, weight)
    if values.ndim > weight.ndim:
        values = reduce(values, dim=tuple(range(weight.ndim, values.ndim)))
    given = weight.ndim
    weight = weight.broadcast_to(values.shape)
    values = values * weight
    if given > 1:
        weight = reduce(weight, dim=tuple(range(1, given)))
    if values.ndim > 1:
        values = reduce(values, dim=tuple(range(1, values.ndim)))
    return values, weight


class MeanMetricWrapper(Mean):
    """The running mean of a function `fn(y_true, y_pred, **kwargs)` that gives a value per sample."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name or getattr(fn, "__name__", None) or snake_case(type(fn).__name__), dtype)
        self.fn = fn
        self.kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any = None, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        with torch.no_grad():
            super().update_state(self.fn(y_true, y_pred, **self.kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {"fn": self.fn, "name": self.name, "dtype": self.dtype, **self.kwargs}


class ForeignMetric(Metric):
    """An object with torchmetrics' protocol: `update(preds, target)`, `compute()`, `reset()`."""

    def __init__(self, metric: Any, name: str | None = None):
        super().__init__(name or snake_case(type(metric).__name__))
        self.metric = metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if sample_weight is not None:
            raise ArgumentError(f"{type(self.metric).__name__} takes no sample weights", "put it into metrics=, not weighted_metrics=")
        if hasattr(self.metric, "to"):
            self.metric.to(y_pred.device)
        self.metric.update(y_pred, y_true)

    def result(self) -> Any:
        return self.metric.compute()

    def reset_state(self) -> None:
        self.metric.reset()
