"""ModelCheckpoint: what it writes can be read, what is not better leaves the best alone, names in the template are data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from torch import nn

import layergraph
from layergraph import Input, Sequential, archive, callbacks, layers
from layergraph.errors import ArgumentError
from layergraph.models import load_model
from layergraph.saving import load_weights
from layergraph.training import Compiled, fit

NAN = float("nan")
X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


class Script(callbacks.Callback):
    """Puts a series of values into the logs."""

    def __init__(self, values, name="val_loss"):
        super().__init__()
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def small():
    model = Sequential([Input((2,)), layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def same(one, other):
    return set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)


def copied(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_best_and_last_side_by_side(tmp_path):
    model, states = small(), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.append(copied(model)))
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    last = callbacks.ModelCheckpoint(tmp_path / "last.keras")
    model.fit(X, Y, 2, epochs=4, verbose=0, callbacks=[Script([3, 1, 2, 2]), keep, best, last])
    assert same(load_model(tmp_path / "best.keras").state_dict(), states[1])
    assert same(load_model(tmp_path / "last.keras").state_dict(), states[3])
    assert not same(states[1], states[3])
    assert sorted(os.listdir(tmp_path)) == ["best.keras", "last.keras"]


def test_the_loaded_model_goes_on(tmp_path):
    model = small()
    model.fit(X, Y, 2, epochs=1, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.keras")])
    again = layergraph.load(tmp_path / "m.keras")
    assert not again.training
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    again.fit(X, Y, verbose=0)


def test_weights_only(tmp_path):
    model = small()
    save = callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    model.fit(X, Y, 2, epochs=2, verbose=0, callbacks=[save])
    other = small()
    other.load_weights(tmp_path / "2.weights.h5")
    assert same(other.state_dict(), model.state_dict())


@pytest.mark.parametrize("weights_only", [True, False])
def test_a_plain_module(tmp_path, weights_only):
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    save = callbacks.ModelCheckpoint(tmp_path / "m.safetensors", save_weights_only=weights_only)
    fit(module, Compiled("sgd", "mse"), X, Y, 2, verbose=0, callbacks=[save])
    other = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    load_weights(other, tmp_path / "m.safetensors")
    assert same(other.state_dict(), module.state_dict())
    assert same(archive.read(tmp_path / "m.safetensors")[0], module.state_dict())


def test_a_subclassed_model_saves_its_weights(tmp_path):
    class Mine(layergraph.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model.compile("sgd", "mse")
    save = callbacks.ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True)
    model.fit(X, Y, verbose=0, callbacks=[save])
    other = Mine()
    other.build((None, 2))
    other.load_weights(tmp_path / "m.weights.h5")
    assert same(other.state_dict(), model.state_dict())


@pytest.mark.parametrize("where", range(5))
def test_nan_never_replaces_the_best(tmp_path, where):
    """R13: wherever it comes, also as the first value."""
    values = [5.0, 4.0, 3.0, 2.0, 1.0]
    values[where] = NAN
    model, states = small(), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.append(copied(model)))
    save = callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    model.fit(X, Y, 2, epochs=5, verbose=0, callbacks=[Script(values), keep, save])
    best = int(np.nanargmin(values))
    assert save.best == values[best]
    assert same(load_model(tmp_path / "best.keras").state_dict(), states[best])


def test_a_training_that_diverges_leaves_the_best(tmp_path):
    """The loss itself is NaN from the second epoch on: the file is still the first epoch's."""
    model = small()
    save = callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    x = X.copy()

    def poison(epoch, logs):
        with torch.no_grad():
            model.layers[0].weight.fill_(NAN)

    with pytest.warns(UserWarning, match="the loss is nan"):
        model.fit(x, Y, 2, epochs=3, verbose=0, callbacks=[save, callbacks.LambdaCallback(on_epoch_end=poison)])
    assert all(torch.isfinite(value).all() for value in load_model(tmp_path / "best.keras").state_dict().values())


