"""Normalizations: masks, frozen ones under any parent, renormalization, spectral norms, and what torch's modules do."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import layergraph
from layergraph import layers
from layergraph.errors import ArgumentError, ShapeError
from layergraph.layers import Input

# ------------------------------------------------------------------------------------------- BatchNormalization: frozen


def statistics(module):
    return [buffer.clone() for name, buffer in module.named_buffers() if "running" in name]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def nested():
    """(outer model, inner model, the BatchNormalization in it)."""
    x = Input((4,))
    norm = layers.BatchNormalization(name="norm")
    inner = layergraph.Model(x, norm(layers.Dense(4)(x)), name="inner")
    y = Input((4,))
    return layergraph.Model(y, layers.Dense(2)(inner(y)), name="outer"), inner, norm


FREEZE = {"layer": lambda outer, inner, norm: norm, "parent": lambda outer, inner, norm: inner, "grandparent": lambda outer, *_: outer}


@pytest.mark.parametrize("who", FREEZE)
def test_a_frozen_batch_norm_infers_under_any_parent_s_train(nested, who):
    outer, inner, norm = nested
    FREEZE[who](*nested).trainable = False
    x = torch.randn(8, 4)
    for parent in (norm, inner, outer, nn.Sequential(outer), layergraph.Sequential([Input((4,)), outer])):
        before = statistics(outer)
        parent.train()
        outer(x), inner(x), norm(x)
        assert same(statistics(outer), before)
    wanted = copy.deepcopy(outer).eval()(x)
    torch.testing.assert_close(outer.train()(x), wanted)
    torch.testing.assert_close(outer(x, training=True), wanted)
    assert same(statistics(outer), before)


@pytest.mark.parametrize("who", FREEZE)
def test_a_thawed_batch_norm_learns_again(nested, who):
    outer = nested[0]
    frozen = FREEZE[who](*nested)
    frozen.trainable = False
    outer.train()
    frozen.trainable = True
    before = statistics(outer)
    outer(torch.randn(8, 4))
    assert not same(statistics(outer), before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_frozen_one_is_frozen(nested, copied):
    outer, inner, _ = nested
    inner.trainable = False
    twin = copied(outer).train()
    before = statistics(twin)
    twin(torch.randn(8, 4))
    assert same(statistics(twin), before)


@pytest.mark.parametrize("kwargs", [{}, {"renorm": True}], ids=str)
def test_a_frozen_one_infers_with_a_mask_too(kwargs):
    layer, x, mask = layers.BatchNormalization(**kwargs), torch.randn(4, 5, 3), torch.rand(4, 5) < 0.5
    layer(x)
    layer.trainable = False
    before = statistics(layer)
    wanted = layer.eval()(x)
    torch.testing.assert_close(layer.train()(x, mask=mask), wanted)
    torch.testing.assert_close(layer(x, mask=mask, training=True), wanted)
    assert same(statistics(layer), before)


# -------------------------------------------------------------------------------------------- BatchNormalization: masks


@pytest.mark.parametrize("kwargs", [{}, {"renorm": True}], ids=str)
def test_a_mask_that_keeps_all_changes_nothing(kwargs):
    one, other = layers.BatchNormalization(**kwargs), layers.BatchNormalization(**kwargs)
    x = torch.randn(4, 5, 3, dtype=torch.float32)
    torch.testing.assert_close(one.train()(x, mask=torch.ones(4, 5) > 0), other.train()(x))
    torch.testing.assert_close(statistics(one), statistics(other))


def test_masked_steps_do_not_count():
    layer, x, mask = layers.BatchNormalization(momentum=0.0), torch.randn(6, 5, 3), torch.rand(6, 5) < 0.6
    layer.train()(x, mask=mask)
    kept = x[mask]
    torch.testing.assert_close(layer.moving_mean, kept.mean(0))
    torch.testing.assert_close(layer.moving_variance, kept.var(0, correction=1))
    x = torch.where(mask.unsqueeze(-1), x, torch.inf)
    assert torch.isfinite(layer(x, mask=mask)[mask]).all()


def test_nothing_kept_leaves_finite_numbers():
    layer = layers.BatchNormalization()
    y = layer.train()(torch.randn(4, 5, 3), mask=torch.zeros(4, 5) > 0)
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(buffer).all() for buffer in layer.buffers())


@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"renorm": True}], ids=str)
def test_the_mask_of_a_graph_reaches_a_batch_norm_that_compiles(kwargs):
    x = Input((5, 3))
    layer = layers.BatchNormalization(**kwargs)
    model = layergraph.Model(x, layer(layers.Masking()(x)))
    data = torch.randn(4, 5, 3) * (torch.rand(4, 5, 1) < 0.7)
    mask = (data != 0).any(-1)
    twin = copy.deepcopy(layer)
    for training in (False, True):
        wanted = twin.train(training)(data, mask=mask)
        torch.testing.assert_close(copy.deepcopy(model).train(training)(data), wanted)
        torch._dynamo.reset()
        compiled = torch.compile(model.train(training), fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(data), wanted)
        torch.testing.assert_close(statistics(layer), statistics(twin))
    exported = torch.export.export(model.eval(), (data,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    torch.testing.assert_close(exported.module()(data[:3]), model(data[:3]))


def test_a_mask_of_another_rank_is_refused():
    with pytest.raises(ShapeError) as caught:
        layers.BatchNormalization(name="norm")(torch.zeros(2, 3, 4), mask=torch.ones(2, 3, 4) > 0)
    assert str(caught.value).splitlines()[0] == "BatchNormalization 'norm': a mask of shape (2, 3, 4) for an input of shape (2, 3, 4)"


@pytest.mark.parametrize("mask", [None, torch.tensor([[True, False, True], [True, True, False]])], ids=["plain", "masked"])
@pytest.mark.parametrize("kwargs", [{}, {"renorm": True}], ids=str)
def test_half_precision_keeps_its_dtype(kwargs, mask):
    layer, x = layers.BatchNormalization(**kwargs), torch.randn(2, 3, 4)
    layer(x)
    words = {} if mask is None else {"mask": mask}
    with torch.autocast("cpu", torch.bfloat16):
        y = layer.train()(x.bfloat16(), **words)
    assert torch.isfinite(y).all()
    assert layer.moving_mean.dtype is torch.float32


# ------------------------------------------------------------------------------------------- BatchNormalization: others


@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 5, 4), (2, 3, 5, 4), (2, 2, 2, 2, 4), (2, 1, 2, 1, 2, 4)])
def test_any_rank(shape):
    x = torch.randn(6, *shape)
    layer = layers.BatchNormalization(momentum=0.0)
    y = layer.train()(x)
    torch.testing.assert_close(y.flatten(0, -2).mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.moving_variance, x.flatten(0, -2).var(0))
    symbol = Input((*[None] * (len(shape) - 1), 4))
    torch.testing.assert_close(layergraph.Model(symbol, layer(symbol)).train()(x), y)


def test_it_still_converts_to_sync_batch_norm():
    x = Input((5, 4))
    model = nn.SyncBatchNorm.convert_sync_batchnorm(layergraph.Model(x, layers.BatchNormalization()(x)))
    assert isinstance(model.batch_normalization, nn.SyncBatchNorm)
    with pytest.raises(ArgumentError, match="convert_sync_batchnorm"):
        layers.BatchNormalization(synchronized=True)


@pytest.mark.parametrize("wrong", [{"rmix": 1.0}, {"rmax": 1.0, "rmin": 2.0}, {"dmax": -1.0}, [1.0], {"rmax": "2"}])
def test_wrong_clipping_is_refused(wrong):
    with pytest.raises(ArgumentError, match="renorm_clipping"):
        layers.BatchNormalization(renorm=True, renorm_clipping=wrong)


def test_renorm_compiles_and_goes_through_a_config():
    layer = layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 3.0, "rmin": 0.3, "dmax": 5.0})
    x = Input((4,))
    model, data = layergraph.Model(x, layer(x)), torch.randn(8, 4)
    twin = layergraph.models.model_from_json(model.to_json())
    twin.load_state_dict(model.state_dict())
    torch._dynamo.reset()
    y = torch.compile(model.train(), fullgraph=True, backend="aot_eager")(data)
    torch.testing.assert_close(y, twin.train()(data))
    torch.testing.assert_close(statistics(model), statistics(twin))
    assert layers.BatchNormalization(renorm=True).get_config()["renorm_clipping"] == {}


# ------------------------------------------------------------------------------------------------ of the sample's own


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        (layers.GroupNormalization(2), nn.GroupNorm),
        (layers.RMSNormalization(), nn.RMSNorm),
        (layers.RMSNormalization(axis=[1, 3]), nn.RMSNorm),
        (layers.LayerNormalization(axis=1), nn.LayerNorm),
    ],
)
def test_it_lowers_to_torch_s(layer, module):
    x = Input((2, 3, 4))
    model = layergraph.Model(x, layer(x))
    assert [type(each) for name, each in model.named_modules() if name] == [module]


def test_a_group_norm_without_gamma_has_one_weight():
    layer = layers.GroupNormalization(2, scale=False)
    layer(torch.randn(2, 3, 4)).sum().backward()
    assert list(layer.state_dict()) == ["bias"]
    assert [w.shape for w in layer.get_weights()] == [(4,)]
    assert layer.count_params() == 4


def test_groups_follow_the_channels_where_groups_is_minus_1():
    layer = layers.GroupNormalization(groups=-1)
    layer(torch.randn(2, 3, 6))
    assert layer.group_norm.num_groups == 6
    assert layer.get_config()["groups"] == -1


def test_a_zero_vector_has_no_direction():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    y = layers.UnitNormalization()(x)
    y.sum().backward()
    assert y.tolist() == [[0, 0], [pytest.approx(0.6), pytest.approx(0.8)]]
    assert torch.isfinite(x.grad).all()


def test_rms_scaling_is_taken_with_a_warning():
    with pytest.warns(UserWarning, match="use layers.RMSNormalization"):
        layer = layers.LayerNormalization(rms_scaling=True)
    x = torch.randn(3, 5)
    torch.testing.assert_close(layer(x), x * torch.rsqrt(x.var(1, correction=0, keepdim=True) + 1e-3))
    assert [w.shape for w in layer.get_weights()] == [(5,)]
    assert layer.get_config()["rms_scaling"] is True
    with pytest.raises(ArgumentError, match="takes 10 positional arguments"):
        layers.LayerNormalization(-1, 1e-3, True, True, *["zeros"] * 2, *[None] * 4, True)


@pytest.mark.parametrize("kind", [layers.BatchNormalization, layers.LayerNormalization, layers.UnitNormalization])
def test_masks_pass(kind):
    x = layers.Masking()(Input((3, 4)))
    layer = kind()
    assert layer(x)._keras_mask is x._keras_mask


def test_rms_and_spectral_norms_drop_masks():
    x = layers.Masking()(Input((3, 4)))
    for layer in (layers.RMSNormalization(), layers.SpectralNormalization(layers.Dense(2))):
        with pytest.warns(UserWarning, match="does not support masks"):
            layer(x)


# ------------------------------------------------------------------------------------------------ SpectralNormalization


def largest(kernel):
    return torch.linalg.matrix_norm(kernel.detach().reshape(-1, kernel.shape[-1]), 2).item()


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (lambda: layers.Dense(4), (5,)),
        (lambda: layers.Conv2D(3, 2), (4, 4, 2)),
        (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (3, 5)),
    ],
)
def test_many_steps_bring_the_spectral_norm_to_1(inner, shape):
    layer = layers.SpectralNormalization(inner(), power_iterations=5)
    x = torch.randn(2, *shape)
    before = [array.copy() for array in (layer.eval()(x), layer.get_weights())[1]]
    assert all((a == b).all() for a, b in zip(before, layer.get_weights(), strict=True))  # inference changes nothing
    layer.train()
    for _ in range(30):
        layer(x)
    assert largest(torch.from_numpy(layer.get_weights()[0])) == pytest.approx(1, abs=1e-4)


def test_a_table_of_embeddings_is_normalized_too():
    layer = layers.SpectralNormalization(layers.Embedding(7, 3), power_iterations=20)
    y = layer(torch.tensor([[1, 2]]), training=True)
    assert largest(layer.layer.embeddings) == pytest.approx(1, abs=1e-4)
    assert y.dtype is torch.float32  # Keras casts it to the indices' dtype


def test_a_kernel_of_zeros_stays_so():
    layer = layers.SpectralNormalization(layers.Dense(4, kernel_initializer="zeros"))
    assert not layer(torch.randn(2, 3), training=True).any()
    assert not layer.layer.kernel.any()


def test_the_kernel_is_the_layer_s_and_stands_once():
    x = Input((3,))
    layer = layers.SpectralNormalization(layers.Dense(4, kernel_regularizer="l2"), name="sn")
    model = layergraph.Model(x, layer(x))
    assert sorted(model.state_dict()) == ["sn.layer.bias", "sn.layer.weight", "sn.spectral_norm.vector_u"]
    assert isinstance(model.sn.layer, nn.Linear)
    assert [w.shape for w in layer.get_weights()] == [(3, 4), (1, 4), (4,)]
    assert [w.shape for w in layer.trainable_weights] == [(4, 3), (4,)]
    assert len(model.losses) == 1


def test_training_at_a_call_normalizes_for_that_call():
    layer, x = layers.SpectralNormalization(layers.Dense(4)), torch.randn(2, 3)
    layer.eval()(x)
    first = layer.layer.kernel.detach().clone()
    layer(x)
    assert torch.equal(layer.layer.kernel, first)
    layer(x, training=True)
    assert not torch.equal(layer.layer.kernel, first)
    symbol = Input((3,))
    still = layergraph.Model(symbol, layer(symbol, training=False)).train()
    second = layer.layer.kernel.detach().clone()
    still(x)
    assert torch.equal(layer.layer.kernel, second)


def test_a_layer_without_a_kernel_is_refused():
    with pytest.raises(ShapeError) as caught:
        layers.SpectralNormalization(layers.LayerNormalization(name="inner"), name="sn")(torch.zeros(2, 3))
    assert str(caught.value).splitlines()[0] == (
        "SpectralNormalization 'sn': takes a layer with one `kernel` or `embeddings`, got LayerNormalization 'inner': "
        "its weights are gamma, beta"
    )


def test_a_layer_of_the_users_own_can_stand_in_it():
    class Own(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 2), name="kernel")

        def call(self, x):
            return x @ self.kernel

    x = Input((3,))
    layer = layers.SpectralNormalization(Own(), power_iterations=20)
    model = layergraph.Model(x, layer(x))
    model.train()(torch.randn(2, 3))
    assert largest(layer.layer.kernel) == pytest.approx(1, abs=1e-4)
