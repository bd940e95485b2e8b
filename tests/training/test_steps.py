"""Steps of a model's own: who is asked, what they get, what they may return, and what is left behind."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from layergraph import Input, Model, Sequential, callbacks, layers, losses, metrics, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, Trainable, evaluate, fit, predict
from layergraph.training.engine import Engine
from layergraph.training.steps import Steps, engine_for

X = torch.linspace(-1, 1, 36).view(12, 3)
Y = X.sum(1, keepdim=True)


def made(kind, **options):
    """A functional model of a class."""
    torch.manual_seed(0)
    x = Input((3,))
    model = kind(x, layers.Dense(1, name="head")(x))
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


class Written(Model):
    """The guide's step, and what it was given."""

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        self.metrics[0].update_state(loss)
        return self.get_metrics_result()


class Bits(nn.Linear):
    def forward(self, x):
        return torch.sigmoid(super().forward(x))


class Plain(Trainable, Bits):
    def train_step(self, data):
        return {**super().train_step(data), "seen": 1}


# --- who is asked ------------------------------------------------------------------------------------------------------


class Counting(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = metrics.Mean(name="mean")

    def call(self, x):
        self.mean.update_state(x)
        return x


def with_a_layer_that_counts():
    x = Input((3,))
    return Model(x, layers.Dense(1)(Counting()(x)))


def with_a_metric():
    model = made(Model)
    model.watched = {"a": metrics.Mean(name="watched")}
    return model


def patched():
    model = made(Model)
    model.train_step = lambda data: {"loss": 0.0}
    return model


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: made(Model), Engine),
        (lambda: made(type("Same", (Model,), {})), Engine),
        (lambda: made(Written), Steps),
        (lambda: made(type("Heir", (Written,), {})), Steps),
        (lambda: made(type("Judge", (Model,), {"compute_metrics": lambda self, x, y, y_pred, sample_weight=None: {}})), Steps),
        (lambda: nn.Linear(3, 1), Engine),
        (lambda: Plain(3, 1), Steps),
        (with_a_layer_that_counts, Steps),
        (with_a_metric, Steps),
        (patched, Steps),
    ],
)
def test_the_engine_is_chosen_by_what_is_written(model, kind):
    assert engine_for(model(), Compiled("sgd", "mse")) is kind


