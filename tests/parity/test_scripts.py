"""Scripts as people write them for Keras: with the import line changed they give Keras's outputs, and train to its losses."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import pytest
import torch

import layergraph

from .scripts import GOLDEN, SCRIPTS
from .scripts.script import Script, array, at_rest, flat, given, mapped, numbers, prepared


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


def warned(script: Script) -> Any:
    return pytest.warns(UserWarning, match=script.warns) if script.warns else contextlib.nullcontext()


def tensors(script: Script) -> Any:
    return mapped(torch.from_numpy, given(script))


def error(got: np.ndarray, wanted: np.ndarray) -> float:
    """Against the largest element: in a whole network a small one carries the roundings of the sums that cancelled to it."""
    assert got.shape == wanted.shape
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def outputs(model: Any, script: Script) -> list[np.ndarray]:
    return flat(mapped(array, at_rest(model.eval())(tensors(script))))


def test_every_script_is_recorded(recorded: dict[str, np.ndarray]) -> None:
    assert {name.split(".")[0] for name in recorded} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_outputs_losses_and_sizes_are_those_of_keras(name: str, recorded: dict[str, np.ndarray]) -> None:
    script = SCRIPTS[name]
    with warned(script):
        found = numbers(script, layergraph)
    wanted = {key: value for key, value in recorded.items() if key.startswith(f"{name}.")}
    assert found.keys() == wanted.keys()
    far = {key: error(found[key], value) for key, value in wanted.items()}
    assert max(far.values()) <= script.limit, far


@pytest.mark.parametrize("name", SCRIPTS)
def test_summary_counts_as_keras_does(name: str, recorded: dict[str, np.ndarray]) -> None:
    script = SCRIPTS[name]
    with warned(script):
        model = prepared(script, layergraph)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert f"Total params: {int(recorded[f'{name}.parameters']):,}" in "\n".join(lines)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_copy_gives_the_same_and_a_file_where_it_can_hold_it(name: str) -> None:
    script = SCRIPTS[name]
    with warned(script):
        model = prepared(script, layergraph)
    wanted = outputs(model, script)
    assert all(np.array_equal(a, b) for a, b in zip(outputs(copy.deepcopy(model), script), wanted, strict=True))
    if script.json:
        with warned(script):
            again = layergraph.models.model_from_json(model.to_json())
        again.set_weights(model.get_weights())
        assert all(np.array_equal(a, b) for a, b in zip(outputs(again, script), wanted, strict=True))


@pytest.mark.parametrize("name", [name for name, script in SCRIPTS.items() if script.compiled])
@pytest.mark.parametrize("training", [False, True])
def test_compiles_as_one_graph(name: str, training: bool) -> None:
    script = SCRIPTS[name]
    model = prepared(script, layergraph)
    wanted = outputs(model, script)
    torch._dynamo.reset()
    compiled = torch.compile(model.train(training), fullgraph=True, backend="aot_eager")
    found = flat(mapped(lambda y: y, compiled(tensors(script))))
    if training:
        torch.stack([y.square().sum() for y in found]).sum().backward()
        assert any(weight.grad is not None for weight in model.parameters())
    else:
        assert max(map(error, map(array, found), wanted)) <= script.limit
