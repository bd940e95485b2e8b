"""Each layer's config is Keras's, read and written; and its weights have Keras's names, order, shapes and count."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch

import layergraph
from layergraph import layers

from . import golden
from .config_rows import call_shapes, config_rows, make
from .rows.row import In, Row

pytestmark = pytest.mark.filterwarnings("ignore:LayerNormalization", "ignore:Masking was called on tensors")
GOLDEN: dict[str, Any] = json.loads((golden.FOLDER / "layer_configs.json").read_text(encoding="utf-8"))["rows"]
ROWS = {row.id: row for row in config_rows()}
UNRECORDED = ("Lambda", "TorchModuleWrapper")
"""Keras writes code or a pickle, which is never read here."""

_WORDS = {
    "vocabulary": "here with the special tokens, as `get_vocabulary` gives it, so that one that was learned comes back too",
    "idf_weights": "here with those of the special tokens",
    "vocabulary_size": "it follows from the vocabulary",
}

# By class ("" is any), the words that one of the two leaves out or has otherwise, each with its reason.
OTHERWISE: dict[str, dict[str, str]] = {
    "": {"activity_regularizer": "null, where there is none, by some of Keras's classes only"},
    "AdditiveAttention": {"seed": "Keras's class takes no seed, and writes that of its base"},
    "CategoryEncoding": {"sparse": "Keras leaves it out, and a sparse layer comes back as a dense one"},
    "Discretization": {"trainable": "Keras leaves it out", "dtype": "Keras writes the bare name"},
    "HashedCrossing": {"trainable": "Keras leaves it out", "dtype": "Keras writes the bare name of its result's"},
    "Hashing": {"dtype": "Keras's own default is that of its result"},
    "IntegerLookup": _WORDS,
    "MaxNumBoundingBoxes": {"fill_value": "Keras leaves it out, and forgets it"},
    "Pipeline": {"trainable": "Keras leaves it out", "dtype": "Keras leaves it out"},
    "RandomColorJitter": {f"{word}_factor": "here a pair" for word in ("brightness", "contrast", "saturation", "hue")},
    "RandomCrop": {"seed": "Keras writes the one that it drew"},
    "RandomGrayscale": {"seed": "Keras leaves it out, and forgets it"},
    "RandomShear": dict.fromkeys(("x_factor", "y_factor"), "Keras writes (-f, f), which its own class refuses"),
    "ReversibleEmbedding": {"quantization_config": "only null here; Keras's class takes it among its **kwargs"},
    "StringLookup": {**_WORDS, "oov_method": "Keras writes 'floormod', which its class does not take"},
    "TextVectorization": _WORDS,
    "SpatialDropout1D": {"dtype": "Keras writes the bare name"},
    "SpatialDropout2D": {"dtype": "Keras writes the bare name"},
    "SpatialDropout3D": {"dtype": "Keras writes the bare name"},
}
# What stands beside a config: of a model, and of a layer that says how it was built before it was.
BESIDE = ("build_config", "compile_config")


def find(name: str) -> Any:
    return getattr(layers, name, None) or getattr(layergraph, name)


def made(row: Row) -> Any:
    return make(row, find, lambda config: config)


def plain(value: Any, kind: str = "") -> Any:
    """A config without what differs on purpose."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name", kind)
    config = value.get("config")
    told = {word: plain(item) for word, item in value.items() if word not in ("config", *BESIDE)}
    if isinstance(config, dict):
        left_out = {*OTHERWISE.get(kind, {}), *(word for word in OTHERWISE[""] if config.get(word) is None)}
        kept = {word: plain(item) for word, item in config.items() if word not in left_out}
        if isinstance(kept.get("name"), str):  # the numbers of automatic names count in a model here, and in the process there
            kept["name"] = re.sub(r"_\d+$", "", kept["name"])
        return {**told, "config": kept}
    return {**told, **({"config": plain(config)} if "config" in value else {})}


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_config_is_keras_s(name: str):
    assert plain(as_json(layers.serialize(made(ROWS[name])))) == plain(GOLDEN[name]["config"])


@pytest.mark.parametrize("name", GOLDEN)
def test_keras_s_config_makes_the_layer(name: str):
    config = GOLDEN[name]["config"]
    layer = layers.deserialize(config)
    assert plain(as_json(layers.serialize(layer))) == plain(config)
    again = type(layer).from_config(config["config"])
    assert plain(as_json(layers.serialize(again))) == plain(config)


def drawn(spec: In) -> torch.Tensor:
    if spec.draw == "integers":
        return torch.full(spec.shape, spec.low, dtype=getattr(torch, spec.dtype))
    return torch.ones(spec.shape, dtype=torch.bool if "mask" in spec.draw else getattr(torch, spec.dtype))


def placed(numbers: Any, values: list[Any]) -> Any:
    if isinstance(numbers, list):
        return [placed(number, values) for number in numbers]
    return values[numbers] if type(numbers) is int else numbers


# Weights that are not Keras's, each with its reason.
OTHER_WEIGHTS = {
    "rmsnormalization-axis_m1_1": "Keras's scale is (5, 3), as the axes are named, and its call fails on every backend with it"
}


@pytest.mark.parametrize("name", [name for name, told in GOLDEN.items() if "weights" in told and name not in OTHER_WEIGHTS])
def test_weights_are_keras_s(name: str):
    row, told = ROWS[name], GOLDEN[name]
    layer = made(row)
    args, words = call_shapes(row)
    values = [drawn(spec) for spec in row.inputs]
    with torch.no_grad():
        layer.eval()(*placed(args, values), **{word: item if word in row.call else placed(item, values) for word, item in words.items()})
    # Keras says `query/kernel` in the path of an attention's weights only
    assert [[w.name.split("/")[-1], list(w.keras_shape), w.trainable and layer.trainable] for w in layer.own_weights()] == told["weights"]
    assert [list(array.shape) for array in layer.get_weights()] == [shape for _, shape, _ in told["weights"]]
    assert layer.count_params() == told["count"]
    trainable = {id(tensor) for tensor in layer.trainable_weights}
    assert [id(w.tensors[0]) in trainable for w in layer.own_weights()] == [each for _, _, each in told["weights"]]


@pytest.mark.parametrize("name", OTHER_WEIGHTS)
def test_what_differs_on_purpose_differs(name: str):
    with pytest.raises(AssertionError):
        test_weights_are_keras_s(name)


def test_every_layer_is_recorded():
    classes = {name for name, found in vars(layers).items() if isinstance(found, type) and issubclass(found, layers.Layer)}
    recorded = {told["config"]["class_name"] for told in GOLDEN.values()}
    aliases = {name for name in classes if getattr(layers, name).__name__ in recorded - {name}}
    assert (classes & {*layers.__all__}) - aliases - recorded == {"Layer", *UNRECORDED}
    assert {*GOLDEN} == {*ROWS}
