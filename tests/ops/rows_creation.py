"""Ops that make tensors."""

from __future__ import annotations

from .rows import Row, f, i, v

ONE = "on torch, one number is nan"
AXIS = "on torch, axis is refused"
ENDPOINT = "on torch, the last of several values is kept where it should be left out"

SPACES = "linspace logspace geomspace"
WINDOWS = "bartlett blackman hamming hanning"

ROWS = [
    *(Row("arange", *args) for args in [(3,), (2, 7), (0, 10, 3), (7, 2, -2), (3.0,), (0, 1, 0.25), (1, 2.5), (0,)]),
    *(Row("arange", 4, dtype=dtype) for dtype in ("float32", "int64", "float16", "uint8")),
    *(Row(op, 1, 8, *rest) for op in SPACES.split() for rest in [(), (4,), (4, False)]),
    *(Row(op, 1, 8, 1) for op in ("linspace", "logspace")),
    Row("geomspace", 1, 8, 1, numpy=ONE),
    *(Row(op, 1.5, 0.25, num=7) for op in SPACES.split()),
    *(Row(op, 1, 8, num=4, dtype=dtype) for op in SPACES.split() for dtype in ("float16", "float64")),
    *(Row(op, v([1.0, 2.0]), v([4.0, 8.0]), num=4) for op in SPACES.split()),
    *(Row(op, v([1.0, 2.0]), v([4.0, 8.0]), num=4, axis=axis, numpy=AXIS) for op in SPACES.split() for axis in (1, -1)),
    *(Row(op, v([1.0, 2.0]), v([4.0, 8.0]), num=4, endpoint=False, numpy=ENDPOINT) for op in SPACES.split()),
    *(Row("linspace", 0, 1, num=5, retstep=True, endpoint=endpoint) for endpoint in (True, False)),
    Row("logspace", 0, 3, 4, base=2),
    Row("geomspace", -1, -8, 4),
    *(Row(op, shape) for op in ("zeros", "ones") for shape in [3, (2, 3), [2, 3], ()]),
    *(Row(op, (2, 3), dtype=dtype) for op in ("zeros", "ones") for dtype in ("int32", "bool", "float16")),
    *(Row("full", *args) for args in [((2, 3), 1.5), ((2,), 3), ((2,), True), ((), 2.0)]),
    *(Row("full", (2, 3), *args) for args in [(1, "int32"), (2.5, "float16")]),
    Row("full", (2, 3), v([1.0, 2.0, 3.0]), symbolic="fixed"),
    Row("full", (2, 3), [1, 2, 3], dtype="int32"),
    *(Row(op, x) for op in ("zeros_like", "ones_like") for x in (f(2, 3), i(2, 3))),
    *(Row(op, f(2, 3), dtype="int32") for op in ("zeros_like", "ones_like")),
    *(Row("full_like", x, *args) for x in (f(2, 3), i(2, 3)) for args in [(2,), (1.5, "float16")]),
    Row("full_like", f(2, 3), [1.0, 2.0, 3.0]),
    *(Row("eye", *args) for args in [(3,), (2, 3), (3, 2), (3, 3, 1), (3, 4, -1), (2, None, 5), (3, 4, 0, "int32"), (3, 4, 1, "bool")]),
    *(Row("identity", *args) for args in [(3,), (2, "int32"), (2, "bfloat16")]),
    *(Row("tri", *args) for args in [(3,), (2, 3), (3, 2, 1), (3, 4, -1), (3, None, 0, "int32")]),
    *(Row(op, points) for op in WINDOWS.split() for points in (1, 5, 8)),
    *(Row(op, v(5, "int32")) for op in WINDOWS.split()),
    *(Row("kaiser", points, 8.6) for points in (1, 5, 8)),
    Row("kaiser", 5, 14),
]
