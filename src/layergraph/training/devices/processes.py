"""The processes that work on one model: who they are, how they agree, and what happens when one of them is lost.

What they tell each other is tensors and JSON, never pickle: no collective of torch's that carries objects is used.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import hashlib
import importlib
import importlib.util
import json
import os
import re
import socket
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ...errors import ArgumentError, MissingExtraError, ProcessError
from ...session import quiet
from . import launched

TIMEOUT = "LAYERGRAPH_TIMEOUT"  # the environment variable: seconds after which a process that does not answer is given up
_SECONDS = 60.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_alone: ContextVar[bool] = ContextVar("layergraph_alone", default=False)
_store: dist.Store | None = None  # of the group that was made here; processes leave notes in it
_left = False  # whether this process has left its group after an error


@contextlib.contextmanager
def alone() -> Generator[None]:
    """`evaluate`, `predict` and `fit` within are of this process only: for code that only one of the processes runs.

    >>> with alone():
    ...     pass  # if torch.distributed.get_rank() == 0: model.evaluate(x, y)
    """
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def is_alone() -> bool:
    """Whether this is within `alone`."""
    return _alone.get()


def join(distribute: str | bool = "auto", who: str = "fit") -> Group | None:
    """The processes that this one works with; None where it works alone. All of them must call it.

    Args:
        distribute: 'auto' ('fsdp2' where `accelerate launch --use_fsdp` says so, else 'ddp'), 'ddp', 'fsdp2'; False to work alone.

    Raises:
        MissingExtraError: accelerate is not installed.
        ProcessError: the others did not come within `LAYERGRAPH_TIMEOUT` seconds (60).
    """
    if distribute is False or launched() < 2 or _alone.get():
        return None
    if importlib.util.find_spec("accelerate") is None:
        raise MissingExtraError(
            f"{who} in {launched()} processes needs accelerate, which is not installed",
            'pip install "layergraph[train]", or compile(..., distribute=False) to work in each process alone',
        )
    if _left:
        raise ProcessError(f"{who}: this process has left the others after an error", "start a fresh job")
    kind = _kind(distribute)
    cpu = not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    if not dist.is_initialized():
        _start(cpu)
    return Group(kind, _accelerator(cpu))


def _kind(distribute: str | bool) -> str:
    if distribute != "auto":
        return str(distribute)
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() not in ("1", "true"):
        return "ddp"
    version = os.environ.get("FSDP_VERSION", "1")
    if version != "2":
        raise ArgumentError(
            f"accelerate launch --use_fsdp asks for FSDP version {version}", "accelerate launch --use_fsdp --fsdp_version 2"
        )
    return "fsdp2"


def _accelerator(cpu: bool) -> Any:
    """accelerate's view of the processes, or None where a group was made by hand, which accelerate does not see."""
    if "LOCAL_RANK" not in os.environ:
        return None
    accelerate: Any = importlib.import_module("accelerate")
    known = bool(accelerate.PartialState._shared_state)  # the script may have made an Accelerator: it decides then
    return accelerate.Accelerator() if known else accelerate.Accelerator(cpu=cpu)


def _start(cpu: bool) -> None:
    """Makes the process group that the launcher has prepared; on one machine nothing listens beyond 127.0.0.1."""
    global _store
    host, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT") or 29500)
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    served = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # the launcher holds the store
    timeout = timedelta(seconds=float(os.environ.get(TIMEOUT) or _SECONDS))
    local = host in _LOOPBACK
    try:
        listening = _listening(port) if local and not served and rank == 0 else None
        tcp = dist.TCPStore(
            "127.0.0.1" if local and not served else host,
            port,
            size,
            is_master=rank == 0 and not served,
            timeout=timeout,
            wait_for_workers=False,
            master_listen_fd=listening,
        )
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        _store = dist.PrefixStore(f"layergraph/{attempt}", tcp)
        with _interface("lo0" if sys.platform == "darwin" else "lo") if local else contextlib.nullcontext():
            atexit.register(_end)
            dist.init_process_group("gloo" if cpu else None, store=_store, rank=rank, world_size=size, timeout=timeout)
    except (RuntimeError, OSError) as error:
        raise ProcessError(
            f"process {rank} of {size} could not meet the others at {host}:{port}: {_line(error)}", "start a fresh job"
        ) from error


def _end() -> None:
    """Before the interpreter goes: threads of a group that is still there would be cut off, and with them the exit code."""
    global _store
    if _store is not None and dist.is_initialized():
        gc.collect()  # what still holds the group, in a cycle: an error with its frames, say
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()
    _store = None


