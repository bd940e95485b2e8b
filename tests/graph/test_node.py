"""Nodes: frozen, compared by identity, older than whatever uses them."""

from __future__ import annotations

import gc
import linecache
import weakref
from dataclasses import FrozenInstanceError

import pytest
import torch

from layergraph import Input
from layergraph.graph.node import Node
from layergraph.layers import Dense


def chain(length):
    x = Input((2,))
    for _ in range(length):
        x = x + 1
    return x


def test_a_parent_is_older_than_its_children():
    x, y = Input((2,)), Input((2,))
    z = torch.cat([x, y + x], 1)
    assert x.node.id < y.node.id < z.node.parents[1].node.id < z.node.id
    assert all(parent.node.id < z.node.id for parent in z.node.parents)


def test_a_node_is_frozen_and_itself():
    node = (Input((2,)) + 1).node
    with pytest.raises(FrozenInstanceError):
        node.target = torch.sub
    twin = Node(node.op, node.target, node.args, node.kwargs, node.parents, node.place)
    assert twin != node
    assert twin.id > node.id
    assert len({node, twin, node}) == 2
    assert not hasattr(node, "__dict__")


def test_the_owner_is_the_layer_or_the_call_itself():
    layer, x = Dense(3), Input((2,))
    once, again = layer(x).node, layer(x).node
    assert once is not again
    assert once.owner is again.owner is layer
    assert x.node.owner is x.node.target
    added = (x + 1).node
    assert added.owner is added


def test_a_node_knows_the_users_line():
    node = (Input((2,)) + 1).node
    assert node.place[0] == __file__
    assert linecache.getline(*node.place).strip() == "node = (Input((2,)) + 1).node"


def test_nothing_recurses_through_a_long_chain():
    end = chain(10_000)
    assert len(repr(end.node)) < 200
    assert len(repr(end)) < 200
    assert hash(end.node) == hash(end.node)
    assert end.node == end.node
    gc.collect()
    first = weakref.ref(end.node.parents[0].node)
    del end
    gc.collect()
    assert first() is None
