"""Metrics that are the running mean of a function: sum and count stay on the device until somebody reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from ...errors import ArgumentError
from ..losses import functions as losses
from .accuracies import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .base import MeanMetricWrapper


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
