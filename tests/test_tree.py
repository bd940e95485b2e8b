"""What the goldens cannot show of nested structures: kinds that are kept, and errors in full. Results: `parity/test_rooms.py`."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph import tree
from layergraph.errors import ArgumentError

Point = namedtuple("Point", ["x", "y"])
leaves = st.integers() | st.none() | st.text(max_size=2)
nests = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(deque)
        | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
        | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3).map(OrderedDict)
        | st.tuples(inner, inner).map(lambda pair: Point(*pair))
    ),
    max_leaves=12,
)


def kinds(structure: Any) -> list[type]:
    found: list[type] = []
    tree.traverse(lambda part: found.append(type(part)), structure)
    return found


@given(nests)
def test_packing_undoes_flattening(structure: Any):
    packed = tree.pack_sequence_as(structure, tree.flatten(structure))
    assert packed == structure
    assert kinds(packed) == kinds(structure)


@given(nests)
def test_paths_lead_to_the_leaves(structure: Any):
    pairs = tree.flatten_with_path(structure)
    assert [leaf for _, leaf in pairs] == tree.flatten(structure)
    for path, leaf in pairs:
        found = structure
        for key in path:
            found = found[key]
        assert found is leaf


@given(nests)
def test_mapping_keeps_the_structure(structure: Any):
    mapped = tree.map_structure(lambda a, b: (a, b) if a != b else "same", structure, structure)
    tree.assert_same_structure(structure, mapped)
    assert set(tree.flatten(mapped)) <= {"same"}


def test_kinds_are_kept():
    counts = defaultdict(list, b=1, a=2)
    mapped = tree.map_structure(str, [counts, deque([1], maxlen=3)])
    assert mapped[0].default_factory is list
    assert list(mapped[0]) == ["b", "a"]  # the keys stay in their order, and are visited in sorted order
    assert mapped[1].maxlen == 3
    assert tree.flatten(counts) == [2, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tree.map_structure(lambda a, b: a, [1, [2]], [1, (2,)]),
            "Structures don't have the same nested structure.\n  [2]\n  (2,)\n  at {place}",
        ),
        (
            lambda: tree.assert_same_paths({"a": 1}, {"b": 1}),
            "assert_same_paths: `a` and `b` don't have the same paths.\n  only in `a`: [('a',)]\n  only in `b`: [('b',)]\n  at {place}",
        ),
        (lambda: tree.pack_sequence_as([0], [1, 2]), "pack_sequence_as: the structure has 1 leaves, got 2 items\n  at {place}"),
        (lambda: tree.map_structure(str), "map_structure: Must provide at least one structure\n  at {place}"),
    ],
)
def test_wrong_use(make: Any, message: str):
    with pytest.raises(ArgumentError) as caught:
        make()
    error = caught.value
    assert error.place is not None
    assert error.place[0] == __file__
    assert str(error).splitlines()[:-1] == message.splitlines()[:-1]
