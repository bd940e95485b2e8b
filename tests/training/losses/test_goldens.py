"""Every loss of Keras, by its numbers and gradients, held in float32 and float64; its functions, words and configs."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from layergraph import losses
from layergraph.errors import LayergraphError

FOLDER = Path(__file__).parents[2] / "parity" / "goldens"
GOLDENS = np.load(FOLDER / "measures.npz")
FORMS = json.loads((FOLDER / "measures.json").read_text())
KEYS = [key for key in GOLDENS.files if key.startswith("loss/") and key.count("/") == 1]
FUNCTIONS = [key for key in GOLDENS.files if key.startswith("function/losses.")]
CASES = [("mean", ""), ("mean", "weight"), ("sum", "weight"), ("none", "weight"), ("mean_with_sample_weight", "weight")]
MASKED = [("mean", "mask"), ("mean", "mask weight"), ("sum", "mask weight"), ("mean_with_sample_weight", "mask weight")]
LIMITS = {"float32": 1e-6, "float64": 2e-5}  # Keras computes in float32, and has cancellations of its own


def error(found: torch.Tensor, wanted: np.ndarray) -> float:
    """The largest difference, of each number relative to it, of the small ones relative to a hundredth of the largest."""
    a = found.detach().double().numpy()
    assert a.shape == wanted.shape
    return float(np.max(np.abs(a - wanted) / np.maximum(np.abs(wanted), 1e-2 * np.max(np.abs(wanted)) + 1e-30)))


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("key", KEYS)
def test_values_and_gradients_are_keras_s(key, dtype):
    name, options, kind = key.removeprefix("loss/").split("|")
    if kind == "edges" and dtype == "float64":
        return  # what float32 makes of 1 - 1e-7
    pred = torch.tensor(GOLDENS[f"data/{kind}/pred"], dtype=getattr(torch, dtype), requires_grad=True)
    true, weight = torch.tensor(GOLDENS[f"data/{kind}/true"]), torch.tensor(GOLDENS[f"{key}/weight"])
    cases = [*CASES, *(MASKED if weight.ndim == 2 else [])]
    values, gradients = [], []
    for reduction, given in cases:
        loss = getattr(losses, name)(reduction=reduction, **ast.literal_eval(options))
        weights = weight if "weight" in given else None
        value = loss.masked(true, pred, weights, weight > 0) if "mask" in given else loss(true, pred, weights)
        gradients.append(*torch.autograd.grad(value.sum(), pred))
        values.append(value.reshape(-1))
        assert value.dtype is pred.dtype
    assert error(torch.cat(values), GOLDENS[key]) <= LIMITS[dtype]
    for gradient, wanted in zip(gradients, GOLDENS[f"{key}/grad"], strict=True):
        assert error(gradient, wanted) <= LIMITS[dtype]


def test_the_goldens_cover_every_loss():
    own = {name for name, value in vars(losses).items() if isinstance(value, type) and issubclass(value, losses.Loss)}
    assert {key.removeprefix("loss/").split("|")[0] for key in KEYS} == own - {"Loss"}
    assert own == {name for name in FORMS["losses"] if name[0].isupper()}


@pytest.mark.parametrize("key", FUNCTIONS)
def test_functions_give_what_keras_s_give(key):
    name, options, kind = key.removeprefix("function/losses.").split("|")
    found = getattr(losses, name)(GOLDENS[f"data/{kind}/true"], GOLDENS[f"data/{kind}/pred"], **ast.literal_eval(options))
    assert error(found, GOLDENS[key]) <= 1e-6


def test_circle_compares_with_references():
    given = (GOLDENS[f"data/{kind}/{part}"] for kind in ("faces", "faces_alone") for part in ("true", "pred"))
    assert error(losses.circle(*given, gamma=3.0), GOLDENS["circle/references"]) <= 1e-6


@pytest.mark.parametrize("word", FORMS["losses words"])
def test_words_mean_what_they_mean_in_keras(word):
    wanted = FORMS["losses words"][word]
    if word in ("Loss", "LossFunctionWrapper"):
        with pytest.raises(LayergraphError):
            losses.get(word)
        return
    found = losses.get(word)
    if word in ("CTC", "Dice", "Tversky", "Circle"):  # Keras's instances, whose classes are told by their functions
        wanted = word
    assert (found.__name__ if not isinstance(found, losses.Loss) else type(found).__name__) == wanted


@pytest.mark.parametrize("name", FORMS["losses configs"])
def test_configs_are_keras_s(name):
    wanted = FORMS["losses configs"][name]
    found = losses.serialize(getattr(losses, name)(name="mine"))
    assert {key: value for key, value in found.items() if key != "config"} == {k: v for k, v in wanted.items() if k != "config"}
    assert {key: value for key, value in found["config"].items() if key in wanted["config"]} == wanted["config"]
    # Keras leaves arguments out of some: Huber's delta, the axes of two
    assert set(found["config"]) - set(wanted["config"]) <= {"delta", "axis"}
    twin = losses.deserialize(json.loads(json.dumps(found)))
    assert type(twin) is getattr(losses, name)
    assert losses.serialize(twin) == found
