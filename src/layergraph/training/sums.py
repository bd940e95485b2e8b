"""The running losses and metrics of an epoch, as a state: a checkpoint in the middle of an epoch holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .binding import Binding, Running
from .checkpoint import unfit
from .metrics.base import Metric


def _running(binding: Binding) -> list[Running]:
    return [binding.total, *(bound.running for bound in binding.losses)]


def _metrics(binding: Binding) -> list[Metric]:
    return [metric for _, metric in (*binding.metrics, *binding.weighted)]


def own_metrics(engine: Any) -> list[Metric]:
    """The metrics that a model with steps of its own keeps; those of `compile` are in the binding."""
    own: Any = getattr(engine, "own", None)
    if own is None:
        return []
    with engine.inside():
        return [
            metric
            for metric in own.metrics
            if isinstance(metric, Metric) and not isinstance(metric, Running) and not hasattr(metric, "metrics")
        ]


def sums_of(binding: Binding) -> dict[str, Any]:
    """The running losses and metrics of an epoch."""
    return {
        "names": list(binding.keys),
        "losses": [running_state(one) for one in _running(binding)],
        "metrics": [metric.state_dict() for metric in _metrics(binding)],
    }


def check_sums(binding: Binding, state: Mapping[str, Any], who: str) -> None:
    """Whether the sums of a checkpoint are those of these losses and metrics."""
    names, count = list(binding.keys), len(_running(binding))
    if names != state["names"] or count != len(state["losses"]):
        raise unfit(who, "the losses and metrics", state["names"], names)


def load_sums(binding: Binding, state: Mapping[str, Any]) -> None:
    """Goes on with the sums of a checkpoint."""
    check_sums(binding, state, "the checkpoint")
    for one, saved in zip(_running(binding), state["losses"], strict=True):
        load_running(one, saved)
    for metric, saved in zip(_metrics(binding), state["metrics"], strict=True):
        metric.load_state_dict(saved)


def running_state(mean: Running) -> list[Any]:
    """Where a running mean stands."""
    return [mean.total.clone() if isinstance(mean.total, Tensor) else mean.total, mean.count]


def load_running(mean: Running, state: list[Any]) -> None:
    """The inverse of `running_state`."""
    total, mean.count = state
    mean.total = total.clone() if isinstance(total, Tensor) else total
