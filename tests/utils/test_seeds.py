"""The seed of everything, and the Inputs behind a symbol."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
import torch

from layergraph import Input, Model, layers
from layergraph.errors import ArgumentError
from layergraph.utils import get_source_inputs, is_keras_tensor, set_random_seed


def trained() -> list[np.ndarray]:
    x = Input((4,))
    model = Model(x, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(8, activation="relu")(x))))
    model.compile("adam", loss="mse")
    model.fit(np.random.rand(64, 4), np.random.rand(64, 1), epochs=2, verbose=0)
    return [*model.get_weights(), np.array(random.random())]


def test_a_seed_settles_a_whole_training():
    set_random_seed(5)
    first = trained()
    set_random_seed(5)
    assert all(np.array_equal(a, b) for a, b in zip(first, trained(), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, trained(), strict=True))


def test_the_first_layer_of_a_class_draws_what_the_next_one_draws():
    class Fresh(layers.Dense):
        pass

    states = []
    for _ in range(2):
        set_random_seed(5)
        Fresh(3)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("seed", ["a", -1, 2**32, 1.0])
def test_a_seed_is_what_numpy_takes(seed):
    with pytest.raises(ArgumentError, match=r"set_random_seed: wanted an integer from 0 to 2\*\*32 - 1, got"):
        set_random_seed(seed)


def test_the_inputs_of_a_nested_model():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    inner = Model(a, layers.Dense(2)(a))
    assert [each.name for each in get_source_inputs(torch.cat([inner(b), inner(b)], 1))] == ["b"]
    (source,) = get_source_inputs(a)
    assert source is a


def test_a_wide_graph_is_walked_once():
    """Each layer adds its input to itself: 2**200 ways lead to the Input."""
    x = start = Input((2,), name="start")
    for _ in range(200):
        x = layers.Add()([x, x])
    began = time.perf_counter()
    assert [each.name for each in get_source_inputs(x)] == ["start"]
    assert time.perf_counter() - began < 1
    assert is_keras_tensor(x)
    assert is_keras_tensor(start)


def test_no_symbol():
    with pytest.raises(ArgumentError, match="get_source_inputs: wanted a symbol, got <Tensor of shape"):
        get_source_inputs(torch.ones(2))
