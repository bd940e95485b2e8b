"""The accuracy family: functions that give one 0 or 1 per sample, and the metrics that average them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import ArgumentError
from ..losses.functions import align, floating
from ..numbers import as_tensor
from .base import FunctionMean

# --- functions ----------------------------------------------------------------------------------------------------------


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where target and prediction are equal: `(B, ...) -> (B, ...)`."""
    pred = as_tensor(y_pred)
    true, pred = align(as_tensor(y_true, device=pred.device), pred)
    return (true == pred).float()


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """1 where `y_pred > threshold` (strictly) says what the target says: `(B, ...) -> (B, ...)`."""
    pred = floating(as_tensor(y_pred))
    true, pred = align(as_tensor(y_true, device=pred.device), pred)
    return (true == (pred > threshold).to(true.dtype)).float()


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest prediction stands at the largest entry of the one-hot target: `(B, ..., C) -> (B, ...)`."""
    pred = as_tensor(y_pred)
    return (as_tensor(y_true, device=pred.device).argmax(-1) == pred.argmax(-1)).float()


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest prediction stands at the integer label, `(B, ...)` or `(B, ..., 1)`."""
    pred = as_tensor(y_pred)
    labels = as_tensor(y_true, device=pred.device)
    if labels.ndim == pred.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    return (pred.argmax(-1) == labels).float()


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """1 where the class of the one-hot target is among the `k` largest predictions."""
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """1 where the integer label is among the `k` largest predictions (ties count).

    `from_sorted_ids`: `y_pred` holds class numbers, the likeliest first, and not scores.
    """
    pred = as_tensor(y_pred)
    labels = as_tensor(y_true, device=pred.device).long()
    if labels.ndim == pred.ndim:
        labels = labels.squeeze(-1)
    if from_sorted_ids:
        return (pred[..., :k] == labels.unsqueeze(-1)).any(-1).float()
    kth = pred.topk(min(k, pred.shape[-1]), -1).values[..., -1]
    return (pred.gather(-1, labels.unsqueeze(-1)).squeeze(-1) >= kth).float()


# --- metrics ------------------------------------------------------------------------------------------------------------


class _Accuracy(FunctionMean):
    _direction = "up"


class Accuracy(_Accuracy):
    """How often prediction and target are equal."""

    function = staticmethod(accuracy)

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(name, dtype)


class BinaryAccuracy(_Accuracy):
    """How often `y_pred > threshold` says what the target says."""

    function = staticmethod(binary_accuracy)

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if not 0 <= threshold <= 1:
            raise ArgumentError(f"BinaryAccuracy(threshold={threshold!r}): wanted a number in [0, 1]")
        super().__init__(name, dtype, threshold=threshold)


class CategoricalAccuracy(_Accuracy):
    """How often the largest prediction is the one-hot target's class."""

    function = staticmethod(categorical_accuracy)

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest prediction is the integer label."""

    function = staticmethod(sparse_categorical_accuracy)

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """How often the one-hot target's class is among the `k` largest predictions."""

    function = staticmethod(top_k_categorical_accuracy)

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(name, dtype, k=k)


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often the integer label is among the `k` largest predictions, or the first `k` of class numbers sorted by likelihood."""

    function = staticmethod(sparse_top_k_categorical_accuracy)

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False
    ):
        super().__init__(name, dtype, k=k, from_sorted_ids=from_sorted_ids)
