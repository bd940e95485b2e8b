"""Ops that work element by element: arithmetic, roundings, exponentials, trigonometry, bits, complex numbers."""

from __future__ import annotations

import torch

from layergraph.ops.define import binary, floating, unary

exp = unary("exp", torch.exp, "e to the power of each element.", floating)
add = binary("add", torch.add, "`x1 + x2`.")