def _listening(port: int) -> int:
    """A socket that only processes of this machine can reach."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(128)
    return server.detach()


@contextlib.contextmanager
def _interface(name: str) -> Generator[None]:
    """gloo reads where to listen from the environment, once, while a group is made."""
    if "GLOO_SOCKET_IFNAME" in os.environ:
        yield
        return
    os.environ["GLOO_SOCKET_IFNAME"] = name
    try:
        yield
    finally:
        del os.environ["GLOO_SOCKET_IFNAME"]


class Group:
    """The processes that work together, seen from one of them. Each method must be called by all of them, in the same order.

    Args:
        kind: 'ddp' or 'fsdp2'.
        accelerator: accelerate's `Accelerator`, or None.
    """

    def __init__(self, kind: str, accelerator: Any):
        self.kind = kind
        self.accelerator = accelerator
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self.afterwards: list[Callable[[], None]] = []  # what is to be put back when the work is done
        device: Any = None if accelerator is None else accelerator.device
        self.device: torch.device | None = device
        # small messages go over gloo where it is there: nobody waits for a GPU then
        gloo = "cpu:" in str(dist.get_backend_config()) or device is None
        self.wire = torch.device("cpu") if gloo else device

    @property
    def first(self) -> bool:
        """Whether this process is the one that talks and writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, entry by entry."""
        sent = values.to(self.wire, copy=True)
        dist.all_reduce(sent)
        return sent.to(values.device)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return bool(self.total(torch.tensor(int(flag))))

    def from_first(self, values: Tensor) -> Tensor:
        """What the first process has."""
        sent = values.to(self.wire, copy=True)
        dist.broadcast(sent, 0)
        return sent.to(values.device)

    def tell(self, value: Any) -> Any:
        """What the first process says: anything that JSON holds. The others' value is not looked at."""
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8) if self.first else torch.empty(0)
        size = int(self.from_first(torch.tensor(data.numel())))
        data = self.from_first(data if self.first else torch.empty(size, dtype=torch.uint8))
        return json.loads(bytes(data.numpy()))

    def each(self, values: Tensor) -> list[Tensor]:
        """What every process has, in order; shapes and dtypes are the same."""
        sent = values.to(self.wire)
        found = [torch.empty_like(sent) for _ in range(self.size)]
        dist.all_gather(found, sent.contiguous())
        return [one.to(values.device) for one in found]

    def same(self, value: Any) -> bool:
        """Whether all processes have the same; anything that JSON holds."""
        digest = int.from_bytes(hashlib.sha256(json.dumps(value).encode()).digest()[:7], "big")
        return len({int(one) for one in self.each(torch.tensor(digest))}) == 1

    # --- while they work

    def work(self, who: str, function: Callable[[], Any]) -> Any:
        """Calls what they do together: only the first one talks, and each draws random numbers of its own.

        The first one draws what it would draw alone; afterwards all go on from where it is.

        Raises:
            ProcessError: another process was lost, or did not answer in time.
        """
        try:
            with contextlib.nullcontext() if self.first else quiet():
                self._own_stream()
                result = function()
                self._common_stream()
                return result
        except Exception as error:
            lost = _lost(error)
            if lost is None:
                error.add_note(f"in process {self.rank} of {self.size}; the others leave too")
                self._leave(f"left with {type(error).__name__}: {_line(error)}")
                raise
            notes = self._notes()
            self._leave(f"lost the others: {lost}")
            raise ProcessError(
                f"{who}: process {self.rank} of {self.size} has lost the others: {lost}",
                "start a fresh job, which goes on from the last checkpoint if BackupAndRestore is among its callbacks",
                details=notes,
            ) from error
        finally:
            for undo in self.afterwards:
                undo()
            self.afterwards.clear()

    def _own_stream(self) -> None:
        """Masks of dropout differ between the parts of a batch, as they do between its rows."""
        state = self.from_first(torch.get_rng_state())
        if not self.first:
            digest = hashlib.sha256(bytes(state.numpy()) + self.rank.to_bytes(4, "big")).digest()
            torch.manual_seed(int.from_bytes(digest[:7], "big"))

    def _common_stream(self) -> None:
        torch.set_rng_state(self.from_first(torch.get_rng_state()))
        if self.device is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(self.from_first(torch.cuda.get_rng_state(self.device)), self.device)

    def _leave(self, why: str) -> None:
        """Tells the others why, and lets go of the connections: they find out at once, also if this process lives on."""
        global _left, _store
        if _store is None:
            return  # the script made the group, and may still need it
        with contextlib.suppress(RuntimeError):
            _store.set(f"left/{self.rank}", f"process {self.rank} {why}")
        _left = True
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()

    def _notes(self) -> list[str]:
        """Why others have left, as far as they could say."""
        found: list[str] = []
        with contextlib.suppress(RuntimeError):
            for rank in range(self.size) if _store is not None else ():
                if rank != self.rank and _store is not None and _store.check([f"left/{rank}"]):
                    found.append(bytes(_store.get(f"left/{rank}")).decode())
        return found


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:300]


def _lost(error: BaseException | None) -> str | None:
    """What an error says of the connection to the others, or one that led to it: most errors of torch's have no class of their own."""
    while error is not None and not isinstance(error, ProcessError):
        text = _line(error)
        known = any(word in text for word in ("/gloo/", "NCCL", "Connection closed", "Connection reset", "Process group"))
        if isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and known):
            return re.sub(r"^\[/\S+\] ", "", text).partition(" This is typically")[0]
        error = error.__cause__
    return None
