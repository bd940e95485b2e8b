"""Nested structures of outputs and targets: flat lists of leaves, and back.

A list, a tuple (also a named one) and a mapping have children; everything else, None included, is a leaf. The keys of a
mapping are visited in sorted order, as Keras does, unless the caller gives another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...kinds import is_mapping, is_sequence


def is_nested(value: object) -> bool:
    """Whether `value` has children."""
    return isinstance(value, (list, tuple, Mapping))


def keys_of(mapping: Mapping[Any, Any], order: Sequence[str] | None = None) -> list[Any]:
    """The keys of a mapping in the order of `order` where that names exactly these keys, else sorted."""
    if order is not None and set(order) == set(mapping):
        return list(order)
    return sorted(mapping, key=str)


def flatten(value: object, order: Sequence[str] | None = None) -> list[Any]:
    """The leaves of `value`, left to right."""
    if is_mapping(value):
        return [leaf for key in keys_of(value, order) for leaf in flatten(value[key])]
    if is_sequence(value):
        return [leaf for item in value for leaf in flatten(item)]
    return [value]


def pack(like: Any, leaves: Sequence[Any], order: Sequence[str] | None = None) -> Any:
    """`leaves` in the structure of `like`: the inverse of `flatten`."""
    return _pack(like, iter(leaves), order)


def _pack(like: Any, leaves: Iterator[Any], order: Sequence[str] | None) -> Any:
    if is_mapping(like):
        packed = {key: _pack(like[key], leaves, None) for key in keys_of(like, order)}
        return {key: packed[key] for key in like}
    if not is_sequence(like):
        return next(leaves)
    items = [_pack(item, leaves, None) for item in like]
    if isinstance(like, list):
        return items
    return type(like)(*items) if hasattr(like, "_fields") else tuple(items)


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """The same structure with `function` applied to each leaf that is not None."""
    return pack(value, [None if leaf is None else function(leaf) for leaf in flatten(value)])
