"""Keras's ops by Keras's names, arguments, defaults and dtype rules, over torch: for code that was written with `keras.ops`.

>>> from layergraph import Input, ops
>>> ops.add([1, 2], 0.5)
tensor([1.5000, 2.5000])
>>> ops.add(Input(shape=(3,)), 1).shape
(None, 3)

An op takes tensors, symbols, numpy arrays, numbers and lists. On a symbol it records the torch functions that it calls, so
nothing of layergraph's is left in the lowered graph. torch's own functions record as well: no graph needs this module.

A result has the dtype that Keras gives it, with one difference: where Keras narrows 64-bit tensors to 32 bits by its table of
promotions (in `maximum`, `matmul`, `cumsum` and others, not in `add` or `sum`), they stay 64-bit tensors here, in all ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.ops import numpy as numpy
from layergraph.ops.indexing import top_k as top_k
from layergraph.ops.numpy import *  # noqa: F403

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)

__all__ = ["numpy", "top_k"]
__all__ += numpy.__all__
