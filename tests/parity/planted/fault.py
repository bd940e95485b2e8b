"""What a planted fault is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """An edit of one file, and a pattern of the goldens that are looked at: ids of rows, `init:` ids, `order:` names, `cnn`."""

    name: str
    file: str
    old: str
    new: str
    look: str
