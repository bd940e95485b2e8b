"""Models: recorded layers as plain PyTorch modules that train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.models.functional import Functional as Functional
from layergraph.models.model import Model as Model
from layergraph.models.sequential import Sequential as Sequential

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
