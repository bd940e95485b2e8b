"""A person's own optimizers and schedules, as they are written for Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers, ops, optimizers
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, fit


class MySGD(optimizers.Optimizer):
    """The example in Keras's documentation of the base class."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.momentum = 0.9

    def build(self, variables):
        super().build(variables)
        self.momentums = []
        for variable in variables:
            self.momentums.append(self.add_variable_from_reference(reference_variable=variable, name="momentum"))

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, ops.subtract(ops.multiply(m, ops.cast(self.momentum, variable.dtype)), ops.multiply(gradient, learning_rate)))
        self.assign_add(variable, m)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


class Rows(optimizers.Optimizer):
    """Steps by the mean of each row of Keras's array: the layout matters."""

    seen: list

    def update_step(self, gradient, variable, learning_rate):
        self.seen = [*getattr(self, "seen", []), tuple(variable.shape)]
        assert variable.shape == gradient.shape
        self.assign_sub(variable, learning_rate * gradient.mean(-1, keepdim=True).expand_as(variable))


def network():
    torch.manual_seed(3)
    x = Input((4, 3), name="x")
    return Model(x, layers.Dense(2, name="head")(layers.GRU(3, name="gru")(x)))


X, Y = torch.linspace(-1, 1, 96).reshape(8, 4, 3), torch.linspace(0, 1, 16).reshape(8, 2)


@pytest.mark.parametrize("options", [{}, {"use_ema": True, "gradient_accumulation_steps": 2, "clipnorm": 0.1, "weight_decay": 0.1}])
def test_it_gives_what_the_built_in_gives(options):
    ends = []
    for optimizer in (MySGD(learning_rate=0.1, **options), optimizers.SGD(0.1, 0.9, **options)):
        model = network()
        fit(model, Compiled(optimizer, "mse"), X, Y, 4, 3, 0, shuffle=False)
        ends.append(model.get_weights())
    for own, built_in in zip(*ends, strict=True):
        np.testing.assert_allclose(own, built_in, rtol=1e-5, atol=1e-7)


def test_its_variables_have_keras_s_names_shapes_and_order():
    model, optimizer = network(), MySGD(learning_rate=0.1, name="my_opt")
    optimizer.build(model)
    assert [entry.path for entry in optimizer.entries()] == [
        *("my_opt/iteration", "my_opt/learning_rate", "my_opt/gru_kernel_momentum", "my_opt/gru_recurrent_kernel_momentum"),
        *("my_opt/gru_bias_momentum", "my_opt/head_kernel_momentum", "my_opt/head_bias_momentum"),
    ]
    assert [tuple(v.shape) for v in optimizer.variables] == [(), (), (3, 9), (3, 9), (2, 9), (3, 2), (2,)]


def test_it_sees_keras_s_layout_and_a_changed_copy_is_put_back():
    model, optimizer = network(), Rows(0.5)
    optimizer.build(model)
    before = model.get_weights()
    model(X).sum().backward()
    grads = [v.gather(lambda t: t.grad).numpy() for v in optimizer._variables.found]
    optimizer.step()
    assert optimizer.seen == [(3, 9), (3, 9), (2, 9), (3, 2), (2,)]
    for old, new, g in zip(before, model.get_weights(), grads, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * g.mean(-1, keepdims=True), rtol=1e-5, atol=1e-6)


def test_configs_of_one_s_own():
    optimizer = MySGD(learning_rate=0.5)
    config = optimizers.serialize(optimizer)
    assert (config["class_name"], config["registered_name"], config["config"]["momentum"]) == ("MySGD", "MySGD", 0.9)
    del config["config"]["momentum"]
    twin = optimizers.deserialize(config, {"MySGD": MySGD})
    assert (type(twin), twin.learning_rate) == (MySGD, 0.5)
    with pytest.raises(ArgumentError, match="Could not interpret optimizer config"):
        optimizers.deserialize(config)


def test_a_rule_of_one_s_own_in_a_subclass_of_adam():
    class Sign(optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * gradient.sign())

    p = nn.Parameter(torch.ones(2))
    optimizer = Sign(0.5, use_ema=True)
    optimizer.apply([torch.tensor([3.0, -3.0])], [p])
    assert (p.tolist(), len(optimizer.variables)) == ([0.5, 1.5], 3)


