"""Keras's losses of probabilities: classes over the functions of `functions`, called `loss(y_true, y_pred, sample_weight=None)`."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ...errors import ArgumentError
from ..numbers import as_tensor
from . import functions
from .base import FunctionLoss
from .functions import binary_values, log_probabilities, sparse_pair


class KLDivergence(FunctionLoss):
    """`sum(y_true * log(y_true / y_pred))`, mean over the batch."""

    function = staticmethod(functions.kl_divergence)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class Poisson(FunctionLoss):
    """`mean(y_pred - y_true * log(y_pred))`."""

    function = staticmethod(functions.poisson)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None):
        super().__init__(reduction, name, dtype)


class _Smoothed(FunctionLoss):
    """What the cross-entropies with float targets share."""

    from_logits: bool
    label_smoothing: float
    axis: int

    def __init__(self, reduction: str | None, name: str | None, dtype: Any, **options: Any):
        smoothing = options["label_smoothing"]
        if not 0.0 <= smoothing <= 1.0:
            raise ArgumentError(f"{type(self).__name__}(label_smoothing={smoothing!r}): wanted a number in [0, 1]")
        super().__init__(reduction, name, dtype, **options)


class _Binary(_Smoothed):
    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        return _outside(y_true, 0, 1, f"{self.name} wants targets in [0, 1]")


class BinaryCrossentropy(_Binary):
    """Cross-entropy of yes/no outputs, from probabilities or (`from_logits=True`) logits."""

    function = staticmethod(functions.binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        return binary_values(y_true, y_pred, self.from_logits, self.label_smoothing, "mean")


class BinaryFocalCrossentropy(_Binary):
    """Cross-entropy of yes/no outputs, `(1 - p)**gamma` times as heavy, p being the probability of what is true.

    `apply_class_balancing` weighs ones by `alpha` and zeros by `1 - alpha`. (Lin et al. 2017, "Focal Loss for Dense Object Detection".)
    """

    function = staticmethod(functions.binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(_Smoothed):
    """Cross-entropy of one-hot targets, from probabilities or logits."""

    function = staticmethod(functions.categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalFocalCrossentropy(_Smoothed):
    """Cross-entropy of one-hot targets, each class weighed by `alpha (1 - p)**gamma`; `alpha` may be one number per class."""

    function = staticmethod(functions.categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis
        )


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of integer labels, from probabilities or logits; places of `ignore_class` do not count in the mean."""

    function = staticmethod(functions.sparse_categorical_crossentropy)
    from_logits: bool
    ignore_class: int | None
    axis: int

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(reduction, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self.ignore_class is not None:
            return None
        pred, labels = sparse_pair(y_true, y_pred, self.axis)
        if self.from_logits:
            return F.cross_entropy(pred, labels)
        return F.nll_loss(log_probabilities(pred, False, 1), labels)

    def counts(self, values: Tensor, y_true: Any) -> Tensor | None:
        if self.ignore_class is None:
            return None
        return (as_tensor(y_true, device=values.device) != self.ignore_class).reshape(values.shape)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        labels = y_true if self.ignore_class is None else y_true[y_true != self.ignore_class]
        if not labels.is_floating_point() and y_true.shape == y_pred.shape and y_pred.shape[self.axis] != 1:
            return None  # the shapes are told by the loss itself
        return _not_a_class(labels, y_pred.shape[self.axis], self.name)


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """`(1 - p**q) / q` for integer labels, p being the probability of the true class: for noisy labels.

    `q` in (0, 1): near 0 it is cross-entropy, near 1 the absolute error. (Zhang & Sabuncu 2018.)
    """

    function = staticmethod(functions.categorical_generalized_cross_entropy)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ArgumentError(f"CategoricalGeneralizedCrossEntropy(q={q!r}): q must be in the interval (0, 1)")
        super().__init__(reduction, name, dtype, q=q)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        return None if y_true.shape == y_pred.shape else _not_a_class(y_true, y_pred.shape[-1], self.name)


def _not_a_class(labels: Tensor, classes: int, name: str) -> str | None:
    return _outside(labels, 0, classes - 1, f"{name} wants labels in [0, {classes - 1}] for {classes} classes")


def _outside(values: Tensor, low: int, high: int, story: str) -> str | None:
    if values.numel() == 0:
        return None
    least, most = (float(v) for v in values.detach().aminmax())
    bad = least if least < low else most if most > high else None
    return None if bad is None else f"{story}, but one is {bad:g}"
