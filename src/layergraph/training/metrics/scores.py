"""F-scores.

Not on torchmetrics: Keras's epsilon, its threshold on the largest prediction of a sample and its sample weights are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...config import epsilon
from ...errors import ArgumentError, DataError
from ..numbers import as_tensor
from .base import OwnMetric
from .variables import MetricVariable


class FBetaScore(OwnMetric):
    """The weighted harmonic mean of precision and recall, `(1 + beta**2) p r / (beta**2 p + r)`, of one-hot targets `(B, classes)`.

    Args:
        average: over the classes: None for one number each, 'micro' (counts of all together), 'macro' or 'weighted' (by how many
            there are of each).
        beta: a float; recall is `beta` times as important as precision.
        threshold: a float in (0, 1]; None takes the largest prediction of each sample.
    """

    _direction = "up"
    true_positives: MetricVariable
    false_positives: MetricVariable
    false_negatives: MetricVariable
    intermediate_weights: MetricVariable

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(
                f"Invalid `average` argument value. Expected one of: {{None, 'micro', 'macro', 'weighted'}}. Received: average={average}"
            )
        if not isinstance(beta, float):
            raise ArgumentError(
                f"Invalid `beta` argument value. It should be a Python float. Received: beta={beta} of type '{type(beta).__name__}'",
                f"beta={beta}.0",
            )
        if beta <= 0.0:
            raise ArgumentError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
        if threshold is not None and not (isinstance(threshold, float) and 0.0 < threshold <= 1.0):
            raise ArgumentError(
                f"Invalid `threshold` argument value. It should be a Python float with 0 < threshold <= 1. Received: threshold={threshold}"
            )
        super().__init__(dtype, name)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, shape: tuple[int, ...]) -> None:
        self._sums(shape, "true_positives", "false_positives", "false_negatives", "intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            pred = self._floats(y_pred)
            true = self._floats(y_true, pred.device)
            if pred.ndim != 2 or true.ndim != 2 or pred.shape != true.shape:
                raise DataError(
                    f"{type(self).__name__} expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                    f"y_pred.shape={tuple(pred.shape)} and y_true.shape={tuple(true.shape)}.",
                    f"one-hot targets: torch.nn.functional.one_hot(y, {pred.shape[-1]})" if pred.ndim == 2 else None,
                )
            if not self._built:
                self._build(() if self.average == "micro" else (pred.shape[-1],))
            # a row of zeros finds nothing
            largest = (pred >= pred.amax(-1, keepdim=True)) & (pred.abs() > 1e-9)
            found = (largest if self.threshold is None else pred > self.threshold).to(true.dtype)
            weight = None if sample_weight is None else as_tensor(sample_weight, pred.device).to(true.dtype)
            self._add(
                true_positives=self._total(found * true, weight),
                false_positives=self._total(found * (1.0 - true), weight),
                false_negatives=self._total((1.0 - found) * true, weight),
                intermediate_weights=self._total(true, weight),
            )

    def _total(self, values: Tensor, weight: Tensor | None) -> Tensor:
        if weight is not None:
            values = values * weight.unsqueeze(1)
        dtype = self.true_positives.dtype
        return values.sum(dtype=dtype) if self.average == "micro" else values.sum(0, dtype=dtype)

    def result(self) -> Tensor:
        """The score so far: `(classes,)` without an average; 0 before any value."""
        if not self._built:
            return torch.zeros(())
        tp = self.true_positives
        precision = tp / (tp + self.false_positives + epsilon())
        recall = tp / (tp + self.false_negatives + epsilon())
        score = precision * recall / (self.beta**2 * precision + recall + epsilon()) * (1.0 + self.beta**2)
        if self.average == "weighted":
            score = (score * (self.intermediate_weights / (self.intermediate_weights.sum() + epsilon()))).sum()
        elif self.average is not None:
            score = score.mean()
        return score.float()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not self._built and "true_positives" in state:
            self._build(tuple(state["true_positives"].shape))
        super().load_state_dict(state)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall; the arguments are those of `FBetaScore`."""

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score", dtype: Any = None):
        super().__init__(average, 1.0, threshold, name, dtype)
