"""Records Keras's losses, optimizer paths and trainings as goldens: `training.npz`, read by tests/training.

Run with Keras 3.15.1 installed: `KERAS_BACKEND=torch python tests/parity/record_training.py`. The tests need no Keras.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

OUT = Path(__file__).parent / "goldens" / "training.npz"
torch.set_num_threads(1)
store: dict[str, np.ndarray] = {}
rng = np.random.default_rng(7)


def f32(a: Any) -> np.ndarray:
    return np.asarray(a, dtype="float32")


def number(a: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(a), dtype="float64")


def away_from_zero(shape: tuple[int, ...]) -> np.ndarray:
    """Weights that stay clear of zero while they are trained: near it, an error relative to the weight says nothing.

    (Keras takes `1 - beta_2 ** t` in float32, which alone moves each step of Adam by 6e-6 of itself.)
    """
    return f32(rng.choice([-1, 1], size=shape) * rng.uniform(1.0, 2.0, size=shape))


# --- losses ------------------------------------------------------------------------------------------------------------

B, C = 6, 4
logits = f32(rng.normal(size=(B, C)) * 2)
softmax = f32(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))
scaled = f32(softmax * rng.uniform(0.5, 2, size=(B, 1)))  # not summing to 1: Keras renormalises
labels = rng.integers(0, C, size=(B,))
labels[:2] = [0, C - 1]
TARGETS: dict[str, dict[str, np.ndarray]] = {
    "real": {"true": f32(rng.normal(size=(B, C))), "pred": f32(rng.normal(size=(B, C)))},
    "far": {"true": f32(rng.normal(size=(B, C)) * 40), "pred": f32(rng.normal(size=(B, C)) * 40)},
    "deep": {"true": f32(rng.normal(size=(B, 3, C))), "pred": f32(rng.normal(size=(B, 3, C)))},
    "positive": {"true": f32(rng.uniform(-0.2, 3, size=(B, C))), "pred": f32(rng.uniform(-0.2, 3, size=(B, C)).clip(1e-3))},
    "signs": {"true": f32(rng.choice([-1, 1], size=(B, C))), "pred": f32(rng.normal(size=(B, C)))},
    "bits": {"true": f32(rng.integers(0, 2, size=(B, C))), "pred": f32(rng.uniform(-0.5, 1.5, size=(B, C)))},
    "probabilities": {"true": f32(rng.integers(0, 2, size=(B, C))), "pred": f32(rng.uniform(0, 1, size=(B, C)).round(1))},
    "one_hot": {"true": f32(np.eye(C)[labels]), "pred": scaled},
    "one_hot_logits": {"true": f32(np.eye(C)[labels]), "pred": logits},
    "labels": {"true": labels, "pred": scaled},
    "labels_column": {"true": labels[:, None], "pred": scaled},
    "labels_logits": {"true": labels, "pred": logits},
    "labels_deep": {"true": rng.integers(0, C, size=(B, 3)), "pred": f32(rng.normal(size=(B, 3, C)))},
    "rank_1": {"true": f32(rng.normal(size=(B,))), "pred": f32(rng.normal(size=(B, 1)))},
}
LOSSES: list[tuple[str, dict[str, Any], str]] = [
    *[
        (name, {}, "real")
        for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "CosineSimilarity", "Huber", "LogCosh")
    ],
    ("MeanSquaredError", {}, "deep"),
    ("MeanSquaredError", {}, "rank_1"),
    ("MeanAbsoluteError", {}, "rank_1"),
    ("Huber", {"delta": 0.3}, "real"),
    ("LogCosh", {}, "far"),
    ("CosineSimilarity", {"axis": 1}, "deep"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("Poisson", {}, "positive"),
    ("KLDivergence", {}, "positive"),
    *[(name, {}, kind) for name in ("Hinge", "SquaredHinge", "CategoricalHinge") for kind in ("signs", "bits")],
    ("BinaryCrossentropy", {}, "probabilities"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "probabilities"),
    ("BinaryCrossentropy", {"from_logits": True}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "one_hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {}, "labels_column"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels_deep"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, "labels_logits"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "labels_deep"),
]
WEIGHT = f32(rng.uniform(0.2, 2, size=(B,)))
REDUCTIONS = ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"]


def record_losses() -> None:
    for kind, pair in TARGETS.items():
        for key, value in pair.items():
            store[f"target/{kind}/{key}"] = value
    store["target/weight"] = WEIGHT
    for name, options, kind in LOSSES:
        true, pred = TARGETS[kind]["true"], TARGETS[kind]["pred"]
        for reduction in REDUCTIONS:
            for weighted in (False, True):
                weight = WEIGHT[:, None] * f32([[1.0, 0.5, 2.0]]) if weighted and pred.ndim == 3 else WEIGHT
                if weighted and name in ("CosineSimilarity",) and options.get("axis") == 1:
                    weight = WEIGHT[:, None] * f32([[1.0, 0.5, 2.0, 0.1]])
                loss = getattr(keras.losses, name)(reduction=reduction, **options)
                tensor = torch.tensor(pred, requires_grad=True)
                value = loss(true, tensor, sample_weight=weight if weighted else None)
                key = f"loss/{name}|{options}|{kind}|{reduction}|{weighted}"
                store[key] = value.detach().numpy().astype("float64")
                value.sum().backward()
                store[key + "/grad"] = tensor.grad.numpy().copy()
                if weighted:
                    store[key + "/weight"] = weight


# --- metrics -----------------------------------------------------------------------------------------------------------

METRICS: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "bits"),
    ("BinaryAccuracy", {}, "probabilities"),
    ("BinaryAccuracy", {"threshold": 0.3}, "probabilities"),
    ("CategoricalAccuracy", {}, "one_hot"),
    ("SparseCategoricalAccuracy", {}, "labels"),
    ("SparseCategoricalAccuracy", {}, "labels_column"),
    ("SparseCategoricalAccuracy", {}, "labels_deep"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "labels"),
    ("MeanSquaredError", {}, "deep"),
    ("RootMeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("CosineSimilarity", {}, "real"),
    ("LogCoshError", {}, "real"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "bits"),
    ("CategoricalHinge", {}, "one_hot"),
    ("KLDivergence", {}, "positive"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "probabilities"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels_logits"),
]


def record_metrics() -> None:
    for name, options, kind in METRICS:
        true, pred = TARGETS[kind]["true"], TARGETS[kind]["pred"]
        for weighted in (False, True):
            metric = getattr(keras.metrics, name)(**options)
            for part in (slice(0, 4), slice(4, None)):  # two batches of unequal size
                metric.update_state(true[part], pred[part], sample_weight=WEIGHT[part] if weighted else None)
            store[f"metric/{name}|{options}|{kind}|{weighted}"] = number(metric.result())


# --- optimizers --------------------------------------------------------------------------------------------------------

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.01}),
    ("SGD", {"learning_rate": 0.01, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
    ("Adam", {"learning_rate": 0.01, "clipnorm": 0.5}),
    ("Adam", {"learning_rate": 0.01, "weight_decay": 0.02, "epsilon": 1e-3}),
    ("AdamW", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.8, "centered": True}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.8, "rho": 0.7}),
    ("Adagrad", {"learning_rate": 0.03}),
    ("Adagrad", {"learning_rate": 0.03, "initial_accumulator_value": 1e-6, "clipvalue": 0.3}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "weight_decay": 0.01}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01, "global_clipnorm": 0.5}),
    ("Lion", {"learning_rate": 0.01}),
]
STEPS = 20


def record_optimizers() -> None:
    start = [away_from_zero((3, 2)), away_from_zero((4,))]
    scales = f32(10.0 ** rng.integers(-9, 1, size=(3, 2)))  # gradients from 1e-9 to 1: epsilon matters
    grads = [[f32(rng.normal(size=(3, 2))) * scales, f32(rng.normal(size=(4,)))] for _ in range(STEPS)]
    for i in range(2):
        store[f"path/start/{i}"] = start[i]
        store[f"path/grads/{i}"] = np.stack([g[i] for g in grads])
    for name, options in OPTIMIZERS:
        variables = [keras.Variable(v) for v in start]
        optimizer = getattr(keras.optimizers, name)(**options)
        optimizer.build(variables)
        path: list[list[np.ndarray]] = []
        for step in range(STEPS):
            if step == STEPS // 2:
                optimizer.learning_rate = options["learning_rate"] * 0.5  # a change on the way
            optimizer.apply([torch.tensor(g) for g in grads[step]], variables)
            path.append([v.value.detach().numpy().copy() for v in variables])
        for i in range(2):
            store[f"path/{name}|{options}/{i}"] = np.stack([p[i] for p in path])


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 11], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 12, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 12, "warmup_target": 0.1, "warmup_steps": 5}),
]


def record_schedules() -> None:
    for name, options in SCHEDULES:
        schedule = getattr(keras.optimizers.schedules, name)(**options)
        store[f"schedule/{name}|{options}"] = np.array([float(schedule(step)) for step in range(25)])


# --- whole trainings ---------------------------------------------------------------------------------------------------

N, D, H = 50, 5, 8
X = f32(rng.normal(size=(N, D)))
Y = {
    "real": f32(np.tanh(X @ rng.normal(size=(D, 2)))),
    "bit": f32(X[:, :1] + 0.3 * X[:, 1:2] > 0),
    "class": (X[:, :3].argmax(1)).astype("int64"),
}
Y["one_hot"] = f32(np.eye(3)[Y["class"]])
SW = f32(rng.uniform(0.2, 2, size=(N,)))
HEADS = {"real": (2, "linear"), "bit": (1, "sigmoid"), "class": (3, "softmax"), "one_hot": (3, "softmax"), "logits": (3, "linear")}
"""Runs: heads (output name -> kind of head, target), compile arguments, fit arguments; {'sw': True} means sample weights."""
RUNS: dict[str, dict[str, Any]] = {
    "mse_sgd": {"heads": {"a": "real"}, "optimizer": ("SGD", {"learning_rate": 0.05}), "compile": {"loss": "mse", "metrics": ["mae"]}},
    "rmsprop_default": {
        "heads": {"a": "real"},
        "optimizer": ("RMSprop", {}),
        "compile": {"loss": "mae", "metrics": ["mse", "RootMeanSquaredError"]},
    },
    "bce_adam": {
        "heads": {"a": "bit"},
        "optimizer": ("Adam", {"learning_rate": 0.01}),
        "compile": {"loss": "binary_crossentropy", "metrics": ["accuracy"]},
    },
    "sparse_nadam_sw": {
        "heads": {"a": "class"},
        "optimizer": ("Nadam", {"learning_rate": 0.01}),
        "sw": True,
        "compile": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
    },
    "onehot_momentum": {
        "heads": {"a": "one_hot"},
        "optimizer": ("SGD", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}),
        "compile": {"loss": "categorical_crossentropy", "metrics": ["acc", "categorical_crossentropy"]},
    },
    "class_weight_adamw": {
        "heads": {"a": "class"},
        "optimizer": ("AdamW", {"learning_rate": 0.01}),
        "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
        "compile": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    },
    "huber_adamax_clip": {
        "heads": {"a": "real"},
        "optimizer": ("Adamax", {"learning_rate": 0.02, "clipnorm": 0.1}),
        "compile": {"loss": "huber", "metrics": ["mae", "mae"]},
    },
    "two_outputs_list": {
        "heads": {"a": "real", "b": "bit"},
        "optimizer": ("Adam", {"learning_rate": 0.01}),
        "compile": {"loss": ["mse", "binary_crossentropy"], "loss_weights": [0.3, 2.0], "metrics": [["mae"], ["accuracy"]]},
    },
    "two_outputs_dict_sw": {
        "heads": {"a": "class", "b": "real"},
        "optimizer": ("Adagrad", {"learning_rate": 0.05}),
        "sw": True,
        "compile": {
            "loss": {"a": "sparse_categorical_crossentropy", "b": "mse"},
            "loss_weights": {"a": 1.0, "b": 0.5},
            "metrics": {"a": ["accuracy"], "b": ["mse", "mae"]},
            "weighted_metrics": {"b": ["mse"]},
        },
    },
    "two_outputs_one_loss": {
        "by_name": True,
        "heads": {"a": "real", "b": "bit"},
        "optimizer": ("Adadelta", {"learning_rate": 1.0}),
        "compile": {"loss": "mse"},
    },
    "l2_schedule": {
        "heads": {"a": "real"},
        "optimizer": ("SGD", {"schedule": ("ExponentialDecay", [0.1, 5, 0.7])}),
        "l2": 0.01,
        "compile": {"loss": "log_cosh", "metrics": ["cosine_similarity"]},
    },
    "split_steps": {
        "heads": {"a": "bit"},
        "optimizer": ("Lion", {"learning_rate": 0.003}),
        "fit": {"validation_split": 0.25, "batch_size": 7, "validation_freq": 2},
        "compile": {"loss": "bce", "metrics": ["binary_accuracy"]},
    },
}


def keras_model(heads: dict[str, str], l2: float) -> Any:
    regularizer = keras.regularizers.L2(l2) if l2 else None
    inputs = keras.Input((D,), name="x")
    hidden = keras.layers.Dense(H, activation="relu", name="hidden", kernel_regularizer=regularizer)(inputs)
    outputs = [keras.layers.Dense(HEADS[k][0], activation=HEADS[k][1], name=n)(hidden) for n, k in heads.items()]
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def make_optimizer(name: str, options: dict[str, Any]) -> Any:
    if "schedule" in options:
        kind, args = options["schedule"]
        options = {"learning_rate": getattr(keras.optimizers.schedules, kind)(*args)}
    return getattr(keras.optimizers, name)(**options)


def record_runs() -> None:
    store["run/x"], store["run/sw"] = X, SW
    for key, value in Y.items():
        store[f"run/y/{key}"] = value
    for name, run in RUNS.items():
        heads: dict[str, str] = run["heads"]
        store[f"run/{name}/spec"] = np.array(repr({**run, "heads": {n: (kind, *HEADS[kind]) for n, kind in heads.items()}}))
        keras.utils.set_random_seed(sum(map(ord, name)))
        model = keras_model(heads, run.get("l2", 0.0))
        model.set_weights([away_from_zero(w.shape) * (0.5 if w.ndim == 2 else 1.0) for w in model.get_weights()])
        for i, w in enumerate(model.get_weights()):
            store[f"run/{name}/start/{i}"] = w
        model.compile(make_optimizer(*run["optimizer"]), **run["compile"])
        targets: Any = [Y[kind] for kind in heads.values()]
        targets = dict(zip(heads, targets, strict=True)) if run.get("by_name") else targets if len(targets) > 1 else targets[0]
        weights = SW if run.get("sw") else None
        if weights is not None and len(heads) > 1:
            weights = [SW] * len(heads)  # Keras cannot read weights by name for a list of outputs
        history = model.fit(
            X,
            targets,
            sample_weight=weights,
            class_weight=run.get("class_weight"),
            epochs=5,
            shuffle=False,
            verbose=0,
            **{"batch_size": 10, **run.get("fit", {})},
        )
        store[f"run/{name}/keys"] = np.array(list(history.history))
        for key, values in history.history.items():
            store[f"run/{name}/history/{key}"] = np.asarray(values, dtype="float64")
        for i, w in enumerate(model.get_weights()):
            store[f"run/{name}/end/{i}"] = w
        scored = model.evaluate(X, targets, sample_weight=weights, batch_size=16, verbose=0)
        store[f"run/{name}/evaluate"] = np.atleast_1d(np.asarray(scored, dtype="float64"))
        store[f"run/{name}/metrics_names"] = np.array(model.metrics_names)


if __name__ == "__main__":
    record_losses()
    record_metrics()
    record_optimizers()
    record_schedules()
    record_runs()
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUT, **store)
    print(f"{len(store)} arrays, {OUT.stat().st_size / 1024:.0f} KiB")
