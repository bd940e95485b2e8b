"""Configs that describe nothing, or too much: each is refused with a ConfigError that says what is wrong, and nothing runs."""

from __future__ import annotations

import copy
import gc
import json
import sys
import time

import pytest
import torch

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ConfigError
from layergraph.models import model_from_json
from layergraph.saving import deserialize_keras_object


def good():
    x = Input((4,), name="x")
    h = layers.Dense(3, name="dense")(x)
    return Model(x, layers.Add(name="sum")([h, torch.relu(h)]), name="good")


def tensor(name, call=0, index=0):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "dtype": "float32", "keras_history": [name, call, index]}}


def leaf(kind, **config):
    return {"class_name": kind, "config": config}


def recall(config, *args, **kwargs):
    call_of(config, 1).update(call(*args, **kwargs))


def call(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


def entry(name, kind, *calls, module="keras.layers", **config):
    config = {"name": name, **config}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None, "name": name, "inbound_nodes": list(calls)}


def torch_entry(function, *calls, name="f"):
    return entry(name, "TorchFunction", *calls, module="layergraph.torch", function=function)


def add(config, *entries):
    config["layers"] += entries


def at(config, /, *path, **values):
    for step in path:
        config = config[step]
    config.update(values)


def call_of(config, layer, number=0):
    return config["layers"][layer]["inbound_nodes"][number]


