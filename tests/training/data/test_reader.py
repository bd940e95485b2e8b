"""The batches of a loader are taken apart alike on the first, careful way and on the quick one."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers
from layergraph.errors import DataError
from layergraph.training.data.inputs import Inputs
from layergraph.training.data.reader import Reader

X, Y, W = torch.arange(6.0).view(3, 2), torch.ones(3, 1), torch.full((3,), 0.5)
Pair = namedtuple("Pair", "x y")


def two():
    a, b = Input((2,), name="a"), Input((1,), name="b")
    return Model([a, b], layers.Dense(1, name="out")(layers.Concatenate()([a, b])))


def reader(module=None, **words):
    module = module or nn.Linear(2, 1)
    return Reader(Inputs(module), list(getattr(module, "output_names", [])), "loader", **words)


def on_both_ways(read, batch):
    """What `read` gives first, and then again; whether it took the quick way the second time."""
    first = read(batch)
    careful: list[int] = []
    read.taken_apart = lambda b: careful.append(1) or Reader.taken_apart(read, b)
    second = read(batch)
    assert len(first) == len(second)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    return second, not careful


@pytest.mark.parametrize(
    ("module", "batch", "wanted", "quick"),
    [
        (None, X, [X], True),
        (None, (X,), [X], True),
        (None, [X, Y], [X, Y], True),
        (None, (X, Y, W), [X, Y, W], True),
        (None, (X, Y, None), [X, Y], True),
        (None, Pair(X, Y), [X, Y], True),
        (None, (X.double(), Y), [X, Y], True),
        (None, (X.numpy(), Y.numpy()), [X, Y], True),
        (None, (X.numpy().astype("float64"), Y), [X, Y], True),
        (None, (X.numpy()[::-1], Y), [X.flip(0), Y], True),
        (None, (X.numpy().astype(">f4"), Y), [X, Y], False),
        (None, (X, [1.0, 1.0, 1.0]), [X, Y[:, 0]], False),
        (None, (X, X), [X, X], False),
        ("two", ({"b": Y, "a": X}, W), [X, Y, W], True),
        ("two", ((X, Y), W), [X, Y, W], True),
        ("two", {"b": Y, "out": W, "a": X}, [X, Y, W], True),
        ("two", ({"b": Y.numpy(), "a": X.numpy()}, {"out": W}), [X, Y, W], True),
    ],
)
def test_both_ways_give_the_same(module, batch, wanted, quick):
    found, was_quick = on_both_ways(reader(two() if module else None), batch)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert was_quick is quick


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ((X, Y), (X, Y[:2]), "Data cardinality is ambiguous"),
        ((X, Y), (X,), r"batches differ: one had \(1, 1, 0\) inputs, targets and weights, another \(1, 0, 0\)"),
        ((X, Y, None), (X, Y, W), "batches differ"),
        ((X, Y), (X, Y, W, W), "has 4 entries"),
        ((X, Y), (X, torch.tensor(1.0)), "`y` has no axes"),
        ((X, Y), (X, np.array(["a", "b", "c"])), "`y` holds str"),
        ((X, Y), (X, "text"), "Unrecognized data type: `y`"),
        ((X, Y), (None, Y), "has None for x"),
    ],
)
def test_a_later_batch_that_differs_is_told(first, then, said):
    read = reader()
    for _ in range(2):
        read(first)
    with pytest.raises(DataError, match=said):
        read(then)


def test_other_keys_later_are_told():
    read = reader(two())
    for _ in range(2):
        read(({"a": X, "b": Y}, W))
    with pytest.raises(DataError, match="unknown input name 'c'"):
        read(({"a": X, "c": Y}, W))
    with pytest.raises(DataError, match='Missing data for input "b"'):
        read(({"a": X}, W))


def test_another_form_with_the_same_parts_is_let_through():
    read = reader(two())
    for batch in (({"a": X, "b": Y}, W), ((X, Y), W), [[X, Y], W], {"out": W, "b": Y, "a": X}, ({"a": X, "b": Y}, W)):
        found = read(batch)
        assert all(torch.equal(one, other) for one, other in zip(found, [X, Y, W], strict=True))


def test_float64_stays_for_a_double_model():
    found, quick = on_both_ways(reader(double=True), (X.double(), Y.numpy().astype("float64")))
    assert [t.dtype for t in found] == [torch.float64] * 2
    assert quick


def test_the_structure_is_told_and_checked_once():
    told, checked = [], []
    read = reader(check=checked.append)
    read.watch = told.append
    for _ in range(3):
        read((X, Y))
    assert (len(told), len(checked)) == (1, 1)
    assert told[0].ys[0] is Y
