"""What an optimizer keeps: resumed bit for bit, through copies, freezing and loading; and errors that change nothing."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from tests.parity.optimizer_rows import FLAT, LAYERED, make
from torch import nn

import layergraph
from layergraph import Input, Model, layers, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, fit

SCHEDULE = optimizers.schedules.CosineDecay(0.1, 9)
MAKE = {
    **{name: (lambda name=name: make(layergraph, FLAT[name])) for name in ("SGD", "Adam", "Nadam", "Adadelta", "Lion", "Ftrl", "Lamb")},
    **{name: (lambda name=name: make(layergraph, LAYERED[name])) for name in ("Adafactor", "Muon", "MultiOptimizer", "RMSprop")},
    "ScheduleFreeAdamW": lambda: optimizers.ScheduleFreeAdamW(0.01, warmup_steps=4),
    "all": lambda: optimizers.Adam(
        SCHEDULE, amsgrad=True, use_ema=True, gradient_accumulation_steps=2, weight_decay=0.1, clipnorm=0.5, loss_scale_factor=2.0
    ),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.01, 0.9, use_ema=True), 64.0, 3),
    "own": lambda: Own(0.1),
}


class Own(optimizers.Optimizer):
    def build(self, variables):
        super().build(variables)
        self.moments = [self.add_variable_from_reference(reference_variable=v, name="m") for v in variables]
        self.count = self.add_variable((), "zeros", name="count")

    def update_step(self, gradient, variable, learning_rate):
        m = self.moments[self._get_variable_index(variable)]
        self.assign(m, 0.9 * m + gradient)
        self.assign_add(self.count, 1.0)
        self.assign_sub(variable, learning_rate * m / torch.sqrt(self.count))


def network():
    """A GRU has two biases where Keras has one, and a convolution's kernel stands otherwise."""
    torch.manual_seed(0)
    x = Input((4, 3), name="x")
    y = layers.Conv1D(4, 2, name="conv")(x)
    y = layers.GRU(3, name="gru")(y)
    return Model(x, layers.Dense(2, name="head")(y))


X = torch.linspace(-1, 1, 60).reshape(5, 4, 3)


def advance(model, optimizer, steps, first=0):
    for i in range(first, first + steps):
        optimizer.zero_grad()
        loss = (model(X * (1 + 0.1 * i)).square().sum(1) * torch.arange(5.0)).mean()
        optimizer.scale_loss(loss).backward()
        optimizer.step()


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def through_json(state):
    """As a checkpoint keeps it: JSON, with tensors beside it."""
    tensors = []

    def out(value):
        if isinstance(value, torch.Tensor):
            tensors.append(value.detach().clone())
            return {"tensor": len(tensors) - 1}
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            return {key: out(item) for key, item in value.items()}
        return [out(item) for item in value] if isinstance(value, list) else value

    def back(value):
        if isinstance(value, dict):
            return tensors[value["tensor"]] if set(value) == {"tensor"} else {key: back(item) for key, item in value.items()}
        return [back(item) for item in value] if isinstance(value, list) else value

    return back(json.loads(json.dumps(out(state), allow_nan=False)))


