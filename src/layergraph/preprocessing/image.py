"""Pictures in files and arrays, by Keras's names: `layergraph.preprocessing.image`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.utils.images import array_to_img as array_to_img
from layergraph.utils.images import img_to_array as img_to_array
from layergraph.utils.images import load_img as load_img
from layergraph.utils.images import save_img as save_img
from layergraph.utils.images import smart_resize as smart_resize

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
