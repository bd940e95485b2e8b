"""The running losses and metrics of an epoch, as a state: a checkpoint in the middle of an epoch holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .binding import Binding, Running
from .checkpoint import unfit
from .metrics.base import Metric


def _kept(binding: Binding) -> list[Metric]:
    """The running loss, that of each output, the metrics."""
    losses = (bound.running for bound in binding.losses)
    return [binding.total, *losses, *(metric for _, metric in (*binding.metrics, *binding.weighted))]


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
    return {"names": list(binding.keys), "states": [metric.state_dict() for metric in _kept(binding)]}


def check_sums(binding: Binding, state: Mapping[str, Any], who: str) -> None:
    """Whether the sums of a checkpoint are those of these losses and metrics."""
    names = list(binding.keys)
    if names != state["names"] or len(_kept(binding)) != len(state["states"]):
        raise unfit(who, "the losses and metrics", state["names"], names)


def load_sums(binding: Binding, state: Mapping[str, Any]) -> None:
    """Goes on with the sums of a checkpoint."""
    check_sums(binding, state, "the checkpoint")
    for metric, saved in zip(_kept(binding), state["states"], strict=True):
        metric.load_state_dict(saved)
