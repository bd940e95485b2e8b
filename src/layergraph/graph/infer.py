"""The shapes and dtypes of a call's results: declared where a rule says them, else probed on the meta device."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.node import Constant, Op
from layergraph.graph.spec import Shape, TensorSpec, broadcast
from layergraph.graph.structure import alike, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, target_name

# Far apart: near sizes agree under `x[:, ::16]`, and a dynamic axis would be taken for a constant. The second three serve
# code that needs divisibility.
PROBES = (67, 1031, 8209)
DIVISIBLE_PROBES = (192, 960, 7680)

_ARITHMETIC = {operator.add, operator.sub, operator.mul, operator.truediv, torch.add, torch.sub, torch.mul}


def infer_torch(op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The nest of specs that a torch function (or a method, by name) gives; raises `Fact`."""
    if target in _ARITHMETIC and len(args) == 2 and not kwargs:
        spec = _arithmetic(*args)
        if spec is not None:
            return spec
    function = (lambda value, *rest, **words: getattr(value, target)(*rest, **words)) if op == "method" else target
    return probe(function, args, kwargs, target_name(target))


def _arithmetic(left: Any, right: Any) -> TensorSpec | None:
    """The common case of two symbols of one float dtype, or one and a number, without a probe."""
    specs = [side.spec for side in (left, right) if isinstance(side, SymbolicTensor)]
    numbers = [side for side in (left, right) if type(side) in (int, float)]
    if len(specs) + len(numbers) != 2 or not specs[0].dtype.is_floating_point or specs[0].dtype != specs[-1].dtype:
        return None
    return TensorSpec(_batch_first_broadcast(*(spec.shape for spec in specs)), specs[0].dtype)


def _batch_first_broadcast(*shapes: Shape) -> Shape:
    """`broadcast`, refusing to line up one operand's unknown batch axis with another axis of a higher-rank operand."""
    rank = max(map(len, shapes))
    for shape in shapes:
        if 0 < len(shape) < rank and shape[0] is None:
            raise Fact(
                f"shapes {' and '.join(map(str, shapes))} differ in rank, so broadcasting would line up a batch axis with another",
                "give the lower one more axes (x[:, None]), or use layers.Add(), Multiply(), ..., which do",
            )
    return broadcast(*shapes)


def probe(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """Run a function on meta tensors with three far-apart sizes for what is unknown; sizes that stay are constants.

    Raises `Fact` with torch's own words where no size runs.
    """
    for sizes in (PROBES, DIVISIBLE_PROBES):
        try:
            results = [function(*_on_meta(args, size), **_on_meta(dict(kwargs), size)) for size in sizes]
        except Exception as error:
            failure = error
            continue
        return _merge(results, name)
    raise Fact(f"{type(failure).__name__}: {str(failure).strip().splitlines()[0] if str(failure).strip() else 'no message'}") from failure


def _on_meta(value: Any, size: int) -> Any:
    """Arguments with symbols, specs and tensors as meta tensors, unknown sizes taken as `size`."""

    def leaf_on_meta(leaf: Any) -> Any:
        spec = leaf.spec if isinstance(leaf, SymbolicTensor) else leaf
        if isinstance(spec, TensorSpec):
            return torch.empty([size if n is None else n for n in spec.shape], dtype=spec.dtype, device="meta")
        if isinstance(leaf, np.ndarray):
            leaf = torch.from_numpy(leaf)
        if isinstance(leaf, Constant):
            leaf = leaf.value
        return leaf.detach().to("meta") if isinstance(leaf, Tensor) else leaf

    return map_leaves(leaf_on_meta, value)


def _merge(results: list[Any], name: str) -> Any:
    first = results[0]
    if isinstance(first, Tensor):
        if len({r.ndim for r in results}) > 1 or len({r.dtype for r in results}) > 1:
            raise Fact(f"the rank or dtype that {name} gives depends on sizes known only at run time")
        shape = tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(r.shape for r in results), strict=True))
        return TensorSpec(shape, first.dtype)
    if isinstance(first, dict):
        return {key: _merge([r[key] for r in results], name) for key in first}
    if isinstance(first, list | tuple):
        if len({len(r) for r in results}) > 1:
            raise Fact(f"the number of tensors that {name} gives depends on sizes known only at run time")
        return alike(first, [_merge(list(each), name) for each in zip(*results, strict=True)])
    if first is None:
        return None
    raise Fact(f"{name} gives {type(first).__name__}, and a graph holds tensors only", "do this inside a custom Layer's call()")


def probe_module(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """`probe` a module through a copy on the meta device: its own tensors are neither copied nor touched."""
    on_meta = {id(t): t.detach().to("meta").requires_grad_(t.requires_grad) for t in (*module.parameters(), *module.buffers())}
    memo: dict[int, Any] = {
        key: nn.Parameter(t, requires_grad=t.requires_grad) if t.is_floating_point() else t for key, t in on_meta.items()
    }
    twin = copy.deepcopy(module, memo)
    return probe(twin, args, kwargs, name)
