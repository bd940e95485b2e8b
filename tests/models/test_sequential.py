"""A Sequential is a Functional that grows."""

from __future__ import annotations

import copy
import pickle
import re
import time
import warnings

import pytest
import torch
from torch import fx, nn

from layergraph import Functional, Input, Model, Sequential, layers
from layergraph.errors import ArgumentError, DataError, NotBuiltError, ShapeError

ones = torch.ones(2, 5)


def grown(*stack) -> Sequential:
    model = Sequential()
    for layer in stack:
        model.add(layer)
    return model


FORMS = {
    "list": lambda: Sequential([Input((5,)), layers.Dense(3, activation="relu"), layers.Dense(2)]),
    "input_shape": lambda: Sequential([layers.Dense(3, activation="relu", input_shape=(5,)), layers.Dense(2)]),
    "input_dim": lambda: Sequential([layers.Dense(3, activation="relu", input_dim=5), layers.Dense(2)]),
    "input_layer": lambda: Sequential([layers.InputLayer(shape=(5,)), layers.Dense(3, activation="relu"), layers.Dense(2)]),
    "add": lambda: grown(Input((5,)), layers.Dense(3, activation="relu"), layers.Dense(2)),
    "deferred": lambda: Sequential([layers.Dense(3, activation="relu"), layers.Dense(2)]),
    "deferred_add": lambda: grown(layers.Dense(3, activation="relu"), layers.Dense(2)),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_make_the_same_model_without_a_warning(form):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = FORMS[form]()
    assert model.built is not form.startswith("deferred")
    out = model(ones)
    assert out.shape == (2, 2)
    assert isinstance(model, Functional)
    assert isinstance(model, fx.GraphModule)
    assert list(model.state_dict()) == ["dense.weight", "dense.bias", "dense_1.weight", "dense_1.bias"]
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    assert (model.input_shape, model.output_shape) == ((None, 5), (None, 2))
    torch.testing.assert_close(out, model.dense_1(torch.relu(model.dense(ones))))
    assert model(torch.ones(7, 5)).shape == (7, 2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_are_equal_and_grow_on(form, called, copied):
    model = FORMS[form]()
    if called:
        model(ones)
    twin = copied(model)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    if model.built:
        torch.testing.assert_close(twin(ones), model(ones), rtol=0, atol=0)
        assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in model.parameters()}
    twin.add(layers.Dense(4))
    assert twin(ones).shape == (2, 4)
    assert list(twin.state_dict())[-2:] == ["dense_2.weight", "dense_2.bias"]
    assert len(model.layers) == 2


def test_pop_and_add_keep_the_weights_of_what_stays():
    model = FORMS["list"]()
    before = model.dense.weight.clone()
    last = model.pop()
    assert [layer.name for layer in model.layers] == ["dense"]
    assert list(model.state_dict()) == ["dense.weight", "dense.bias"]
    assert model(ones).shape == (2, 3)
    model.add(layers.Dropout(0.5))
    model.add(last)
    assert model.eval()(ones).shape == (2, 2)
    torch.testing.assert_close(model.dense.weight, before)
    assert len(list(model.parameters())) == 4


def test_parameters_are_there_between_additions():
    model = grown(Input((5,)))
    counts = []
    for _ in range(3):
        model.add(layers.Dense(5))
        counts.append(len(list(model.parameters())))
    assert counts == [2, 4, 6]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(ones).sum().backward()
    optimizer.step()


def test_a_sequential_is_a_layer_and_takes_models():
    inner = FORMS["deferred"]()
    x = Input((5,))
    model = Model(x, inner(x))
    assert next(iter(model.state_dict())) == "sequential.dense.weight"
    assert model(ones).shape == (2, 2)
    stacked = Sequential([FORMS["list"](), layers.Dense(1)])
    assert stacked.built
    assert stacked(ones).shape == (2, 1)


def test_the_same_layer_may_come_twice():
    shared = layers.Dense(5)
    model = Sequential([Input((5,)), shared, shared])
    assert len(list(model.parameters())) == 2
    torch.testing.assert_close(model(ones), model.dense(model.dense(ones)))


def test_integers_stay_integers():
    model = Sequential([layers.Embedding(10, 4), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    assert model(torch.tensor([[1, 2, 3]])).shape == (1, 1)
    assert model.inputs[0].dtype == "int64"


def test_many_additions_take_linear_time():
    def seconds(n: int) -> float:
        start = time.process_time()
        model = grown(Input((4,)), *(layers.Activation("relu") for _ in range(n)))
        model(torch.ones(1, 4))
        return time.process_time() - start

    seconds(50)
    assert seconds(800) < 12 * max(seconds(200), 0.02)


def test_modes_compile_and_graph():
    model = Sequential([Input((5,)), layers.Dense(3), layers.Dropout(0.5)]).eval()
    assert not model.dropout.training
    model.add(layers.Dense(2))
    assert isinstance(model.graph, fx.Graph)
    assert "self.dense_1(" in model.code
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="aot_eager")(ones), model(ones))


def test_extractors_from_a_sequential():
    model = FORMS["list"]()
    extractor = Model(model.inputs, model.layers[0].output)
    torch.testing.assert_close(extractor(ones), torch.relu(model.dense(ones)))


def two_arguments():
    class Two(layers.Layer):
        def call(self, a, b):
            return a + b

    return Sequential([Input((5,)), Two()])


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: grown(lambda x: x), ArgumentError, "Sequential.add takes a layer, got function <function"),
        (lambda: grown("relu"), ArgumentError, "Sequential.add takes a layer, got str 'relu'"),
        (lambda: grown(nn.Linear(2, 2)), ArgumentError, "Sequential.add takes a layer, got Linear"),
        (
            lambda: grown(Input((5,)), layers.Dense(2), Input((5,))),
            ArgumentError,
            "an Input may only be the first entry, and 1 layers are there already",
        ),
        (lambda: grown(layers.Dense(2, name="a"), layers.Dense(2, name="a")), ArgumentError, "a layer named 'a' is there already"),
        (lambda: Sequential().pop(), IndexError, "Sequential.pop(): the model is empty"),
        (lambda: Sequential()(ones), NotBuiltError, "Sequential has no layers"),
        (lambda: Sequential([layers.Dense(2)]).inputs, NotBuiltError, "is not built: it does not know its input's shape"),
        (lambda: FORMS["list"]().build((None, 7)), ArgumentError, "is built for input shape (None, 5); it cannot be built for (None, 7)"),
        (lambda: Sequential().build((None, 7)), ArgumentError, "cannot be built: it has no layers"),
        (
            lambda: Sequential([Input((5,)), layers.Conv2D(2, 3)]),
            ShapeError,
            "Conv2D: expects 4 axes, (batch, height, width, channels), got shape (None, 5)",
        ),
        (two_arguments, ArgumentError, "Two takes a, b; a layer of a Sequential takes one tensor"),
    ],
)
def test_wrong_use_is_told(make, kind, says):
    with pytest.raises(kind) as caught:
        make()
    assert says in str(caught.value)
    assert f"at {__file__}:" in str(caught.value)


