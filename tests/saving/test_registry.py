"""Registered names: who may take one, who sees it, and that nothing else is ever found."""

from __future__ import annotations

import threading

import pytest
import torch

import layergraph
from layergraph import initializers, layers, saving
from layergraph.errors import ArgumentError, ConfigError
from layergraph.identify import REGISTERED
from layergraph.saving import CustomObjectScope, deserialize_keras_object, register_keras_serializable, serialize_keras_object


@pytest.fixture(autouse=True)
def clean_table():
    before = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


class Double(layers.Layer):
    factor: float = 2.0

    def call(self, x):
        return x * self.factor


class Ramp(initializers.Initializer):
    def __init__(self, step=1.0):
        self.step = step

    def __call__(self, shape, dtype=None, **kwargs):
        return torch.arange(float(torch.Size(shape).numel())).reshape(shape) * self.step


def cube(x):
    return x**3


def test_a_registered_class():
    register_keras_serializable("mine")(Double)
    assert saving.get_registered_name(Double) == "mine>Double"
    assert saving.get_registered_object("mine>Double") is Double
    assert saving.get_custom_objects()["mine>Double"] is Double
    config = serialize_keras_object(Double(3.0, name="d"))
    assert (config["module"], config["class_name"], config["registered_name"]) == (__name__, "Double", "mine>Double")
    assert deserialize_keras_object(config).factor == 3.0


def test_names_as_in_keras():
    assert register_keras_serializable()(cube) is cube
    assert saving.get_registered_name(cube) == "Custom>cube"
    assert register_keras_serializable("p", "n")(Ramp) is Ramp
    assert saving.get_registered_name(Ramp) == "p>n"
    assert saving.get_registered_name(Double) == "Double"
    assert saving.get_registered_object("nobody") is None
    assert saving.get_registered_object("x", {"x": 1}) == 1
    assert saving.get_registered_object("x", None, {"x": 2}) == 2


def test_the_same_class_again_and_another():
    register_keras_serializable("p", "n")(Double)
    again = type("Double", (Double,), {"__module__": Double.__module__, "__qualname__": Double.__qualname__})
    assert register_keras_serializable("p", "n")(again) is saving.get_registered_object("p>n")
    with pytest.raises(ArgumentError) as error:
        register_keras_serializable("p", "n")(Ramp)
    first = str(error.value).splitlines()[0]
    assert first == f"'p>n' is registered already, as {__name__}.Double; it cannot be {__name__}.Ramp too"
    assert saving.get_registered_object("p>n") is again


@pytest.mark.parametrize("item", [5, "Dense", object()], ids=lambda item: type(item).__name__)
def test_what_cannot_be_registered(item):
    with pytest.raises(ArgumentError, match="neither a class nor a function"):
        register_keras_serializable()(item)


def test_a_class_without_config():
    with pytest.raises(ArgumentError, match=r"Cannot register a class that does not have a get_config\(\) method"):
        register_keras_serializable()(type("Plain", (), {}))


def test_a_registered_initializer_and_activation_reach_a_layer():
    register_keras_serializable("mine")(Ramp)
    register_keras_serializable("mine")(cube)
    config = serialize_keras_object(layers.Dense(2, activation=cube, kernel_initializer=Ramp(0.5), name="d"))
    assert config["config"]["kernel_initializer"]["registered_name"] == "mine>Ramp"
    twin = deserialize_keras_object(config)
    assert twin.activation is cube
    assert type(twin.kernel_initializer) is Ramp
    assert twin.kernel_initializer.step == 0.5
    assert serialize_keras_object(twin) == config


def test_scopes_nest_and_end():
    with CustomObjectScope({"cube": cube}) as scope, scope:
        with saving.custom_object_scope({"Ramp": Ramp}):
            layer = layers.Dense(2, activation="cube", kernel_initializer="Ramp")
            assert layer.activation is cube
            assert type(layer.kernel_initializer) is Ramp
        with pytest.raises(ArgumentError, match="'Ramp'"):
            layers.Dense(2, kernel_initializer="Ramp")
    with pytest.raises(ArgumentError, match="'cube'"):
        layers.Activation("cube")
    with pytest.raises(ArgumentError, match="takes a dict"):
        CustomObjectScope([cube])


def test_a_scope_is_one_threads_own():
    seen = []
    with CustomObjectScope({"cube": cube}):
        thread = threading.Thread(target=lambda: seen.append(saving.get_registered_object("cube")))
        thread.start()
        thread.join()
        assert saving.get_registered_object("cube") is cube
    assert seen == [None]


def test_custom_objects_of_one_call():
    config = serialize_keras_object(Double(4.0, name="d"))
    assert config["registered_name"] == "Double"
    assert deserialize_keras_object(config, custom_objects={"Double": Double}).factor == 4.0
    with pytest.raises(ConfigError) as error:
        deserialize_keras_object(config)
    assert str(error.value).splitlines()[0] == f"deserialize_keras_object: Could not locate class 'Double' of '{__name__}'"
    assert isinstance(error.value, TypeError)
    assert isinstance(error.value, ValueError)


def test_a_function_where_a_class_is_named():
    with pytest.raises(ConfigError, match="'cube' names a class, and <function cube"):
        deserialize_keras_object({"module": None, "class_name": "cube", "config": {}, "registered_name": "cube"}, {"cube": cube})


HOSTILE = ["os.system", "builtins.eval", "torch.load", "layergraph.layers.base.Lowering", "keras.utils.get_file", "layergraph.saving.make"]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("config", [{}, {"x": "touch"}, "x"], ids=str)
def test_nothing_named_is_imported(path, config):
    module, _, name = path.rpartition(".")
    for entry in (
        {"module": module, "class_name": name, "config": config, "registered_name": name},
        {"module": module, "class_name": "function", "config": name, "registered_name": name},
        {"module": None, "class_name": path, "config": config},
    ):
        with pytest.raises(ConfigError):
            deserialize_keras_object(entry)


def test_the_room_is_loaded_on_use():
    assert layergraph.saving is saving
