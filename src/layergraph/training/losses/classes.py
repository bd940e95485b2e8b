"""Keras's losses: classes over the functions of `functions`, called `loss(y_true, y_pred, sample_weight=None)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor

from ...errors import ArgumentError
from ..numbers import as_tensor
from .base import Loss
from .functions import (
    align,
    binary_crossentropy,
    binary_values,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    log_probabilities,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    pair,
    poisson,
    sparse_categorical_crossentropy,
    sparse_pair,
    squared_hinge,
)


class _Plain(Loss):
    """A loss whose function takes nothing but targets and predictions."""

    function: ClassVar[Callable[[Any, Any], Tensor]]

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return type(self).function(y_true, y_pred)


class MeanSquaredError(_Plain):
    """`mean((y_true - y_pred)**2)`."""

    function = staticmethod(mean_squared_error)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        true, pred = pair(y_true, y_pred)
        return F.mse_loss(pred, true) if true.shape == pred.shape and pred.ndim else None


class MeanAbsoluteError(_Plain):
    """`mean(|y_true - y_pred|)`."""

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(_Plain):
    """`100 mean(|y_true - y_pred| / |y_true|)`, in percent."""

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_Plain):
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)`."""

    function = staticmethod(mean_squared_logarithmic_error)


class LogCosh(_Plain):
    """`mean(log(cosh(y_pred - y_true)))`."""

    function = staticmethod(log_cosh)


class Hinge(_Plain):
    """`mean(max(1 - y_true * y_pred, 0))`; labels 0/1 are read as -1/1."""

    function = staticmethod(hinge)


class SquaredHinge(_Plain):
    """`mean(max(1 - y_true * y_pred, 0)**2)`; labels 0/1 are read as -1/1."""

    function = staticmethod(squared_hinge)


class CategoricalHinge(_Plain):
    """`max(neg - pos + 1, 0)` for one-hot targets."""

    function = staticmethod(categorical_hinge)


class KLDivergence(_Plain):
    """`sum(y_true * log(y_true / y_pred))`, mean over the batch."""

    function = staticmethod(kl_divergence)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class Poisson(_Plain):
    """`mean(y_pred - y_true * log(y_pred))`."""

    function = staticmethod(poisson)


class CosineSimilarity(Loss):
    """Minus the cosine between target and prediction, in [-1, 1]."""

    def __init__(
        self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = "cosine_similarity", dtype: Any = None
    ):
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return cosine_similarity(y_true, y_pred, self.axis)


class Huber(Loss):
    """Quadratic within `delta`, linear beyond."""

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = "huber_loss", dtype: Any = None
    ):
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return huber(y_true, y_pred, self.delta)


class _Smoothed(Loss):
    """What the two cross-entropies with float targets share."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        if not 0.0 <= label_smoothing <= 1.0:
            raise ArgumentError(f"{type(self).__name__}(label_smoothing={label_smoothing!r}): wanted a number in [0, 1]")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryCrossentropy(_Smoothed):
    """Cross-entropy of yes/no outputs, from probabilities or (`from_logits=True`) logits."""

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        return binary_values(y_true, y_pred, self.from_logits, self.label_smoothing, "mean")

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        return _outside(y_true, 0, 1, f"{self.name} wants targets in [0, 1]")


class CategoricalCrossentropy(_Smoothed):
    """Cross-entropy of one-hot targets, from probabilities or logits."""

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of integer labels, from probabilities or logits; places of `ignore_class` do not count in the mean."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self.ignore_class is not None:
            return None
        pred, labels = sparse_pair(y_true, y_pred, self.axis)
        if self.from_logits:
            return F.cross_entropy(pred, labels)
        return F.nll_loss(log_probabilities(pred, False, 1), labels)

    def reduce(self, values: Tensor, y_true: Any, sample_weight: Any) -> Tensor:
        if self.ignore_class is not None:
            valid = (as_tensor(y_true, device=values.device) != self.ignore_class).reshape(values.shape).to(values.dtype)
            if self.reduction in ("mean", "sum_over_batch_size"):
                valid = valid * (values.numel() / valid.sum().clamp(min=1.0))
            if sample_weight is not None:
                valid, sample_weight = align(valid, as_tensor(sample_weight, device=values.device).to(values.dtype))
                valid = sample_weight * valid
            sample_weight = valid
        return super().reduce(values, y_true, sample_weight)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        labels = y_true if self.ignore_class is None else y_true[y_true != self.ignore_class]
        if not labels.is_floating_point() and y_true.shape == y_pred.shape and y_pred.shape[self.axis] != 1:
            return None  # the shapes are told by the loss itself
        classes = y_pred.shape[self.axis]
        return _outside(labels, 0, classes - 1, f"{self.name} wants labels in [0, {classes - 1}] for {classes} classes")


def _outside(values: Tensor, low: int, high: int, story: str) -> str | None:
    if values.numel() == 0:
        return None
    least, most = (float(v) for v in values.detach().aminmax())
    bad = least if least < low else most if most > high else None
    return None if bad is None else f"{story}, but one is {bad:g}"
