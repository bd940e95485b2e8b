"""Keras's losses of overlapping regions, of sequences without alignment, and of embeddings: the functions and their classes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...config import epsilon
from ...errors import DataError
from ..numbers import as_tensor
from .base import FunctionLoss
from .functions import floating, pair

# --- functions ----------------------------------------------------------------------------------------------------------


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Tensor:
    """`1 - 2 sum(t p) / (sum(t) + sum(p) + epsilon)`, summed over `axis`: one number for the whole batch where it is None."""
    true, pred = pair(y_true, y_pred)
    return 1.0 - 2.0 * _sum(true * pred, axis) / (_sum(true, axis) + _sum(pred, axis) + epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Tensor:
    """`1 - tp / (tp + alpha sum(t (1 - p)) + beta sum(p (1 - t)) + epsilon)`, summed over `axis`; 0.5, 0.5 is `dice`.

    As in Keras, `alpha` weighs what was missed and `beta` what was found wrongly.
    """
    true, pred = pair(y_true, y_pred)
    both = _sum(true * pred, axis)
    missed, wrong = _sum((1.0 - pred) * true, axis), _sum(pred * (1.0 - true), axis)
    return 1.0 - both / (both + missed * alpha + wrong * beta + epsilon())


def _sum(values: Tensor, axis: Any) -> Tensor:
    return values.sum() if axis is None else values.sum(axis)


def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """Connectionist temporal classification: `(B,)` from labels `(B, L)` and logits `(B, T, classes)`.

    Class 0 is the blank, and fills up `y_true` behind its labels. A sequence that is too short for its labels gives infinity.
    On CUDA it waits for the device, as `torch.nn.functional.ctc_loss` does, which wants the lengths.
    """
    pred = floating(as_tensor(y_pred))
    labels = as_tensor(y_true, device=pred.device)
    if labels.ndim != 2 or pred.ndim != 3:
        raise DataError(
            f"ctc wants labels `y_true` of shape (batch, longest) and logits `y_pred` of shape (batch, steps, classes), but y_true is "
            f"{tuple(labels.shape)} and y_pred {tuple(pred.shape)}"
        )
    labels = labels.long()
    steps = torch.full((pred.shape[0],), pred.shape[1], dtype=torch.long)
    log_probabilities = F.log_softmax(pred.transpose(0, 1), -1)
    return F.ctc_loss(log_probabilities, labels, steps, (labels != 0).sum(-1), blank=0, reduction="none")


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Circle loss: `(B,)` from integer labels `(B,)` and embeddings `(B, n)` of length 1.

    Args:
        ref_labels, ref_embeddings: what each is compared with; the batch itself where they are None.
        remove_diagonal: leave out the pair of each with the reference at its own place.
        gamma: the scale.
        margin: how far apart other classes are to be.

    (Sun et al. 2020, "Circle Loss: A Unified Perspective of Pair Similarity Optimization".)
    """
    pred = floating(as_tensor(y_pred))
    labels = as_tensor(y_true, device=pred.device).int().reshape(-1)
    others = pred if ref_embeddings is None else as_tensor(ref_embeddings, device=pred.device).to(pred.dtype)
    other_labels = labels if ref_labels is None else as_tensor(ref_labels, device=pred.device).int().reshape(-1)
    same = labels[:, None] == other_labels[None, :]
    unlike = ~same
    if remove_diagonal:
        same = same & ~torch.eye(*same.shape, dtype=torch.bool, device=pred.device)
    distance = (1.0 - pred @ others.mT).clamp(min=0.0)
    near = -gamma * (margin + distance).clamp(min=0.0) * (margin - distance)
    far = gamma * (1.0 + margin - distance).clamp(min=0.0) * (1.0 - margin - distance)
    # Not -inf, whose gradient is NaN where a row has no pair at all.
    nothing = torch.finfo(pred.dtype).min / 4
    return F.softplus(torch.where(same, near, nothing).logsumexp(1) + torch.where(unlike, far, nothing).logsumexp(1))


# --- classes ------------------------------------------------------------------------------------------------------------


class Dice(FunctionLoss):
    """One minus the Dice coefficient of two masks, over the whole batch or along `axis`."""

    function = staticmethod(dice)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "dice", axis: Any = None, dtype: Any = None):
        super().__init__(reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """One minus the Tversky index of two masks: Dice with a weight `alpha` of what is missed and `beta` of what is found wrongly."""

    function = staticmethod(tversky)

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class CTC(FunctionLoss):
    """Connectionist temporal classification of logits `(B, T, classes)` against labels `(B, L)`; 0 is the blank and the padding."""

    function = staticmethod(ctc)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class Circle(FunctionLoss):
    """Circle loss of unit embeddings `(B, n)` with integer labels `(B,)`; the mean is over those with a loss above 0."""

    function = staticmethod(circle)

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

    def counts(self, values: Tensor, y_true: Any) -> Tensor | None:
        return values > 0
