"""Configs of Keras's: read as the same graph, in the same order, with the same output; and written again as Keras wrote them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.parity.config_values import filled, given
from tests.parity.test_layer_configs import OTHERWISE

from layergraph import Model
from layergraph.graph.structure import leaves
from layergraph.models import model_from_json
from layergraph.saving.keras_operations import _KERAS

GOLDENS = json.loads(Path(__file__).with_name("goldens").joinpath("configs.json").read_text(encoding="utf-8"))["models"]
TENSOR = "__keras_tensor__"


def read(name):
    return model_from_json(json.dumps(GOLDENS[name]["json"]))


@pytest.mark.parametrize("name", GOLDENS)
def test_keras_json_gives_the_same_model(name):
    golden, model = GOLDENS[name], read(name)
    assert isinstance(model, Model)
    assert model.name == name
    assert [layer.name for layer in model.layers] == golden["layers"]
    assert [list(weight.shape) for weight in model.get_weights()] == golden["weights"]
    model.set_weights([filled(shape) for shape in golden["weights"]])
    inputs = {
        word: torch.from_numpy(given((2, *symbol.shape[1:]), str(symbol.dtype)))
        for word, symbol in zip(golden["inputs"], model.inputs, strict=True)
    }
    outputs = leaves(model.eval()(*inputs.values()))
    assert len(outputs) == len(golden["outputs"])
    for found, wanted in zip(outputs, golden["outputs"], strict=True):
        np.testing.assert_allclose(found.detach().float().numpy(), np.array(wanted, "float32"), rtol=2e-6, atol=2e-6)


# In one of the two only, or spurious: what a reader makes of the config is the same without.
LEFT_OUT = frozenset(
    "build_config compile_config shared_object_id lora_rank lora_alpha quantization_config activity_regularizer "
    "zero_output_for_mask use_cudnn".split()
)


# Keras writes the mode that its random layers have without being told.
SAYS_TRAINING = re.compile("Random|Resizing|CenterCrop")


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name", "")
    if kind == TENSOR:  # of an EinsumDense that says None, Keras declares None, and layergraph the input's size
        value = {**value, "config": {word: item for word, item in value["config"].items() if word != "shape"}}
    if kind and kind in OTHERWISE:
        value = {**value, "config": {word: item for word, item in value["config"].items() if word not in OTHERWISE[kind]}}
    if SAYS_TRAINING.match(kind):
        calls = [{**call, "kwargs": {**call["kwargs"], "training": None}} for call in value.get("inbound_nodes", [])]
        value = {**value, "inbound_nodes": calls}
    told = {word: item for word, item in value.items() if word not in LEFT_OUT and (word not in ("training", "mask") or any(leaves(item)))}
    return {word: plain(item) for word, item in told.items()}


# An operation of Keras's comes back as torch's; so does the one that makes the mask in `text`.
@pytest.mark.parametrize("name", [name for name in GOLDENS if not name.endswith(("operations", "text"))])
def test_written_again_as_keras_wrote_it(name):
    wanted, found = plain(GOLDENS[name]["json"]), plain(json.loads(read(name).to_json()))
    assert found == wanted


@pytest.mark.parametrize("name", [name for name in GOLDENS if name.endswith("operations")])
def test_operations_come_back_as_torch_calls(name):
    model = read(name)
    again = model_from_json(model.to_json())
    x = torch.from_numpy(filled((2, 4, 4)))
    torch.testing.assert_close(leaves(again(x)), leaves(model(x)), rtol=0, atol=0, equal_nan=True)
    assert {entry["class_name"] for entry in model.get_config()["layers"]} == {"InputLayer", "TorchFunction"}


def test_the_mask_that_keras_recorded_is_the_layer_s_own():
    model = read("text")
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    x = torch.tensor([[3, 1, 4, 0, 0, 0], [0, 2, 6, 5, 3, 0]])
    torch.testing.assert_close(again.eval()(x), model.eval()(x), rtol=0, atol=0)
    assert not torch.equal(model(x), model(x + 1))


def test_a_model_of_keras_s_changes_images_in_training_only():
    model, x = read("augmented"), torch.rand(2, 8, 8, 3)
    assert "training" not in model.code
    assert torch.equal(model.eval()(x), model(x))
    assert not torch.equal(model.train()(x), model.eval()(x))


def test_every_operation_of_the_table_has_a_golden():
    entries = [entry for golden in GOLDENS.values() for entry in golden["json"]["config"]["layers"]]
    assert {entry["class_name"] for entry in entries if entry["module"].startswith(("keras.src.ops.", "keras.src.activations."))} == set(
        _KERAS
    )
