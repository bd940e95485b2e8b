"""Callbacks that watch a value: what Keras does not tell, and TerminateOnNaN."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import callbacks
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, fit

X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


class Script(callbacks.Callback):
    """Puts a series of values into the logs."""

    def __init__(self, values, name="val_loss"):
        super().__init__()
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


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


def test_a_direction_that_is_not_known_and_a_monitor_that_is_not_there():
    model, compiled = nn.Linear(2, 1), Compiled("sgd", "mse")
    with pytest.raises(ArgumentError, match="isn't able to automatically determine"):
        fit(model, compiled, X, Y, epochs=2, verbose=0, callbacks=[Script([1, 2], "score"), callbacks.EarlyStopping("score")])
    what = "Early stopping conditioned on metric `val_loss` which is not available. Available metrics are: loss"
    with pytest.warns(UserWarning, match=what):
        fit(model, compiled, X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()])


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
