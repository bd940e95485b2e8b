"""EinsumDense: what it lowers to, the shapes it infers, and what it says of equations that do not fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import layergraph
from layergraph import initializers, layers
from layergraph.errors import ArgumentError, ShapeError
from layergraph.layers import Input


def lowered(equation, output_shape, bias_axes, shape):
    x = Input(shape)
    model = layergraph.Model(x, layers.EinsumDense(equation, output_shape, bias_axes=bias_axes)(x))
    return [type(module) for name, module in model.named_modules() if name], model.code


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape"),
    [("ab,bc->ac", 4, "c", (5,)), ("abc,cd->abd", (3, 4), None, (3, 5)), ("...x,xy->...y", 4, "y", (2, 3, 5))],
)
def test_a_map_of_the_last_axis_is_a_linear(equation, output_shape, bias_axes, shape):
    modules, code = lowered(equation, output_shape, bias_axes, shape)
    assert modules == [nn.Linear]
    assert "einsum(" not in code


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape"),
    [
        ("ab,cb->ac", 4, "c", (5,)),
        ("abc,cd->abd", (3, 4), "bd", (3, 5)),
        ("abc,cde->abde", (3, 2, 4), "de", (3, 5)),
        ("ab...,bc->ac...", 4, "c", (3, 5)),
        ("abc,bcd->abd", (3, 4), None, (3, 5)),
    ],
)
def test_all_else_is_torch_s_einsum(equation, output_shape, bias_axes, shape):
    modules, code = lowered(equation, output_shape, bias_axes, shape)
    assert modules == [nn.ParameterDict]
    assert code.count(f"torch.functional.einsum('{equation}'") + code.count(f"torch.einsum('{equation}'") == 1


@pytest.mark.parametrize(
    ("equation", "output_shape", "given", "wanted"),
    [
        ("abc,cd->abd", (None, 4), (None, 7, 5), (None, 7, 4)),
        ("abc,cd->abd", (None, 4), (None, None, 5), (None, None, 4)),
        ("...x,xy->...y", 4, (None, 2, 3, 5), (None, 2, 3, 4)),
        ("...x,xy->...y", 4, (6, None, 3, 5), (6, None, 3, 4)),
        ("ab...,bc->ac...", 4, (None, 5, 2, 3), (None, 4, 2, 3)),
        ("abc,cd->adb", (4, None), (None, 7, 5), (None, 4, 7)),
    ],
)
def test_shapes(equation, output_shape, given, wanted):
    """Keras leaves None where `output_shape` has it, and mixes up the axes of `...` where there are two or more besides the batch."""
    layer = layers.EinsumDense(equation, output_shape)
    assert layer(Input(batch_shape=given)).shape == wanted
    assert layer.compute_output_shape(given) == wanted


@pytest.mark.parametrize("equation", ["abc", "ab,bc", "ab, bc->ac", "a...,bc->ac...", "ab...,bc->ac", "...ab,bc->ac", "ab,bc->ac...", ""])
def test_an_equation_of_another_form_is_refused(equation):
    with pytest.raises(ArgumentError) as caught:
        layers.EinsumDense(equation, 4, name="mix")
    said = str(caught.value).splitlines()
    assert said[0] == f"EinsumDense 'mix': `equation` Invalid einsum equation {equation!r}"
    assert "'ab,bc->ac', '...ab,bc->...ac' and 'ab...,bc->ac...'" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_sizes_that_do_not_agree_are_told():
    with pytest.raises(ShapeError) as caught:
        layers.EinsumDense("abc,cd->abd", (7, 4), name="mix")(Input((3, 5)))
    assert str(caught.value).splitlines()[0] == (
        "EinsumDense 'mix': has the size 7 for 'b' in output_shape, and the input's shape (None, 3, 5) has 3"
    )
    with pytest.raises(ShapeError, match="needs a known size for 'b' of 'abc,cd->abd', since its bias has as many"):
        layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="bd")(Input((None, 5)))


def test_the_initializer_that_was_given_stays_in_the_config():
    given = initializers.GlorotUniform(seed=3)
    layer = layers.EinsumDense("abc,cde->abde", (None, 8, 8), kernel_initializer=given)
    layer(torch.zeros(1, 2, 16))
    assert layer.get_config()["kernel_initializer"]["config"] == {"seed": 3, "input_axes": None, "output_axes": None}
    assert given.input_axes is None
    assert layer.kernel.abs().max().item() == pytest.approx((6 / (16 + 64)) ** 0.5, rel=0.01)  # not (6 / (16 * 8 + 16 * 8)) ** 0.5


def test_axes_that_the_initializer_says_itself_are_kept():
    given = initializers.VarianceScaling(1.0, "fan_in", "uniform", input_axes=[0, 1], output_axes=[2])
    layer = layers.EinsumDense("abc,cde->abde", (None, 8, 8), kernel_initializer=given)
    layer(torch.zeros(1, 2, 16))
    assert layer.kernel.abs().max().item() == pytest.approx((3 / (16 * 8)) ** 0.5, rel=0.01)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes(dtype):
    layer = layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="e", dtype=str(dtype).removeprefix("torch."))
    assert layer(torch.zeros(1, 2, 3, dtype=dtype)).dtype is dtype
    assert layer.kernel.dtype is dtype


def test_a_regularizer_sees_the_kernel():
    layer = layers.EinsumDense("abc,cde->abde", (None, 2, 4), kernel_regularizer="l2", kernel_initializer="ones")
    layer(torch.zeros(1, 2, 3))
    assert [loss.item() for loss in layer.losses] == [pytest.approx(0.01 * 24)]


def test_identity_gives_nests_back():
    a, b = Input((3,)), Input((4,), dtype="int32")
    nest = layers.Identity()({"a": a, "b": [b]})
    assert nest["b"][0].shape == (None, 4)
    assert nest["b"][0].dtype == "int32"
    model = layergraph.Model({"a": a, "b": b}, nest)
    given = {"a": torch.randn(2, 3), "b": torch.arange(8, dtype=torch.int32).reshape(2, 4)}
    found = model(given)
    assert torch.equal(found["a"], given["a"])
    assert torch.equal(found["b"][0], given["b"])
    x = torch.randn(2, 3)
    assert layers.Identity()(x) is x
    assert layers.Identity().compute_output_shape((None, 3)) == (None, 3)
