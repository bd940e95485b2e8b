"""Nested structures, by Keras's names: `layergraph.tree`.

Lists, tuples, named tuples, `torch.Size`, dicts (also ordered ones and defaultdicts) and deques have children; everything else, None
included, is a leaf. The keys of a dict are visited in sorted order, at every depth, those of an `OrderedDict` in its own. (Keras on
torch sorts the outermost dict only, and maps structures of different depths in silence.)

>>> flatten({"b": [1, None], "a": 2})
[2, 1, None]
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import torch

from .absent import explained
from .errors import ArgumentError, shown
from .graph.structure import Path, alike

_DICTS = (dict, OrderedDict, defaultdict)
_SEQUENCES = (list, tuple, deque, torch.Size)


class MAP_TO_NONE:  # noqa: N801
    """What `traverse`'s function returns to put None in a place; None itself means: go on."""


def is_nested(structure: Any) -> bool:
    """Whether `structure` has children.

    >>> is_nested([]), is_nested(None), is_nested("ab")
    (True, False, False)
    """
    kind = cast("type[Any]", type(structure))
    return kind in _DICTS or kind in _SEQUENCES or (issubclass(kind, tuple) and hasattr(cast(Any, kind), "_fields"))


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right; a leaf gives `[leaf]`.

    >>> flatten([(1, 2), {"y": 3, "x": [4]}])
    [1, 2, 4, 3]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """(path, leaf) for each leaf; a path is the keys and positions that lead to it.

    >>> flatten_with_path([{"foo": 42}])
    [((0, 'foo'), 42)]
    """
    return list(_leaves(structure, ()))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The first structure with `func(leaf, ...)` for each leaf, given the leaves in the same place of all structures.

    Args:
        func: takes one leaf of each structure.
        structures: structures of the same kinds, lengths and keys.
        none_is_leaf: False leaves a None as it is.

    Raises:
        ArgumentError: no structures, or structures that differ.

    >>> map_structure(lambda x, y: x * y, [1, {"a": 2}], [3, {"a": 4}])
    [3, {'a': 8}]
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={shown(func)}")
    if not structures:
        raise ArgumentError("map_structure: Must provide at least one structure")

    def visit(leaves: tuple[Any, ...]) -> Any:
        if not none_is_leaf and leaves[0] is None:
            if any(leaf is not None for leaf in leaves):
                raise ArgumentError(f"map_structure: some of the structures have None where others have not: {shown(leaves)}")
            return None
        return func(*leaves)

    return _map(visit, structures)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """As `map_structure`, but `func` gets whatever stands where `shallow_structure` has a leaf.

    >>> map_structure_up_to([None, None], len, [[1, 1], [2, 2, 2]])
    [2, 3]
    """
    if not structures:
        raise ArgumentError("map_structure_up_to: Must provide at least one structure")
    return _map(lambda parts: func(*parts[1:]), (shallow_structure, *structures), up_to_first=True)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """The leaves of `flat_sequence` in the shape of `structure`: the inverse of `flatten`.

    Raises `ArgumentError` where there are more or fewer of them than `structure` has places.

    >>> pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
    {'b': 3, 'a': (1, 2)}
    """
    items = list(flat_sequence)
    wanted = len(flatten(structure))
    if len(items) != wanted:
        raise ArgumentError(f"pack_sequence_as: the structure has {wanted} leaves, got {len(items)} items")
    iterator = iter(items)
    return _map(lambda _: next(iterator), (structure,))


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """`func` applied to every part of the structure, whole parts too.

    What it returns stands in the place of the part, unless that is None. From the top down, a part that is replaced is not
    entered; from the bottom up, `func` sees parts whose children are done.

    >>> traverse(lambda part: tuple(part) if isinstance(part, list) else None, [1, [2]], top_down=False)
    (1, (2,))
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    keys = _keys(structure)
    done = structure if keys is None else _rebuilt(structure, {key: traverse(func, structure[key], top_down) for key in keys})
    found = None if top_down else func(done)
    if found is None:
        return done
    return None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: Any) -> Any:
    """The same structure with tuples for lists.

    >>> lists_to_tuples({"a": [1, [2]]})
    {'a': (1, (2,))}
    """
    return traverse(lambda part: tuple(cast("list[Any]", part)) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """As `map_structure`, a tuple or list of ints and Nones, which is a shape, being a leaf.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (None, 4, 4)]})
    {'a': 2, 'b': [1, 3]}
    """
    keys = None if _is_shape(structure) else _keys(structure)
    if keys is None:
        return func(structure)
    return _rebuilt(structure, {key: map_shape_structure(func, structure[key]) for key in keys})


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raises `ArgumentError` unless the two have the same kinds, lengths and keys; `check_types` has no effect, as in Keras.

    >>> assert_same_structure([(0, 1)], [(2, 3)])
    """
    _map(lambda _: None, (a, b))


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises `ArgumentError` unless the two have the same paths, whatever the kinds of their sequences.

    >>> assert_same_paths([0, 1], (2, 3))
    """
    paths = [dict(flatten_with_path(each)) for each in (a, b)]
    missing = [[path for path in paths[i] if path not in paths[1 - i]] for i in (0, 1)]
    if missing[0] or missing[1]:
        told = [f"only in `{name}`: {shown(each, 200)}" for name, each in zip("ab", missing, strict=True) if each]
        raise ArgumentError("assert_same_paths: `a` and `b` don't have the same paths.", details=told)


def _is_dict(structure: Any) -> bool:
    return isinstance(structure, dict)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(size is None or isinstance(size, int) for size in cast("list[Any]", value))


def _keys(structure: Any) -> list[Any] | None:
    """What leads to the children, in order; None for a leaf."""
    if not is_nested(structure):
        return None
    if not _is_dict(structure):
        return list(range(len(structure)))
    keys = list(structure)
    return keys if isinstance(structure, OrderedDict) else sorted(keys)


def _leaves(structure: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    keys = _keys(structure)
    if keys is None:
        yield path, structure
        return
    for key in keys:
        yield from _leaves(structure[key], (*path, key))


def _rebuilt(structure: Any, children: dict[Any, Any]) -> Any:
    """The children in a structure of the same kind; a dict keeps the order of its keys."""
    kind = cast(Any, type(structure))
    if _is_dict(structure):
        start = [structure.default_factory] if hasattr(structure, "default_factory") else []
        return kind(*start, [(key, children[key]) for key in structure])
    if kind is deque:
        return deque(children.values(), structure.maxlen)
    return alike(structure, list(children.values()))


def _map(func: Callable[[tuple[Any, ...]], Any], structures: tuple[Any, ...], up_to_first: bool = False) -> Any:
    """The first structure with each leaf replaced; `func` takes what all have in that place."""
    first = structures[0]
    keys = _keys(first)
    if keys is None:
        if not up_to_first and any(is_nested(other) for other in structures):
            raise _differ(structures)
        return func(structures)
    if any(_outline(other) != _outline(first) for other in structures[1:]):
        raise _differ(structures)
    return _rebuilt(first, {key: _map(func, tuple(each[key] for each in structures), up_to_first) for key in keys})


def _outline(structure: Any) -> Any:
    """What structures have in common that can be walked together: kind and length, or the keys of dicts of all kinds."""
    if not is_nested(structure):
        return None
    return set(structure) if _is_dict(structure) else (type(structure), len(structure))


def _differ(structures: tuple[Any, ...]) -> ArgumentError:
    return ArgumentError("Structures don't have the same nested structure.", details=[shown(each) for each in structures])


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
