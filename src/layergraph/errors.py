"""What layergraph raises, and how an error finds the user's own line.

    LayergraphError
    ├── ArgumentError     (ValueError)      a layer, loss or option was given a value it cannot take
    ├── NameTakenError    (ValueError)      a name is empty, malformed, or used twice
    ├── ShapeError        (ValueError)      shapes, ranks or dtypes do not fit, found when the line runs
    ├── GraphError        (ValueError)      a Model whose outputs cannot be reached from its inputs, and the like
    ├── DataError         (ValueError)      arrays or tensors do not fit the model they were given to
    ├── NotBuiltError     (AttributeError)  something was asked of a layer that has not seen its input yet
    ├── SymbolicError     (TypeError)       a symbol was used where only a tensor with values can be
    └── MissingExtraError (ImportError)     an optional package is not installed

Each message says who, what came and what was wanted; `fix` says what to type instead; the line of the user's code
that led here is found when the error is made. Low code raises `Fact` (what is wrong, in a few words) and the public
function adds the story once.
"""

from __future__ import annotations

import difflib
import linecache
import os
import sys
from collections.abc import Iterable

import torch

Place = tuple[str, int]
"""A line of source: (file name, line number)."""

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep


def user_place() -> Place | None:
    """The innermost line on the stack that belongs neither to layergraph nor to torch."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not (name.startswith(_OURS) or name.startswith(_TORCH) or name.startswith("<eval_with_key>")):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def describe(place: Place | None) -> str:
    """`train.py:17: x = Add()([a, b])`, the source only where it can be read."""
    if place is None:
        return "an unknown line"
    name, number = place
    source = linecache.getline(name, number).strip()
    return f"{name}:{number}" + (f": {source[:100]}" if source else "")


def shown(value: object, limit: int = 80) -> str:
    """`repr(value)`, cut to `limit` characters, never raising."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def suggestion(word: object, known: Iterable[str]) -> str | None:
    """`did you mean 'units'?` for a near miss, else None."""
    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


class Fact(Exception):
    """What is wrong, in a few words, from code that does not know on whose behalf it works."""

    def __init__(self, what: str, fix: str | None = None):
        super().__init__(what)
        self.what = what
        self.fix = fix


class LayergraphError(Exception):
    """The root of layergraph's errors.

    Args:
        what: who is speaking, what came and what was wanted, in one or a few lines.
        fix: what to type instead.
        details: further lines, such as where each input came from.
        place: the user's line; found on the stack where it is not given.
    """

    def __init__(self, what: str, fix: str | None = None, *, details: Iterable[str] = (), place: Place | None = None):
        self.what = what
        self.fix = fix
        self.place = place or user_place()
        lines = [what, *(f"  {line}" for line in details)]
        if self.place is not None:
            lines.append(f"  at {describe(self.place)}")
        if fix:
            lines.append(f"  fix: {fix}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.what, self.fix, self.place)


def _rebuild(kind: type[LayergraphError], args: tuple[str], what: str, fix: str | None, place: Place | None) -> LayergraphError:
    error = kind.__new__(kind, *args)
    error.args, error.what, error.fix, error.place = args, what, fix, place
    return error


class ArgumentError(LayergraphError, ValueError):
    """A layer, loss or option was given a value it cannot take."""


class NameTakenError(LayergraphError, ValueError):
    """A name is empty, malformed, or used twice in one model."""


class ShapeError(LayergraphError, ValueError):
    """Shapes, ranks or dtypes do not fit; found when the line runs."""


class GraphError(LayergraphError, ValueError):
    """Inputs and outputs that do not make a model."""


class DataError(LayergraphError, ValueError):
    """Arrays or tensors do not fit the model they were given to."""


class NotBuiltError(LayergraphError, AttributeError):
    """Something was asked of a layer that has not seen its input yet."""


class SymbolicError(LayergraphError, TypeError):
    """A symbol was used where only a tensor with values can be."""


class MissingExtraError(LayergraphError, ImportError):
    """An optional package is not installed."""
