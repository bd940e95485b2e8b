"""The contract table: one row a layer class, and what each of them refuses. Pure data: layergraph is not imported.

`test_contract.py` holds every row to the same promises. A new layer is one row in its family's file, whose `ROWS` are found here.
"""

from __future__ import annotations

import importlib
import pkgutil

from .row import Row as Row
from .row import Shape as Shape
from .row import Wrong as Wrong

_MODULES = [importlib.import_module(f".{each.name}", __name__) for each in pkgutil.iter_modules(__path__) if each.name != "row"]
ROWS: tuple[Row, ...] = tuple(row for module in _MODULES for row in module.ROWS)
