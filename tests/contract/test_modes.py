"""Modes: `training=` holds for one call and leaks nowhere, and what is frozen stays in inference."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import pytest
import torch

from layergraph import Input, Model, Sequential, layers, models
from layergraph.modes import THAWED, all_modules

from .rows import ROWS, Row
from .running import arguments, built, equal, listed, symbols, values

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.layer)
MODES = [*itertools.product((False, True), repeat=2)]


def modes_of(*roots: Any) -> list[Any]:
    return [(module.training, module.__dict__.get(THAWED)) for root in roots for module in all_modules(root)]


def state_of(module: Any) -> list[torch.Tensor]:
    """All but torch's count of batches, which no layer of ours uses and `F.batch_norm(training=True)` leaves alone."""
    return [tensor.detach().clone() for tensor in (*module.parameters(), *module.buffers()) if tensor.is_floating_point()]


def call(row: Row, layer: Any, inputs: Any, **words: Any) -> list[Any]:
    args, named = arguments(row, inputs)
    torch.manual_seed(0)
    with torch.no_grad():
        return listed(layer(*args, **named, **words))


def recorded(row: Row, layer: Any, **words: Any) -> Any:
    ins = symbols(row)
    args, named = arguments(row, ins)
    return Model(ins, listed(layer(*args, **named, **words)))


@every_row
@pytest.mark.parametrize(("mode", "asked"), MODES)
def test_a_mode_for_one_call(row: Row, mode: bool, asked: bool) -> None:
    """On tensors, in a graph, of a model, and of a model in a model: the numbers of that mode, and all modes as they were."""
    inputs = values(row, 4)
    fresh = built(row)

    def expect(call_it: Any, *roots: Any) -> None:
        for root in roots:
            root.train(mode)
        twin = copy.deepcopy(fresh).train(asked)
        wanted = call(row, twin, inputs)
        before = modes_of(*roots)
        drawn = torch.get_rng_state()
        equal(call_it(), wanted)
        assert modes_of(*roots) == before
        equal(state_of(roots[0]), state_of(twin))
        if row.random:
            assert torch.equal(torch.get_rng_state(), drawn)  # as far as without `training=`, in that mode

    layer = copy.deepcopy(fresh)
    expect(lambda: call(row, layer, inputs, training=asked), layer)
    layer = copy.deepcopy(fresh)
    model = recorded(row, layer, training=asked)
    expect(lambda: seeded(model, inputs), layer, model)
    layer = copy.deepcopy(fresh)
    inner = recorded(row, layer)
    expect(lambda: seeded(inner, inputs, training=asked), layer, inner)
    layer = copy.deepcopy(fresh)
    inner = recorded(row, layer)
    ins = symbols(row)
    outer = Model(ins, inner(*ins))
    expect(lambda: seeded(outer, inputs, training=asked), layer, outer)
    layer = copy.deepcopy(fresh)
    inner = recorded(row, layer)
    ins = symbols(row)
    outer = Model(ins, inner(ins, training=asked))
    expect(lambda: seeded(outer, inputs), layer, outer)


def seeded(model: Any, inputs: Any, **words: Any) -> list[Any]:
    torch.manual_seed(0)
    with torch.no_grad():
        return listed(model(*inputs, **words))


# ------------------------------------------------------------------------------------------------------------- frozen


class Block(layers.Layer):
    """A user's layer with a BatchNormalization in it."""

    def __init__(self, norm: Any, **words: Any) -> None:
        super().__init__(**words)
        self.norm = norm

    def call(self, x: Any) -> Any:
        return self.norm(x)


class Net(Model):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.body = Block(norm)

    def call(self, x: Any) -> Any:
        return self.body(x) * 2


def _functional(norm: Any) -> Any:
    x = Input((5, 4))
    return Model(x, norm(x))


def _nested(norm: Any) -> Any:
    x = Input((5, 4))
    return Model(x, _functional(norm)(x))


def _held(make: Any) -> Any:
    def model(norm: Any) -> Any:
        x = Input((5, 4))
        return Model(x, make(norm)(x))

    return model


class Plain(torch.nn.Module):
    """A module of torch's around a layer."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


PARENTS = {
    "Functional": _functional,
    "nested Functional": _nested,
    "Sequential": lambda norm: Sequential([Input((5, 4)), norm]),
    "Sequential, not built": lambda norm: Sequential([norm]),
    "Sequential in Sequential": lambda norm: Sequential([Input((5, 4)), Sequential([norm])]),
    "subclassed": Net,
    "a user's layer": Block,
    "a user's layer in a graph": _held(Block),
    "torch.nn.Sequential": torch.nn.Sequential,
    "a module": Plain,
    "TimeDistributed": _held(layers.TimeDistributed),
    "TimeDistributed, eager": layers.TimeDistributed,
    "Pipeline": _held(lambda norm: layers.Pipeline([norm])),
    "Pipeline, eager": lambda norm: layers.Pipeline([norm]),
    "Wrapper": _held(layers.Wrapper),
    "a wrapped module": _held(lambda norm: layers.TorchModuleWrapper(Plain(norm))),
}
NO_JSON = {"subclassed", "a user's layer", "a user's layer in a graph", "torch.nn.Sequential", "a module", "a wrapped module"}
WAYS = {
    "itself": lambda parent: parent,
    "deepcopy": copy.deepcopy,
    "pickle": lambda parent: pickle.loads(pickle.dumps(parent)),
}


def _norm_in(parent: Any) -> Any:
    return next(module for module in all_modules(parent) if isinstance(module, torch.nn.modules.batchnorm._BatchNorm))


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("way", WAYS)
def test_frozen_normalization_stays_in_inference(parent: str, way: str) -> None:
    x = torch.linspace(-1, 3, 40).reshape(2, 5, 4)
    norm = layers.BatchNormalization(momentum=0.5)
    whole = PARENTS[parent](norm)
    norm.trainable = False
    if not norm.built:
        whole(x)
    whole = WAYS[way](whole).train()
    before = state_of(whole)
    wanted = copy.deepcopy(whole).eval()(x)
    for _ in range(2):
        equal(whole.train()(x), wanted)
        equal(whole.eval()(x), wanted)
    if isinstance(whole, layers.Layer):
        equal(whole(x, training=True), wanted)
    assert not _norm_in(whole.train()).training
    equal(state_of(whole), before)


@pytest.mark.parametrize("parent", PARENTS)
def test_a_normalization_that_thaws_trains_again(parent: str) -> None:
    x = torch.linspace(-1, 3, 40).reshape(2, 5, 4)
    norm = layers.BatchNormalization(momentum=0.5)
    whole = PARENTS[parent](norm)
    whole(x)
    norm.trainable = False
    whole.train()
    before = state_of(whole)
    norm.trainable = True
    assert _norm_in(whole).training
    whole(x)
    assert not torch.equal(state_of(whole)[2], before[2])
    norm.trainable = False
    whole.eval()
    norm.trainable = True
    assert not _norm_in(whole).training  # the mode that it would have had


@pytest.mark.parametrize("parent", sorted(set(PARENTS) - NO_JSON))
def test_a_model_of_a_file_is_as_frozen(parent: str) -> None:
    x = torch.linspace(-1, 3, 40).reshape(2, 5, 4)
    norm = layers.BatchNormalization(trainable=False)
    whole = PARENTS[parent](norm)
    if not isinstance(whole, Model):
        return
    whole(x)
    again = models.model_from_json(whole.to_json())
    again(x)
    before = state_of(again)
    again.train()(x)
    equal(state_of(again), before)
