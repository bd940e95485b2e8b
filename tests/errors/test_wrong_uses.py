"""A catalogue of wrong (and rightly unusual) uses: the type of each error, what it must say, the user's line, and its text."""

from __future__ import annotations

import builtins
import re

import pytest

from .catalogue import ROWS, code_of_row, golden, raised_by, run, said, uses

TEXTS = golden()
USES = uses()


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "ok"], ids=lambda row: row["id"])
def test_an_unusual_use_works(row):
    run(code_of_row(row), f"<{row['id']}>")


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "error"], ids=lambda row: row["id"])
def test_a_wrong_use_is_told(row):
    error = raised_by(code_of_row(row), f"<{row['id']}>")
    assert isinstance(error, tuple(getattr(builtins, name) for name in row["ideal_error_type"].split("|")))
    text = "\n".join([str(error), *getattr(error, "__notes__", [])])
    prose = re.sub(r'(File "[^"]*", line \d+|\S+:\d+\b|\bline \d+)', " ", text)  # line numbers must not stand in for sizes
    for word in row["must_mention"]:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)" if len(word) < 3 else re.escape(word), prose, re.IGNORECASE), text
    here = [number for number, line in enumerate(row["code"].splitlines(), 1) if "# <-- HERE" in line]
    assert not row["must_point_to_line"] or not here or any(re.search(rf":{number}\b", text) for number in here), text


def test_every_use_has_its_text():
    assert list(TEXTS) == list(USES)


@pytest.mark.parametrize("name", USES)
def test_the_text_in_full(name):
    """After a change: `python -m tests.errors.catalogue`, and read the difference as prose."""
    code, file = USES[name]
    error = raised_by(code, file)
    assert said(error) == TEXTS[name]
    assert len(said(error)) <= 1200
    assert len(said(error).splitlines()) <= 12
    assert re.search(rf"{re.escape(file)}:\d+", said(error)), "it must name a line of the user's"
