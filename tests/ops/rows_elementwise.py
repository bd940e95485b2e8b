"""Ops that work element by element."""

from __future__ import annotations

from .rows import Row, f, i

ROWS = [
    *(Row("add", *args) for args in [(f(2, 3), f(2, 3)), (i(2, 3), 2), (i(2, 3), 0.5)]),
    *(Row("exp", x) for x in (f(2, 3), i(2, 3))),
]
