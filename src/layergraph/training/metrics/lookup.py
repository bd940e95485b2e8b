"""Metrics from names, configs, classes and functions; and what 'accuracy' means for given shapes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_dict
from ..losses.functions import classification_kind
from ..numbers import snake_case
from . import means
from .base import ForeignMetric, Mean, MeanMetricWrapper, Metric, Sum
from .means import (
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    SparseCategoricalAccuracy,
    _Named,
)

_SHORT = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_NAMED: list[type[Metric]] = [
    cls for name, cls in vars(means).items() if isinstance(cls, type) and issubclass(cls, _Named) and not name.startswith("_")
]
_CLASSES: list[type[Metric]] = [*_NAMED, Mean, Sum]
METRICS: dict[str, type[Metric]] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{snake_case(cls.__name__): cls for cls in _CLASSES},
    **_SHORT,
    **{short.upper(): cls for short, cls in _SHORT.items()},
}
LATER = {
    "AUC",
    "BinaryIoU",
    "ConcordanceCorrelation",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "IoU",
    "MeanIoU",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "TrueNegatives",
    "TruePositives",
}
_LATER_WORDS = LATER | {snake_case(name) for name in LATER}


def get(identifier: Any) -> Any:
    """A metric from its name, its config, itself or a function; None stays None.

    Raises:
        ArgumentError: "Could not interpret metric identifier: ..." with the nearest name.
    """
    if identifier is None:
        return None
    if is_dict(identifier) and "class_name" in identifier:
        return METRICS[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        if identifier in METRICS:
            return METRICS[identifier]()
        if identifier in _LATER_WORDS:
            raise ArgumentError(f"the metric {identifier!r} is not in layergraph yet", "pass an object of torchmetrics in its place")
    elif isinstance(identifier, type):
        return identifier()
    elif callable(identifier) or _is_foreign(identifier):
        return identifier
    raise ArgumentError(
        f"Could not interpret metric identifier: {shown(identifier)}", suggestion(identifier, [*METRICS, "accuracy", "acc"])
    )


def _is_foreign(metric: Any) -> bool:
    return all(callable(getattr(metric, method, None)) for method in ("update", "compute", "reset"))


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
    if _is_foreign(metric):
        return ForeignMetric(metric)
    if callable(metric):
        return MeanMetricWrapper(metric)
    raise ArgumentError(f"Could not interpret metric identifier: {shown(identifier)}")
