"""Lambda: what its function is given, what is declared of it, and that no code goes through a config."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from layergraph import Input, Model, layers, models, saving
from layergraph.errors import ArgumentError, ConfigError, SymbolicError

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def scaled(x, factor=2.0):
    return x * factor


def in_mode(x, training=None):
    return x if training else -x


def over_steps(x, mask=None):
    return x if mask is None else x * mask.unsqueeze(-1)


def through(layer, *inputs):
    symbols = [Input(tuple(x.shape[1:])) for x in inputs]
    return Model(symbols, layer(symbols if len(symbols) > 1 else symbols[0]))(*inputs)


@pytest.mark.parametrize("call", [lambda layer, x: layer(x), through], ids=["eager", "model"])
def test_the_function_is_called(call):
    assert torch.equal(call(layers.Lambda(lambda x: x + 1), X), X + 1)
    assert torch.equal(call(layers.Lambda(scaled, arguments={"factor": 3.0}), X), X * 3)
    assert torch.equal(call(layers.Lambda(torch.relu), X), X.relu())


def test_nests_and_shapes():
    pair = layers.Lambda(lambda both: both[0] - both[1])
    assert torch.equal(through(pair, X, 2 * X), -X)
    x = Input((4, 3))
    assert layers.Lambda(lambda t: t[:, ::2])(x).shape == (None, 2, 3)
    assert layers.Lambda(lambda t: torch.from_numpy(t.numpy()[:, 0]), output_shape=(3,))(x).shape == (None, 3)
    assert layers.Lambda(lambda t: t.sum(1), output_shape=lambda shape: (shape[0], shape[2]))(x).shape == (None, 3)
    values = Model(x, layers.Lambda(lambda t: torch.from_numpy(np.flip(t.numpy(), 1).copy()), output_shape=(4, 3))(x))
    assert torch.equal(values(torch.ones(2, 4, 3)), torch.ones(2, 4, 3))


def test_the_mode_reaches_the_function():
    x = Input((4,))
    model = Model(x, layers.Lambda(in_mode)(x))
    assert torch.equal(model.train()(X), X)
    assert torch.equal(model.eval()(X), -X)
    assert torch.equal(Model(x, layers.Lambda(in_mode)(x, training=True)).eval()(X), X)


def test_masks():
    tokens = Input((5,), dtype="int64")
    x = layers.Embedding(6, 3, mask_zero=True)(tokens)
    given = torch.tensor([[1, 0, 2, 0, 0]])
    model = Model(tokens, layers.Lambda(over_steps, mask=lambda inputs, mask: ~mask)(x))
    assert torch.equal(model(given)[given == 0], torch.zeros(3, 3))
    (mask,) = model.output_masks
    assert torch.equal(Model(tokens, mask)(given), given == 0)
    with pytest.warns(UserWarning, match="and does not support masks"):
        assert layers.Lambda(lambda t: t * 2, name="double")(x)._keras_mask is None


def test_it_compiles_and_copies():
    torch._dynamo.reset()
    x = Input((4,))
    model = Model(x, layers.Dense(2)(layers.Lambda(lambda t: torch.sin(t))(x)))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(X), model(X))
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_a_registered_function_goes_by_its_name():
    x = Input((4,))
    model = Model(x, layers.Lambda(scaled, arguments={"factor": 3.0})(x))
    with saving.custom_object_scope({"scaled": scaled}):
        text = model.to_json()
        assert torch.equal(models.model_from_json(text)(X), X * 3)
    assert json.loads(text)["config"]["layers"][1]["config"]["function"]["config"] == "scaled"
    with pytest.raises(ConfigError, match="names the function 'scaled', which is not known"):
        models.model_from_json(text)


def test_no_code_goes_through_a_config():
    x = Input((4,))
    with pytest.raises(ConfigError) as caught:
        Model(x, layers.Lambda(lambda t: t, name="mine")(x)).to_json()
    fix = "a file cannot hold code: define the function by `def`, and register it: @layergraph.saving.register_keras_serializable()"
    assert caught.value.fix == fix
    keras = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    with pytest.raises(ArgumentError) as caught:
        layers.Lambda.from_config({"name": "theirs", "function": keras})
    assert caught.value.what == "Lambda 'theirs': `function` is the code of a Python lambda, which is never run from a config"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: layers.Lambda("x*2", name="lam"), "Lambda 'lam': `function` must be a callable, got str 'x*2'"),
        (lambda: layers.Lambda(torch.relu, arguments=[1]), "Lambda: `arguments` must be a dict of keywords, got [1]"),
        (lambda: layers.Lambda(torch.relu, mask="m"), "Lambda: `mask` must be a callable, got str 'm'"),
        (
            lambda: layers.Lambda(torch.relu, output_shape=4),
            "Lambda: `output_shape` must be a shape without the batch axis, or a function of the input's shape, got 4",
        ),
    ],
)
def test_wrong_arguments(make, what):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert caught.value.what == what


def test_what_is_no_tensor_is_told_where_it_is_used():
    x = Input((4,))
    y = layers.Lambda(lambda t: "oops", name="lam")(x)
    with pytest.raises(SymbolicError, match="Lambda 'lam': call\\(\\) gave str 'oops'"):
        Model(x, y)
