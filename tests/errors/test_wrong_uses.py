"""A catalogue of wrong (and rightly unusual) uses: the type of each error, what it must say, and that it names the user's line."""

from __future__ import annotations

import builtins
import json
import linecache
import pathlib
import re
import warnings

import pytest

ROWS = json.loads(pathlib.Path(__file__).with_name("wrong_uses.json").read_text())


def run(row: dict) -> None:
    """Run a row's code as a file of its own, so that its lines can be found."""
    code = re.sub(r"\bPKG\b", "layergraph", row["code"])
    name = f"<{row['id']}>"
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        exec(compile(code, name, "exec"), {"__name__": "__main__"})


def said(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "ok"], ids=lambda row: row["id"])
def test_an_unusual_use_works(row):
    run(row)


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "error"], ids=lambda row: row["id"])
def test_a_wrong_use_is_told(row):
    kinds = tuple(getattr(builtins, name) for name in row["ideal_error_type"].split("|"))
    with pytest.raises(kinds) as caught:
        run(row)
    text = said(caught.value)
    prose = re.sub(r'(File "[^"]*", line \d+|\S+:\d+\b|\bline \d+)', " ", text)  # line numbers must not stand in for sizes
    for word in row["must_mention"]:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)" if len(word) < 3 else re.escape(word), prose, re.IGNORECASE), text
    here = [number for number, line in enumerate(row["code"].splitlines(), 1) if "# <-- HERE" in line]
    assert not row["must_point_to_line"] or not here or any(re.search(rf":{number}\b", text) for number in here), text
    assert len(text) <= 1200
    assert len(text.splitlines()) <= 12
