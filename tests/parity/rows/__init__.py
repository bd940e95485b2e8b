"""The parity table: what is recorded from Keras and what layergraph is held to. Pure data: neither package is imported.

A row is one layer with one set of arguments on one set of inputs. `record.py` turns each row into numbers with Keras,
`test_parity.py` turns it into numbers with layergraph. To add a layer, add rows to its family's file, whose `rows()` is found here,
and run `record.py` (see its docstring).
"""

from __future__ import annotations

import importlib
import pkgutil

from .row import In as In
from .row import Row as Row
from .row import arguments as arguments
from .row import flat as flat
from .row import init_shapes as init_shapes
from .row import made as made
from .row import shapes_in as shapes_in
from .row import shapes_of as shapes_of
from .row import with_cells as with_cells

_MODULES = [importlib.import_module(f".{each.name}", __name__) for each in pkgutil.iter_modules(__path__) if each.name != "row"]
ROWS: tuple[Row, ...] = tuple(row for module in _MODULES for row in module.rows())
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(row.family for row in ROWS))
assert len({row.id for row in ROWS}) == len(ROWS), "two rows with one id"
