"""Counts of true and false positives and negatives, and what is a ratio of them.

Not on torchmetrics, whose counts take no sample weights, and whose thresholds, top-k and class rules are not Keras's: these are
a few sums on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from ...config import epsilon
from ...errors import ArgumentError, DataError
from ...kinds import is_sequence
from ..losses.functions import align
from ..numbers import as_tensor, ratio
from .base import EXACT, OwnMetric
from .variables import MetricVariable

NEVER = -1e10
"""Keras's score of a class that is not among the top k; the threshold under which nothing else is."""


class Tally(NamedTuple):
    """Weights of what was right and wrong above each threshold, and of all that is true and false: `(thresholds,)` and `()`,
    or `(thresholds, labels)` and `(labels,)`."""

    true_positives: Tensor
    false_positives: Tensor
    true: Tensor
    false: Tensor


class Thresholds:
    """Where predictions are cut, and how many of these they are greater than.

    Args:
        values: the thresholds, in any order.
        even: whether they are 0, 1/(n-1), ..., 1, the ends perhaps just beyond: then no search is needed.
    """

    def __init__(self, values: Sequence[float], even: bool):
        self.values = values
        self.even = even
        self.beyond = values[0] < 0.0 or values[-1] > 1.0
        order = sorted(range(len(values)), key=values.__getitem__)
        self.order = None if order == list(range(len(values))) else sorted(range(len(values)), key=order.__getitem__)
        self._ascending = torch.tensor(sorted(values), dtype=EXACT)
        self._here: Tensor | None = None  # the same on the device and in the dtype of the predictions

    def passed(self, pred: Tensor) -> Tensor:
        """How many thresholds each prediction is strictly greater than."""
        if self.even:
            # Keras's rule for buckets, to the last bit: a prediction on a threshold belongs to the bucket below.
            passed = (pred.clamp(0.0, 1.0) * (len(self.values) - 1)).ceil().long()
            return passed.clamp(min=1) if self.beyond else passed
        if self._here is None or self._here.device != pred.device or self._here.dtype != pred.dtype:
            self._here = self._ascending.to(pred.dtype).to(pred.device)
        return torch.searchsorted(self._here, pred.contiguous())

    def tally(self, true: Tensor, pred: Tensor, weight: Tensor | None, by_label: bool = False) -> Tally:
        """The tally of bools and predictions of one shape; `by_label` for each column of `(B, labels)`."""
        exact = torch.float32 if pred.device.type == "mps" else EXACT
        trues, falses = true.to(exact), (~true).to(exact)
        if weight is not None:
            trues, falses = trues * weight, falses * weight
        if len(self.values) == 1 and not by_label:
            above = pred > self.values[0]
            return Tally((trues * above).sum(), (falses * above).sum(), trues.sum(), falses.sum())
        passed = self.passed(pred)
        if not by_label:
            passed, trues, falses = passed.reshape(-1), trues.reshape(-1), falses.reshape(-1)
        shape = (len(self.values) + 1, *trues.shape[1:])
        hits, misses = (trues.new_zeros(shape).scatter_add_(0, passed, each).flip(0).cumsum(0).flip(0) for each in (trues, falses))
        tp, fp = hits[1:], misses[1:]
        if self.order is not None:
            tp, fp = tp[self.order], fp[self.order]
        return Tally(tp, fp, hits[0], misses[0])


def evenly_spaced(values: Sequence[float]) -> bool:
    """Whether thresholds are 0, 1/(n-1), ..., 1, up to epsilon."""
    count = len(values)
    return count >= 3 and bool(np.allclose(values, np.arange(count, dtype="float32") / (count - 1), atol=epsilon()))


