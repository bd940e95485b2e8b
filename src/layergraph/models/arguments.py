"""What `Model(inputs, outputs, ...)` may be given."""

from __future__ import annotations

from typing import Any

from layergraph.errors import ArgumentError, shown, suggestion
from layergraph.layers.tracking import TooManyError


def inputs_and_outputs(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """(inputs, outputs, the other words) of a call of Model. Raises ArgumentError."""
    who = "Model" if cls.__name__ == "Functional" else cls.__name__  # as the user wrote it
    words = dict(kwargs)
    if len(args) > 2:
        raise TooManyError(
            f"{who} takes inputs and outputs by position, got {len(args)} arguments", "name the others: Model(inputs, outputs, name=...)"
        )
    for name, value in zip(("inputs", "outputs"), args, strict=False):
        if name in words:
            raise ArgumentError(f"{who} got two values for `{name}`")
        words[name] = value
    unknown = [word for word in words if word not in ("inputs", "outputs", "name", "trainable")]
    if unknown:
        known = ("inputs", "outputs", "name", "trainable")
        raise ArgumentError(f"{who} got an unknown argument {shown(unknown[0])}", suggestion(unknown[0], known))
    for name in ("inputs", "outputs"):
        if name not in words:
            raise ArgumentError(f"{who} needs `{name}`", "Model(inputs=x, outputs=y) with symbols from Input(...) and layers")
    return words.pop("inputs"), words.pop("outputs"), words
