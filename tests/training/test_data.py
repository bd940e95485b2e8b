"""Arrays as flat batches, structures, and what training imports."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from layergraph.errors import DataError
from layergraph.training.data.inputs import Inputs
from layergraph.training.data.sources import Arrays, make_source
from layergraph.training.data.structure import flatten, pack
from layergraph.training.data.targets import plan
from layergraph.training.data.tensors import to_tensor

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize("value", [1, [1, 2], (1, [2, (3,)]), {"b": 1, "a": [2, 3]}, Point(1, {"k": 2}), [], None])
def test_pack_undoes_flatten(value):
    assert pack(value, flatten(value)) == value
    assert type(pack(value, flatten(value))) is type(value)


def test_keys_are_sorted_unless_an_order_is_given():
    assert flatten({"b": 1, "a": 2}) == [2, 1]
    assert flatten({"b": 1, "a": 2}, ["b", "a"]) == [1, 2]
    assert flatten({"b": 1, "a": 2}, ["b", "c"]) == [2, 1]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.zeros(3), torch.float32),
        (np.zeros(3, "float16"), torch.float16),
        (np.zeros(3, ">i4"), torch.int32),
        (np.zeros(3, bool), torch.bool),
        (np.zeros(3, "uint8"), torch.uint8),
        (torch.zeros(3, dtype=torch.float64), torch.float32),
        (torch.zeros(3, dtype=torch.int64), torch.int64),
        (np.broadcast_to(np.float32(1), (3,)), torch.float32),
        (np.zeros(6)[::-2], torch.float32),
        (np.zeros(3, [("a", "i1"), ("b", "f4")])["b"], torch.float32),
    ],
)
def test_dtypes(value, dtype):
    tensor = to_tensor(value, "x")
    assert (tensor.dtype, tuple(tensor.shape)) == (dtype, (3,))
    assert np.array_equal(tensor.numpy(), np.asarray(value, dtype=tensor.numpy().dtype))


def test_a_list_of_numbers_is_one_array():
    source = make_source(nn.Linear(1, 1), np.ones((3, 1)), [1.0, 2.0, 3.0])
    assert torch.equal(source.ys[0], torch.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("size", [1, 3, 7, 10, 64])
@pytest.mark.parametrize("chunk", [1, 4 << 20])
def test_batches_hold_every_sample_once(monkeypatch, size, chunk):
    monkeypatch.setattr("layergraph.training.data.arrays._CHUNK_BYTES", chunk)
    x = torch.arange(20.0).view(10, 2)
    source = make_source(nn.Linear(2, 1), x, x[:, :1], x[:, 0], batch_size=size)
    for order in (None, torch.randperm(10)):
        batches = list(source.batches(order))
        assert len(batches) == source.steps
        assert [len(b[0]) for b in batches[:-1]] == [size] * (len(batches) - 1)
        for i, whole in enumerate((x, x[:, :1], x[:, 0])):
            assert torch.equal(torch.cat([b[i] for b in batches]), whole if order is None else whole[order])


@pytest.mark.parametrize(
    ("structure", "names", "expected"),
    [
        ("y", ["a"], [0]),
        (["y"], ["a"], [0]),
        ({"a": "y"}, ["a"], [0]),
        (["y", "z"], ["a", "b"], [0, 1]),
        ({"b": "y", "a": "z"}, ["b", "a"], [1, 0]),
        ((["y"], ["z"]), ["a", "b"], [0, 1]),
        (None, ["a", "b"], [None, None]),
        (["y", None], ["a", "b"], [0, None]),
    ],
)
def test_targets_find_their_outputs(structure, names, expected):
    assert plan(structure, names, [], "y") == expected


def test_inputs_of_plain_modules():
    class Many(nn.Module):
        def forward(self, *tensors): ...

    class Some(nn.Module):
        def forward(self, a, b=None, *, flag=True): ...

    x = torch.ones(2, 1)
    assert len(Inputs(Many()).flatten([x, x, x])) == 3
    assert len(Inputs(Some()).flatten(x)) == 1
    assert len(Inputs(Some()).flatten({"b": x, "a": x})) == 2
    with pytest.raises(DataError, match="`x` has 3 arrays, but the model takes 1: a, b"):
        Inputs(Some()).flatten([x, x, x])
    with pytest.raises(DataError, match="`x` is nested more than one level deep"):
        Arrays(Inputs(Many()), [x, [x]])


def test_importing_training_loads_nothing_heavy():
    rooms = ", ".join(f"layergraph.{room}" for room in ("training", "losses", "metrics", "optimizers", "callbacks"))
    code = f"import sys, torch; before = set(sys.modules); import {rooms}; print({{m.split('.')[0] for m in set(sys.modules) - before}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "tqdm" not in loaded
    assert "torchmetrics" not in loaded
