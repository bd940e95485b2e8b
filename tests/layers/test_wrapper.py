"""Layers that hold layers: what the tables of the contract and the goldens cannot say."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, Sequential, wrap
from layergraph.errors import ArgumentError, ShapeError
from layergraph.layers import (
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    ConvLSTM1D,
    ConvLSTM2D,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Pipeline,
    Softmax,
    TimeDistributed,
    Wrapper,
)
from layergraph.models import clone_model, model_from_json

X = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))


def of_ours(model: Any) -> set[str]:
    return {type(module).__name__ for name, module in model.named_modules() if name and type(module).__module__.startswith("layergraph")}


# ------------------------------------------------------------------------------------------------------------- wrappers


def test_a_config_nests_the_layer_as_keras_writes_it() -> None:
    config = TimeDistributed(Dense(2, name="inner"), name="outer").get_config()
    assert {word: config["layer"][word] for word in ("module", "class_name", "registered_name")} == {
        "module": "keras.layers",
        "class_name": "Dense",
        "registered_name": None,
    }
    assert (config["name"], config["layer"]["config"]["name"], config["layer"]["config"]["units"]) == ("outer", "inner", 2)
    twin = TimeDistributed.from_config(json.loads(json.dumps(config)))
    assert twin.layer.units == 2


def test_two_layers_from_one_config_share_nothing() -> None:
    layer = Wrapper(Dense(2))
    twin = Wrapper.from_config(layer.get_config())
    assert twin.layer is not layer.layer


def test_a_wrapper_of_the_users() -> None:
    class Doubled(Wrapper):
        def call(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * self.layer(x)

    layer = Doubled(Dense(2))
    x = Input((5,))
    model = Model(x, layer(x))
    torch.testing.assert_close(model(X[:, 0]), 2 * layer.layer(X[:, 0]))
    assert list(model.state_dict()) == ["doubled.layer.weight", "doubled.layer.bias"]
    assert len(layer.get_weights()) == 2


def test_no_layer_is_told() -> None:
    with pytest.raises(ArgumentError) as told:
        TimeDistributed(nn.Linear(3, 2))  # type: ignore[arg-type]
    assert str(told.value).startswith("TimeDistributed: `layer` must be a layer, got Linear")
    assert "wrap(module)" in str(told.value)
    with pytest.raises(ArgumentError, match=r"got the class Dense"):
        Wrapper(Dense)  # type: ignore[arg-type]


def test_the_dtype_is_the_inner_layers() -> None:
    layer = TimeDistributed(Dense(2, dtype="float64"))
    assert layer.dtype == "float64"
    assert layer(X).dtype is torch.float64
    with pytest.raises(ArgumentError, match="give both one dtype"):
        TimeDistributed(Dense(2, dtype="float64"), dtype="float32")


def test_regularizers_and_freezing_reach_the_inner_layer() -> None:
    layer = TimeDistributed(Dense(2, kernel_regularizer="l2"))
    layer(X)
    assert len(layer.losses) == 1
    layer.trainable = False
    assert not any(p.requires_grad for p in layer.parameters())


def test_swapped_modules_are_seen_by_extractors() -> None:
    x = Input((3, 5))
    y = TimeDistributed(Dense(2), name="td")(x)
    model = Model(x, y)
    new = nn.Linear(5, 2)
    model.td.layer = new
    assert Model(model.inputs, model.layers[1].output).td.layer is new


def test_a_clone_has_weights_of_its_own() -> None:
    x = Input((3, 5))
    model = Model(x, TimeDistributed(Sequential([Dense(2), BatchNormalization()]))(x))
    twin = clone_model(model)
    assert list(twin.state_dict()) == list(model.state_dict())
    assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in model.parameters()}


# ------------------------------------------------------------------------------------------------------- TimeDistributed


def steps_of(layer: Any, x: torch.Tensor, **words: Any) -> torch.Tensor:
    return torch.stack([layer(x[:, t], **words) for t in range(x.shape[1])], 1)


class Centred(Layer):
    """A layer of the user's that mixes the samples of its batch."""

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(0, keepdim=True)


def centred_model() -> Any:
    x = Input((5,))
    return Model(x, x - torch.mean(x, 0, keepdim=True))


MIXING = {
    "batch norm": lambda: BatchNormalization(),
    "a layer of the user's": Centred,
    "a model with a torch call": centred_model,
    "a Sequential": lambda: Sequential([Dense(4), BatchNormalization(), Dense(2)]),
    "a torch module": lambda: wrap(nn.BatchNorm1d(5)),
    "softmax over the batch": lambda: Softmax(axis=0),
    "a pipeline": lambda: Pipeline([Dense(4), BatchNormalization()]),
}


