"""Callbacks: the order of events, early stopping, schedules, the progress bar."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import callbacks
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, evaluate, fit, predict

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


def test_unknown_events():
    with pytest.raises(ArgumentError, match="LambdaCallback: 'on_epoch_ended' is no event"):
        callbacks.LambdaCallback(on_epoch_ended=print)
    with pytest.raises(ArgumentError, match=r"callbacks\[0\] is <class (.|\n)*fix: an instance: EarlyStopping\(\)"):
        callbacks.CallbackList([callbacks.EarlyStopping])


class Failing(callbacks.Callback):
    """Raises in one event."""

    def __init__(self, event, at=0):
        super().__init__()
        self.at, self.closed = at, False

        def fail(*args):
            if not args or args[0] == at or not isinstance(args[0], int):
                raise KeyError("lost")

        setattr(self, event, fail)


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ("on_train_begin", ""),
        ("on_epoch_begin", ", at epoch 2"),
        ("on_train_batch_begin", ", at epoch 1, batch 2"),
        ("on_batch_end", ", at epoch 1, batch 2"),
        ("on_test_begin", ", at epoch 1"),
        ("on_test_batch_end", ", at epoch 1, batch 2"),
        ("on_epoch_end", ", at epoch 2"),
        ("on_train_end", ", at epoch"),
    ],
)
def test_an_error_says_whose_it_is(event, note):
    model = nn.Linear(2, 1)
    failing = Failing(event, at=1)
    data = {"validation_data": (X, Y), "validation_batch_size": 3}
    with pytest.raises(KeyError, match="lost") as caught:
        fit(model, Compiled("sgd", "mse"), X, Y, 3, epochs=2, verbose=0, callbacks=[callbacks.History(), failing], **data)
    word = "on_train_batch_end" if event == "on_batch_end" else event
    assert any(each.startswith(f"in callbacks[1], Failing.{word}{note}") for each in caught.value.__notes__)


class Closing(callbacks.Callback):
    def __init__(self, error=None):
        super().__init__()
        self.error, self.closed = error, 0

    def close(self):
        self.closed += 1
        if self.error is not None:
            raise self.error


def test_all_are_closed_and_the_first_error_is_told():
    given = [Closing(OSError("first")), Closing(ValueError("second")), Closing()]
    with pytest.raises(OSError, match="first") as caught:
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0, callbacks=given)
    assert [each.closed for each in given] == [1, 1, 1]
    assert caught.value.__notes__[0] == "in callbacks[0], Closing.close, at epoch 2"
    assert caught.value.__notes__[1].startswith("and ValueError: second in callbacks[1], Closing.close")


def test_an_error_on_its_way_stays_the_error():
    given = [Failing("on_epoch_end"), Closing(OSError("disk gone")), Closing()]
    with pytest.raises(KeyError, match="lost") as caught:
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0, callbacks=given)
    assert [each.closed for each in given[1:]] == [1, 1]
    assert any(each.startswith("and OSError: disk gone") for each in caught.value.__notes__)


def test_an_error_that_somebody_else_handles_hides_none():
    def train():
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0, callbacks=[Closing(OSError("disk gone"))])

    try:
        raise KeyError("of another story")
    except KeyError:
        with pytest.raises(OSError, match="disk gone"):
            train()


def test_a_list_for_a_loop_of_ones_own():
    model = nn.Linear(2, 1)
    recorder = Recorder()
    events = callbacks.CallbackList([[recorder], (callbacks.Callback(),)], add_history=True, model=model, epochs=1, steps=1, verbose=0)
    events.on_train_begin()
    events.on_epoch_begin(0)
    events.on_train_batch_begin(0)
    events.on_train_batch_end(0, {"loss": 1.0})
    events.on_test_begin()
    events.on_test_batch_begin(0)
    events.on_test_batch_end(0, {"loss": 1.0})
    events.on_test_end()
    events.on_epoch_end(0, {"loss": 1.0})
    events.on_train_end()
    events.on_predict_begin()
    events.on_predict_batch_begin(0)
    events.on_predict_batch_end(0)
    events.on_predict_end()
    assert recorder.events == [
        *["train_begin", "epoch_begin", "train_batch_begin", "train_batch_end"],
        *["test_begin", "test_batch_begin", "test_batch_end", "test_end", "epoch_end", "train_end"],
        *["predict_begin", "predict_batch_begin", "predict_batch_end", "predict_end"],
    ]
    assert recorder.params == {"epochs": 1, "steps": 1, "verbose": 0}
    assert recorder.model is model
    assert events.callbacks[-1].history == {"loss": [1.0]}
    assert callbacks.CallbackList(add_progbar=True).callbacks[0].__class__ is callbacks.ProgbarLogger


def test_every_callback_says_what_it_keeps():
    """What `kept` names is there, so that a checkpoint can be written at any time."""
    made = [
        callbacks.EarlyStopping(),
        callbacks.ReduceLROnPlateau(),
        callbacks.ModelCheckpoint("m.keras"),
        callbacks.CSVLogger("log.csv"),
        callbacks.TensorBoard(),
        callbacks.SwapEMAWeights(),
        callbacks.History(),
    ]
    for each in made:
        assert each.kept
        state = each.state_dict()
        each.load_state_dict(state)
        assert each.state_dict() == state
