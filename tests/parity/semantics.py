"""What `compile`, `fit` and `evaluate` make of losses, weights, metrics and targets in all their forms, for `keras` or `layergraph`.

Each case gives the history of two epochs, in its order, what `evaluate` returns, and `metrics_names`; or the error's type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .scripts.trainings import filled, wave

GOLDEN = Path(__file__).parent / "goldens" / "semantics.json"
ROWS = 12
X, Y, Z = wave(ROWS, 4, speed=1.0), wave(ROWS, 1, speed=1.0, shift=1.57), wave(ROWS, 2, speed=1.0)
W = (np.arange(ROWS) / 6).astype("float32")


def one(keras: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(1, name="o")(x))


def two(keras: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, [keras.layers.Dense(1, name="a")(x), keras.layers.Dense(2, name="b")(x)])


def named(keras: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, {"p": keras.layers.Dense(1, name="a")(x), "q": keras.layers.Dense(2, name="b")(x)})


def classes(keras: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(3, activation="softmax")(x))


def subclassed(outputs: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        class Mine(keras.Model):
            def __init__(self):
                super().__init__()
                self.a, self.b = keras.layers.Dense(1), keras.layers.Dense(2)

            def call(self, x):
                return outputs(self.a(x), self.b(x))

        model = Mine()
        model(X)
        return model

    return make


@dataclass(frozen=True)
class Case:
    """A model, what `compile` is told, targets, and what `fit` is told besides."""

    model: Callable[[Any], Any]
    compiled: dict[str, Any]
    y: Any
    fit: dict[str, Any] = field(default_factory=dict)


def squares(y: Any, p: Any) -> Any:
    return ((y - p) ** 2).mean(-1)


TWO = [Y, Z]
CASES: dict[str, Case] = {
    "metrics": Case(one, {"loss": "mse", "metrics": ["mae", "mse"]}, Y, {"validation_data": (X, Y)}),
    "metrics alike": Case(one, {"loss": "mse", "metrics": ["mae"] * 3, "weighted_metrics": ["mae"] * 2}, Y),
    "a function": Case(one, {"loss": squares, "metrics": [squares]}, Y),
    "a list of a loss": Case(one, {"loss": ["mse"], "metrics": [["mae"]]}, [Y]),
    "targets of rank 1": Case(one, {"loss": "mse", "metrics": ["accuracy"]}, Y[:, 0]),
    "bools": Case(one, {"loss": "binary_crossentropy", "metrics": ["accuracy"]}, Y > 0),
    "crossentropy": Case(classes, {"loss": "crossentropy", "metrics": ["acc", "accuracy"]}, np.arange(ROWS) % 3),
    "a weight": Case(one, {"loss": "mse", "loss_weights": 0.5}, Y),
    "sample weights": Case(one, {"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae"]}, Y, {"sample_weight": W}),
    "frequency": Case(one, {"loss": "mse"}, Y, {"validation_data": (X, Y), "validation_freq": 2}),
    "frequencies": Case(one, {"loss": "mse"}, Y, {"validation_data": (X, Y), "validation_freq": [1]}),
    "fewer steps": Case(one, {"loss": "mse"}, Y, {"steps_per_epoch": 2}),
    "later": Case(one, {"loss": "mse"}, Y, {"initial_epoch": 1}),
    "no epochs": Case(one, {"loss": "mse"}, Y, {"epochs": 0}),
    "validation split": Case(one, {"loss": "mse", "metrics": ["mae"]}, Y, {"validation_split": 0.3}),
    "no loss": Case(one, {"metrics": ["mae"]}, Y),
    "two": Case(two, {"loss": "mse", "metrics": {"b": ["mse", "mae"]}}, TWO),
    "two, metrics flat": Case(two, {"loss": "mse", "metrics": ["mae", "mse"]}, TWO),
    "two, one metric": Case(two, {"loss": "mse", "metrics": ["mae"]}, TWO),
    "two, metrics of one": Case(two, {"loss": "mse", "metrics": [["mae"], None]}, TWO),
    "two, alike": Case(two, {"loss": "mse", "metrics": [["mae"] * 2, ["mae"]], "weighted_metrics": [["mae"], ["mae", "mse"]]}, TWO),
    "two, the second has none": Case(two, {"loss": ["mse", None]}, TWO),
    "two, the first has none": Case(two, {"loss": [None, "mse"]}, TWO),
    "two, the first has no targets": Case(two, {"loss": [None, "mse"]}, [None, Z]),
    "two, targets of one": Case(two, {"loss": [None, "mse"]}, [Z]),
    "two, a shorter list": Case(two, {"loss": ["mse"]}, TWO),
    "two, a dict with None": Case(two, {"loss": {"a": "mse", "b": None}}, {"a": Y, "b": Z}),
    "two, a dict of one": Case(two, {"loss": {"a": "mse"}}, {"a": Y, "b": Z}),
    "two, targets by name": Case(two, {"loss": "mse"}, {"b": Z, "a": Y}),
    "two, a weight": Case(two, {"loss": "mse", "loss_weights": 0.5}, TWO),
    "two, weights for one loss": Case(two, {"loss": "mse", "loss_weights": [0.5, 1.0]}, TWO),
    "two, weights": Case(two, {"loss": ["mse", "mae"], "loss_weights": [None, 2.0]}, TWO),
    "two, weights by name": Case(two, {"loss": ["mse", "mae"], "loss_weights": {"a": 0.5, "b": 2.0}}, TWO),
    "two, sample weights": Case(two, {"loss": "mse", "weighted_metrics": [["mae"], ["mae"]]}, TWO, {"sample_weight": W}),
    "two, sample weights of one": Case(two, {"loss": "mse"}, TWO, {"sample_weight": [W, None]}),
    "named": Case(named, {"loss": {"p": "mse", "q": "mae"}, "metrics": {"q": ["mae"]}}, {"p": Y, "q": Z}),
    "named, one loss": Case(named, {"loss": "mse", "metrics": {"q": ["mae"]}}, {"p": Y, "q": Z}),
    "named, of one": Case(named, {"loss": {"p": "mse"}}, {"p": Y, "q": Z}),
    "named, targets of one": Case(named, {"loss": {"p": "mse"}}, {"p": Y}),
    "named, lists": Case(named, {"loss": ["mse", "mae"]}, TWO),
    "subclassed": Case(subclassed(lambda a, b: (a, b)), {"loss": ["mse", "mae"], "metrics": [["mae"], ["mse"]]}, TWO),
    "subclassed, named": Case(
        subclassed(lambda a, b: {"u": a, "v": b}), {"loss": {"u": "mse", "v": "mae"}, "metrics": {"v": ["mse"]}}, {"u": Y, "v": Z}
    ),
}


def outcome(name: str, keras: Any) -> dict[str, Any]:
    """What became of a case."""
    case = CASES[name]
    model = filled(case.model(keras))
    try:
        model.compile("sgd", **case.compiled)
        history = model.fit(X, case.y, **{"batch_size": 5, "epochs": 2, "shuffle": False, "verbose": 0, **case.fit})
        scored = model.evaluate(X, case.y, batch_size=5, verbose=0)
    except (ValueError, KeyError) as error:
        return {"error": next(kind.__name__ for kind in type(error).__mro__ if kind in (ValueError, KeyError))}
    told = {key: [float(value) for value in values] for key, values in history.history.items()}
    return {
        "history": told,
        "epochs": history.epoch,
        "params": history.params,
        "evaluate": scored if isinstance(scored, float) else [float(value) for value in scored],
        "names": model.metrics_names,
    }


def record(keras: Any) -> None:
    GOLDEN.write_text(json.dumps({name: outcome(name, keras) for name in CASES}, indent=0) + "\n")
