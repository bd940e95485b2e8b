"""Fifty steps of combinations of model, loss, optimizer, weights and outputs, for a package that is `keras` or `layergraph`.

Each value of each step, by `train_on_batch`; then `fit` goes on for three epochs, with validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .scripts.trainings import filled

STEPS, ROWS = 50, 8
rng = np.random.default_rng(50)
X = rng.normal(size=(STEPS * ROWS, 6)).astype("float32")
REAL = np.tanh(X @ rng.normal(size=(6, 2))).astype("float32")
CLASS = X[:, :3].argmax(1).astype("int32")
ONE_HOT = np.eye(3, dtype="float32")[CLASS]
BIT = (X[:, :1] > 0.2 * X[:, 1:2]).astype("float32")
TOKENS = (rng.integers(1, 9, size=(len(X), 5)) * (np.arange(5) < rng.integers(2, 6, size=(len(X), 1)))).astype("int32")
TAGS = (TOKENS * 5 % 3).astype("int32")
IMAGES = rng.normal(size=(len(X), 6, 6, 2)).astype("float32")
WEIGHT = rng.uniform(0.2, 2.0, size=(len(X),)).astype("float32")


@dataclass(frozen=True)
class Run:
    """A combination: `model(keras)`; `compiled(keras)`, the arguments of `compile`; data; `limit` of the error."""

    model: Callable[[Any], Any]
    compiled: Callable[[Any], dict[str, Any]]
    x: Any
    y: Any
    sample_weight: Any = None
    class_weight: Any = None


def dense(units: int, last: str | None = None, inputs: int = 6, **options: Any) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        x = keras.Input((inputs,))
        hidden = keras.layers.Dense(5, activation="tanh")(x)
        return keras.Model(x, keras.layers.Dense(units, activation=last, **options)(hidden))

    return make


def stacked(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((6,)), layers.Dense(7, activation="softplus"), layers.Dense(3, activation="softmax")])


def written(keras: Any) -> Any:
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(5, activation="gelu")
            self.head = keras.layers.Dense(1)

        def call(self, inputs, training=False):
            return self.head(self.hidden(inputs))

    model = Mine()
    model(X[:2])
    return model


def two_heads(keras: Any) -> Any:
    x = keras.Input((6,))
    hidden = keras.layers.Dense(5, activation="tanh")(x)
    real, bit = keras.layers.Dense(2, name="real")(hidden), keras.layers.Dense(1, activation="sigmoid", name="bit")(hidden)
    return keras.Model(x, [real, bit])


def by_name(keras: Any) -> Any:
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    shared = keras.layers.Dense(5, activation="tanh")
    both = keras.layers.add([shared(a), shared(b)])
    heads = {"kind": keras.layers.Dense(3, activation="softmax")(both), "size": keras.layers.Dense(2)(both)}
    return keras.Model({"a": a, "b": b}, heads)


def regularized(keras: Any) -> Any:
    layers, regularizers = keras.layers, keras.regularizers
    x = keras.Input((6,))
    hidden = layers.Dense(5, activation="tanh", kernel_regularizer=regularizers.L1L2(1e-3, 1e-2), kernel_constraint="max_norm")(x)
    return keras.Model(x, layers.Dense(2, bias_regularizer="l2", activity_regularizer=regularizers.L2(1e-2))(hidden))


def tagger(keras: Any) -> Any:
    layers = keras.layers
    tokens = keras.Input((5,), dtype="int32")
    x = layers.LSTM(4, return_sequences=True)(layers.Embedding(9, 3, mask_zero=True)(tokens))
    return keras.Model(tokens, layers.Dense(3, activation="softmax")(x))


def images(keras: Any) -> Any:
    layers = keras.layers
    x = keras.Input((6, 6, 2))
    y = layers.MaxPooling2D(2)(layers.Conv2D(3, 3, padding="same", activation="silu")(x))
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(y)))


def scheduled(keras: Any, name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(keras.optimizers.schedules, name)(*arguments, **options)


RUNS: dict[str, Run] = {
    "mse_adam": Run(dense(2), lambda k: {"optimizer": "adam", "loss": "mse", "metrics": ["mae"]}, X, REAL),
    # targets so near to the outputs that the gradients are of 1e-8 and less: Adam's epsilon decides
    "tiny_gradients": Run(
        dense(2, inputs=6),
        lambda k: {"optimizer": k.optimizers.Adam(0.01), "loss": k.losses.MeanSquaredError(reduction="sum"), "loss_weights": [1e-9]},
        X,
        REAL,
    ),
    "sequential_momentum": Run(
        stacked,
        lambda k: {
            "optimizer": k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        },
        X,
        CLASS,
    ),
    "subclassed_logits": Run(
        written,
        lambda k: {
            "optimizer": k.optimizers.RMSprop(0.005, centered=True),
            "loss": k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
            "metrics": [k.metrics.BinaryAccuracy(threshold=0.5)],
        },
        X,
        BIT,
    ),
    "two_outputs": Run(
        two_heads,
        lambda k: {
            "optimizer": k.optimizers.AdamW(0.003),
            "loss": ["mse", "binary_crossentropy"],
            "loss_weights": [0.3, 2.0],
            "metrics": [["mae", "mse"], ["accuracy"]],
        },
        X,
        [REAL, BIT],
    ),
    "outputs_by_name": Run(
        by_name,
        lambda k: {
            "optimizer": k.optimizers.Nadam(0.003),
            "loss": {"kind": "categorical_crossentropy", "size": "huber"},
            "loss_weights": {"kind": 1.0, "size": 0.5},
            "metrics": {"kind": ["accuracy"], "size": ["mae"]},
        },
        {"a": X, "b": X[::-1].copy()},
        {"kind": ONE_HOT, "size": REAL},
    ),
    "sample_weight": Run(
        dense(3, "softmax"),
        lambda k: {
            "optimizer": k.optimizers.Adagrad(0.05),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "weighted_metrics": ["accuracy", "sparse_categorical_crossentropy"],
        },
        X,
        CLASS,
        sample_weight=WEIGHT,
    ),
    "two_outputs_weighted": Run(
        two_heads,
        lambda k: {
            "optimizer": k.optimizers.SGD(0.05),
            "loss": {"real": "mae", "bit": "binary_crossentropy"},
            "weighted_metrics": {"real": ["mse"]},
        },
        X,
        [REAL, BIT],
        sample_weight=[WEIGHT, WEIGHT[::-1].copy()],
    ),
    "class_weight": Run(
        dense(3, "softmax"),
        lambda k: {
            "optimizer": k.optimizers.Adamax(0.02),
            "loss": k.losses.CategoricalCrossentropy(label_smoothing=0.2),
            "metrics": ["categorical_accuracy"],
        },
        X,
        ONE_HOT,
        class_weight={0: 1.0, 1: 2.5, 2: 0.4},
    ),
    "masked_clipped": Run(
        tagger,
        lambda k: {
            "optimizer": k.optimizers.Adam(0.003, clipnorm=0.05),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "weighted_metrics": ["accuracy"],
        },
        TOKENS,
        TAGS,
    ),
    "regularized_decay": Run(
        regularized,
        lambda k: {"optimizer": k.optimizers.SGD(0.03, momentum=0.8, weight_decay=0.02), "loss": k.losses.Huber(delta=0.4)},
        X,
        REAL,
    ),
    "schedule_lion": Run(
        dense(2),
        lambda k: {
            "optimizer": k.optimizers.Lion(scheduled(k, "CosineDecay", 0.0, 30, alpha=0.1, warmup_target=0.004, warmup_steps=10)),
            "loss": "log_cosh",
            "metrics": ["cosine_similarity"],
        },
        X,
        REAL,
    ),
    "adadelta_global_clip": Run(
        dense(2),
        lambda k: {"optimizer": k.optimizers.Adadelta(1.0, global_clipnorm=0.2), "loss": "mse", "metrics": ["RootMeanSquaredError"]},
        X,
        REAL,
    ),
    "images_amsgrad": Run(
        images,
        lambda k: {
            "optimizer": k.optimizers.Adam(
                scheduled(k, "PolynomialDecay", 0.01, 20, 0.001, power=2.0), amsgrad=True, clipvalue=0.05, weight_decay=0.01
            ),
            "loss": k.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": ["accuracy"],
        },
        IMAGES,
        CLASS,
    ),
}


def part(data: Any, rows: slice) -> Any:
    """Those rows of a structure of arrays."""
    if isinstance(data, dict):
        return {name: each[rows] for name, each in data.items()}
    if isinstance(data, list):
        return [each[rows] for each in data]
    return None if data is None else data[rows]


def numbers(name: str, keras: Any) -> dict[str, np.ndarray]:
    """The values of each step, of each epoch, and what `evaluate` gives at the end."""
    run = RUNS[name]
    model = filled(run.model(keras))
    model.compile(**run.compiled(keras))
    steps: list[dict[str, float]] = []
    for step in range(STEPS):
        rows = slice(step * ROWS, (step + 1) * ROWS)
        steps.append(
            model.train_on_batch(
                part(run.x, rows), part(run.y, rows), part(run.sample_weight, rows), class_weight=run.class_weight, return_dict=True
            )
        )
    found = {f"step.{key}": np.array([values[key] for values in steps], "float64") for key in steps[0]}
    first, last = slice(0, 100), slice(100, 130)
    history = model.fit(
        part(run.x, first),
        part(run.y, first),
        sample_weight=part(run.sample_weight, first),
        class_weight=run.class_weight,
        epochs=3,
        batch_size=16,
        shuffle=False,
        verbose=0,
        validation_data=(part(run.x, last), part(run.y, last)),
    )
    found |= {f"epoch.{key}": np.array(values, "float64") for key, values in history.history.items()}
    scores = model.evaluate(part(run.x, last), part(run.y, last), sample_weight=part(run.sample_weight, last), verbose=0)
    found["evaluate"] = np.atleast_1d(np.array(scores, "float64"))
    return {f"{name}.{key}": value for key, value in {**found, "names": np.array(list(history.history))}.items()}
