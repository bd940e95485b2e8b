"""A model as a config: the same graph, names, keys and output from its own config, JSON, a copy, a pickle and a clone."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
import torch
from tests.models.architectures import ALL

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ConfigError
from layergraph.graph.structure import leaves
from layergraph.models import clone_model, model_from_json
from layergraph.saving import CustomObjectScope

WAYS = {
    "from_config": lambda model: type(model).from_config(model.get_config()),
    "Model.from_config": lambda model: type(model).from_config(json.loads(json.dumps(model.get_config()))),
    "json": lambda model: model_from_json(model.to_json()),
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "clone": clone_model,
    "recursive clone": lambda model: clone_model(model, recursive=True),
    "twice": lambda model: model_from_json(model_from_json(model.to_json()).to_json()),
}


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_the_same_model(make, way):
    model, data = make()
    model.eval()
    before = leaves(model(*data))
    twin = WAYS[way](model).eval()
    assert {key: tensor.shape for key, tensor in twin.state_dict().items()} == {k: t.shape for k, t in model.state_dict().items()}
    twin.load_state_dict(model.state_dict())
    assert list(twin.layer_names()) == list(model.layer_names())
    assert [type(layer).__name__ for layer in twin.layers] == [type(layer).__name__ for layer in model.layers]
    assert [w.shape for w in twin.get_weights()] == [w.shape for w in model.get_weights()]
    assert twin.input_names == model.input_names
    assert twin.output_shape == model.output_shape
    after = leaves(twin(*data))
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)
    assert twin.get_config() == model.get_config()


class Classifier(Model):
    """A functional model of a class of the user's."""

    def extra(self):
        return self.name


class Subclassed(Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units, name="d")

    def call(self, x):
        return self.dense(x)


class Stack(Sequential):
    pass


def test_classes_of_the_users():
    x = Input((4,), name="x")
    model = Classifier(x, layers.Dense(2)(x), name="c")
    assert Classifier.from_config(model.get_config()).extra() == "c"
    text = model.to_json()
    with pytest.raises(ConfigError, match="Could not locate class 'Classifier'"):
        model_from_json(text)
    again = model_from_json(text, custom_objects={"Classifier": Classifier})
    assert isinstance(again, Classifier)
    assert again.to_json() == text
    with CustomObjectScope({"Subclassed": Subclassed, "Stack": Stack}):
        twin = model_from_json(Subclassed(3, name="m").to_json())
        assert type(twin) is Subclassed
        assert twin(torch.ones(1, 2)).shape == (1, 3)
        stack = model_from_json(Stack([Input((2,)), layers.Dense(3)], name="st").to_json())
        assert isinstance(stack, Stack)


def test_subclassed_models_inside():
    x = Input((4,), name="x")
    model = Model(x, Subclassed(3, name="m")(x))
    again = model_from_json(model.to_json(), custom_objects={"Subclassed": Subclassed})
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(torch.ones(1, 4)), model(torch.ones(1, 4)))


def test_an_unbuilt_sequential():
    model = Sequential([layers.Dense(3), layers.Dense(3), layers.Dropout(0.5)], name="s")
    config = model.get_config()
    assert [entry["config"]["name"] for entry in config["layers"]] == ["dense", "dense_1", "dropout"]
    assert "build_input_shape" not in config
    twin = Sequential.from_config(config)
    assert not twin.built
    twin(torch.ones(1, 2))
    config = twin.get_config()
    assert config["build_input_shape"] == [None, 2]
    assert [entry["class_name"] for entry in config["layers"]] == ["InputLayer", "Dense", "Dense", "Dropout"]
    assert Sequential.from_config(config).built


def test_a_mode_that_was_baked_in_stays():
    """`training=False` at a call is kept; what Keras writes of itself, for layers whose `call` has it by default, is not."""
    x = Input((4,), name="x")
    drop = layers.Dropout(0.5, name="drop")
    model = Model(x, [layers.BatchNormalization(name="bn")(x, training=False), drop(x, training=False)])
    again = model_from_json(model.to_json()).train()
    data = torch.randn(64, 4)
    assert torch.equal(again(data)[1], data)
    assert torch.equal(again.get_layer("bn").weights[2], torch.zeros(4))
    config = model.get_config()
    assert config["layers"][2]["inbound_nodes"][0]["training"] is False
    del config["layers"][2]["inbound_nodes"][0]["training"]  # as in a file of Keras's
    assert not torch.equal(Model.from_config(config).train()(data)[1], data)


def test_a_config_is_plain_data_of_its_own():
    x = Input((4,), name="x")
    model = Model(x, layers.Dense(2, name="d")(x) + torch.ones(2))
    config = model.get_config()
    text = json.dumps(config, allow_nan=False)
    again = Model.from_config(config)
    assert json.dumps(config) == text  # reading changes nothing
    config["layers"][1]["config"]["units"] = 9
    assert again.get_layer("d").units == model.get_layer("d").units == 2


def test_what_has_no_form_is_told_with_its_layer():
    x = Input((4,), name="x")
    model = Model(x, layers.Activation(lambda t: t * 2, name="double")(x), name="m")
    with pytest.raises(ConfigError) as error:
        model.get_config()
    lines = str(error.value).splitlines()
    assert lines[0].startswith("Functional 'm'.get_config: Activation 'double': Cannot serialize the activation function <function ")
    assert lines[-1] == "  fix: name it: @layergraph.saving.register_keras_serializable() above its def"
    assert torch.equal(clone_model(model)(torch.ones(1, 4)), model(torch.ones(1, 4)))


def test_a_function_that_is_not_in_the_list():
    x = Input((4,), name="x")
    y = torch.as_strided_copy(x, (2,), (1,))
    with pytest.raises(ConfigError, match="is not among the torch functions that a config may name"):
        Model(x, y).to_json()
