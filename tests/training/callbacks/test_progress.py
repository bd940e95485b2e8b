"""The progress bar: lines, the bar in a terminal and in a notebook, its width, what others print, its cost."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap
import timeit
import types

import numpy as np
import pytest
from torch import nn

from layergraph import callbacks, config
from layergraph.training import Compiled, evaluate, fit, predict
from layergraph.training.callbacks import progress
from layergraph.training.callbacks.bar import line
from layergraph.training.callbacks.progress import numbers, tell

X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


def test_a_line_for_each_epoch_where_no_bar_can_be_drawn(capsys):
    fit(nn.Linear(2, 1), Compiled("sgd", "mse", metrics=["mae"]), X, Y, 4, epochs=2, validation_split=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("1/1 - 0s - ")
    assert [part.split(":")[0] for part in lines[1].split(" - ")[3:]] == ["loss", "mae", "val_loss", "val_mae"]
    assert len(lines) == 4
    evaluate(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y)
    assert capsys.readouterr().out.startswith("1/1 - 0s - ")
    predict(nn.Linear(2, 1), X)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0)
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_terminal(monkeypatch):
    """In the test itself: pytest puts its own stdout back after the fixtures."""
    found = Terminal()
    monkeypatch.setattr(sys, "stdout", found)
    return found


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_a_bar_on_a_terminal(monkeypatch, verbose):
    terminal = a_terminal(monkeypatch)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 1, epochs=2, verbose=verbose)
    last = terminal.getvalue().strip("\n").split("\n")[-1].split("\r")[-1]
    assert re.fullmatch(r"Epoch 2/2: 100%\|#{20}\| 6/6 \[00:00, \d+[mu]s/step\] loss: \d\.\d{4}", last)


def test_verbose_2_is_keras_line_on_a_terminal_too(monkeypatch):
    terminal = a_terminal(monkeypatch)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 1, epochs=2, verbose=2)
    text = re.sub(r"\d+[mu]s/step - loss: \S+", "...", terminal.getvalue())
    assert text == "Epoch 1/2\n6/6 - 0s - ...\nEpoch 2/2\n6/6 - 0s - ...\n"


def test_a_logger_of_the_users_obeys_verbose(monkeypatch):
    terminal = a_terminal(monkeypatch)
    for verbose, start in ((0, ""), (1, "\rEpoch 1/1:"), (2, "1/1 - 0s")):
        terminal.truncate(0)
        terminal.seek(0)
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=verbose, callbacks=[callbacks.ProgbarLogger()])
        assert terminal.getvalue()[: len(start)] == start
        assert bool(terminal.getvalue()) == bool(verbose)


def test_a_bar_is_closed_after_an_error(monkeypatch):
    terminal = a_terminal(monkeypatch)
    bar = callbacks.ProgbarLogger()

    def fail(*_):
        raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, callbacks=[bar, callbacks.LambdaCallback(on_train_batch_end=fail)])
    assert bar.bar is None
    assert not list(progress._open)
    assert terminal.getvalue().endswith("\n")
    assert "1/1" in terminal.getvalue().strip("\n").split("\n")[-1].split("\r")[-1]


def test_who_prints_gets_a_line(monkeypatch):
    terminal = a_terminal(monkeypatch)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    stop = callbacks.EarlyStopping("loss", mode="max", verbose=1, patience=0)
    speak = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: print("mine", epoch),
        on_epoch_begin=lambda epoch, logs: print("begin", epoch),
        on_test_end=lambda logs: tell("\ntested"),
    )
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 2, epochs=2, callbacks=[stop, speak], validation_data=(X, Y))
    lines = [each.split("\r")[-1] for each in terminal.getvalue().strip("\n").split("\n")]
    shown = [each[:10] for each in lines if each.strip()]
    assert shown == ["begin 0", "tested", "mine 0", "Epoch 1/2:", "begin 1", "tested", "mine 1", "Epoch 2/2:", "Epoch 2: e"]
    assert "validation: 3/3" in terminal.getvalue()


def test_a_training_within_a_training(monkeypatch):
    terminal = a_terminal(monkeypatch)

    def inner(epoch, logs):
        evaluate(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y)

    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 2, epochs=2, callbacks=[callbacks.LambdaCallback(on_epoch_end=inner)])
    done = [each for each in re.split(r"[\r\n]", terminal.getvalue()) if "100%" in each and "loss" in each]
    assert [each.split(":")[0] for each in done][-2:] == ["evaluate", "Epoch 2/2"]


def test_a_length_that_is_not_known_is_known_after_the_first_epoch(monkeypatch):
    terminal = a_terminal(monkeypatch)

    logger = callbacks.ProgbarLogger()
    events = callbacks.CallbackList([logger], verbose=1, epochs=2, steps=None)
    events.on_train_begin()
    for epoch in range(2):
        events.on_epoch_begin(epoch)
        for batch in range(3):
            events.on_batch_end(batch, {"loss": 1.0})
        events.on_epoch_end(epoch, {"loss": 1.0})
    events.on_train_end()
    events.close()
    first, second = (each.split("\r") for each in terminal.getvalue().strip("\n").split("\n"))
    assert first[1].startswith("Epoch 1/2: 0 [00:00]")
    assert second[1].startswith("Epoch 2/2:   0%|")
    assert "3/3" in first[-1]


def test_logging_instead_of_printing(monkeypatch, caplog):
    terminal = a_terminal(monkeypatch)
    config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="layergraph"):
            fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y)
    finally:
        config.enable_interactive_logging()
    assert terminal.getvalue() == ""
    assert caplog.messages[0].startswith("1/1 - 0s - ")


@pytest.mark.parametrize("widgets", [True, False])
def test_in_a_notebook(monkeypatch, capsys, widgets):
    """A bar of tqdm.notebook where ipykernel is loaded, or the line where there are no ipywidgets."""
    made = []

    class Notebook:
        def __init__(self, **given):
            if not widgets:
                raise ImportError("IProgress not found")
            made.append(self)
            self.given, self.n, self.total, self.text, self.closed = given, 0, given["total"], "", False

        def set_postfix_str(self, text, refresh=True):
            self.text = text

        def refresh(self): ...

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    notebook = types.ModuleType("tqdm.notebook")
    notebook.tqdm = Notebook
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, 2)
    if widgets:
        bar = made[0]
        assert (bar.given["desc"], bar.n, bar.total, bar.closed) == ("Epoch 1/1", 3, 3, True)
        assert bar.text.startswith("loss: ")
        assert capsys.readouterr().out == ""
    else:
        assert "Epoch 1/1: 100%|" in capsys.readouterr().out


def test_numbers():
    assert numbers({"loss": 0.25, "mae": 1e-4, "r2": -0.5}) == "loss: 0.2500 - mae: 1.0000e-04 - r2: -0.5000"


LONG = " - ".join(f"metric_{i}: {i}.0000" for i in range(12))


@pytest.mark.parametrize("total", [None, 600])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200, 400])
def test_no_line_is_wider_than_the_terminal(width, total):
    text = line("Epoch 12/100", 123, total, 12.3, "step", LONG, width, False)
    assert len(text) < width
    assert ("metric_11" in text) == (width == 400)
    if width >= 80:
        assert "metric_0: 0.0000" in text
    if width < 400:
        assert text.endswith("...") or width < 40


def test_what_is_done_is_shown_whole():
    assert line("Epoch 1/1", 3, 3, 1.0, "step", LONG, 40, False, done=True).endswith("metric_11: 11.0000")


def test_the_bar_looks_ten_times_a_second_at_most(monkeypatch):
    """Each look at the logs waits for the device."""
    a_terminal(monkeypatch)
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    reads = []

    class Logs(dict):
        def items(self):
            reads.append(now[0])
            return super().items()

    logger = callbacks.ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1, "steps": 10_000})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    for batch in range(10_000):
        now[0] += 0.001
        logger.on_train_batch_end(batch, Logs(loss=1.0))
    logger.close()
    assert 95 <= len(reads) <= 100


def test_a_step_costs_little(monkeypatch):
    """Between two looks it costs far less than the two microseconds that a step of training may lose."""
    a_terminal(monkeypatch)
    logger = callbacks.ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1, "steps": 10**9})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    logs = {"loss": 1.0}
    best = min(timeit.repeat(lambda: logger.on_train_batch_end(1, logs), number=10_000, repeat=5)) / 10_000
    logger.close()
    assert best < 2e-6


PROGRAM = """
import numpy as np, torch
from layergraph.training import Compiled, fit
x, y = np.ones((60, 2), "float32"), np.ones((60, 1), "float32")
fit(torch.nn.Linear(2, 1), Compiled("sgd", "mse", metrics=["mae", "mape", "accuracy"]), x, y, 1, epochs=2, validation_data=(x, y))
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_in_a_real_terminal():
    """Sixty columns wide: every line that is redrawn fits, and the last one of each epoch is whole."""
    import fcntl
    import struct
    import termios

    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], stdout=inner, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    os.close(inner)
    parts = []
    while True:
        try:
            part = os.read(outer, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(outer)
    assert process.wait(timeout=60) == 0, process.stderr.read()
    process.stderr.close()
    text = b"".join(parts).decode()
    lines = [each for each in text.replace("\r\n", "\n").split("\n") if each]
    assert [each.split("\r")[-1].split(":")[0] for each in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("val_accuracy: " in each.split("\r")[-1] for each in lines)
    assert all(len(drawn) <= 60 for each in lines for drawn in each.split("\r")[:-1])
