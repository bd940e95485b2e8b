"""Models: recorded layers as plain PyTorch modules that train."""

from __future__ import annotations

from layergraph.models.functional import Functional as Functional
from layergraph.models.model import Model as Model
from layergraph.models.sequential import Sequential as Sequential
