"""Dtype policies: what layers take of them, and that mixed ones are refused. Configs and names: `parity/test_rooms.py`."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("use", [DTypePolicy, config.set_dtype_policy, mixed_precision.set_global_policy, dtype_policies.get])
def test_mixed_policies_are_refused(use: Any, name: str):
    with pytest.raises(ArgumentError) as caught:
        use(name)
    assert caught.value.what == f"DTypePolicy({name!r}): layers keep and compute in one dtype; in torch mixed precision is a region of code"
    half = name.removeprefix("mixed_")
    autocast = f'with torch.autocast("cuda", dtype=torch.{half}):'
    assert caught.value.fix == f'leave the policy "float32" and write `{autocast}` around the forward pass'
    assert config.dtype_policy().name == "float32"


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
