"""The example, started alone and by the launchers that people use: the same losses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

from .launching import ROOT, environment, free_port

EXAMPLE = str(ROOT / "examples" / "torchrun.py")


def run(*command: str, **variables: str) -> str:
    """What a command prints; after a minute it is killed with all that it has started."""
    arguments = [sys.executable, *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment(**variables), start_new_session=True
    ) as process:
        try:
            text, _ = process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            raise AssertionError(f"{command} took too long:\n{text}") from None
    assert process.returncode == 0, text
    return text


def losses(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"loss (\d\.\d+)", text)]


def test_the_example_says_the_same_however_it_is_launched():
    alone = run(EXAMPLE)
    assert "launched alone, 1 process(es)" in alone
    assert re.search(r"accuracy 0\.[89]", alone), alone
    torchrun = run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", EXAMPLE)
    assert torchrun.count("launched by torchrun, 2 process(es)") == 1, torchrun
    options = ("--num_processes", "2", "--main_process_port", str(free_port()))
    accelerate = run("-m", "accelerate.commands.launch", "--multi_gpu", *options, EXAMPLE)  # so it is called without GPUs too
    assert accelerate.count("launched by accelerate launch, 2 process(es)") == 1, accelerate
    assert len(losses(alone)) == 7
    for told in (torchrun, accelerate):
        assert max(abs(a - b) for a, b in zip(losses(told), losses(alone), strict=True)) < 2e-4, told + alone


def test_accelerate_starts_one_process_on_the_cpu(tmp_path):
    """`--cpu --num_processes 2` starts a single one, unless by MPI (accelerate 1.15): such a script trains alone."""
    script = tmp_path / "said.py"
    script.write_text("import os; print('said', os.environ.get('WORLD_SIZE'))")
    text = run("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", str(script))
    assert re.findall("said .*", text) == ["said None"], text