# (what is done to the config of `good()`, what the first line says)
BROKEN = {
    "layers missing": (lambda c: c.pop("layers"), "has 'layers', 'input_layers', 'output_layers'; 'layers' is missing"),
    "unknown key": (lambda c: c.update(input_layer=[]), "the config has an unknown key 'input_layer'"),
    "layers no list": (lambda c: c.update(layers={"x": 1}), "`layers` must be a list of layers, got {'x': 1}"),
    "layers empty": (lambda c: c.update(layers=[]), "`layers` must be a list of layers, got []"),
    "entry no dict": (lambda c: add(c, 5), "an entry of `layers` is a dict of class_name, config, name and inbound_nodes, got 5"),
    "name no string": (lambda c: at(c, "layers", 1, name=5), "an entry's name and class_name are strings"),
    "class no string": (lambda c: at(c, "layers", 1, class_name=["Dense"]), "an entry's name and class_name are strings"),
    "config no dict": (lambda c: at(c, "layers", 1, config="Dense"), "the config of 'Dense' must be a dict, got str 'Dense'"),
    "module no string": (lambda c: at(c, "layers", 1, module=["os"]), "the module of 'Dense' must be a string or null, got ['os']"),
    "duplicate name": (lambda c: add(c, copy.deepcopy(c["layers"][1])), "two entries of `layers` are named 'dense'"),
    "unknown class": (lambda c: at(c, "layers", 1, class_name="Dens"), "Could not locate class 'Dens' of 'keras.layers'"),
    "class of a module": (lambda c: at(c, "layers", 1, module="os", class_name="system"), "Could not locate class 'system' of 'os'"),
    "abstract layer": (lambda c: at(c, "layers", 1, class_name="Layer"), "'Layer' cannot be made from its config"),
    "wrong argument": (lambda c: at(c, "layers", 1, "config", units="3"), "Dense 'dense': `units` must be a positive int, got '3'"),
    "unknown argument": (lambda c: at(c, "layers", 1, "config", unit=3), "Dense 'dense' got an unknown argument 'unit'"),
    "not a layer": (
        lambda c: add(c, entry("z", "Zeros", module="keras.initializers") | {"config": {}}),
        "the entry 'z' is no layer, it is Zeros()",
    ),
    "loop of one": (lambda c: recall(c, tensor("dense")), "the graph has a loop: 'dense' <- 'dense'"),
    "loop": (lambda c: recall(c, tensor("sum")), "the graph has a loop: "),
    "unknown layer": (
        lambda c: call_of(c, 1).update(call(tensor("y"))),
        "call 0 of 'dense' reads a tensor of 'y', and no layer has this name",
    ),
    "call too many": (
        lambda c: call_of(c, 1).update(call(tensor("x", 1))),
        "reads a tensor of call 1 of 'x', which is not called so often",
    ),
    "output too many": (lambda c: recall(c, tensor("x", 0, 7)), "call 0 of 'x' gives no tensor 7"),
    "negative output": (lambda c: recall(c, tensor("x", 0, -1)), "has the place ['x', 0, -1]; it must be [layer, call, output]"),
    "place no list": (lambda c: recall(c, tensor("x") | {"config": {"keras_history": 5}}), "has the place 5"),
    "call no dict": (lambda c: at(c, "layers", 1, inbound_nodes=[[["x", 0, 0, {}]]]), "a call of 'dense' is a dict of args and kwargs"),
    "args no list": (lambda c: call_of(c, 1).update(args=5), "the args of a call of 'dense' are a list and its kwargs a dict"),
    "kwargs no dict": (lambda c: call_of(c, 1).update(kwargs=[1]), "the args of a call of 'dense' are a list and its kwargs a dict"),
    "kwargs no name": (lambda c: call_of(c, 1).update(kwargs={"x); import os": 1}), "has the argument 'x); import os', which is no name"),
    "kwargs a keyword": (lambda c: call_of(c, 1).update(kwargs={"lambda": 1}), "has the argument 'lambda', which is no name"),
    "wrong shape": (lambda c: call_of(c, 3).update(call([tensor("x"), tensor("dense")])), "Add 'sum'"),
    "outputs no nest": (lambda c: c.update(output_layers=5), "`output_layers` is a nest of [layer, call, output], got 5"),
    "outputs unknown": (lambda c: c.update(output_layers=["y", 0, 0]), "`output_layers` reads a tensor of 'y', and no layer has this name"),
    "outputs empty": (lambda c: c.update(output_layers=[]), "`outputs` is empty"),
    "input is no input": (lambda c: c.update(input_layers=["nobody", 0, 0]), "`input_layers` reads a tensor of 'nobody'"),
    "inputs left out": (
        lambda c: (add(c, entry("e", "InputLayer", batch_shape=[None, 3])), c.update(input_layers=["e", 0, 0])),
        "is not connected to `inputs`",
    ),
    "trainable no bool": (lambda c: c.update(trainable="yes"), "`trainable` must be True or False, got 'yes'"),
    "model's name": (lambda c: c.update(name="a/b"), "`name` 'a/b' must not contain '/'"),
    "torch function": (lambda c: add(c, torch_entry("os.system", call("touch"))), "no torch function is known as 'os.system'"),
    "private": (lambda c: add(c, torch_entry("torch._C", call())), "no torch function is known as 'torch._C'"),
    "dunder": (lambda c: add(c, torch_entry("Tensor.__class__", call(tensor("x")))), "no torch function is known as 'Tensor.__class__'"),
    "loads": (lambda c: add(c, torch_entry("torch.load", call("x.pt"))), "no torch function is known as 'torch.load'"),
    "function no string": (lambda c: add(c, torch_entry(["torch.cat"], call(tensor("x")))), "no torch function is known as ['torch.cat']"),
    "no tensor": (lambda c: add(c, torch_entry("torch.zeros", call([2**40, 2**40]))), "torch.zeros is called on no tensor of the graph"),
    "in place": (lambda c: add(c, torch_entry("Tensor.add_", call(tensor("x"), 1))), "no torch function is known as 'Tensor.add_'"),
    "inplace=": (
        lambda c: add(c, torch_entry("torch.nn.functional.relu", call(tensor("x"), inplace=True))),
        "leave inplace out",
    ),
    "out=": (
        lambda c: add(c, torch_entry("torch.abs", call(tensor("x"), out=tensor("dense")))),
        "leave out= out, and take what the function gives",
    ),
    "other keys": (lambda c: add(c, torch_entry("torch.abs", call(tensor("x"))) | {"config": {}}), "a torch call is a TorchFunction with"),
    "bad leaf": (
        lambda c: add(c, torch_entry("torch.add", call(tensor("x"), leaf("__tensor__", value="x", dtype="no")))),
        "__tensor__ cannot be read from",
    ),
    "bad number": (
        lambda c: add(c, torch_entry("torch.add", call(tensor("x"), leaf("__number__", type="eval", value="1")))),
        "__number__ cannot be read from",
    ),
    "bad device": (
        lambda c: add(c, torch_entry("Tensor.to", call(tensor("x"), leaf("__torch_device__", name="privateuseone:0")))),
        "__torch_device__ cannot be read from",
    ),
    "lambda": (
        lambda c: at(c, "layers", 1, "config", activation=leaf("__lambda__", value=["4wEA", None, None])),
        "Could not interpret activation function",
    ),
    "keras operation": (
        lambda c: add(c, entry("r", "Rot90", call(tensor("x")), module="keras.src.ops.numpy")),
        "Keras's operation 'Rot90'",
    ),
    "large int": (lambda c: at(c, "layers", 1, "config", units=2**41), "holds the number 2199023255552: an int may be 2**40 at most"),
    "infinity": (lambda c: at(c, "layers", 1, "config", units=float("inf")), "the config holds inf, which JSON cannot"),
    "shared twice": (
        lambda c: (at(c, "layers", 1, shared_object_id=7), add(c, copy.deepcopy(c["layers"][1]) | {"name": "other"})),
        "the entry 'other' is the same shared object as another entry",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_configs(case):
    breaks, said = BROKEN[case]
    config = good().get_config()
    breaks(config)
    with pytest.raises(ConfigError) as error:
        Model.from_config(config)
    text = str(error.value)
    assert said in text
    assert text.startswith("Model.from_config: ")
    assert len(text) <= 1200
    assert len(text.splitlines()) <= 12


def test_an_error_in_full():
    config = good().get_config()
    call_of(config, 1).update(call(tensor("sum")))
    with pytest.raises(ConfigError) as error:
        Model.from_config(config)
    lines = str(error.value).splitlines()
    assert lines[0] == "Model.from_config: the graph has a loop: 'dense' <- 'sum' <- 'dense'"
    assert lines[1].endswith("test_hostile_configs.py:{}: Model.from_config(config)".format(lines[1].split(":")[1]))
    assert lines[2:] == ["  fix: a tensor can only be made from tensors that are there before it"]


DEEP = "[" * 100_000 + "]" * 100_000
TEXTS = {
    "no JSON": ("{", "the config is not JSON"),
    "deep": (DEEP, "nested too deep"),
    "deep enough": ("[" * 300 + "]" * 300, "nested too deep"),
    "NaN": ('{"class_name": NaN}', "NaN is no JSON"),
    "Infinity": ('{"class_name": -Infinity}', "-Infinity is no JSON"),
    "overflow": ('{"x": 1e999}', "the config holds inf"),
    "duplicate key": (
        '{"class_name": "Dense", "class_name": "Functional", "config": {}}',
        "the key 'class_name' comes twice in one object",
    ),
    "huge int": ('{"x": ' + "9" * 5000 + "}", "is too large: an int may be 2**40 at most"),
    "no model": ('{"x": 1}', "the config describes no model, it is {'x': 1}"),
    "a layer": ('{"module": "keras.layers", "class_name": "ReLU", "config": {}}', "the config describes no model, it is ReLU"),
    "null": ("null", "the config describes no model, it is None"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_broken_texts(case):
    text, said = TEXTS[case]
    with pytest.raises(ConfigError) as error:
        model_from_json(text)
    assert said in str(error.value)
    assert len(str(error.value)) <= 1200


def test_too_much(monkeypatch):
    from layergraph.models import reading
    from layergraph.saving import values

    with pytest.raises(ConfigError, match=r"is 67,108,865 characters long, and may be 67,108,864"):
        model_from_json(" " * (2**26 + 1))
    monkeypatch.setattr(reading, "MOST_LAYERS", 3)
    with pytest.raises(ConfigError, match=r"the config has 4 layers, and may have 3"):
        Model.from_config(good().get_config())
    with pytest.raises(ConfigError, match=r"the config has 4 layers, and may have 3"):
        Sequential.from_config({"name": "s", "layers": [entry(f"r{i}", "ReLU") for i in range(4)]})
    monkeypatch.setattr(values, "MOST_ITEMS", 20)
    with pytest.raises(ConfigError, match=r"the config holds more than 20 values"):
        Model.from_config(good().get_config())


def test_models_in_models_up_to_the_limit():
    def wrapped(times):
        x = Input((2,), name="x")
        config = Model(x, layers.ReLU(name="r")(x), name="m").get_config()
        for _ in range(times):
            inner = entry("m", "Functional", call(tensor("x")), module="keras.src.models.functional") | {"config": config}
            config = {
                "name": "m",
                "layers": [copy.deepcopy(config["layers"][0]), inner],
                "input_layers": ["x", 0, 0],
                "output_layers": ["m", 1, 0],
            }
        return config

    assert Model.from_config(wrapped(60))(torch.ones(1, 2)).tolist() == [[1.0, 1.0]]
    with pytest.raises(ConfigError, match="nested too deep"):
        Model.from_config(wrapped(90))


SEQUENTIAL = {
    "no layers": ({"name": "s"}, "a Sequential's config is a dict with the list `layers`"),
    "no dict": ([1], "a Sequential's config is a dict with the list `layers`"),
    "unknown key": ({"layers": [], "layer": 1}, "the config has an unknown key 'layer'"),
    "no layer": ({"layers": [{"class_name": "ReLU"}]}, "an entry of `layers` is no layer, it is {'class_name': 'ReLU'}"),
    "two names": ({"layers": [entry("a", "ReLU"), entry("a", "ReLU")]}, "a layer named 'a' is there already"),
    "shape": ({"layers": [entry("a", "Dense", units=2)], "build_input_shape": [None, -3]}, "a size must be an int of at least 0"),
}


@pytest.mark.parametrize("case", SEQUENTIAL)
def test_broken_sequentials(case):
    config, said = SEQUENTIAL[case]
    with pytest.raises(ConfigError) as error:
        Sequential.from_config(config)
    assert said in str(error.value)


def test_no_name_is_imported_or_called():
    """Every public callable of these modules, named in every place where a config names something."""
    import builtins
    import os
    import subprocess

    import layergraph

    seen = []
    watched = ("exec", "compile", "os.system", "subprocess.Popen", "socket.connect", "marshal.loads", "pickle.find_class")
    on = [True]

    def watch(event, args):
        if on[0] and event in watched and "eval_with_key" not in repr(args):  # fx's own
            seen.append((event, args))

    sys.addaudithook(watch)
    config = good().get_config()
    for module in (builtins, os, subprocess, layergraph.saving, layergraph.models, layergraph):
        for name in [name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))]:
            for place in (
                {"module": module.__name__, "class_name": name, "config": {}, "registered_name": name},
                {"module": module.__name__, "class_name": "function", "config": name, "registered_name": name},
            ):
                broken = copy.deepcopy(config)
                broken["layers"][1].update(place)
                with pytest.raises(ConfigError):
                    Model.from_config(broken)
            broken = copy.deepcopy(config)
            broken["layers"][2]["config"]["function"] = f"{module.__name__}.{name}"
            with pytest.raises(ConfigError):
                Model.from_config(broken)
    on[0] = False
    assert seen == []


def chain(count):
    x = y = Input((2,), name="x")
    for _ in range(count):
        y = layers.ReLU()(y)
    return Model(x, y)


def test_long_chains_take_linear_time_and_no_recursion():
    def seconds(count):
        config = chain(count).get_config()
        gc.disable()  # it looks at whatever else the process holds
        try:
            start = time.process_time()
            model = Model.from_config(config)
            return time.process_time() - start
        finally:
            gc.enable()
            assert len(model.layers) == count + 1

    seconds(100)
    assert min(seconds(4000), seconds(4000)) < 14 * min(seconds(500), seconds(500))  # 8 times the layers


def test_ten_thousand_layers():
    model = chain(10_000)
    again = model_from_json(model.to_json())
    assert torch.equal(again(-torch.ones(1, 2)), torch.zeros(1, 2))
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_a_loop_of_many_layers_is_told_in_few_words():
    config = chain(3000).get_config()
    call_of(config, 1).update(call(tensor(config["layers"][-1]["name"])))
    start = time.process_time()
    with pytest.raises(ConfigError, match="the graph has a loop") as error:
        Model.from_config(config)
    assert len(str(error.value)) < 1200
    assert time.process_time() - start < 20


def test_hostile_names_reach_no_code():
    x = Input((2,), name="x")
    config = Model(x, layers.Dense(2, name="dense")(x) + torch.ones(2)).get_config()
    text = json.dumps(config).replace("constant", 'c\\"]); import os #').replace('"dense"', '"d\\"); import os #"')
    model = Model.from_config(json.loads(text))
    assert "import" not in model.code.replace("import_os", "")
    assert all(key.replace(".", "").isidentifier() for key in model.state_dict())
    assert model(torch.ones(1, 2)).shape == (1, 2)


def test_the_size_of_a_factory_is_not_allocated():
    config = good().get_config()
    size = {"class_name": "__symbolic_size__", "config": {"keras_history": ["size", 0, 0]}}
    add(config, torch_entry("Tensor.size", call(tensor("x"), 0), name="size"), torch_entry("torch.ones", call([size, 2**36]), name="ones"))
    start = time.process_time()
    assert deserialize_keras_object({"module": "keras", "class_name": "Functional", "config": config}).name == "good"
    assert time.process_time() - start < 5
