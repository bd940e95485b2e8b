"""Keras's ops by Keras's names, arguments, defaults and dtype rules, over torch: for code that was written with `keras.ops`.

>>> from layergraph import Input, ops
>>> ops.add([1, 2], 0.5)
tensor([1.5000, 2.5000])
>>> ops.add(Input(shape=(3,)), 1).shape
(None, 3)

An op takes tensors, symbols, numpy arrays, numbers and lists. On a symbol it records the torch functions that it calls: of
layergraph's, the few functions of `layergraph.nn` that torch lacks are left in the lowered graph. torch's own functions record
as well: no graph needs this module.

A result has the dtype that Keras gives it, with one difference: where Keras narrows 64-bit tensors to 32 bits by its table of
promotions (in `maximum`, `matmul`, `cumsum` and others, not in `add` or `sum`), they stay 64-bit tensors here, in all ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.ops import image as image
from layergraph.ops import linalg as linalg
from layergraph.ops import nn as nn
from layergraph.ops import numpy as numpy
from layergraph.ops.control import associative_scan as associative_scan
from layergraph.ops.control import cond as cond
from layergraph.ops.control import custom_gradient as custom_gradient
from layergraph.ops.control import fori_loop as fori_loop
from layergraph.ops.control import map as map
from layergraph.ops.control import scan as scan
from layergraph.ops.control import switch as switch
from layergraph.ops.control import vectorized_map as vectorized_map
from layergraph.ops.control import while_loop as while_loop
from layergraph.ops.core import cast as cast
from layergraph.ops.core import convert_to_numpy as convert_to_numpy
from layergraph.ops.core import convert_to_tensor as convert_to_tensor
from layergraph.ops.core import dtype as dtype
from layergraph.ops.core import is_tensor as is_tensor
from layergraph.ops.core import saturate_cast as saturate_cast
from layergraph.ops.core import scatter as scatter
from layergraph.ops.core import scatter_update as scatter_update
from layergraph.ops.core import shape as shape
from layergraph.ops.core import slice as slice
from layergraph.ops.core import slice_update as slice_update
from layergraph.ops.core import stop_gradient as stop_gradient
from layergraph.ops.core import unstack as unstack
from layergraph.ops.einops import rearrange as rearrange
from layergraph.ops.indexing import top_k as top_k
from layergraph.ops.linalg import *  # noqa: F403
from layergraph.ops.math import cdist as cdist
from layergraph.ops.math import erf as erf
from layergraph.ops.math import erfc as erfc
from layergraph.ops.math import erfinv as erfinv
from layergraph.ops.math import extract_sequences as extract_sequences
from layergraph.ops.math import fft as fft
from layergraph.ops.math import fft2 as fft2
from layergraph.ops.math import ifft2 as ifft2
from layergraph.ops.math import in_top_k as in_top_k
from layergraph.ops.math import irfft as irfft
from layergraph.ops.math import istft as istft
from layergraph.ops.math import logdet as logdet
from layergraph.ops.math import logsumexp as logsumexp
from layergraph.ops.math import rfft as rfft
from layergraph.ops.math import rsqrt as rsqrt
from layergraph.ops.math import segment_max as segment_max
from layergraph.ops.math import segment_min as segment_min
from layergraph.ops.math import segment_prod as segment_prod
from layergraph.ops.math import segment_sum as segment_sum
from layergraph.ops.math import stft as stft
from layergraph.ops.math import view_as_complex as view_as_complex
from layergraph.ops.math import view_as_real as view_as_real
from layergraph.ops.nn import *  # noqa: F403
from layergraph.ops.numpy import *  # noqa: F403

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)

__all__ = [
    "associative_scan",
    "cast",
    "cdist",
    "cond",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dtype",
    "erf",
    "erfc",
    "erfinv",
    "extract_sequences",
    "fft",
    "fft2",
    "fori_loop",
    "ifft2",
    "image",
    "in_top_k",
    "irfft",
    "is_tensor",
    "istft",
    "linalg",
    "logdet",
    "logsumexp",
    "map",
    "nn",
    "numpy",
    "rearrange",
    "rfft",
    "rsqrt",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "shape",
    "slice",
    "slice_update",
    "stft",
    "stop_gradient",
    "switch",
    "top_k",
    "unstack",
    "vectorized_map",
    "view_as_complex",
    "view_as_real",
    "while_loop",
]
__all__ += [*linalg.__all__, *nn.__all__, *numpy.__all__]
