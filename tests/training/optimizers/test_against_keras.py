"""Keras's numbers: paths of 20 steps, layouts and names of a model, trainings, state in Keras's order, configs, signatures."""

from __future__ import annotations

import ast
import inspect
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.parity.optimizer_rows import FITS, FLAT, LAYERED, SCHEDULES, STEPS, layered, make, network
from torch import nn

import layergraph
from layergraph import optimizers
from layergraph.training.optimizers.variables import Variable, Variables, variables_of

GOLDENS = np.load(Path(__file__).parents[2] / "parity" / "goldens" / "optimizers.npz")
RECORDED = json.loads((Path(__file__).parents[2] / "parity" / "goldens" / "optimizers.json").read_text(encoding="utf-8"))
LIMIT = 1e-5


def error(got, wanted) -> float:
    """Relative to each number, but not to one below a thousandth of the largest."""
    got, wanted = np.asarray(got, dtype="float64"), np.asarray(wanted, dtype="float64")
    assert got.shape == wanted.shape
    if not wanted.size:
        return 0.0
    return float(np.max(np.abs(got - wanted) / np.maximum(np.abs(wanted), max(1e-3 * np.max(np.abs(wanted)), 1e-30))))


def arrays(key: str) -> list[np.ndarray]:
    kinds = ast.literal_eval(str(GOLDENS[f"{key}/kinds"]))
    ends = np.cumsum([int(np.prod(shape)) for shape, _ in kinds])
    parts = np.split(GOLDENS[key], ends[:-1])
    return [part.reshape(shape).astype(dtype) for part, (shape, dtype) in zip(parts, kinds, strict=True)]


def same_state(optimizer, key: str) -> None:
    wanted = arrays(f"{key}/state")
    got = list(optimizer.keras_state().values())
    assert [(a.shape, a.dtype) for a in got] == [(a.shape, a.dtype) for a in wanted]
    for a, b in zip(got, wanted, strict=True):
        # a moment is a sum of gradients of both signs, of which the largest tell what float32 can hold where they cancel; and
        # Keras rounds `1 - beta_2` of ScheduleFreeAdamW to float32, which moves the velocity by 1.3e-5 of itself
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=5e-7 * np.max(np.abs(b), initial=0.0))


def follow(row):
    """The path of two variables, the last place after `finalize_variable_values`."""
    dtype = getattr(torch, row.get("dtype", "float32"))
    params = [nn.Parameter(torch.tensor(GOLDENS[f"flat/start/{i}"], dtype=dtype)) for i in range(2)]
    grads = [torch.tensor(GOLDENS[f"flat/grads/{i}"], dtype=dtype) for i in range(2)]
    optimizer = make(layergraph, row)
    names = ("kernel", "bias")
    named = dict(zip(names, params, strict=True))
    optimizer.build(Variables([Variable((p,), name, name) for name, p in named.items()], named, told=True))
    path, rates, scales = [], [], []
    for step in range(STEPS):
        if step == STEPS // 2 and row.get("halve"):
            optimizer.learning_rate = optimizer.learning_rate * 0.5
        given = [g[step] * row.get("times", 1.0) for g in grads]
        if step in row.get("inf", ()):
            given[0][0, 0] = torch.inf
        for p, g in zip(params, given, strict=True):
            p.grad = g.clone()
        if row.get("gaps") and step in (3, 4):
            params[1].grad = None
        optimizer.step()
        path.append([p.detach().numpy().copy() for p in params])
        rates.append(optimizer.learning_rate if row["name"] != "MultiOptimizer" else 0.0)
        scales.append(getattr(optimizer, "dynamic_scale", 0.0))
    optimizer.finalize_variable_values()
    path.append([p.detach().numpy().copy() for p in params])
    return optimizer, [np.stack([p[i] for p in path]) for i in range(2)], rates, scales


@pytest.mark.parametrize("key", FLAT)
def test_a_path(key):
    optimizer, path, rates, scales = follow(FLAT[key])
    assert max(error(path[i], GOLDENS[f"flat/{key}/{i}"]) for i in range(2)) <= LIMIT
    np.testing.assert_allclose(rates, GOLDENS[f"flat/{key}/rates"], rtol=1e-5, atol=1e-9)
    assert scales == GOLDENS[f"flat/{key}/scales"].tolist()
    same_state(optimizer, f"flat/{key}")


