"""A whole Keras network's `get_weights()` go in by `set_weights`, and Keras's outputs come out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

import layergraph

from . import golden
from .cnn import GOLDEN, build


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return {name: file[name] for name in file.files}


def _weights(recorded: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [recorded[name] for name in sorted(recorded) if name.startswith("weight")]


@pytest.fixture
def model(recorded: dict[str, np.ndarray]) -> Any:
    made = build(layergraph)
    made.set_weights(_weights(recorded))
    return made.eval()


def _far(model: Any, recorded: dict[str, np.ndarray]) -> list[float]:
    with torch.no_grad():
        outputs = model(torch.from_numpy(recorded["image"]))
    return [golden.error(y.numpy(), recorded[name]) for name, y in zip(("digit", "even"), outputs, strict=True)]


def test_outputs_are_those_of_keras(model: Any, recorded: dict[str, np.ndarray]) -> None:
    assert str(recorded["keras"]) == "3.15.1"
    assert max(_far(model, recorded)) <= golden.LIMITS["float32"]


def test_weights_come_out_as_they_went_in(model: Any, recorded: dict[str, np.ndarray]) -> None:
    got, wanted = model.get_weights(), _weights(recorded)
    assert [w.shape for w in got] == [w.shape for w in wanted]
    assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))


def test_a_copy_and_channels_last_memory_give_the_same(model: Any, recorded: dict[str, np.ndarray]) -> None:
    assert max(_far(copy.deepcopy(model), recorded)) <= golden.LIMITS["float32"]
    assert max(_far(model.to(memory_format=torch.channels_last), recorded)) <= golden.LIMITS["float32"]


def test_weights_in_another_order_are_noticed(model: Any, recorded: dict[str, np.ndarray]) -> None:
    """The two batch norms' first vectors, swapped where shapes allow: an order that is wrong would show."""
    weights = _weights(recorded)
    same = [(i, j) for i in range(len(weights)) for j in range(i) if weights[i].shape == weights[j].shape]
    i, j = same[0]
    weights[i], weights[j] = weights[j], weights[i]
    model.set_weights(weights)
    assert max(_far(model, recorded)) > 1e-3
