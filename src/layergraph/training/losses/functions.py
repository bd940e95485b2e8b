"""Keras's loss functions: one value per sample, `(B, ..., n) -> (B, ...)`, and how such values become one number.

Inputs of half precision or of integer type are computed in float32; float64 stays float64 (Keras casts it down).
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ...config import epsilon
from ...errors import DataError, user_place, warn_at
from ..numbers import as_tensor


def align(a: Tensor, b: Tensor, expand: bool = True) -> tuple[Tensor, Tensor]:
    """Keras's rule for ranks that differ by one: an extra last axis of size 1 is matched or dropped."""
    if a.ndim == b.ndim:
        return a, b
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.unsqueeze(-1)) if b.ndim == 1 and expand else (a.squeeze(-1), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a.unsqueeze(-1), b) if a.ndim == 1 and expand else (a, b.squeeze(-1))
    return a, b


def floating(values: Tensor) -> Tensor:
    """Half precision and whole numbers as float32; float32 and float64 as they are."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def pair(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of one floating dtype, ranks aligned."""
    pred = floating(as_tensor(y_pred))
    true = as_tensor(y_true, device=pred.device)
    return align(true if true.dtype is pred.dtype else true.to(pred.dtype), pred)


# --- functions: one value per sample ------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """`mean((y_true - y_pred)**2)` over the last axis: `(B, ..., n) -> (B, ...)`."""
    true, pred = pair(y_true, y_pred)
    return (true - pred).square().mean(-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """`mean(|y_true - y_pred|)` over the last axis."""
    true, pred = pair(y_true, y_pred)
    return (true - pred).abs().mean(-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """`100 mean(|y_true - y_pred| / max(|y_true|, epsilon))` over the last axis, in percent."""
    true, pred = pair(y_true, y_pred)
    return 100.0 * ((true - pred) / true.abs().clamp(min=epsilon())).abs().mean(-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)`, both first raised to at least epsilon."""
    true, pred = pair(y_true, y_pred)
    least = epsilon()
    return ((pred.clamp(min=least) + 1.0).log() - (true.clamp(min=least) + 1.0).log()).square().mean(-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle along `axis`: -1 for the same direction, 1 for opposite ones."""
    true, pred = pair(y_true, y_pred)
    return -(_unit(true, axis) * _unit(pred, axis)).sum(axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x * x.square().sum(axis, keepdim=True).clamp(min=epsilon() ** 2).rsqrt()


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Quadratic within `delta` of the target, linear beyond: mean over the last axis."""
    true, pred = pair(y_true, y_pred)
    both = cast("tuple[Tensor, Tensor]", torch.broadcast_tensors(pred, true))
    return F.huber_loss(*both, reduction="none", delta=delta).mean(-1)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis, in the form that cannot overflow."""
    true, pred = pair(y_true, y_pred)
    error = pred - true
    return (error + F.softplus(-2.0 * error) - 0.6931471805599453).mean(-1)


def _plus_minus(true: Tensor) -> Tensor:
    """Labels that are all 0 or 1 become -1 or 1 (decided on the device: no wait for it)."""
    binary = ((true == 0) | (true == 1)).all()
    return torch.where(binary, 2.0 * true - 1.0, true)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`mean(max(1 - y_true * y_pred, 0))`, with labels 0/1 read as -1/1."""
    true, pred = pair(y_true, y_pred)
    return (1.0 - _plus_minus(true) * pred).clamp(min=0.0).mean(-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`mean(max(1 - y_true * y_pred, 0)**2)`, with labels 0/1 read as -1/1."""
    true, pred = pair(y_true, y_pred)
    return (1.0 - _plus_minus(true) * pred).clamp(min=0.0).square().mean(-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`max(max((1 - y_true) * y_pred) - sum(y_true * y_pred) + 1, 0)` for one-hot targets."""
    true, pred = pair(y_true, y_pred)
    return (((1.0 - true) * pred).amax(-1) - (true * pred).sum(-1) + 1.0).clamp(min=0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """`sum(y_true * log(y_true / y_pred))`, both clipped to [epsilon, 1]."""
    true, pred = pair(y_true, y_pred)
    true, pred = true.clamp(epsilon(), 1.0), pred.clamp(epsilon(), 1.0)
    return (true * (true / pred).log()).sum(-1)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """`mean(y_pred - y_true * log(y_pred + epsilon))` over the last axis."""
    true, pred = pair(y_true, y_pred)
    return (pred - true * (pred + epsilon()).log()).mean(-1)


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Tensor:
    """Cross-entropy of independent yes/no outputs: mean over `axis`.

    `y_pred` holds probabilities, clipped to [epsilon, 1 - epsilon], or logits.
    """
    return binary_values(y_true, y_pred, from_logits, label_smoothing, "none").mean(axis)


def binary_values(y_true: Any, y_pred: Any, from_logits: bool, label_smoothing: float, reduction: str) -> Tensor:
    true, pred = pair(y_true, y_pred)
    _same_shape("binary_crossentropy", true, pred)
    if label_smoothing:
        true = true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return F.binary_cross_entropy_with_logits(pred, true, reduction=reduction)
    return F.binary_cross_entropy(pred.clamp(epsilon(), 1.0 - epsilon()), true, reduction=reduction)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy of yes/no outputs times `(1 - p)**gamma`, p being the probability of what is true: mean over `axis`.

    `apply_class_balancing` weighs ones by `alpha` and zeros by `1 - alpha`.
    """
    true, pred = pair(y_true, y_pred)
    _same_shape("binary_focal_crossentropy", true, pred)
    if label_smoothing:
        true = true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        pred = pred.sigmoid()
    values = F.binary_cross_entropy(pred.clamp(epsilon(), 1.0 - epsilon()), true, reduction="none")
    values = (1.0 - (true * pred + (1.0 - true) * (1.0 - pred))).pow(gamma) * values
    if apply_class_balancing:
        values = (true * alpha + (1.0 - true) * (1.0 - alpha)) * values
    return values.mean(axis)


def _one_hot(name: str, y_true: Any, y_pred: Any, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Both as tensors, the targets smoothed."""
    true, pred = pair(y_true, y_pred)
    _same_shape(name, true, pred)
    if pred.shape[-1] == 1:
        warn_at(
            user_place(),
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. Received: y_pred.shape="
            f"{tuple(pred.shape)}. Consider using 'binary_crossentropy' if you only have 2 classes.",
        )
    if label_smoothing:
        true = true * (1.0 - label_smoothing) + label_smoothing / true.shape[-1]
    return true, pred


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Tensor:
    """Cross-entropy of one-hot (or soft) targets with probabilities, which are first made to sum to 1, or with logits."""
    true, pred = _one_hot("categorical_crossentropy", y_true, y_pred, label_smoothing)
    return -(true * log_probabilities(pred, from_logits, axis)).sum(axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy of one-hot targets, each class times `alpha (1 - p)**gamma`: summed over `axis`.

    `alpha` is a number, or one for each class.
    """
    true, pred = _one_hot("categorical_focal_crossentropy", y_true, y_pred, label_smoothing)
    p = _clipped(pred.softmax(axis) if from_logits else pred, axis)
    weight = alpha if isinstance(alpha, (int, float)) else as_tensor(alpha, device=pred.device).to(pred.dtype)
    return -((1.0 - p).pow(gamma) * weight * true * p.log()).sum(axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """`(1 - p**q) / q`, p being the probability of the integer label, `(B, ...)` or `(B, ..., 1)`, in `y_pred` of `(B, ..., classes)`.

    Labels with a last axis of size 1 are labels here; Keras pairs each of them with every prediction.
    """
    pred, labels = sparse_pair(y_true, y_pred, -1, "categorical_generalized_cross_entropy")
    return (1.0 - pred.gather(1, labels.unsqueeze(1)).squeeze(1).pow(q)) / q


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """Cross-entropy of integer labels, `(B, ...)` or `(B, ..., 1)`, with `y_pred` of `(B, ..., classes)`.

    Places whose label is `ignore_class` give 0.
    """
    pred, labels = sparse_pair(y_true, y_pred, axis)
    if ignore_class is None:
        return F.nll_loss(log_probabilities(pred, from_logits, 1), labels, reduction="none")
    valid = labels != ignore_class
    values = F.nll_loss(log_probabilities(pred, from_logits, 1), torch.where(valid, labels, 0), reduction="none")
    return torch.where(valid, values, 0.0)


def sparse_pair(y_true: Any, y_pred: Any, axis: int, name: str = "sparse_categorical_crossentropy") -> tuple[Tensor, Tensor]:
    """Predictions with their classes on axis 1, and labels as int64 without the class axis."""
    pred = floating(as_tensor(y_pred))
    labels = as_tensor(y_true, device=pred.device)
    if labels.ndim == pred.ndim and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    wanted = list(pred.shape)
    if wanted:
        del wanted[axis]
    if pred.ndim < 2 or list(labels.shape) != wanted:
        raise DataError(
            f"{name} wants integer labels of shape {tuple(wanted)} for predictions of shape "
            f"{tuple(pred.shape)}, but y_true has shape {tuple(labels.shape)}",
            "use 'categorical_crossentropy' for one-hot targets" if labels.shape == pred.shape else None,
        )
    if axis % pred.ndim != 1:
        pred = pred.movedim(axis, 1)
    return pred, labels if labels.dtype is torch.int64 else labels.long()


def log_probabilities(pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return F.log_softmax(pred, axis)
    return _clipped(pred, axis).log()


def _clipped(pred: Tensor, axis: int) -> Tensor:
    """Probabilities that sum to 1, none of them quite 0 or 1."""
    return (pred / pred.sum(axis, keepdim=True)).clamp(epsilon(), 1.0 - epsilon())


def _same_shape(name: str, true: Tensor, pred: Tensor) -> None:
    if true.shape != pred.shape:
        raise DataError(
            f"{name} wants y_true and y_pred of one shape, but y_true is {tuple(true.shape)} and y_pred {tuple(pred.shape)}",
            "use 'sparse_categorical_crossentropy' for integer labels" if name == "categorical_crossentropy" else None,
        )


def reduce_weighted(values: Tensor, weight: Any, reduction: str | None) -> Tensor:
    """The values of a batch, weighted, as one number: 'mean' divides by how many values there are, whatever the weights."""
    if weight is not None:
        weight = as_tensor(weight, device=values.device)
        values, weight = align(values, weight if weight.dtype is values.dtype else weight.to(values.dtype))
        values = values * weight
    if reduction in (None, "none") or values.ndim == 0 or values.shape == (0,):
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weight is not None:
        total = weight.sum()
        return torch.where(total == 0, 0.0, values.sum() / torch.where(total == 0, 1.0, total))
    return values.mean()


def masked_weight(weight: Any, mask: Tensor | None, reduction: str | None) -> Any:
    """A sample weight that leaves out what a mask does not count; a mean is then one over what counts, as in Keras."""
    if mask is None:
        return weight
    counts = mask.to(torch.get_default_dtype())
    if reduction in ("mean", "sum_over_batch_size"):
        valid = counts.sum()
        counts = counts * torch.where(valid == 0, 0.0, counts.numel() / torch.where(valid == 0, 1.0, valid))
    if weight is None:
        return counts
    weight = as_tensor(weight, device=counts.device).to(counts.dtype)
    counts, weight = align(counts, weight)
    return counts * weight.reshape(*weight.shape, *(1,) * (counts.ndim - weight.ndim))


def classification_kind(y_true: Tensor, y_pred: Tensor) -> str:
    """'binary', 'sparse' or 'categorical', by the shapes, as Keras decides it."""
    if y_pred.shape[-1] == 1:
        return "binary"
    return "sparse" if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1 else "categorical"
