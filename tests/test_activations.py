"""Activations: Keras's numbers and gradients, names, and the callables that a layer calls."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn

from layergraph import activations
from layergraph.errors import ArgumentError
from layergraph.layers.core import Input

from .parity import golden

ROWS = {row: data for row, data in golden.family("leaves").items() if row.startswith("activations/")}
KNOWN: dict[str, str | None] = golden.family("leaves")["names/activations"]["facts"]["known"]
ACCEPTED = [name for name, kept in KNOWN.items() if kept is not None]
NEEDS_ARGUMENTS = {"threshold"}


def arguments(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row["facts"]["arguments"].items()}


def measured(function: Any, row: dict[str, Any], **kwargs: Any) -> tuple[float, float]:
    x = torch.tensor(row["x"][0], requires_grad=True)
    y = function(x, **kwargs)
    (gradient,) = torch.autograd.grad(y, x, torch.tensor(row["upstream"][0]))
    return golden.error(y.detach().numpy(), row["y"][0]), golden.error(gradient.numpy(), row["gradient"][0])


def test_every_activation_has_a_golden():
    assert {data["facts"]["name"] for data in ROWS.values()} == set(ACCEPTED)
    assert set(ACCEPTED) == set(activations._CALLED)


@pytest.mark.parametrize("row", ROWS)
def test_values_and_gradients_are_keras(row: str):
    data = ROWS[row]
    assert data["y"][0].std() > 0
    value, gradient = measured(getattr(activations, data["facts"]["name"]), data, **arguments(data))
    assert value <= golden.LIMITS["float32"]
    assert gradient <= golden.LIMITS["float32"]


@pytest.mark.parametrize("row", [row for row, data in ROWS.items() if not data["facts"]["arguments"]])
def test_what_a_layer_calls_has_the_same_numbers(row: str):
    value, gradient = measured(activations.get(ROWS[row]["facts"]["name"]), ROWS[row])
    assert value <= golden.LIMITS["float32"]
    assert gradient <= golden.LIMITS["float32"]


@pytest.mark.parametrize("row", ROWS)
def test_it_lowers_onto_an_fx_graph(row: str):
    """With a proxy for `x` nothing may depend on its type, rank or values."""
    data = ROWS[row]
    function, kwargs = getattr(activations, data["facts"]["name"]), arguments(data)

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(x, **kwargs)

    lowered = fx.symbolic_trace(Net())
    x = torch.tensor(data["x"][0])
    assert torch.equal(lowered(x), function(x, **kwargs))


@pytest.mark.parametrize("row", ROWS)
def test_it_records_on_a_symbol(row: str):
    symbol = getattr(activations, ROWS[row]["facts"]["name"])(Input(shape=(8,)), **arguments(ROWS[row]))
    assert symbol.shape == ((None, 4) if row.endswith("glu()") else (None, 8))


@pytest.mark.parametrize(
    ("function", "made_of_torch"),
    [
        *[(torch.relu, True), (F.gelu, True), (F.silu, True), (torch.sin, True), (activations.softmax, True), (activations.linear, True)],
        *[(nn.PReLU(), False), (lambda x: x, False), (len, False), (nn.ReLU, False), (None, False), ("relu", False)],
    ],
    ids="relu gelu silu sin softmax linear module lambda len class none word".split(),
)
def test_what_may_be_recorded_call_by_call(function: Any, made_of_torch: bool):
    assert activations.is_torch(function) is made_of_torch


@pytest.mark.parametrize("row", ROWS)
def test_the_input_is_left_alone(row: str):
    x = torch.tensor(ROWS[row]["x"][0])
    getattr(activations, ROWS[row]["facts"]["name"])(x, **arguments(ROWS[row]))
    assert np.array_equal(x.numpy(), ROWS[row]["x"][0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("row", ROWS)
def test_the_dtype_stays(row: str, dtype: torch.dtype):
    y = getattr(activations, ROWS[row]["facts"]["name"])(torch.tensor(ROWS[row]["x"][0], dtype=dtype), **arguments(ROWS[row]))
    assert y.dtype == dtype


@pytest.mark.parametrize("name", sorted(set(ACCEPTED) - NEEDS_ARGUMENTS))
def test_names_round_trip(name: str):
    called = activations.get(name)
    assert activations.serialize(called) == KNOWN[name]
    assert activations.serialize(getattr(activations, name)) == KNOWN[name]
    assert activations.deserialize(KNOWN[name]) is called
    assert activations.get({"class_name": "function", "config": name}) is called
    assert pickle.loads(pickle.dumps(called)) is called
    assert copy.deepcopy(called) is called


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *[("relu", torch.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("selu", torch.selu), ("exponential", torch.exp)],
        *[("gelu", F.gelu), ("silu", F.silu), ("softplus", F.softplus), ("swish", F.silu), ("mish", F.mish), ("elu", F.elu)],
        *[("linear", activations.linear), ("softmax", activations.softmax), ("leaky_relu", activations.leaky_relu)],
    ],
)
def test_torch_has_the_part(name: str, wanted: Any):
    assert activations.get(name) is wanted


@pytest.mark.parametrize("function", [F.relu, F.sigmoid, F.tanh, F.selu, F.hardshrink], ids=lambda function: function.__name__)
def test_other_torch_spellings_are_named(function: Any):
    assert activations.get(activations.serialize(function)) is not None


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("relu", "(x, negative_slope=0.0, max_value=None, threshold=0.0)"),
        *[("leaky_relu", "(x, negative_slope=0.2)"), ("softmax", "(x, axis=-1)"), ("log_softmax", "(x, axis=-1)")],
        *[("elu", "(x, alpha=1.0)"), ("celu", "(x, alpha=1.0)"), ("gelu", "(x, approximate=False)"), ("glu", "(x, axis=-1)")],
        *[
            ("squareplus", "(x, b=4)"),
            ("hard_shrink", "(x, threshold=0.5)"),
            ("soft_shrink", "(x, threshold=0.5)"),
            ("sparsemax", "(x, axis=-1)"),
        ],
        *[("threshold", "(x, threshold, default_value)"), ("hard_swish", "(x)"), ("linear", "(x)")],
    ],
)
def test_signatures_are_keras(name: str, signature: str):
    found = inspect.signature(getattr(activations, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    assert str(inspect.Signature(bare)) == signature


def test_none_and_callables():
    module = nn.PReLU()
    assert activations.get(None) is activations.linear
    assert activations.get(module) is module
    assert activations.get(torch.sin) is torch.sin


def test_custom_functions_need_a_name():
    config = activations.serialize(torch.sin, {"wave": torch.sin})
    assert config == {"class_name": "function", "config": "wave"}
    assert activations.deserialize(config, {"wave": torch.sin}) is torch.sin
    with pytest.raises(ArgumentError, match=r"Cannot serialize the activation function .*sin(.|\n)*custom_objects=\{'sin': \.\.\.\}"):
        activations.serialize(torch.sin)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("foo", "Could not interpret activation function identifier: 'foo'(.|\n)*use one of 'linear', 'relu', "),
        ("rleu", "identifier: 'rleu'(.|\n)*did you mean 'relu'"),
        ("ReLU", "identifier: 'ReLU'(.|\n)*did you mean 'relu'"),
        ("hardtanh", "identifier: 'hardtanh'(.|\n)*did you mean 'hard_tanh'"),
        ("LeakyReLU", "did you mean 'leaky_relu'"),
        ("exp", "identifier: 'exp'"),
        (3, "Could not interpret activation function identifier: 3"),
        (nn.ReLU, r"is a class(.|\n)*pass an instance: ReLU\(\)"),
        ({"foo": 1}, r"Could not interpret activation function config: \{'foo': 1\}(.|\n)*class_name"),
        ({"class_name": "Dense", "config": {}}, "identifier: 'Dense'"),
    ],
)
def test_wrong_identifiers(identifier: object, message: str):
    with pytest.raises(ArgumentError, match=message) as caught:
        activations.get(identifier)
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is None])
def test_what_keras_refuses_is_refused(name: str):
    with pytest.raises(ArgumentError):
        activations.get(name)


def test_softmax_over_several_axes_sums_to_one():
    x = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0)) * 50
    assert torch.allclose(activations.softmax(x, (1, 2)).sum((1, 2)), torch.ones(3))
    assert torch.allclose(activations.softmax(x, None).sum(), torch.ones(()))
