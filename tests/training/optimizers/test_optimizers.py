"""Optimizers: Keras's paths, the same whatever the size of the gradients; arguments; torch's own optimizers."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import optimizers
from layergraph.errors import ArgumentError

GOLDENS = np.load(Path(__file__).parents[2] / "parity" / "goldens" / "training.npz")
PATHS = sorted({key.rsplit("/", 1)[0] for key in GOLDENS.files if key.startswith("path/") and "|" in key})
SCHEDULES = [key for key in GOLDENS.files if key.startswith("schedule/")]
STEPS = 20


def follow(name, options) -> list[np.ndarray]:
    params = [nn.Parameter(torch.tensor(GOLDENS[f"path/start/{i}"])) for i in range(2)]
    grads = [torch.tensor(GOLDENS[f"path/grads/{i}"]) for i in range(2)]
    optimizer = getattr(optimizers, name)(**options)
    optimizer.build(params)
    path: list[list[np.ndarray]] = [[], []]
    for step in range(STEPS):
        if step == STEPS // 2:
            optimizer.learning_rate = options["learning_rate"] * 0.5
        for p, g in zip(params, grads, strict=True):
            p.grad = g[step].clone()
        optimizer.step()
        for i in range(2):
            path[i].append(params[i].detach().numpy().copy())
    assert optimizer.iterations == STEPS
    return [np.stack(p) for p in path]


@pytest.mark.parametrize("key", PATHS)
def test_the_path_equals_keras(key):
    name, options = key.removeprefix("path/").split("|")
    for i, path in enumerate(follow(name, ast.literal_eval(options))):
        expected = GOLDENS[f"{key}/{i}"]
        error = np.max(np.abs(path - expected) / np.maximum(np.abs(expected), 1e-3 * np.max(np.abs(expected))))
        assert error <= 1e-5


def test_torchs_own_epsilon_would_fail_this():
    key = next(key for key in PATHS if key.startswith("path/Adam|{'learning_rate': 0.01}"))
    p = nn.Parameter(torch.tensor(GOLDENS["path/start/0"]))
    adam = torch.optim.Adam([p], lr=0.01, eps=1e-7)
    for step in range(STEPS // 2):
        p.grad = torch.tensor(GOLDENS["path/grads/0"][step])
        adam.step()
    assert np.max(np.abs(p.detach().numpy() - GOLDENS[f"{key}/0"][STEPS // 2 - 1])) > 1e-4


@pytest.mark.parametrize("key", SCHEDULES)
def test_schedules_equal_keras(key):
    name, options = key.removeprefix("schedule/").split("|")
    schedule = getattr(optimizers.schedules, name)(**ast.literal_eval(options))
    np.testing.assert_allclose([schedule(step) for step in range(25)], GOLDENS[key], rtol=1e-5, atol=1e-8)
    assert type(schedule).from_config(schedule.get_config())(3) == schedule(3)


def test_a_schedule_drives_the_rate_and_cannot_be_set():
    optimizer = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    p = nn.Parameter(torch.zeros(1))
    optimizer.build([p])
    seen = []
    for _ in range(3):
        seen.append(optimizer.learning_rate)
        p.grad = torch.ones(1)
        optimizer.step()
    assert seen == [0.1, 0.05, 0.025]
    assert p.item() == pytest.approx(-0.175)
    with pytest.raises(TypeError, match="hence its learning rate is not settable"):
        optimizer.learning_rate = 0.1
    assert optimizers.SGD.from_config(optimizer.get_config()).learning_rate == 0.1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optimizers.SGD(lr=0.1), "SGD: Argument(s) not recognized: {'lr': 0.1}"),
        (lambda: optimizers.SGD(lr=0.1), "did you mean 'learning_rate'?"),
        (lambda: optimizers.Adam(beta1=0.1), "did you mean 'beta_1'?"),
        (lambda: optimizers.Adam(1), "Argument `learning_rate` should be float"),
        (lambda: optimizers.Adam(np.float32(0.1)), "Argument `learning_rate` should be float"),
        (lambda: optimizers.SGD(-0.1), "SGD(learning_rate=-0.1)"),
        (lambda: optimizers.SGD(0.1, momentum=1), "`momentum` must be a float between [0, 1]"),
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2.0), "`ema_momentum` must be in the range [0, 1]"),
        (lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=1.5), "`ema_overwrite_frequency` must be an integer >= 1 or None"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), "`gradient_accumulation_steps` must be an integer >= 2"),
        (lambda: optimizers.Adam(loss_scale_factor=0.0), "Adam(loss_scale_factor=0.0): wanted a number above 0"),
        (lambda: optimizers.Adam(float("nan")), "Adam(learning_rate=nan): wanted a learning_rate that is not negative"),
        (lambda: optimizers.Adam(weight_decay=float("nan")), "Adam(weight_decay=nan): wanted a number that is not negative"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "Ftrl: `learning_rate_power` needs to be negative or zero"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-1.0), "Ftrl: `l1_regularization_strength` needs to be positive or zero"),
        (lambda: optimizers.get("LossScaleOptimizer"), "the optimizer 'LossScaleOptimizer' needs arguments"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0), "set `clipnorm` on the `inner_optimizer`"),
        (lambda: optimizers.LossScaleOptimizer("adam"), "LossScaleOptimizer: wanted an optimizer of layergraph's, got 'adam'"),
        (lambda: optimizers.schedules.CosineDecayRestarts(0.1, 0), "`first_decay_steps` must be greater than 0"),
        (lambda: optimizers.AdamW(weight_decay=None), "Argument `weight_decay` must be a float"),
        (lambda: optimizers.get("adm"), "Could not interpret optimizer identifier: 'adm'"),
        (lambda: optimizers.get("adm"), "did you mean 'adam'?"),
        (lambda: optimizers.get("ftlr"), "did you mean 'ftrl'?"),
        (lambda: optimizers.schedules.CosineDecay(0.1, 0), "`decay_steps` must be greater than 0"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert text in str(caught.value)


WORDS = "sgd Adam AdamW RMSprop rmsprop adagrad adadelta adamax NADAM lion Ftrl lamb Adafactor muon ScheduleFreeAdamW"


@pytest.mark.parametrize("word", WORDS.split())
def test_words(word):
    optimizer = optimizers.get(word)
    assert type(optimizer).__name__.lower() == word.lower() == optimizer.name.replace("_", "")
    assert type(optimizer).from_config(optimizer.get_config()).get_config() == optimizer.get_config()


def test_torch_optimizers_are_taken_as_they_are():
    p = nn.Parameter(torch.zeros(1))
    own = torch.optim.Adam([p])
    assert optimizers.get(own) is own
    assert optimizers.get(torch.optim.ASGD) is torch.optim.ASGD


def test_apply_leaves_gradients_alone():
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = optimizers.SGD(0.5, clipvalue=1.0)
    grad = torch.tensor([4.0])
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['1'\] when minimizing the loss"):
        assert optimizer.apply_gradients([(grad, p), (None, q)]) == 1
    assert (p.item(), q.item(), grad.item(), p.grad) == (0.5, 1.0, 4.0, None)
    with pytest.raises(ArgumentError, match="No gradients provided for any variable"):
        optimizer.apply([None, None], [p, q])


def test_state_goes_into_a_twin_and_through_pickle_and_deepcopy():
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = optimizers.Adam(0.1)
    optimizer.build(model.parameters())

    def step(m, o):
        m.zero_grad()
        m(torch.ones(1, 3)).square().sum().backward()
        o.step()
        return m.weight.detach().clone()

    step(model, optimizer)
    twins = [copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))]
    loaded = copy.deepcopy(model)
    fresh = optimizers.Adam(0.1)
    fresh.build(loaded.parameters())
    fresh.load_state_dict(optimizer.state_dict())
    expected = step(model, optimizer)
    for twin in [*twins, (loaded, fresh)]:
        assert torch.equal(step(*twin), expected)


def test_build_again_keeps_the_state_of_known_parameters():
    a, b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = optimizers.Adam(0.1)
    optimizer.build([a])
    a.grad = torch.ones(1)
    optimizer.step()
    optimizer.build([a, b])
    assert optimizer.parameters == [a, b]
    a.grad, b.grad = torch.ones(1), torch.ones(1)
    optimizer.step()
    assert int(optimizer.torch_optimizer.state[a]["step"]) == 2
    assert b.item() < 1.0


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_gradient_that_is_laid_out_otherwise(name):
    """torch's fused kernels take a gradient to be laid out as its parameter: one from `autograd.grad` need not be."""
    ends = []
    for laid_out in (lambda g: g, torch.Tensor.contiguous):
        p = nn.Parameter(torch.ones(2, 3))
        getattr(optimizers, name)(0.1).apply([laid_out(torch.arange(6.0).reshape(3, 2).t() - 2)], [p])
        ends.append(p.detach())
    assert torch.equal(*ends)


def test_what_is_spared_the_decay():
    """An expression need only be found in a name; a parameter may be given itself; it counts after `build` too."""
    model = nn.ModuleDict({word: nn.Linear(1, 1, bias=False) for word in ("body", "norm", "head")})
    optimizer = optimizers.SGD(0.5, weight_decay=1.0)
    optimizer.build(model)
    optimizer.exclude_from_weight_decay([model["head"].weight], ["or", "nothing"])
    before = {word: layer.weight.item() for word, layer in model.items()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    after = {word: layer.weight.item() for word, layer in model.items()}
    assert after == {**before, "body": pytest.approx(before["body"] / 2)}


def test_a_common_norm_that_is_not_finite_is_not_hidden():
    """Keras gives NaN for all; a factor of 0 would leave the parameters with finite gradients as they are."""
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizers.SGD(0.1, global_clipnorm=1.0).apply([torch.tensor([torch.inf]), torch.ones(1)], [p, q])
    assert torch.isnan(p).all()
    assert torch.isnan(q).all()
