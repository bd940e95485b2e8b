"""Accuracies as functions: one 0 or 1 per sample."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..losses.functions import align
from ..numbers import as_tensor


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where target and prediction are equal: `(B, ...) -> (B, ...)`."""
    pred = as_tensor(y_pred)
    true, pred = align(as_tensor(y_true, device=pred.device), pred)
    return (true == pred).float()


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """1 where `y_pred > threshold` (strictly) says what the target says: `(B, ...) -> (B, ...)`."""
    pred = as_tensor(y_pred)
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


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """1 where the integer label is among the `k` largest predictions (ties count)."""
    pred = as_tensor(y_pred)
    labels = as_tensor(y_true, device=pred.device).long()
    if labels.ndim == pred.ndim:
        labels = labels.squeeze(-1)
    kth = pred.topk(min(k, pred.shape[-1]), -1).values[..., -1]
    return (pred.gather(-1, labels.unsqueeze(-1)).squeeze(-1) >= kth).float()
