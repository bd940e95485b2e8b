"""Which target and which weight belongs to which output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import DataError, suggestion
from ...kinds import is_mapping
from .inputs import arrays
from .structure import flatten, is_nested, keys_of


def plan(structure: Any, names: Sequence[str], needed: Sequence[int], what: str) -> list[int | None]:
    """For each output, which leaf of `structure` (targets or weights) belongs to it, of those that are not None.

    Args:
        structure: what the user passed.
        names: the outputs.
        needed: the outputs that have a loss or a metric.
        what: 'y' or 'sample_weight', for the messages.
    """
    leaves = flatten(structure)
    if structure is None or all(leaf is None for leaf in leaves):
        return [None] * len(names)
    given = [i for i, leaf in enumerate(leaves) if leaf is not None]
    return [given.index(place) if place in given else None for place in _places(structure, leaves, names, needed, what)]


def _places(structure: Any, leaves: list[Any], names: Sequence[str], needed: Sequence[int], what: str) -> list[int | None]:
    if is_mapping(structure) and not (len(leaves) == len(names) and any(is_nested(value) for value in structure.values())):
        return _plan_mapping(structure, names, needed, what)
    if len(leaves) == len(names):
        return [None if leaf is None else i for i, leaf in enumerate(leaves)]
    if not is_nested(structure) and what == "sample_weight":
        return [0] * len(names)
    if len(leaves) == len(needed):
        found: list[int | None] = [None] * len(names)
        for leaf, output in enumerate(needed):
            found[output] = leaf
        return found
    raise DataError(
        f"y_true and y_pred have different structures: `{what}` has {len(leaves)} {arrays(len(leaves))}, but the model has "
        f"{len(names)} {'output' if len(names) == 1 else 'outputs'}: {', '.join(names)}",
        f"pass a dict by output name, {{{', '.join(f'{n!r}: ...' for n in names)}}}" if len(names) > 1 else None,
    )


def _plan_mapping(structure: Mapping[str, Any], names: Sequence[str], needed: Sequence[int], what: str) -> list[int | None]:
    check_output_keys(structure, names, what)
    keys = keys_of(structure)
    counts = [len(flatten(structure[key])) for key in keys]
    if any(count != 1 for count in counts):
        raise DataError(f"`{what}` is nested more than one level deep", "pass one array for each output name")
    missing = [names[i] for i in needed if names[i] not in structure]
    if missing and what == "y":
        raise DataError(
            f"`y` has no target for output {missing[0]!r}, which has a loss or a metric; it has {', '.join(map(repr, keys))}",
            f"add {missing[0]!r} to the dict",
        )
    return [keys.index(name) if structure.get(name) is not None else None for name in names]


def check_output_keys(given: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    """Raises for a key that is no output."""
    for key in given:
        if key not in names:
            raise DataError(
                f"`{what}` has an unknown output name {key!r}; the model's outputs are {', '.join(map(repr, names))}",
                suggestion(key, names) or f"use one of {', '.join(map(repr, names))}",
            )
