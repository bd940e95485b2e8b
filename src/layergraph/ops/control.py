"""Control flow by Keras's names: Python's own, run eagerly.

A graph of torch functions has no branches and no loops that depend on data. On symbols these ops raise `SymbolicError`;
inside a custom layer's `call`, which a graph holds as one call, they work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from layergraph.graph.structure import alike, leaves, map_leaves
from layergraph.graph.symbolic import symbols_in
from layergraph.ops.convert import tensor
from layergraph.ops.define import needs_values, refuse

_FIX = "call it inside the call() of a custom Layer, which a graph holds as one call"


def _eager(function: Callable[..., Any]) -> Any:
    """An op that runs on values alone, and says so to symbols."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        needs_values(function.__name__, "what it runs", _FIX, args, kwargs)
        result = function(*args, **kwargs)
        if symbols_in((result,)):  # a function closed over a symbol
            needs_values(function.__name__, "what it runs", _FIX, result)
        return result

    return call  # not an `op`: what the user's functions raise is theirs


@_eager
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if `pred` holds, else `false_fn()`; `torch.where` chooses element by element, in a graph as well.

    >>> cond(torch.tensor(3) > 2, lambda: "more", lambda: "less")
    'more'
    """
    return true_fn() if pred else false_fn()


@_eager
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`, the index clipped to those that there are."""
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


@_eager
def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """`loop_vars = body(*loop_vars)` for as long as `cond(*loop_vars)` holds, at most `maximum_iterations` times.

    >>> while_loop(lambda i: i < 10, lambda i: i * 2, 3)
    tensor(12, dtype=torch.int32)
    """
    several = isinstance(loop_vars, list | tuple)
    values = _several(map_leaves(tensor, loop_vars))
    done = 0
    while cond(*values) and (maximum_iterations is None or done < maximum_iterations):
        values = _several(body(*values))
        done += 1
    return values if several else values[0]


def _several(values: Any) -> tuple[Any, ...]:
    return tuple(cast("Sequence[Any]", values)) if isinstance(values, list | tuple) else (values,)


@_eager
def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for each i from `lower` to below `upper`, beginning with `init_val`."""
    value = init_val
    for index in range(int(lower), int(upper)):
        value = body_fun(index, value)
    return value


@_eager
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` for each slice of `xs` along its first axis: the last carry, and the ys stacked.

    `xs`, the carry and the ys may be nests of tensors; without `xs`, f gets None `length` times. `unroll` has no effect.

    >>> scan(lambda total, x: (total + x, total + x), torch.tensor(0), torch.tensor([1, 2, 3]))
    (tensor(6), tensor([1, 3, 6]))
    """
    if xs is None and length is None:
        refuse("scan", "got neither xs to scan over nor a length", "give xs, or length")
    xs = None if xs is None else map_leaves(tensor, xs)
    carry = map_leaves(tensor, init)
    count = int(length) if length is not None else leaves(xs)[0].shape[0]
    blank = map_leaves(torch.zeros_like, carry)
    ys: list[Any] = []
    for index in reversed(range(count)) if reverse else range(count):
        carry, y = f(carry, None if xs is None else map_leaves(lambda x, i=index: x[i], xs))
        ys.append(blank if y is None else y)
    return carry, _zipped(lambda items: torch.stack(items), ys[::-1] if reverse else ys)


def _zipped(function: Callable[[list[Any]], Any], nests: list[Any]) -> Any:
    """One nest from several alike: each leaf is `function` of theirs."""
    first = nests[0]
    if isinstance(first, dict):
        return {key: _zipped(function, [nest[key] for nest in nests]) for key in cast("dict[str, Any]", first)}
    if isinstance(first, list | tuple):
        return alike(cast("list[Any]", first), [_zipped(function, list(each)) for each in zip(*nests, strict=True)])
    return function([tensor(nest) for nest in nests])


@_eager
def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative `f` along `axis`: x0, f(x0, x1), f(f(x0, x1), x2), ... in log2(n) calls.

    `elems` may be a nest of tensors; f gets many places at once.

    >>> associative_scan(torch.add, torch.tensor([1, 2, 3, 4]))
    tensor([ 1,  3,  6, 10])
    """
    values = map_leaves(lambda x: torch.flip(tensor(x), (axis,)) if reverse else tensor(x), elems)
    size = leaves(values)[0].shape[axis]
    if any(x.shape[axis] != size for x in leaves(values)):
        refuse("associative_scan", f"the tensors differ in size along axis {axis}: {[tuple(x.shape) for x in leaves(values)]}")
    step = 1
    while step < size:
        early = map_leaves(lambda x, n=size - step: x.narrow(axis, 0, n), values)
        late = map_leaves(lambda x, k=step, n=size - step: x.narrow(axis, k, n), values)
        head = map_leaves(lambda x, k=step: x.narrow(axis, 0, k), values)
        values = _zipped(lambda parts: torch.cat(parts, axis), [head, f(early, late)])
        step *= 2
    return map_leaves(lambda x: torch.flip(x, (axis,)), values) if reverse else values


@_eager
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each slice along the first axis, stacked: one call a slice. `xs` and what f gives may be nests.

    >>> map(lambda x: x * x, torch.tensor([1, 2, 3]))
    tensor([1, 4, 9])
    """

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        return carry, f(x)

    return scan(step, (), xs)[1]


@_eager
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each slice along the first axis, in one call: `torch.vmap`.

    >>> vectorized_map(lambda x: x.sum(), torch.ones(2, 3))
    tensor([3., 3.])
    """
    return torch.vmap(function)(map_leaves(tensor, elements))


def custom_gradient(f: Callable[..., tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """`f` with a gradient of its own: f(*args) gives (output, grad), and grad(*args, upstream=...) the gradients of the args.

    >>> @custom_gradient
    ... def double(x):
    ...     return 2 * x, lambda x, upstream: 10 * upstream
    >>> x = torch.ones(2, requires_grad=True)
    >>> double(x).sum().backward(); x.grad
    tensor([10., 10.])
    """

    @functools.wraps(f)
    def call(*args: Any) -> Any:
        needs_values("custom_gradient", "a gradient", _FIX, args)
        return cast(Any, _CustomGradient).apply(f, *args)

    return call


class _CustomGradient(torch.autograd.Function):
    """Runs `f`, and its `grad` when gradients are asked for."""

    @staticmethod
    def forward(ctx: Any, f: Callable[..., Any], *args: Any) -> Any:
        output, ctx.grad = f(*args)
        ctx.save_for_backward(*(arg for arg in args if isinstance(arg, Tensor)))
        ctx.others = [None if isinstance(arg, Tensor) else arg for arg in args]
        ctx.which = [isinstance(arg, Tensor) for arg in args]
        return output

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        saved = iter(ctx.saved_tensors)
        args = [next(saved) if is_tensor else other for is_tensor, other in zip(ctx.which, ctx.others, strict=True)]
        given = ctx.grad(*args, upstream=grads[0] if len(grads) == 1 else grads)
        return None, *(given if isinstance(given, list | tuple) else (given,))
