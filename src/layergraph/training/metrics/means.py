"""Losses as metrics: the running mean of a loss function. Sum and count stay on the device until somebody reads them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..losses import functions as losses
from ..losses.functions import masked_weight
from ..numbers import as_tensor
from .base import FunctionMean


class MeanSquaredError(FunctionMean):
    """Mean of squared errors."""

    function = staticmethod(losses.mean_squared_error)

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)


class MeanAbsoluteError(FunctionMean):
    """Mean of absolute errors."""

    function = staticmethod(losses.mean_absolute_error)

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(name, dtype)


class MeanAbsolutePercentageError(FunctionMean):
    """Mean of absolute errors in percent of the target."""

    function = staticmethod(losses.mean_absolute_percentage_error)

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(name, dtype)


class MeanSquaredLogarithmicError(FunctionMean):
    """Mean of squared differences of logarithms."""

    function = staticmethod(losses.mean_squared_logarithmic_error)

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(name, dtype)


class LogCoshError(FunctionMean):
    """Mean of the logarithm of the hyperbolic cosine of the error."""

    function = staticmethod(losses.log_cosh)

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(name, dtype)


class Hinge(FunctionMean):
    """Mean hinge loss."""

    function = staticmethod(losses.hinge)

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(name, dtype)


class SquaredHinge(FunctionMean):
    """Mean squared hinge loss."""

    function = staticmethod(losses.squared_hinge)

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(name, dtype)


class CategoricalHinge(FunctionMean):
    """Mean categorical hinge loss."""

    function = staticmethod(losses.categorical_hinge)

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(name, dtype)


class KLDivergence(FunctionMean):
    """Mean divergence of the prediction from the target."""

    function = staticmethod(losses.kl_divergence)

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(name, dtype)


class Poisson(FunctionMean):
    """Mean Poisson loss."""

    function = staticmethod(losses.poisson)

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(name, dtype)


class BinaryCrossentropy(FunctionMean):
    """Mean cross-entropy of yes/no outputs."""

    function = staticmethod(losses.binary_crossentropy)

    def __init__(self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(FunctionMean):
    """Mean cross-entropy of one-hot targets."""

    function = staticmethod(losses.categorical_crossentropy)

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(FunctionMean):
    """Mean cross-entropy of integer labels.

    Places of `ignore_class` give 0, and count as samples unless there are sample weights, as in Keras.
    """

    function = staticmethod(losses.sparse_categorical_crossentropy)
    ignore_class: int | None

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def update_state(self, y_true: Any, y_pred: Any = None, sample_weight: Any = None) -> None:
        if self.ignore_class is not None and sample_weight is not None:
            pred, labels = losses.sparse_pair(y_true, y_pred, self.kwargs["axis"])
            sample_weight = masked_weight(as_tensor(sample_weight, pred.device), labels != self.ignore_class, "sum")
        super().update_state(y_true, y_pred, sample_weight)


class CosineSimilarity(FunctionMean):
    """The cosine of the angle between target and prediction (not negated, unlike the loss)."""

    _direction = "up"

    @staticmethod
    def function(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
        return -losses.cosine_similarity(y_true, y_pred, axis)

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)
