"""Keras's losses: classes over the functions of `loss_functions`, called `loss(y_true, y_pred, sample_weight=None)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ArgumentError, DataError, shown, suggestion
from ..kinds import is_class, is_dict
from .loss_functions import (
    align,
    binary_crossentropy,
    binary_values,
    categorical_crossentropy,
    categorical_hinge,
    classification_kind,
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
    reduce_weighted,
    sparse_categorical_crossentropy,
    sparse_pair,
    squared_hinge,
)
from .numbers import as_tensor, snake_case, torch_dtype

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight")


class Loss:
    """The base of losses: subclass it and write `call(y_true, y_pred)`, which gives one value per sample.

    Args:
        name: shown in messages.
        reduction: 'sum_over_batch_size' = 'mean', 'sum', 'none' or 'mean_with_sample_weight' (divide by the sum of weights).
        dtype: what `y_pred` is cast to; None is float32 for all but float64.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        if reduction not in _REDUCTIONS:
            raise ArgumentError(
                f"Invalid value for argument `reduction`: {type(self).__name__}(reduction={reduction!r}); expected one of "
                f"{', '.join(repr(r) for r in _REDUCTIONS)}",
                suggestion(reduction, [r for r in _REDUCTIONS if r]),
            )
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = dtype

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__} needs a method call(self, y_true, y_pred)")

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """The unweighted mean in fewer steps, where there is a way; None where there is not."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        if self.dtype is not None:
            y_pred = as_tensor(y_pred).to(torch_dtype(self.dtype))
        if sample_weight is None and self.reduction in ("sum_over_batch_size", "mean"):
            quick = self.mean(y_true, y_pred)
            if quick is not None:
                return quick
        return self.reduce(self.call(y_true, y_pred), y_true, sample_weight)

    def reduce(self, values: Tensor, y_true: Any, sample_weight: Any) -> Tensor:
        """The values of `call` as one number, by `reduction`."""
        return reduce_weighted(values, sample_weight, self.reduction)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        """What is wrong with all the targets of a data set, seen before training; None if nothing is."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {key: getattr(self, key) for key in inspect.signature(type(self).__init__).parameters if key != "self"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The inverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class LossFunctionWrapper(Loss):
    """A plain function `fn(y_true, y_pred, **kwargs)` as a loss."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None) or snake_case(type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        true, pred = as_tensor(y_true), as_tensor(y_pred)
        values = self.fn(*align(true, pred), **self.kwargs)
        if not isinstance(values, Tensor):
            raise ArgumentError(
                f"the loss {self.name!r} returned {shown(values)} ({type(values).__name__}), which has no gradient; a loss gives a tensor",
                "compute it from y_pred with torch functions",
            )
        return values

    def get_config(self) -> dict[str, Any]:
        return {"fn": self.fn, "reduction": self.reduction, "name": self.name, "dtype": self.dtype, **self.kwargs}


class TorchLoss(Loss):
    """A loss of torch, called torch's way: `module(input, target)`."""

    def __init__(self, module: nn.Module, name: str | None = None):
        super().__init__(name or snake_case(type(module).__name__), getattr(module, "reduction", "sum_over_batch_size"))
        self.module = module

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        true, pred = as_tensor(y_true), as_tensor(y_pred)
        if sample_weight is not None and self.reduction != "none":
            raise DataError(
                f"sample weights came with {type(self.module).__name__}(reduction={self.reduction!r}), which has averaged them away",
                f"pass {type(self.module).__name__}(reduction='none'), or a loss of layergraph.losses",
            )
        held = next(self.module.buffers(), None)
        if held is not None and held.device != pred.device:
            with torch.inference_mode(False):  # class weights that move must be able to train later
                self.module.to(pred.device)
        if isinstance(self.module, (nn.CrossEntropyLoss, nn.NLLLoss)):
            # torch wants no class axis of size 1 and int64; both come from Keras's habits
            if true.ndim == pred.ndim and true.shape[-1] == 1 and pred.shape[1] != 1:
                true = true.squeeze(-1)
            true = true if true.is_floating_point() else true.long()
        else:
            true, pred = align(true.to(pred.dtype), pred)
        values = self.module(pred, true)
        return reduce_weighted(values, sample_weight, "mean")


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


# --- names -----------------------------------------------------------------------------------------------------------

_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    CosineSimilarity,
    Huber,
    LogCosh,
    Hinge,
    SquaredHinge,
    CategoricalHinge,
    KLDivergence,
    Poisson,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
_SHORT = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
}
LOSSES: dict[str, type[Loss]] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{snake_case(cls.__name__): cls for cls in _CLASSES},
    **_SHORT,
    **{short.upper(): cls for short, cls in _SHORT.items()},
}
LATER = {
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "Dice",
    "Tversky",
    "CTC",
    "Circle",
}
_LATER_WORDS = LATER | {snake_case(name) for name in LATER}


def resolve(identifier: Any) -> Loss:
    """A `Loss` from its name, its config, a class, a function, or a loss of torch.

    Raises:
        ArgumentError: "Could not interpret loss identifier: ..." with the nearest name.
    """
    if isinstance(identifier, Loss):
        return identifier
    if is_dict(identifier) and "class_name" in identifier:
        return type(resolve(identifier["class_name"])).from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        if identifier in LOSSES:
            return LOSSES[identifier]()
        if identifier in _LATER_WORDS:
            raise ArgumentError(f"the loss {identifier!r} is not in layergraph yet", "pass a function loss(y_true, y_pred)")
    elif is_class(identifier) and issubclass(identifier, (Loss, nn.Module)):
        return resolve(identifier())
    elif isinstance(identifier, nn.Module):
        return TorchLoss(identifier)
    elif callable(identifier):
        return _BY_FUNCTION[identifier]() if identifier in _BY_FUNCTION else LossFunctionWrapper(identifier)
    raise ArgumentError(f"Could not interpret loss identifier: {shown(identifier)}", suggestion(identifier, LOSSES))


_FUNCTIONS: dict[type[Loss], Callable[..., Tensor]] = {cls: globals()[snake_case(cls.__name__)] for cls in _CLASSES}
_BY_FUNCTION: dict[Any, type[Loss]] = {function: cls for cls, function in _FUNCTIONS.items()}


def get(identifier: Any) -> Any:
    """Keras's lookup: 'MeanSquaredError' gives an instance, 'mse' and 'mean_squared_error' the function, None None."""
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    loss = resolve(identifier)
    named_by_class = not isinstance(identifier, str) or identifier == type(loss).__name__
    return loss if named_by_class else _FUNCTIONS[type(loss)]


def auto_crossentropy(y_true: Tensor, y_pred: Tensor) -> Loss:
    """What 'crossentropy' and 'ce' mean for these shapes."""
    kind = classification_kind(y_true, y_pred)
    return {"binary": BinaryCrossentropy, "sparse": SparseCategoricalCrossentropy, "categorical": CategoricalCrossentropy}[kind]()
