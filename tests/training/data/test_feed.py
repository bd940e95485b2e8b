"""How data are drawn: as Keras draws them, run by run; and where that differs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import layergraph
from layergraph.errors import DataError
from layergraph.training import Compiled, evaluate, fit
from layergraph.training.data.feed import Feed
from layergraph.training.data.sources import make_source

from ...parity import feeding

GOLDEN = json.loads((Path(feeding.__file__).parent / "goldens" / "feeding.json").read_text(encoding="utf-8"))


def test_every_run_is_recorded():
    assert list(GOLDEN) == list(feeding.RUNS)


@pytest.mark.parametrize("name", GOLDEN)
def test_as_in_keras(name):
    found, golden = feeding.outcome(layergraph, name), GOLDEN[name]
    assert found["events"] == golden["events"]
    assert found["ended"] == golden["ended"]
    if isinstance(golden["found"], dict):
        assert list(found["found"]) == list(golden["found"])
        for key, values in golden["found"].items():
            np.testing.assert_allclose(found["found"][key], values, rtol=1e-6)
    else:
        np.testing.assert_allclose(found["found"], golden["found"], rtol=1e-6)


# What differs: Keras pulls two batches of a generator ahead, and gives these again once it has ended.


def numbered(count, seen=None):
    for i in range(count):
        if seen is not None:
            seen.append(i)
        yield np.full((2, 1), i, "float32"), np.zeros((2, 1), "float32")


def test_no_batch_of_a_generator_is_drawn_ahead():
    seen: list[int] = []
    fit(nn.Linear(1, 1), Compiled("sgd", "mse"), numbered(9, seen), steps_per_epoch=2, epochs=2, verbose=0)
    assert seen == [0, 1, 2, 3]


def test_a_generator_without_steps_is_one_epoch_and_says_nothing():
    assert len(fit(nn.Linear(1, 1), Compiled("sgd", "mse"), numbered(3), verbose=0).history["loss"]) == 1


@pytest.mark.parametrize(
    ("count", "words", "epochs", "told"),
    [
        (3, {"epochs": 4}, 1, "epoch 2 had none"),
        (1, {"epochs": 2, "steps_per_epoch": 5}, 1, "epoch 1 wanted 5 and had 1"),
        (4, {"epochs": 3, "steps_per_epoch": 2}, 2, "epoch 3 had none"),
        (5, {"epochs": 5, "steps_per_epoch": 2}, 3, "epoch 3 wanted 2 and had 1"),
    ],
)
def test_a_generator_that_ends_ends_the_training_with_one_warning(count, words, epochs, told):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = fit(nn.Linear(1, 1), Compiled("sgd", "mse"), numbered(count), verbose=0, **words).history
    assert len(history["loss"]) == epochs
    assert [told in str(one.message) and "ran out of data" in str(one.message) for one in said] == [True]


def test_a_validation_generator_goes_on_and_its_end_ends_the_validation():
    words = {"validation_data": numbered(4), "validation_steps": 2, "verbose": 0}
    with pytest.warns(UserWarning, match="ran out of data"):
        history = fit(nn.Linear(1, 1), Compiled("sgd", "mse"), *next(numbered(1)), epochs=3, **words).history
    assert (len(history["loss"]), len(history["val_loss"])) == (3, 2)
    assert history["val_loss"][0] != history["val_loss"][1]


def test_an_ended_generator_is_no_data():
    ended = numbered(0)
    for run in (fit, evaluate):
        with pytest.raises(DataError, match="the data is empty: it gave no batch"):
            run(nn.Linear(1, 1), Compiled("sgd", "mse"), ended, verbose=0)


# Order and position


class Squares(torch.utils.data.Dataset):
    def __init__(self, count, seen=None):
        self.count, self.seen = count, seen if seen is not None else []

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.seen.append(i)
        return torch.tensor([float(i)]), torch.tensor([i * i])


class Pairs(layergraph.utils.PyDataset):
    def __init__(self, count, seen=None, **words):
        super().__init__(**words)
        self.count, self.seen = count, seen if seen is not None else []

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.seen.append(i)
        return np.full((2, 1), i, "float32"), np.full((2, 1), i)


SOURCES = {
    "arrays": lambda seen: make_source(nn.Linear(1, 1), np.arange(11.0)[:, None], np.arange(11)[:, None] ** 2, batch_size=3),
    "dataset": lambda seen: make_source(nn.Linear(1, 1), Squares(11, seen), batch_size=3),
    "py_dataset": lambda seen: make_source(nn.Linear(1, 1), Pairs(4, seen)),
    "py_dataset, threads": lambda seen: make_source(nn.Linear(1, 1), Pairs(4, seen, workers=2)),
    "loader": lambda seen: make_source(nn.Linear(1, 1), torch.utils.data.DataLoader(Squares(11, seen), batch_size=3)),
    "iterable": lambda seen: make_source(nn.Linear(1, 1), list(torch.utils.data.DataLoader(Squares(11, seen), batch_size=3)).__iter__()),
}


def drawn(batches):
    return [[t.tolist() for t in batch] for batch in batches]


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if "iterable" not in kind])
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_from_the_middle_is_its_end(kind, shuffle):
    source = SOURCES[kind](None)
    order = source.order(shuffle, 7, 3)
    whole = drawn(source.batches(order))
    assert len(whole) == source.steps == 4
    for start in range(5):
        assert drawn(source.batches(source.order(shuffle, 7, 3), start)) == whole[start:]


def test_what_can_be_read_once_starts_late_too():
    assert drawn(SOURCES["iterable"](None).batches(None, 3)) == drawn(SOURCES["loader"](None).batches())[3:]


@pytest.mark.parametrize(("kind", "read"), [("dataset", [9, 10]), ("py_dataset", [3])])
def test_what_is_skipped_is_not_read(kind, read):
    seen: list[int] = []
    list(SOURCES[kind](seen).batches(None, 3))
    assert seen == read


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("count", [2, 3])
def test_parts_make_up_each_batch(kind, count):
    whole = drawn(SOURCES[kind](None).batches())
    parts = [drawn(SOURCES[kind](None).batches(part=(r, count))) for r in range(count)]
    for number, batch in enumerate(whole):
        for i, rows in enumerate(batch):
            assert [row for part in parts for row in part[number][i]] == rows
            sizes = [len(part[number][i]) for part in parts]
            assert max(sizes) - min(sizes) <= 1


def test_a_part_of_a_dataset_reads_no_other():
    seen: list[int] = []
    list(SOURCES["dataset"](seen).batches(None, 0, (1, 3)))
    assert seen == [1, 4, 7, 9]


@pytest.mark.parametrize("kind", ["arrays", "dataset", "py_dataset"])
def test_the_order_is_a_function_of_seed_and_epoch(kind):
    source = SOURCES[kind](None)
    torch.manual_seed(0)
    first = source.order(True, 5, 0).tolist()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert source.order(True, 5, 0).tolist() == first
    assert len(drawn(source.batches(source.order(True, 5, 0)))) == source.steps
    assert torch.equal(torch.get_rng_state(), before), "torch's generator is left alone"
    others = [source.order(True, seed, epoch).tolist() for seed, epoch in ((5, 1), (6, 0), (5, 2))]
    assert sorted(first) == sorted(others[0]) == list(range(source.length))
    assert len({tuple(order) for order in (first, *others)}) >= 3


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_whole_batches_are_mixed(kind):
    source = SOURCES[kind](None)
    orders = [source.order("batch", 5, epoch).tolist() for epoch in range(4)]
    for order in orders:
        assert sorted(order[i : i + 3] for i in range(0, 9, 3)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
        assert order[9:] == [9, 10]
    assert len({tuple(order) for order in orders}) > 1


def test_fit_mixes_datasets_alike_after_the_same_seed():
    def seen(seed):
        torch.manual_seed(seed)
        order: list[int] = []
        fit(nn.Linear(1, 1), Compiled("sgd", "mse"), Squares(20, order), batch_size=4, epochs=2, verbose=0)
        return order

    one = seen(1)
    assert one == seen(1) != seen(2)
    assert sorted(one[:20]) == list(range(20))
    assert one[:20] != one[20:]


def test_a_feed_with_steps_goes_on_in_the_next_epoch():
    source = make_source(nn.Linear(1, 1), torch.arange(6.0)[:, None], batch_size=2)
    feed = Feed(lambda _: None, source, limit=2)
    assert drawn(feed.epoch(0)) == [[[[0.0], [1.0]]], [[[2.0], [3.0]]]]
    with pytest.warns(UserWarning, match="epoch 2 wanted 2 and had 1"):
        assert drawn(feed.epoch(1)) == [[[[4.0], [5.0]]]]
    assert drawn(feed.epoch(2)) == [[[[0.0], [1.0]]], [[[2.0], [3.0]]]]
