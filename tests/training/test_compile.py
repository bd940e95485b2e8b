"""compile's arguments: names of losses, weights and metrics by output."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layergraph.errors import ArgumentError
from layergraph.training import Compiled, evaluate

X, Y = torch.ones(4, 2), torch.ones(4, 1)


class Pair(nn.Linear):
    def __init__(self, names=("e1", "e2")):
        super().__init__(2, 1)
        self.output_names = list(names)

    def forward(self, x):
        return super().forward(x), super().forward(-x)


def logs(compiled, model=None, y=(Y, Y), **options):
    return list(evaluate(model or Pair(), compiled, X, list(y), verbose=0, return_dict=True, **options))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"loss": "mse"}, ["e1_loss", "e2_loss", "loss"]),
        ({"loss": ["mse", None]}, ["loss"]),
        ({"loss": ["mse"]}, ["loss"]),
        ({"loss": {"e1": "mse", "e2": None}}, ["loss"]),
        ({"loss": "mse", "metrics": ["mae", "mse"]}, ["e1_loss", "e1_mae", "e2_loss", "e2_mse", "loss"]),
        ({"loss": "mse", "metrics": {"e2": "mae"}}, ["e1_loss", "e2_loss", "e2_mae", "loss"]),
        ({"loss": "mse", "metrics": [["mae", "mse"], []]}, ["e1_loss", "e1_mae", "e1_mse", "e2_loss", "loss"]),
        (
            {"loss": "mse", "metrics": [None, "mae"], "weighted_metrics": [None, ["mae"]]},
            ["e1_loss", "e2_loss", "e2_mae", "e2_weighted_mae", "loss"],
        ),
    ],
)
def test_what_is_logged(options, names):
    assert logs(Compiled("sgd", **options)) == names


def test_targets_of_outputs_without_loss_may_be_left_out():
    assert logs(Compiled("sgd", ["mse", None]), y=[Y]) == ["loss"]


def test_loss_weights():
    model = Pair()
    both = evaluate(model, Compiled("sgd", "mse"), X, [Y, 3 * Y], verbose=0)
    total, first, second = both
    for weights in ([0.5, 2.0], {"e1": 0.5, "e2": 2.0}):
        loss = ["mse", "mse"] if isinstance(weights, list) else {"e1": "mse", "e2": "mse"}
        values = evaluate(model, Compiled("sgd", loss, weights), X, [Y, 3 * Y], verbose=0)
        assert values == pytest.approx([0.5 * first + 2.0 * second, first, second])
    assert total == pytest.approx(first + second)
    single = evaluate(nn.Linear(2, 1), Compiled("sgd", lambda t, p: t * 0 + p * 0 + 1, 0.25), X, Y, verbose=0)
    assert single == 0.25


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": "msee"}, "did you mean 'mse'?"),
        ({"optimizer": "adm"}, "did you mean 'adam'?"),
        ({"loss": "mse", "metrics": ["acuracy"]}, "did you mean 'accuracy'?"),
        ({"loss": "mse", "metrics": "mae"}, "Expected `metrics` argument to be a list, tuple, or dict"),
        ({"loss": "mse", "metrics": "mae"}, "metrics=['mae']"),
        ({"loss": {"e1": "mse"}}, "Expected keys ['e1', 'e2'] in loss dict, but found loss.keys()=['e1']"),
        ({"loss": {"e1": "mse", "e3": "mse"}}, "the `loss` dict names an output 'e3', but the outputs are ['e1', 'e2']"),
        ({"loss": ["mse"] * 3}, "`loss` has 3 losses, but the model has 2 outputs"),
        ({"loss": "mse", "loss_weights": [1.0, 2.0]}, "`loss_weights` must match the number of losses, got 1 losses and 2 weights."),
        ({"loss": ["mse", "mse"], "loss_weights": [1.0]}, "`loss_weights` must match the number of losses, got 2 losses and 1 weights."),
        ({"loss": {"e1": "mse", "e2": "mse"}, "loss_weights": {"e1": 1.0, "e": 2.0}}, "the `loss_weights` dict names an output 'e'"),
        ({"loss": "mse", "loss_weights": "1"}, "`loss_weights` must be a number, a list or a dict"),
        ({"loss": "mse", "jit_compile": True}, "compile(jit_compile=True) is not in layergraph yet"),
        ({"loss": "mse", "steps_per_execution": 0}, "compile(steps_per_execution=0): wanted a whole number of at least 1"),
    ],
)
def test_wrong_arguments_are_told_at_once(options, text):
    with pytest.raises(ArgumentError) as caught:
        Compiled(**options, output_names=["e1", "e2"])
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        (["accuracy"], "Invalid `metrics`: 1 entries for 2 outputs, ['e1', 'e2']"),
        ({"e3": ["mae"]}, "Invalid `metrics`: unknown output 'e3'"),
    ],
)
def test_metrics_that_do_not_fit_the_outputs(metrics, text):
    with pytest.raises(ArgumentError) as caught:
        logs(Compiled("sgd", "mse", metrics=metrics))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("size", "y", "activation", "name"),
    [
        (1, torch.ones(4, 1), nn.Sigmoid, "binary"),
        (3, torch.ones(4).long(), nn.Softmax, "sparse"),
        (3, torch.eye(3)[[0, 1, 2, 0]], nn.Softmax, "categorical"),
    ],
)
def test_crossentropy_is_chosen_by_shape(size, y, activation, name):
    compiled = Compiled("sgd", "crossentropy")
    model = nn.Sequential(nn.Linear(2, size), activation() if size == 1 else activation(-1))
    evaluate(model, compiled, X, y, verbose=0)
    assert compiled.binding.losses[0].loss.name.startswith(name)


def test_a_second_compile_clears_the_metrics_of_the_first():
    model = Pair()
    assert len(logs(Compiled("sgd", "mse", metrics=["mae", "mae"]), model)) == 5
    assert len(logs(Compiled("sgd", "mse"), model)) == 3


def test_output_names_of_plain_modules():
    class Three(nn.Linear):
        def forward(self, x):
            return [super().forward(x)] * 3

    assert logs(Compiled("sgd", ["mse", "mse", None]), Three(2, 1), [Y, Y, Y]) == ["loss", "mse_loss", "mse_loss_1"]


def test_what_a_metric_gives_must_be_numbers():
    class Many:
        def update(self, preds, target): ...

        def compute(self):
            return [torch.ones(3)]

        def reset(self): ...

    with pytest.raises(ArgumentError, match="the metric 'many' gave \\[tensor"):
        evaluate(nn.Linear(2, 1), Compiled("sgd", "mse", metrics=[Many()]), X, Y, verbose=0)
