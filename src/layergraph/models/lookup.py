"""Finding a layer of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layergraph.errors import ArgumentError, shown, suggestion
from layergraph.layers.base import Layer


def get_layer(model: Any, names: Mapping[str, Layer], name: str | None, index: int | None) -> Layer:
    """The layer of that name, or at that place in `model.layers`. Raises ArgumentError."""
    layers = model.layers
    if (name is None) == (index is None):
        came = "neither came" if name is None else f"both came: {shown(name)} and {index}"
        raise ArgumentError(
            f"{model.label}.get_layer takes a layer's name or its index; {came}", "get_layer('dense') or get_layer(index=1)"
        )
    if index is not None:
        if not -len(layers) <= index < len(layers):
            raise ArgumentError(f"{model.label} has no layer at index {index}: it has {len(layers)} layers")
        return layers[index]
    if name not in names:
        listed = ", ".join(map(repr, list(names)[:12])) + (", ..." if len(names) > 12 else "")
        raise ArgumentError(f"{model.label} has no layer {shown(name)}", suggestion(name, names), details=[f"its layers are {listed}"])
    return names[name]
