"""Terms that a forward pass adds to the loss: `add_loss`, activity regularizers, and what `model.losses` has of them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ArgumentError

X = torch.linspace(-1, 1, 20).reshape(5, 4)


class Penalty(layers.Layer):
    """Adds the mean of the squares of what comes."""

    def call(self, x):
        self.add_loss(x.square().mean())
        return x


class Both(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activity_regularizer="l2")
        self.penalty = Penalty()

    def call(self, x):
        return self.penalty(self.dense(x)) + self.dense(x)


def functional():
    x = Input((4,))
    h = layers.Dense(3, activation="relu", activity_regularizer="l2", kernel_regularizer="l1")(x)
    penalty = Penalty()
    return Model(x, penalty(penalty(h)))


def subclassed():
    model = Both()
    model.build((None, 4))
    return model


def nested():
    inner, x = functional(), Input((4,))
    return Model(x, inner(x) + inner(x * 2))


def sequential():
    return Sequential(
        [Input((4,)), layers.Dense(3, activity_regularizer="l1"), layers.Activation("relu", activity_regularizer="l2"), Penalty()]
    )


# terms of a pass: of activities, then added, then of weights
MODELS = {functional: 4, subclassed: 3, nested: 7, sequential: 3}
every_model = pytest.mark.parametrize(("make", "count"), MODELS.items(), ids=lambda each: getattr(each, "__name__", str(each)))


@every_model
def test_each_pass_starts_afresh(make, count):
    model = make()
    kernels = sum(layer.__dict__.get("kernel_regularizer") is not None for layer in model._flatten_layers())
    assert len(model.losses) == kernels
    for factor in (1, 2):
        model(X * factor)
        assert len(model.losses) == count
    assert model.has_losses


@every_model
def test_gradients_reach_the_weights_through_the_terms(make, count):
    model = make()
    model(X)
    sum(model.losses).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in model.named_parameters() if "weight" in name)


@every_model
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_starts_empty_and_keeps_its_own(make, count, copied):
    model = make()
    model(X)
    twin = copied(model)
    assert len(twin.losses) < count
    twin(X)
    assert [a.item() for a in twin.losses] == [b.item() for b in model.losses]
    twin(2 * X)
    assert [a.item() for a in twin.losses] != [b.item() for b in model.losses]


@every_model
def test_it_compiles_in_one_graph(make, count):
    torch._dynamo.reset()
    model = make()
    model(X)
    wanted = [term.item() for term in model.losses]
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        compiled(X)
        np.testing.assert_allclose([term.item() for term in model.losses], wanted, rtol=1e-6)
    sum(model.losses).backward()
    assert all(p.grad is not None for p in model.parameters())


@every_model
def test_it_exports_without_the_terms(make, count):
    model = make().eval()
    program = torch.export.export(model, (X,))
    torch.testing.assert_close(program.module()(X), model(X))


@every_model
def test_fit_adds_the_terms(make, count):
    torch.manual_seed(0)
    model = make()
    model.compile(optimizer="sgd", loss="mse")
    y = torch.zeros(5, 3)
    out = model(X)
    wanted = float(out.detach().square().mean() + sum(term.detach() for term in model.losses))
    assert model.evaluate(X, y, verbose=0) == pytest.approx(wanted, rel=1e-5)
    assert model.train_on_batch(X, y) == pytest.approx(wanted, rel=1e-5)


def test_a_layer_alone_keeps_the_term_of_its_last_call():
    layer = layers.Dense(3, activity_regularizer="l1")
    for factor in (1, 3):
        y = layer(X * factor)
        assert layer.losses[0].item() == pytest.approx(0.01 * y.abs().sum().item() / 5, rel=1e-5)
        assert len(layer.losses) == 1


def test_the_first_pass_of_an_unbuilt_model_counts_once():
    model = Both()
    model(X)
    assert len(model.losses) == 3


def test_the_regularizer_is_in_the_config():
    for layer in (layers.Dense(3, activity_regularizer="l2"), layers.Dropout(0.5, activity_regularizer="l2")):
        config = layer.get_config()
        assert config["activity_regularizer"]["class_name"] == "L2"
        assert type(layer).from_config(config).get_config() == config
    assert "activity_regularizer" not in layers.Dropout(0.5).get_config()


def test_several_outputs_each_give_a_term():
    x = Input((5, 3))
    lstm = layers.LSTM(2, return_state=True, activity_regularizer="l2")
    model = Model(x, lstm(x))
    model(torch.ones(4, 5, 3))
    assert len(model.losses) == 3


def test_what_is_no_tensor_is_refused():
    class Wrong(layers.Layer):
        def call(self, x):
            self.add_loss(0.5)
            return x

    with pytest.raises(ArgumentError) as caught:
        Wrong(name="mine")(X)
    assert str(caught.value).splitlines()[0] == "Wrong 'mine'.add_loss takes a tensor, got float 0.5"
    with pytest.raises(ArgumentError, match="a functional model has no call"):
        functional().add_loss(X.sum())
