"""Dtype policies: what layers take of them, and that the mixed one is autocast. Configs and names: `parity/test_rooms.py`."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest
import torch

import layergraph as keras
from layergraph import DTypePolicy, Input, config, dtype_policies, layers, mixed_precision
from layergraph.errors import ArgumentError


@pytest.fixture(autouse=True)
def defaults_afterwards():
    yield
    dtype_policies.forget_dtype_policy()
    config.set_floatx("float32")


def test_layers_take_the_global_policy():
    config.set_dtype_policy("float64")
    layer = layers.Dense(2)
    assert layer(Input((3,), dtype="float64")).dtype == "float64"
    assert layer.kernel.dtype is torch.float64
    assert layer.dtype_policy == DTypePolicy("float64")
    assert layers.Dense(2, dtype="float32").dtype == "float32"
    assert config.floatx() == "float32"


def test_without_a_policy_it_is_floatx():
    config.set_floatx("float16")
    assert config.dtype_policy().name == layers.Dense(2).dtype == "float16"
    mixed_precision.set_global_policy("float32")  # one that was set stays, as in Keras
    config.set_floatx("float64")
    assert layers.Dense(2).dtype == "float32"


@pytest.mark.parametrize(
    "dtype", [DTypePolicy("float64"), "float64", torch.float64, dtype_policies.serialize(DTypePolicy("float64"))], ids=str
)
def test_a_layer_takes_a_policy_in_any_form(dtype: Any):
    layer = layers.Dense(2, dtype=dtype)
    assert (layer.dtype, layer.compute_dtype, layer.variable_dtype, layer.dtype_policy.name) == ("float64",) * 4
    assert layers.Dense.from_config(layer.get_config()).dtype == "float64"


def test_a_policy_stays_in_its_context():
    seen: list[str] = []
    config.set_dtype_policy("float64")
    thread = threading.Thread(target=lambda: seen.append(config.dtype_policy().name))
    thread.start()
    thread.join()
    assert seen == ["float32"]


def test_policies_are_values():
    assert {DTypePolicy("float32"), keras.FloatDTypePolicy("float32"), mixed_precision.Policy()} == {DTypePolicy("float32")}
    assert DTypePolicy("float32") != DTypePolicy("float16")
    assert DTypePolicy("float32") != "float32"


@pytest.mark.parametrize("use", [DTypePolicy, config.set_dtype_policy, mixed_precision.set_global_policy, dtype_policies.get])
def test_a_policy_that_needs_a_scaler_is_refused(use: Any):
    with pytest.raises(ArgumentError) as caught:
        use("mixed_float16")
    assert caught.value.what == "DTypePolicy('mixed_float16'): gradients in float16 need a scaler, which belongs to the training loop"
    autocast = 'with torch.autocast("cuda", dtype=torch.float16):'
    assert caught.value.fix == f'use "mixed_bfloat16", or write `{autocast}` and a torch.amp.GradScaler'
    assert config.dtype_policy().name == "float32"


IMAGES = torch.linspace(-1, 1, 2 * 8 * 8 * 3).reshape(2, 8, 8, 3)


def mixed_model() -> Any:
    torch.manual_seed(0)
    mixed_precision.set_global_policy("mixed_bfloat16")
    x = Input((8, 8, 3))
    h = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(x))
    h = layers.GlobalAveragePooling2D()(h)
    return keras.Model(x, [layers.Dense(3, activation="softmax", dtype="float32")(h), layers.Dense(2)(h)])


def test_a_mixed_policy_is_autocast():
    model = mixed_model().eval()
    conv = model.layers[1]
    assert (conv.compute_dtype, conv.dtype, conv.kernel.dtype) == ("bfloat16", "float32", torch.float32)
    with torch.no_grad():
        first, second = model(IMAGES)
        assert (first.dtype, second.dtype) == (torch.float32, torch.bfloat16)
        assert not torch.equal(first, first.bfloat16().float())  # the softmax itself was computed in float32
        whole = keras.models.clone_model(model)
    plain = [layer.get_config() for layer in model.layers]
    assert [config["dtype"]["config"]["name"] for config in plain[1:]] == ["mixed_bfloat16"] * 3 + ["float32", "mixed_bfloat16"]
    for weights in (whole, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), keras.models.model_from_json(model.to_json())):
        weights.set_weights(model.get_weights())
        assert torch.equal(weights.eval()(IMAGES)[0], first)
    dtype_policies.forget_dtype_policy()
    layer = layers.Dense(3, dtype="mixed_bfloat16")
    assert layer(torch.ones(2, 4)).dtype is torch.bfloat16
    assert layers.Dense(3)(torch.ones(2, 4)).dtype is torch.float32


def test_a_mixed_model_compiles_and_trains():
    torch._dynamo.reset()
    model = mixed_model()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    wanted = model.eval()(IMAGES)
    for got, each in zip(compiled(IMAGES), wanted, strict=True):
        torch.testing.assert_close(got, each)
    sum(y.float().sum() for y in compiled(IMAGES)).backward()
    assert all(p.grad is not None and p.grad.dtype is torch.float32 for p in model.parameters())
    model.compile("adam", ["categorical_crossentropy", "mse"])
    history = model.fit(IMAGES, [torch.eye(3)[:2], torch.zeros(2, 2)], epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DTypePolicy("flaot32"), "Invalid dtype: 'flaot32'(.|\n)*did you mean 'float32'"),
        (lambda: DTypePolicy("int8_from_float32"), "layergraph has no quantized layers"),
        (lambda: config.set_dtype_policy(None), "wanted the name of a policy or a DTypePolicy, got None"),
        (lambda: dtype_policies.deserialize({"class_name": "Foo", "config": {}}), "Could not interpret dtype policy config"),
    ],
)
def test_wrong_use(make: Any, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()
