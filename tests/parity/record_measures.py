"""Records Keras's losses and metrics as goldens: `measures.npz` and `measures.json`, read by tests/training.

Run with Keras 3.15.1 installed: `KERAS_BACKEND=torch python tests/parity/record_measures.py`. The tests need no Keras.

All is recorded in float32: in float64 Keras on torch still takes means in float32.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from keras.src import backend

OUT = Path(__file__).parent / "goldens"
torch.set_num_threads(1)
store: dict[str, np.ndarray] = {}
rng = np.random.default_rng(15)


def f32(a: Any) -> np.ndarray:
    return np.asarray(a, dtype="float32")


def softmax(a: np.ndarray) -> np.ndarray:
    return f32(np.exp(a) / np.exp(a).sum(-1, keepdims=True))


def hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return f32(np.eye(classes)[labels])


def unit(a: np.ndarray) -> np.ndarray:
    return f32(a / np.linalg.norm(a, axis=-1, keepdims=True))


# --- data ---------------------------------------------------------------------------------------------------------------

logits, deep_logits = f32(rng.normal(size=(6, 4)) * 2), f32(rng.normal(size=(4, 3, 5)) * 2)
labels, deep_labels = np.array([0, 3, 1, 2, 2, 0]), rng.integers(0, 5, size=(4, 3))
deep_labels[0] = [0, 4, 2]
scale = f32(rng.uniform(0.5, 2, size=(6, 1)))
bits, deep_bits = f32(rng.integers(0, 2, size=(6, 4))), f32(rng.integers(0, 2, size=(4, 3, 2)))
picture = f32(rng.integers(0, 2, size=(3, 4, 4, 1)))
thirds = f32(np.round(rng.uniform(0, 1, size=(40,)) * 20) / 20)  # many of them lie on thresholds
coins = rng.integers(0, 2, size=(40,))
DATA: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "real": (f32(rng.normal(size=(6, 4))), f32(rng.normal(size=(6, 4)))),
    "real_rank": (f32(rng.normal(size=(6,))), f32(rng.normal(size=(6, 1)))),
    "deep": (f32(rng.normal(size=(4, 3, 2))), f32(rng.normal(size=(4, 3, 2)))),
    "far": (f32(rng.normal(size=(6, 4)) * 3 + 5), f32(rng.normal(size=(6, 4)) * 2 + 5)),
    "positive": (softmax(rng.normal(size=(6, 4))), softmax(rng.normal(size=(6, 4)))),
    "signs": (f32(rng.choice([-1, 1], size=(6, 4))), f32(rng.normal(size=(6, 4)))),
    "bits": (bits, f32(rng.normal(size=(6, 4)))),
    "probabilities": (bits, f32(rng.uniform(0.02, 0.98, size=(6, 4)))),
    "deep_probabilities": (deep_bits, f32(rng.uniform(0.02, 0.98, size=(4, 3, 2)))),
    "edges": (f32([[0, 1, 0, 1, 1, 0]]), f32([[0, 1, 1, 0, 0.5, 1e-8]])),
    "one_hot": (hot(labels, 4), softmax(logits) * scale),
    "one_hot_logits": (hot(labels, 4), logits),
    "deep_one_hot": (hot(deep_labels, 5), softmax(deep_logits)),
    "middle_axis": (np.moveaxis(hot(deep_labels, 5), -1, 1).copy(), np.moveaxis(softmax(deep_logits), -1, 1).copy()),
    "labels": (labels, softmax(logits) * scale),
    "labels_column": (labels[:, None], softmax(logits) * scale),
    "labels_logits": (labels, logits),
    "deep_labels": (deep_labels, softmax(deep_logits)),
    "middle_labels": (deep_labels, np.moveaxis(softmax(deep_logits), -1, 1).copy()),
    "deep_labels_logits": (deep_labels, deep_logits),
    "pictures": (picture, f32(rng.uniform(0, 1, size=(3, 4, 4, 1)))),
    "speech": (np.array([[1, 2, 0, 0], [3, 3, 1, 0], [4, 1, 2, 3]]), f32(rng.normal(size=(3, 9, 5)))),
    "faces": (np.array([0, 0, 1, 1, 2, 0]), unit(rng.normal(size=(6, 3)))),
    "faces_alone": (np.array([0, 1, 2, 3]), unit(rng.normal(size=(4, 3)))),
    # for metrics
    "scores": (coins, thirds),
    "scores_column": (coins[:, None], thirds[:, None]),
    "spread": (coins, f32(np.clip(0.5 * coins + rng.normal(size=40) * 0.3, -0.2, 1.3))),
    "score_logits": (coins, f32(rng.normal(size=(40,)) * 2 + coins)),
    "many_hot": (rng.integers(0, 2, size=(40, 3)), f32(np.round(rng.uniform(0, 1, size=(40, 3)), 2))),
    "classes": (hot(rng.integers(0, 4, size=40), 4), softmax(rng.normal(size=(40, 4)) * 2)),
    "classes_zero": (hot(rng.integers(0, 3, size=12), 3), f32(rng.integers(0, 2, size=(12, 3)))),
    "deep_scores": (rng.integers(0, 2, size=(8, 3, 2)), f32(rng.uniform(0, 1, size=(8, 3, 2)))),
    "segments": (rng.integers(0, 3, size=(8, 4)), rng.integers(0, 3, size=(8, 4))),
    "segments_out": (rng.integers(-1, 5, size=(8, 4)), rng.integers(-1, 5, size=(8, 4))),
    "segments_hot": (hot(rng.integers(0, 3, size=(8, 4)), 3), softmax(rng.normal(size=(8, 4, 3)))),
    "segments_hot_labels": (hot(rng.integers(0, 3, size=(8, 4)), 3), rng.integers(0, 3, size=(8, 4))),
    "sorted_ids": (rng.integers(0, 5, size=(12,)), f32(np.argsort(rng.normal(size=(12, 5)), axis=1))),
    "numbers": (f32(rng.normal(size=(12, 2)) * [1, 3] + [0, 2]), f32(rng.normal(size=(12, 2)))),
    "numbers_rank": (f32(rng.normal(size=(12,))), f32(rng.normal(size=(12, 1)))),
}

DATA["classes_zero"][1][::4] = 0.0  # rows in which nothing is found


def weights_for(shape: tuple[int, ...]) -> np.ndarray:
    """Weights of 0.2 to 2, two of them 0, the same for a shape each time."""
    own = np.random.default_rng(len(shape) * 1000 + shape[0])
    found = f32(own.uniform(0.2, 2, size=shape))
    found.reshape(-1)[1::5] = 0.0
    return found


# --- losses -------------------------------------------------------------------------------------------------------------

LOSSES: list[tuple[str, dict[str, Any], str]] = [
    *((name, {}, kind) for name in ("MeanSquaredError", "MeanAbsoluteError", "LogCosh") for kind in ("real", "real_rank", "deep")),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 1}, "deep"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 0.3}, "deep"),
    *((name, {}, kind) for name in ("Hinge", "SquaredHinge") for kind in ("signs", "bits")),
    ("CategoricalHinge", {}, "one_hot_logits"),
    ("KLDivergence", {}, "positive"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "probabilities"),
    ("BinaryCrossentropy", {}, "edges"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "bits"),
    ("BinaryCrossentropy", {"axis": 1}, "deep_probabilities"),
    ("BinaryFocalCrossentropy", {}, "probabilities"),
    ("BinaryFocalCrossentropy", {}, "edges"),
    ("BinaryFocalCrossentropy", {"gamma": 3.5, "axis": 1}, "deep_probabilities"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.7}, "probabilities"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "bits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits"),
    ("CategoricalCrossentropy", {"axis": 1}, "middle_axis"),
    ("CategoricalFocalCrossentropy", {}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"alpha": 0.6, "gamma": 0.7, "label_smoothing": 0.3}, "deep_one_hot"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("CategoricalFocalCrossentropy", {"axis": 1}, "middle_axis"),
    ("SparseCategoricalCrossentropy", {}, "labels"),
    ("SparseCategoricalCrossentropy", {}, "labels_column"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "deep_labels_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 0, "from_logits": True}, "deep_labels_logits"),
    ("SparseCategoricalCrossentropy", {"axis": 1}, "middle_labels"),
    ("CategoricalGeneralizedCrossEntropy", {}, "labels"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "deep_labels"),
    ("Dice", {}, "pictures"),
    ("Dice", {"axis": (1, 2, 3)}, "pictures"),
    ("Dice", {"axis": -1}, "probabilities"),
    ("Tversky", {}, "pictures"),
    ("Tversky", {"alpha": 0.2, "beta": 0.9}, "pictures"),
    ("Tversky", {"alpha": 0.9, "beta": 0.1, "axis": (1, 2, 3)}, "pictures"),
    ("CTC", {}, "speech"),
    ("Circle", {}, "faces"),
    ("Circle", {"gamma": 3.0, "margin": 0.2}, "faces"),
    ("Circle", {"gamma": 3.0, "remove_diagonal": False}, "faces"),
    ("Circle", {"gamma": 3.0}, "faces_alone"),
]
CASES = [("mean", ""), ("mean", "weight"), ("sum", "weight"), ("none", "weight"), ("mean_with_sample_weight", "weight")]
MASKED = [("mean", "mask"), ("mean", "mask weight"), ("sum", "mask weight"), ("mean_with_sample_weight", "mask weight")]


def record_losses() -> None:
    rows = []
    for name, options, kind in LOSSES:
        true, pred = DATA[kind]
        probe = getattr(keras.losses, name)(reduction="none", **options)(true, pred)
        shape = tuple(probe.shape) or (len(true),)
        weight, mask = weights_for(shape), weights_for(shape) > 0
        values, grads = [], []
        for reduction, given in [*CASES, *(MASKED if len(shape) == 2 else [])]:
            loss = getattr(keras.losses, name)(reduction=reduction, **options)
            tensor = torch.tensor(pred, requires_grad=True)
            if "mask" in given:
                backend.set_keras_mask(tensor, torch.tensor(mask))
            value = loss(true, tensor, sample_weight=weight.copy() if "weight" in given else None)
            value.sum().backward()
            values.append(value.detach().numpy().reshape(-1))
            grads.append(tensor.grad.numpy().copy())
        key = f"loss/{name}|{options}|{kind}"
        rows.append(key)
        store[key] = np.concatenate(values)
        store[f"{key}/grad"] = np.stack(grads)
        store[f"{key}/weight"] = weight
    assert len(set(rows)) == len(rows)


# --- metrics ------------------------------------------------------------------------------------------------------------

T = [0.2, 0.5, 0.7]
METRICS: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "bits"),
    ("BinaryAccuracy", {"threshold": 0.3}, "deep_scores"),
    ("CategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalAccuracy", {}, "deep_labels"),
    ("TopKCategoricalAccuracy", {"k": 2}, "classes"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "deep_labels"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "sorted_ids"),
    ("MeanSquaredError", {}, "deep"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("RootMeanSquaredError", {}, "deep"),
    ("RootMeanSquaredError", {}, "numbers_rank"),
    ("CosineSimilarity", {"axis": 1}, "deep"),
    ("LogCoshError", {}, "real"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "bits"),
    ("CategoricalHinge", {}, "classes"),
    ("KLDivergence", {}, "positive"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "classes"),
    ("CategoricalCrossentropy", {"axis": 1}, "middle_axis"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "deep_labels_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "deep_labels"),
    ("PearsonCorrelation", {}, "far"),
    ("PearsonCorrelation", {"axis": 1}, "deep"),
    ("ConcordanceCorrelation", {}, "far"),
    ("ConcordanceCorrelation", {"axis": 1}, "deep"),
    ("R2Score", {}, "numbers"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "numbers"),
    ("R2Score", {"class_aggregation": None}, "numbers"),
    ("R2Score", {"num_regressors": 3}, "numbers"),
    *((name, {}, "scores") for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")),
    ("TruePositives", {"thresholds": T}, "many_hot"),
    ("FalseNegatives", {"thresholds": 0.35}, "deep_scores"),
    ("TrueNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "scores"),
    ("FalsePositives", {"thresholds": [0.7, 0.1, 0.4]}, "spread"),
    *(
        (name, options, kind)
        for name in ("Precision", "Recall")
        for options, kind in (
            ({}, "scores_column"),
            ({}, "deep_scores"),
            ({"thresholds": 0.3}, "spread"),
            ({"thresholds": [0.7, 0.2]}, "many_hot"),
            ({"thresholds": [0.0, 0.5, 1.0]}, "scores"),
            ({"top_k": 2}, "classes"),
            ({"top_k": 2, "thresholds": 0.2}, "classes"),
            ({"class_id": 1}, "classes"),
            ({"class_id": 2, "top_k": 2, "thresholds": T}, "classes"),
        )
    ),
    *(
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 21}, "scores")
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
    ),
    ("AUC", {}, "spread"),
    ("AUC", {"curve": "PR"}, "spread"),
    ("AUC", {"num_thresholds": 2}, "spread"),
    ("AUC", {"from_logits": True}, "score_logits"),
    ("AUC", {"thresholds": T}, "scores"),
    ("AUC", {"thresholds": [0.75, 0.25, 0.5], "curve": "PR"}, "scores"),
    ("AUC", {}, "many_hot"),
    ("AUC", {"label_weights": [0.2, 1.0, 3.0], "num_thresholds": 11}, "many_hot"),
    ("AUC", {"multi_label": True, "num_labels": 3}, "many_hot"),
    ("AUC", {"multi_label": True, "label_weights": [0.2, 1.0, 3.0], "curve": "PR"}, "many_hot"),
    ("AUC", {"multi_label": True, "thresholds": [0.1, 0.6]}, "many_hot"),
    *(
        (name, {word: value, **more}, "scores")
        for name, word in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
        for value, more in ((0.4, {}), (0.75, {"num_thresholds": 21}), (0.5, {"num_thresholds": 1}))
    ),
    ("SensitivityAtSpecificity", {"specificity": 0.6, "class_id": 1}, "classes"),
    ("RecallAtPrecision", {"precision": 0.9, "num_thresholds": 2}, "spread"),
    *(("F1Score", {"average": average}, "classes") for average in (None, "micro", "macro", "weighted")),
    ("F1Score", {"threshold": 0.3}, "many_hot"),
    ("F1Score", {}, "classes_zero"),
    ("FBetaScore", {"beta": 2.0, "average": "weighted", "threshold": 0.5}, "many_hot"),
    ("FBetaScore", {"beta": 0.5}, "classes"),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "segments"),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "dtype": "float32"}, "segments"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 3], "ignore_class": 1, "dtype": "float32"}, "segments_out"),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "sparse_y_true": False, "sparse_y_pred": False}, "segments_hot"),
    ("BinaryIoU", {"dtype": "float32"}, "scores"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}, "scores"),
    ("MeanIoU", {"num_classes": 5}, "segments"),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 1], "dtype": "float32"}, "segments_hot"),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 1], "sparse_y_pred": True}, "segments_hot_labels"),
    ("OneHotMeanIoU", {"num_classes": 3, "dtype": "float32", "ignore_class": 1}, "segments_hot"),
]


def metric_weight(name: str, options: dict[str, Any], true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """One weight per sample; for IoU one per label, whole numbers where it keeps those only."""
    if "IoU" in name:
        labels_shape = true.shape[:-1] if "OneHot" in name or options.get("sparse_y_true") is False else true.shape
        weight = weights_for(labels_shape)
        return weight if options.get("dtype") else np.ceil(weight).astype("int64")
    if true.ndim == 3 and name in ("Precision", "Recall", "FalseNegatives"):
        return weights_for(true.shape[:2])  # Keras puts the last axis beside them, and no other
    # Keras multiplies the weight by the mask of what is ignored in place, so that it must have all its axes; and it is by element
    # that the root of the mean square is weighted
    whole = "ignore_class" in options or (name == "RootMeanSquaredError" and true.ndim == 3)
    return weights_for(true.shape if whole else true.shape[:1])


def record_metrics() -> None:
    for name, options, kind in METRICS:
        true, pred = DATA[kind]
        cut = max(len(true) // 3, 1)
        parts = [slice(0, cut), slice(cut, cut + 1), slice(cut + 1, None)]
        weight = metric_weight(name, options, true, pred)
        found = []
        for weighted in (False, True):
            metric = getattr(keras.metrics, name)(**options)
            for part in (*parts, None, parts[2]):
                if part is None:
                    metric.reset_state()
                    continue
                metric.update_state(true[part], pred[part], sample_weight=weight[part].copy() if weighted else None)
                found.append(np.asarray(keras.ops.convert_to_numpy(metric.result()), dtype="float64").reshape(-1))
        key = f"metric/{name}|{options}|{kind}"
        store[key] = np.concatenate(found)
        store[f"{key}/weight"] = weight


# --- masks --------------------------------------------------------------------------------------------------------------

MASK_METRICS = [
    *("mse", "mae", "RootMeanSquaredError", "binary_accuracy", "Precision", "TruePositives", "AUC", "BinaryIoU", "cosine_similarity"),
    "binary_crossentropy",
]


def record_masks() -> None:
    """Losses and metrics of a model whose output carries a mask."""
    x = f32(rng.normal(size=(10, 4, 3)))
    x[::2, 2:] = 0.0
    y = f32(rng.integers(0, 2, size=(10, 4, 2)))
    weight = f32(rng.uniform(0.2, 2, size=(10, 4)))
    kernel, bias = f32(rng.normal(size=(3, 2))), f32([0.1, -0.2])
    inputs = keras.Input((4, 3))
    masked = keras.layers.Masking()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="sigmoid")(masked))
    model.set_weights([kernel, bias])
    store.update({"mask/x": x, "mask/y": y, "mask/weight": weight, "mask/kernel": kernel, "mask/bias": bias})
    store["mask/metrics"] = np.array(MASK_METRICS)
    for loss in ("mse", "binary_focal_crossentropy"):
        for weighted in (False, True):
            model.compile("sgd", loss, metrics=list(MASK_METRICS), weighted_metrics=["mse", "RootMeanSquaredError", "Recall"])
            logs = model.evaluate(x, y, sample_weight=weight if weighted else None, batch_size=4, verbose=0, return_dict=True)
            store[f"mask/{loss}/{weighted}/keys"] = np.array(list(logs))
            store[f"mask/{loss}/{weighted}"] = np.array(list(logs.values()))


# --- functions ------------------------------------------------------------------------------------------------------------

FUNCTIONS: list[tuple[str, str, dict[str, Any], str]] = [
    ("losses", "circle", {"gamma": 3.0}, "faces"),
    ("losses", "ctc", {}, "speech"),
    ("losses", "dice", {"axis": (1, 2)}, "pictures"),
    ("losses", "tversky", {"alpha": 0.3, "axis": (1, 2)}, "pictures"),
    ("losses", "categorical_generalized_cross_entropy", {"q": 0.4}, "labels"),
    ("metrics", "binary_focal_crossentropy", {"gamma": 1.5}, "probabilities"),
    ("metrics", "categorical_focal_crossentropy", {"gamma": 1.5}, "one_hot"),
    ("metrics", "pearson_correlation", {}, "far"),
    ("metrics", "concordance_correlation", {}, "far"),
    ("metrics", "huber", {"delta": 0.5}, "real"),
    ("metrics", "sparse_top_k_categorical_accuracy", {"k": 2}, "deep_labels"),
]


def record_functions() -> None:
    for room, name, options, kind in FUNCTIONS:
        true, pred = DATA[kind]
        value = getattr(getattr(keras, room), name)(torch.tensor(true), torch.tensor(pred), **options)
        store[f"function/{room}.{name}|{options}|{kind}"] = value.numpy().astype("float64")
    references = DATA["faces_alone"]
    value = keras.losses.circle(torch.tensor(DATA["faces"][0]), torch.tensor(DATA["faces"][1]), *map(torch.tensor, references), gamma=3.0)
    store["circle/references"] = value.numpy().astype("float64")


# --- signatures, configs, words -----------------------------------------------------------------------------------------

NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotMeanIoU": {"num_classes": 3},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
}
WITHOUT = ("Loss", "Metric", "MeanMetricWrapper")


def told(parameter: inspect.Parameter) -> list[Any]:
    """[name, default as repr, or None where the argument is required]"""
    return [parameter.name, None if parameter.default is parameter.empty else repr(parameter.default)]


def words(room: str) -> dict[str, str]:
    """What each word stands for: the class of an instance, a function's name, or what it raises."""
    from keras.src import losses, metrics

    table = {"losses": losses, "metrics": metrics}[room].ALL_OBJECTS_DICT
    found = {}
    for word in sorted(table):
        try:
            made = getattr(keras, room).get(word)
            found[word] = made.__name__ if inspect.isfunction(made) else type(made).__name__
        except TypeError:
            found[word] = "TypeError"
    return found


