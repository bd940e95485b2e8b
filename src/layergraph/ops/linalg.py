"""Ops of linear algebra: on matrices in the last two axes, whatever stands before them.

Ints become floats, where Keras on torch refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from layergraph.nn.untraceable import least_squares
from layergraph.ops.convert import floating, tensor
from layergraph.ops.define import as_floats, needs_values, op

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
]
_linalg: Any = torch.linalg  # which has no types


@op
def det(x: Any) -> Any:
    """The determinant: (..., n, n) -> (...)."""
    return torch.det(floating(x))


@op
def inv(x: Any) -> Any:
    """The inverse: (..., n, n) -> (..., n, n)."""
    return _linalg.inv(floating(x))


@op
def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors, complex: (..., n, n) -> (..., n), (..., n, n)."""
    return _linalg.eig(floating(x))


@op
def eigh(x: Any) -> Any:
    """Eigenvalues, rising, and eigenvectors of a symmetric matrix: (..., n, n) -> (..., n), (..., n, n)."""
    return _linalg.eigh(floating(x))


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular L with `L @ L.T = x`, or its transpose where `upper`: (..., n, n) -> (..., n, n)."""
    return _linalg.cholesky(floating(x), upper=upper)


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix of which `x` is the `cholesky`: (..., n, n) -> (..., n, n)."""
    return torch.cholesky_inverse(floating(x), upper)


@op
def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """`fun(*primals)`, and its derivative along `tangents`: `torch.func.jvp`. Raises `SymbolicError` for symbols."""
    needs_values("jvp", "a derivative", "call it inside the call() of a custom Layer", primals, tangents)
    return torch.func.jvp(fun, tuple(map(tensor, primals)), tuple(map(tensor, tangents)), has_aux=has_aux)


@op
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The x with the least `|a @ x - b|`: (..., m, n), (..., m, k) -> (..., n, k).

    Singular values below `rcond` times the largest count as 0.
    """
    a, b = as_floats(a, b)
    return least_squares(a, b, rcond)


@op
def lu_factor(x: Any) -> tuple[Any, Any]:
    """L and U in one matrix (..., m, n), and the rows swapped, counted from 0: (..., min(m, n)) of int32."""
    factors, pivots = _linalg.lu_factor(floating(x))
    return factors, pivots - 1


@op
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """The number of singular values above `tol`: (..., m, n) -> (...) of int32."""
    return _linalg.matrix_rank(floating(x), atol=tol).to(torch.int32)


@op
def norm(x: Any, ord: int | float | str | None = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The norm of vectors (one axis) or matrices (two), of order `ord`; without axis and ord, that of all elements together."""
    axis = list(axis) if isinstance(axis, tuple | list) else axis
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    return _linalg.norm(floating(x), ord, axis, keepdims)


@op
def pinv(x: Any, rcond: float | None = None) -> Any:
    """The pseudo-inverse: (..., m, n) -> (..., n, m). Singular values below `rcond` times the largest count as 0."""
    return _linalg.pinv(floating(x), rtol=rcond)


@op
def qr(x: Any, mode: str = "reduced") -> Any:
    """Q and R with `Q @ R = x`: (..., m, n) -> (..., m, k), (..., k, n), k being min(m, n), or m for mode='complete'."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode is 'reduced' or 'complete', got {mode!r}")
    return _linalg.qr(floating(x), mode)


@op
def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x = b`: (..., n, n), (..., n) or (..., n, k) -> the shape of `b`."""
    return _linalg.solve(*as_floats(a, b))


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """`solve` of a matrix that is upper triangular, or lower."""
    a, b = as_floats(a, b)
    if b.ndim == a.ndim - 1:
        return _linalg.solve_triangular(a, b.unsqueeze(-1), upper=not lower).squeeze(-1)
    return _linalg.solve_triangular(a, b, upper=not lower)


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, the singular values, falling, and V transposed: (..., m, n) -> (..., m, m), (..., min(m, n)), (..., n, n).

    Without `full_matrices`, U is (..., m, k) and V (..., k, n), k being min(m, n); without `compute_uv`, the values alone.
    """
    x = floating(x)
    return _linalg.svd(x, full_matrices) if compute_uv else _linalg.svdvals(x)
