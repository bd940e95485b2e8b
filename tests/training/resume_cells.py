"""Trainings that are killed, and gone on with in a new process that has other random numbers: the losses and weights must not differ.

    python tests/training/resume_cells.py          16 cells, as the suite runs them
    python tests/training/resume_cells.py --all    256: every setting by every end by every place

Each run is a child of one warm process, which has imported everything and has computed nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from layergraph import archive, callbacks, optimizers
from layergraph.training import Compiled, fit

FEATURES = ("dropout", "norm", "schedule", "accumulation", "ema", "shuffle", "workers", "bf16")
ENDS = ("SIGKILL", "SIGTERM", "Ctrl-C", "exception")
PLACES = ("epoch end", "mid-epoch", "validation", "after the last batch")
EPOCHS, STEPS, BATCH = 4, 5, 8


def settings():
    """16 of the 2**8 settings, in which each two features occur in each of their four combinations."""
    rows = []
    for a, b, c, d in itertools.product((0, 1), repeat=4):
        bits = (a, b, c, d, a ^ b, b ^ c ^ d, a ^ c ^ d, a ^ b ^ c ^ d)
        rows.append({name: bool(bit) for name, bit in zip(FEATURES, bits, strict=True)})
    return rows


class Net(nn.Module):
    def __init__(self, row):
        super().__init__()
        self.bf16 = row["bf16"]
        middle = [nn.BatchNorm1d(16)] if row["norm"] else []
        middle += [nn.ReLU(), *([nn.Dropout(0.5)] if row["dropout"] else [])]
        self.stack = nn.Sequential(nn.Linear(6, 16), *middle, nn.Linear(16, 3))

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return self.stack(x).float()


class Noisy(TensorDataset):
    """Augments with the random numbers of the process that reads: the worker, or the one that trains."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(x.shape), y


class Ender(callbacks.Callback):
    """Ends the process in the second epoch, in the way and at the place that are asked for."""

    def __init__(self, end, place):
        super().__init__()
        self.end, self.place, self.now = end, place, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.at("mid-epoch" if batch == 2 else "after the last batch" if batch == STEPS - 1 else None)

    def on_test_batch_end(self, batch, logs=None):
        self.at("validation" if batch == 1 else None)

    def on_epoch_end(self, epoch, logs=None):
        self.at("epoch end")

    def at(self, place):
        if self.now != 1 or place is None or place != self.place:
            return
        if self.end == "exception":
            raise RuntimeError("planted")
        os.kill(os.getpid(), {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}[self.end])


class Diary(callbacks.Callback):
    """Writes what each step and each epoch gave, to a file that a kill does not empty."""

    def __init__(self, path):
        super().__init__()
        self.file, self.epoch = open(path, "a"), 0  # noqa: SIM115 (the process may die)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.write([self.epoch, batch], logs)

    def on_epoch_end(self, epoch, logs=None):
        self.write([epoch, "end"], logs)

    def write(self, place, logs):
        self.file.write(json.dumps([place, {name: float(value).hex() for name, value in logs.items()}]) + "\n")
        self.file.flush()


