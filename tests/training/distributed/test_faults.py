"""A process that is lost, stops or fails: the others leave with an error that says so, and nobody hangs."""

from __future__ import annotations

import os
import re
import signal

from .launching import launch


def test_a_killed_process_is_told(tmp_path):
    run = launch("faults.py", "killed", str(tmp_path), limit=60)
    assert run.codes == [3, -signal.SIGKILL], run.told
    told = r"fit: process 0 of 2 has lost the others: .*(Connection closed by peer|Connection reset by peer|Broken pipe)"
    assert re.search(told, run.texts[0]), run.told
    assert "fix: start a fresh job" in run.texts[0]
    assert "fit: this process has left the others after an error" in run.texts[0]
    assert run.seconds < 30


def test_an_exception_is_that_of_its_process_and_told_to_the_others(tmp_path):
    """Before it the process is slow, and is waited for."""
    run = launch("faults.py", "raises", str(tmp_path), limit=60)
    assert run.codes == [3, 1], run.told
    assert 'KeyError: "a bug of the user\'s"' in run.texts[1] or "a bug of the user's" in run.texts[1]
    assert "in process 1 of 2; the others leave too" in run.texts[1]
    assert "fit: process 0 of 2 has lost the others" in run.texts[0]
    assert "process 1 left with KeyError" in run.texts[0]
    assert (tmp_path / "began0").exists()
    assert run.seconds < 30


def test_a_stopped_process_is_given_up_after_the_time_that_was_set(tmp_path):
    def free(processes) -> None:
        processes[0].wait(60)
        os.killpg(processes[1].pid, signal.SIGKILL)

    run = launch("faults.py", "stopped", str(tmp_path), limit=60, during=free, LAYERGRAPH_TIMEOUT="4")
    assert run.codes == [3, -signal.SIGKILL], run.told
    seconds = re.search(r"after (\S+) s: fit: process 0 of 2 has lost the others: Timed out waiting 4000ms", run.texts[0])
    assert seconds, run.told
    assert 4 <= float(seconds[1]) < 20


def test_a_process_that_never_comes_is_not_waited_for_long(tmp_path):
    run = launch("faults.py", "none", str(tmp_path), processes=1, limit=60, WORLD_SIZE="2", LAYERGRAPH_TIMEOUT="3")
    assert run.codes == [3], run.told
    assert "process 0 of 2 could not meet the others at 127.0.0.1" in run.texts[0]
