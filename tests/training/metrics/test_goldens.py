"""Every metric of Keras: its numbers after each of several updates, weighted or not, and after a reset; words and configs."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import layergraph
from layergraph import Input, Model, layers, metrics
from layergraph.errors import LayergraphError

FOLDER = Path(__file__).parents[2] / "parity" / "goldens"
GOLDENS = np.load(FOLDER / "measures.npz")
FORMS = json.loads((FOLDER / "measures.json").read_text())
KEYS = [key for key in GOLDENS.files if key.startswith("metric/") and key.count("/") == 1]
# where Keras takes differences of large sums, and of means, in float32
ROUGH = ("R2Score", "PearsonCorrelation", "ConcordanceCorrelation")
FUNCTIONS = [key for key in GOLDENS.files if key.startswith("function/metrics.")]


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    assert found.shape == wanted.shape
    return float(np.max(np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-2 * np.max(np.abs(wanted)) + 1e-30)))


def flat(value: torch.Tensor) -> np.ndarray:
    return value.double().reshape(-1).numpy()


@pytest.mark.filterwarnings("ignore:.*R2 score. Falling back")
@pytest.mark.parametrize("key", KEYS)
def test_results_are_keras_s(key):
    name, options, kind = key.removeprefix("metric/").split("|")
    true, pred, weight = (torch.tensor(GOLDENS[each]) for each in (f"data/{kind}/true", f"data/{kind}/pred", f"{key}/weight"))
    cut = max(len(true) // 3, 1)
    parts = [slice(0, cut), slice(cut, cut + 1), slice(cut + 1, None)]
    found = []
    for weighted in (False, True):
        metric = getattr(metrics, name)(**ast.literal_eval(options))
        for part in (*parts, None, parts[2]):
            if part is None:
                metric.reset_state()
                continue
            metric.update_state(true[part], pred[part], sample_weight=weight[part] if weighted else None)
            found.append(flat(metric.result()))
    found, wanted = np.concatenate(found), GOLDENS[key]
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    assert error(np.nan_to_num(found), np.nan_to_num(wanted)) <= (1e-5 if name in ROUGH or "PRGAIN" in options else 1e-6)


def classes() -> set[str]:
    return {name for name, value in vars(metrics).items() if isinstance(value, type) and issubclass(value, metrics.Metric)}


def test_the_goldens_cover_every_metric():
    assert classes() == {name for name in FORMS["metrics"] if name[0].isupper()}
    assert {key.removeprefix("metric/").split("|")[0] for key in KEYS} == classes() - {"Metric", "Mean", "Sum", "MeanMetricWrapper"}


@pytest.mark.parametrize("key", FUNCTIONS)
def test_functions_give_what_keras_s_give(key):
    name, options, kind = key.removeprefix("function/metrics.").split("|")
    found = getattr(metrics, name)(GOLDENS[f"data/{kind}/true"], GOLDENS[f"data/{kind}/pred"], **ast.literal_eval(options))
    assert found.shape == GOLDENS[key].shape
    assert error(flat(found), GOLDENS[key].reshape(-1)) <= 1e-6


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["mse", "binary_focal_crossentropy"])
def test_masks_count_where_they_do_in_keras(loss, weighted):
    inputs = Input((4, 3))
    model = Model(inputs, layers.Dense(2, activation="sigmoid")(layers.Masking()(inputs)))
    model.set_weights([GOLDENS["mask/kernel"], GOLDENS["mask/bias"]])
    model.compile("sgd", loss, metrics=list(map(str, GOLDENS["mask/metrics"])), weighted_metrics=["mse", "RootMeanSquaredError", "Recall"])
    weight = GOLDENS["mask/weight"] if weighted else None
    logs = model.evaluate(GOLDENS["mask/x"], GOLDENS["mask/y"], sample_weight=weight, batch_size=4, verbose=0, return_dict=True)
    key = f"mask/{loss}/{weighted}"
    wanted = dict(zip(map(str, GOLDENS[f"{key}/keys"]), GOLDENS[key], strict=True))
    assert set(logs) == set(wanted)
    assert {name: logs[name] for name in wanted} == pytest.approx(wanted, rel=2e-6)


@pytest.mark.parametrize("word", FORMS["metrics words"])
def test_words_mean_what_they_mean_in_keras(word):
    wanted = FORMS["metrics words"][word]
    if word in ("MeanMetricWrapper", "mean_metric_wrapper"):
        wanted = "MeanMetricWrapper"  # which wants a function
    if wanted == "TypeError":
        with pytest.raises(LayergraphError, match="cannot be made without"):
            metrics.get(word)
    elif wanted in ("Metric", "MeanMetricWrapper"):
        with pytest.raises(LayergraphError, match="Could not interpret metric identifier"):
            metrics.get(word)
    else:
        assert type(metrics.get(word)).__name__ == wanted


@pytest.mark.parametrize("name", FORMS["metrics configs"])
def test_configs_are_keras_s(name):
    wanted = FORMS["metrics configs"][name]
    needed = {key: value for key, value in wanted["config"].items() if key in ("num_classes", "target_class_ids") and name != "BinaryIoU"}
    needed |= {key: value for key, value in wanted["config"].items() if key in ("specificity", "sensitivity", "recall", "precision")}
    found = metrics.serialize(getattr(metrics, name)(**needed, name="mine"))
    assert {key: value for key, value in found.items() if key != "config"} == {k: v for k, v in wanted.items() if k != "config"}
    assert {key: value for key, value in found["config"].items() if key in wanted["config"]} == wanted["config"]
    # Keras leaves the axis of CosineSimilarity out, and from_sorted_ids where it is False
    assert set(found["config"]) - set(wanted["config"]) <= {"axis", "from_sorted_ids"}
    twin = metrics.deserialize(json.loads(json.dumps(found)))
    assert type(twin) is getattr(metrics, name)
    assert metrics.serialize(twin) == found
    assert layergraph.metrics.get(found).name == "mine"
