"""Data of every kind give the numbers that arrays give."""

from __future__ import annotations

import collections

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from layergraph import Input, Model, layers, utils
from layergraph.training import Compiled, evaluate, fit, predict, train_on_batch
from layergraph.training import test_on_batch as score_on_batch

RNG = np.random.default_rng(3)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")
W = RNG.uniform(0.5, 2, size=10).astype("float32")
A, B = X[:, :2], X[:, 2:]


def one():
    x = Input((3,), name="x")
    model = Model(x, layers.Dense(1, name="out")(x))
    model.set_weights([np.ones((3, 1)) / 2, np.zeros(1)])
    return model


def two():
    a, b = Input((2,), name="a"), Input((1,), name="b")
    model = Model([a, b], layers.Dense(1, name="out")(layers.Concatenate()([a, b])))
    model.set_weights([np.ones((3, 1)) / 2, np.zeros(1)])
    return model


def heads():
    """One input, two outputs."""
    x = Input((3,), name="x")
    model = Model(x, [layers.Dense(1, name=name)(x) for name in ("left", "right")])
    model.set_weights([np.ones((3, 1)) / 2, np.zeros(1)] * 2)
    return model


def run(make, x, y=None, sample_weight=None, loss="mse"):
    """Losses of two epochs in batches of 4, of an evaluation, and predictions."""
    model = make()
    compiled = Compiled("sgd", loss)
    words = {} if callable(getattr(x, "__next__", None)) or isinstance(x, (DataLoader, utils.PyDataset, Again)) else {"batch_size": 4}
    history = fit(model, compiled, x, y, sample_weight=sample_weight, epochs=2, shuffle=False, verbose=0, **words).history
    score = evaluate(model, compiled, x, y, sample_weight=sample_weight, verbose=0, **words)
    return history["loss"], np.ravel(score), predict(model, x, verbose=0, **words)


def same(found, wanted):
    """But for the last bit, which depends on how the rows lie in memory."""
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


class Rows(Dataset):
    """A map-style dataset; what a sample is, `make(i)` says."""

    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 10

    def __getitem__(self, i):
        return self.make(i)


class Table:
    """Neither of torch nor of layergraph: it has a length and items, like a table of Hugging Face."""

    def __len__(self):
        return 10

    def __getitem__(self, i):
        return {"x": X[i].tolist(), "out": Y[i].tolist()}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(torch.tensor(X), torch.tensor(Y), strict=True))


class Again:
    """An iterable of batches that can be read again."""

    def __init__(self, *arrays):
        self.arrays = arrays

    def __iter__(self):
        return (tuple(a[i : i + 4] for a in self.arrays) for i in range(0, 10, 4))


class Batches(utils.PyDataset):
    def __init__(self, *arrays, **words):
        super().__init__(**words)
        self.arrays = arrays

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return tuple(a[4 * i : 4 * i + 4] for a in self.arrays)


def memory_map(path):
    np.save(path / "x.npy", X)
    return np.load(path / "x.npy", mmap_mode="r")


def read_only():
    x = X.copy()
    x.flags.writeable = False
    return x


