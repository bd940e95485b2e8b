"""What trainings with steps of their own share: data, weights, and what is kept of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .script import weight

ROWS = 12
Numbers = dict[str, np.ndarray]


def wave(*shape: int, speed: float = 1.3, shift: float = 0.0) -> np.ndarray:
    """Numbers of both signs, by their places."""
    return np.sin(np.arange(int(np.prod(shape))) * speed + shift).reshape(shape).astype("float32")


def filled(model: Any) -> Any:
    """The model, with weights by their numbers."""
    model.set_weights([weight(number, w) for number, w in enumerate(model.get_weights())])
    return model


def mlp(keras: Any, inputs: int, *units: int, activation: str = "tanh", last: str | None = None, kind: Any = None) -> Any:
    layers = keras.layers
    x = given = keras.Input(shape=(inputs,))
    for size in units[:-1]:
        x = layers.Dense(size, activation=activation)(x)
    return filled((kind or keras.Model)(given, layers.Dense(units[-1], activation=last)(x)))


def found(history: Any, *models: Any, **more: Any) -> Numbers:
    """What was logged, in its order, and the outcome of models on the same numbers."""
    numbers = {f"log.{name}": np.asarray(values, "float64") for name, values in history.history.items()}
    for number, model in enumerate(models):
        numbers |= {f"weights.{number}.{i}": w for i, w in enumerate(model.get_weights())}
    return {**numbers, "names": np.array(sorted(history.history)), **{name: np.asarray(value) for name, value in more.items()}}
