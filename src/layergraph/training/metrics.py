"""Keras's metrics: running means whose sum and count stay on the device until somebody reads them.

`update_state(y_true, y_pred, sample_weight=None)` adds a batch, `result()` gives a tensor without axes, `reset_state()`
starts again. A metric of torchmetrics, or any object with `update`, `compute` and `reset`, is taken as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ArgumentError, shown, suggestion
from ..kinds import is_dict
from . import loss_functions as losses
from .accuracies import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .loss_functions import align, classification_kind
from .numbers import as_tensor, snake_case

# --- the protocol ----------------------------------------------------------------------------------------------------


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


# --- metrics of a function: one row each -----------------------------------------------------------------------------


class _Named(MeanMetricWrapper):
    """A class made of a function: `name, dtype`, then the function's own arguments."""

    function: ClassVar[Callable[..., Tensor]]
    default_name: ClassVar[str]

    def __init__(self, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(type(self).function, name or type(self).default_name, dtype, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self.kwargs}


class Accuracy(_Named):
    """How often prediction and target are equal."""

    function, default_name, direction = staticmethod(accuracy), "accuracy", "up"


class BinaryAccuracy(_Named):
    """How often `y_pred > threshold` says what the target says."""

    function, default_name, direction = staticmethod(binary_accuracy), "binary_accuracy", "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if not 0 <= threshold <= 1:
            raise ArgumentError(f"BinaryAccuracy(threshold={threshold!r}): wanted a number in [0, 1]")
        super().__init__(name, dtype, threshold=threshold)


class CategoricalAccuracy(_Named):
    """How often the largest prediction is the one-hot target's class."""

    function, default_name, direction = staticmethod(categorical_accuracy), "categorical_accuracy", "up"


class SparseCategoricalAccuracy(_Named):
    """How often the largest prediction is the integer label."""

    function, default_name, direction = staticmethod(sparse_categorical_accuracy), "sparse_categorical_accuracy", "up"


class TopKCategoricalAccuracy(_Named):
    """How often the one-hot target's class is among the `k` largest predictions."""

    function, default_name, direction = staticmethod(top_k_categorical_accuracy), "top_k_categorical_accuracy", "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(name, dtype, k=k)


class SparseTopKCategoricalAccuracy(_Named):
    """How often the integer label is among the `k` largest predictions."""

    function, default_name = staticmethod(sparse_top_k_categorical_accuracy), "sparse_top_k_categorical_accuracy"
    direction = "up"

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False
    ):
        if from_sorted_ids:
            raise ArgumentError("SparseTopKCategoricalAccuracy(from_sorted_ids=True) is not in layergraph yet")
        super().__init__(name, dtype, k=k)


class MeanSquaredError(_Named):
    """Mean of squared errors."""

    function, default_name, direction = staticmethod(losses.mean_squared_error), "mean_squared_error", "down"


class MeanAbsoluteError(_Named):
    """Mean of absolute errors."""

    function, default_name, direction = staticmethod(losses.mean_absolute_error), "mean_absolute_error", "down"


class MeanAbsolutePercentageError(_Named):
    """Mean of absolute errors in percent of the target."""

    function = staticmethod(losses.mean_absolute_percentage_error)
    default_name, direction = "mean_absolute_percentage_error", "down"


class MeanSquaredLogarithmicError(_Named):
    """Mean of squared differences of logarithms."""

    function = staticmethod(losses.mean_squared_logarithmic_error)
    default_name, direction = "mean_squared_logarithmic_error", "down"


class RootMeanSquaredError(_Named):
    """The root of the mean of squared errors of everything seen."""

    function, default_name, direction = staticmethod(losses.mean_squared_error), "root_mean_squared_error", "down"

    def result(self) -> Tensor:
        return super().result().sqrt()


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(_Named):
    """The cosine of the angle between target and prediction (not negated, unlike the loss)."""

    function, default_name, direction = staticmethod(_cosine), "cosine_similarity", "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class LogCoshError(_Named):
    """Mean of the logarithm of the hyperbolic cosine of the error."""

    function, default_name, direction = staticmethod(losses.log_cosh), "logcosh", "down"


class Hinge(_Named):
    """Mean hinge loss."""

    function, default_name, direction = staticmethod(losses.hinge), "hinge", "down"


class SquaredHinge(_Named):
    """Mean squared hinge loss."""

    function, default_name, direction = staticmethod(losses.squared_hinge), "squared_hinge", "down"


class CategoricalHinge(_Named):
    """Mean categorical hinge loss."""

    function, default_name, direction = staticmethod(losses.categorical_hinge), "categorical_hinge", "down"


class KLDivergence(_Named):
    """Mean divergence of the prediction from the target."""

    function, default_name, direction = staticmethod(losses.kl_divergence), "kl_divergence", "down"


class Poisson(_Named):
    """Mean Poisson loss."""

    function, default_name, direction = staticmethod(losses.poisson), "poisson", "down"


class BinaryCrossentropy(_Named):
    """Mean cross-entropy of yes/no outputs."""

    function, default_name, direction = staticmethod(losses.binary_crossentropy), "binary_crossentropy", "down"

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0.0
    ):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_Named):
    """Mean cross-entropy of one-hot targets."""

    function, default_name, direction = staticmethod(losses.categorical_crossentropy), "categorical_crossentropy", "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(_Named):
    """Mean cross-entropy of integer labels."""

    function = staticmethod(losses.sparse_categorical_crossentropy)
    default_name, direction = "sparse_categorical_crossentropy", "down"

    def __init__(self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False, axis: int = -1):
        super().__init__(name, dtype, from_logits=from_logits, axis=axis)


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


# --- names -----------------------------------------------------------------------------------------------------------

_SHORT = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_NAMED: list[type[Metric]] = [
    cls for name, cls in list(globals().items()) if isinstance(cls, type) and issubclass(cls, _Named) and not name.startswith("_")
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
