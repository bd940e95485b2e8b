"""Keras's losses of numbers and of signs: classes over the functions of `functions`, called `loss(y_true, y_pred, sample_weight=None)`."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from . import functions
from .base import FunctionLoss
from .functions import pair


class MeanSquaredError(FunctionLoss):
    """`mean((y_true - y_pred)**2)`."""

    function = staticmethod(functions.mean_squared_error)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(reduction, name, dtype)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        true, pred = pair(y_true, y_pred)
        return F.mse_loss(pred, true) if true.shape == pred.shape and pred.ndim else None


class MeanAbsoluteError(FunctionLoss):
    """`mean(|y_true - y_pred|)`."""

    function = staticmethod(functions.mean_absolute_error)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """`100 mean(|y_true - y_pred| / |y_true|)`, in percent."""

    function = staticmethod(functions.mean_absolute_percentage_error)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_percentage_error", dtype: Any = None
    ):
        super().__init__(reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)`."""

    function = staticmethod(functions.mean_squared_logarithmic_error)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_logarithmic_error", dtype: Any = None
    ):
        super().__init__(reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine between target and prediction, in [-1, 1]."""

    function = staticmethod(functions.cosine_similarity)

    def __init__(
        self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = "cosine_similarity", dtype: Any = None
    ):
        super().__init__(reduction, name, dtype, axis=axis)


class Huber(FunctionLoss):
    """Quadratic within `delta`, linear beyond."""

    function = staticmethod(functions.huber)

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str | None = "huber_loss", dtype: Any = None
    ):
        super().__init__(reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """`mean(log(cosh(y_pred - y_true)))`."""

    function = staticmethod(functions.log_cosh)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class Hinge(FunctionLoss):
    """`mean(max(1 - y_true * y_pred, 0))`; labels 0/1 are read as -1/1."""

    function = staticmethod(functions.hinge)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """`mean(max(1 - y_true * y_pred, 0)**2)`; labels 0/1 are read as -1/1."""

    function = staticmethod(functions.squared_hinge)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """`max(neg - pos + 1, 0)` for one-hot targets."""

    function = staticmethod(functions.categorical_hinge)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(reduction, name, dtype)
