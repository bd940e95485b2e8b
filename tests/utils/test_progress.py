"""The progress bar for loops of one's own."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from layergraph import session
from layergraph.errors import ArgumentError
from layergraph.utils import Progbar


class Terminal:
    """A standard output that is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def line(text: str) -> str:
    return re.sub(r"- [\d.]+(s|ms|us)/", "- T/", text)


def test_a_line_where_no_bar_can_be_drawn(capsys):
    bar = Progbar(3)
    for step in range(1, 4):
        bar.update(step, [("loss", 1.0 / step)])
    assert line(capsys.readouterr().out) == "3/3 - 0s - T/step - loss: 0.3333\n"


def test_values_are_means_until_the_end(capsys):
    bar = Progbar(None, verbose=2, stateful_metrics=["rate"], unit_name="sample")
    bar.update(2, [("loss", 4.0), ("rate", 1.0)])
    bar.add(2, [("loss", 2.0), ("rate", 2.0)])
    bar.update(4, finalize=True)
    assert line(capsys.readouterr().out) == "4/4 - 0s - T/sample - loss: 3.0000 - rate: 2.0000\n"
    bar = Progbar(4, verbose=2, stateless_metrics=["loss"])
    bar.update(2, [("loss", 4.0), ("rate", 1.0)])
    bar.add(1, [("loss", 1.0), ("rate", 2.0)])
    bar.add(1)
    assert line(capsys.readouterr().out) == "4/4 - 0s - T/step - loss: 3.0000 - rate: 2.0000\n"


def test_silence(capsys):
    Progbar(1, verbose=0).update(1, [("loss", 1.0)])
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    bar = Progbar(2, interval=0.0)
    bar.update(1, [("loss", 0.5)])
    assert " 50%" in terminal.text
    assert "1/2" in terminal.text
    assert "loss: 0.5000" in terminal.text
    bar.update(2, [("loss", 0.25)])
    assert "100%" in terminal.text
    assert terminal.text.endswith("\n")


def test_logged_where_interactive_logging_is_disabled(caplog, capsys):
    session.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "layergraph"):
            Progbar(1).update(1)
    finally:
        session.enable_interactive_logging()
    assert [line(message) for message in caplog.messages] == ["1/1 - 0s - T/step"]
    assert capsys.readouterr().out == ""


def test_only_one_of_the_two_kinds():
    with pytest.raises(ArgumentError, match="only one of `stateful_metrics` and `stateless_metrics` can be given"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])
