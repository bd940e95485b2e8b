"""The methods of a module class that trains itself."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import callbacks
from layergraph.errors import ArgumentError
from layergraph.training import Trainable

X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


class Model(Trainable, nn.Linear):
    def __init__(self):
        super().__init__(2, 1)


SIGNATURES = {
    "compile": "optimizer='rmsprop', loss=None, loss_weights=None, metrics=None, weighted_metrics=None, run_eagerly=False, "
    "steps_per_execution=1, jit_compile='auto', auto_scale_loss=True",
    "fit": "x=None, y=None, batch_size=None, epochs=1, verbose='auto', callbacks=None, validation_split=0.0, validation_data=None, "
    "shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None, "
    "validation_batch_size=None, validation_freq=1",
    "evaluate": "x=None, y=None, batch_size=None, verbose='auto', sample_weight=None, steps=None, callbacks=None, return_dict=False",
    "predict": "x, batch_size=None, verbose='auto', steps=None, callbacks=None",
    "train_on_batch": "x, y=None, sample_weight=None, class_weight=None, return_dict=False",
    "test_on_batch": "x, y=None, sample_weight=None, return_dict=False",
    "predict_on_batch": "x",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_keras(name):
    parameters = list(inspect.signature(getattr(Model, name)).parameters.values())[1:]
    told = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)
    ]
    assert ", ".join(told) == SIGNATURES[name]


def test_a_model_trains_and_its_state_dict_stays_its_own():
    model = Model()
    keys = list(model.state_dict())
    assert (model.compiled, model.optimizer, model.history, model.stop_training, model.metrics_names) == (False, None, None, False, [])
    assert model.predict(X, verbose=0).shape == (6, 1)
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert model.history is history
    assert model.metrics_names == ["loss", "compile_metrics"]
    assert len(model.evaluate(X, Y, verbose=0)) == 2
    model.train_on_batch(X, Y)
    assert model.optimizer.iterations == 3
    assert model.predict_on_batch(X).shape == (6, 1)
    assert list(model.state_dict()) == keys
    assert len(list(model.modules())) == 1


def test_copies_train_on_apart():
    model = Model()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.optimizer.parameters[0] is twin.weight
        before = model.weight.clone()
        twin.fit(X, Y, verbose=0)
        assert torch.equal(model.weight, before)
        assert not torch.equal(twin.weight, before)
        assert (twin.optimizer.iterations, model.optimizer.iterations) == (2, 1)


def test_stop_training_is_no_attribute_of_the_module():
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    model = Model()
    model.compile("sgd", "mse")
    assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[Stop()]).epoch) == 1
    assert model.stop_training is True
    assert "stop_training" not in vars(model)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "torch.compile(model) for faster code"),
        ({"fullgraph": True}, "torch.compile(model, fullgraph=True) for faster code"),
        ({"mode": "max-autotune", "dynamic": True}, "torch.compile(model, mode='max-autotune', dynamic=True)"),
        ({"loss": "mse", "backend": "eager"}, "torch.compile(model, backend='eager')"),
        ({"losss": "mse"}, "Model.compile() got an unexpected argument 'losss'"),
    ],
)
def test_torchs_compile_is_another_thing(arguments, text):
    with pytest.raises(ArgumentError) as caught:
        Model().compile(**arguments)
    assert text in str(caught.value)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_uncompiled(method):
    with pytest.raises(ArgumentError, match=r"You must call `compile\(\)` before using the model\."):
        getattr(Model(), method)(X, Y)


def test_a_loss_dict_is_checked_when_compile_runs():
    model = Model()
    model.output_names = ["head"]
    with pytest.raises(ArgumentError, match="the `loss` dict names an output 'haed', but the outputs are"):
        model.compile("sgd", {"haed": "mse"})
    model.compile("sgd", {"head": "mse"})
    model.fit(X, {"head": Y}, verbose=0)


def test_many_calls_do_not_grow():
    import gc

    model = Model()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    model.predict(X, verbose=0)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(300):
            model.train_on_batch(X, Y)
            model.predict(X, verbose=0)
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert grown < 100
