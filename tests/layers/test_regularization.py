"""What dropouts and noise draw in training: mean, spread, rate and which elements share a draw; and the mode of a call."""

from __future__ import annotations

import math

import pytest
import torch

import layergraph
from layergraph import layers
from layergraph.errors import ArgumentError
from layergraph.layers import Input

LAYERS = {
    "Dropout": layers.Dropout(0.3),
    "Dropout, shared": layers.Dropout(0.3, noise_shape=(None, 1, None)),
    "AlphaDropout": layers.AlphaDropout(0.3),
    "AlphaDropout, shared": layers.AlphaDropout(0.3, noise_shape=(None, 1, None)),
    "GaussianDropout": layers.GaussianDropout(0.3),
    "GaussianNoise": layers.GaussianNoise(0.3),
    "SpatialDropout1D": layers.SpatialDropout1D(0.3),
}
both = pytest.mark.parametrize("lowered", [False, True], ids=["eager", "lowered"])


def trained(layer, x, lowered=False):
    """What the layer gives in training, for a fixed seed."""
    torch.manual_seed(0)
    if not lowered:
        return layer.train()(x)
    symbol = Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype)
    return layergraph.Model(symbol, layer(symbol)).train()(x)


def zeros(y):
    return (y == 0).double()


@both
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate, lowered):
    y = trained(layers.Dropout(rate), torch.ones(200, 500), lowered)
    assert zeros(y).mean().item() == pytest.approx(rate, abs=0.01)
    assert y.unique().tolist() == [0.0, pytest.approx(1 / (1 - rate))]


SPATIAL = [
    (layers.SpatialDropout1D, {}, (300, 4, 50), (1,)),
    (layers.SpatialDropout2D, {}, (300, 2, 3, 50), (1, 2)),
    (layers.SpatialDropout2D, {"data_format": "channels_first"}, (300, 50, 2, 3), (2, 3)),
    (layers.SpatialDropout3D, {}, (300, 2, 2, 2, 50), (1, 2, 3)),
    (layers.SpatialDropout3D, {"data_format": "channels_first"}, (300, 50, 2, 2, 2), (2, 3, 4)),
]


@both
@pytest.mark.parametrize(("kind", "kwargs", "shape", "space"), SPATIAL)
def test_spatial_dropouts_drop_whole_channels(kind, kwargs, shape, space, lowered):
    y = trained(kind(0.3, **kwargs), torch.ones(shape), lowered)
    dropped = zeros(y)
    assert (dropped == dropped.amax(space, keepdim=True)).all()  # all of a channel, or nothing of it
    channels = dropped.amax(space)
    assert channels.mean().item() == pytest.approx(0.3, abs=0.02)
    assert channels.mean(0).std() > 0  # drawn for each channel
    assert channels.mean(1).std() > 0  # and for each sample
    assert y.max().item() == pytest.approx(1 / 0.7)


def test_spatial_dropout_takes_the_data_format_of_its_day():
    before = layergraph.config.image_data_format()
    layergraph.config.set_image_data_format("channels_first")
    try:
        layer = layers.SpatialDropout2D(0.5)
    finally:
        layergraph.config.set_image_data_format(before)
    assert layer.data_format == "channels_first"
    assert layers.SpatialDropout2D(0.5).data_format == "channels_last"


def test_spatial_dropouts_take_name_and_dtype_by_position():
    layer = layers.SpatialDropout2D(0.5, None, 3, "mine", "float64")
    assert (layer.seed, layer.name, layer.dtype) == (3, "mine", "float64")
    frozen = layers.SpatialDropout1D(0.5, trainable=False)
    assert type(frozen).from_config(frozen.get_config()).trainable is False
    with pytest.raises(ArgumentError, match="takes 2 positional arguments, got 5"):
        layers.SpatialDropout1D(0.5, None, "mine", "float64", True)


@both
def test_gaussian_noise_has_mean_0_and_its_spread(lowered):
    x = torch.full((200, 500), 3.0)
    noise = trained(layers.GaussianNoise(0.25), x, lowered) - x
    assert noise.mean().item() == pytest.approx(0, abs=0.005)
    assert noise.std().item() == pytest.approx(0.25, rel=0.01)
    assert ((noise.abs() < 0.25).double().mean().item()) == pytest.approx(math.erf(2**-0.5), abs=0.01)  # a normal law


