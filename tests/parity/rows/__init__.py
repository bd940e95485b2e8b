"""The parity table: what is recorded from Keras and what layergraph is held to. Pure data: neither package is imported.

A row is one layer with one set of arguments on one set of inputs. `record.py` turns each row into numbers with Keras,
`test_parity.py` turns it into numbers with layergraph. To add a layer, add rows to its family's file, and run `record.py` (see its
docstring).
"""

from __future__ import annotations

from . import adaptive, convolution, core, depthwise, merging, normalization, pooling, recurrent, reshaping, transposed
from .row import In as In
from .row import Row as Row
from .row import arguments as arguments

_MODULES = (core, convolution, pooling, normalization, merging, reshaping, recurrent, depthwise, transposed, adaptive)
ROWS: tuple[Row, ...] = tuple(row for module in _MODULES for row in module.rows())
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(row.family for row in ROWS))
assert len({row.id for row in ROWS}) == len(ROWS), "two rows with one id"
