"""Sequences of different lengths, by Keras's names: `layergraph.preprocessing.sequence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.utils.arrays import pad_sequences as pad_sequences

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
