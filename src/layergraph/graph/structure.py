"""Nested lists, tuples and dicts, as Keras reads them: dict keys in sorted order, None a leaf."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from layergraph.errors import SymbolicError
from layergraph.kinds import is_dict, is_mapping, is_sequence

Path = tuple[int | str, ...]


class Attribute(str):
    """A step of a path that is read as an attribute, `result.logits`, and not as an item."""

    __slots__ = ()


class Fields(dict[str, Any]):
    """A result with named fields, as a module of somebody else's gives it: a dataclass, an OrderedDict with attributes, ...

    Each field can be read in all three ways that such classes know: `out.logits`, `out["logits"]`, `out[0]`; a field named
    as a method of dict is, `values` say, by its key alone. `kind` is the name of the class, `absent` are fields without a key.
    """

    kind = "result"
    absent: frozenset[str] = frozenset()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice) or (isinstance(key, int) and key not in self):
            return tuple(self.values())[cast(Any, key)]
        if key not in self:
            raise KeyError(f"{self.kind} has no {key!r}: it has {', '.join(self)}")
        return super().__getitem__(cast(Any, key))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self and name not in self.absent:
            raise AttributeError(f"{self.kind} has no attribute {name!r}: it has {', '.join(self)}")
        return self.get(name)

    def like(self, items: Mapping[str, Any]) -> Fields:
        """The same fields with other values."""
        twin = Fields(items)
        twin.kind, twin.absent = self.kind, self.absent
        return twin

    def to_tuple(self) -> tuple[Any, ...]:
        """The values in order, without what is None."""
        return tuple(value for value in self.values() if value is not None)


class NoTensor:
    """What a module gave that is no tensor, and so cannot be in a graph: any use of it says so.

    Args:
        what: who gave what, `L 'mine': call() gave None`.
        fix: what to type instead.
        details: further lines.
    """

    __slots__ = ("details", "fix", "what")

    def __init__(self, what: str, fix: str = "use it inside a custom Layer's call()", details: tuple[str, ...] = ()):
        self.what, self.fix, self.details = what, fix, details

    def refuse(self, *args: Any) -> Any:
        raise SymbolicError(f"{self.what}, and a graph holds tensors only", self.fix, details=self.details)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.refuse()

    __getitem__ = __iter__ = __len__ = __bool__ = __call__ = refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return NoTensor, (self.what, self.fix, self.details)

    def __repr__(self) -> str:
        return f"<{self.what}>"


def fields_of(value: Any) -> Fields | None:
    """What a result with named fields has in them; None for anything else."""
    declared = (
        [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) and not isinstance(value, type) else []
    )
    if isinstance(value, Mapping):
        found = None if type(cast(object, value)) is dict else Fields(cast("Mapping[str, Any]", value))
    else:
        items = {Attribute(name): getattr(value, name) for name in declared}
        found = Fields({name: item for name, item in items.items() if item is not None}) if declared else None
    if found is not None:
        found.kind, found.absent = type(cast(object, value)).__name__, frozenset(declared).difference(found)
    return found


def leaves(value: Any) -> list[Any]:
    """The leaves of a nest, dicts by sorted key."""
    return [leaf for _, leaf in leaves_with_path(value)]


def leaves_with_path(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, leaf) for each leaf of a nest, dicts by sorted key."""
    if is_dict(value):
        for key in sorted(value):
            yield from leaves_with_path(value[key], (*path, key))
    elif is_sequence(value):
        for index, item in enumerate(value):
            yield from leaves_with_path(item, (*path, index))
    else:
        yield path, value


def map_leaves(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nest with each leaf replaced, slices entered too; dicts keep the order of their keys, and are visited in sorted order."""
    if isinstance(value, slice):
        return slice(map_leaves(function, value.start), map_leaves(function, value.stop), map_leaves(function, value.step))
    if is_dict(value):
        done = {key: map_leaves(function, value[key]) for key in sorted(value)}
        return of_kind(value, {key: done[key] for key in value})
    if is_sequence(value):
        return alike(value, [map_leaves(function, item) for item in value])
    return function(value)


def of_kind(mapping: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    """The items in a dict of the same kind."""
    return mapping.like(items) if isinstance(mapping, Fields) else items


def alike(sequence: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    """The items in a sequence of the same kind: a list, a tuple, a named tuple, or what `torch.max(x, 1)` gives."""
    if isinstance(sequence, list):
        return items
    kind = type(sequence)
    if hasattr(kind, "_fields"):
        return kind(*items)
    return kind(items) if hasattr(kind, "n_sequence_fields") else tuple(items)


def at_path(value: Any, path: Path) -> Any:
    """The item of a nest at a path; a value that records, an fx node say, gets an attribute's name through its `attribute`."""
    for key in path:
        value = value.attribute(str(key)) if type(key) is Attribute and _records(value) else value[key]
    return value


def _records(value: object) -> bool:
    return hasattr(type(value), "attribute")


def flat(value: Any) -> Iterator[Any]:
    """Every item of nested lists, tuples and dicts, and of slices."""
    items: Iterable[Any]
    if is_mapping(value):
        items = value.values()
    elif isinstance(value, slice):
        items = [value.start, value.stop, value.step]
    elif is_sequence(value):
        items = value
    else:
        yield value
        return
    for item in items:
        yield from flat(item)
