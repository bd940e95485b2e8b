"""`clone_model`: fresh layers, shared ones shared, other inputs, other layers, other calls."""

from __future__ import annotations

import pytest
import torch

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ArgumentError
from layergraph.layers import Layer
from layergraph.models import clone_model


class Unregistered(Layer):
    factor: float = 2.0

    def call(self, x):
        return x * self.factor


class Subclassed(Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def two_inputs():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    return Model([a, b], layers.Add(name="sum")([shared(a), torch.relu(shared(b))]), name="two")


def with_inner():
    x, p = Input((4,), name="x"), Input((4,), name="p")
    inner = Model(x, layers.Dropout(0.5, name="drop")(Unregistered(3.0, name="u")(x)), name="inner")
    return Model(p, layers.Dense(2, name="head")(inner(p)), name="outer")


def test_fresh_layers_with_new_weights():
    model = two_inputs()
    twin = clone_model(model)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert not {*map(id, twin.layers)} & {*map(id, model.layers)}
    assert len(twin.weights) == 2
    assert not torch.equal(twin.weights[0], model.weights[0])
    assert twin.name == "two"


def test_input_tensors():
    model = two_inputs()
    p = Input((4,), name="p")
    twin = clone_model(model, input_tensors=[p * 2 + 0, p])
    assert [layer.name for layer in twin.layers if isinstance(layer, layers.InputLayer)] == ["add_output", "p"]
    for wrong, said in (
        (5, "must be symbolic tensors, got int 5"),
        ([p], "must be like Functional 'two'.input"),
        ({"a": p, "b": p}, "must be like Functional 'two'.input"),
    ):
        with pytest.raises(ArgumentError, match=said):
            clone_model(model, input_tensors=wrong)


def test_clone_function():
    model = two_inputs()
    shared = clone_model(model, clone_function=lambda layer: layer)
    assert shared.get_layer("shared") is model.get_layer("shared")
    seen = []

    def wider(layer):
        seen.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 7} if "units" in config else config)

    assert clone_model(model, clone_function=wider).output_shape == (None, 7)
    assert sorted(seen) == ["shared", "sum"]
    with pytest.raises(ArgumentError, match="`clone_function` gave None for Dense 'shared'; it must give a layer"):
        clone_model(model, clone_function=lambda layer: None)


def test_call_function():
    def calls(layer, *args, **kwargs):
        out = layer(*args, **kwargs)
        return layers.Dropout(0.25)(out) if isinstance(layer, layers.Dense) else out

    twin = clone_model(two_inputs(), clone_function=lambda layer: layer, call_function=calls)
    assert [type(layer).__name__ for layer in twin.layers].count("Dropout") == 2


def test_recursive():
    model = with_inner()
    names = []

    def note(layer):
        names.append(layer.name)
        return type(layer).from_config(layer.get_config())

    twin = clone_model(model, clone_function=note, recursive=True)
    assert sorted(names) == ["drop", "head", "u"]
    assert twin.get_layer("inner").get_layer("u").factor == 3.0
    plain = clone_model(model)  # the class inside the nested model is nowhere registered
    assert plain.get_layer("inner").get_layer("u") is not model.get_layer("inner").get_layer("u")
    names.clear()
    kept = clone_model(model, clone_function=lambda layer: layer)
    assert kept.get_layer("inner") is model.get_layer("inner")


def test_sequential():
    model = Sequential([Input((4,), name="in"), layers.Dense(3, name="d"), layers.Dense(3, name="e")], name="s")
    twin = clone_model(model)
    assert type(twin).__name__ == "Sequential"
    assert (twin.name, [layer.name for layer in twin.layers], twin.input_names) == ("s", ["d", "e"], ["in"])
    unbuilt = clone_model(Sequential([layers.Dense(3), layers.Dense(3)]))
    assert not unbuilt.built
    assert [layer.name for layer in unbuilt.layers] == ["dense", "dense_1"]
    x = Input((4,), name="x")
    assert clone_model(model, input_tensors=[x]).input_names == ["x"]
    with pytest.raises(ArgumentError, match="must be one symbolic tensor, got 5"):
        clone_model(model, input_tensors=5)
    with pytest.raises(ArgumentError, match="`call_function` needs a functional model; Sequential 's' is none"):
        clone_model(model, call_function=lambda layer, *args: layer(*args))


def test_subclassed():
    twin = clone_model(Subclassed(3, name="m"))
    assert (type(twin), twin.units, twin.name) == (Subclassed, 3, "m")
    for words in ({"clone_function": lambda layer: layer}, {"input_tensors": [Input((2,))]}):
        with pytest.raises(ArgumentError, match="`clone_function` and `input_tensors` need a functional model"):
            clone_model(Subclassed(3), **words)
    with pytest.raises(ArgumentError, match="takes a model, got Dense"):
        clone_model(layers.Dense(3, name="d"))


def test_compiled_models_give_compiled_clones():
    model = two_inputs()
    model.compile("adam", "mse", metrics=["mae"])
    twin = clone_model(model)
    assert twin.compiled
    assert twin.optimizer is not model.optimizer
    x = torch.randn(8, 4)
    twin.fit([x, x], torch.zeros(8, 3), epochs=1, verbose=0)
    model.compile(torch.optim.SGD(model.parameters(), 0.1), "mse")
    assert not clone_model(model).compiled


def test_many_layers():
    x = y = Input((2,))
    for _ in range(2000):
        y = layers.ReLU()(y)
    twin = clone_model(Model(x, y))
    assert torch.equal(twin(-torch.ones(1, 2)), torch.zeros(1, 2))