def test_prediction_is_asked_by_itself():
    class Doubled(Model):
        def predict_step(self, data):
            return 2 * super().predict_step(data)

    model = made(Doubled)
    assert engine_for(model, None) is Engine
    assert engine_for(model, None, predicting=True) is Steps
    plain = made(Model)
    plain.set_weights(model.get_weights())
    assert np.allclose(model.predict(X, verbose=0), 2 * plain.predict(X, verbose=0))
    assert np.allclose(model.predict_on_batch(X), 2 * plain.predict_on_batch(X))
    fresh = Doubled(model.inputs, model.outputs)  # without compile
    assert np.allclose(fresh.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_metric_beside_the_model_is_seen_by_later_calls():
    model = made(Model)
    model.train_on_batch(X, Y)
    model.watched = metrics.Mean(name="watched")
    assert list(model.fit(X, Y, verbose=0).history) == ["loss", "watched"]
    assert list(model.train_on_batch(X, Y, return_dict=True)) == ["loss", "watched"]


def test_a_trainable_that_is_no_model():
    model = Plain(3, 1)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    assert list(model.fit(X, (Y > 0).float(), verbose=0).history) == ["accuracy", "loss", "seen"]
    assert "_steps" not in vars(model)
    assert "forward" not in vars(model)


def test_the_functions_train_by_what_they_are_given():
    model = made(Written)
    compiled = Compiled(optimizers.SGD(0.0), "mae")
    before = model.get_weights()
    history = fit(model, compiled, X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert history.history["loss"][0] == pytest.approx(evaluate(model, compiled, X, Y, verbose=0))
    assert model.loss == "mse"
    assert predict(model, X, verbose=0).shape == (12, 1)


# --- weights as variables, while a step runs ---------------------------------------------------------------------------


def test_weights_are_variables_only_while_a_step_runs():
    seen = []

    class Looking(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(hasattr(self.model.get_layer("head").kernel, "value"))

    class Looked(Written):
        def train_step(self, data):
            seen.append(all(v.value is v for v in self.weights))
            return super().train_step(data)

    model = made(Looked)
    model.fit(X, Y, verbose=0, callbacks=[Looking()])
    assert seen == [True, False]
    assert not any(set(vars(v)) & {"value", "assign"} for v in model.parameters())


def test_they_lose_it_after_an_error_too():
    class Failing(Written):
        def train_step(self, data):
            self.trainable_weights[0].assign(torch.ones(1, 3))
            raise KeyError("mine")

    model = made(Failing)
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, verbose=0)
    assert model.get_weights()[0].tolist() == [[1.0]] * 3
    assert not any("value" in vars(v) for v in model.parameters())
    assert "_steps" not in vars(model)


def test_assign_takes_arrays_and_changes_in_place():
    class Assigning(Written):
        def train_step(self, data):
            kernel, bias = self.trainable_weights
            kernel.assign(np.zeros((1, 3)))
            bias.assign_add([2.0])
            bias.assign_sub(0.5)
            return {"loss": 0}

    model = made(Assigning)
    kernel = model.get_layer("head").kernel
    model.fit(X, Y, verbose=0)
    assert model.get_layer("head").kernel is kernel
    assert (kernel.tolist(), model.get_layer("head").bias.tolist()) == ([[0.0, 0.0, 0.0]], [1.5])


def test_copies_and_pickles_after_a_training_hold_no_more():
    model = made(Written, metrics=["mae"])
    model.fit(X, Y, verbose=0)
    twin = copy.deepcopy(model)
    twin.fit(X, Y, verbose=0)
    assert "value" not in vars(next(iter(twin.parameters())))
    plain = made(Model)
    plain.fit(X, Y, verbose=0)
    assert b"assign" not in pickle.dumps(plain)


def test_nothing_is_held_after_training():
    model = made(Written)
    model.fit(X, Y, verbose=0)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        model.fit(X, Y, verbose=0)
    gc.collect()
    assert len(gc.get_objects()) - before < 50


# --- what they get -----------------------------------------------------------------------------------------------------


def shapes(data):
    if isinstance(data, dict):
        return {name: shapes(each) for name, each in data.items()}
    if isinstance(data, list | tuple):
        return [shapes(each) for each in data]
    return None if data is None else tuple(data.shape)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((X,), (12, 3)),
        (([X, X],), [[(12, 3), (12, 3)]]),
        ((X, Y), [(12, 3), (12, 1)]),
        ((X, [Y]), [(12, 3), [(12, 1)]]),
        (({"a": X}, {"b": Y, "c": [Y, X]}), [{"a": (12, 3)}, {"b": (12, 1), "c": [(12, 1), (12, 3)]}]),
        ((DataLoader(TensorDataset(X), 12),), [(12, 3)]),
        ((DataLoader(TensorDataset(X, Y, Y), 12),), [(12, 3), (12, 1), (12, 1)]),
        ((DataLoader(TensorDataset(X, Y, Y, X), 12),), [(12, 3), (12, 1), (12, 1), (12, 3)]),
        ((DataLoader([{"x": x, "y": [y, y]} for x, y in zip(X, Y, strict=True)], 12),), {"x": (12, 3), "y": [(12, 1), (12, 1)]}),
    ],
)
def test_data_come_in_the_structure_in_which_they_were_given(given, wanted):
    got = []

    class Taking(Model):
        def train_step(self, data):
            got.append(shapes(data))
            return {}

    made(Taking).fit(*given, batch_size=None if len(given) == 1 and isinstance(given[0], DataLoader) else 12, verbose=0)
    assert got == [wanted]


def test_the_one_batch_forms_give_three():
    got = []

    class Taking(Model):
        def train_step(self, data):
            got.append(shapes(data))
            return {"loss": 1.0}

        def test_step(self, data):
            got.append(shapes(data))
            return {"loss": 2.0}

    model = made(Taking)
    assert (model.train_on_batch(X, Y), model.test_on_batch(X, Y, return_dict=True)) == (1.0, {"loss": 2.0})
    model.train_on_batch(X.numpy(), Y.numpy(), class_weight={-3: 1.0, -2: 1.0, -1: 1.0, 0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0})
    assert got == [[(12, 3), (12, 1), None], [(12, 3), (12, 1), None], [(12, 3), (12, 1), (12,)]]