@pytest.mark.parametrize("name", MAKE)
def test_a_resumed_training_is_the_same_bit_for_bit(name):
    model, optimizer = network(), MAKE[name]()
    optimizer.build(model)
    advance(model, optimizer, 5)
    state, saved = through_json(optimizer.state_dict()), copy.deepcopy(model.state_dict())
    other, fresh = network(), MAKE[name]()
    other.load_state_dict(saved)
    fresh.build(other)
    fresh.load_state_dict(state)
    twins = [copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer))), (other, fresh)]
    advance(model, optimizer, 4, 5)
    for twin in twins:
        advance(*twin, 4, 5)
        assert all(map(torch.equal, weights(model), weights(twin[0])))
        assert twin[1].iterations == optimizer.iterations
        for mine, theirs in zip(optimizer.keras_state().values(), twin[1].keras_state().values(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["Adam", "Nadam", "Muon", "all", "own"])
def test_frozen_parameters_keep_their_state(name):
    """A layer is frozen between two fits and thawed before a third: as if its steps had been left out."""
    model, optimizer = network(), MAKE[name]()
    compiled = Compiled(optimizer, "mse")
    y = torch.ones(5, 2)

    def run(epochs):
        fit(model, compiled, X, y, 5, epochs, 0, shuffle=False)

    run(4)
    key = next(key for key in optimizer.state_dict()["state"] | optimizer.state_dict()["made"] if "conv" in key)
    before = copy.deepcopy((optimizer.state_dict()["state"] | {"": optimizer.state_dict()["made"]}).get(key, optimizer.made.get(key)))
    kernel = model.conv.weight.detach().clone()
    model.get_layer("conv").trainable = False
    run(2)
    assert torch.equal(model.conv.weight, kernel)
    assert id(model.conv.weight) not in {id(p) for p in optimizer.parameters}
    state = through_json(optimizer.state_dict())
    kept = state["state"].get(key, state["made"].get(key))
    if isinstance(before, dict):
        assert {word: t for word, t in kept.items() if word == "step"} == {word: before["step"] for word in kept if word == "step"}
        assert all(torch.equal(kept[word], t) for word, t in before.items())
    else:
        assert torch.equal(kept, before)
    other, fresh = network(), MAKE[name]()  # a checkpoint that was written while the layer slept
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    other.get_layer("conv").trainable = False
    fresh.build(other)
    fresh.load_state_dict(state)
    for each, opt in ((model, optimizer), (other, fresh)):
        each.get_layer("conv").trainable = True
        fit(each, Compiled(opt, "mse"), X, y, 5, 3, 0, shuffle=False)
    assert not torch.equal(model.conv.weight, kernel)
    assert all(map(torch.equal, weights(model), weights(other)))
    if "step" in optimizer.state_dict()["state"].get("conv.weight", {}):
        assert float(optimizer.state_dict()["state"]["conv.weight"]["step"]) == optimizer.iterations


def test_between_fit_and_a_loop_of_ones_own():
    """The same optimizer goes on where the other left off, in either order."""
    results = []
    for order in ("fit, loop", "loop, fit", "fit, fit"):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        optimizer = optimizers.Adam(SCHEDULE)
        x, y = torch.linspace(-1, 1, 12).reshape(4, 3), torch.ones(4, 1)
        for kind in order.split(", "):
            if kind == "fit":
                fit(model, Compiled(optimizer, "mse"), x, y, 4, 2, 0)
                continue
            if not optimizer.built:
                optimizer.build(model.parameters())
            for _ in range(2):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(x), y).backward()
                optimizer.step()
        assert (optimizer.iterations, type(optimizer.torch_optimizer)) == (4, torch.optim.Adam)
        results.append(weights(model))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_state_by_name_goes_into_a_loop_that_has_numbers():
    model = nn.Linear(3, 2)
    first, second = optimizers.Adam(0.1), optimizers.Adam(0.1)
    first.build(model)
    model(torch.ones(1, 3)).sum().backward()
    first.step()
    second.build(model.parameters())
    second.load_state_dict(first.state_dict())
    assert list(second.state_dict()["state"]) == ["0", "1"]
    assert torch.equal(second.state_dict()["state"]["0"]["exp_avg"], first.state_dict()["state"]["weight"]["exp_avg"])


def snapshot(optimizer):
    return through_json(optimizer.state_dict()), [p.detach().clone() for p in optimizer.parameters], [p.grad for p in optimizer.parameters]


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, (list, tuple)) else a == b


def _wrong_shape(optimizer):
    state = copy.deepcopy(optimizer.state_dict())
    state["state"]["bias"]["exp_avg"] = torch.ones(7)
    optimizer.load_state_dict(state)


def _other_names(optimizer):
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict({**state, "state": {"else": state["state"]["bias"]}})


def _other_kind(optimizer):
    other = optimizers.SGD(0.1, 0.9)
    other.build({"weight": optimizer.parameters[0], "bias": optimizer.parameters[1]}.items())
    optimizer.load_state_dict(other.state_dict())


def _own_from_keras(optimizer):
    store = optimizer.keras_state()
    optimizer.load_keras_state({**store, "0": np.int32(77), "5": np.ones(9)})