@both
def test_gaussian_dropout_multiplies_by_noise_of_mean_1(lowered):
    x = torch.full((200, 500), 3.0)
    factor = trained(layers.GaussianDropout(0.2), x, lowered) / x
    assert factor.mean().item() == pytest.approx(1, abs=0.01)
    assert factor.std().item() == pytest.approx(math.sqrt(0.2 / 0.8), rel=0.01)


def alphas(rate):
    """(spread, what is dropped becomes, shift) of an alpha dropout."""
    lowest = -1.6732632423543772 * 1.0507009873554805
    spread = ((1 - rate) * (1 + rate * lowest**2)) ** -0.5
    return spread, lowest, -spread * lowest * rate


@both
@pytest.mark.parametrize("shape", [None, (None, 1)], ids=["each", "shared"])
def test_alpha_dropout_keeps_mean_and_spread(shape, lowered):
    torch.manual_seed(1)
    x = torch.randn(2000, 400)
    y = trained(layers.AlphaDropout(0.2, noise_shape=shape), x, lowered)
    assert y.mean().item() == pytest.approx(0, abs=0.02)
    assert y.std().item() == pytest.approx(1, abs=0.02)
    spread, lowest, shift = alphas(0.2)
    dropped = torch.isclose(y, torch.tensor(lowest * spread + shift))
    assert dropped.double().mean().item() == pytest.approx(0.2, abs=0.02)
    torch.testing.assert_close(y[~dropped], x[~dropped] * spread + shift)
    assert dropped.all(1).double().mean().item() == pytest.approx(0 if shape is None else 0.2, abs=0.03)  # whole rows


def test_noise_shape_says_which_elements_share_a_draw():
    for layer in (layers.Dropout(0.5, noise_shape=(None, 1, None)), layers.AlphaDropout(0.5, noise_shape=(None, 1, None))):
        y = trained(layer, torch.ones(50, 6, 20))
        assert (y == y[:, :1]).all()
        assert y[:, 0].std(0).min() > 0
        assert y[:, 0].std(1).min() > 0


@pytest.mark.parametrize("name", LAYERS)
def test_training_at_a_call_holds_for_that_call_only(name):
    layer, x = LAYERS[name].eval(), torch.ones(4, 5, 6)
    assert not torch.equal(layer(x, training=True), x)
    assert layer.training is False
    assert torch.equal(layer(x), x)
    layer.train()
    assert torch.equal(layer(x, training=False), x)
    assert layer.training is True
    assert not torch.equal(layer(x), x)
    symbol = Input((5, 6))
    noisy, still = layergraph.Model(symbol, layer(symbol, training=True)), layergraph.Model(symbol, layer(symbol, training=False))
    assert not torch.equal(noisy.eval()(x), x)
    assert torch.equal(still.train()(x), x)


@pytest.mark.parametrize("name", LAYERS)
def test_a_seed_of_torch_s_repeats_a_draw(name):
    layer, x = LAYERS[name], torch.ones(4, 5, 6)
    assert torch.equal(trained(layer, x), trained(layer, x))
    assert torch.equal(trained(layer, x), trained(layer, x, lowered=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_other_dtypes_stay(name, dtype):
    kind = type(LAYERS[name])
    config = {**LAYERS[name].get_config(), "dtype": str(dtype).removeprefix("torch."), "name": None}
    assert kind.from_config(config).train()(torch.ones(2, 5, 6, dtype=dtype)).dtype is dtype


def test_rates_at_the_ends():
    x = torch.randn(3, 4)
    assert torch.equal(layers.Dropout(1.0).train()(x), x * 0)
    assert torch.equal(layers.AlphaDropout(1.0).train()(x), x * 0)
    assert torch.equal(layers.AlphaDropout(1.0, noise_shape=(None, 1)).train()(x), x * 0)
    for layer in (layers.Dropout(0.0), layers.AlphaDropout(0.0), layers.GaussianDropout(0.0), layers.GaussianNoise(0.0)):
        assert torch.equal(layer.train()(x), x)
    with pytest.raises(ArgumentError) as caught:
        layers.GaussianDropout(1.0, name="wild")
    assert str(caught.value).splitlines()[0] == "GaussianDropout 'wild' has rate 1, for which the noise has an infinite spread"


@pytest.mark.parametrize("name", LAYERS)
def test_masks_pass(name):
    mask = torch.tensor([[True, False]])
    assert LAYERS[name].compute_mask(torch.ones(1, 2, 3), mask) is mask
