"""Callbacks: the order of events, early stopping, schedules, the progress bar."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import callbacks, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, evaluate, fit, predict
from layergraph.training.callbacks.progress import numbers

X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def __getattribute__(self, name):
        if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
            return lambda *args: object.__getattribute__(self, "events").append(name.removeprefix("on_"))
        return object.__getattribute__(self, name)

    def on_train_batch_begin(self, batch, logs=None): ...
    def on_train_batch_end(self, batch, logs=None): ...
    def on_test_batch_begin(self, batch, logs=None): ...
    def on_test_batch_end(self, batch, logs=None): ...
    def on_predict_batch_begin(self, batch, logs=None): ...
    def on_predict_batch_end(self, batch, logs=None): ...


def test_the_order_of_events_is_keras():
    recorder = Recorder()
    model = nn.Linear(2, 1)
    fit(model, Compiled("sgd", "mse"), X, Y, 3, validation_data=(X, Y), validation_batch_size=6, verbose=0, callbacks=[recorder])
    batch = ["train_batch_begin", "train_batch_end"]
    test = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    assert recorder.events == ["train_begin", "epoch_begin", *batch, *batch, *test, "epoch_end", "train_end"]
    recorder.events.clear()
    evaluate(model, Compiled("sgd", "mse"), X, Y, 6, verbose=0, callbacks=recorder)
    predict(model, X, 6, verbose=0, callbacks=callbacks.CallbackList([recorder]))
    assert recorder.events == [*test, "predict_begin", "predict_batch_begin", "predict_batch_end", "predict_end"]
    assert recorder.model is model
    assert recorder.params == {"verbose": 0, "epochs": 1, "steps": 1}


def test_logs_of_a_batch_are_running_means():
    seen = []
    torch.manual_seed(0)
    look = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, dict(logs), logs.get("nothing"))))
    x = np.random.default_rng(0).random((6, 2))
    history = fit(nn.Linear(2, 1), Compiled("sgd", "mse", metrics=["mae"]), x, Y, 4, verbose=0, callbacks=[look])
    assert [(batch, list(logs), nothing) for batch, logs, nothing in seen] == [(0, ["loss", "mae"], None), (1, ["loss", "mae"], None)]
    assert seen[1][1] == {key: values[0] for key, values in history.history.items()}
    assert seen[0][1] != seen[1][1]


def test_batch_aliases_and_stop_training():
    class Stop(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    compiled = Compiled("sgd", "mse")
    model = nn.Linear(2, 1)
    history = fit(model, compiled, X, Y, 1, epochs=3, verbose=0, callbacks=[Stop()])
    assert (compiled.optimizer.iterations, history.epoch) == (2, [0])
    assert len(fit(model, compiled, X, Y, epochs=2, verbose=0).epoch) == 2


def test_history():
    compiled = Compiled("sgd", "mse")
    history = fit(nn.Linear(2, 1), compiled, X, Y, epochs=3, verbose=0)
    assert compiled.history is history
    assert (history.epoch, list(history.history), len(history.history["loss"])) == ([0, 1, 2], ["loss"], 3)
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 1}
    own = callbacks.History()
    assert fit(nn.Linear(2, 1), compiled.__class__("sgd", "mse"), X, Y, verbose=0, callbacks=[own]) is own


class Script(callbacks.Callback):
    """Puts a series of values into the logs."""

    def __init__(self, values, name="val_loss"):
        super().__init__()
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([3, 2, 1, 4, 4, 4], {}, 4),
        ([3, 2, 2, 2, 2, 2], {"patience": 2}, 4),
        ([3, 2.95, 2.9, 2.0, 2, 2], {"min_delta": 0.5, "patience": 3}, 6),
        ([1, 2, 3, 3, 3, 3], {"mode": "max"}, 4),
        ([3, 4, 5, 6, 7, 8], {"start_from_epoch": 3}, 5),
        ([3, 2, 1, 0, 0, 0], {"baseline": 1.5, "patience": 2}, 2),
        ([5, 4, 3], {"patience": 9}, 3),
    ],
)
def test_early_stopping(values, options, epochs):
    stop = callbacks.EarlyStopping(**options)
    history = fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, epochs=len(values), verbose=0, callbacks=[Script(values), stop])
    assert len(history.epoch) == epochs


def test_early_stopping_restores_the_best_weights_with_their_buffers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    kept = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append({k: v.clone() for k, v in model.state_dict().items()}))
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    fit(
        model, Compiled("sgd", "mse"), X * np.arange(6)[:, None], Y, epochs=6, verbose=0, callbacks=[Script([3, 1, 2, 2, 2, 2]), look, stop]
    )
    assert len(kept) == 4
    assert all(torch.equal(kept[1][key], value) for key, value in model.state_dict().items())
    assert not torch.equal(kept[1]["0.weight"], kept[3]["0.weight"])


@pytest.mark.parametrize(("metric", "stops"), [("accuracy", True), ("mae", False)])
def test_the_direction_of_a_metric_is_known(metric, stops):
    script = Script([1, 2, 3, 4], f"val_{metric}")
    stop = callbacks.EarlyStopping(f"val_{metric}")
    compiled = Compiled("sgd", "mse", metrics=["accuracy", "mae"])
    history = fit(nn.Linear(2, 1), compiled, X, Y, epochs=4, verbose=0, callbacks=[script, stop])
    assert len(history.epoch) == (4 if stops else 2)


def test_a_direction_that_is_not_known_and_a_monitor_that_is_not_there():
    model, compiled = nn.Linear(2, 1), Compiled("sgd", "mse")
    with pytest.raises(ArgumentError, match="isn't able to automatically determine"):
        fit(model, compiled, X, Y, epochs=2, verbose=0, callbacks=[Script([1, 2], "score"), callbacks.EarlyStopping("score")])
    with pytest.warns(
        UserWarning, match="EarlyStopping conditioned on metric `val_loss` which is not available. Available metrics are: loss"
    ):
        fit(model, compiled, X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()])


@pytest.mark.parametrize("make", [lambda p: optimizers.SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)])
@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 * 0.5 ** (epoch + 1)])
def test_learning_rate_scheduler(make, schedule):
    model = nn.Linear(2, 1)
    history = fit(
        model, Compiled(make(model.parameters()), "mse"), X, Y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(schedule)]
    )
    assert history.history["learning_rate"] == pytest.approx([0.05, 0.025, 0.0125])


def test_terminate_on_nan(capsys):
    compiled = Compiled("sgd", "mse")
    x = X.copy()
    x[3] = np.nan
    history = fit(nn.Linear(2, 1), compiled, x, Y, 1, epochs=3, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert (compiled.optimizer.iterations, len(history.epoch)) == (4, 1)
    assert capsys.readouterr().out == "Batch 3: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 3"):
        fit(
            nn.Linear(2, 1), compiled.__class__("sgd", "mse"), x, Y, 1, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(True)]
        )


def test_unknown_events():
    with pytest.raises(ArgumentError, match="LambdaCallback: 'on_epoch_ended' is no event"):
        callbacks.LambdaCallback(on_epoch_ended=print)
    with pytest.raises(ArgumentError, match=r"callbacks\[0\] is <class (.|\n)*fix: an instance: EarlyStopping\(\)"):
        callbacks.CallbackList([callbacks.EarlyStopping])


def test_a_line_for_each_epoch_where_no_bar_can_be_drawn(capsys):
    fit(nn.Linear(2, 1), Compiled("sgd", "mse", metrics=["mae"]), X, Y, 4, epochs=2, validation_split=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("1/1 - 0s - ")
    assert [part.split(":")[0] for part in lines[1].split(" - ")[3:]] == ["loss", "mae", "val_loss", "val_mae"]
    assert len(lines) == 4
    evaluate(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y)
    assert capsys.readouterr().out.startswith("1/1 - 0s - ")
    predict(nn.Linear(2, 1), X)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0)
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_a_bar_on_a_terminal(monkeypatch, verbose):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 1, epochs=2, verbose=verbose)
    text = terminal.getvalue()
    assert "Epoch 2/2: 100%|" in text
    assert "6/6" in text
    assert ", loss: " in text


def test_a_bar_is_closed_after_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    bar = callbacks.ProgbarLogger()

    def fail(*_):
        raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, callbacks=[bar, callbacks.LambdaCallback(on_train_batch_end=fail)])
    assert bar.bar is None


def test_numbers():
    assert numbers({"loss": 0.25, "mae": 1e-4, "r2": -0.5}) == "loss: 0.2500 - mae: 1.0000e-04 - r2: -0.5000"
