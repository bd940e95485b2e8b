"""Losses from names, configs, classes, functions and modules of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_class, is_dict
from ..numbers import snake_case
from . import functions
from .base import Loss, LossFunctionWrapper, TorchLoss
from .classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .functions import classification_kind

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


_FUNCTIONS: dict[type[Loss], Callable[..., Tensor]] = {cls: getattr(functions, snake_case(cls.__name__)) for cls in _CLASSES}
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
