"""How data are drawn in `fit`, `evaluate` and `predict`: runs that tell which batches came, in which order, and what was said.

`keras` is Keras where they are recorded (`record_feeding.py`), and layergraph in the tests. The model's weights never change, so that
the loss of an epoch tells which batches it had.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

X = np.arange(24, dtype="float32").reshape(12, 2) / 10
Y = np.square(X[:, :1])
W = np.linspace(0.5, 2, 12, dtype="float32")
LABELS = (np.arange(12) % 3).astype("int64")


def model(keras: Any, classes: int = 0) -> Any:
    x = keras.Input((2,), name="x")
    made = keras.Model(x, keras.layers.Dense(classes or 1, activation="softmax" if classes else None, name="out")(x))
    made.set_weights([np.arange(2.0 * (classes or 1)).reshape(2, -1) / 4, np.zeros(classes or 1)])
    made.compile(keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy" if classes else "mse")
    return made


def telling(keras: Any, events: list[str]) -> Any:
    class Telling(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            events.append(f"epoch {epoch}")

        def on_epoch_end(self, epoch, logs=None):
            events.append(f"end of epoch {epoch}")

        def on_train_batch_end(self, batch, logs=None):
            events.append(f"trained {batch}")

        def on_test_begin(self, logs=None):
            events.append("test")

        def on_test_batch_end(self, batch, logs=None):
            events.append(f"tested {batch}")

    return Telling()


def py_dataset(keras: Any, events: list[str], name: str, count: int, y: Any = Y, **words: Any) -> Any:
    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return count

        def __getitem__(self, index):
            events.append(f"{name}[{index}]")
            return X[2 * index : 2 * index + 2], y[2 * index : 2 * index + 2]

        def on_epoch_begin(self):
            events.append(f"{name} begins")

        def on_epoch_end(self):
            events.append(f"{name} ends")

    return Pairs(**words)


def pairs(count: int | None = None) -> Any:
    """A generator of batches."""
    number = 0
    while count is None or number < count:
        at = number % 6 * 2
        yield X[at : at + 2], Y[at : at + 2]
        number += 1


def loader(*arrays: Any, size: int = 4) -> Any:
    return DataLoader(TensorDataset(*map(torch.from_numpy, arrays)), batch_size=size)


def fit(keras: Any, events: list[str], x: Any, classes: int = 0, **words: Any) -> Any:
    history = model(keras, classes).fit(x, verbose=0, callbacks=[telling(keras, events)], **{"shuffle": False, **words})
    return dict(history.history)


def evaluate(keras: Any, events: list[str], x: Any, **words: Any) -> Any:
    return model(keras).evaluate(x, verbose=0, callbacks=[telling(keras, events)], **words)


RUNS: dict[str, Callable[[Any, list[str]], Any]] = {
    "arrays": lambda k, e: fit(k, e, X, y=Y, batch_size=5, epochs=2),
    "arrays, weights": lambda k, e: fit(k, e, X, y=Y, sample_weight=W, batch_size=5),
    "arrays, class weights": lambda k, e: fit(k, e, X, 3, y=LABELS, class_weight={0: 1.0, 1: 2.0, 2: 0.25}, batch_size=5),
    "arrays, steps": lambda k, e: fit(k, e, X, y=Y, steps_per_epoch=5, epochs=2),
    "arrays, steps and batch size": lambda k, e: fit(k, e, X, y=Y, steps_per_epoch=2, batch_size=4, epochs=3),
    "arrays, steps beyond": lambda k, e: fit(k, e, X, y=Y, steps_per_epoch=4, batch_size=4, epochs=2),
    "arrays, split": lambda k, e: fit(k, e, X, y=Y, validation_split=0.3, batch_size=4, epochs=2),
    "arrays, split, weights": lambda k, e: fit(k, e, X, y=Y, sample_weight=W, validation_split=0.3, validation_batch_size=3, batch_size=4),
    "arrays, validation steps": lambda k, e: fit(
        k, e, X, y=Y, batch_size=6, validation_data=(X, Y), validation_batch_size=4, validation_steps=2, epochs=2
    ),
    "arrays, validation weights": lambda k, e: fit(k, e, X, y=Y, batch_size=6, validation_data=(X, Y, W)),
    "arrays, validation every other": lambda k, e: fit(k, e, X, y=Y, batch_size=6, validation_data=(X, Y), validation_freq=2, epochs=4),
    "arrays, validation in a list": lambda k, e: fit(k, e, X, y=Y, batch_size=6, validation_data=(X, Y), validation_freq=[1, 4], epochs=4),
    "arrays, initial epoch": lambda k, e: fit(k, e, X, y=Y, batch_size=6, initial_epoch=2, epochs=4),
    "arrays, validation by a loader": lambda k, e: fit(k, e, X, y=Y, batch_size=6, validation_data=loader(X, Y), epochs=2),
    "loader": lambda k, e: fit(k, e, loader(X, Y), epochs=2),
    "loader, weights": lambda k, e: fit(k, e, loader(X, Y, W, size=5)),
    "loader, steps": lambda k, e: fit(k, e, loader(X, Y), steps_per_epoch=2, epochs=3),
    "loader, steps beyond": lambda k, e: fit(k, e, loader(X, Y), steps_per_epoch=5, epochs=2),
    "loader, validation": lambda k, e: fit(k, e, loader(X, Y), validation_data=loader(X, Y, W, size=5), validation_steps=2, epochs=2),
    "py_dataset": lambda k, e: fit(k, e, py_dataset(k, e, "t", 3), epochs=2),
    "py_dataset, validation": lambda k, e: fit(k, e, py_dataset(k, e, "t", 2), validation_data=py_dataset(k, e, "v", 2), epochs=2),
    "py_dataset, validation steps": lambda k, e: fit(
        k, e, py_dataset(k, e, "t", 2), validation_data=py_dataset(k, e, "v", 3), validation_steps=2, epochs=2
    ),
    "py_dataset, steps": lambda k, e: fit(k, e, py_dataset(k, e, "t", 3), steps_per_epoch=2, epochs=3),
    "py_dataset, steps beyond": lambda k, e: fit(k, e, py_dataset(k, e, "t", 3), steps_per_epoch=4, epochs=2),
    "py_dataset, class weights": lambda k, e: fit(k, e, py_dataset(k, e, "t", 6, LABELS), 3, class_weight={0: 1.0, 1: 2.0, 2: 0.25}),
    "py_dataset, evaluate": lambda k, e: evaluate(k, e, py_dataset(k, e, "t", 3)),
    "generator, steps": lambda k, e: fit(k, e, pairs(), steps_per_epoch=3, epochs=3),
    "generator, all of it": lambda k, e: fit(k, e, pairs(4), steps_per_epoch=2, epochs=2),
    "generator, short": lambda k, e: fit(k, e, pairs(5), steps_per_epoch=2, epochs=3),
    "generator, evaluate": lambda k, e: evaluate(k, e, pairs(), steps=4),
    "arrays, evaluate": lambda k, e: evaluate(k, e, X, y=Y, sample_weight=W, batch_size=5),
    "arrays, evaluate, steps": lambda k, e: evaluate(k, e, X, y=Y, batch_size=5, steps=2),
    "arrays, evaluate, steps beyond": lambda k, e: evaluate(k, e, X, y=Y, batch_size=4, steps=5),
    "arrays, predict, steps": lambda k, e: model(k).predict(X, batch_size=5, steps=2, verbose=0).tolist(),
    "loader, predict": lambda k, e: model(k).predict(loader(X, Y, W), verbose=0).tolist(),
    "py_dataset, predict": lambda k, e: model(k).predict(py_dataset(k, e, "t", 3), verbose=0).tolist(),
    "generator, predict": lambda k, e: model(k).predict(pairs(), steps=2, verbose=0).tolist(),
}


def outcome(keras: Any, name: str) -> dict[str, Any]:
    """What a run gives, what happened, and how often it was said that the data had ended."""
    events: list[str] = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = RUNS[name](keras, events)
    ended = sum("ran out of data" in str(warning.message) for warning in said)
    return {"found": found, "events": trained(events), "ended": ended}


def trained(events: list[str]) -> list[str]:
    """The events without Keras's looks at the data before it trains: a batch to build the model, and an `on_epoch_end` before each test."""
    first = next((i for i, event in enumerate(events) if event in ("epoch 0", "epoch 2", "test")), 0)
    kept = events[first:]
    return [event for i, event in enumerate(kept) if not (event == "v ends" and kept[i + 1 : i + 2] == ["test"])]
