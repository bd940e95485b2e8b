"""Nested lists, tuples and dicts, as Keras reads them: dict keys in sorted order, None a leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[int | str, ...]


def leaves(value: Any) -> list[Any]:
    """The leaves of a nest, dicts by sorted key."""
    return [leaf for _, leaf in leaves_with_path(value)]


def leaves_with_path(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, leaf) for each leaf of a nest, dicts by sorted key."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from leaves_with_path(value[key], (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves_with_path(item, (*path, index))
    else:
        yield path, value


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nest with each leaf replaced, slices entered too; dicts keep the order of their keys, and are visited in sorted order."""
    if isinstance(value, slice):
        return slice(*(map_leaves(function, part) for part in (value.start, value.stop, value.step)))
    if isinstance(value, dict):
        done = {key: map_leaves(function, value[key]) for key in sorted(value)}
        return {key: done[key] for key in value}
    if isinstance(value, list | tuple):
        return alike(value, [map_leaves(function, item) for item in value])
    return function(value)


def alike(sequence: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    """The items in a sequence of the same kind: a list, a tuple, a named tuple, or what `torch.max(x, 1)` gives."""
    if isinstance(sequence, list):
        return items
    kind = type(sequence)
    if hasattr(kind, "_fields"):
        return kind(*items)
    return kind(items) if hasattr(kind, "n_sequence_fields") else tuple(items)


def at_path(value: Any, path: Path) -> Any:
    """The item of a nest at a path."""
    for key in path:
        value = value[key]
    return value
