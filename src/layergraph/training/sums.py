"""The running losses and metrics of an epoch, as a state: a checkpoint in the middle of an epoch holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from .binding import Binding
from .checkpoint import has_state, unfit


def _running(binding: Binding) -> list[Any]:
    return [binding.total, *(bound.running for bound in binding.losses)]


def _metrics(binding: Binding) -> list[Any]:
    return [metric for _, metric in (*binding.metrics, *binding.weighted)]


def sums_of(binding: Binding) -> dict[str, Any]:
    """The running losses and metrics of an epoch."""
    return {
        "names": list(binding.keys),
        "losses": [[_cloned(one.total), one.count] for one in _running(binding)],
        "metrics": [_metric_state(metric) for metric in _metrics(binding)],
    }


def check_sums(binding: Binding, state: Mapping[str, Any], who: str) -> None:
    """Whether the sums of a checkpoint are those of these losses and metrics."""
    names, count = list(binding.keys), len(_running(binding))
    if names != state["names"] or count != len(state["losses"]):
        raise unfit(who, "the losses and metrics", state["names"], names)


def load_sums(binding: Binding, state: Mapping[str, Any]) -> None:
    """Goes on with the sums of a checkpoint."""
    check_sums(binding, state, "the checkpoint")
    for one, (total, count) in zip(_running(binding), state["losses"], strict=True):
        one.total, one.count = _cloned(total), count
    for metric, saved in zip(_metrics(binding), state["metrics"], strict=True):
        _load_metric(metric, saved)


def _metric_state(metric: Any) -> dict[str, Any]:
    if has_state(metric):
        return metric.state_dict()
    foreign: Any = getattr(metric, "metric", None)  # of torchmetrics: what it adds up, and how often
    held: dict[str, Any] = dict(vars(metric))
    if foreign is not None:
        held = dict(getattr(foreign, "metric_state", {}))
        held["_update_count"] = getattr(foreign, "_update_count", 0)
    return {name: _cloned(value) for name, value in held.items() if isinstance(value, (Tensor, float, int, list))}


def _load_metric(metric: Any, state: Mapping[str, Any]) -> None:
    if has_state(metric):
        metric.load_state_dict(state)
        return
    owner = getattr(metric, "metric", None) or metric
    for name, value in state.items():
        setattr(owner, name, _cloned(value))


def _cloned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cloned(one) for one in cast("list[Any]", value)]
    return value.clone() if isinstance(value, Tensor) else value
