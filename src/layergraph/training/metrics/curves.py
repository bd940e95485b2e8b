"""Areas under curves, and one rate where another is held: from the counts at many thresholds.

Not on torchmetrics: Keras's numbers follow from its thresholds (-epsilon, 1/(n-1), ..., 1+epsilon), its interpolation between them
and its sample weights, none of which torchmetrics has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...config import epsilon
from ...errors import ArgumentError, DataError, suggestion
from ..numbers import as_tensor, ratio
from .confusion import Counting, Tally, Thresholds, evenly_spaced
from .variables import MetricVariable

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Curve(Counting):
    """What keeps all four counts at many thresholds."""

    _direction = "up"
    true_positives: MetricVariable
    false_positives: MetricVariable
    true_negatives: MetricVariable
    false_negatives: MetricVariable

    def _count(self, tally: Tally) -> None:
        self._add(
            true_positives=tally.true_positives,
            false_positives=tally.false_positives,
            true_negatives=tally.false - tally.false_positives,
            false_negatives=tally.true - tally.true_positives,
        )

    def _recall(self) -> Tensor:
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    def _precision(self) -> Tensor:
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    def _specificity(self) -> Tensor:
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)


def _between(count: int) -> list[float]:
    """The inner ones of `count` thresholds, equally far apart."""
    return [(i + 1) * 1.0 / (count - 1) for i in range(count - 2)]


# --- one rate where another is held ---------------------------------------------------------------------------------------


class _AtRate(_Curve):
    """The largest of one rate among the thresholds where another is at least `held`."""

    _held: str

    def __init__(self, held: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        if not 0 <= held <= 1:
            raise ArgumentError(f"Argument `{self._held}` must be in the range [0, 1]. Received: {self._held}={held}")
        if num_thresholds <= 0:
            raise ArgumentError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}")
        super().__init__(dtype, name)
        setattr(self, self._held, held)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [0.0, *_between(num_thresholds), 1.0]
        self._cuts = Thresholds(self.thresholds, even=num_thresholds > 1)
        self._sums((num_thresholds,), *_COUNTS)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            self._count(self._cuts.tally(*self._prepared(y_true, y_pred, sample_weight, class_id=self.class_id)))

    def _rates(self) -> tuple[Tensor, Tensor]:
        """The rate that is held, and the rate that is asked for, at each threshold."""
        raise NotImplementedError

    def result(self) -> Tensor:
        """The best rate so far; 0 where no threshold keeps to what is held."""
        held, asked = self._rates()
        return torch.where(held.float() >= getattr(self, self._held), asked, 0.0).amax().clamp(min=0.0).float()


class SensitivityAtSpecificity(_AtRate):
    """The best sensitivity, `tp / (tp + fn)`, where the specificity, `tn / (tn + fp)`, is at least `specificity`."""

    _held = "specificity"

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Tensor, Tensor]:
        return self._specificity(), self._recall()


class SpecificityAtSensitivity(_AtRate):
    """The best specificity, `tn / (tn + fp)`, where the sensitivity, `tp / (tp + fn)`, is at least `sensitivity`."""

    _held = "sensitivity"

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Tensor, Tensor]:
        return self._recall(), self._specificity()


class PrecisionAtRecall(_AtRate):
    """The best precision where the recall is at least `recall`."""

    _held = "recall"

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Tensor, Tensor]:
        return self._recall(), self._precision()


class RecallAtPrecision(_AtRate):
    """The best recall where the precision is at least `precision`."""

    _held = "precision"

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _rates(self) -> tuple[Tensor, Tensor]:
        return self._precision(), self._recall()


# --- the area under a curve -----------------------------------------------------------------------------------------------


class AUC(_Curve):
    """The area under a curve, from the counts at `num_thresholds` thresholds.

    Args:
        num_thresholds: how many, equally spaced in [0, 1]; the ends lie epsilon beyond.
        curve: 'ROC' (sensitivity over false positive rate), 'PR' (precision over recall) or 'PRGAIN'.
        summation_method: 'interpolation' (of the middle; for 'PR' of the counts, Davis & Goadrich 2006), 'minoring' or 'majoring'.
        thresholds: inner thresholds in the place of `num_thresholds`.
        multi_label: one area for each column of `(B, labels)`, and their mean.
        num_labels: of a multi-label metric, where it is to be ready before it sees data.
        label_weights: the weight of each label, in the mean of areas, or of its column where there is one area for all.
        from_logits: predictions go through a sigmoid first.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _CURVES = ("ROC", "PR", "PRGAIN")
    _METHODS = ("interpolation", "majoring", "minoring")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        self.curve = _one_of(self._CURVES, curve, "AUC curve")
        self.summation_method = _one_of(self._METHODS, summation_method, "AUC summation method")
        self._given = None if thresholds is None else sorted(float(t) for t in thresholds)
        if self._given is None and num_thresholds <= 1:
            raise ArgumentError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}")
        if num_labels and not multi_label:
            raise ArgumentError("`num_labels` is needed only when `multi_label` is True.", "AUC(multi_label=True, num_labels=...)")
        super().__init__(dtype, name)
        self.num_thresholds = num_thresholds if self._given is None else len(self._given) + 2
        inner = _between(num_thresholds) if self._given is None else self._given
        self.thresholds: list[float] = [-epsilon(), *inner, 1.0 + epsilon()]
        self._cuts = Thresholds(self.thresholds, even=self._given is None or evenly_spaced([0.0, *inner, 1.0]))
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        self._built = False
        if num_labels or not multi_label:
            self._build(num_labels)

    def _build(self, labels: int | None) -> None:
        self._sums((self.num_thresholds,) if labels is None else (self.num_thresholds, labels), *_COUNTS)
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            true, pred, weight = self._prepared(y_true, y_pred, sample_weight)
            if self.from_logits:
                pred = pred.sigmoid()
            if self.multi_label:
                if pred.ndim != 2:
                    raise DataError(
                        f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {pred.ndim}. Full shape received for `y_pred`: "
                        f"{tuple(pred.shape)}"
                    )
                if not self._built:
                    self._build(pred.shape[1])
            elif self.label_weights is not None:
                by_label = self._label_weights(pred).broadcast_to(pred.shape)
                weight = by_label if weight is None else weight * by_label
            self._count(self._cuts.tally(true, pred, weight, self.multi_label))

    def _label_weights(self, like: Tensor) -> Tensor:
        return as_tensor(self.label_weights, like.device).to(like.dtype)

    def result(self) -> Tensor:
        """The area so far; 0 before any value."""
        if not self._built:
            return torch.zeros(())
        interpolated = self.curve == "PR" and self.summation_method == "interpolation"
        areas = (self._interpolated() if interpolated else self._riemann()).sum(0)
        if not self.multi_label:
            return areas.float()
        if self.label_weights is None:
            return areas.mean().float()
        weights = self._label_weights(areas)
        return ratio((areas * weights).sum(), weights.sum()).float()

    def _interpolated(self) -> Tensor:
        """The pieces under a curve of precision over recall along which true positives are linear in all positives."""
        tp, p = self.true_positives, self.true_positives + self.false_positives
        dtp, dp = tp[:-1] - tp[1:], p[:-1] - p[1:]
        slope = ratio(dtp, dp.clamp(min=0.0))
        intercept = tp[1:] - slope * p[1:]
        growth = torch.where((p[:-1] > 0) & (p[1:] > 0), ratio(p[:-1], p[1:].clamp(min=0.0)), 1.0)
        return ratio(slope * (dtp + intercept * growth.log()), (tp[1:] + self.false_negatives[1:]).clamp(min=0.0))

    def _riemann(self) -> Tensor:
        """Rectangles between neighbouring thresholds."""
        x, y = self._axes()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        else:
            heights = torch.minimum(y[:-1], y[1:]) if self.summation_method == "minoring" else torch.maximum(y[:-1], y[1:])
        return (x[:-1] - x[1:]) * heights

    def _axes(self) -> tuple[Tensor, Tensor]:
        if self.curve == "ROC":
            return ratio(self.false_positives, self.false_positives + self.true_negatives), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        # Flach & Kull 2015; where nothing is found yet, the gain of recall is 0 and that of precision 1
        tp = self.true_positives
        scale = ratio(tp + self.false_negatives, self.true_negatives + self.false_positives)
        recall = torch.where(tp == 0, 0.0, 1.0 - scale * ratio(self.false_negatives, tp)).clamp(min=0.0)
        return recall, torch.where(tp == 0, 1.0, 1.0 - scale * ratio(self.false_positives, tp))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["thresholds"]
        return config if self._given is None else {**config, "thresholds": self._given}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not self._built and "true_positives" in state:
            self._build(state["true_positives"].shape[1])
        super().load_state_dict(state)


def _one_of(known: Sequence[str], word: Any, what: str) -> str:
    found = next((name for name in known if word in (name, name.lower(), name.capitalize())), None)
    if found is None:
        raise ArgumentError(f'Invalid {what} value: "{word}". Expected values are {list(known)}', suggestion(word, known))
    return found
