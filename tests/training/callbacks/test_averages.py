"""SwapEMAWeights over an optimizer that has `parameters` and `averages`."""

from __future__ import annotations

import types

import pytest
import torch
from torch import nn

from layergraph import callbacks, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled


def attached(swap_on_epoch=False):
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average = torch.full((1, 2), 5.0)
    optimizer = types.SimpleNamespace(use_ema=True, parameters=[model.weight], averages=[average])
    callback = callbacks.SwapEMAWeights(swap_on_epoch)
    callback.compiled = types.SimpleNamespace(optimizer=optimizer)
    callback.set_model(model)
    return callback, model, average


def value(model):
    return model.weight[0, 0].item()


@pytest.mark.parametrize("event", ["test", "predict"])
def test_only_while_it_is_tested(event):
    callback, model, average = attached()
    getattr(callback, f"on_{event}_begin")()
    assert value(model) == 5
    getattr(callback, f"on_{event}_end")()
    assert value(model) == 1
    callback.on_epoch_end(0)
    assert value(model) == 1
    assert average[0, 0] == 5


def test_between_epochs():
    callback, model, average = attached(swap_on_epoch=True)
    for _ in range(2):
        callback.on_epoch_begin(0)
        assert value(model) == 1
        callback.on_test_begin()
        callback.on_test_end()
        assert value(model) == 1
        callback.on_epoch_end(0)
        assert value(model) == 5
    callback.on_train_end()
    callback.close()
    assert value(model) == 5  # the training ends with the averages
    assert average[0, 0] == 5


def test_an_error_gives_the_weights_back():
    callback, model, _ = attached()
    callback.on_test_begin()
    callback.close()
    assert value(model) == 1
    callback.close()
    assert value(model) == 1


def test_a_stop_between_epochs_keeps_both():
    """The checkpoint holds the averages as the model's weights, and the weights here."""
    callback, model, _ = attached(swap_on_epoch=True)
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0)
    weights, state = model.state_dict(), callback.state_dict()
    other, again, _ = attached(swap_on_epoch=True)
    again.load_state_dict(weights)
    other.on_train_begin()
    other.load_state_dict(state)
    assert value(again) == 5
    other.on_epoch_begin(1)
    assert value(again) == 1


def test_without_averages():
    callback = callbacks.SwapEMAWeights()
    callback.compiled = Compiled(optimizers.SGD(), "mse")
    with pytest.raises(ArgumentError, match="SwapEMAWeights must be used when `use_ema=True` is set on the optimizer"):
        callback.on_test_begin()
