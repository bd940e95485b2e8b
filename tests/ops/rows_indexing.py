"""Ops that choose elements."""

from __future__ import annotations

from .rows import Row, b, f, g, i, n, v

FLAT = "on torch, a negative index counts from the size of axis 0"

ROWS = [
    *(Row("get_item", f(4, 3), key) for key in (0, slice(1, 3), (slice(None), 1), (Ellipsis, slice(None, None, 2)), (None, 0), -1)),
    Row("get_item", f(4, 3), n(2, below=4), symbolic="fixed"),
    *(Row("take", f(4, 3), [0, 2, -1], *axis) for axis in [(0,), (1,), (-1,)]),
    Row("take", f(4, 3), [0, 2, 11], None),
    Row("take", f(4, 3), [0, 2, -1], None, numpy=FLAT),
    *(Row("take", f(4, 3), n(2, 3, below=3), axis=axis) for axis in (0, 1)),
    *(Row("take", f(2, 4, 3), n(2, below=3), axis=axis) for axis in (1, 2, -1)),
    *(Row("take", f(2, 4, 3), index, axis=1) for index in (0, -1)),
    Row("take", f(4, 3), n(5, below=4, dtype="int64"), axis=0),
    Row("take", i(4, 3), v([1.0, 2.0]), axis=0),
    *(Row("take_along_axis", f(2, 4), n(2, 3, below=4), axis=axis) for axis in (1, -1)),
    Row("take_along_axis", f(4, 3), n(2, 3, below=4), axis=0),
    Row("take_along_axis", f(4, 3), n(5, below=12), axis=None),
    Row("take_along_axis", f(2, 4), v([[0, -1], [-2, 1]], "int32"), axis=1),
    *(Row("where", b(2, 3), *args) for args in [(f(2, 3), g(2, 3)), (f(2, 3), 0), (1, f(2, 3)), (1, 0), (1.5, 0), (True, False)]),
    *(Row("where", b(2, 3), *args) for args in [(i(2, 3), f(2, 3)), (i(2, 3), 0.5), (f(2, 3, dtype="float16"), 0)]),
    Row("where", i(2, 3), f(2, 3), g(2, 3)),
    Row("where", b(2, 3), f(2, 3), [1.0, 2.0, 3.0]),
    Row("where", b(2, 3), symbolic="refused"),
    *(Row("select", [b(6), v([True, True, False, False, True, False], "bool")], choices) for choices in [[f(6), g(6)], [i(6), f(6)]]),
    Row("select", [b(6)], [f(6)], 7),
    Row("select", (b(2, 3), b(2, 3)), (f(2, 3), g(2, 3)), default=-1.5),
    *(Row("nonzero", x, symbolic="refused") for x in (b(2, 3), f(3), v([[1, 0], [0, 2]], "int32"))),
    *(Row("isin", f(2, 3), [0.125, 0.375], **kwargs) for kwargs in [{}, {"invert": True}, {"assume_unique": True}]),
    *(
        Row("isin", *args)
        for args in [(i(2, 3), v([1, 2], "int32")), (i(4), v([1.0, 2.0])), (b(3), v([True], "bool")), (b(3), v([1, 2], "int32"))]
    ),
    *(Row("searchsorted", v([-1.0, 0.125, 0.5, 2.0]), f(2, 3), *args, symbolic="fixed") for args in [(), ("right",)]),
    Row("searchsorted", v([1, 3, 3, 5], "int32"), i(2, 3), side="right", symbolic="fixed"),
    Row("unravel_index", n(5, below=12), (3, 4)),
    Row("unravel_index", n(2, 2, below=12, dtype="int64"), (3, 4), wide=True),
    *(Row("sort", x, *axis) for x in (g(2, 3, 4), i(2, 3, 4)) for axis in [(), (0,), (1,), (-1,), (None,)]),
    *(Row("argsort", x, *axis) for x in (g(2, 3, 4), i(2, 3, 4)) for axis in [(), (0,), (1,), (-1,), (None,)]),
    *(Row(op, b(6)) for op in ("sort", "argsort")),
    *(Row("top_k", x, *args) for x in (f(2, 5), i(2, 5)) for args in [(2,), (1,), (5, True)]),
    *(Row("unique", g(3, 4), symbolic="refused", **{word: True}) for word in ("return_inverse", "return_counts", "sorted")),
    *(Row("unique", n(9, below=4), symbolic="refused", return_index=True, **kwargs) for kwargs in [{}, {"size": 6}, {"size": 2}]),
    Row("unique", n(9, below=4), return_index=True, return_inverse=True, return_counts=True, symbolic="refused"),
    *(Row("unique", n(9, below=4), size=size, fill_value=9, return_counts=True, symbolic="refused") for size in (2, 6)),
    *(
        Row("unique", v([[1, 2], [3, 4], [1, 2]], "int32"), axis=axis, symbolic="refused", **kwargs)
        for axis in (0, 1)
        for kwargs in [{}, {"size": 4}]
    ),
    Row("unique", v([[1, 2], [3, 4], [1, 2]], "int32"), axis=0, return_index=True, return_inverse=True, symbolic="refused"),
]
