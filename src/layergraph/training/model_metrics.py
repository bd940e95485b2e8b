"""Metrics as a model has them: `model.metrics`, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ..errors import ArgumentError
from ..kinds import is_dict
from .compile import Compiled
from .data.structure import flatten, is_nested
from .metrics.base import Metric
from .trainable import Trainable


class CompiledMetrics(Metric):
    """All metrics of `compile` as one, as Keras has them: it gives a dict, and is known once a batch was seen."""

    def __init__(self, module: Any, compiled: Compiled):
        super().__init__(name="compile_metrics")
        self.module = module
        self.compiled = compiled

    @property
    def built(self) -> bool:
        """Whether a batch was seen."""
        return self.compiled.binding is not None

    @property
    def metrics(self) -> list[Metric]:
        """Metrics, then weighted metrics, output by output."""
        binding = self.compiled.binding
        return [] if binding is None else [metric for _, metric in (*binding.metrics, *binding.weighted)]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        from .steps import steps_of

        steps_of(self.module).update_metrics(y_true, y_pred, sample_weight)

    def result(self) -> dict[str, Any]:
        """The values by the names that they have in the logs."""
        binding = self.compiled.binding
        if binding is None:
            raise ArgumentError("Cannot get result() since the metric has not yet been built.", "update_state(y, y_pred) first")
        return {key: metric.result() for key, metric in zip(binding.keys, self.metrics, strict=True)}

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()


def own_metrics(module: nn.Module) -> list[Metric]:
    """Metrics that are attributes of a model and of its layers, but not of the models within it."""
    found: dict[int, Metric] = {}
    for each in module.modules():
        if each is module or not isinstance(each, Trainable):
            for name, value in vars(each).items():
                if isinstance(value, Metric):
                    found[id(value)] = value
                elif name[0] != "_" and is_nested(value):
                    found.update({id(leaf): leaf for leaf in flatten(value) if isinstance(leaf, Metric)})
    return list(found.values())


def metrics_of(module: Any) -> list[Metric]:
    """The loss, the metrics of `compile` as one, the loss of each output where there are several, then the model's own."""
    compiled: Compiled | None = module.__dict__.get("_compiled")
    if compiled is None:
        return own_metrics(module)
    found: list[Metric] = [compiled.tracker]
    if compiled.metrics is not None or compiled.weighted_metrics is not None:
        found.append(CompiledMetrics(module, compiled))
    bound = compiled.binding.losses if compiled.binding is not None else []
    return [*found, *([one.running for one in bound] if len(bound) > 1 else []), *own_metrics(module)]


def all_known(metrics: Sequence[Metric]) -> bool:
    """Whether each of them can give a result."""
    return all(metric.built for metric in metrics if isinstance(metric, CompiledMetrics))


def results_of(metrics: Sequence[Metric]) -> dict[str, Any]:
    """What metrics say, by name; a dict among the results is merged into it."""
    found: dict[str, Any] = {}
    for metric in metrics:
        result = metric.result()
        found.update(result if is_dict(result) else {metric.name: result})
    return found
