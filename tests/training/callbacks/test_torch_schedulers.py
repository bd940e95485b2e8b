"""Schedulers of `torch.optim.lr_scheduler` in `fit`: once an epoch, at each step, on a plateau; their state; what excludes them."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from layergraph import callbacks, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, fit

X, Y = torch.linspace(-1, 1, 24).reshape(8, 3), torch.ones(8, 1)


def setup(learning_rate=0.1):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = optimizers.SGD(learning_rate)
    optimizer.build(model)
    return model, optimizer


def run(model, optimizer, scheduler, epochs=4, **options):
    return fit(model, Compiled(optimizer, "mse"), X, Y, 4, epochs, 0, callbacks=[scheduler], shuffle=False, **options).history


def test_once_an_epoch_as_it_is():
    model, optimizer = setup()
    history = run(model, optimizer, lr_scheduler.StepLR(optimizer.torch_optimizer, 2, 0.5))
    assert history["learning_rate"] == [0.1, 0.1, 0.05, 0.05]
    assert optimizer.learning_rate == 0.025
    twin, plain = setup()  # and it is what trains
    for epoch in range(4):
        plain.learning_rate = 0.1 * 0.5 ** (epoch // 2)
        fit(twin, Compiled(plain, "mse"), X, Y, 4, 1, 0, shuffle=False)
    assert torch.equal(model.weight, twin.weight)


def test_a_torch_optimizer_of_one_s_own():
    model, _ = setup()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run(model, optimizer, lr_scheduler.ExponentialLR(optimizer, 0.5))
    assert optimizer.param_groups[0]["lr"] == 0.1 / 16


def test_at_each_step():
    model, optimizer = setup()
    scheduler = lr_scheduler.OneCycleLR(optimizer.torch_optimizer, 0.5, total_steps=8, cycle_momentum=False)
    run(model, optimizer, callbacks.TorchScheduler(scheduler, per_step=True))
    assert scheduler.last_epoch == 8
    quiet = callbacks.CallbackList([lr_scheduler.StepLR(optimizer.torch_optimizer, 2)])
    assert quiet.batch["on_train_batch_end"] == []


@pytest.mark.parametrize("validation", [False, True])
def test_on_a_plateau(validation):
    model, optimizer = setup(0.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer.torch_optimizer, patience=0)
    given = []
    scheduler.step = lambda value: given.append(float(value))
    history = run(model, optimizer, scheduler, 3, **({"validation_data": (X, -Y)} if validation else {}))
    assert given == history["val_loss" if validation else "loss"]
    with pytest.raises(ArgumentError, match="there is no 'accuracy' among the results: loss"):
        run(model, optimizer, callbacks.TorchScheduler(scheduler, monitor="accuracy"))


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.5),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=9.0, threshold_mode="abs", factor=0.7),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.CosineAnnealingLR(o, 6)], milestones=[3]
    ),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_its_state_in_a_checkpoint(name):
    """Stopped after 4 of 7 epochs, in JSON, and gone on in another process: the same rates and weights, bit for bit."""
    rates = {}
    for parts in ((7,), (4, 3)):
        model, optimizer = setup()
        rates[parts] = []
        for part in parts:
            state = None if part != 3 else (json.dumps(callback.state_dict(), allow_nan=False), optimizer.state_dict(), model.state_dict())  # noqa: F821
            model, optimizer = setup()
            if state is not None:
                model.load_state_dict(state[2])
            scheduler = SCHEDULERS[name](optimizer.torch_optimizer)
            callback = callbacks.TorchScheduler(scheduler)
            if state is not None:
                callback.load_state_dict(json.loads(state[0]))
                optimizer.load_state_dict(state[1])
            rates[parts] += run(model, optimizer, callback, part)["learning_rate"]
        rates[(*parts, "weight")] = model.weight.detach().tolist()
    assert rates[(7,)] == rates[(4, 3)]
    assert len(set(rates[(7,)])) > 1
    assert rates[(7, "weight")] == rates[(4, 3, "weight")]


def test_what_excludes_it():
    model, optimizer = setup()
    other = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    with pytest.raises(ArgumentError, match="StepLR is over an optimizer that does not train this model"):
        run(model, optimizer, lr_scheduler.StepLR(other, 1))
    model, optimizer = setup(optimizers.schedules.CosineDecay(0.1, 10))
    with pytest.raises(ArgumentError, match="the optimizer follows a schedule already"):
        run(model, optimizer, lr_scheduler.StepLR(optimizer.torch_optimizer, 1))
    with pytest.raises(ArgumentError, match="is no scheduler of"):
        callbacks.TorchScheduler(0.1)
    with pytest.raises(ArgumentError, match="looks at the results of an epoch"):
        callbacks.TorchScheduler(lr_scheduler.ReduceLROnPlateau(other), per_step=True)
