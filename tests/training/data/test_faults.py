"""Errors in data reach the user as they are, say where they came, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from layergraph import callbacks, utils
from layergraph.training import Compiled, evaluate, fit, predict


class DiskGone(OSError):
    """An error of the user's own."""


def fail(how):
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise DiskGone("disk gone")


class Rows(Dataset):
    def __init__(self, how="raised", at=20):
        self.how, self.at = how, at

    def __len__(self):
        return 32

    def __getitem__(self, i):
        if i == self.at:
            fail(self.how)
        return torch.ones(2), torch.ones(1)


class Batches(utils.PyDataset):
    def __init__(self, how="raised", at=5, **words):
        super().__init__(**words)
        self.how, self.at = how, at

    def __len__(self):
        return 8

    def __getitem__(self, i):
        if i == self.at:
            fail(self.how)
        return np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def generator(how="raised", at=5):
    for i in range(8):
        if i == at:
            fail(how)
        yield np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def children():
    """The processes that this one has started and that are still there, also as zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append((path.parent.name, fields[0]))
    return found


def wait_for(question, seconds=10):
    limit = time.monotonic() + seconds
    while not question() and time.monotonic() < limit:
        time.sleep(0.01)
    return question()


def still_trains(model):
    x, y = np.ones((4, 2)), np.ones((4, 1))
    fit(model, Compiled("sgd", "mse"), x, y, verbose=0)
    assert model.training
    assert np.isfinite(predict(model, x, verbose=0)).all()


SOURCES = {
    "dataset": lambda: Rows(),
    "DataLoader": lambda: DataLoader(Rows(), batch_size=4),
    "DataLoader with workers": lambda: DataLoader(Rows(), batch_size=4, num_workers=2),
    "PyDataset": lambda: Batches(),
    "PyDataset by threads": lambda: Batches(workers=2),
    "PyDataset by processes": lambda: Batches(workers=2, use_multiprocessing=True),
    "generator": lambda: generator(),
    "iterator": lambda: iter([*list(DataLoader(Rows(at=99), batch_size=4))[:5], "no batch"]),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_an_error_keeps_its_type_and_says_where_it_came(kind):
    before = set(children())
    model = nn.Linear(2, 1)
    kinds = ValueError if kind == "iterator" else DiskGone
    with pytest.raises(kinds, match="disk gone" if kinds is DiskGone else "Unrecognized data type") as caught:
        fit(model, Compiled("sgd", "mse"), SOURCES[kind](), batch_size=4 if kind == "dataset" else None, shuffle=False, verbose=0)
    (note,) = caught.value.__notes__
    assert note.startswith("layergraph: while batch 6 of epoch 1 was read from the ")
    still_trains(model)
    assert wait_for(lambda: set(children()) <= before), children()  # though `caught` still holds the frames


@pytest.mark.parametrize("run", [evaluate, lambda model, _, x, verbose: predict(model, x, verbose=verbose)], ids=["evaluate", "predict"])
def test_the_same_in_evaluate_and_predict(run):
    before = set(children())
    with pytest.raises(DiskGone) as caught:
        run(nn.Linear(2, 1), Compiled("sgd", "mse"), DataLoader(Rows(), batch_size=4, num_workers=1), verbose=0)
    assert "while batch 6 of epoch 1" in caught.value.__notes__[0]
    assert wait_for(lambda: set(children()) <= before)


def test_a_later_epoch_is_told():
    class Late(Batches):
        epoch = 0

        def on_epoch_end(self):
            self.epoch += 1
            self.at = 2 if self.epoch == 3 else 99

    with pytest.raises(DiskGone) as caught:
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), Late(at=99), epochs=9, shuffle=False, verbose=0)
    assert "while batch 3 of epoch 4 was read from the Late" in caught.value.__notes__[0]


# torch raises from its handler of SIGCHLD, at any place: a socket over which it was receiving a batch may be left to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: DataLoader(Rows("killed"), batch_size=4, num_workers=2),
        lambda: DataLoader(Rows("killed"), batch_size=4, num_workers=2, persistent_workers=True),
        lambda: Batches("killed", workers=2, use_multiprocessing=True),
    ],
    ids=["DataLoader", "persistent workers", "PyDataset"],
)
def test_a_worker_that_is_killed(make):
    before, threads = set(children()), threading.active_count()
    model, data = nn.Linear(2, 1), make()
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\S* \d+\)"):
        fit(model, Compiled("sgd", "mse"), data, shuffle=False, verbose=0)
    assert time.monotonic() - start < 10
    still_trains(model)
    assert wait_for(lambda: set(children()) <= before), children()
    assert wait_for(lambda: threading.active_count() <= threads)
    (data.dataset if isinstance(data, DataLoader) else data).at = 99  # mended, the same loader can be read again
    fit(model, Compiled("sgd", "mse"), data, shuffle=False, verbose=0)


class Stop(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.trainer.compiled.stop_training = batch == 1


@pytest.mark.parametrize("words", [{"callbacks": [Stop()]}, {"steps_per_epoch": 2, "epochs": 2}], ids=["stopped", "steps"])
@pytest.mark.parametrize(
    "make",
    [lambda: DataLoader(Rows(at=99), batch_size=4, num_workers=2), lambda: Batches(at=99, workers=2, use_multiprocessing=True)],
    ids=["DataLoader", "PyDataset"],
)
def test_workers_end_with_the_training(make, words):
    before = set(children())
    data = make()
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), data, verbose=0, **words)
    assert wait_for(lambda: set(children()) <= before), children()


def test_threads_end_with_the_training():
    before = threading.active_count()
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), Batches(at=99, workers=3), callbacks=[Stop()], verbose=0)
    assert threading.active_count() == before


def test_a_generator_of_ones_own_goes_on_and_one_made_for_the_call_is_closed():
    closed: list[int] = []

    def numbers():
        try:
            for i in range(99):
                yield np.full((2, 2), i, "float32"), np.zeros((2, 1), "float32")
        finally:
            closed.append(1)

    kept = numbers()
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), kept, callbacks=[Stop()], verbose=0)
    assert not closed
    assert next(kept)[0][0, 0] == 2
    history = fit(nn.Linear(2, 1), Compiled("sgd", "mse"), numbers(), callbacks=[Stop()], verbose=0)
    assert closed == [1], "though the history is kept"
    assert len(history.history["loss"]) == 1