def record_forms() -> None:
    forms: dict[str, Any] = {"keras": keras.__version__}
    for room in ("losses", "metrics"):
        public = {name: value for name, value in vars(getattr(keras, room)).items() if not name.startswith("_") and callable(value)}
        forms[room] = {
            name: [told(p) for p in inspect.signature(value).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
            for name, value in sorted(public.items())
        }
        forms[f"{room} configs"] = {
            name: getattr(keras, room).serialize(value(**NEEDED.get(name, {}), name="mine"))
            for name, value in sorted(public.items())
            if inspect.isclass(value) and name not in WITHOUT
        }
        forms[f"{room} words"] = words(room)
    lines = []
    for key, value in forms.items():
        inner = ",\n".join(f"{json.dumps(name)}: {json.dumps(value[name])}" for name in value) if isinstance(value, dict) else ""
        lines.append(f"{json.dumps(key)}: " + (f"{{\n{inner}\n}}" if isinstance(value, dict) else json.dumps(value)))
    (OUT / "measures.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    for kind, (true, pred) in DATA.items():
        store[f"data/{kind}/true"], store[f"data/{kind}/pred"] = true, pred
    record_losses()
    record_metrics()
    record_masks()
    record_functions()
    record_forms()
    np.savez_compressed(OUT / "measures.npz", **store)
    print(f"{len(store)} arrays, {(OUT / 'measures.npz').stat().st_size / 1024:.0f} KiB")
