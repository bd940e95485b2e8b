"""Ops of linear algebra."""

from __future__ import annotations

from .rows import A, Row, f, g, i, v

POSITIVE = v([[[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 2.0]], [[2.0, 0.0, 1.0], [0.0, 5.0, 0.0], [1.0, 0.0, 3.0]]])
GENERAL = v([[[4.0, 1.0, 0.5], [2.0, -3.0, 0.25], [0.5, 1.25, 2.0]], [[2.0, 7.0, 1.0], [0.0, 5.0, 0.0], [1.0, 0.0, 3.0]]])
LOWER = v([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.5, 0.25, 1.0]])
LONG = v([[1.0, 2.0], [3.0, -1.0], [0.5, 2.5]])


def _row(op: str, *args: A, **kwargs: object) -> Row:
    return Row(op, *args, symbolic="fixed", **kwargs)


ROWS = [
    *(Row(op, POSITIVE) for op in ("cholesky", "det", "inv", "eigh")),
    *(Row(f"linalg.{op}", GENERAL) for op in ("det", "inv", "lu_factor", "pinv", "matrix_rank", "svd", "qr")),
    *(_row(op, v(POSITIVE.values[0].tolist(), "float64")) for op in ("cholesky", "det", "inv")),
    Row("cholesky", POSITIVE, upper=True),
    _row("cholesky_inverse", LOWER),
    _row("cholesky_inverse", v(LOWER.values.T.tolist()), upper=True),
    Row("eig", GENERAL),
    _row("lstsq", LONG, f(3, 2)),
    _row("lstsq", LONG, f(3, 2), rcond=0.5),
    _row("lu_factor", LONG),
    _row("matrix_rank", v([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])),
    Row("matrix_rank", POSITIVE, tol=2.5),
    *(Row("norm", x) for x in (f(3, 4), f(2, 3, 4), i(3, 4))),
    *(
        Row("norm", f(3, 4), **words)
        for words in ({"axis": 1}, {"ord": 1, "axis": -1}, {"ord": 3, "axis": 1, "keepdims": True}, {"ord": float("inf"), "axis": 1})
    ),
    *(Row("norm", f(2, 3, 4), ord=order, axis=(1, 2)) for order in (None, "fro", "nuc", 1, -1, 2, -2, float("inf"))),
    Row("norm", f(2, 3, 4), ord=2, axis=(-2, -1), keepdims=True),
    _row("pinv", LONG),
    _row("pinv", LONG, rcond=0.5),
    *(_row("qr", LONG, **words) for words in ({}, {"mode": "complete"})),
    Row("solve", GENERAL, f(2, 3, 2)),
    _row("solve", LOWER, g(3)),
    _row("solve_triangular", LOWER, f(3, 2), lower=True),
    _row("solve_triangular", LOWER, g(3), lower=True),
    _row("solve_triangular", v(LOWER.values.T.tolist()), f(3, 2)),
    *(_row("svd", LONG, **words) for words in ({}, {"full_matrices": False}, {"compute_uv": False})),
]