def test_sizes_of_one_batch_may_differ_from_a_loader_but_not_in_arrays():
    class Taking(Model):
        def train_step(self, data):
            return {"more": float(len(data["many"]) - len(data["few"]))}

    loader = DataLoader([{"few": torch.ones(2, 3), "many": torch.ones(5, 3)}], batch_size=None)
    assert made(Taking).fit(loader, verbose=0).history == {"more": [3.0]}
    with pytest.raises(ValueError, match="Data cardinality is ambiguous"):
        made(Taking).fit({"few": X, "many": X[:5]}, verbose=0)


def test_evaluation_is_without_gradients_that_can_be_turned_on():
    class Sensitive(Model):
        def test_step(self, data):
            x, _ = data
            assert not self(x).requires_grad
            with torch.enable_grad():
                x = x.clone().requires_grad_()
                (slope,) = torch.autograd.grad(self(x).sum(), x)
            return {"slope": slope.norm()}

    model = made(Sensitive)
    assert model.evaluate(X, Y, verbose=0) > 0
    assert isinstance(model.evaluate(X, Y, verbose=0, return_dict=True)["slope"], float)


def test_modes():
    seen = []

    class Looking(Model):
        def train_step(self, data):
            seen.append(self.training)
            return super().train_step(data)

        def test_step(self, data):
            seen.append(self.training)
            return super().test_step(data)

    model = made(Looking).eval()
    model.fit(X, Y, verbose=0, validation_data=(X, Y))
    assert (seen, model.training) == ([True, False], False)


def test_a_step_may_be_called_by_hand():
    model, same = made(Model, metrics=["mae"]), made(Written)
    logs = model.train_step((X, Y))
    assert sorted(logs) == ["loss", "mae"]
    assert float(model.test_step((X, Y))["loss"]) > 0
    assert model.predict_step((X,)).shape == (12, 1)
    assert model.compute_loss(x=X, y=Y, y_pred=model(X)).item() > 0
    with pytest.raises(AttributeError, match="'value'"):  # outside of fit a weight is a plain Parameter
        same.train_step((X, Y))
    with pytest.raises(ArgumentError, match=r"You must call `compile\(\)`"):
        Model(model.inputs, model.outputs).train_step((X, Y))


# --- compile -----------------------------------------------------------------------------------------------------------


def test_compile_without_arguments_is_for_classes_with_a_training_of_their_own():
    class Own(Model):
        def compile(self, first, second):
            super().compile()
            self.first, self.optimizer, self.loss = first, second, losses.Huber()

    x = Input((3,))
    model = Own(x, layers.Dense(1)(x))
    model.compile("a", optimizers.SGD(0.5))
    assert (model.first, model.optimizer.learning_rate, model.loss.name) == ("a", 0.5, "huber_loss")
    assert model.fit(X, Y, verbose=0).history["loss"][0] > 0
    made(Written).compile()
    with pytest.raises(ArgumentError, match=r"torch.compile\(model\)"):
        made(Model).compile()


def test_what_compile_was_told_can_be_read_and_set():
    x = Input((3,))
    model = Model(x, layers.Dense(1)(x))
    assert (model.loss, model.optimizer, model.run_eagerly, model.jit_compile, model.steps_per_execution) == (None, None, False, False, 1)
    assert (model.metrics, model.metrics_names, model.train_function) == ([], [], None)
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True, steps_per_execution=3)
    assert (model.loss, model.run_eagerly, model.jit_compile, model.steps_per_execution) == ("mse", True, False, 3)
    assert [m.name for m in model.metrics] == model.metrics_names == ["loss", "compile_metrics"]
    model.run_eagerly = False
    assert model.run_eagerly is False


def test_a_loss_of_torch_can_be_an_attribute():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(1)
            self.loss = nn.SmoothL1Loss()
            self.optimizer = None

        def call(self, x):
            return self.head(x)

        def compute_loss(self, x, y, y_pred, sample_weight=None):
            return self.loss(y_pred, y)

    model = Own()
    model.compile("sgd")
    assert isinstance(model.loss, nn.SmoothL1Loss)
    assert model.fit(X, Y, verbose=0).history["loss"][0] > 0