@pytest.mark.parametrize("kind", MIXING)
@pytest.mark.parametrize("known", [True, False])
def test_each_step_by_itself_where_the_layer_mixes_samples(kind: str, known: bool) -> None:
    inner = MIXING[kind]()
    layer = TimeDistributed(inner)
    layer(X)
    if not known and kind == "softmax over the batch":
        with pytest.raises(ShapeError, match="the number of steps is unknown"):
            layer(Input((None, 5)))
        return
    twin = copy.deepcopy(layer)
    x = Input((3 if known else None, 5))
    model = Model(x, layer(x))
    for training in (True, False):
        model.train(training), twin.train(training)
        torch.testing.assert_close(model(X), steps_of(twin.layer, X))
        torch.testing.assert_close(list(model.buffers()), list(twin.buffers()))
    assert of_ours(model) <= {"Centred", "Functional", "Sequential", "TorchModuleWrapper"}


@pytest.mark.parametrize("kind", ["batch norm", "a Sequential", "a torch module"])
def test_training_at_the_call_is_that_of_each_step(kind: str) -> None:
    layer = TimeDistributed(MIXING[kind]())
    layer(X)
    layer.eval()
    twin = copy.deepcopy(layer)
    x = Input((3, 5))
    model = Model(x, layer(x, training=True)).eval()
    wanted = steps_of(twin.layer, X, training=True)
    torch.testing.assert_close(model(X), wanted)
    torch.testing.assert_close(list(model.buffers()), list(twin.buffers()))


def test_steps_go_through_at_once_where_that_is_the_same() -> None:
    x = Input((3, 5))
    model = Model(x, TimeDistributed(Sequential([Dense(4), Activation("relu"), Dense(2)]))(x))
    assert model.code.count("time_distributed.layer") == 1
    assert "each_step" not in model.code


def test_dropout_draws_for_each_step() -> None:
    x = Input((3, 5))
    model = Model(x, TimeDistributed(Dropout(0.5))(x)).train()
    torch.manual_seed(0)
    y = model(torch.ones(2000, 3, 5))
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert abs(float(y.mean()) - 1) < 0.03
    steps = (y[:, 0] > 0).float(), (y[:, 1] > 0).float()
    assert abs(float(torch.corrcoef(torch.stack([steps[0].flatten(), steps[1].flatten()]))[0, 1])) < 0.03
    # one decision for the batch, and another for each step
    shared = TimeDistributed(Dropout(0.5, noise_shape=(1, 5)))(torch.ones(8, 50, 5))
    assert bool((shared == shared[:1]).all())
    assert float(shared.std(1).max()) > 0


def test_a_mask_passes_and_is_given_by_steps() -> None:
    x = Input((3, 4), dtype="int64")
    masked = Embedding(7, 5, mask_zero=True)(x)
    assert masked._keras_mask is not None
    y = TimeDistributed(Conv1D(2, 1))(masked)
    assert y._keras_mask is not None
    with pytest.raises(ShapeError, match=r"`mask` must be of shape \(4, 3\)"):
        TimeDistributed(Dense(2))(X, mask=torch.ones(4, 2, dtype=torch.bool))


def test_an_unknown_number_of_steps_is_exported_and_compiled() -> None:
    torch._dynamo.reset()
    x = Input((None, 5))
    model = Model(x, TimeDistributed(BatchNormalization())(x)).train()
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(X), model(X))


# ---------------------------------------------------------------------------------------------------------- ConvLSTM


def test_a_stateful_layer_goes_on_where_it_stopped() -> None:
    x = torch.randn(2, 6, 5, 1)
    layer = ConvLSTM1D(2, 3, stateful=True, return_state=True)
    whole = ConvLSTM1D(2, 3, return_state=True)
    layer(x[:, :2]), whole(x)
    whole.set_weights(layer.get_weights())
    layer.reset_state()
    layer(x[:, :2])
    torch.testing.assert_close(layer(x[:, 2:]), whole(x))
    assert len(layer.get_weights()) == 3
    assert sorted(layer.state_dict()) == ["bias", "weight_hh", "weight_ih"]
    assert layer.states is not None
    assert float(layer.states[0].abs().sum()) > 0
    layer.reset_states()
    assert float(layer.states[0].abs().sum()) == 0
    with pytest.raises(ShapeError):
        layer(x[:1])


def test_a_stateful_layer_trains_step_after_step() -> None:
    torch._dynamo.reset()
    x = Input(batch_shape=(2, 3, 5, 1))
    model = Model(x, ConvLSTM1D(2, 3, stateful=True)(x))
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    for _ in range(2):
        given = torch.randn(2, 3, 5, 1)
        one, other = model(given), compiled(given)
        torch.testing.assert_close(one, other)
        (one.sum() + other.sum()).backward()


def test_dropout_of_a_conv_lstm() -> None:
    layer = ConvLSTM1D(64, 1, dropout=0.5, activation=None, recurrent_activation=None, use_bias=False, return_sequences=True)
    x = torch.ones(1, 2, 8, 4)
    layer(x)
    first, again = layer.eval()(x), layer(x)
    assert torch.equal(first, again)
    layer.train()
    assert not torch.equal(layer(x), layer(x))
    drop = layer.rnn._drops(torch.ones(1, 400, 50), 0.25, True)
    assert drop is not None
    assert [abs(float((each == 0).float().mean()) - 0.25) < 0.02 for each in drop] == [True] * 4
    assert not torch.equal(drop[0], drop[1])


