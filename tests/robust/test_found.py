"""What the random graphs, and looking for leaks, have found: each once, small."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from layergraph import Input, Model, layers
from layergraph.layers import Dense, Layer


class Block(Layer):
    units: int = 4

    def build(self, input_shape: Any) -> None:
        self.dense = Dense(self.units)

    def call(self, x: Tensor) -> Tensor:
        return torch.tanh(self.dense(x))


def inner() -> Model:
    """A model in which a layer's output meets its input."""
    x = Input((None, 3))
    return Model(x, layers.ReLU()(x) + x)


def test_a_layer_with_fields_may_make_its_sublayers_in_build() -> None:
    """Settling it asked the sub-layers, not built yet, for their weights."""
    x = Input((3,))
    model = Model(x, Block(units=2)(x))
    assert model(torch.ones(1, 3)).shape == (1, 2)
    assert sorted(model.state_dict()) == ["block.dense.bias", "block.dense.weight"]
    assert Block(units=2)(torch.ones(1, 3)).shape == (1, 2)


@pytest.mark.parametrize("move", [lambda m: m.double(), lambda m: m.to(torch.float64), lambda m: m.half().double()])
def test_a_model_without_weights_moves_with_the_model_around_it(move: Any) -> None:
    """It took its inputs back to float32, and the next layer refused them."""
    y = Input((3,))
    inner = Model(y, torch.tanh(y) * torch.tensor([1.0, 2.0, 3.0]))
    x = Input((3,))
    middle = Dense(3)
    model = move(Model(x, Dense(2)(inner(middle(x)))))
    value = torch.ones(1, 3, dtype=torch.float64)
    assert model(value).dtype is torch.float64
    assert torch.equal(inner(value), torch.tanh(value) * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    assert model.float()(value).dtype is torch.float32
    assert inner(value).dtype is torch.float32


def test_a_refused_torch_function_leaves_no_frames() -> None:
    """The error of the probe held the frame that held the error."""

    class Held:
        pass

    def wrong() -> weakref.ref[Held]:
        held = Held()
        with pytest.raises(ValueError, match="matmul"):
            torch.matmul(Input((3,)), Input((4,)))
        return weakref.ref(held)

    gc.collect()
    gc.disable()
    try:
        assert wrong()() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_knows_all_calls_of_a_layer(copied: Any) -> None:
    shared = Dense(3)
    x = Input((3,))
    model = copied(Model(x, shared(shared(shared(x)))))
    calls = model.layers[1].calls
    assert len(calls) == 3
    assert [call.parents[0].node for call in calls[1:]] == calls[:2]
    assert Model(model.inputs, model.layers[1].output)(torch.ones(1, 3)).shape == (1, 3)


@pytest.mark.parametrize("layer", [lambda: Dense(3), layers.BatchNormalization, lambda: layers.Conv1D(3, 3, padding="same"), inner])
def test_a_layer_s_output_has_the_sizes_of_an_input_that_is_twice_as_long(layer: Any) -> None:
    """What is declared was taken to be as long as the Input, and the sum with what the layer was called on was refused."""
    x = Input((None, 3))
    twice = torch.cat([x, x], 1)
    model = Model(x, twice * layer()(twice)).eval()
    assert model.output_shape == (None, None, 3)
    assert model(torch.ones(2, 5, 3)).shape == (2, 10, 3)
    with pytest.raises(ValueError, match="broadcast"):
        x * layer()(twice)


def test_a_summary_shows_a_size() -> None:
    """It asked the number for its shape."""
    x = Input((None, 3))
    lines: list[str] = []
    Model(x, x / x.size(1)).summary(print_fn=lines.append)
    assert "a size" in "\n".join(lines)
