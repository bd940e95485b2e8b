"""Nests of lists, tuples and dicts, read as Keras reads them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections import OrderedDict, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.errors import SymbolicError
from layergraph.graph.structure import Attribute, Fields, NoTensor, at_path, fields_of, leaves, leaves_with_path, map_leaves

Pair = namedtuple("Pair", "left right")
NESTS = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("nest", "flat"),
    [
        (1, [1]),
        (None, [None]),
        ("text", ["text"]),
        ([], []),
        ([1, (2, [3])], [1, 2, 3]),
        ({"b": 1, "a": 2}, [2, 1]),
        ({"b": [1, 2], "a": {"d": 3, "c": 4}}, [4, 3, 1, 2]),
        (Pair(1, [2]), [1, 2]),
    ],
)
def test_leaves(nest, flat):
    assert leaves(nest) == flat


def test_paths():
    nest = {"b": [10, 20], "a": (30,)}
    assert list(leaves_with_path(nest)) == [(("a", 0), 30), (("b", 0), 10), (("b", 1), 20)]


@given(NESTS)
def test_a_path_leads_to_its_leaf(nest):
    for path, leaf in leaves_with_path(nest):
        assert at_path(nest, path) is leaf


@given(NESTS)
def test_map_keeps_the_nest_and_visits_the_leaves_in_order(nest):
    seen = []

    def visit(leaf):
        seen.append(leaf)
        return leaf

    mapped = map_leaves(visit, nest)
    assert mapped == nest
    assert repr(mapped) == repr(nest)  # the dicts' own order of keys, and tuples stay tuples
    assert seen == leaves(nest)


def test_map_keeps_named_tuples():
    mapped = map_leaves(lambda leaf: leaf + 1, {"p": Pair(1, (2,))})
    assert mapped == {"p": Pair(2, (3,))}
    assert type(mapped["p"]) is Pair


@dataclasses.dataclass
class Result:
    left: int
    right: int | None = None
    values: int = 3


def test_named_fields_are_read_in_three_ways():
    found = fields_of(Result(1))
    assert (found.left, found["left"], found[0], found[-1], found[:1], found["values"]) == (1, 1, 1, 3, (1,), 3)
    assert found.right is None
    assert found.to_tuple() == (1, 3)
    assert list(found) == ["left", "values"]
    assert all(type(key) is Attribute for key in found)
    with pytest.raises(AttributeError, match="Result has no attribute 'lift': it has left, values"):
        _ = found.lift
    with pytest.raises(KeyError, match="Result has no 'lift': it has left, values"):
        _ = found["lift"]


def test_fields_stay_fields():
    found = fields_of(OrderedDict(b=1, a=2))
    for each in (map_leaves(lambda leaf: leaf + 1, found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert type(each) is Fields
        assert each.kind == "OrderedDict"
        assert list(each) == ["b", "a"]
    assert [fields_of(value) for value in ({"a": 1}, (1, 2), [1], 3, None, Result)] == [None] * 6


@pytest.mark.parametrize("use", [lambda v: v.x, lambda v: v[0], list, len, bool, lambda v: v()], ids="x item iter len bool call".split())
def test_what_is_no_tensor_refuses_every_use(use):
    value = NoTensor("Net gave int")
    with pytest.raises(SymbolicError, match="Net gave int, and a graph holds tensors only"):
        use(value)
    assert repr(pickle.loads(pickle.dumps(value))) == "<Net gave int>"
