"""`vectorize`: a function of single values, or of small tensors, called on whole tensors."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from typing import Any, cast

import torch

from layergraph.ops.convert import tensor, untyped
from layergraph.ops.define import needs_values, op, refuse


@op
def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Collection[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """`pyfunc` over tensors that broadcast: of one value of each in a call, by `torch.vmap`. It takes tensors, and no symbols.

    Args:
        pyfunc: a function of tensors without axes, or with those that `signature` gives them.
        excluded: the positions of arguments that are passed on as they are; arguments by name always are.
        signature: the axes that a call takes and gives, as numpy writes it: "(n,m),(m)->(n)".

    >>> larger = vectorize(lambda a, b: torch.where(a > b, a, b))
    >>> larger([1, 5], [[2], [9]])
    tensor([[2, 5],
            [9, 9]], dtype=torch.int32)
    """
    left = set(excluded or ())
    taken = None if signature is None else signature.split("->")[0]
    if taken is not None and "->" not in str(signature):
        refuse("vectorize", f"`signature` must say what is taken and given, got {signature!r}", "signature='(n),(n)->()'")
    axes = None if taken is None else [len(re.findall(r"\w+", each)) for each in re.findall(r"\(([^)]*)\)", taken)]

    @functools.wraps(pyfunc)
    def call(*args: Any, **kwargs: Any) -> Any:
        needs_values("vectorize", "what `pyfunc` does", "do this inside a custom Layer's call()", args, kwargs)
        places = [i for i, arg in enumerate(args) if i not in left and arg is not None]
        tensors = [tensor(args[i]) for i in places]
        inner = axes or [0] * len(tensors)
        if len(inner) != len(tensors):
            refuse("vectorize", f"signature {signature!r} has {len(inner)} arguments, and {len(tensors)} came")
        split = [x.ndim - n for x, n in zip(tensors, inner, strict=True)]
        shape = untyped.broadcast_shapes(*(x.shape[:n] for x, n in zip(tensors, split, strict=True)))
        rows = [x.expand((*shape, *x.shape[n:])).reshape((-1, *x.shape[n:])) for x, n in zip(tensors, split, strict=True)]

        def one(*values: Any) -> Any:
            given = list(args)
            for i, value in zip(places, values, strict=True):
                given[i] = value
            return pyfunc(*given, **kwargs)

        result = torch.vmap(one)(*rows)
        if isinstance(result, tuple):
            return tuple(each.reshape((*shape, *each.shape[1:])) for each in cast("tuple[Any, ...]", result))
        return result.reshape((*shape, *result.shape[1:]))

    return call
