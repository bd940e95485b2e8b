"""What reviewers broke, and may not break again."""

from __future__ import annotations

import copy
import pickle
import time

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ArgumentError, DataError, ShapeError, SymbolicError
from layergraph.layers import LSTM, BatchNormalization, Dense, Dropout


class Net(Model):
    def __init__(self):
        super().__init__()
        self.hidden = Dense(4)
        self.norm = BatchNormalization()
        self.head = Dense(1)

    def call(self, x):
        return self.head(self.norm(self.hidden(x)))


def rows(*shape: int) -> torch.Tensor:
    return torch.arange(float(np.prod(shape))).reshape(shape)


def test_fit_with_validation_trains_a_subclass_in_training_mode():
    model = Net()
    model.compile("sgd", loss="mse")
    x, y = np.random.rand(32, 3), np.random.rand(32, 1)
    model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
    norm = model.norm.batch_norm
    assert norm.training
    assert norm.num_batches_tracked == 2
    model.evaluate(x, y, verbose=0)
    assert norm.training
    model(torch.rand(4, 3), training=False)
    assert norm.training


def test_training_at_a_call_follows_trainable_swaps_and_attributes():
    norm, drop = BatchNormalization(), Dropout(0.9)
    model = Model(i := Input((4,)), drop(norm(i)))
    x = rows(8, 4)
    model(x, training=True)
    norm.trainable = False
    before = model.batch_normalization.running_mean.clone()
    model(x, training=True)
    torch.testing.assert_close(model.batch_normalization.running_mean, before)
    model.trainable = True
    model(x, training=True)
    assert not torch.equal(model.batch_normalization.running_mean, before)
    model.dropout.p = 0.0
    assert (model(x, training=True) != 0).float().mean() > 0.9
    model.batch_normalization = nn.Identity()
    torch.testing.assert_close(model(x, training=False), x)


def test_freeze_evaluate_thaw():
    model = Model(i := Input((4,)), Dense(1)(BatchNormalization()(i)))
    model.compile("sgd", loss="mse")
    model.get_layer("batch_normalization").trainable = False
    model.evaluate(rows(8, 4), rows(8, 1), verbose=0)
    model.get_layer("batch_normalization").trainable = True
    assert model.training
    assert model.batch_normalization.training