FRAME = pd.DataFrame(X, columns=["p", "q", "r"])
ARRAYS = {
    "numpy": (X, Y),
    "float64": (X.astype("float64"), Y.astype("float64")),
    "fortran": (np.asfortranarray(X), Y),
    "big-endian": (X.astype(">f4"), Y.astype(">f8")),
    "negative strides": (X[::-1].copy()[::-1], Y[::-1].copy()[::-1]),
    "read-only": (read_only(), Y),
    "tensors": (torch.tensor(X), torch.tensor(Y)),
    "a tensor and an array": (torch.tensor(X), Y),
    "frame": (FRAME, pd.DataFrame(Y)),
    "frame and series": (FRAME, pd.Series(Y[:, 0], index=range(7, 17))),
    "lists": (X.astype("float64").tolist(), Y.astype("float64").tolist()),
    "flat y": (X, Y[:, 0]),
    "by name": ({"x": X}, {"out": Y}),
    "in lists": ([X], [Y]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays(kind):
    same(run(one, *ARRAYS[kind]), run(one, X, Y))


def test_a_memory_map(tmp_path):
    same(run(one, memory_map(tmp_path), Y), run(one, X, Y))


LOADERS = {
    "TensorDataset": lambda: TensorDataset(torch.tensor(X), torch.tensor(Y)),
    "Subset": lambda: Subset(TensorDataset(torch.tensor(X), torch.tensor(Y)), range(10)),
    "dataset": lambda: Rows(lambda i: (X[i], Y[i])),
    "dataset by name": lambda: Rows(lambda i: ({"x": X[i]}, {"out": Y[i]})),
    "dataset of dicts": lambda: Rows(lambda i: {"x": X[i], "out": Y[i]}),
    "IterableDataset": lambda: Stream(),
    "loader": lambda: DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=4),
    "loader with workers": lambda: DataLoader(Rows(lambda i: (X[i], Y[i])), batch_size=4, num_workers=1),
    "loader of tuples": lambda: DataLoader(range(10), batch_size=4, collate_fn=lambda i: (torch.tensor(X[i]), torch.tensor(Y[i]))),
    "loader of arrays": lambda: DataLoader(range(10), batch_size=4, collate_fn=lambda i: (X[i].astype("float64"), Y[i])),
    "loader by name": lambda: DataLoader(Rows(lambda i: ({"x": X[i]}, Y[i])), batch_size=4),
    "loader of dicts": lambda: DataLoader(Rows(lambda i: {"out": Y[i], "x": X[i]}), batch_size=4),
    "loader with None": lambda: DataLoader(range(10), batch_size=4, collate_fn=lambda i: (torch.tensor(X[i]), torch.tensor(Y[i]), None)),
    "iterable": lambda: Again(X, Y),
    "PyDataset": lambda: Batches(X, Y),
    "PyDataset of tensors": lambda: Batches(torch.tensor(X), torch.tensor(Y)),
    "PyDataset by threads": lambda: Batches(X, Y, workers=2, max_queue_size=2),
    "PyDataset by processes": lambda: Batches(X, Y, workers=1, use_multiprocessing=True),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_loaders(kind):
    same(run(one, LOADERS[kind]()), run(one, X, Y))


def test_a_table_of_samples():
    """Its numbers are Python's: torch's collate makes float64 of them, one tensor a column."""
    found = run(one, DataLoader(Table(), batch_size=4, collate_fn=lambda rows: {k: torch.tensor([r[k] for r in rows]) for k in rows[0]}))
    same(found, run(one, X, Y))


def test_things_with_a_length_and_items_are_samples():
    history = fit(one(), Compiled("sgd", "mse"), Pairs(), batch_size=4, shuffle=False, epochs=2, verbose=0).history
    assert history["loss"] == run(one, X, Y)[0]


class Pairs:
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return torch.tensor(X[i]), torch.tensor(Y[i])


def endless(*arrays):
    while True:
        yield from Again(*arrays)


@pytest.mark.parametrize("make", [endless, lambda *a: iter(list(Again(*a)) * 2)], ids=["generator", "iterator"])
def test_what_is_read_once(make):
    model, compiled = one(), Compiled("sgd", "mse")
    wanted = run(one, X, Y)
    assert fit(model, compiled, make(X, Y), steps_per_epoch=3, epochs=2, verbose=0).history["loss"] == wanted[0]
    assert evaluate(model, compiled, make(X, Y), steps=3, verbose=0) == wanted[1]
    np.testing.assert_array_equal(predict(model, make(X, Y), steps=3, verbose=0), wanted[2])
    np.testing.assert_array_equal(predict(model, ((x,) for x, _ in Again(X, Y)), verbose=0), wanted[2])
    np.testing.assert_array_equal(predict(model, (x for x, _ in Again(X, Y)), verbose=0), wanted[2])


# Weights


@pytest.mark.parametrize(
    "make",
    [
        lambda: (X, Y, pd.Series(W)),
        lambda: (X, Y, W[:, None]),
        lambda: (X, Y, [W]),
        lambda: (X, Y, {"out": W}),
        lambda: (X, Y, W.tolist()),
        lambda: (TensorDataset(*map(torch.tensor, (X, Y, W))),),
        lambda: (DataLoader(TensorDataset(*map(torch.tensor, (X, Y, W))), batch_size=4),),
        lambda: (Batches(X, Y, W),),
        lambda: (DataLoader(Rows(lambda i: ({"x": X[i]}, {"out": Y[i]}, {"out": W[i]})), batch_size=4),),
    ],
)
def test_sample_weights(make):
    wanted = run(one, X, Y, W)
    assert wanted[0] != run(one, X, Y)[0]
    same(run(one, *make()), wanted)


CLASSES = (np.arange(10) % 3).astype("int64")
BY_CLASS = {0: 1.0, 1: 3.0, 2: 0.5}


@pytest.mark.parametrize(
    "x", [X, TensorDataset(torch.tensor(X), torch.tensor(CLASSES)), Rows(lambda i: (X[i], CLASSES[i])), Batches(X, CLASSES)]
)
def test_class_weights(x):
    def model():
        made = nn.Sequential(nn.Linear(3, 3), nn.Softmax(-1))
        nn.init.constant_(made[0].weight, 0.1)
        nn.init.zeros_(made[0].bias)
        return made

    words = {"epochs": 2, "shuffle": False, "verbose": 0}
    loss = "sparse_categorical_crossentropy"
    by_hand = np.array([BY_CLASS[c] for c in CLASSES])
    wanted = fit(model(), Compiled("sgd", loss), X, CLASSES, batch_size=4, sample_weight=by_hand, **words).history["loss"]
    given = {"y": CLASSES} if x is X else {}
    size = {} if isinstance(x, Batches) else {"batch_size": 4}
    found = fit(model(), Compiled("sgd", loss), x, class_weight=BY_CLASS, **given, **size, **words).history["loss"]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


# Several inputs and outputs


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ([A, B], Y),
        lambda: ((A, B), Y),
        lambda: (Pair(A, B), Y),
        lambda: ({"b": B, "a": A}, Y),
        lambda: ({"a": pd.DataFrame(A), "b": pd.Series(B[:, 0])}, Y),
        lambda: (collections.OrderedDict(b=B[:, 0], a=A), Y),
        lambda: (DataLoader(Rows(lambda i: ({"b": B[i], "a": A[i]}, Y[i])), batch_size=4),),
        lambda: (DataLoader(Rows(lambda i: ((A[i], B[i]), Y[i])), batch_size=4),),
        lambda: (DataLoader(Rows(lambda i: {"b": B[i], "a": A[i], "out": Y[i]}), batch_size=4),),
    ],
)
def test_several_inputs(make):
    same(run(two, *make()), run(two, [A, B], Y))


