"""Intersection over union, from a confusion matrix that is summed on the device.

Not on torchmetrics, whose `confusion_matrix` takes no sample weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...config import epsilon
from ...errors import ArgumentError, user_place, warn_at
from ..numbers import as_tensor
from .base import OwnMetric


class IoU(OwnMetric):
    """Mean over `target_class_ids` of `tp / (tp + fp + fn)`; a class that neither targets nor predictions hold does not count.

    Args:
        num_classes: how many; labels outside of [0, num_classes) do not count.
        target_class_ids: the classes that are looked at.
        dtype: of the sample weights: whole numbers where it is None, as in Keras; 'float32' keeps fractions.
        ignore_class: a label that does not count.
        sparse_y_true, sparse_y_pred: whether they are labels; else the largest along `axis` is the class.
        axis: where the classes stand.

    >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        if max(target_class_ids) >= num_classes:
            raise ArgumentError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        super().__init__(dtype or "int32", name)
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self._whole = self._dtype is not None and not self._dtype.is_floating_point
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", torch.int64 if self._whole else torch.float64, name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            pred = as_tensor(y_pred)
            true = as_tensor(y_true, pred.device)
            true = (true if self.sparse_y_true else true.argmax(self.axis)).long().reshape(-1)
            pred = (pred if self.sparse_y_pred else pred.argmax(self.axis)).long().reshape(-1)
            counts = (true >= 0) & (true < self.num_classes) & (pred >= 0) & (pred < self.num_classes)
            if self.ignore_class is not None:
                counts = counts & (true != self.ignore_class)
            if self.total_cm.device != pred.device:
                self.to(pred.device)
            weight = counts.to(self.total_cm.dtype)
            if sample_weight is not None:
                weight = weight * self._weights(sample_weight, pred)
            where = torch.where(counts, true * self.num_classes + pred, 0)
            self.total_cm.view(-1).scatter_add_(0, where, weight)

    def _weights(self, given: Any, pred: Tensor) -> Tensor:
        weight = as_tensor(given, pred.device)
        if self._whole and weight.is_floating_point():
            warn_at(
                user_place(),
                f"{self.name}: float sample weights are cut down to whole numbers; {type(self).__name__}(dtype='float32') keeps fractions",
            )
        weight = weight.to(self.total_cm.dtype)
        return weight.reshape(-1).broadcast_to(pred.shape) if weight.ndim > 1 else weight.broadcast_to(pred.shape)

    def result(self) -> Tensor:
        """The mean so far; 0 where no class that is looked at was seen."""
        matrix = self.total_cm.to(torch.float32 if self.total_cm.device.type == "mps" else torch.float64)
        hits = matrix.diagonal()
        union = (matrix.sum(0) + matrix.sum(1) - hits)[self.target_class_ids]
        seen = union > 1e-9
        each = torch.where(seen, hits[self.target_class_ids] / (union + epsilon()), 0.0)
        return (each.sum() / (seen.sum() + epsilon())).float()


class BinaryIoU(IoU):
    """`IoU` of 0 and 1, where predictions of at least `threshold` are 1."""

    def __init__(self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, as_tensor(y_pred) >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """`IoU`, mean over all classes that were seen."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """`IoU` of one-hot targets, and of scores or (`sparse_y_pred`) labels."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets, and of scores or (`sparse_y_pred`) labels."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
