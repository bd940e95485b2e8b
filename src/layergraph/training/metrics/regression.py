"""Metrics of numbers that are no mean of a loss: root of the mean square, R2, correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...config import epsilon
from ...errors import ArgumentError, DataError, user_place, warn_at
from ..losses.functions import align, pair
from ..numbers import as_tensor
from .base import EXACT, FunctionMean, Mean, OwnMetric
from .variables import MetricVariable

# --- functions ----------------------------------------------------------------------------------------------------------


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Pearson's correlation of target and prediction along `axis`: `(B, ..., n) -> (B, ...)`; NaN where one of them is constant."""
    true, pred = pair(y_true, y_pred)
    true = true - true.mean(axis, keepdim=True)
    pred = pred - pred.mean(axis, keepdim=True)
    return (true / true.std(axis, correction=0, keepdim=True) * (pred / pred.std(axis, correction=0, keepdim=True))).mean(axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Lin's concordance of target and prediction along `axis`: 1 only where they are equal, not merely in line."""
    true, pred = pair(y_true, y_pred)
    true_mean, pred_mean = true.mean(axis, keepdim=True), pred.mean(axis, keepdim=True)
    variances = true.var(axis, correction=0, keepdim=True) + pred.var(axis, correction=0, keepdim=True)
    # covariance about the mean of the predictions, as in Keras: the other mean drops out of the sum
    covariance = (true - pred_mean) * (pred - pred_mean)
    return (2.0 * covariance / (variances + (true_mean - pred_mean).square() + epsilon())).mean(axis)


# --- metrics ------------------------------------------------------------------------------------------------------------


class RootMeanSquaredError(Mean):
    """The root of the mean of squared errors of everything seen."""

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        with torch.no_grad():
            true, pred = pair(y_true, y_pred)
            super().update_state((pred - true).square(), sample_weight)

    def result(self) -> Tensor:
        return super().result().sqrt()


class PearsonCorrelation(FunctionMean):
    """Mean of Pearson's correlation of each sample along `axis`."""

    _direction = "up"
    function = staticmethod(pearson_correlation)

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class ConcordanceCorrelation(FunctionMean):
    """Mean of the concordance correlation of each sample along `axis`."""

    _direction = "up"
    function = staticmethod(concordance_correlation)

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(name, dtype, axis=axis)


class R2Score(OwnMetric):
    """The share of the variance of the targets `(B, n)` that the predictions explain: 1 is perfect, 0 is as good as the mean.

    Args:
        class_aggregation: over the n outputs: 'uniform_average', 'variance_weighted_average', or None for one number each.
        num_regressors: of the model, for the adjusted score; 0 for the plain one. As in Keras, the samples that it is
            compared with are counted output by output.
    """

    _direction = "up"
    squared_sum: MetricVariable
    sum: MetricVariable
    residual: MetricVariable
    count: MetricVariable

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ArgumentError(
                f"Invalid value for argument `class_aggregation`. Expected one of {known}. Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ArgumentError(
                f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: num_regressors={num_regressors}"
            )
        super().__init__(dtype, name)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", EXACT, name="num_samples")
        self._built = False

    def _build(self, outputs: int) -> None:
        self._sums((outputs,), "squared_sum", "sum", "residual", "count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            pred = self._floats(y_pred)
            true, pred = align(self._floats(y_true, pred.device), pred)
            if pred.ndim != 2 or true.ndim != 2:
                raise DataError(
                    "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                    f"y_pred.shape={tuple(pred.shape)} and y_true.shape={tuple(true.shape)}."
                )
            if not self._built:
                self._build(pred.shape[-1])
            true, pred = true.to(self.num_samples.dtype), pred.to(self.num_samples.dtype)
            weight = torch.ones_like(true) if sample_weight is None else as_tensor(sample_weight, true.device).to(true.dtype)
            weight = (weight.unsqueeze(1) if weight.ndim == 1 else weight).broadcast_to(true.shape)
            self._add(
                sum=(true * weight).sum(0),
                squared_sum=(true.square() * weight).sum(0),
                residual=((true - pred).square() * weight).sum(0),
                count=weight.sum(0),
            )
            self.num_samples.add_(true.numel())

    def result(self) -> Tensor:
        """The score so far; NaN before any value, and where the targets do not vary."""
        if not self._built:
            return torch.full((), torch.nan)
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1.0 - self.residual / total
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return (self._adjusted(scores) if self.num_regressors else scores).float()

    def _adjusted(self, scores: Tensor) -> Tensor:
        free = float(self.num_samples) - 1 - self.num_regressors
        if free > 0:
            return 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / free
        warn_at(
            user_place(),
            "Division by zero in Adjusted R2 score. Falling back to standard R2 score."
            if free == 0
            else "More independent predictors than datapoints in adjusted R2 score. Falling back to standard R2 score.",
        )
        return scores

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not self._built and "count" in state:
            self._build(state["count"].shape[0])
        super().load_state_dict(state)
