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
from layergraph.saving import register_keras_serializable

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


class Kernelled(layers.Layer):
    """A layer with a kernel, for SpectralNormalization, around a normalization."""

    def __init__(self, norm: Any, **words: Any) -> None:
        super().__init__(**words)
        self.norm = norm

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], input_shape[-1]), name="kernel")
        self.norm.build(input_shape)

    def call(self, x: Any) -> Any:
        return self.norm(x @ self.kernel)


@register_keras_serializable("test_modes")
class NormCell(layers.Layer):
    """A cell of a recurrent layer around a normalization."""

    state_size = 4

    def __init__(self, norm: Any, **words: Any) -> None:
        super().__init__(**words)
        self.norm = norm

    def build(self, input_shape: Any) -> None:
        self.norm.build(input_shape)

    def call(self, x: Any, states: Any) -> Any:
        y = self.norm(x) + states[0]
        return y, [y]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "norm": self.norm.get_config()}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        return cls(**{**config, "norm": layers.BatchNormalization.from_config(config["norm"])})


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
    "SpectralNormalization": lambda norm: layers.SpectralNormalization(Kernelled(norm)),
    "RNN": lambda norm: layers.RNN(NormCell(norm)),
    "Bidirectional": lambda norm: layers.Bidirectional(layers.RNN(NormCell(norm))),
    "a wrapped module": _held(lambda norm: layers.TorchModuleWrapper(Plain(norm))),
}
WAYS = {
    "itself": lambda parent: parent,
    "deepcopy": copy.deepcopy,
    "pickle": lambda parent: pickle.loads(pickle.dumps(parent)),
}


def _norms_in(parent: Any) -> list[Any]:
    """torch's modules: a graph holds no layers."""
    return [module for module in all_modules(parent) if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]


def frozen_in(parent: str, norm: Any, x: torch.Tensor) -> tuple[Any, list[Any]]:
    """The parent around a normalization, which is frozen alone. Bidirectional has made itself two others."""
    whole = PARENTS[parent](norm)
    whole(x)
    held = [module for module in whole.modules() if isinstance(module, layers.BatchNormalization)] or [norm]
    for each in held:
        each.trainable = False
    return whole, held


X = torch.linspace(-1, 3, 40).reshape(2, 5, 4)


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize("way", WAYS)
def test_frozen_normalization_stays_in_inference(parent: str, way: str) -> None:
    whole, _ = frozen_in(parent, layers.BatchNormalization(momentum=0.5), X)
    whole = WAYS[way](whole).train()
    norms = _norms_in(whole)
    before = [state_of(norm) for norm in norms]
    wanted = copy.deepcopy(whole).eval()(X)
    calls = [lambda: whole.train()(X), lambda: whole.eval()(X)]
    if isinstance(whole, layers.Layer):
        calls.append(lambda: whole(X, training=True))
    for call_it in calls:
        result = call_it()
        if parent != "SpectralNormalization":  # it changes its kernel
            equal(result, wanted)
    assert norms
    assert not any(norm.training for norm in _norms_in(whole.train()))
    assert [list(map(torch.Tensor.tolist, state_of(norm))) for norm in norms] == [list(map(torch.Tensor.tolist, each)) for each in before]


@pytest.mark.parametrize("parent", PARENTS)
def test_a_normalization_that_thaws_trains_again(parent: str) -> None:
    whole, held = frozen_in(parent, layers.BatchNormalization(momentum=0.5), X)
    whole.train()
    before = [norm.running_mean.clone() for norm in _norms_in(whole)]
    for each in held:
        each.trainable = True
    assert all(norm.training for norm in _norms_in(whole))
    whole(X)
    assert not any(torch.equal(norm.running_mean, old) for norm, old in zip(_norms_in(whole), before, strict=True))
    for each in held:
        each.trainable = False
    whole.eval()
    for each in held:
        each.trainable = True
    assert not any(norm.training for norm in _norms_in(whole))  # the mode that it would have had


GRAPHS = (*list(PARENTS)[:5], "TimeDistributed", "Pipeline", "Wrapper")


@pytest.mark.parametrize("parent", GRAPHS)
def test_a_model_of_a_file_is_as_frozen(parent: str) -> None:
    whole, _ = frozen_in(parent, layers.BatchNormalization(trainable=False), X)
    again = models.model_from_json(whole.to_json())
    again(X)
    before = state_of(again)
    again.train()(X)
    equal(state_of(again), before)
    assert len(before) == 4