def test_fresh_weights_of_a_conv_lstm() -> None:
    layer = ConvLSTM2D(4, 2)
    layer.build((None, 3, 8, 8, 3))
    _, recurrent, bias = layer.get_weights()
    rows = recurrent.reshape(-1, 16)
    np.testing.assert_allclose(rows @ rows.T, np.eye(16), atol=1e-5)
    np.testing.assert_array_equal(bias, [0] * 4 + [1] * 4 + [0] * 8)


def test_half_and_autocast() -> None:
    layer = ConvLSTM1D(2, 3, padding="same", return_sequences=True)
    x = torch.randn(2, 3, 6, 1)
    exact = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x).float(), exact, rtol=0.05, atol=0.05)
    layer.to(torch.bfloat16)
    torch.testing.assert_close(layer(x.bfloat16()).float(), exact, rtol=0.05, atol=0.05)


def test_states_are_told() -> None:
    layer = ConvLSTM1D(2, 3, name="culprit")
    with pytest.raises(ArgumentError, match=r"'culprit': `initial_state` must be 2 tensors of shape \(2, 4, 2\), got 1"):
        layer(torch.ones(2, 3, 6, 1), initial_state=[torch.ones(2, 4, 2)])
    with pytest.raises(ShapeError, match=r"got shape \(2, 5, 2\)"):
        layer(torch.ones(2, 3, 6, 1), initial_state=[torch.ones(2, 5, 2)] * 2)


# ------------------------------------------------------------------------------------------------------- Bidirectional


def convs(**words: Any) -> ConvLSTM1D:
    return ConvLSTM1D(2, 3, name="conv", **words)


def test_the_layer_itself_stays_out() -> None:
    layer = convs()
    both = Bidirectional(layer)
    assert (both.forward_layer.name, both.backward_layer.name) == ("forward_conv", "backward_conv")
    assert (both.forward_layer.go_backwards, both.backward_layer.go_backwards) == (False, True)
    both(torch.ones(2, 3, 6, 1))
    assert not layer.built
    again = Bidirectional.from_config(both.get_config())
    assert again.forward_layer.name == "forward_conv"
    other = convs(go_backwards=True)
    assert Bidirectional(layer, backward_layer=other).backward_layer is other


def test_weights_are_taken_when_it_is_built() -> None:
    both = Bidirectional(convs())
    both.build((None, 3, 6, 1))
    weights = [np.full_like(w, i) for i, w in enumerate(both.get_weights())]
    twin = Bidirectional(convs(), weights=weights)
    twin.build((None, 3, 6, 1))
    for found, wanted in zip(twin.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(twin.backward_layer.get_weights()[0], weights[3])


def test_masked_steps_of_a_sequence_are_zeros() -> None:
    x = torch.randn(2, 3, 6, 1)
    mask = torch.tensor([[True, True, False], [False, True, True]])
    y = Bidirectional(convs(return_sequences=True))(x, mask=mask)
    assert float(y[~mask].detach().abs().max()) == 0
    assert float(y[mask].detach().abs().min()) > 0


def test_stateful_both_ways() -> None:
    both = Bidirectional(convs(stateful=True))
    x = torch.randn(2, 3, 6, 1)
    both(x)
    assert both.states is not None
    assert len(both.states) == 4
    both.reset_state()
    assert float(sum(state.abs().sum() for state in both.states)) == 0
    with pytest.raises(AttributeError, match="is not stateful"):
        Bidirectional(convs()).reset_state()


def test_channels_first_joins_the_last_axis_too() -> None:
    both = Bidirectional(convs(data_format="channels_first", return_sequences=True))
    assert both(Input((3, 1, 6))).shape == (None, 3, 2, 8)
    assert both(torch.ones(1, 3, 1, 6)).shape == (1, 3, 2, 8)


# ------------------------------------------------------------------------------------------------------------ Pipeline


def test_a_pipeline_applies_its_layers_in_order() -> None:
    layers = [Dense(4), Activation("relu"), Dense(2)]
    pipeline = Pipeline(layers, "steps")
    torch.testing.assert_close(pipeline(X), layers[2](layers[1](layers[0](X))))
    assert pipeline.layers == layers
    assert pipeline.name == "steps"
    x = Input((3, 5))
    model = Model(x, pipeline(x))
    assert list(model.state_dict()) == ["steps.0.weight", "steps.0.bias", "steps.2.weight", "steps.2.bias"]
    assert of_ours(model) == set()
    again = model_from_json(model.to_json())
    again.load_state_dict(pickle.loads(pickle.dumps(model)).state_dict())
    torch.testing.assert_close(again(X), model(X))
    torch.testing.assert_close(model(X), pipeline(X))
