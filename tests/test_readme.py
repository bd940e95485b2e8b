"""The README holds what it says: its code runs and prints what stands there, and its commands are the ones that CI runs."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import textwrap
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^ *```(\w+)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def command_under(heading: str) -> str:
    """The first fenced block under a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", README, flags=re.MULTILINE)[1]
    return FENCE.search(section)[3]


def test_the_code_runs_in_order_and_prints_what_stands_below_it():
    scope, printed, checked = {"__name__": "readme"}, "", 0
    torch.manual_seed(0)
    for language, mark, body in FENCE.findall(README):
        if language != "python":
            continue
        body = textwrap.dedent(body).strip()
        if mark.strip() == "output":
            assert printed.strip() == body
            checked += 1
            continue
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(body, "README.md", "exec"), scope)
        printed = stream.getvalue()
    assert checked == 4


@pytest.mark.parametrize(
    ("heading", "runs"),
    [("Run the main job", "python examples/digits.py"), ("Run the tests", "python -m pytest -n 2")],
)
def test_a_newcomer_needs_one_line(heading, runs):
    command = command_under(heading)
    assert command.count("\n") == 1
    assert command.startswith("python -m pip install -c .github/constraints.txt -e ")
    assert command.rstrip().endswith(runs)


def test_ci_runs_the_test_command_of_the_readme():
    shown = subprocess.run(["bash", str(ROOT / ".ci" / "run"), "--show"], capture_output=True, text=True, check=True)
    assert shown.stdout == command_under("Run the tests")


def test_the_tested_torch_is_pinned():
    assert "torch==2.13.0" in (ROOT / ".github" / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_actions_are_pinned_by_hash(workflow):
    uses = re.findall(r"uses: (.*)", workflow.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), action