@pytest.fixture(scope="module")
def model():
    return layered(layergraph)


@pytest.mark.parametrize("key", LAYERED)
def test_layouts_and_names(model, key):
    model.set_weights(arrays("layered/start"))
    grads = arrays("layered/grads")
    optimizer = make(layergraph, LAYERED[key])
    found = variables_of(model).found
    assert [v.path.replace("lstm/", "lstm/lstm_cell/").replace("gru/", "gru/gru_cell/") for v in found] == GOLDENS["layered/paths"].tolist()
    optimizer.build(model)
    for step in range(3):
        for v, g in zip(found, grads, strict=True):
            for t, part in zip(v.tensors, v.spread(torch.tensor(g[step])), strict=True):
                if isinstance(t, nn.Parameter):
                    t.grad = torch.empty_like(t).copy_(part)
        optimizer.step()
    wanted = arrays(f"layered/{key}/end")
    assert max(error(a, b) for a, b in zip(model.get_weights(), wanted, strict=True)) <= LIMIT
    same_state(optimizer, f"layered/{key}")


@pytest.mark.parametrize("key", ["Adafactor", "Muon", "Nadam", "RMSprop", "Adam amsgrad", "LossScaleOptimizer", "MultiOptimizer"])
def test_what_keras_wrote_is_read(model, key):
    twin = make(layergraph, LAYERED[key])
    twin.build(model)
    state = {str(i): array for i, array in enumerate(arrays(f"layered/{key}/state"))}
    twin.load_own_variables(state)
    for i, array in twin.keras_state().items():
        np.testing.assert_array_equal(array, state[i])
    assert twin.iterations == 3 // (LAYERED[key]["options"].get("gradient_accumulation_steps") or 1)


@pytest.mark.parametrize("key", FITS)
def test_a_fit(key):
    model = network(layergraph)
    model.set_weights(arrays("fit/start"))
    model.compile(make(layergraph, FITS[key]), "mse")
    history = model.fit(GOLDENS["fit/x"], GOLDENS["fit/y"], batch_size=4, epochs=4, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], GOLDENS[f"fit/{key}/loss"], rtol=LIMIT)
    assert max(error(a, b) for a, b in zip(model.get_weights(), arrays(f"fit/{key}/end"), strict=True)) <= 2 * LIMIT


@pytest.mark.parametrize("key", SCHEDULES)
def test_a_schedule(key):
    name, options = SCHEDULES[key]
    schedule = getattr(optimizers.schedules, name)(**options)
    np.testing.assert_allclose([schedule(step) for step in range(120)], GOLDENS[f"schedule/{key}"], rtol=2e-5, atol=1e-8)
    config = optimizers.schedules.serialize(schedule)
    assert config["module"] == "keras.optimizers.schedules"
    assert optimizers.schedules.deserialize(config).get_config() == schedule.get_config()


@pytest.mark.parametrize(("room", "name"), [(room, name) for room in ("signatures", "schedules") for name in RECORDED[room]])
def test_a_signature(room, name):
    place = optimizers if room == "signatures" else optimizers.schedules
    ours = inspect.signature(getattr(place, name)).parameters.values()
    told = [[p.name, None if p.default is p.empty else p.default] for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert told == [[word, None if default is None else eval(default, {})] for word, default in RECORDED[room][name]]


@pytest.mark.parametrize("name", RECORDED["configs"])
def test_a_config(name):
    wanted = RECORDED["configs"][name]
    optimizer = getattr(optimizers, name)()
    config = optimizer.get_config()
    assert list(config)[:11] == list(wanted)[:11]
    assert {**config, "learning_rate": float(np.float32(config["learning_rate"]))} == wanted
    assert optimizers.deserialize(optimizers.serialize(optimizer)).get_config() == config


def test_arguments_by_position_as_in_keras():
    adam = optimizers.Adam(0.1, 0.8, 0.9, 1e-6, True, 0.01, 1.0)
    assert (adam.amsgrad, adam.weight_decay, adam.clipnorm) == (True, 0.01, 1.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizers.SGD(0.1, decay=0.1)
    assert [str(w.message) for w in caught] == ["Argument `decay` is no longer supported and will be ignored."]
