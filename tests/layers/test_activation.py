"""Activation layers: where PReLU is torch's, masks of Softmax, Keras 2's words."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import layergraph
from layergraph import layers
from layergraph.errors import ShapeError
from layergraph.layers import Input


@pytest.mark.parametrize(
    ("shape", "shared", "weights"),
    [((6,), None, (6,)), ((3, 4), [1], (1, 4)), ((3, 4), [2], (3, 1)), ((3, 2, 4), [1, 2], (1, 1, 4)), ((3, 4), [1, 2], (1, 1))],
)
def test_a_prelu_with_one_alpha_a_channel_is_torch_s(shape, shared, weights):
    x = Input(shape)
    layer = layers.PReLU("ones", shared_axes=shared)
    model = layergraph.Model(x, layer(x))
    assert [type(module) for name, module in model.named_modules() if name] == [nn.PReLU]
    assert layer.get_weights()[0].shape == weights


def test_a_prelu_of_the_channels_of_images_copies_nothing():
    x = Input((5, 5, 3))
    code = layergraph.Model(x, layers.Conv2D(4, 3)(layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(3, 3)(x)))).code
    assert code.count("permute(") == 2  # at the input and the output of the images, nowhere between


def test_a_whole_prelu_has_alpha_as_keras_has_it():
    layer = layers.PReLU()
    layer(torch.ones(2, 3, 4))
    assert [tuple(p.shape) for p in layer.parameters()] == [(3, 4)]
    assert list(layer.state_dict()) == ["alpha"]
    assert layer.alpha.shape == (3, 4)


def test_leaky_relu_takes_alpha_with_a_warning():
    with pytest.warns(
        UserWarning, match="LeakyReLU 'old': `alpha` is Keras 2's word for `negative_slope`; write negative_slope=0.1"
    ) as told:
        layer = layers.LeakyReLU(alpha=0.1, name="old")
    assert told[0].filename == __file__
    assert layer.negative_slope == 0.1
    assert "alpha" not in layer.get_config()


def test_softmax_of_nothing_kept_is_0():
    x = torch.randn(2, 3)
    y = layers.Softmax()(x, mask=torch.tensor([[True, True, False], [False, False, False]]))
    torch.testing.assert_close(y.sum(1), torch.tensor([1.0, 0.0]))
    assert y[0, 2] == 0


def test_a_mask_of_numbers_counts_from_one_half():
    x = torch.randn(2, 3)
    kept = torch.tensor([[1.0, 0.4, 0.6], [0.0, 1.0, 1.0]])
    torch.testing.assert_close(layers.Softmax()(x, mask=kept), layers.Softmax()(x, mask=kept > 0.5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_masked_softmax_in_half_precision_is_finite(dtype):
    y = layers.Softmax(dtype=str(dtype).removeprefix("torch."))(
        torch.randn(2, 4, dtype=dtype), mask=torch.tensor([True, False, True, False])
    )
    assert y.dtype is dtype
    assert torch.isfinite(y).all()
    assert (y[:, 1::2] == 0).all()


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (1, 2, 3)])
def test_a_mask_that_does_not_fit_is_refused(shape):
    with pytest.raises(ShapeError) as caught:
        layers.Softmax(name="odds")(torch.zeros(2, 3), mask=torch.ones(shape) > 0)
    assert str(caught.value).splitlines()[0] == f"Softmax 'odds': a mask of shape {shape} does not broadcast to the input's (2, 3)"


@pytest.mark.parametrize(
    "layer", [layers.ReLU(), layers.LeakyReLU(), layers.ELU(), layers.PReLU(), layers.Softmax()], ids=lambda it: it.name
)
def test_masks_pass(layer):
    x = layers.Masking()(Input((3, 4)))
    assert layer(x)._keras_mask is x._keras_mask
