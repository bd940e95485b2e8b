"""Splitting, windows over a series, and batches from Python code."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from layergraph import Input, Model, layers
from layergraph.errors import ArgumentError, DataError
from layergraph.utils import PyDataset, Sequence, split_dataset, timeseries_dataset_from_array

# split_dataset: sizes are compared with Keras in parity/test_rooms.py


def taken(part: Any) -> list[int]:
    return [int(part[i][0]) for i in range(len(part))]


def test_a_split_keeps_the_order():
    left, right = split_dataset(np.arange(10), 0.5, 0.3)
    assert (taken(left), taken(right)) == ([0, 1, 2, 3, 4], [7, 8, 9])


def test_a_mixed_split_is_a_partition():
    split = [taken(part) for part in split_dataset(np.arange(100), 0.7, shuffle=True, seed=3)]
    assert sorted(split[0] + split[1]) == list(range(100))
    assert split[0] != sorted(split[0])
    assert split == [taken(part) for part in split_dataset(np.arange(100), 0.7, shuffle=True, seed=3)]
    torch.manual_seed(0)
    first = taken(split_dataset(np.arange(100), 0.7, shuffle=True)[0])
    torch.manual_seed(0)
    assert taken(split_dataset(np.arange(100), 0.7, shuffle=True)[0]) == first != split[0]


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.tensor(i), torch.tensor(-i)) for i in range(6)])


@pytest.mark.parametrize(
    "data",
    [(np.arange(6), -np.arange(6)), [torch.arange(6), -torch.arange(6)], TensorDataset(torch.arange(6), -torch.arange(6)), Stream()],
    ids=["arrays", "tensors", "dataset", "stream"],
)
def test_what_can_be_split(data: Any):
    left, right = split_dataset(data, left_size=4)
    assert [(int(x), int(y)) for x, y in (*left, *right)] == [(i, -i) for i in range(6)]
    x, y = next(iter(DataLoader(right, batch_size=2)))
    assert (x.tolist(), y.tolist()) == ([4, 5], [-4, -5])


# timeseries_dataset_from_array


def by_hand(data: Any, targets: Any, length: int, stride: int = 1, rate: int = 1, start: int = 0, end: int | None = None) -> list[Any]:
    """What the documentation of Keras says, window by window."""
    end = len(data) if end is None else end
    found = []
    for begin in range(start, end, stride):
        steps = range(begin, begin + length * rate, rate)
        if steps[-1] < end and (targets is None or begin - start < len(targets)):
            window = [data[step] for step in steps]
            found.append(window if targets is None else (window, targets[begin]))
    return found


@pytest.mark.parametrize("words", [
    {"length": 10, "stride": 3, "rate": 2},
    {"length": 5},
    {"length": 1},
    {"length": 20, "stride": 20},
    {"length": 4, "start": 30},
    {"length": 4, "rate": 3, "end": 50},
    {"length": 4, "stride": 7, "rate": 3, "start": 20, "end": 60},
    {"length": 99},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("targeted", [False, True])
def test_windows_are_those_of_the_documentation(words: dict[str, int], targeted: bool):
    data = np.arange(99)
    targets = data * 10 if targeted else None
    names = {"stride": "sequence_stride", "rate": "sampling_rate", "start": "start_index", "end": "end_index"}
    options = {names[key]: value for key, value in words.items() if key != "length"}
    batches = list(timeseries_dataset_from_array(data, targets, words["length"], batch_size=4, **options))
    found: list[Any] = []
    for batch in batches:
        assert len(batch[0] if targeted else batch) <= 4
        found += list(zip(batch[0].tolist(), batch[1].tolist(), strict=True)) if targeted else batch.tolist()
    assert found == by_hand(data, targets, **words)


def test_windows_of_features_share_memory():
    data = torch.arange(60.0).reshape(20, 3)
    batches = timeseries_dataset_from_array(data, None, 4)
    (batch,) = batches
    assert batch.shape == (17, 4, 3)
    assert torch.equal(batch[5], data[5:9])
    windows: Any = batches.dataset
    assert windows.data_ptr() == data.data_ptr()  # views: no copy of the series for each window


def test_shorter_targets_limit_the_windows():
    data = np.arange(20)
    batches = list(timeseries_dataset_from_array(data[:-5], data[5:], 5, batch_size=None))
    assert [(int(window[0]), int(target)) for window, target in batches] == [(i, i + 5) for i in range(11)]
    assert len(list(timeseries_dataset_from_array(data, data[:7], 5, batch_size=None))) == 7


def test_mixed_windows():
    batches = timeseries_dataset_from_array(np.arange(50), None, 3, batch_size=64, shuffle=True, seed=1)
    (first,), (second,) = batches, batches
    assert sorted(first[:, 0].tolist()) == sorted(second[:, 0].tolist()) == list(range(48))
    assert first.tolist() != second.tolist()
    (again,) = timeseries_dataset_from_array(np.arange(50), None, 3, batch_size=64, shuffle=True, seed=1)
    assert again.tolist() == first.tolist()


def test_fit_reads_windows():
    series = np.sin(np.arange(300) / 9)[:, None]
    x = Input((20, 1))
    model = Model(x, layers.Dense(1)(layers.Flatten()(x)))
    model.compile("adam", loss="mse")
    windows = timeseries_dataset_from_array(series[:-20], series[20:], 20, batch_size=32, shuffle=True, seed=0)
    losses = model.fit(windows, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert model.predict(timeseries_dataset_from_array(series, None, 20), verbose=0).shape == (281, 1)


# PyDataset


class Halves(PyDataset):
    def __init__(self, x: Any, batch_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.x, self.batch_size, self.epochs = x, batch_size, 0

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        return self.x[index * self.batch_size : (index + 1) * self.batch_size]

    def on_epoch_end(self) -> None:
        self.epochs += 1


def test_a_dataset_of_ones_own():
    data = Halves(np.arange(5), 2, workers=3, max_queue_size=4)
    assert [batch.tolist() for batch in data] == [[0, 1], [2, 3], [4]]
    assert (data.num_batches, data.workers, data.use_multiprocessing, data.max_queue_size) == (3, 3, False, 4)
    data.on_epoch_begin()
    data.on_epoch_end()
    assert pickle.loads(pickle.dumps(data)).epochs == 1
    assert issubclass(Halves, Sequence)


def test_super_may_be_forgotten_and_the_end_may_be_missing():
    class Endless(PyDataset):
        num_batches = None

        def __init__(self):
            pass

        def __getitem__(self, index: int) -> Any:
            return index

    data = Endless()
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (1, False, 10)
    assert [batch for batch, _ in zip(data, range(4), strict=False)] == [0, 1, 2, 3]


def test_what_a_dataset_needs():
    with pytest.raises(NotImplementedError, match=r"PyDataset needs a method __len__\(self\)"):
        PyDataset().num_batches  # noqa: B018
    with pytest.raises(NotImplementedError, match=r"PyDataset needs a method __getitem__\(self, index\)"):
        PyDataset()[0]


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: split_dataset(np.arange(3)), ArgumentError, "at least one of `left_size` and `right_size`(.|\n)*fix: left_size=0.8"),
        (lambda: split_dataset((np.arange(3), np.arange(4)), 0.5), DataError, "the arrays have different lengths: 3, 4"),
        (lambda: split_dataset(np.arange(3), 0.1), ArgumentError, "of 3 samples the left part is empty"),
        (lambda: split_dataset(np.arange(10), 8, 3), ArgumentError, "left_size=8 and right_size=3 are more than all 10 samples together"),
        (lambda: split_dataset(np.arange(3), 1, preferred_backend="jax"), ArgumentError, "layergraph runs on torch alone, got 'jax'"),
        (lambda: timeseries_dataset_from_array(np.arange(5), None, 9), DataError, "a window spans 9 steps, but there are 5"),
        (lambda: timeseries_dataset_from_array(np.arange(5), None, 0), ArgumentError, "`sequence_length` must be at least 1, got 0"),
        (lambda: timeseries_dataset_from_array(np.arange(5), None, 2, 0), ArgumentError, "`sequence_stride` must be higher than 0"),
        (lambda: timeseries_dataset_from_array(np.arange(5), None, 2, 1, 5), ArgumentError, "Received: sampling_rate=5"),
        (lambda: timeseries_dataset_from_array(np.arange(5), None, 2, start_index=5), ArgumentError, "start_index=5 and end_index=None"),
        (lambda: timeseries_dataset_from_array(np.arange(9), np.arange(6), 2, start_index=3), DataError, "5 windows, but 3 targets"),
        (lambda: timeseries_dataset_from_array(["a", "b"], None, 1), DataError, "`data` is no array of numbers"),
        (lambda: timeseries_dataset_from_array(3, None, 1), DataError, "`data` has no axes"),
    ],
)  # fmt: skip
def test_wrong_use(make: Any, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message):
        make()
