"""The contract table: one row a layer class, and what each of them refuses. Pure data: layergraph is not imported.

`test_contract.py` holds every row to the same promises. A new layer is one row in its family's file.
"""

from __future__ import annotations

from . import activation, convolution, core, merging, normalization, pooling, recurrent, regularization, reshaping
from .row import Row as Row
from .row import Shape as Shape
from .row import Wrong as Wrong

FAMILIES = (core, activation, regularization, normalization, convolution, pooling, merging, reshaping, recurrent)
ROWS: tuple[Row, ...] = tuple(row for family in FAMILIES for row in family.ROWS)
