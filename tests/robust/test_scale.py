"""Deep, wide and tangled models at the default recursion limit, each in linear time. `tests/bench/bench_scale.py` has 10,000 layers."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from layergraph import Input, Model, Sequential, layers, models

DEPTH = 2000


@pytest.fixture(autouse=True)
def _limit_untouched() -> Any:
    limit = sys.getrecursionlimit()
    assert limit <= 1000
    yield
    assert sys.getrecursionlimit() == limit


@pytest.fixture(scope="module")
def chain() -> Model:
    first = x = Input((4,))
    for number in range(DEPTH // 2):
        x = torch.tanh(layers.Dense(4, name=f"dense_{number}")(x) * 0.5 + x)
    return Model(first, x).eval()


VALUE = torch.linspace(-1, 1, 12).reshape(3, 4)
PAGE: list[str] = []

CHAIN: dict[str, Callable[[Model], Any]] = {
    "call": lambda model: model(VALUE),
    "mode": lambda model: model(VALUE, training=True),
    "backward": lambda model: model(VALUE).sum().backward(),
    "state_dict": lambda model: model.state_dict(),
    "weights": lambda model: model.set_weights(model.get_weights()),
    "train": lambda model: model.train().eval(),
    "freeze": lambda model: [setattr(model, "trainable", each) for each in (False, True)],
    "move": lambda model: model.double().float(),
    "repr": lambda model: repr(model),
    "summary": lambda model: model.summary(print_fn=PAGE.append),
    "count": lambda model: model.count_params(),
    "shape": lambda model: model.compute_output_shape((7, 4)),
    "get_layer": lambda model: [model.get_layer(f"dense_{i}") for i in range(0, DEPTH // 2, 100)],
    "nested": lambda model: Model(x := Input((4,)), model(x))(VALUE),
    "inline": lambda model: Model(x := Input((4,)), model(x, training=False))(VALUE),
}


@pytest.mark.parametrize("what", CHAIN)
def test_a_deep_chain(chain: Model, what: str) -> None:
    CHAIN[what](chain)


def test_a_deep_chain_through_json(chain: Model) -> None:
    twin = models.model_from_json(chain.to_json())
    twin.set_weights(chain.get_weights())
    assert twin.code == chain.code
    assert torch.equal(twin(VALUE), chain(VALUE))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_deep_chain(chain: Model, copied: Callable[[Model], Model]) -> None:
    twin = copied(chain)
    assert torch.equal(twin(VALUE), chain(VALUE))
    assert twin.code == chain.code
    part = Model(twin.inputs, twin.get_layer("dense_500").output)
    assert torch.equal(part(VALUE), Model(chain.inputs, chain.get_layer("dense_500").output)(VALUE))
    assert len(part.state_dict()) == 2 * 501


def test_a_deep_chain_cut_in_two(chain: Model) -> None:
    middle = chain.get_layer("dense_700").output
    head, tail = Model(chain.inputs, middle), Model([middle, chain.get_layer("dense_700").input], chain.outputs)
    before = Model(chain.inputs, chain.get_layer("dense_700").input)
    assert torch.equal(tail(head(VALUE), before(VALUE)), chain(VALUE))


def test_a_deep_chain_fails_with_the_layer_s_name() -> None:
    first = x = Input((None,))
    for _ in range(DEPTH):
        x = x + 1
    model = Model(first, layers.ReLU(name="last")(x.reshape(-1, 6)))
    with pytest.raises(RuntimeError) as caught:
        model(torch.ones(1, 5))
    assert "torch reshape" in "".join(caught.value.__notes__)


def test_a_diamond_of_two_to_the_sixty_paths() -> None:
    start = time.process_time()
    first = x = Input((3,))
    for _ in range(60):
        x = layers.Average()([layers.ReLU()(x), torch.tanh(x)])
    model = Model(first, x)
    model(torch.ones(1, 3))
    copy.deepcopy(model)
    pickle.loads(pickle.dumps(model))
    Model(model.inputs, model.layers[40].output)
    model.summary(print_fn=lambda text: None)
    assert time.process_time() - start < 1


def test_five_thousand_into_one() -> None:
    x = Input((2,))
    model = Model(x, layers.Concatenate()([x] * 2500 + [x + 1] * 2500))
    assert model(torch.zeros(1, 2)).sum() == 5000
    inputs = [Input((1,)) for _ in range(500)]
    model = Model(inputs, layers.Add()(inputs))
    assert model([torch.ones(1, 1)] * 500) == 500
    assert pickle.loads(pickle.dumps(model))(*[torch.ones(1, 1)] * 500) == 500


def test_five_thousand_out_of_one() -> None:
    x = Input((2,))
    model = Model(x, [x + i for i in range(2000)])
    assert len(model(torch.zeros(1, 2))) == 2000
    parts = Input((2000,))
    assert len(Model(parts, list(parts.unbind(1)))(torch.zeros(1, 2000))) == 2000


def test_models_in_models_in_models() -> None:
    """Two hundred deep: a call takes a few frames of torch's a level, so a model that deep runs where its levels are flat."""
    model: Any = Model(x := Input((2,)), layers.Dense(2)(x))
    for _ in range(200):
        model = Model(x := Input((2,)), model(x))
    assert len(model.state_dict()) == 2
    assert model(torch.ones(1, 2)).shape == (1, 2)
    assert len(list(model.modules())) == 202
    model.summary(print_fn=lambda text: None)


def test_a_layer_shared_two_thousand_times() -> None:
    shared = layers.Dense(3)
    first = x = Input((3,))
    for _ in range(DEPTH):
        x = torch.tanh(shared(x))
    model = Model(first, x)
    assert len(model.state_dict()) == 2
    value = want = torch.ones(1, 3)
    for _ in range(DEPTH):
        want = torch.tanh(shared(want))
    assert torch.equal(model(value), want)
    model(value).sum().backward()
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert torch.equal(twin(value), want)
    assert len(twin.layers[1].calls) == DEPTH
    assert len(shared.calls) == DEPTH


def test_a_long_sequential() -> None:
    model = Sequential([Input((2,)), *(layers.ReLU() for _ in range(DEPTH))])
    assert model(torch.ones(1, 2)).tolist() == [[1.0, 1.0]]
    assert len(copy.deepcopy(model).layers) == DEPTH


def test_building_is_linear() -> None:
    """Ten times the layers take at most twenty times the time: a quadratic step would take a hundred."""

    def seconds(depth: int) -> float:
        start = time.process_time()
        first = x = Input((4,))
        for _ in range(depth):
            x = layers.Dense(4)(x)
        model = Model(first, x)
        Model(model.inputs, model.layers[depth // 2].output)
        return time.process_time() - start

    seconds(50)
    gc.disable()  # its collections grow with all that the process holds
    try:
        assert seconds(2000) <= 20 * min(seconds(200) for _ in range(3))
    finally:
        gc.enable()
