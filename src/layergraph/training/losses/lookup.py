"""Losses from names, configs, classes, functions and modules of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from ...errors import ArgumentError, shown, suggestion
from ...identify import CustomObjects, custom_object
from ...kinds import is_class, is_dict
from ..configs import Table
from . import functions
from .base import FunctionLoss, Loss, LossFunctionWrapper
from .foreign import TorchFunctionLoss, TorchLoss, of_torch
from .functions import classification_kind
from .probabilities import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from .regression import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    SquaredHinge,
)
from .special import CTC, Circle, Dice, Tversky

_CLASSES: tuple[type[FunctionLoss], ...] = (
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
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
    Dice,
    Tversky,
    CTC,
    Circle,
)
_SHORT = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
}
_BY_WORD: dict[str, type[FunctionLoss]] = {
    **{cls.function.__name__: cls for cls in _CLASSES},
    **_SHORT,
    **{short.upper(): cls for short, cls in _SHORT.items()},
}
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {word: cls.function for word, cls in _BY_WORD.items()}
# Its function has no default for `q`, so that the word, as in Keras, means nothing.
_BY_NAME: dict[str, type[FunctionLoss]] = {cls.__name__: cls for cls in (*_CLASSES, CategoricalGeneralizedCrossEntropy)}
LOSSES: dict[str, type[FunctionLoss]] = {**_BY_NAME, **_BY_WORD}
_BY_FUNCTION: dict[Any, type[FunctionLoss]] = {cls.function: cls for cls in _CLASSES}
TABLE = Table(
    "loss",
    "keras.losses",
    {**_BY_NAME, "LossFunctionWrapper": LossFunctionWrapper},
    {**_FUNCTIONS, "categorical_generalized_cross_entropy": functions.categorical_generalized_cross_entropy},
)


def resolve(identifier: Any) -> Loss:
    """A `Loss` from its name, its config, a class, a function, or a loss of torch.

    Raises:
        ArgumentError: "Could not interpret loss identifier: ..." with the nearest name.
    """
    if isinstance(identifier, Loss):
        return identifier
    if is_dict(identifier) and "class_name" in identifier:
        return resolve(TABLE.deserialize(identifier))
    if isinstance(identifier, str):
        own = custom_object(identifier)
        if own is not None:
            return resolve(own)
        if identifier in LOSSES:
            return LOSSES[identifier]()
    elif is_class(identifier) and issubclass(identifier, (Loss, nn.Module)):
        return resolve(identifier())
    elif isinstance(identifier, nn.Module):
        return TorchLoss(identifier)
    elif of_torch(identifier):
        return TorchFunctionLoss(cast("Callable[..., Tensor]", identifier))
    elif callable(identifier):
        return _BY_FUNCTION[identifier]() if identifier in _BY_FUNCTION else LossFunctionWrapper(identifier)
    raise ArgumentError(f"Could not interpret loss identifier: {shown(identifier)}", suggestion(identifier, LOSSES))


def get(identifier: Any) -> Any:
    """Keras's lookup: 'MeanSquaredError' gives an instance, 'mse' and 'mean_squared_error' the function, None None.

    A config gives what it describes; a class, an instance of it; anything that can be called is taken as it is.

    Raises:
        ArgumentError: "Could not interpret loss identifier: ..." with the nearest name.
    """
    if identifier is None or (callable(identifier) and not is_class(identifier)):
        return identifier
    if is_class(identifier):
        return identifier()
    if is_dict(identifier) and "class_name" in identifier:
        return TABLE.deserialize(identifier)
    if isinstance(identifier, str) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]
    return resolve(identifier)


def serialize(loss: Any) -> Any:
    """The config of a loss, or of a loss function, in Keras's form; what makes it again is `deserialize`.

    Raises:
        ArgumentError: a loss of torch, or a function that has no name by which it could be found again.

    >>> serialize(Huber(0.5))["config"]
    {'name': 'huber_loss', 'reduction': 'sum_over_batch_size', 'delta': 0.5}
    """
    return TABLE.serialize(loss)


def deserialize(name: Any, custom_objects: CustomObjects | None = None) -> Any:
    """The loss, or loss function, that a config or a name describes.

    Raises:
        ArgumentError: a config that describes nothing.

    >>> deserialize({"class_name": "Huber", "config": {"delta": 0.5}})
    Huber(name='huber_loss', reduction='sum_over_batch_size', delta=0.5)
    """
    return TABLE.deserialize(name, custom_objects)


def auto_crossentropy(y_true: Tensor, y_pred: Tensor) -> Loss:
    """What 'crossentropy' and 'ce' mean for these shapes."""
    kind = classification_kind(y_true, y_pred)
    return {"binary": BinaryCrossentropy, "sparse": SparseCategoricalCrossentropy, "categorical": CategoricalCrossentropy}[kind]()
