"""Metrics from names, configs, classes and functions; and what 'accuracy' means for given shapes."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from ...errors import ArgumentError, shown, suggestion
from ...identify import CustomObjects, custom_object
from ...kinds import is_class, is_dict
from ..configs import Table
from ..losses.base import Loss
from ..losses.foreign import TorchFunctionLoss, TorchLoss, of_torch
from ..losses.functions import classification_kind
from ..losses.lookup import TABLE as LOSS_TABLE
from ..numbers import snake_case
from . import accuracies, confusion, curves, iou, means, regression, scores
from .accuracies import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from .base import Mean, MeanMetricWrapper, Metric, Sum
from .foreign import ForeignMetric, is_foreign
from .means import BinaryCrossentropy, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError

_SHORT: dict[str, type[Metric]] = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}


def _classes() -> dict[str, type[Metric]]:
    """The metrics that are written in these files, by name."""
    found: dict[str, type[Metric]] = {"Mean": Mean, "Sum": Sum}
    for room in (accuracies, means, regression, confusion, curves, scores, iou):
        for name, cls in vars(room).items():
            if is_class(cls) and issubclass(cls, Metric) and cls.__module__ == room.__name__ and not name.startswith("_"):
                found[name] = cls
    return found


_CLASSES = _classes()
METRICS: dict[str, type[Metric]] = {
    **_CLASSES,
    **{snake_case(name): cls for name, cls in _CLASSES.items()},
    **_SHORT,
    **{short.upper(): cls for short, cls in _SHORT.items()},
}
TABLE = Table(
    "metric",
    "keras.metrics",
    {**_CLASSES, "MeanMetricWrapper": MeanMetricWrapper},
    {
        **LOSS_TABLE.functions,
        **{name: f for name, f in vars(accuracies).items() if callable(f) and f.__module__ == accuracies.__name__ and not is_class(f)},
        "pearson_correlation": regression.pearson_correlation,
        "concordance_correlation": regression.concordance_correlation,
    },
)


def get(identifier: Any) -> Any:
    """A metric from its name, its config, itself or a function; None stays None.

    Raises:
        ArgumentError: "Could not interpret metric identifier: ..." with the nearest name; a class that wants arguments.
    """
    if identifier is None:
        return None
    if is_dict(identifier) and "class_name" in identifier:
        return TABLE.deserialize(identifier)
    if isinstance(identifier, str):
        own = custom_object(identifier)
        if own is not None:
            return get(own)
        if identifier in METRICS:
            return _made(METRICS[identifier])
    elif is_class(identifier):
        return _made(identifier)
    elif callable(identifier) or is_foreign(identifier):
        return identifier
    raise ArgumentError(
        f"Could not interpret metric identifier: {shown(identifier)}", suggestion(identifier, [*METRICS, "accuracy", "acc"])
    )


def _made(kind: Any) -> Any:
    wanted = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if not wanted:
        return kind()
    raise ArgumentError(
        f"the metric {kind.__name__} cannot be made without {', '.join(wanted)}",
        f"metrics=[{kind.__name__}({', '.join(f'{name}=...' for name in wanted)})]",
    )


def serialize(metric: Any) -> Any:
    """The config of a metric, or of a metric function, in Keras's form; what makes it again is `deserialize`.

    Raises:
        ArgumentError: a metric of torchmetrics, or a function that has no name by which it could be found again.

    >>> serialize(confusion.Recall(class_id=2))["config"]
    {'name': 'recall', 'dtype': 'float32', 'thresholds': None, 'top_k': None, 'class_id': 2}
    """
    return TABLE.serialize(metric)


def deserialize(config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """The metric, or metric function, that a config or a name describes.

    Raises:
        ArgumentError: a config that describes nothing.

    >>> deserialize({"class_name": "Recall", "config": {"class_id": 2}}).class_id
    2
    """
    return TABLE.deserialize(config, custom_objects)


def is_accuracy(identifier: Any) -> bool:
    """Whether this is the word whose meaning depends on the shapes."""
    return isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc")


def check(identifier: Any) -> None:
    """Raises for a name that cannot be a metric, before any data is seen."""
    if not is_accuracy(identifier) and isinstance(identifier, (str, dict)):
        get(identifier)


def resolve(identifier: Any, y_true: Tensor, y_pred: Tensor) -> Metric:
    """The metric object for one output, named as Keras names it."""
    if is_accuracy(identifier):
        kinds = {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}
        return kinds[classification_kind(y_true, y_pred)](name=identifier)
    metric = get(identifier)
    if isinstance(metric, Metric):
        if isinstance(identifier, str):
            metric.name = identifier
        return metric
    if is_foreign(metric):
        return ForeignMetric(metric)
    if callable(metric):
        return _mean_of(metric)
    raise ArgumentError(f"Could not interpret metric identifier: {shown(identifier)}")


def _mean_of(function: Any) -> Metric:
    """The running mean of a function, or of a loss."""
    if isinstance(function, nn.Module):
        function = TorchLoss(function)
    elif of_torch(function):
        loss = TorchFunctionLoss(function)
        return MeanMetricWrapper(loss.values, loss.name)
    if isinstance(function, Loss):
        return MeanMetricWrapper(function, function.name)
    return MeanMetricWrapper(function, getattr(function, "__name__", None) or snake_case(type(function).__name__))
