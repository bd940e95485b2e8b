"""`ops.numpy`, as Keras has it: the ops that numpy has too."""

from __future__ import annotations

from layergraph.ops.creation import arange as arange
from layergraph.ops.creation import bartlett as bartlett
from layergraph.ops.creation import blackman as blackman
from layergraph.ops.creation import empty as empty
from layergraph.ops.creation import empty_like as empty_like
from layergraph.ops.creation import eye as eye
from layergraph.ops.creation import full as full
from layergraph.ops.creation import full_like as full_like
from layergraph.ops.creation import geomspace as geomspace
from layergraph.ops.creation import hamming as hamming
from layergraph.ops.creation import hanning as hanning
from layergraph.ops.creation import identity as identity
from layergraph.ops.creation import kaiser as kaiser
from layergraph.ops.creation import linspace as linspace
from layergraph.ops.creation import logspace as logspace
from layergraph.ops.creation import ones as ones
from layergraph.ops.creation import ones_like as ones_like
from layergraph.ops.creation import tri as tri
from layergraph.ops.creation import zeros as zeros
from layergraph.ops.creation import zeros_like as zeros_like
from layergraph.ops.elementwise import abs as abs
from layergraph.ops.elementwise import absolute as absolute
from layergraph.ops.elementwise import add as add
from layergraph.ops.elementwise import allclose as allclose
from layergraph.ops.elementwise import angle as angle
from layergraph.ops.elementwise import arccos as arccos
from layergraph.ops.elementwise import arccosh as arccosh
from layergraph.ops.elementwise import arcsin as arcsin
from layergraph.ops.elementwise import arcsinh as arcsinh
from layergraph.ops.elementwise import arctan as arctan
from layergraph.ops.elementwise import arctan2 as arctan2
from layergraph.ops.elementwise import arctanh as arctanh
from layergraph.ops.elementwise import array as array
from layergraph.ops.elementwise import bitwise_and as bitwise_and
from layergraph.ops.elementwise import bitwise_invert as bitwise_invert
from layergraph.ops.elementwise import bitwise_left_shift as bitwise_left_shift
from layergraph.ops.elementwise import bitwise_not as bitwise_not
from layergraph.ops.elementwise import bitwise_or as bitwise_or
from layergraph.ops.elementwise import bitwise_right_shift as bitwise_right_shift
from layergraph.ops.elementwise import bitwise_xor as bitwise_xor
from layergraph.ops.elementwise import cbrt as cbrt
from layergraph.ops.elementwise import ceil as ceil
from layergraph.ops.elementwise import clip as clip
from layergraph.ops.elementwise import conj as conj
from layergraph.ops.elementwise import conjugate as conjugate
from layergraph.ops.elementwise import copy as copy
from layergraph.ops.elementwise import cos as cos
from layergraph.ops.elementwise import cosh as cosh
from layergraph.ops.elementwise import deg2rad as deg2rad
from layergraph.ops.elementwise import divide as divide
from layergraph.ops.elementwise import divide_no_nan as divide_no_nan
from layergraph.ops.elementwise import equal as equal
from layergraph.ops.elementwise import exp as exp
from layergraph.ops.elementwise import exp2 as exp2
from layergraph.ops.elementwise import expm1 as expm1
from layergraph.ops.elementwise import fabs as fabs
from layergraph.ops.elementwise import floor as floor
from layergraph.ops.elementwise import floor_divide as floor_divide
from layergraph.ops.elementwise import fmax as fmax
from layergraph.ops.elementwise import fmin as fmin
from layergraph.ops.elementwise import fmod as fmod
from layergraph.ops.elementwise import gcd as gcd
from layergraph.ops.elementwise import greater as greater
from layergraph.ops.elementwise import greater_equal as greater_equal
from layergraph.ops.elementwise import heaviside as heaviside
from layergraph.ops.elementwise import hypot as hypot
from layergraph.ops.elementwise import i0 as i0
from layergraph.ops.elementwise import imag as imag
from layergraph.ops.elementwise import isclose as isclose
from layergraph.ops.elementwise import isfinite as isfinite
from layergraph.ops.elementwise import isinf as isinf
from layergraph.ops.elementwise import isnan as isnan
from layergraph.ops.elementwise import isneginf as isneginf
from layergraph.ops.elementwise import isposinf as isposinf
from layergraph.ops.elementwise import isreal as isreal
from layergraph.ops.elementwise import lcm as lcm
from layergraph.ops.elementwise import ldexp as ldexp
from layergraph.ops.elementwise import left_shift as left_shift
from layergraph.ops.elementwise import less as less
from layergraph.ops.elementwise import less_equal as less_equal
from layergraph.ops.elementwise import log as log
from layergraph.ops.elementwise import log1p as log1p
from layergraph.ops.elementwise import log2 as log2
from layergraph.ops.elementwise import log10 as log10
from layergraph.ops.elementwise import logaddexp as logaddexp
from layergraph.ops.elementwise import logaddexp2 as logaddexp2
from layergraph.ops.elementwise import logical_and as logical_and
from layergraph.ops.elementwise import logical_not as logical_not
from layergraph.ops.elementwise import logical_or as logical_or
from layergraph.ops.elementwise import logical_xor as logical_xor
from layergraph.ops.elementwise import maximum as maximum
from layergraph.ops.elementwise import minimum as minimum
from layergraph.ops.elementwise import mod as mod
from layergraph.ops.elementwise import multiply as multiply
from layergraph.ops.elementwise import nan_to_num as nan_to_num
from layergraph.ops.elementwise import negative as negative
from layergraph.ops.elementwise import nextafter as nextafter
from layergraph.ops.elementwise import not_equal as not_equal
from layergraph.ops.elementwise import power as power
from layergraph.ops.elementwise import rad2deg as rad2deg
from layergraph.ops.elementwise import real as real
from layergraph.ops.elementwise import reciprocal as reciprocal
from layergraph.ops.elementwise import right_shift as right_shift
from layergraph.ops.elementwise import round as round
from layergraph.ops.elementwise import sign as sign
from layergraph.ops.elementwise import signbit as signbit
from layergraph.ops.elementwise import sin as sin
from layergraph.ops.elementwise import sinc as sinc
from layergraph.ops.elementwise import sinh as sinh
from layergraph.ops.elementwise import sqrt as sqrt
from layergraph.ops.elementwise import square as square
from layergraph.ops.elementwise import subtract as subtract
from layergraph.ops.elementwise import tan as tan
from layergraph.ops.elementwise import tanh as tanh
from layergraph.ops.elementwise import true_divide as true_divide
from layergraph.ops.elementwise import trunc as trunc
from layergraph.ops.elementwise import view as view
from layergraph.ops.indexing import argpartition as argpartition
from layergraph.ops.indexing import argsort as argsort
from layergraph.ops.indexing import get_item as get_item
from layergraph.ops.indexing import isin as isin
from layergraph.ops.indexing import nonzero as nonzero
from layergraph.ops.indexing import searchsorted as searchsorted
from layergraph.ops.indexing import select as select
from layergraph.ops.indexing import sort as sort
from layergraph.ops.indexing import take as take
from layergraph.ops.indexing import take_along_axis as take_along_axis
from layergraph.ops.indexing import unique as unique
from layergraph.ops.indexing import unravel_index as unravel_index
from layergraph.ops.indexing import where as where
from layergraph.ops.products import cross as cross
from layergraph.ops.products import dot as dot
from layergraph.ops.products import einsum as einsum
from layergraph.ops.products import inner as inner
from layergraph.ops.products import kron as kron
from layergraph.ops.products import matmul as matmul
from layergraph.ops.products import outer as outer
from layergraph.ops.products import slogdet as slogdet
from layergraph.ops.products import tensordot as tensordot
from layergraph.ops.products import vdot as vdot
from layergraph.ops.reductions import all as all
from layergraph.ops.reductions import amax as amax
from layergraph.ops.reductions import amin as amin
from layergraph.ops.reductions import any as any
from layergraph.ops.reductions import argmax as argmax
from layergraph.ops.reductions import argmin as argmin
from layergraph.ops.reductions import average as average
from layergraph.ops.reductions import count_nonzero as count_nonzero
from layergraph.ops.reductions import cumprod as cumprod
from layergraph.ops.reductions import cumsum as cumsum
from layergraph.ops.reductions import diff as diff
from layergraph.ops.reductions import max as max
from layergraph.ops.reductions import mean as mean
from layergraph.ops.reductions import min as min
from layergraph.ops.reductions import nanargmax as nanargmax
from layergraph.ops.reductions import nanargmin as nanargmin
from layergraph.ops.reductions import nancumprod as nancumprod
from layergraph.ops.reductions import nancumsum as nancumsum
from layergraph.ops.reductions import nanmax as nanmax
from layergraph.ops.reductions import nanmean as nanmean
from layergraph.ops.reductions import nanmin as nanmin
from layergraph.ops.reductions import nanprod as nanprod
from layergraph.ops.reductions import nanstd as nanstd
from layergraph.ops.reductions import nansum as nansum
from layergraph.ops.reductions import nanvar as nanvar
from layergraph.ops.reductions import prod as prod
from layergraph.ops.reductions import ptp as ptp
from layergraph.ops.reductions import std as std
from layergraph.ops.reductions import sum as sum
from layergraph.ops.reductions import trapezoid as trapezoid
from layergraph.ops.reductions import var as var
from layergraph.ops.shaping import append as append
from layergraph.ops.shaping import array_split as array_split
from layergraph.ops.shaping import broadcast_to as broadcast_to
from layergraph.ops.shaping import concatenate as concatenate
from layergraph.ops.shaping import diag as diag
from layergraph.ops.shaping import diagflat as diagflat
from layergraph.ops.shaping import diagonal as diagonal
from layergraph.ops.shaping import dsplit as dsplit
from layergraph.ops.shaping import dstack as dstack
from layergraph.ops.shaping import expand_dims as expand_dims
from layergraph.ops.shaping import flip as flip
from layergraph.ops.shaping import fliplr as fliplr
from layergraph.ops.shaping import flipud as flipud
from layergraph.ops.shaping import hsplit as hsplit
from layergraph.ops.shaping import hstack as hstack
from layergraph.ops.shaping import meshgrid as meshgrid
from layergraph.ops.shaping import moveaxis as moveaxis
from layergraph.ops.shaping import ndim as ndim
from layergraph.ops.shaping import pad as pad
from layergraph.ops.shaping import ravel as ravel
from layergraph.ops.shaping import repeat as repeat
from layergraph.ops.shaping import reshape as reshape
from layergraph.ops.shaping import roll as roll
from layergraph.ops.shaping import rot90 as rot90
from layergraph.ops.shaping import size as size
from layergraph.ops.shaping import split as split
from layergraph.ops.shaping import squeeze as squeeze
from layergraph.ops.shaping import stack as stack
from layergraph.ops.shaping import swapaxes as swapaxes
from layergraph.ops.shaping import tile as tile
from layergraph.ops.shaping import trace as trace
from layergraph.ops.shaping import transpose as transpose
from layergraph.ops.shaping import tril as tril
from layergraph.ops.shaping import triu as triu
from layergraph.ops.shaping import vander as vander
from layergraph.ops.shaping import vsplit as vsplit
from layergraph.ops.shaping import vstack as vstack
from layergraph.ops.statistics import bincount as bincount
from layergraph.ops.statistics import corrcoef as corrcoef
from layergraph.ops.statistics import correlate as correlate
from layergraph.ops.statistics import digitize as digitize
from layergraph.ops.statistics import histogram as histogram
from layergraph.ops.statistics import median as median
from layergraph.ops.statistics import nanmedian as nanmedian
from layergraph.ops.statistics import nanpercentile as nanpercentile
from layergraph.ops.statistics import nanquantile as nanquantile
from layergraph.ops.statistics import percentile as percentile
from layergraph.ops.statistics import quantile as quantile
from layergraph.ops.vectorizing import vectorize as vectorize

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "allclose",
    "amax",
    "amin",
    "angle",
    "any",
    "append",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "array",
    "array_split",
    "average",
    "bartlett",
    "bincount",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "blackman",
    "broadcast_to",
    "cbrt",
    "ceil",
    "clip",
    "concatenate",
    "conj",
    "conjugate",
    "copy",
    "corrcoef",
    "correlate",
    "cos",
    "cosh",
    "count_nonzero",
    "cross",
    "cumprod",
    "cumsum",
    "deg2rad",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "digitize",
    "divide",
    "divide_no_nan",
    "dot",
    "dsplit",
    "dstack",
    "einsum",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "eye",
    "fabs",
    "flip",
    "fliplr",
    "flipud",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "full",
    "full_like",
    "gcd",
    "geomspace",
    "get_item",
    "greater",
    "greater_equal",
    "hamming",
    "hanning",
    "heaviside",
    "histogram",
    "hsplit",
    "hstack",
    "hypot",
    "i0",
    "identity",
    "imag",
    "inner",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "kaiser",
    "kron",
    "lcm",
    "ldexp",
    "left_shift",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "matmul",
    "max",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "mod",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "ndim",
    "negative",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "percentile",
    "power",
    "prod",
    "ptp",
    "quantile",
    "rad2deg",
    "ravel",
    "real",
    "reciprocal",
    "repeat",
    "reshape",
    "right_shift",
    "roll",
    "rot90",
    "round",
    "searchsorted",
    "select",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "size",
    "slogdet",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "trace",
    "transpose",
    "trapezoid",
    "tri",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "unique",
    "unravel_index",
    "vander",
    "var",
    "vdot",
    "vectorize",
    "view",
    "vsplit",
    "vstack",
    "where",
    "zeros",
    "zeros_like",
]
