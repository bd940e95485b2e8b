"""Losses of torch: modules, and functions of torch.nn.functional, called with the prediction first."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph import losses
from layergraph.errors import ArgumentError, DataError
from layergraph.training import Compiled, evaluate, fit
from layergraph.training.losses.foreign import TorchFunctionLoss, of_torch
from layergraph.training.losses.lookup import resolve

PRED, LABELS, WEIGHT = torch.randn(6, 3), torch.tensor([0, 2, 1, 0, 2, 1]), torch.rand(6)


def named(function):
    """Without its address, which differs from one worker to the next."""
    return f"partial {function.func.__name__}" if isinstance(function, partial) else function.__name__


@pytest.mark.parametrize(
    "function", [F.cross_entropy, partial(F.cross_entropy, label_smoothing=0.2), F.nll_loss, F.multi_margin_loss], ids=named
)
def test_functions_of_labels(function):
    loss = resolve(function)
    assert isinstance(loss, TorchFunctionLoss)
    assert torch.equal(loss(LABELS, PRED), function(PRED, LABELS))
    assert torch.equal(loss(LABELS[:, None].int(), PRED), function(PRED, LABELS))
    each = function(PRED, LABELS, reduction="none")
    assert torch.allclose(loss(LABELS, PRED, WEIGHT), (each * WEIGHT).mean())
    assert torch.allclose(loss(LABELS, PRED, WEIGHT[:, None]), (each * WEIGHT).mean())


@pytest.mark.parametrize(
    "function", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, partial(F.huber_loss, delta=0.3), F.poisson_nll_loss], ids=named
)
def test_functions_of_numbers(function):
    true = torch.rand(6, 3)
    loss = resolve(function)
    assert torch.equal(loss(true, PRED), function(PRED, true))
    weighted = (function(PRED, true, reduction="none") * WEIGHT[:, None]).mean()
    assert torch.allclose(loss(true, PRED, WEIGHT), weighted)
    summed = resolve(partial(function, reduction="sum"))
    assert torch.allclose(summed(true, PRED, WEIGHT), weighted * 18)
    assert torch.equal(loss(true.double(), PRED), function(PRED, true))


def test_what_is_no_loss_of_torch():
    assert not of_torch(F.relu)
    assert not of_torch(losses.huber)
    assert not of_torch(lambda t, p: t)
    assert not of_torch(nn.MSELoss())


def test_a_fit_with_functions_of_torch():
    x, y = torch.rand(12, 4), torch.arange(12) % 3
    compiled = Compiled(
        "sgd", F.cross_entropy, metrics=[F.cross_entropy, nn.CrossEntropyLoss(), losses.SparseCategoricalCrossentropy(True)]
    )
    logs = fit(nn.Linear(4, 3), compiled, x, y, batch_size=4, epochs=2, verbose=0).history
    assert sorted(logs) == ["cross_entropy", "cross_entropy_loss", "loss", "sparse_categorical_crossentropy"]
    for key in logs:
        assert logs[key] == pytest.approx(logs["loss"], rel=1e-6)
    assert evaluate(nn.Linear(4, 3), Compiled("sgd", F.cross_entropy), x, y, sample_weight=torch.zeros(12), verbose=0) == 0.0


def test_masks():
    true, pred, mask = torch.rand(2, 3), torch.rand(2, 3), torch.tensor([[True, True, False], [True, False, False]])
    each = F.mse_loss(pred, true, reduction="none")
    assert torch.allclose(resolve(F.mse_loss).masked(true, pred, None, mask), each[mask].mean())
    assert torch.allclose(resolve(nn.MSELoss(reduction="none")).masked(true, pred, None, mask), each[mask].mean())
    with pytest.raises(DataError, match="a mask came with MSELoss"):
        resolve(nn.MSELoss()).masked(true, pred, None, mask)


def test_they_have_no_config():
    with pytest.raises(ArgumentError, match=r"the loss 'mse_loss' is torch's, and has no config"):
        losses.serialize(resolve(nn.MSELoss()))
    with pytest.raises(ArgumentError, match="Cannot serialize the loss"):
        losses.serialize(nn.MSELoss())
    with pytest.raises(ArgumentError, match="Cannot serialize the loss"):
        losses.serialize(lambda t, p: t)
