"""What a session has of its own: where messages go, and the numbers that `get_uid` gives out."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
from collections.abc import Generator, Iterator
from contextvars import ContextVar

from .dtype_policies import forget_dtype_policy

_interactive: ContextVar[bool] = ContextVar("layergraph_interactive_logging", default=True)
_quiet: ContextVar[bool] = ContextVar("layergraph_quiet", default=False)
_uids: dict[str, Iterator[int]] = {}


def enable_interactive_logging() -> None:
    """Print progress and messages to the standard output, as at first."""
    _interactive.set(True)


def disable_interactive_logging() -> None:
    """Send progress (a line an epoch, no bar) and messages to `logging.getLogger("layergraph")`, at level INFO.

    Keras sends them to absl's logger.
    """
    _interactive.set(False)


def is_interactive_logging_enabled() -> bool:
    """Whether messages are printed.

    >>> is_interactive_logging_enabled()
    True
    """
    return _interactive.get()


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Nothing is said: of several processes that work together, only the first one talks."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def say(text: str) -> None:
    """Print a message, or log it where interactive logging is disabled."""
    if _quiet.get():
        return
    if _interactive.get():
        print(text, flush=True)
    else:
        logging.getLogger("layergraph").info("%s", text.strip("\n"))


def get_uid(prefix: str = "") -> int:
    """The next number for a prefix: 1, 2, ... It names nothing here: the names of layers are numbered in their model.

    >>> get_uid("mine"), get_uid("mine")
    (1, 2)
    """
    return next(_uids.setdefault(prefix, itertools.count(1)))


def clear_session(free_memory: bool = True) -> None:
    """Start again: `get_uid`, the dtype policy and interactive logging as at first, and a garbage collection unless told otherwise.

    No model, layer or name depends on it: layergraph numbers the layers of each model by themselves, and keeps no list of what was
    made. Keras also drops what `torch.compile` has compiled; that belongs to all code of a process, and `torch.compiler.reset()` does it.
    """
    _uids.clear()
    _interactive.set(True)
    forget_dtype_policy()
    if free_memory:
        gc.collect()
