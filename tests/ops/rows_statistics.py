"""Order statistics, histograms and correlations."""

from __future__ import annotations

from .rows import Row, b, f, g, holes, i, n, unit, v

ONE = "on torch, a result of one element has no axis"
SAME = "on torch, it is as long as x1 instead of the longer one"
QUANTILES = ("quantile", "percentile", "nanquantile", "nanpercentile")


def level(op: str, q: float) -> float:
    return q * 100 if "percentile" in op else q


ROWS = [
    *(
        Row(op, x, axis=axis, keepdims=keep)
        for op, x in (("median", f(2, 3, 4)), ("nanmedian", holes(2, 3, 4)))
        for axis in (None, 0, -1, (0, 2), (2, 1))
        for keep in (False, True)
    ),
    *(Row(op, x) for op in ("median", "nanmedian") for x in (i(2, 3), f(5), f(4, dtype="float16"), b(4))),
    *(
        Row(op, holes(2, 3, 4) if "nan" in op else f(2, 3, 4), level(op, 0.3), axis=axis, keepdims=keep)
        for op in QUANTILES
        for axis in (None, 1, (0, 2))
        for keep in (False, True)
    ),
    *(
        Row(op, f(2, 3, 4), [level(op, 0.25), level(op, 0.5)], axis=axis, keepdims=keep)
        for op in QUANTILES
        for axis in (None, 1, (0, 2))
        for keep in (False, True)
    ),
    *(Row(op, f(2, 6), level(op, 0.3), 1, method) for op in QUANTILES for method in "linear lower higher midpoint nearest".split()),
    *(Row(op, i(2, 6), level(op, 0.3), axis=1) for op in QUANTILES),
    Row("quantile", f(2, 6), v([0.1, 0.9]), axis=1, symbolic="fixed"),
    Row("quantile", f(2, 6, dtype="float64"), 0.3, axis=1, wide=True),
    Row("histogram", g(20), bins=5),
    Row("histogram", g(20)),
    Row("histogram", f(20), bins=4, range=(-2.0, 2.0)),
    Row("bincount", n(9, below=4), symbolic="refused"),
    Row("bincount", n(9, below=4), minlength=7, symbolic="refused"),
    Row("bincount", n(9, below=4), weights=f(9), symbolic="refused"),
    Row("bincount", n(9, below=4), weights=i(9), symbolic="refused"),
    Row("bincount", v([[0, 1, 1, 3], [3, 0, 0, 2]], "int32"), symbolic="refused"),
    Row("bincount", v([[0, 1, 1], [2, 0, 0]], "int32"), minlength=5, symbolic="refused"),
    Row("bincount", v([[0, 1, 1, 3], [3, 0, 0, 2]], "int32"), weights=f(2, 4), symbolic="refused"),
    *(Row("digitize", x, [-1.0, 0.0, 1.5]) for x in (f(2, 3), i(2, 3), b(6))),
    Row("digitize", i(2, 3), v([-1, 0, 2], "int32"), symbolic="fixed"),
    Row("digitize", f(2, 3), v([-1.0, 0.125, 2.0]), symbolic="fixed"),
    *(Row("corrcoef", x, symbolic=known) for x, known in ((f(3, 7), "batch"), (g(3, 7), "fixed"), (i(3, 7), "fixed"), (f(7), "batch"))),
    *(Row("correlate", f(5), g(3), mode=mode, symbolic="fixed") for mode in ("valid", "same", "full")),
    *(Row("correlate", i(5), i(3), mode=mode, symbolic="fixed") for mode in ("valid", "same", "full")),
    *(Row("correlate", f(3), g(5), mode=mode, symbolic="fixed", numpy=SAME if mode == "same" else None) for mode in ("same", "full")),
    Row("correlate", f(5), unit(5), symbolic="fixed", numpy=ONE),
]