def test_what_is_missing_is_said():
    p = nn.Parameter(torch.ones(1))
    with pytest.raises(NotImplementedError, match="Empty needs a method update_step"):
        type("Empty", (optimizers.Optimizer,), {})(0.1).apply([torch.ones(1)], [p])
    optimizer = MySGD(learning_rate=0.1)
    with pytest.raises(ArgumentError, match=r"is none of the variables that it was built with"):
        optimizer.add_variable_from_reference(p)


class Halving(optimizers.schedules.LearningRateSchedule):
    def __init__(self, first):
        self.first = first

    def __call__(self, step):
        return self.first / 2**step


def test_a_schedule_of_one_s_own():
    optimizer = optimizers.SGD(Halving(0.8))
    optimizer.apply([torch.ones(1)], [nn.Parameter(torch.ones(1))])
    assert optimizer.learning_rate == 0.4
    config = optimizers.serialize(optimizer)
    assert config["config"]["learning_rate"]["config"] == {"first": 0.8}
    twin = optimizers.deserialize(config, {"Halving": Halving})
    assert (type(twin.get_config()), twin.learning_rate) == (dict, 0.8)


def test_a_function_as_a_rate():
    rate = [0.5]
    optimizer = optimizers.SGD(lambda: rate[0])
    p = nn.Parameter(torch.zeros(1))
    optimizer.apply([torch.ones(1)], [p])
    rate[0] = 0.25
    optimizer.apply([torch.ones(1)], [p])
    assert (p.item(), optimizer.learning_rate, optimizer.param_groups[0]["lr"]) == (-0.75, 0.25, 0.25)
    with pytest.raises(ArgumentError, match="Cannot serialize the learning rate"):
        optimizers.serialize(optimizer)
    optimizer.learning_rate = 0.125
    assert optimizer.learning_rate == 0.125


class _Chosen(dict):
    def __getitem__(self, key):
        return super().__getitem__("bias" if "bias" in key else "else")


def test_a_function_chooses_optimizers():
    inner = _Chosen({"bias": optimizers.SGD(0.5), "else": optimizers.SGD(0.0)})
    optimizer = optimizers.MultiOptimizer(lambda variable: inner[variable.path], loss_scale_factor=4.0)
    model = nn.Linear(2, 1)
    before = model.weight.detach().clone(), model.bias.detach().clone()
    optimizer.build(model)
    optimizer.scale_loss(model(torch.ones(1, 2)).sum()).backward() if optimizer.scales_loss else None
    optimizer.step()
    assert torch.equal(model.weight, before[0])
    assert model.bias.item() == pytest.approx(before[1].item() - 0.5)
    assert [o.loss_scale_factor for o in optimizer.optimizers] == [4.0, 4.0]
    with pytest.raises(AttributeError, match="Learning rate cannot be accessed on a MultiOptimizer"):
        _ = optimizer.learning_rate


def test_a_map_of_optimizers():
    adam, sgd, default = optimizers.Adam(), optimizers.SGD(), optimizers.RMSprop()
    chosen = optimizers.OptimizerMap(default, {"encoder/.*": sgd})
    chosen["encoder/first/kernel"] = adam
    assert (chosen["encoder/first/kernel"], chosen["encoder/x"], chosen["encoder"]) == (adam, sgd, default)
    assert (len(chosen), list(chosen)) == (2, ["encoder/.*", "encoder/first/kernel"])
    with pytest.raises(ArgumentError, match="already exists in the OptimizerMap"):
        chosen["encoder/.*"] = adam
    with pytest.raises(ArgumentError, match="optimizer cannot be LossScaleOptimizer"):
        chosen["x"] = optimizers.LossScaleOptimizer(adam)
    with pytest.raises(TypeError, match="default_optimizer must be a Keras Optimizer instance"):
        optimizers.OptimizerMap("adam")
    chosen[".*/second"] = adam
    with pytest.raises(ArgumentError, match="Multiple optimizers assigned to variable encoder/second"):
        _ = chosen["encoder/second"]
    config = optimizers.serialize(optimizers.MultiOptimizer(chosen))
    twin = optimizers.deserialize(config)
    assert [type(o) for o in twin.optimizers] == [optimizers.SGD, optimizers.Adam, optimizers.Adam, optimizers.RMSprop]
    scaled = optimizers.deserialize(optimizers.serialize(optimizers.LossScaleOptimizer(sgd, 8.0)))
    assert (type(scaled.inner_optimizer), scaled.dynamic_scale) == (optimizers.SGD, 8.0)
