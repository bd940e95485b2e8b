"""Models and weights as files: the round trip bit by bit, in another process too; what does not fit changes nothing."""

from __future__ import annotations

import copy
import json
import os
import struct
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.models.architectures import ALL
from torch import nn

import layergraph
from layergraph import Input, Model, Sequential, layers, losses, metrics, optimizers, saving
from layergraph.errors import ArgumentError, ConfigError, CorruptModelFileError, DataError
from layergraph.graph.structure import leaves
from layergraph.models import load_model, save_model
from layergraph.saving import files, load_weights, register_keras_serializable, save_weights

SUFFIXES = [".keras", ".h5", ".safetensors"]


def same(one, other):
    return set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)


def filled(model):
    """Weights that no initializer gives."""
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return model


def small(units=2):
    x = Input((4,), name="x")
    return filled(Model(x, layers.Dense(units, name="head")(layers.BatchNormalization(name="norm")(x)), name="small"))


def copied(model):
    return copy.deepcopy(dict(model.state_dict()))


# Models


@pytest.mark.parametrize("build", ALL, ids=lambda each: each.__name__)
def test_each_architecture_comes_back_bit_by_bit(build, tmp_path):
    model, inputs = build()
    filled(model).save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    assert same(found.state_dict(), model.state_dict())
    assert not found.training
    assert not any(module.training for module in found.modules())
    assert found.get_config() == model.get_config()
    expected, given = leaves(model.eval()(*inputs)), leaves(found(*inputs))
    assert all(torch.equal(one, other) for one, other in zip(expected, given, strict=True))
    assert [layer.name for layer in found.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_suffix_of_keras_and_one_format(suffix, tmp_path):
    model, path = small(), str(tmp_path / f"m{suffix}")
    model.save(path)
    assert same(layergraph.load(path).state_dict(), model.state_dict())
    assert same(dict(sorted(load_file(path).items())), dict(sorted(model.state_dict().items())))  # any reader of safetensors
    with safe_open(path, "pt") as file:
        header = file.metadata()
    assert (header["format"], header["format_version"], header["layergraph"]) == ("layergraph", "1", layergraph.__version__)
    assert json.loads(header["model"]) == json.loads(model.to_json())


def test_the_same_outputs_in_a_fresh_process(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, activation="gelu"), layers.LayerNormalization(), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    x = torch.arange(8.0).reshape(2, 4)
    program = f"""
        import torch, layergraph
        model = layergraph.load({str(tmp_path / "m.keras")!r})
        print(model(torch.arange(8.0).reshape(2, 4)).tolist())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == model.eval()(x).tolist()


def test_another_dtype_comes_back(tmp_path):
    for dtype in (torch.float64, torch.bfloat16):
        model = small().to(dtype)
        model.save(tmp_path / "m.keras")
        found = load_model(tmp_path / "m.keras")
        assert same(found.state_dict(), model.state_dict())
        assert found(torch.ones(1, 4, dtype=dtype)).dtype is dtype


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path):
    x = Input((4,))
    shared = layers.Dense(4, name="shared")
    model = Model(x, Sequential([Input((4,)), shared], name="inner")(shared(x)))
    model.save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    assert same(found.state_dict(), model.state_dict())
    assert set(model.state_dict()) == {"shared.weight", "shared.bias", "inner.shared.weight", "inner.shared.bias"}
    assert len(load_file(tmp_path / "m.keras")) == 2
    assert found.shared.weight is found.inner.shared.weight


def test_frozen_layers_stay_frozen(tmp_path):
    model = small()
    model.freeze("head")
    model.save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    assert [p.requires_grad for p in found.parameters()] == [p.requires_grad for p in model.parameters()]
    assert not found.get_layer("head").trainable


@register_keras_serializable("tests")
class Twice(Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(self.dense(x))


def test_a_subclassed_model_with_a_config(tmp_path):
    model = Twice(3)
    with pytest.raises(ArgumentError, match="You are saving a model that has not yet been built"):
        model.save(tmp_path / "m.keras")
    model(torch.ones(2, 3))
    filled(model).save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    assert type(found) is Twice
    assert same(found.state_dict(), model.state_dict())


def test_a_subclassed_model_without_one(tmp_path):
    class Plain(Model):
        def __init__(self, dense):
            super().__init__()
            self.dense = dense

        def call(self, x):
            return self.dense(x)

    model = Plain(nn.Linear(2, 1))
    model(torch.ones(1, 2))
    with pytest.raises(NotImplementedError, match="has no get_config"):
        model.save(tmp_path / "m.keras")
    assert os.listdir(tmp_path) == []


def test_custom_objects(tmp_path):
    class Scale(layers.Layer):
        factor: float = 2.0

        def call(self, x):
            return x * self.factor

    x = Input((3,))
    Model(x, Scale(4.0)(x)).save(tmp_path / "m.keras")
    with pytest.raises(ConfigError, match="Could not locate class 'Scale'"):
        load_model(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras", custom_objects={"Scale": Scale})(torch.ones(1, 3)).tolist() == [[4.0] * 3]


# Compile settings


def test_settings_come_back(tmp_path):
    model = small()
    schedule = optimizers.schedules.ExponentialDecay(0.5, 10, 0.5)
    model.compile(
        optimizers.Adam(schedule, beta_1=0.5, clipnorm=1.0),
        loss=losses.Huber(delta=0.25),
        metrics=["mae", metrics.MeanSquaredError(name="square")],
        weighted_metrics=["mse"],
    )
    model.save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    assert repr(found.optimizer) == repr(model.optimizer)
    x, y = np.ones((4, 4), "float32"), np.ones((4, 2), "float32")
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found.evaluate(x, y, verbose=0, return_dict=True) == expected
    assert set(expected) == {"loss", "mae", "square", "mse"}
    assert not load_model(tmp_path / "m.keras", compile=False).compiled


def test_settings_by_output(tmp_path):
    x = Input((4,))
    model = Model(x, {"a": layers.Dense(1, name="a")(x), "b": layers.Dense(1, name="b")(x)})
    model.compile("sgd", loss={"a": "mse", "b": losses.mean_absolute_error}, loss_weights={"a": 1.0, "b": 0.5}, metrics={"a": ["mae"]})
    model.save(tmp_path / "m.keras")
    found = load_model(tmp_path / "m.keras")
    data = np.ones((4, 4), "float32"), {"a": np.ones((4, 1), "float32"), "b": np.zeros((4, 1), "float32")}
    assert found.evaluate(*data, verbose=0, return_dict=True) == model.evaluate(*data, verbose=0, return_dict=True)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"optimizer": torch.optim.SGD, "loss": "mse"}, "optimizer"),
        ({"loss": lambda a, b: ((a - b) ** 2).mean()}, "loss"),
        ({"loss": nn.MSELoss()}, "loss"),
        ({"loss": "mse", "metrics": [lambda a, b: (a - b).mean()]}, "metrics"),
    ],
)
def test_what_has_no_form_is_left_out_and_told(settings, word, tmp_path):
    model = small()
    model.compile(**settings)
    with pytest.warns(UserWarning, match=f"the file is without `{word}`"):
        model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match=f"was saved without `{word}`: the model is not compiled"):
        found = load_model(tmp_path / "m.keras")
    assert not found.compiled
    assert same(found.state_dict(), model.state_dict())


@register_keras_serializable("tests")
def half(y_true, y_pred):
    return ((y_true - y_pred) ** 2).mean() / 2


def test_a_registered_loss(tmp_path):
    model = small()
    model.compile("sgd", loss=half)
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras")._compiled.loss is half


# Weights


def test_weights_of_any_module(tmp_path):
    one, other = (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2))
    save_weights(one, tmp_path / "m.safetensors")
    load_weights(other, tmp_path / "m.safetensors")
    assert same(one.state_dict(), other.state_dict())
    save_file(one.state_dict(), tmp_path / "theirs.safetensors")  # written by somebody else
    load_weights(filled(other), tmp_path / "theirs.safetensors")
    assert same(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors"])
def test_weights_of_a_model(suffix, tmp_path):
    one, other = small(), small()
    one.save_weights(tmp_path / f"m{suffix}")
    assert not same(one.state_dict(), other.state_dict())
    other.load_weights(tmp_path / f"m{suffix}")
    assert same(one.state_dict(), other.state_dict())
    one.save(tmp_path / "whole.keras")
    other.load_weights(tmp_path / "whole.keras")  # a whole model has its weights


def changed(whole, key, value):
    """A file with another entry among what its header says of it."""
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    assert header["__metadata__"].get(key) != value
    header["__metadata__"][key] = value
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + whole[8 + length :]


def wrong_files(folder):
    """Files from which nothing may be taken, by what is wrong."""
    good = small()
    path = folder / "good.weights.h5"
    good.save_weights(path)
    whole, state = path.read_bytes(), dict(good.state_dict())
    length = int.from_bytes(whole[:8], "little")
    missing = {key: value for key, value in state.items() if key != "head.bias"}
    yield "a missing key", missing
    yield "an unknown key", {**state, "tail.bias": torch.ones(2)}
    yield "another shape", {**state, "head.bias": torch.ones(3)}
    yield "numbers of another kind", {**state, "head.bias": torch.ones(2, dtype=torch.int64)}
    yield "cut short", whole[:-5]
    yield "cut in the header", whole[: length // 2]
    yield "empty", b""
    yield "text", b"not a model at all, but text that is long enough"
    yield "an archive of Keras's", b"PK\x03\x04" + whole
    yield "HDF5", b"\x89HDF\r\n\x1a\n" + whole
    yield "a header that is no JSON", struct.pack("<Q", 16) + b"{" * 16 + whole[-64:]
    yield "a header that is a list", struct.pack("<Q", 2) + b"[]"
    yield "a header of no tensors", struct.pack("<Q", 9) + b'{"a": 12}'
    yield "a length beyond the file", struct.pack("<Q", 2**62) + whole[8:]
    yield "trailing bytes", whole + b"more"
    yield "a tied name that is not there", changed(whole, "aliases", '{"a":"b"}')
    yield "another version", changed(whole, "format_version", "9")


@pytest.mark.parametrize("index", range(17))
def test_all_or_nothing(index, tmp_path):
    """R12: whatever is wrong with the file, the model is as it was, bit by bit."""
    name, content = list(wrong_files(tmp_path))[index]
    path = tmp_path / "wrong.weights.h5"
    if isinstance(content, bytes):
        assert content != (tmp_path / "good.weights.h5").read_bytes(), name
        path.write_bytes(content)
    else:
        save_file(content, path)
    model = small()
    before = copied(model)
    with pytest.raises(ValueError) as caught:
        model.load_weights(path)
    assert isinstance(caught.value, (ArgumentError, DataError, ConfigError, CorruptModelFileError)), name
    who = str(path) if isinstance(caught.value, CorruptModelFileError) else "Functional 'small'.load_weights"
    assert who in str(caught.value)
    assert caught.value.place[0] == __file__
    assert same(model.state_dict(), before)
    if isinstance(content, bytes):
        with pytest.raises(ValueError):
            load_model(path)


def test_the_message_in_full(tmp_path):
    small(3).save_weights(tmp_path / "m.safetensors")
    with pytest.raises(DataError) as caught:
        small().load_weights(tmp_path / "m.safetensors")
    lines = str(caught.value).replace(str(tmp_path), "...").splitlines()
    assert lines[:3] == [
        "Functional 'small'.load_weights: the weights in '.../m.safetensors' do not fit; nothing was loaded",
        "  'head.weight': (3, 4) in the file, (2, 4) in the model",
        "  'head.bias': (3,) in the file, (2,) in the model",
    ]
    assert lines[-1] == "  fix: skip_mismatch=True takes what fits"


def test_tied_weights_that_differ_in_the_file(tmp_path):
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    before, state = copied(module), copied(module)
    state["1.weight"] = state["1.weight"] + 1
    save_file(state, tmp_path / "m.safetensors")
    with pytest.raises(DataError, match=r"'1\.weight' and '0\.weight' are one tensor in the model, and two in the file"):
        load_weights(module, tmp_path / "m.safetensors")
    assert same(module.state_dict(), before)


def test_skip_mismatch(tmp_path):
    one, other = small(3), small(2)
    one.save_weights(tmp_path / "m.safetensors")
    before = copied(other)
    with pytest.warns(UserWarning, match=r"left as they were: 'head.weight' \(\(3, 4\) in the file"):
        other.load_weights(tmp_path / "m.safetensors", skip_mismatch=True)
    now = other.state_dict()
    assert torch.equal(now["norm.weight"], one.state_dict()["norm.weight"])
    assert torch.equal(now["head.weight"], before["head.weight"])


def test_weights_alone_are_no_model(tmp_path):
    small().save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ArgumentError, match=r"holds weights, and no model(.|\n)*model\.load_weights\(path\)"):
        load_model(tmp_path / "m.safetensors")


# Paths


@pytest.mark.parametrize("path", ["m.ckpt", "m", "m.keras.zip", "m.pt"])
def test_another_suffix(path):
    with pytest.raises(ArgumentError, match="Invalid filepath extension for saving"):
        small().save(path)
    with pytest.raises(ArgumentError, match=r"The filename must end in `\.weights\.h5`"):
        small().save_weights(path)
    with pytest.raises(ArgumentError, match=r"The filename must end in `\.weights\.h5`"):
        small().save_weights("m.keras")


def test_paths(tmp_path):
    model, path = small(), tmp_path / "m.keras"
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match=r"overwrite=False\): '.*' exists"):
        filled(model).save(path, overwrite=False)
    assert path.read_bytes() == before
    with pytest.raises(ArgumentError, match="there is no folder"):
        model.save(tmp_path / "no" / "m.keras")
    with pytest.raises(ArgumentError, match="File not found: filepath="):
        load_model(tmp_path / "no.keras")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ArgumentError, match="is a folder"):
        model.save(tmp_path / "folder.keras")
    with pytest.raises(ArgumentError, match="is a folder"):
        load_model(tmp_path / "folder.keras")
    with pytest.raises(ArgumentError, match="must be a string or a path, got int 3"):
        load_model(3)
    with pytest.raises(ArgumentError, match="a model is one file here"):
        model.save(path, zipped=False)
    with pytest.raises(ArgumentError, match="Linear is no model of layergraph's"):
        save_model(nn.Linear(1, 1), path)


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.keras"
    small().save(path)
    before = path.read_bytes()
    x = Input((4,))
    with pytest.raises(ConfigError, match="lambda"):
        Model(x, layers.Lambda(lambda t: t)(x)).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_model_without_weights_yet(tmp_path):
    model = Sequential([layers.Dense(2)])
    with pytest.raises(ArgumentError, match="the model has no weights yet"):
        model.save(tmp_path / "m.keras")
    small().save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ArgumentError, match="the model has no weights yet"):
        model.load_weights(tmp_path / "m.safetensors")


def test_nothing_of_the_file_is_run(tmp_path):
    """The one door is the reader of configs; a class that is in no table is refused before anything is read."""
    model = small()
    model.save(tmp_path / "m.keras")
    tensors = load_file(tmp_path / "m.keras")
    evil = {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": None}
    for header in ({"model": json.dumps(evil)}, {"model": model.to_json(), "compile": json.dumps({"optimizer": evil, "loss": "mse"})}):
        save_file(tensors, tmp_path / "evil.keras", {"format": "layergraph", "format_version": "1", **header})
        with pytest.raises(ConfigError, match="Could not locate class 'system'"):
            load_model(tmp_path / "evil.keras")
    save_file(tensors, tmp_path / "evil.keras", {"model": model.to_json(), "compile": json.dumps({"fullgraph": True})})
    with pytest.raises(ConfigError, match="unknown word 'fullgraph'"):
        load_model(tmp_path / "evil.keras")


def test_the_rooms():
    assert saving.load_model is load_model is layergraph.load is files.load_model
    assert saving.save_model is save_model