@pytest.mark.parametrize(
    "make",
    [
        lambda: (X, {"right": X[:, :1], "left": Y}, {"left": W, "right": W}),
        lambda: (X, {"right": X[:, :1], "left": pd.Series(Y[:, 0])}, [W, W]),
        lambda: (X, (Y, X[:, :1]), W),
        lambda: (DataLoader(Rows(lambda i: (X[i], {"right": X[i, :1], "left": Y[i]}, {"left": W[i], "right": W[i]})), batch_size=4),),
    ],
)
def test_several_outputs(make):
    same(run(heads, *make()), run(heads, X, [Y, X[:, :1]], [W, W]))


# One batch


@pytest.mark.parametrize("kind", ARRAYS)
def test_on_one_batch(kind):
    def both(x, y):
        model, compiled = one(), Compiled("sgd", "mse")
        return train_on_batch(model, compiled, x, y), score_on_batch(model, compiled, x, y)

    np.testing.assert_allclose(both(*ARRAYS[kind]), both(X, Y), rtol=1e-6)


# Validation data


@pytest.mark.parametrize(
    "make",
    [
        lambda: [X, Y],
        lambda: (FRAME, pd.Series(Y[:, 0])),
        lambda: TensorDataset(torch.tensor(X), torch.tensor(Y)),
        lambda: DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=4),
        lambda: Batches(X, Y),
        lambda: Again(X, Y),
    ],
)
def test_validation_data(make):
    def losses(data):
        words = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
        return fit(one(), Compiled("sgd", "mse"), X, Y, validation_data=data, **words).history["val_loss"]

    np.testing.assert_allclose(losses(make()), losses((X, Y)), rtol=1e-6)