def test_results_of_the_metrics():
    model = made(Model, metrics=["mae"])
    with pytest.raises(ArgumentError, match=r"Cannot get result\(\) since the metric has not yet been built"):
        model.get_metrics_result()
    model.fit(X, Y, verbose=0)
    results = {name: float(value) for name, value in model.get_metrics_result().items()}
    assert results == pytest.approx({name: values[-1] for name, values in model.history.history.items()})
    model.reset_metrics()
    assert {float(value) for value in model.get_metrics_result().values()} == {0.0}
    compiled = model.metrics[1]
    compiled.update_state(Y, Y + 1)
    assert float(compiled.result()["mae"]) == 1.0


# --- what they may return ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("returned", [None, 0.5, [1.0]])
def test_a_step_returns_a_dict(returned):
    model = made(type("Own", (Model,), {"train_step": lambda self, data: returned}))
    with pytest.raises(ArgumentError, match=r"Own\.train_step returned .*; wanted a dict of values by name"):
        model.fit(X, Y, verbose=0)


def test_a_loss_is_a_tensor():
    model = made(type("Own", (Model,), {"compute_loss": lambda self, x, y, y_pred, sample_weight=None: None}))
    with pytest.raises(ArgumentError, match=r"Own\.compute_loss returned None; wanted a tensor without axes"):
        model.fit(X, Y, verbose=0)


def test_a_function_must_be_made():
    model = made(type("Own", (Model,), {"make_train_function": lambda self, force=False: None}))
    with pytest.raises(ArgumentError, match=r"Own\.make_train_function has made nothing"):
        model.fit(X, Y, verbose=0)


def test_logs_are_floats_and_what_is_no_number_stays():
    told = []

    class Telling(Model):
        def train_step(self, data):
            return {"b": torch.tensor(2.0, requires_grad=True), "a": {"z": np.float32(1), "y": 3}, "word": "x"}

    class Looking(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            told.append(dict(logs))

    history = made(Telling).fit(X, Y, verbose=0, callbacks=[Looking()])
    assert history.history == {"b": [2.0], "word": ["x"], "y": [3.0], "z": [1.0]}
    assert told == [{"b": 2.0, "word": "x", "y": 3.0, "z": 1.0}]
    assert {type(values[0]) for values in history.history.values()} == {float, str}


def test_constraints_are_kept_after_a_step_of_ones_own():
    x = Input((3,))
    model = Written(x, layers.Dense(1, kernel_constraint="non_neg")(x))
    model.compile(optimizers.SGD(10.0), "mse")
    model.fit(X, -Y, verbose=0)
    assert model.get_weights()[0].min() == 0.0


def test_a_sequential_of_layers_that_build_themselves():
    class Own(Sequential):
        def train_step(self, data):
            return {**super().train_step(data), "own": 1.0}

    model = Own([layers.Dense(2), layers.Dense(1)])
    model.compile("adam", "mse")
    assert list(model.fit(X, Y, verbose=0).history) == ["loss", "own"]
    assert len(model.optimizer.parameters) == 4


# --- callbacks every so many batches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Model, Written])
@pytest.mark.parametrize(("every", "events"), [(1, "b0 e0 b1 e1 b2 e2 b3 e3 b4 e4"), (2, "b0 e1 b2 e3 b4 e4"), (9, "b0 e4")])
def test_callbacks_are_called_once_for_so_many_batches(kind, every, events):
    told = []

    class Telling(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs):
            told.append(f"b{batch}")

        def on_train_batch_end(self, batch, logs):
            told.append(f"e{batch}")
            assert list(logs) == ["loss"]

        on_test_batch_begin, on_test_batch_end = on_train_batch_begin, on_train_batch_end

    model, whole = made(kind, steps_per_execution=every), made(kind)
    history = model.fit(X[:10], Y[:10], batch_size=2, verbose=0, shuffle=False, callbacks=[Telling()])
    assert " ".join(told) == events
    assert history.history == whole.fit(X[:10], Y[:10], batch_size=2, verbose=0, shuffle=False).history
    told.clear()
    model.evaluate(X[:10], Y[:10], batch_size=2, verbose=0, callbacks=[Telling()])
    assert " ".join(told) == events
