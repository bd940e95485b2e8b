"""Callbacks that set the learning rate: torch optimizers, which Keras does not have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import callbacks, optimizers
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


@pytest.mark.parametrize("make", [lambda p: optimizers.SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)])
@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 * 0.5 ** (epoch + 1)])
def test_learning_rate_scheduler(make, schedule):
    model = nn.Linear(2, 1)
    history = fit(
        model, Compiled(make(model.parameters()), "mse"), X, Y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(schedule)]
    )
    assert history.history["learning_rate"] == pytest.approx([0.05, 0.025, 0.0125])


def groups(model):
    return torch.optim.SGD([{"params": [model.weight], "lr": 0.5}, {"params": [model.bias], "lr": torch.tensor(0.25)}])


def test_a_plateau_lowers_each_group_of_a_torch_optimizer():
    model = nn.Linear(2, 1)
    optimizer = groups(model)
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_lr=0.1)
    kept = optimizer.param_groups[1]["lr"]
    history = fit(model, Compiled(optimizer, "mse"), X, Y, epochs=5, verbose=0, callbacks=[Script([1.0] * 5), reduce])
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25, 0.125, 0.1]
    assert [float(group["lr"]) for group in optimizer.param_groups] == pytest.approx([0.1, 0.1])
    assert optimizer.param_groups[1]["lr"] is kept  # a compiled step reads this very tensor


def test_an_optimizer_without_a_rate():
    with pytest.raises(ArgumentError, match="ReduceLROnPlateau: the optimizer None has no learning rate"):
        callbacks.ReduceLROnPlateau().on_epoch_end(0, {"val_loss": 1.0})


def test_a_resumed_plateau_goes_on_waiting():
    one, other = (callbacks.ReduceLROnPlateau(patience=3, cooldown=2) for _ in range(2))
    one.best, one.wait, one.cooldown_counter = 0.5, 2, 1
    other.on_train_begin()
    other.load_state_dict(one.state_dict())
    assert (other.best, other.wait, other.cooldown_counter) == (0.5, 2, 1)
