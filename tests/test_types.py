"""What type checkers are told of the public calls. `pyright` checks it (tests/types); here it is run."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

TYPES = Path(__file__).parent / "types"


def test_right_uses_run():
    runpy.run_path(str(TYPES / "right_uses.py"))


def wrong_uses():
    """(preamble, line) for each line that a checker must refuse."""
    text = (TYPES / "wrong_uses.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    wrong = [node for node in tree.body if "# pyright: ignore" in text.splitlines()[node.lineno - 1]]
    preamble = "\n".join(ast.unparse(node) for node in tree.body if node not in wrong)
    return [pytest.param(preamble, ast.unparse(node), id=ast.unparse(node)) for node in wrong]


@pytest.mark.parametrize(("preamble", "line"), wrong_uses())
def test_wrong_uses_raise(preamble, line):
    names = {}
    exec(preamble, names)
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        exec(line, names)
