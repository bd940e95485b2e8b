"""`serialize` and `deserialize`: a layer as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layergraph.errors import ConfigError, shown
from layergraph.identify import OBJECTS
from layergraph.layers.base import Layer


def serialize(layer: Layer) -> dict[str, Any]:
    """A layer as plain data that JSON can hold: `module`, `class_name`, `config` and `registered_name`, as Keras writes it.

    Raises `ConfigError` for what is no layer, and for an argument that has no form in a config.

    >>> from layergraph.layers import Flatten
    >>> serialize(Flatten(name="flat"))["config"]["name"]
    'flat'
    """
    if not isinstance(layer, Layer):
        raise ConfigError(
            f"layers.serialize takes a layer, got {type(layer).__name__} {shown(layer)}", "saving.serialize_keras_object takes any object"
        )
    return OBJECTS["write"](layer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """A fresh layer, its weights too, from what `serialize` gave, here or in Keras. No code in a config is ever run.

    Args:
        config: a dict of `class_name`, `config`, and the rest that `serialize` writes.
        custom_objects: classes and functions of yours by name, beside those that are registered.

    Raises `ConfigError` for a config that describes no layer.

    >>> from layergraph.layers import Dense
    >>> deserialize(serialize(Dense(3, activation="relu"))).units
    3
    """
    layer = OBJECTS["read"](config, custom_objects)
    if not isinstance(layer, Layer):
        raise ConfigError(
            f"layers.deserialize: the config describes no layer, it is {shown(layer)}", "saving.deserialize_keras_object reads it"
        )
    return layer
