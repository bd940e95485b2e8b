"""Inputs of every kind: optional ones, inner tensors, fixed batches, nests of them, and dtypes that are no floats."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from layergraph import Input, Model
from layergraph.errors import ArgumentError, DataError
from layergraph.layers import Add, Dense, Embedding, Layer

X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


class MaybeAdd(Layer):
    """x + y, or x where there is no y."""

    def call(self, x, y=None):
        return x if y is None else x + y


def test_an_optional_input_may_be_none():
    x, y = Input((3,), name="x"), Input((3,), name="y", optional=True)
    model = Model([x, y], MaybeAdd()(x, y))
    for given in ([X, None], (X,), [X], {"x": X, "y": None}, {"x": X}, {"x": X.numpy()}):
        assert torch.equal(model(given), X)
    assert torch.equal(model(X, None), X)
    assert torch.equal(model(X), X)
    assert torch.equal(model(x=X), X)
    for given in ([X, X], {"x": X, "y": X.numpy()}):
        assert torch.equal(model(given), X * 2)
    assert "if y is not None and (y.ndim != 2" in model.code
    assert model.get_layer("y").get_config()["optional"] is True


def test_an_optional_input_of_a_nested_model():
    x, y = Input((3,), name="x"), Input((3,), name="y", optional=True)
    inner = Model([x, y], MaybeAdd()(x, y))
    a = Input((3,), name="a")
    for outer in (Model(a, inner([a, None])), Model(a, inner([a, None], training=False)), Model(a, inner(a))):
        assert torch.equal(outer(X), X)
    assert torch.equal(Model(a, inner(a, a))(X), X * 2)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_it_stays_optional_in_copies(copied):
    x, y = Input((3,), name="x"), Input((3,), name="y", optional=True)
    inner = Model([x, y], torch.relu(x))
    assert torch.equal(copied(inner)([X, None]), X)


def test_a_required_input_is_required():
    x, y = Input((3,), name="x"), Input((3,), name="y", optional=True)
    model = Model([x, y], MaybeAdd()(x, y), name="m")
    with pytest.raises(DataError) as caught:
        model([None, X])
    first, _, fix = str(caught.value).splitlines()
    assert first == "Functional 'm': the input 'x' is not optional, and got None"
    assert fix == "  fix: give a tensor, or declare Input((3,), optional=True)"
    with pytest.raises(ValueError, match="the input 'x' is not optional, and got None"):
        model([None, Input((3,))])


def test_a_model_may_start_at_an_inner_tensor_by_name():
    x = Input((3,), name="x")
    h = Dense(4, name="hidden")(x)
    y = Dense(2, name="head")(h)
    entry = Input(tensor=h, name="features")
    model = Model(entry, y)
    assert model.input_names == ["features"]
    assert [layer.name for layer in model.layers] == ["features", "head"]
    whole = Model(x, [h, y])
    features, head = whole(X)
    assert torch.equal(model(features=features), head)
    twin = pickle.loads(pickle.dumps(model))
    assert twin.input_names == ["features"]
    assert torch.equal(twin(features), head)
    assert Input(tensor=x, shape=(3,), dtype="float32").shape == (None, 3)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"shape": (5,)}, "Input 'i': `shape`=(5,) is not that of `tensor`, (4,)"),
        ({"batch_size": 3}, "Input 'i': `batch_size`=3 is not that of `tensor`, None"),
        ({"batch_shape": (1, 4)}, "Input 'i': `batch_shape`=(1, 4) is not that of `tensor`, (None, 4)"),
        ({"dtype": "int32"}, "Input 'i': `dtype`='int32' is not that of `tensor`, 'float32'"),
        ({"tensor": torch.zeros(2)}, "Input 'i': `tensor` must be a symbolic tensor, got Tensor <Tensor of shape (2,), float32>"),
        ({"optional": 1}, "Input 'i': `optional` must be True or False, got 1"),
    ],
)
def test_what_does_not_agree(words, what):
    with pytest.raises(ArgumentError) as caught:
        Input(**{"tensor": Dense(4)(Input((3,))), **words}, name="i")
    assert str(caught.value).splitlines()[0] == what


def test_a_fixed_batch_is_held():
    x = Input(batch_shape=(2, 3), name="x")
    model = Model(x, x + 1, name="m")
    assert torch.equal(model(X), X + 1)
    with pytest.raises(DataError) as caught:
        model(torch.zeros(3, 3))
    assert str(caught.value).splitlines()[0] == "Functional 'm': input 'x' wants shape (2, 3), got (3, 3)"
    scalar = Input(batch_shape=())
    assert Model(scalar, scalar + 1)(torch.tensor(2.0)) == 3


def test_nests_in_and_out():
    a, b, c = (Input((3,), name=name) for name in "abc")
    total = Add()([a, b, c])
    model = Model({"image": a, "pair": [b, {"left": c}]}, {"sum": total, "parts": (a * 2, [b])})
    assert model.input_names == ["image", "pair/0", "pair/1/left"]
    for given in (
        {"image": X, "pair": [X, {"left": X}]},
        {"image": X, "pair/0": X, "pair/1/left": X.numpy()},
        [X, X, X],
    ):
        out = model(given)
        assert set(out) == {"sum", "parts"}
        assert torch.equal(out["sum"], X * 3)
        assert torch.equal(out["parts"][0], X * 2)
        assert isinstance(out["parts"], tuple)
        assert isinstance(out["parts"][1], list)
    with pytest.raises(DataError, match="the data lacks 'pair/1/left'"):
        model({"image": X, "pair": [X]})
    nested = Model([a, b], model({"image": a, "pair": [b, {"left": a}]})["sum"])
    assert torch.equal(nested(X, X), X * 3)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool", "float64", "float16", "complex64"])
def test_an_input_of_any_dtype(dtype):
    x = Input((3,), dtype=dtype)
    model = Model(x, x.to(torch.float32 if dtype != "complex64" else torch.complex64) * 2)
    value = torch.ones(2, 3, dtype=getattr(torch, dtype))
    assert torch.equal(model(value), value.to(model(value).dtype) * 2)
    assert torch.equal(model(value.numpy()), model(value))
    assert model(np.ones((2, 3))).shape == (2, 3)  # cast, as Keras does


def test_tokens_beside_images():
    image, tokens = Input((8, 8, 3), name="image"), Input((5,), dtype="int64", name="tokens")
    out = Add()([Dense(4)(image.flatten(1)), Embedding(10, 4)(tokens).mean(1)])
    assert Model({"image": image, "tokens": tokens}, out)({"tokens": [[1, 2, 3, 4, 5]], "image": np.zeros((1, 8, 8, 3))}).shape == (1, 4)