WRONG = {
    "apply: 1 gradients for 2 variables": lambda o: o.apply([torch.ones(2, 3)]),
    "No gradients provided for any variable.": lambda o: o.apply([None, None]),
    "a gradient of shape (5,) for a variable of shape (2,)": lambda o: o.apply([torch.ones(2, 3), torch.ones(5)]),
    "Unknown variable: ": lambda o: o.apply([torch.ones(1)], [nn.Parameter(torch.ones(1))]),
    "Adam(learning_rate=-1.0)": lambda o: setattr(o, "learning_rate", -1.0),
    "Adam(learning_rate=nan)": lambda o: setattr(o, "learning_rate", float("nan")),
    "of 'bias' it keeps 'exp_avg' as (2,), and the state has (7,)": _wrong_shape,
    "there is state of ['else'], which are no parameters of this optimizer": _other_names,
    "and the state has": _other_kind,
    "has shape (2,), and what is loaded (9,)": _own_from_keras,
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_changes_nothing(text):
    model = nn.Linear(3, 2)
    optimizer = optimizers.Adam(0.1)
    optimizer.build(model)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    before = snapshot(optimizer)
    with pytest.raises(ArgumentError) as caught:
        WRONG[text](optimizer)
    assert text in str(caught.value)
    assert same(before, snapshot(optimizer))


def test_a_step_without_gradients_or_with_a_rate_that_is_none():
    p = nn.Parameter(torch.ones(2))
    optimizer = optimizers.SGD(lambda: float("nan"), use_ema=True)
    with pytest.raises(ArgumentError, match=r"step\(\) before build\(\)"):
        optimizer.step()
    optimizer.build([p])
    with pytest.raises(ArgumentError, match="No gradients provided for any variable"):
        optimizer.step()
    p.grad = torch.ones(2)
    with pytest.raises(ArgumentError, match="the learning rate of step 0 is nan"):
        optimizer.step()
    assert (p.tolist(), optimizer.iterations) == ([1.0, 1.0], 0)


def test_keras_s_own_checks():
    optimizer = optimizers.Adam(0.1)
    with pytest.raises(ArgumentError, match=r"set_weights\(\) before build\(\)"):
        optimizer.set_weights([1])
    with pytest.raises(ArgumentError, match="the optimizer must already be built on a list of variables"):
        optimizer.apply([torch.ones(2)])
    optimizer.build(nn.Linear(3, 2))
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer 'adam', because it has 6 variables whereas the saved"):
        optimizer.load_own_variables({"0": 3})
    weights = [w.clone() + 1 for w in optimizer.variables]
    optimizer.set_weights(weights)
    assert optimizer.iterations == 1
    assert optimizer.learning_rate == pytest.approx(1.1)
    assert all(torch.equal(a, b) for a, b in zip(optimizer.variables, weights, strict=True))


def test_state_is_where_the_parameters_are():
    """As after `model.to("cuda")`: the next fit takes the state along."""
    model = nn.Linear(3, 2, device="meta")
    optimizer = optimizers.RMSprop(0.1, use_ema=True)
    optimizer.build(model)
    parameters = list(model.parameters())
    assert optimizer.knows(parameters)
    for p in parameters:
        optimizer.torch_optimizer.state[p] = {key: torch.zeros(t.shape) for key, t in optimizer.torch_optimizer.state[p].items()}
    assert not optimizer.knows(parameters)
    optimizer.build(model)
    assert {t.device.type for kept in optimizer.torch_optimizer.state.values() for t in kept.values()} == {"meta"}


def test_layouts_are_known_before_the_first_step_or_stay_torchs():
    """Adafactor built from parameters sees a convolution as torch does; from the model, as Keras does, as long as it is fresh."""
    model = network()
    fresh, used = optimizers.Adafactor(0.1), optimizers.Adafactor(0.1)
    for optimizer in (fresh, used):
        optimizer.build(model.parameters())
    rows = fresh.torch_optimizer.state[model.conv.weight]["r"].shape
    advance(model, used, 1)
    for optimizer in (fresh, used):
        optimizer.build(model)
    assert used.torch_optimizer.state[model.conv.weight]["r"].shape == rows == (4, 3)
    assert fresh.torch_optimizer.state[model.conv.weight]["r"].shape == (2, 3)
    advance(model, used, 1)
