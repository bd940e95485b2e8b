"""What can happen to a training: signals, errors, losses that are no numbers.

Signals     SIGTERM and Ctrl-C wait for the end of the step where somebody keeps checkpoints; everywhere else they do what they did
explain     a note on an error: the epoch, the batch, and what was running
LossWatch   tells the first loss that is not finite, in the step where that costs nothing
"""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from ..errors import LayergraphError, user_place, warn_at
from .binding import Binding, BoundLoss
from .data.feed import Feed
from .engine import Engine
from .losses.base import Loss
from .metrics.base import Metric
from .optimizers.base import Optimizer

if TYPE_CHECKING:
    from .trainer import Trainer

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EVERY = 50  # steps between two looks at a loss that is on a device


class Interrupted(BaseException):
    """A signal that has waited for the end of a step; outside of `fit` it is KeyboardInterrupt or SystemExit."""


class Signals:
    """While it is entered, the first SIGTERM or Ctrl-C waits until `check` is called; a second one does not wait.

    On leaving, the handlers that were there are back. One that the user has installed is called then, with its signal; if it returns,
    or if there is none, KeyboardInterrupt or SystemExit(143) is raised. A signal that is ignored stays ignored. Nothing is installed
    unless `wanted`, or outside of the main thread, where Python has no signals.
    """

    def __init__(self, wanted: bool):
        self.wanted = wanted and threading.current_thread() is threading.main_thread()
        self.asked: int | None = None
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.asked is not None:
            raise Interrupted

    def __enter__(self) -> Signals:
        for number in _SIGNALS if self.wanted else ():
            handler = signal.getsignal(number)
            if handler is not None and handler is not signal.SIG_IGN:  # None: it belongs to code that is not Python
                self._before[number] = handler
                signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        if self.asked is not None:
            self._deliver(self.asked, None)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._came:  # else somebody has put another one there meanwhile
                signal.signal(number, handler)

    def _came(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            if get_worker_info() is None:
                self._deliver(number, frame)
            return  # a worker of a DataLoader goes on: Ctrl-C reaches all processes, and the one that trains ends it
        if self.asked is not None:
            self._restore()
            self._deliver(number, frame)
        self.asked = number

    def _deliver(self, number: int, frame: FrameType | None) -> NoReturn:
        self.asked = None
        handler = self._before[number]
        if callable(handler):
            handler(number, frame)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)


# --- errors --------------------------------------------------------------------------------------------------------------


def explain(error: BaseException, trainer: Trainer) -> None:
    """Adds one note: the epoch, the batch, and what was running. It is found in the traceback: the good path keeps nothing for this."""
    if any(note.startswith(("layergraph:", "in callbacks[")) for note in getattr(error, "__notes__", ())):
        return  # who reads the data and who calls callbacks have said so
    if isinstance(error, LayergraphError) and not trainer.step and not trainer.history.epoch:
        return  # arguments that do not fit each other: the first batch has shown it, and the batch is not to blame
    frames: list[FrameType] = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    what, validating = _running(frames)
    place = f"epoch {trainer.epoch + 1} of {trainer.epochs}"
    if trainer.stage == "batch":
        inside = next((f for f in frames if f.f_code.co_name == "_run_epoch"), None)
        done = trainer.step if inside is None or what == "the data were read" else inside.f_locals.get("step", trainer.step)
        place = f"batch {done + 1} of {place}"
    elif trainer.stage == "validation":
        place = f"the validation after {place}" if validating else f"the end of {place}"
    error.add_note(f"layergraph: in {place}, while {what}")


