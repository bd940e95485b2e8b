"""Configs of Keras's: read as the same graph, in the same order, with the same output; and written again as Keras wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.parity.config_values import filled

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
    inputs = {word: torch.from_numpy(filled((2, *symbol.shape[1:]))) for word, symbol in zip(golden["inputs"], model.inputs, strict=True)}
    outputs = leaves(model.eval()(*inputs.values()))
    assert len(outputs) == len(golden["outputs"])
    for found, wanted in zip(outputs, golden["outputs"], strict=True):
        np.testing.assert_allclose(found.detach().float().numpy(), np.array(wanted, "float32"), rtol=2e-6, atol=2e-6)


# In one of the two only, or spurious: what a reader makes of the config is the same without.
LEFT_OUT = frozenset(
    "build_config compile_config shared_object_id lora_rank lora_alpha quantization_config activity_regularizer "
    "zero_output_for_mask use_cudnn".split()
)


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    told = {word: item for word, item in value.items() if word not in LEFT_OUT and (word not in ("training", "mask") or any(leaves(item)))}
    return {word: plain(item) for word, item in told.items()}


@pytest.mark.parametrize("name", [name for name in GOLDENS if not name.endswith("operations")])
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


def test_every_operation_of_the_table_has_a_golden():
    entries = [entry for golden in GOLDENS.values() for entry in golden["json"]["config"]["layers"]]
    assert {entry["class_name"] for entry in entries if entry["module"].startswith(("keras.src.ops.", "keras.src.activations."))} == set(
        _KERAS
    )
