"""Trainings give Keras's numbers: with steps of one's own, the import line changed; and fifty steps of many combinations."""

from __future__ import annotations

import numpy as np
import pytest

import layergraph
from layergraph.optimizers import Adam

from . import fifty
from .scripts import GOLDEN, STEPS_GOLDEN, TRAININGS

LIMIT = 1e-5


def golden(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN.with_name(name)) as file:
        return dict(file)


@pytest.fixture(scope="module")
def trained() -> dict[str, np.ndarray]:
    return golden(STEPS_GOLDEN.name)


@pytest.fixture(scope="module")
def stepped() -> dict[str, np.ndarray]:
    return golden("fifty.npz")


def errors(found: dict[str, np.ndarray], recorded: dict[str, np.ndarray], name: str) -> dict[str, float]:
    """Of each logged value against itself, or a thousandth of the largest of its curve; of weights against the largest of its array."""
    wanted = {key: value for key, value in recorded.items() if key.startswith(f"{name}.")}
    assert found.keys() == wanted.keys()
    far: dict[str, float] = {}
    for key, value in wanted.items():
        assert found[key].shape == value.shape, key
        if value.dtype.kind == "U":
            assert [*found[key]] == [*value], key
        else:
            largest = np.abs(value).max() + 1e-30
            scale = np.maximum(np.abs(value), (1.0 if "weights" in key else 1e-3) * largest)
            far[key] = float(np.max(np.abs(found[key] - value) / scale))
    return far


def test_everything_is_recorded(trained: dict[str, np.ndarray], stepped: dict[str, np.ndarray]) -> None:
    assert {name.split(".")[0] for name in trained} == set(TRAININGS)
    assert {name.split(".")[0] for name in stepped} == set(fifty.RUNS)


@pytest.mark.parametrize("name", TRAININGS)
def test_steps_of_ones_own_train_as_in_keras(name: str, trained: dict[str, np.ndarray]) -> None:
    found = {f"{name}.{key}": value for key, value in TRAININGS[name](layergraph).items()}
    far = errors(found, trained, name)
    assert max(far.values()) <= LIMIT, far


@pytest.mark.parametrize("name", fifty.RUNS)
def test_fifty_steps_give_the_losses_and_metrics_of_keras(name: str, stepped: dict[str, np.ndarray]) -> None:
    far = errors(fifty.numbers(name, layergraph), stepped, name)
    assert max(far.values()) <= LIMIT, far


def test_the_place_of_epsilon_is_seen(stepped: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Adam, "prepare", lambda self, group: None)  # torch's place
    far = errors(fifty.numbers("tiny_gradients", layergraph), stepped, "tiny_gradients")
    assert max(far.values()) > 100 * LIMIT
