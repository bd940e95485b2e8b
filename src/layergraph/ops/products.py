"""Products of tensors: matrices, vectors, sums over named axes. Ints give ints, where torch's kernels take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from layergraph.ops.convert import dtype_of, floating, floatx, promoted, untyped
from layergraph.ops.define import op


@op
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product over the last two axes, the others broadcast. (..., n, k), (..., k, m) -> (..., n, m)

    Of vectors, the axis that is missing is added, and removed from the result. int8 with int8 gives int32.
    """
    x1, x2 = promoted(x1, x2)
    if dtype_of(x1) == torch.int8:
        x1, x2 = x1.to(torch.int32), x2.to(torch.int32)
    return _sums(torch.matmul, x1, x2)


def _sums(function: Callable[..., Any], x1: Any, x2: Any, *args: Any) -> Any:
    """Sums of products; of bools, whether any product is true, which torch does not do."""
    if dtype_of(x1) != torch.bool:
        return function(x1, x2, *args)
    return function(x1.to(floatx()), x2.to(floatx()), *args) != 0


@op
def dot(x1: Any, x2: Any) -> Any:
    """The sum over the last axis of `x1` and the last but one of `x2`, as numpy has it; of numbers, the product.

    (n, k), (k, m) -> (n, m), (k,), (k,) -> (), (a, n, k), (b, k, m) -> (a, n, b, m)
    """
    x1, x2 = promoted(x1, x2)
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    if x2.ndim <= 2:
        return _sums(torch.matmul, x1, x2)
    return _sums(untyped.tensordot, x1, x2, ([x1.ndim - 1], [x2.ndim - 2]))


@op
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of all elements, those of `x1` conjugated. (...), (...) -> ()"""
    x1, x2 = promoted(x1, x2)
    return _sums(torch.vdot, torch.flatten(x1), torch.flatten(x2))


@op
def inner(x1: Any, x2: Any) -> Any:
    """The sum over the last axes. (..., k), (*others, k) -> (..., *others)"""
    return _sums(torch.inner, *promoted(x1, x2))


@op
def outer(x1: Any, x2: Any) -> Any:
    """The products of each with each, of the flattened tensors. (n,), (m,) -> (n, m)"""
    x1, x2 = promoted(x1, x2)
    return torch.outer(torch.flatten(x1), torch.flatten(x2))


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors of three along axes: `axisa` and `axisb` of the operands, `axisc` of the result, or `axis` of all.

    (..., 3), (..., 3) -> (..., 3), the other axes broadcast.
    """
    x1, x2 = promoted(x1, x2)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    if {axisa, axisb, axisc} == {-1}:
        return untyped.linalg.cross(x1, x2)
    product = untyped.linalg.cross(torch.moveaxis(x1, axisa, -1), torch.moveaxis(x2, axisb, -1))
    return torch.moveaxis(product, -1, axisc)


@op
def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product. (n, m), (k, l) -> (n * k, m * l)"""
    return torch.kron(*promoted(x1, x2))


@op
def tensordot(x1: Any, x2: Any, axes: int | Sequence[int | Sequence[int]] = 2) -> Any:
    """The sum over `axes`: the last n of `x1` with the first n of `x2`, or (those of `x1`, those of `x2`).

    >>> tensordot(torch.ones(2, 3), torch.ones(3, 4), axes=1).shape
    torch.Size([2, 4])
    """
    x1, x2 = promoted(x1, x2)
    if isinstance(axes, int):
        return _sums(untyped.tensordot, x1, x2, axes)
    first, second = ([each] if isinstance(each, int) else list(each) for each in axes)
    return _sums(untyped.tensordot, x1, x2, (first, second))


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sums over named axes, by Einstein's convention; int8 gives int32. `optimize` and other options of numpy's are taken and not used.

    >>> einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 4)).shape
    torch.Size([2, 4])
    """
    tensors = promoted(*operands)
    if dtype_of(tensors[0]) == torch.int8:
        tensors = [x.to(torch.int32) for x in tensors]
    return torch.einsum(subscripts, *tensors)


@op
def slogdet(x: Any) -> Any:
    """The sign and the logarithm of the absolute value of the determinant. (..., n, n) -> (...), (...)"""
    return tuple(untyped.linalg.slogdet(floating(x)))
