"""Configs of layers that hold layers, code, files or huge numbers: refused with a ConfigError, without running or allocating anything."""

from __future__ import annotations

import pytest

from layergraph import Input, Model, layers
from layergraph.errors import ConfigError
from layergraph.models import model_from_json


def entry(kind, module="keras.layers", **config):
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


DENSE = entry("Dense", units=2)
CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
SYSTEM = {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"}

REFUSED = {
    "Bidirectional of a number": entry("Bidirectional", layer=5),
    "Bidirectional of a word": entry("Bidirectional", layer="LSTM"),
    "Bidirectional of nothing": entry("Bidirectional", layer=None),
    "Bidirectional without": entry("Bidirectional"),
    "Bidirectional of Dense": entry("Bidirectional", layer=DENSE),
    "Bidirectional of a list": entry("Bidirectional", layer=[entry("LSTM", units=2)]),
    "Bidirectional without config": entry("Bidirectional", layer={"class_name": "LSTM"}),
    "Bidirectional of a config that is none": entry("Bidirectional", layer={"class_name": "LSTM", "config": 5}),
    "Bidirectional backwards": entry("Bidirectional", layer=entry("LSTM", units=2), backward_layer=7),
    "TimeDistributed of a dict": entry("TimeDistributed", layer={"a": 1}),
    "TimeDistributed of an initializer": entry("TimeDistributed", layer=entry("Zeros", "keras.initializers")),
    "RNN of a number": entry("RNN", cell=5),
    "RNN of numbers": entry("RNN", cell=[1, 2]),
    "RNN of none": entry("RNN", cell=[]),
    "RNN of Dense": entry("RNN", cell=DENSE),
    "StackedRNNCells of a number": entry("StackedRNNCells", cells=5),
    "StackedRNNCells of Dense": entry("StackedRNNCells", cells=[DENSE, None]),
    "StackedRNNCells of a dict": entry("StackedRNNCells", cells={"a": 1}),
    "SpectralNormalization of a number": entry("SpectralNormalization", layer=3),
    "Pipeline of a number": entry("Pipeline", layers=5),
    "Pipeline of numbers": entry("Pipeline", layers=[5]),
    "Pipeline of what is no layer": entry("Pipeline", layers=[entry("InputSpec")]),
    "Pipeline without": entry("Pipeline"),
    "RandAugment in words": entry("RandAugment", num_ops="3"),
    "RandAugment in lists": entry("RandAugment", value_range=[0, [1]]),
    "AugMix below zero": entry("AugMix", chain_depth=-2),
    "a function of the room": entry("serialize", layer=DENSE),
    "a class of the room": entry("InputSpec", ndim=2),
    "wrap": entry("wrap"),
    "add": entry("add"),
    "an attribute": entry("__class__"),
    "a loss": entry("MeanSquaredError", "keras.losses"),
    "code": entry("Lambda", function=CODE),
    "code in words": entry("Lambda", function="__import__('os')"),
    "a function of a module": entry("Lambda", function=SYSTEM),
    "an activation of a module": entry("Activation", activation=SYSTEM),
    "a pickle": entry("TorchModuleWrapper", module="gASVLw=="),
    "a pickle in bytes": entry("TorchModuleWrapper", module={"class_name": "__bytes__", "config": {"value": "x"}}),
    "a file of words": entry("StringLookup", vocabulary="/etc/passwd"),
    "a file of numbers": entry("IntegerLookup", vocabulary="/etc/passwd"),
    "a file of text": entry("TextVectorization", vocabulary="/etc/passwd"),
    "a function over text": entry("TextVectorization", standardize={"class_name": "function", "config": "eval"}),
    "a splitter": entry("TextVectorization", split="eval"),
    "words in lists": entry("StringLookup", vocabulary=[["a"]]),
    "parts of numbers": entry("IntegerLookup", vocabulary=[1.5]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_layer_is_refused(what):
    with pytest.raises(ConfigError):
        layers.deserialize(REFUSED[what])


def nested(kind, word, times):
    found = DENSE
    for _ in range(times):
        found = entry(kind, **{word: [found] if word == "layers" else found})
    return found


KINDS = [("Wrapper", "layer"), ("TimeDistributed", "layer"), ("SpectralNormalization", "layer"), ("Pipeline", "layers")]


@pytest.mark.parametrize(("kind", "word"), KINDS)
def test_2000_layers_in_one_another_are_refused(kind, word):
    with pytest.raises(ConfigError, match="too deep"):
        layers.deserialize(nested(kind, word, 2000))


@pytest.mark.parametrize(("kind", "word"), KINDS)
def test_as_deep_as_may_be_no_recursion_ends(kind, word):
    """At each depth the layer is made, or refused with a ConfigError."""
    made = 0
    for times in (1, 5, 10, 20, 30, 45, 60, 75, 90, 100, 120):
        try:
            layer = layers.deserialize(nested(kind, word, times))
        except ConfigError:
            continue
        made += 1
        assert type(layer).__name__ == kind
    assert made >= 4


HUGE = 10**12
ALLOCATES = {
    "Dense": ({"units": HUGE}, (4,)),
    "LSTM": ({"units": HUGE}, (3, 4)),
    "GRU": ({"units": HUGE}, (3, 4)),
    "Conv2D": ({"filters": HUGE, "kernel_size": 3}, (8, 8, 3)),
    "SeparableConv2D": ({"filters": HUGE, "kernel_size": 3}, (8, 8, 3)),
    "ConvLSTM2D": ({"filters": HUGE, "kernel_size": 3}, (2, 8, 8, 3)),
    "Embedding": ({"input_dim": HUGE, "output_dim": HUGE}, (4,)),
}


@pytest.mark.parametrize("kind", ALLOCATES)
def test_a_huge_layer_is_made_without_memory_and_its_model_refused(kind):
    config, shape = ALLOCATES[kind]
    layer = layers.deserialize(entry(kind, **config))
    assert not [*layer.parameters()]
    x = Input(shape, name="x")
    small = {word: 2 if value == HUGE else value for word, value in config.items()}
    text = Model(x, getattr(layers, kind)(**small, name="culprit")(x)).to_json()
    for word, value in config.items():
        if value == HUGE:
            assert f'"{word}": 2' in text
            text = text.replace(f'"{word}": 2', f'"{word}": {HUGE}')
    with pytest.raises(ConfigError, match="culprit"):
        model_from_json(text)
