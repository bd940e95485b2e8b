"""Data that do not fit the model's Inputs are told before anything runs; wrong uses in full stand in tests/errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import DataError
from layergraph.training.data.checks import _reshaped, fixed_batch_size
from layergraph.training.data.tensors import to_structure


@pytest.mark.parametrize(
    ("shape", "wanted", "said"),
    [
        ((8, 28, 28), (None, 784), "x.reshape(-1, 784)"),
        ((8, 784), (None, 28, 28, 1), "x.reshape(-1, 28, 28, 1)"),
        ((8, 3, 32, 30), (None, 32, 30, 3), "the model wants channels last: x.transpose(0, 2, 3, 1), of a tensor x.permute(0, 2, 3, 1)"),
        ((8, 32, 30, 3), (None, 3, 32, 30), "the model wants channels first: x.transpose(0, 3, 1, 2), of a tensor x.permute(0, 3, 1, 2)"),
        (
            (8, 3, 32, 30),
            (None, None, None, 3),
            "the model wants channels last: x.transpose(0, 2, 3, 1), of a tensor x.permute(0, 2, 3, 1)",
        ),
        ((8, 5, 7), (None, 7, 5), "the axes have another order: x.transpose(0, 2, 1), of a tensor x.permute(0, 2, 1)"),
        ((8, 28, 28), (None, 1, 28, 28), "add a channel axis: x[:, None]"),
        ((8, 9), (None, 1, 9), "add a channel axis: x[:, None]"),
        ((8, 28, 28), (None, 28, 28, 3), "the model wants 3 channels, and there are none: np.repeat(x[..., None], 3, -1)"),
        ((28, 28, 3), (None, 28, 28, 3), "add the axis of the samples: x[None]"),
        ((4, 9), (None, 4), "samples come first: x.T"),
        ((8,), (None, 4), "one column for each class, if these are labels: to_categorical(x, 4)"),
        ((8, 5), (None, 4), "Input(shape=(5,)), if the model is to take 5 values on the last axis"),
        ((8, 5, 6, 7), (None, 4), None),
    ],
)
def test_what_to_type(shape, wanted, said):
    assert _reshaped(shape, wanted, "x") == said


@pytest.mark.parametrize(
    ("wanted", "shape"),
    [((4,), (8, 4)), ((4,), (8, 4, 1)), ((4, 1), (8, 4)), ((1,), (8,)), ((None, 4), (8, 7, 4)), ((), (8,)), ((), (8, 1))],
)
def test_what_a_model_takes_is_let_through(wanted, shape):
    x = Input(wanted)
    model = Model(x, layers.Lambda(torch.neg)(x))
    assert len(model.predict(np.zeros(shape), verbose=0)) == 8
    wrong = (8, 5, 5, 5, 5)
    with pytest.raises(DataError, match="wants shape"):
        model.predict(np.zeros(wrong), verbose=0)


def seen_by(module):
    """How often a model has run."""
    calls: list[int] = []
    module.register_forward_pre_hook(lambda *_: calls.append(1))
    return calls


def several():
    a, b = Input((4,), name="a"), Input((2,), name="b")
    model = Model([a, b], layers.Dense(1)(layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b, y: ([a, b], y),
        lambda a, b, y: ({"b": b, "a": a}, y),
        lambda a, b, y: (iter([((a, b), y)]),),
        lambda a, b, y: (DataLoader(TensorDataset(torch.tensor(a), torch.tensor(b), torch.tensor(y)), collate_fn=_by_name, batch_size=4),),
    ],
)
def test_the_input_that_does_not_fit_is_named_and_nothing_runs(make):
    model = several()
    calls = seen_by(model)
    x = np.zeros((8, 4)), np.zeros((8, 3)), np.zeros((8, 1))
    words = {"verbose": 0}
    for run in (model.fit, model.evaluate):
        with pytest.raises(DataError, match=r"input 'b' wants shape \(None, 2\), but its data has shape \([48], 3\)"):
            run(*make(*x), **words)
    assert not calls


def _by_name(rows):
    a, b, y = (torch.stack(column) for column in zip(*rows, strict=True))
    return {"a": a, "b": b}, y


def test_validation_data_are_checked_before_the_training_starts():
    model = several()
    calls = seen_by(model)
    x, y = [np.zeros((8, 4)), np.zeros((8, 2))], np.zeros((8, 1))
    with pytest.raises(DataError, match="fit, validation_data: input 'a' wants shape"):
        model.fit(x, y, validation_data=([np.zeros((8, 5)), x[1]], y), verbose=0)
    assert not calls


def test_an_input_with_a_batch_size():
    x = Input(batch_shape=(4, 3))
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    assert fixed_batch_size(model) == 4
    assert fixed_batch_size(nn.Linear(3, 1)) is fixed_batch_size(several()) is None
    model.fit(np.zeros((8, 3)), np.zeros((8, 1)), batch_size=4, verbose=0)
    model.fit(np.zeros((12, 3)), np.zeros((12, 1)), batch_size=4, validation_split=0.33, verbose=0)
    calls = seen_by(model)
    with pytest.raises(DataError, match=r"the 10 samples come in batches of 4, the last of 2(.|\n)*fix: batch_size=4, and 8 samples"):
        model.fit(np.zeros((10, 3)), np.zeros((10, 1)), batch_size=4, verbose=0)
    with pytest.raises(DataError, match=r"samples come in batches of 2\n(.|\n)*fix: batch_size=4$"):
        model.predict(np.zeros((8, 3)), batch_size=2, verbose=0)
    assert not calls


def test_a_stack_that_learns_its_shape_may_learn_another():
    model = Sequential([layers.Flatten()])
    assert model.predict(np.zeros((2, 3, 2)), verbose=0).shape == (2, 6)
    assert model.predict(np.zeros((2, 5, 2)), verbose=0).shape == (2, 10)


def test_integers_and_fractions():
    x = Input((2,), dtype="int32")
    model = Model(x, layers.Embedding(4, 1)(x))
    for data in (np.ones((3, 2)), np.ones((3, 2), "int8"), np.ones((3, 2), bool)):
        assert model.predict(data, verbose=0).shape == (3, 2, 1)
    with pytest.raises(DataError, match="wants int32, but its data is float32 with values such as nan"):
        model.predict(np.full((3, 2), np.nan), verbose=0)


# Frames


def test_columns_of_several_dtypes_are_one_table():
    frame = pd.DataFrame({"i": [1, 2], "f": [0.5, 1.5], "b": [True, False], "n": pd.array([1, None], dtype="Int64")})
    table = to_structure(frame, "x")
    assert table.dtype is torch.float32
    np.testing.assert_array_equal(table, [[1, 0.5, 1, 1], [2, 1.5, 0, np.nan]])
    assert to_structure(frame[["i"]], "x").dtype is torch.int64
    assert to_structure(frame["i"], "x").tolist() == [[1], [2]]
    assert {k: tuple(v.shape) for k, v in to_structure(dict(frame.items()), "x").items()} == dict.fromkeys("ifbn", (2, 1))


@pytest.mark.parametrize(
    ("column", "said", "fix"),
    [
        (["a", "b"], "words, or other objects", "pandas.get_dummies"),
        (pd.Categorical(["a", "b"]), "category", "column.cat.codes"),
        (pd.to_datetime(["2020", "2021"]), "datetime64", "pandas.factorize"),
    ],
)
def test_columns_that_are_no_numbers_are_named(column, said, fix):
    with pytest.raises(DataError, match=r"`x\['town'\]` holds " + said) as caught:
        to_structure(pd.DataFrame({"age": [1.0, 2.0], "town": column}), "x")
    assert fix in str(caught.value)


class OfTensorFlow:
    __module__ = "tensorflow.python.data.ops"

    def __iter__(self):
        return iter(())


def test_data_of_tensorflow_are_refused():
    with pytest.raises(DataError, match=r"`x` is a OfTensorFlow of TensorFlow(.|\n)*fix: x.as_numpy_iterator\(\)"):
        several().predict(OfTensorFlow(), verbose=0)


def test_a_batch_size_beside_a_loader_has_no_effect():
    model = several()
    data = [(({"a": torch.zeros(2, 4), "b": torch.zeros(2, 2)}), torch.zeros(2, 1))]
    with pytest.warns(UserWarning, match=r"fit\(batch_size=7\) has no effect: the list_iterator makes its batches itself") as said:
        model.fit(iter(data), batch_size=7, verbose=0)
    assert said[0].filename == __file__
