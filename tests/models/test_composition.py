"""Models of models: each is one layer of the next, its weights shared wherever it stands."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from layergraph import Input, Model, Sequential
from layergraph.layers import (
    Add,
    Average,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Reshape,
)

X = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(2, 8, 8, 3, generator=torch.Generator().manual_seed(1))


def mlp(name: str | None = None, size: int = 6, units: int = 4) -> Model:
    x = Input((size,))
    return Model(x, Dense(units, name="out")(Dense(5, activation="relu", name="hidden")(x)), name=name)


def siamese():
    embed = mlp("embed")
    a, b = Input((6,), name="a"), Input((6,), name="b")
    distance = (embed(a) - embed(b)).abs().sum(1, keepdim=True)
    model = Model([a, b], torch.exp(-distance))
    return model, (X, X.flip(0)), lambda x, y: torch.exp(-(embed(x) - embed(y)).abs().sum(1, keepdim=True))


def encoder_decoder():
    image = Input((8, 8, 3), name="image")
    encoder = Model(image, Flatten()(Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)), name="encoder")
    code = Input((64,), name="code")
    decoder = Model(code, Reshape((8, 8, 3))(Dense(192)(code)), name="decoder")
    again = Input((8, 8, 3))
    return Model(again, decoder(encoder(again))), (IMAGES,), lambda x: decoder(encoder(x))


def ensemble():
    members = [mlp(f"member_{i}") for i in range(3)]
    x = Input((6,))
    return Model(x, Average()([member(x) for member in members])), (X,), lambda x: sum(member(x) for member in members) / 3


def called_on_its_own_output():
    step = mlp("step", units=6)
    x = Input((6,))
    return Model(x, step(step(step(x)))), (X,), lambda x: step(step(step(x)))


def three_deep():
    inner = mlp("inner", units=6)
    x = Input((6,))
    middle = Model(x, Add()([x, inner(x)]), name="middle")
    y = Input((6,))
    return Model(y, Dense(2, name="head")(middle(inner(y)))), (X,), None


def a_stack_in_a_graph():
    stack = Sequential([Dense(5, activation="tanh"), Dense(6)], name="stack")
    x = Input((6,))
    return Model(x, Concatenate()([stack(x), x])), (X,), lambda x: torch.cat([stack(x), x], 1)


def a_graph_in_a_stack():
    inner = mlp("inner")
    model = Sequential([Input((6,)), inner, Dense(3, name="head")])
    return model, (X,), lambda x: model.get_layer("head")(inner(x))


def dicts_in_and_out():
    a, b = Input((6,), name="a"), Input((6,), name="b")
    inner = Model({"left": a, "right": b}, {"sum": a + b, "product": a * b}, name="inner")
    x = Input((6,))
    out = inner({"left": x, "right": x * 2})
    return Model(x, out["sum"] - out["product"]), (X,), lambda x: x * 3 - x * 2 * x


def modes_written_in_the_graph():
    x = Input((6,))
    base = Model(x, Dropout(0.5)(BatchNormalization()(Dense(6)(x))), name="base")
    y = Input((6,))
    return Model(y, base(y, training=False)), (X,), lambda x: base(x, training=False)


def images_and_vectors():
    image = Input((8, 8, 3))
    features = Model(image, GlobalAveragePooling2D()(Conv2D(6, 3)(image)), name="features")
    head = mlp("classifier")
    again, vector = Input((8, 8, 3), name="picture"), Input((6,), name="vector")
    return Model([again, vector], head(features(again) + vector)), (IMAGES, X[:2]), lambda x, v: head(features(x) + v)


MAKERS = [
    siamese,
    encoder_decoder,
    ensemble,
    called_on_its_own_output,
    three_deep,
    a_stack_in_a_graph,
    a_graph_in_a_stack,
    dicts_in_and_out,
    modes_written_in_the_graph,
    images_and_vectors,
]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_it_computes_what_its_parts_compute(maker):
    model, inputs, parts = maker()
    if parts is not None:
        torch.testing.assert_close(model(*inputs), parts(*inputs))


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deep", "flat", "pickle"]
)
def test_a_copy_computes_the_same(maker, copied):
    model, inputs, _ = maker()
    model.eval()
    twin = copied(model)
    assert torch.equal(twin(*inputs), model(*inputs))
    assert list(twin.state_dict()) == list(model.state_dict())


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_it_trains_and_compiles(maker):
    model, inputs, _ = maker()
    compiled = torch.compile(model.eval(), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), model(*inputs))
    if list(model.parameters()):
        model.train()(*inputs).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_shared_model_is_counted_once():
    model, _, _ = siamese()
    assert sorted(model.state_dict()) == ["embed.hidden.bias", "embed.hidden.weight", "embed.out.bias", "embed.out.weight"]
    assert [layer.name for layer in model.layers] == ["a", "b", "embed"]
    assert model.count_params() == 6 * 5 + 5 + 5 * 4 + 4
    assert len(model.get_weights()) == 4


def test_freezing_a_part_freezes_it_everywhere():
    model, inputs, _ = siamese()
    model.get_layer("embed").trainable = False
    assert model.trainable_weights == []
    assert not any(weight.requires_grad for weight in model.parameters())
    assert model(*inputs).requires_grad is False
