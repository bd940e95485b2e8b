"""Records paths of Keras's optimizers, their state, schedules, signatures and configs: `optimizers.npz` and `optimizers.json`.

Run with Keras 3.15.1 installed: `KERAS_BACKEND=torch python tests/parity/record_optimizers.py`. The tests need no Keras.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.parity.optimizer_rows import FITS, FLAT, LAYERED, SCHEDULES, STEPS, layered, make, network

FOLDER = Path(__file__).parent / "goldens"
torch.set_num_threads(1)
store: dict[str, np.ndarray] = {}
rng = np.random.default_rng(11)


def f32(a: Any) -> np.ndarray:
    return np.asarray(a, dtype="float32")


def away_from_zero(shape: tuple[int, ...]) -> np.ndarray:
    """Weights that stay clear of zero while they are trained: near it, an error relative to the weight says nothing."""
    return f32(rng.choice([-1, 1], size=shape) * rng.uniform(1.0, 2.0, size=shape))


def number(a: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(a)).copy()


def packed(key: str, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """A list of arrays as one, with their shapes and dtypes: a file of many small arrays is mostly headers."""
    flat = np.concatenate([a.ravel().astype("float64" if a.dtype == np.float64 else "float32") for a in arrays])
    return {key: flat, f"{key}/kinds": np.array(repr([(a.shape, str(a.dtype)) for a in arrays]))}


def record_flat() -> None:
    """Two variables, their gradients from 1e-8 to 1e2 in size, and none for the second one in steps 3 and 4 of the rows that say so."""
    shapes = [(3, 4), (5,)]
    start = [away_from_zero(shape) for shape in shapes]
    sizes = [f32(10.0 ** rng.uniform(-8, 2, size=shape)) for shape in shapes]
    grads = [np.stack([f32(rng.normal(size=shape)) * size for _ in range(STEPS)]) for shape, size in zip(shapes, sizes, strict=True)]
    for i in range(2):
        store[f"flat/start/{i}"], store[f"flat/grads/{i}"] = start[i], grads[i]
    for key, row in FLAT.items():
        dtype = row.get("dtype", "float32")
        variables = [keras.Variable(v, dtype=dtype, name=name) for v, name in zip(start, ("kernel", "bias"), strict=True)]
        optimizer = make(keras, row)
        optimizer.build(variables)
        path, rates, scales = [], [], []
        for step in range(STEPS):
            if step == STEPS // 2 and row.get("halve"):
                optimizer.learning_rate = float(optimizer.learning_rate) * 0.5
            given = [torch.tensor(g[step], dtype=getattr(torch, dtype)) * row.get("times", 1.0) for g in grads]
            if row.get("inf") and step in row["inf"]:
                given[0][0, 0] = torch.inf
            if row.get("gaps") and step in (3, 4):
                given[1] = None
            optimizer.apply(given, variables)
            path.append([number(v) for v in variables])
            rates.append(float(optimizer.learning_rate) if row["name"] != "MultiOptimizer" else 0.0)
            scales.append(float(getattr(optimizer, "dynamic_scale", 0.0)))
        optimizer.finalize_variable_values(variables)
        path.append([number(v) for v in variables])
        for i in range(2):
            store[f"flat/{key}/{i}"] = np.stack([p[i] for p in path])
        store[f"flat/{key}/rates"], store[f"flat/{key}/scales"] = np.array(rates), np.array(scales)
        store.update(packed(f"flat/{key}/state", [number(v) for v in optimizer.variables]))


def record_layered() -> None:
    """A model of many kinds of layers: what depends on Keras's layout and names."""
    model = layered(keras)
    start = [away_from_zero(w.shape) for w in model.get_weights()]
    trained = model.trainable_variables
    grads = [np.stack([f32(rng.normal(size=v.shape) * 0.1) for _ in range(3)]) for v in trained]
    store["layered/paths"] = np.array([v.path for v in trained])
    store.update(packed("layered/start", start))
    store.update(packed("layered/grads", grads))
    for key, row in LAYERED.items():
        model.set_weights(start)
        optimizer = make(keras, row)
        optimizer.build(trained)
        for step in range(3):
            optimizer.apply([torch.tensor(g[step]) for g in grads], trained)
        store.update(packed(f"layered/{key}/end", model.get_weights()))
        store.update(packed(f"layered/{key}/state", [number(v) for v in optimizer.variables]))


def record_fits() -> None:
    x, y = f32(rng.normal(size=(24, 5))), f32(rng.normal(size=(24, 2)))
    model = network(keras)
    start = [away_from_zero(w.shape) * f32(0.5) for w in model.get_weights()]
    store["fit/x"], store["fit/y"] = x, y
    store.update(packed("fit/start", start))
    for key, row in FITS.items():
        model = network(keras)
        model.set_weights(start)
        model.compile(make(keras, row), "mse")
        losses = model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0).history["loss"]
        store[f"fit/{key}/loss"] = np.array(losses)
        store.update(packed(f"fit/{key}/end", model.get_weights()))


def record_schedules() -> None:
    for key, (name, options) in SCHEDULES.items():
        schedule = getattr(keras.optimizers.schedules, name)(**options)
        store[f"schedule/{key}"] = np.array([float(schedule(torch.tensor(step, dtype=torch.int32))) for step in range(120)])


def told(parameter: inspect.Parameter) -> list[Any]:
    """[name, default as repr, or None where the argument is required]"""
    return [parameter.name, None if parameter.default is parameter.empty else repr(parameter.default)]


def record_classes() -> dict[str, Any]:
    found: dict[str, Any] = {"keras": keras.__version__, "signatures": {}, "configs": {}, "schedules": {}}
    for room, into in ((keras.optimizers, "signatures"), (keras.optimizers.schedules, "schedules")):
        for name in sorted(vars(room)):
            kind = getattr(room, name)
            if inspect.isclass(kind) and name not in ("Optimizer", "LearningRateSchedule"):
                parameters = inspect.signature(kind).parameters.values()
                found[into][name] = [told(p) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    for name in found["signatures"]:
        if name not in ("LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"):
            keras.utils.clear_session()
            found["configs"][name] = getattr(keras.optimizers, name)().get_config()
    return found


if __name__ == "__main__":
    record_flat()
    record_layered()
    record_fits()
    record_schedules()
    np.savez_compressed(FOLDER / "optimizers.npz", **store)
    text = json.dumps(record_classes(), indent=1)
    (FOLDER / "optimizers.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(store)} arrays, {(FOLDER / 'optimizers.npz').stat().st_size / 1024:.0f} KiB")