def test_a_refused_layer_leaves_the_model_as_it_was():
    model = FORMS["list"]()
    before = model(ones)
    with pytest.raises(ShapeError):
        model.add(layers.Conv2D(2, 3))
    torch.testing.assert_close(model(ones), before)
    model.add(layers.Dense(1))
    assert model(ones).shape == (2, 1)
    deferred = Sequential([layers.Dense(3), layers.Conv1D(2, 3)])
    with pytest.raises(ShapeError):
        deferred(ones)
    assert not deferred.built
    deferred.pop()
    assert deferred(ones).shape == (2, 3)


def test_a_stack_compiles_before_its_first_call():
    model = Sequential()
    for layer in (Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)):
        model.add(layer)
    value = torch.randn(2, 4)
    compiled = torch.compile(model, backend="eager", fullgraph=True)(value)
    torch.testing.assert_close(compiled, model(value))


def test_sizes_learnt_from_a_call_may_be_others_later():
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    model(torch.ones(2, 4, 5))
    keys, weights = list(model.state_dict()), model.get_weights()
    assert model(torch.ones(2, 7, 5)).shape == (2, 7, 2)
    assert model.input_shape == (None, None, 5)
    assert model.layers[0].output.shape == (None, None, 3)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    assert list(model.state_dict()) == keys
    assert all((a == b).all() for a, b in zip(model.get_weights(), weights, strict=True))
    assert copy.deepcopy(model)(torch.ones(1, 9, 5)).shape == (1, 9, 2)
    assert Model(model.inputs, model.layers[0].output)(torch.ones(1, 6, 5)).shape == (1, 6, 3)


def test_other_sizes_are_learnt_on_symbols_too():
    model = Sequential([layers.Conv1D(3, 2, strides=2, padding="same")])
    model(torch.ones(2, 4, 5))
    assert model(Input((7, 5))).shape == (None, 4, 3)
    assert model(Input((None, 5))).shape == (None, None, 3)


def test_sizes_that_the_layers_do_not_take_are_refused_and_nothing_changes():
    model = Sequential([layers.Flatten(), layers.Dense(3)])
    model(torch.ones(2, 4, 5))
    for wrong in ((2, 6, 5), (2, 4, 5, 1, 1)):
        with pytest.raises(DataError, match=re.escape(f"wants shape (None, 4, 5), got {wrong}")):
            model(torch.ones(wrong))
    assert model(torch.ones(3, 4, 5)).shape == (3, 3)
    assert (model.input_shape, model.layers[0].output.shape) == ((None, 4, 5), (None, 20))


def test_declared_sizes_hold():
    model = Sequential([Input((4, 5)), layers.Dense(3)])
    with pytest.raises(DataError, match="wants shape"):
        model(torch.ones(2, 7, 5))


def test_a_sequential_within_a_layer_learns_that_sizes_vary():
    """A trial run with made-up sizes built it."""

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = Sequential([layers.Dense(5, activation="relu"), layers.Dense(4)])

        def call(self, x):
            return self.dense(x) + x

    x = Input((None, 4))
    model = Model(x, Block()(x))
    assert model.output_shape == (None, None, 4)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert compiled(torch.ones(2, 7, 4)).shape == model(torch.ones(2, 7, 4)).shape == (2, 7, 4)
