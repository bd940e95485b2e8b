"""Keras's older rooms for pictures and sequences: `layergraph.preprocessing`. The same functions stand in `layergraph.utils`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.preprocessing import image as image
from layergraph.preprocessing import sequence as sequence
from layergraph.utils.datasets import timeseries_dataset_from_array as timeseries_dataset_from_array

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