def _running(frames: list[FrameType]) -> tuple[str, bool]:
    """What ran, the outermost thing that has a name; and whether it was a validation."""
    validating, inside = False, ""
    for frame in frames:
        known = frame.f_locals
        owner = known.get("self")
        name = frame.f_code.co_name
        validating |= name == "test" and "feed" in known
        if isinstance(owner, Feed):
            return "the data were read", validating
        if isinstance(owner, (Metric, BoundLoss, Loss)):
            return f"the {'metric' if isinstance(owner, Metric) else 'loss'} {owner.name!r} was computed", validating
        if isinstance(owner, (Optimizer, torch.optim.Optimizer)):
            return f"the optimizer {type(owner).__name__} stepped", validating
        if isinstance(owner, Tensor) and name == "backward":
            return "gradients were computed", validating
        if isinstance(owner, Binding):
            inside = "the loss was computed" if name == "loss" else "the metrics were computed"
        elif isinstance(owner, Engine):
            inside = inside or "the model ran"
    return inside or "it was prepared", validating


# --- losses that are no numbers ------------------------------------------------------------------------------------------


class LossWatch:
    """Tells, once, that the sum of the losses is not finite any more, which stays so until the epoch ends.

    On the CPU the sum is read after each step: a microsecond. On CUDA it is copied every 50 steps, and read when the copy has arrived:
    nothing waits for the device.
    """

    def __init__(self, engine: Engine, quiet: bool):
        self.engine = engine
        kind = "cpu" if engine.device is None else engine.device.type
        self.quiet = quiet  # nobody wants to be told, or it was told
        self.on = not quiet and kind in ("cpu", "cuda")
        self._now = kind == "cpu"
        self._countdown = _EVERY
        self._copy: Any = None
        self._arrived: Any = None

    def look(self, epoch: int, step: int, batch: tuple[Tensor, ...]) -> None:
        """After a step, counted from 0."""
        binding = self.engine.binding
        if binding is None:
            return
        if self._now:
            value = binding.total.total.item()
            if not math.isfinite(value):
                self.tell(value, epoch, step, batch)
            return
        self._countdown -= 1
        if self._countdown <= 0:
            self._countdown = _EVERY
            self._look_later(binding.total.total, epoch)

    def _look_later(self, total: Tensor, epoch: int) -> None:
        if self._arrived is None:
            self._copy, self._arrived = torch.zeros((), dtype=total.dtype, pin_memory=True), torch.cuda.Event()
        elif not self._arrived.query():
            return
        elif not math.isfinite(self._copy.item()):
            self.tell(self._copy.item(), epoch)
            return
        self._copy.copy_(total, non_blocking=True)
        self._arrived.record()

    def tell(self, loss: float, epoch: int, step: int | None = None, batch: tuple[Tensor, ...] = ()) -> None:
        """The warning, at the user's line; afterwards nobody looks."""
        self.on, self.quiet = False, True
        where = "" if step is None else f", batch {step + 1}"
        cause = ""
        if batch:
            first, second = self.engine.counts
            wrong = [i for i, t in enumerate(batch) if t.is_floating_point() and not bool(t.isfinite().all())]
            kinds = ["input" if i < first else "target" if i < second else "sample weight" for i in wrong]
            cause = f" (the batch's {kinds[0]} is not finite)" if wrong else " (the batch is finite: the learning rate, or the model)"
        warn_at(user_place(), f"the loss is {loss} in epoch {epoch + 1}{where}{cause}; TerminateOnNaN() stops at the first such batch")


def first_not_finite(module: torch.nn.Module, *inputs: Any) -> str | None:
    """The name of the first layer whose output, or else of the first weight, that is not finite; None if all are.

    Each layer is asked in the order in which they run, in the mode the module is in, without gradients.

    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    >>> torch.nn.init.constant_(model[1].bias, float("nan")).isnan().item()
    True
    >>> first_not_finite(model, torch.ones(1, 2))
    '1.bias'
    """
    for name, weight in (*module.named_parameters(), *module.named_buffers()):
        if weight.is_floating_point() and not bool(weight.isfinite().all()):
            return name
    found: list[str] = []

    def look(name: str, _module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        if not found and isinstance(output, Tensor) and output.is_floating_point() and not bool(output.isfinite().all()):
            found.append(name)

    layers = cast("Iterable[tuple[str, torch.nn.Module]]", module.named_modules())
    hooks = [layer.register_forward_hook(partial(look, name)) for name, layer in layers if name]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None
