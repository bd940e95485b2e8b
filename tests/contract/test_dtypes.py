"""dtypes: what every row of the contract computes in, eagerly, in a model, under autocast and after a move."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

import layergraph
from layergraph import dtype_policies

from .rows import ROWS, Row
from .running import apply, built, dtype_of, equal, gradients, listed, make, model_of, values, with_unknown

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.layer)

# What torch has no kernel for on the CPU, in its own words.
NO_KERNEL = {
    ("AveragePooling3D", "bfloat16"): "\"avg_pool3d_out_frame\" not implemented for 'BFloat16'",
    ("AveragePooling3D", "float16"): "\"avg_pool3d_out_frame\" not implemented for 'Half'",
}
CLOSE = {"float64": 1e-5, "bfloat16": 0.08, "float16": 0.02}
# Outputs that jump where a rounded input crosses a threshold.
STEEP: set[str] = set()


@contextmanager
def policy(name: str) -> Iterator[None]:
    """The dtype of all layers that are made meanwhile: a layer among a row's arguments too."""
    dtype_policies.set_dtype_policy(name)
    try:
        yield
    finally:
        dtype_policies.forget_dtype_policy()


def of_dtype(row: Row, name: str) -> Any:
    with policy(name):
        return built(row)


def cast(inputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    return [x.to(dtype) if x.is_floating_point() else x for x in inputs]


def model_in(row: Row, layer: Any, name: str) -> Any:
    """The layer in a model whose float inputs are of a dtype."""
    shapes = with_unknown(row, ())
    ins = [
        layergraph.Input(batch_shape=shape, dtype=name if dtype_of(row, index) == "float32" else dtype_of(row, index))
        for index, shape in enumerate(shapes)
    ]
    outs = apply(row, layer, ins)
    return layergraph.Model(ins if len(ins) > 1 else ins[0], outs if len(outs) > 1 else outs[0])


def floats(tensors: Any) -> set[torch.dtype]:
    return {x.dtype for x in tensors if isinstance(x, Tensor) and x.is_floating_point()}


# Codes are of the dtype that the layer was made with: nothing in it can be moved.
CODES = {"CategoryEncoding", "Discretization"}


def layer_of(row: Row, layer: Any) -> Any:
    return lambda *x: apply(row, layer, x)


@every_row
@pytest.mark.parametrize("name", CLOSE)
def test_one_dtype_throughout(row: Row, name: str) -> None:
    """Weights, outputs and gradients, on inputs of that dtype and of float32, at each call and in a model."""
    dtype = getattr(torch, name)
    if (row.layer, name) in NO_KERNEL:
        with pytest.raises(NotImplementedError) as caught:
            of_dtype(row, name)
        assert str(caught.value).splitlines()[0] == NO_KERNEL[row.layer, name]
        return
    layer = of_dtype(row, name)
    weights = list(layer.parameters())
    assert layer.dtype == name
    assert floats(layer.state_dict().values()) <= {dtype}
    model = model_in(row, layer, name)
    if row.layer not in STEEP:
        for got, wanted in zip(apply(row, layer, values(row)), apply(row, built(row), values(row)), strict=True):
            torch.testing.assert_close(got.float(), wanted.float(), rtol=CLOSE[name], atol=CLOSE[name])
    for training in (False, True):
        layer.train(training), model.train(training)
        inputs = values(row, 4)
        outputs = apply(row, layer, inputs)
        assert floats(outputs) <= {dtype}
        assert [y.dtype for y in listed(model(*cast(inputs, dtype)))] == [y.dtype for y in outputs]
        slopes = gradients(layer_of(row, layer), inputs, weights) + gradients(model, cast(inputs, dtype), weights)
        assert all(torch.isfinite(slope).all() for slope in slopes if slope is not None)
    assert floats(gradients(model, cast(values(row, 4), dtype), weights)) <= {dtype}


@every_row
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's own RMSNorm says so of itself
def test_under_autocast(row: Row) -> None:
    """torch.autocast around a layer or its model: weights and their gradients stay float32, and the two agree."""
    layer = built(row)
    model = model_of(row, layer).eval()
    inputs = values(row, 4)
    weights = list(layer.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        wanted = apply(row, layer, inputs)
        equal(model(*inputs), wanted)
        halves = cast(inputs, torch.bfloat16)  # what a matrix product before it gives
        assert floats(apply(row, layer, halves)) <= {torch.bfloat16, torch.float32}
    for got, exact in zip(wanted, apply(row, layer, inputs), strict=True):
        torch.testing.assert_close(got.float(), exact.float(), rtol=CLOSE["bfloat16"], atol=CLOSE["bfloat16"])
    with torch.autocast("cpu", torch.bfloat16):
        slopes = gradients(model.train(), inputs, weights)
    assert floats(slopes) <= {torch.float32}
    assert all(torch.isfinite(slope).all() for slope in slopes if slope is not None)


@every_row
def test_a_mixed_policy_is_autocast(row: Row) -> None:
    """`dtype="mixed_bfloat16"`: weights in float32, and the numbers of autocast, eagerly and in a model."""
    with policy("mixed_bfloat16"):
        layer = built(row)
    plain = built(row)
    inputs = values(row, 4)
    model = model_of(row, layer).eval()
    assert (layer.dtype, layer.compute_dtype, layer.dtype_policy.name) == ("float32", "bfloat16", "mixed_bfloat16")
    assert floats(layer.state_dict().values()) <= {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        wanted = apply(row, plain, inputs)
    equal(apply(row, layer, inputs), wanted)
    equal(model(*inputs), wanted)
    assert not torch.is_autocast_enabled("cpu")
    slopes = gradients(model.train(), inputs, list(model.parameters()))
    assert floats(slopes) <= {torch.float32}
    assert all(torch.isfinite(slope).all() for slope in slopes if slope is not None)


@every_row
def test_a_moved_layer_computes_where_it_was_moved(row: Row) -> None:
    """`layer.double()`, before or after it is built: doubles give doubles, and float32 is cast; so in a model."""
    inputs = values(row, 4)
    for early in (False, True):
        layer = make(row).double() if early else built(row).double()
        for given in (cast(inputs, torch.float64), inputs):
            outputs = apply(row, layer.eval(), given)
            assert floats(outputs) <= {torch.float32 if row.layer in CODES else torch.float64}
        assert floats(layer.parameters()) <= {torch.float64}
        assert floats(apply(row, layer.float(), inputs)) <= {torch.float32}
    for moved in (model_of(row, built(row)).double(), layer_of(row, copy.deepcopy(layer).double())):
        assert floats(listed(moved(*inputs))) <= {torch.float32 if row.layer in CODES else torch.float64}
