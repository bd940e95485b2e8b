"""Walks: what lies between inputs and outputs, and Keras's order; of any length, at any recursion limit."""

from __future__ import annotations

import contextlib
import copy
import inspect
import pickle
import sys

import pytest
import torch

from layergraph import Input, Model
from layergraph.errors import GraphError
from layergraph.graph.walk import between, keras_order, key
from layergraph.layers import Add, Concatenate, Dense

LONG = 10_000


@contextlib.contextmanager
def little_stack(frames=150):
    """A recursion limit that leaves room for a few calls only."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def names(operations):
    return [operation.name for operation in operations]


def ordered(outputs, inputs):
    return keras_order(outputs, {key(symbol): symbol.node.target for symbol in inputs})


# between


def test_the_nodes_between_are_the_outputs_ancestors_oldest_first():
    a, b = Input((2,)), Input((2,))
    left, right, unused = Dense(2)(a), Dense(2)(b), Dense(2)(a)
    out = Add()([right, left])
    assert between([a, b], [("out", out)]) == [left.node, right.node, out.node]
    assert unused.node not in between([a, b], [("out", out)])
    assert between([a], [("left", left), ("again", left)]) == [left.node]
    assert between([a], [("a", a)]) == []


def test_a_walk_stops_at_the_inputs():
    a = Input((2,))
    middle = Dense(2)(a)
    out = Dense(2)(middle)
    assert between([middle], [("out", out)]) == [out.node]


def test_one_of_several_results_may_be_the_input():
    a = Input((4,))
    left, right = a.split(2, 1)
    out = left * 2
    assert between([left], [("out", out)]) == [out.node]
    with pytest.raises(GraphError):
        between([right], [("out", out)])


def test_an_output_that_depends_on_another_input():
    a, b = Input((2,), name="a"), Input((3,), name="b")
    out = Concatenate()([a, b])
    with pytest.raises(GraphError) as caught:
        between([a], [("outputs", out)])
    line = caught.value.place[1]
    assert str(caught.value).splitlines() == [
        "outputs is not connected to `inputs`: it also depends on Input 'b' of shape (None, 3), which is not among them",
        f'  made at {__file__}:{line - 3}: a, b = Input((2,), name="a"), Input((3,), name="b")',
        f'  at {__file__}:{line}: between([a], [("outputs", out)])',
        "  fix: add that Input to `inputs`, or start from a tensor further down",
    ]


# Keras's order


def test_the_order_of_the_example():
    i = Input((2,), name="i")
    l2 = Dense(2, name="l2")(Dense(2, name="l1")(i))
    r1 = Dense(2, name="r1")(i)
    out = Add(name="sum")([r1, l2])
    assert names(ordered([out], [i])) == ["i", "l1", "r1", "l2", "sum"]


def build_shared():
    i, j = Input((2,), name="i"), Input((2,), name="j")
    shared = Dense(2, name="shared")
    return [Add(name="sum")([shared(i), Dense(2, name="mid")(shared(j))])], [i, j]


def build_unused():
    i, j, k = (Input((2,), name=name) for name in "ijk")
    return [Dense(2, name="d")(j)], [i, j, k]


def build_two_outputs():
    i = Input((2,), name="i")
    a = Dense(2, name="a")(i)
    b = Dense(2, name="b")(a)
    return [b, Dense(2, name="c")(a), a], [i]


def build_identity():
    i, j = Input((2,), name="i"), Input((2,), name="j")
    return [j, i], [i, j]


def build_torch():
    i = Input((2,), name="i")
    return [Dense(2, name="d")(torch.relu(i) + i)], [i]


@pytest.mark.parametrize(
    ("build", "order"),
    [
        (build_shared, ["i", "j", "shared", "mid", "sum"]),
        (build_unused, ["j", "i", "k", "d"]),
        (build_two_outputs, ["i", "a", "b", "c"]),
        (build_identity, ["j", "i"]),
        (build_torch, ["i", "relu", "add", "d"]),
    ],
)
def test_the_order_is_kerass(build, order):
    """As keras 3.15.1 gives it for the same graphs; random ones are in tests/parity/test_orders.py."""
    outputs, inputs = build()
    found = [operation.name if hasattr(operation, "name") else operation.target.__name__ for operation in ordered(outputs, inputs)]
    assert found == order


def test_a_cut_gives_its_own_input():
    a = Input((2,))
    middle = Dense(2, name="first")(a)
    out = Dense(2, name="second")(middle)
    model = Model(middle, out)
    assert names(model.layers) == ["first_output", "second"]


# Length


def chain(length):
    x = entry = Input((1,))
    for _ in range(length):
        x = x + 1
    return entry, x


def test_long_chains_are_walked_without_recursion():
    entry, out = chain(LONG)
    with little_stack():
        nodes = between([entry], [("out", out)])
        operations = ordered([out], [entry])
    assert len(nodes) == LONG
    assert [node.id for node in nodes] == sorted(node.id for node in nodes)
    assert operations == [entry.node.target, *nodes]


def test_a_long_chain_without_its_input_is_refused_without_recursion():
    _, out = chain(LONG)
    with little_stack(), pytest.raises(GraphError) as caught:
        between([Input((1,))], [("out", out)])
    assert str(caught.value).startswith("out is not connected to `inputs`")


def test_a_layer_called_ten_thousand_times():
    x = entry = Input((2,))
    layer = Dense(2)
    for _ in range(LONG):
        x = layer(x)
    with little_stack():
        assert ordered([x], [entry]) == [entry.node.target, layer]


def test_a_ladder_of_skips_takes_no_more_time_than_its_edges():
    """Each rung doubles the number of ways through it: a walk along ways would never end."""
    x = entry = Input((2,))
    for _ in range(2_000):
        x = x + x * 2
    with little_stack():
        assert len(between([entry], [("out", x)])) == 4_000
        assert len(ordered([x], [entry])) == 4_001


def test_a_long_model_runs_copies_and_pickles_without_recursion():
    entry, out = chain(3_000)
    with little_stack():
        model = Model(entry, out)
        value = torch.ones(2, 1)
        wanted = model(value)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(twin(value), wanted)
            assert len(twin.operations) == 3_001
    assert float(wanted[0]) == 3001
