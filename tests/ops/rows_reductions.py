"""Reductions, and what runs along an axis."""

from __future__ import annotations

from .rows import A, Row, b, c, f, g, holes, i, unit, v

KEEPDIMS = "on torch, keepdims is not seen where axis is None"
TRANSPOSED = "on torch, what remains is transposed"
AVERAGE = "on torch, the weights are added up along the last axis, whichever was asked for"
EMPTY = "on torch, the result has no axes"

MOST = "sum mean prod max min amax amin any all var std ptp"
NAN = "nansum nanmean nanprod nanmax nanmin nanvar nanstd"
PLACES = "argmax argmin"


def over(op: str, x: A, numpy: bool = False) -> list[Row]:
    """A reduction over each kind of axis."""
    rows = [Row(op, x, axis=axis, keepdims=keep) for axis in (0, 1, -1, (0, 2), (1, -1), [1, 2]) for keep in (False, True)]
    judge = KEEPDIMS if op in ("max", "min", "amax", "amin", "ptp", "prod", "sum", "nanprod") else None
    return [*rows, Row(op, x), Row(op, x, keepdims=True, numpy=judge)]


ROWS = [
    *(row for op in MOST.split() for row in over(op, unit(2, 3, 4) if op == "prod" else f(2, 3, 4))),
    *(row for op in NAN.split() for row in over(op, holes(2, 3, 4))),
    *(Row(op, i(2, 3)) for op in f"{MOST} {NAN}".split()),
    *(Row(op, i(2, 3), axis=1) for op in f"{MOST} {NAN} {PLACES}".split()),
    *(Row(op, b(2, 3), axis=1) for op in f"sum mean prod max min any all var std {PLACES} nansum cumsum cumprod".split()),
    *(Row(op, i(2, 3, dtype=kind), axis=1) for op in "sum prod nansum mean max".split() for kind in ("int8", "uint8", "int16")),
    *(Row(op, i(2, 3, dtype="int64"), axis=1) for op in "sum max".split()),
    *(Row(op, i(2, 3, dtype="int64"), axis=1, wide=True) for op in "prod cumsum cumprod".split()),
    *(Row(op, f(2, 3, dtype="float64"), axis=1) for op in "sum mean max std".split()),
    *(Row(op, f(2, 3, dtype="float64"), axis=1, wide=True) for op in "var prod cumsum".split()),
    *(Row(op, f(2, 3, dtype=kind), axis=1) for op in "sum mean max var cumsum".split() for kind in ("float16", "bfloat16")),
    *(Row(op, f(2, 3), axis=()) for op in "sum mean amax amin any all var".split()),
    *(Row(op, holes(2, 3), axis=()) for op in "nansum nanmean nanmax nanprod".split()),
    *(Row(op, g(2, 3, 4), axis=axis, keepdims=keep) for op in PLACES.split() for axis in (0, 1, -1, None) for keep in (False, True)),
    *(Row(f"nan{op}", holes(3, 4), axis=axis, keepdims=keep) for op in PLACES.split() for axis in (0, 1, None) for keep in (False, True)),
    *(Row(f"nan{op}", i(3, 4), axis=1) for op in PLACES.split()),
    *(Row(op, v([[float("nan")] * 2, [1.0, 2.0]]), axis=1) for op in f"{NAN} nanargmax nanargmin".split()),
    *(Row(op, f(2, 3), initial=start) for op in ("max", "min") for start in (0.5, -9.0, 9.0)),
    *(Row(op, f(2, 3), axis=1, initial=0.25) for op in ("max", "min")),
    *(Row(op, f(0, 3), initial=2.0, symbolic="fixed") for op in ("max", "min")),
    *(Row(op, f(0, 3), axis=0, initial=2.0, numpy=EMPTY, symbolic="fixed") for op in ("max", "min")),
    *(Row(op, i(2, 3), initial=1) for op in ("max", "min")),
    *(Row(op, c(2, 3), axis=1) for op in ("sum", "mean", "prod", "cumsum")),
    Row("prod", i(2, 3), axis=1, dtype="float32"),
    Row("prod", unit(2, 3), dtype="float64"),
    Row("sum", [1, 2, 3]),
    Row("sum", [f(3), f(3)], axis=0),
    Row("mean", [[1, 2], [3, 4]], axis=1),
    Row("max", 3),
    *(Row("count_nonzero", b(2, 3, 4), axis=axis) for axis in (None, (0, 2), (0, 1, 2), ())),
    *(Row("count_nonzero", i(2, 3, 4), axis=axis, numpy=TRANSPOSED) for axis in (0, 1, -1)),
    Row("average", f(2, 3)),
    Row("average", i(2, 3), axis=0),
    Row("average", f(2, 3), axis=1, weights=v([1.0, 2.0, 4.0]), symbolic="fixed"),
    Row("average", f(2, 3), axis=-1, weights=[1, 2, 4]),
    Row("average", f(2, 3), axis=0, weights=v([1.0, 3.0]), numpy=AVERAGE, symbolic="fixed"),
    Row("average", f(2, 3), axis=0, weights=unit(2, 3), numpy=AVERAGE),
    Row("average", f(2, 3), weights=unit(2, 3), numpy=AVERAGE),
    Row("average", i(4), weights=v([1, 2, 3, 4], "int32")),
    *(Row(op, x, axis=axis) for op in ("cumsum", "cumprod") for x in (f(2, 3, 4), i(2, 3, 4)) for axis in (0, 1, -1, None)),
    *(Row(f"nan{op}", x, axis=axis) for op in ("cumsum", "cumprod") for x in (holes(2, 3), i(2, 3)) for axis in (0, None)),
    *(Row(op, i(2, 3, dtype="int8"), axis=1) for op in ("cumsum", "cumprod")),
    *(Row(op, i(2, 3), axis=1, dtype="float32") for op in ("cumsum", "cumprod", "nancumsum")),
    *(Row("diff", x, *args) for x in (f(3, 4), i(3, 4), b(3, 4)) for args in [(), (2,), (1, 0)]),
    *(Row("trapezoid", x, axis=axis) for x in (f(3, 4), i(3, 4), b(3, 4)) for axis in (-1, 0)),
    Row("trapezoid", f(3, 4), dx=0.5),
    Row("trapezoid", f(3, 4), unit(3, 4)),
    Row("trapezoid", f(3, 4), v([0.0, 1.0, 3.0, 7.0]), symbolic="fixed"),
    Row("trapezoid", f(3, 4), [0.0, 1.0, 3.0, 7.0]),
]
