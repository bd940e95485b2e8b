"""Starts a script in several processes, as torchrun does, under a hard time limit; and what such scripts share."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Run:
    """What the processes gave: exit codes and all they wrote, by rank."""

    def __init__(self, codes: list[int | None], texts: list[str], seconds: float):
        self.codes = codes
        self.texts = texts
        self.seconds = seconds

    @property
    def told(self) -> str:
        parts = [f"--- rank {i}, exit code {code}\n{text}" for i, (code, text) in enumerate(zip(self.codes, self.texts, strict=True))]
        return f"after {self.seconds:.1f} s\n" + "\n".join(parts)


def environment(**more: str) -> dict[str, str]:
    """Of a process that is launched: nothing of a launcher's that this one may have, one thread, this checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ACCELERATE_", "FSDP_", "TORCHELASTIC_")) and k not in _LAUNCHED}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "CUDA_VISIBLE_DEVICES": "", **more}


_LAUNCHED = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(
    script: str | Path,
    *arguments: str,
    processes: int = 2,
    limit: float = 90,
    during: Callable[[list[subprocess.Popen[bytes]]], Any] | None = None,
    **variables: str,
) -> Run:
    """Runs `script` in so many processes, on a free port of 127.0.0.1; after `limit` seconds all of them are killed.

    Args:
        during: is given the processes once they run.
    """
    port = str(free_port())
    started: list[subprocess.Popen[bytes]] = []
    begin = time.monotonic()
    with TemporaryDirectory() as folder:
        files = [open(Path(folder) / str(rank), "w+b") for rank in range(processes)]  # noqa: SIM115 (closed below)
        try:
            for rank in range(processes):
                own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
                env = environment(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, **{**own, **variables})
                command = [sys.executable, str(script if Path(script).is_absolute() else HERE / script), *arguments]
                process = subprocess.Popen(command, stdout=files[rank], stderr=subprocess.STDOUT, env=env, start_new_session=True)
                started.append(process)
            if during is not None:
                during(started)
            for process in started:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, begin + limit - time.monotonic()))
        finally:
            codes = [process.poll() for process in started]
            for process in started:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            texts = [Path(file.name).read_bytes().decode(errors="replace") for file in files]
            for file in files:
                file.close()
    return Run(codes, texts, time.monotonic() - begin)


def ran(run: Run) -> Run:
    """The run, if every process ended well."""
    assert run.codes == [0] * len(run.codes), run.told
    return run


def check_all(checks: Sequence[Callable[[], None]]) -> None:
    """What a launched script does: every check in turn, up to the first that fails, which ends it with 1."""
    failed = False
    for check in checks:
        begin = time.monotonic()
        try:
            check()
            print(f"ok {check.__name__} {time.monotonic() - begin:.2f} s")
        except BaseException:
            failed = True
            print(f"FAILED {check.__name__}")
            traceback.print_exc()
            break
    sys.stdout.flush()
    os._exit(int(failed))  # at once: a failed process must not wait for the others