def test_every_so_many_batches_with_the_running_values(tmp_path):
    save = callbacks.ModelCheckpoint(str(tmp_path / "{epoch}-{batch}-{loss:.3f}.keras"), save_freq=2)
    model = small()
    history = model.fit(X, Y, 2, epochs=2, verbose=0, callbacks=[save])
    names = sorted(os.listdir(tmp_path))
    assert [name[:3] for name in names] == ["1-2", "2-1", "2-3"]
    assert names[2] == f"2-3-{history.history['loss'][1]:.3f}.keras"


def test_best_of_batches(tmp_path):
    """Keras fails here in the first epoch: it looks for the direction at its end."""
    save = callbacks.ModelCheckpoint(str(tmp_path / "{epoch}-{batch}.keras"), monitor="loss", save_best_only=True, save_freq=1)
    model = small()
    seen = []
    look = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    model.fit(X, Y, 2, epochs=2, verbose=0, callbacks=[look, save])
    assert len(os.listdir(tmp_path)) == sum(value < min([*seen[:i], np.inf]) for i, value in enumerate(seen))


TEMPLATES = ["{epoch.__class__}.keras", "{epoch[0]}.keras", "{}.keras", "{0}.keras", "{epoch!r}.keras", "{epoch:{batch}}.keras"]


@pytest.mark.parametrize("template", [*TEMPLATES, "{epoch.keras"])
def test_a_template_holds_names_and_nothing_else(template):
    with pytest.raises(ArgumentError, match="ModelCheckpoint"):
        callbacks.ModelCheckpoint(template)


def test_what_is_logged_is_a_number(tmp_path):
    save = callbacks.ModelCheckpoint(str(tmp_path / "{val_loss}.keras"))
    with pytest.raises(ArgumentError, match=r"'val_loss' in the logs is '\.\./etc'; a filepath takes numbers"):
        small().fit(X, Y, verbose=0, callbacks=[Script(["../etc"]), save])
    with pytest.raises(KeyError, match="did you mean 'val_loss'"):
        small().fit(X, Y, verbose=0, callbacks=[Script([1.0]), callbacks.ModelCheckpoint(str(tmp_path / "{val_los:.2f}.keras"))])
    assert os.listdir(tmp_path) == []


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="Please specify a non-directory filepath") as caught:
        small().fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.keras")])
    assert caught.value.__notes__[0] == "in callbacks[0], ModelCheckpoint.on_epoch_end, at epoch 1"


def test_what_could_not_be_written_is_not_the_best(tmp_path):
    class Full(callbacks.ModelCheckpoint):
        def write(self, path):
            raise OSError(28, "No space left on device")

    save = Full(tmp_path / "m.keras", save_best_only=True)
    with pytest.raises(OSError, match="No space left"):
        small().fit(X, Y, verbose=0, callbacks=[Script([1.0]), save])
    assert save.best is None


def test_a_resumed_training_keeps_what_is_best_and_what_is_counted(tmp_path):
    save = callbacks.ModelCheckpoint(tmp_path / "m.keras", save_best_only=True, save_freq=4)
    small().fit(X, Y, 2, epochs=1, verbose=0, callbacks=[save])
    save.best = 0.25
    again = callbacks.ModelCheckpoint(tmp_path / "m.keras", save_best_only=True, save_freq=4)
    again.load_state_dict(save.state_dict())
    assert (again.best, again.batches, again.last_batch) == (0.25, 3, 2)


KILLED = """
import sys, numpy as np
from layergraph import Input, Sequential, callbacks, layers
model = Sequential([Input((2,)), layers.Dense(400), layers.Dense(400), layers.Dense(1)])
model.compile("sgd", "mse")
said = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, flush=True))
x, y = np.ones((2, 2), "float32"), np.ones((2, 1), "float32")
model.fit(x, y, epochs=100000, verbose=0, callbacks=[callbacks.ModelCheckpoint(sys.argv[1]), said])
"""


def test_a_kill_at_any_moment_leaves_a_file_that_loads(tmp_path):
    path = tmp_path / "m.keras"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        process.stdout.readline()
        deadline = time.monotonic() + 60
        while int(process.stdout.readline()) < 20 and time.monotonic() < deadline:
            pass
        process.send_signal(signal.SIGKILL)
    assert load_model(path).count_params() == 400 * 3 + 400 * 401 + 401
