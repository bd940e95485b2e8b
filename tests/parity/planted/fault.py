"""What a planted fault is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """An edit of one file, and a pattern of the goldens that are looked at.

    These are ids of rows, `init:` ids, `data:` expressions, `order:` names, `cnn`.
    """

    name: str
    file: str
    old: str
    new: str
    look: str