def test_a_composite_layer_can_be_called_on_symbols():
    class Block(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.wide, self.norm, self.narrow = Dense(4 * units, activation="relu"), BatchNormalization(), Dense(units)

        def call(self, x):
            return x + self.narrow(self.norm(self.wide(x)))

    x = Input((3,))
    block = Block(3)
    y = block(x)
    assert y.shape == (None, 3)
    model = Model(x, y)
    assert len(list(model.parameters())) == 6
    torch.testing.assert_close(model.eval()(rows(2, 3)), block.eval()(rows(2, 3)))
    assert float(block.norm.batch_norm.num_batches_tracked) == 0
    net, z = Net(), Input((3,))
    assert Model(z, net(z))(rows(2, 3)).shape == (2, 1)


def test_blocks_that_draw_their_own_weights_draw_different_ones():
    class Drawn(layers.Layer):
        def build(self, input_shape):
            self.scale = nn.Parameter(torch.randn(input_shape[-1]))

        def call(self, x):
            return x * self.scale

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Drawn()

        def call(self, x):
            return self.inner(x)

    x = Input((5,))
    first, second = Block(), Block()
    second(first(x))
    assert not torch.equal(first.inner.scale, second.inner.scale)


def test_a_subclass_of_a_stock_layer_keeps_what_its_fields_say():
    class Mine(Dense):
        def call(self, x):
            return super().call(x) * 2

    layer = Mine(2, kernel_initializer="ones", kernel_regularizer="l2", kernel_constraint="non_neg")
    torch.testing.assert_close(layer(torch.ones(1, 3)), torch.full((1, 2), 6.0))
    assert float(layer.losses[0].detach()) == pytest.approx(0.06)
    with torch.no_grad():
        layer.kernel.fill_(-1)
    layer.apply_constraints()
    assert not layer.kernel.any()


def test_a_layer_used_in_two_places_counts_once():
    i = Input((4,))
    shared = Dense(4, kernel_initializer="ones", kernel_regularizer="l2")
    outer = Model(i, shared(Model(i, shared(i))(i)))
    assert [float(loss.detach()) for loss in outer.losses] == [pytest.approx(0.16)]
    assert (len(outer.get_weights()), outer.count_params()) == (2, 20)
    twice = Sequential([Input((4,)), shared, shared])
    assert (len(twice.get_weights()), twice.count_params()) == (2, 20)


@pytest.mark.parametrize("build", [lambda s: s(rows(8, 4)), lambda s: s.build((None, 4))])
def test_eval_before_a_sequential_is_built_holds(build):
    model = Sequential([Dense(3), BatchNormalization(), Dropout(0.9)]).eval()
    build(model)
    assert not any(module.training for module in model.modules())
    model.add(Dropout(0.5))
    assert torch.equal(model(rows(8, 4)), model(rows(8, 4)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_outputs_of_a_layer_keep_their_order_in_a_copy(copied):
    x = Input((5, 3))
    out, h, c = LSTM(4, return_sequences=True, return_state=True)(x)
    del c
    model = copied(Model(x, [h, out]))
    assert [y.shape for y in model.get_layer("lstm").output] == [(None, 5, 4), (None, 4), (None, 4)]


def test_no_input_is_dropped_in_silence():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    model = Model([a, b], layers.Add()([a, b]))
    x = torch.ones(1, 2)
    with pytest.raises(DataError, match="got 2 inputs by position and 'b' by name"):
        model(x, x, b=x)


def test_a_converted_norm_is_seen_by_extractors():
    model = Model(i := Input((4, 4, 3)), layers.Flatten()(BatchNormalization()(i)))
    nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert type(Model(model.inputs, model.layers[1].output).batch_normalization) is nn.SyncBatchNorm


def test_reshape_with_two_unknown_sizes():
    x = Input((None, 6))
    assert Model(x, layers.Reshape((-1, 3))(x))(rows(2, 5, 6)).shape == (2, 10, 3)


def test_merges_of_several_dtypes_declare_what_comes():
    whole, real = Input((2,), dtype="int32"), Input((2,))
    for layer in (layers.Add(), layers.Concatenate(), layers.Average()):
        y = layer([whole, real])
        assert y.spec.dtype is Model([whole, real], y)(torch.ones(1, 2, dtype=torch.int32), torch.ones(1, 2)).dtype
    assert layers.Average()([whole, whole]).dtype == "float32"


def test_a_refused_chain_leaves_its_layers_unbuilt():
    first = Dense(4)
    model = Sequential([first, layers.Conv2D(3, 2)])
    with pytest.raises(ShapeError):
        model(torch.ones(2, 5))
    assert not first.built
    assert model(torch.ones(2, 8, 8, 3)).shape == (2, 7, 7, 3)
    empty = Sequential()
    with pytest.raises(ShapeError):
        empty.add(layers.Conv2D(8, 3, input_shape=(2, 2, 3)))
    empty.add(Dense(3, input_shape=(10,)))
    assert empty.input_shape == (None, 10)


def test_pops_take_linear_time():
    def seconds(n: int) -> float:
        model = Sequential([Input((4,)), *(layers.Activation("relu") for _ in range(n))])
        start = time.process_time()
        for _ in range(n // 2):
            model.pop()
        return time.process_time() - start

    seconds(20)
    assert seconds(1200) < 12 * max(seconds(300), 0.01)


def test_hooks_on_a_recorded_layer_are_refused():
    layer = Dense(2, name="out")
    Model(i := Input((3,)), layer(i))
    with pytest.raises(ArgumentError, match=r"register it on the model's module: model.out.register_forward_hook\(...\)"):
        layer.register_forward_hook(print)


def test_copy_copy_shares_modules_and_keeps_the_class():
    model = Sequential([Input((3,)), Dense(2)]).eval()
    twin = copy.copy(model)
    assert type(twin).__mro__[1] is Sequential
    assert twin.dense is model.dense
    assert not twin.training
    twin.add(Dense(1))
    assert (len(model.layers), twin(torch.ones(1, 3)).shape) == (1, (1, 1))


def test_a_layer_takes_its_input_by_name():
    assert Dense(2)(x=torch.ones(1, 3)).shape == (1, 2)
    assert Dense(2)(x=Input((3,))).shape == (None, 2)


def test_embedding_takes_a_table():
    table = np.arange(6.0).reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_allclose(layer.get_weights()[0], table)
    assert layer(torch.tensor([2])).tolist() == [[4.0, 5.0]]
    assert "weights" not in layer.get_config()


def test_dropout_along_an_axis():
    torch.manual_seed(0)
    model = Model(i := Input((4, 50)), Dropout(0.5, noise_shape=(None, 1, None))(i))
    y = model(torch.ones(3, 4, 50))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(y, y[:, :1].expand_as(y))
    torch.testing.assert_close(model.eval()(torch.ones(3, 4, 50)), torch.ones(3, 4, 50))


def test_a_mode_for_a_call_compiles():
    torch.compiler.reset()
    model = Model(i := Input((4,)), Dropout(0.5)(BatchNormalization()(i)))
    x = rows(8, 4)
    torch.testing.assert_close(torch.compile(model, backend="aot_eager")(x, training=False), model(x, training=False))
    assert all(module.training for module in model.modules())


def test_a_model_may_be_built_inside_a_module_s_forward():
    class Maker(nn.Module):
        def forward(self, width):
            x = Input((width,))
            return Model(x, torch.relu(x * 2))

    assert Maker()(3)(torch.ones(1, 3)).tolist() == [[2.0, 2.0, 2.0]]


def test_inplace_functions_do_not_write_into_the_caller_s_tensor():
    with pytest.raises(SymbolicError, match=r"changed in place \(`relu\(..., inplace=True\)`\)"):
        torch.nn.functional.relu(Input((3,)), inplace=True)
