"""Metrics of torchmetrics, and whatever has their protocol: `update(preds, target)`, `compute()`, `reset()`. Taken as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...errors import ArgumentError, user_place, warn_at
from ...kinds import is_list
from ..losses.functions import align
from ..numbers import as_tensor, snake_case
from .base import Metric


def is_foreign(metric: Any) -> bool:
    """Whether it has the protocol."""
    return not isinstance(metric, type) and all(callable(getattr(metric, method, None)) for method in ("update", "compute", "reset"))


class ForeignMetric(Metric):
    """An object with torchmetrics' protocol. Ranks of target and prediction are matched, as they are for other metrics.

    A collection gives several numbers, logged by their own names. Over several processes torchmetrics sums by itself, in `compute`.
    """

    def __init__(self, metric: Any, name: str | None = None):
        super().__init__(name=name or snake_case(type(metric).__name__))
        self.metric = metric
        self._device: torch.device | None = None

    @property
    def direction(self) -> str | None:
        better = getattr(self.metric, "higher_is_better", None)
        return None if better is None else "up" if better else "down"

    def to(self, device: torch.device) -> None:
        if device != self._device and callable(getattr(self.metric, "to", None)):
            self.metric.to(device)
        self._device = device

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if sample_weight is not None:
            raise ArgumentError(f"{type(self.metric).__name__} takes no sample weights", "put it into metrics=, not weighted_metrics=")
        pred = as_tensor(y_pred)
        true = as_tensor(y_true, pred.device)
        true = true.squeeze(-1) if true.ndim == pred.ndim > 1 and true.shape[-1] == 1 != pred.shape[-1] else align(true, pred)[0]
        # what it keeps must be writable later, when nobody is in inference mode
        with torch.inference_mode(False), torch.no_grad():
            self.to(pred.device)
            self.metric.update(pred, true)

    def result(self) -> Any:
        """What `compute()` gives: a tensor, or a dict of them."""
        return self.metric.compute()

    def reset_state(self) -> None:
        with torch.inference_mode(False):
            self.metric.reset()

    # --- the state as data

    def _parts(self) -> dict[str, Any]:
        """The metrics of torchmetrics in it, by where they stand; none for another object."""
        whole: Any = self.metric
        if not isinstance(self.metric, nn.Module):
            return {}
        if isinstance(self.metric, nn.ModuleDict):
            _ = list(whole.items())  # members of a compute group see the state of their leader from here on
        found = cast("dict[str, Any]", dict(whole.named_modules()))
        return {prefix: part for prefix, part in found.items() if hasattr(part, "update_count")}

    def state_dict(self) -> dict[str, Any]:
        """Every number and tensor of the state, by the path of its metric and its name; an entry of a list by its place."""
        parts = self._parts()
        if not parts:
            return {
                key: _copied(value)
                for key, value in cast("dict[str, Any]", vars(self.metric)).items()
                if isinstance(value, (int, float, Tensor))
            }
        state: dict[str, Any] = {}
        for prefix, part in parts.items():
            state[f"{prefix}:updates"] = part.update_count
            for name, value in cast("dict[str, Any]", part.metric_state).items():
                entries = {f"{name}:{i}": each for i, each in enumerate(value)} if is_list(value) else {name: value}
                state |= {f"{prefix}:{key}": _copied(each) for key, each in entries.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        parts = self._parts()
        if not parts:
            for key, value in state.items():
                setattr(self.metric, key, _copied(value))
        for prefix, part in parts.items():
            for name, value in cast("dict[str, Any]", part.metric_state).items():
                key = f"{prefix}:{name}"
                taken: Any = (
                    [_copied(state[each]) for each in state if each.startswith(f"{key}:")] if is_list(value) else _copied(state[key])
                )
                setattr(part, name, taken)
            part._update_count, part._computed = state[f"{prefix}:updates"], None

    def reduce_state(self, sum_over_processes: Callable[[Tensor], Tensor]) -> None:
        if not self._parts():
            warn_at(user_place(), f"the metric {self.name!r} ({type(self.metric).__name__}) is not summed over processes: each has its own")


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value