def train(row, number, seed, folder, diary, end=None, place=None):
    """One process's share of a training; what it ends with, if it ends."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    rate = optimizers.schedules.ExponentialDecay(0.02, 7, 0.8) if row["schedule"] else 0.02
    options = {"clipnorm": 0.5}
    if row["accumulation"]:
        options["gradient_accumulation_steps"] = 2
    if row["ema"]:
        options.update(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7)
    compiled = Compiled(optimizers.Adam(rate, **options), "mse", metrics=["mae"])
    values = np.random.default_rng(0)
    x, y = values.random((BATCH * STEPS - 3, 6), "float32"), values.random((BATCH * STEPS - 3, 3), "float32")
    extra = [callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)]
    if not row["schedule"]:
        extra.append(callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.9))
    backup = callbacks.BackupAndRestore(folder, save_freq="epoch" if number % 2 else 2, double_checkpoint=number % 3 == 0)
    data = {"x": x, "y": y, "batch_size": BATCH, "shuffle": row["shuffle"]}
    if number % 4 > 1 or row["workers"]:
        dataset = Noisy(torch.from_numpy(x), torch.from_numpy(y))
        data = {"x": DataLoader(dataset, BATCH, shuffle=row["shuffle"], num_workers=2 * row["workers"])}
    model = Net(row)
    history = fit(
        model,
        compiled,
        **data,
        epochs=EPOCHS,
        verbose=0,
        validation_data=(x[:20], y[:20]),
        validation_batch_size=5,
        callbacks=[backup, *extra, Diary(diary), Ender(end, place)],
    )
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    tensors, text = archive.flatten_state(compiled.optimizer.state_dict())
    digest.update(text.encode())
    for value in tensors.values():
        digest.update(value.numpy().tobytes())
    told = {name: [float(value).hex() for value in values] for name, values in history.history.items()}
    return {"weights": digest.hexdigest(), "history": told, "epochs": history.epoch}


def child(*arguments):
    """(how a process ended, what `train` gave): in a child that starts from here."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        os.close(read)
        code = 1
        try:
            os.write(write, json.dumps(train(*arguments)).encode())
            code = 0
        except KeyboardInterrupt:
            code = 130
        except SystemExit as error:
            code = error.code
        except RuntimeError as error:
            told = [note[:13] for note in error.__notes__] == ["in callbacks["]
            code = 2 if str(error) == "planted" and told else 1
            if code == 1:
                traceback.print_exc()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def steps(path):
    """What was written for each place, all of it."""
    found = {}
    for line in Path(path).read_text().splitlines():
        place, logs = json.loads(line)
        found.setdefault(json.dumps(place), []).append(logs)
    return found


def cell(row, number, end, place, whole, folder):
    """What is wrong with a training that was ended so; None if nothing is."""
    backup, diary = os.path.join(folder, "backup"), os.path.join(folder, "diary")
    code, _ = child(row, number, 11, backup, diary, end, place)
    wanted = {"SIGKILL": -9, "SIGTERM": 143, "Ctrl-C": 130, "exception": 2}[end]
    if code != wanted:
        return f"it ended with {code}, wanted {wanted}"
    before = len(Path(diary).read_text().splitlines())
    code, result = child(row, number, 77, backup, diary)
    if code != 0:
        return f"it did not go on: {code}"
    if before == 0 or len(Path(diary).read_text().splitlines()) - before > (EPOCHS - 1) * (STEPS + 1):
        return "it began anew"
    if os.path.exists(backup):
        return "its files were left"
    expected, found = whole["steps"], steps(diary)
    if found.keys() != expected.keys():
        return f"other steps: {sorted(found.keys() ^ expected.keys())}"
    for where, logs in expected.items():
        if any(one != logs[0] for one in found[where]):
            return f"at {where}: {found[where]} instead of {logs[0]}"
    if result != whole["result"]:
        return f"{result} instead of {whole['result']}"
    return None


def cells(every):
    """(number of the setting, end, place) of each cell."""
    if every:
        return [(number, end, place) for number in range(16) for end in ENDS for place in PLACES]
    return [(4 * i + j, ENDS[i], PLACES[j]) for i in range(4) for j in range(4)]


def main(every):
    """Prints a line of JSON for each cell: its number, end, place, and what is wrong."""
    wholes, rows = {}, settings()
    for number, end, place in cells(every):
        with tempfile.TemporaryDirectory() as folder:
            if number not in wholes:
                diary = os.path.join(folder, "whole")
                code, result = child(rows[number], number, 11, os.path.join(folder, "unused"), diary)
                assert code == 0, f"the undisturbed run of {rows[number]} ended with {code}"
                wholes[number] = {"steps": steps(diary), "result": result}
            wrong = cell(rows[number], number, end, place, wholes[number], folder)
        print(json.dumps([number, end, place, wrong]), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # (imports much, once for all children)
    main("--all" in sys.argv)