class Counting(OwnMetric):
    """What takes targets, predictions and weights apart by Keras's rules."""

    def _prepared(
        self, y_true: Any, y_pred: Any, sample_weight: Any, top_k: int | None = None, class_id: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Targets as bools, predictions, and weights of one shape."""
        pred = self._floats(y_pred)
        true, pred = align(as_tensor(y_true, pred.device), pred)
        if true.shape != pred.shape:
            raise DataError(
                f"the metric {self.name!r} wants a target for each prediction, but y_true is {tuple(true.shape)} and y_pred "
                f"{tuple(pred.shape)}",
                f"one-hot targets: torch.nn.functional.one_hot(y, {pred.shape[-1]})"
                if true.ndim < pred.ndim or true.shape[-1] == 1
                else None,
            )
        true = true != 0
        weight = None if sample_weight is None else as_tensor(sample_weight, pred.device).to(pred.dtype).unsqueeze(-1)
        if weight is not None and weight.ndim == true.ndim + 1:
            weight = weight.squeeze(-1)
        if top_k is not None:
            chosen = torch.zeros_like(true).scatter_(-1, pred.topk(top_k, -1).indices, True)
            pred = torch.where(chosen, pred, NEVER)
        if class_id is not None:
            if pred.ndim < 2 or not -pred.shape[-1] <= class_id < pred.shape[-1]:
                raise DataError(f"the metric {self.name!r} looks at class {class_id}, but y_pred has shape {tuple(pred.shape)}")
            true, pred = true[..., class_id, None], pred[..., class_id, None]
        return true, pred, None if weight is None else weight.broadcast_to(pred.shape)


class _AtThresholds(Counting):
    """What counts above one or several thresholds; with several it gives one number for each."""

    def __init__(self, thresholds: Any, name: str | None, dtype: Any, top_k: int | None = None, class_id: int | None = None):
        super().__init__(dtype, name)
        self.init_thresholds = thresholds
        default = 0.5 if top_k is None else NEVER
        given = cast("Sequence[Any]", thresholds) if is_sequence(thresholds) else [default if thresholds is None else thresholds]
        wrong = [] if thresholds is None else [t for t in given if t is None or not 0 <= t <= 1]
        if wrong or not given:
            raise ArgumentError(f"Threshold values must be in [0, 1]. {type(self).__name__} received: {wrong or thresholds}")
        self.thresholds: list[float] = [float(t) for t in given]
        self._cuts = Thresholds(self.thresholds, evenly_spaced(self.thresholds))

    def _one(self, values: Tensor) -> Tensor:
        return (values[0] if len(self.thresholds) == 1 else values.detach().clone()).float()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class _Count(_AtThresholds):
    """A count, or the sum of the weights, of one kind."""

    accumulator: MetricVariable

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(thresholds, name, dtype)
        self._sums((len(self.thresholds),), "accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            self._add(accumulator=self._chosen(self._cuts.tally(*self._prepared(y_true, y_pred, sample_weight))))

    def _chosen(self, tally: Tally) -> Tensor:
        raise NotImplementedError

    def result(self) -> Tensor:
        """The count so far, `(thresholds,)` where there are several."""
        return self._one(self.accumulator)


class TruePositives(_Count):
    """How many positives were found: `y_pred > threshold` where the target is not 0."""

    def _chosen(self, tally: Tally) -> Tensor:
        return tally.true_positives


class FalsePositives(_Count):
    """How many negatives were taken for positives."""

    def _chosen(self, tally: Tally) -> Tensor:
        return tally.false_positives


class TrueNegatives(_Count):
    """How many negatives were left alone."""

    def _chosen(self, tally: Tally) -> Tensor:
        return tally.false - tally.false_positives


class FalseNegatives(_Count):
    """How many positives were missed."""

    def _chosen(self, tally: Tally) -> Tensor:
        return tally.true - tally.true_positives


class Precision(_AtThresholds):
    """Which share of what was found is right: `tp / (tp + fp)`, 0 where nothing was found.

    Args:
        thresholds: one in [0, 1], or several, for one result each; None for 0.5, with `top_k` for none.
        top_k: only the k largest predictions of each sample are positive.
        class_id: look at one class of one-hot targets only.

    >>> float(Precision()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7]))
    0.6666666865348816
    """

    _direction = "up"
    true_positives: MetricVariable
    false_positives: MetricVariable

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(thresholds, name, dtype, top_k, class_id)
        self.top_k = top_k
        self.class_id = class_id
        self._sums((len(self.thresholds),), "true_positives", "false_positives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            tally = self._cuts.tally(*self._prepared(y_true, y_pred, sample_weight, self.top_k, self.class_id))
            self._add(true_positives=tally.true_positives, false_positives=tally.false_positives)

    def result(self) -> Tensor:
        """The precision so far, `(thresholds,)` where there are several."""
        return self._one(ratio(self.true_positives, self.true_positives + self.false_positives))


class Recall(_AtThresholds):
    """Which share of what is true was found: `tp / (tp + fn)`, 0 where nothing is true. The arguments are those of `Precision`."""

    _direction = "up"
    true_positives: MetricVariable
    false_negatives: MetricVariable

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(thresholds, name, dtype, top_k, class_id)
        self.top_k = top_k
        self.class_id = class_id
        self._sums((len(self.thresholds),), "true_positives", "false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            tally = self._cuts.tally(*self._prepared(y_true, y_pred, sample_weight, self.top_k, self.class_id))
            self._add(true_positives=tally.true_positives, false_negatives=tally.true - tally.true_positives)

    def result(self) -> Tensor:
        """The recall so far, `(thresholds,)` where there are several."""
        return self._one(ratio(self.true_positives, self.true_positives + self.false_negatives))
