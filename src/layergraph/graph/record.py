"""Recording: the only maker of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import Fact, Place, ShapeError, describe, user_place
from layergraph.graph.infer import infer_torch
from layergraph.graph.node import NO_MASKS, Constant, Node, Op
from layergraph.graph.refuse import refuse_baked_mode, refuse_bare_module, refuse_in_place
from layergraph.graph.spec import SizeSpec, TensorSpec
from layergraph.graph.structure import Path, alike, leaves, map_leaves, of_kind
from layergraph.graph.symbolic import Symbol, SymbolicTensor, maker, symbol_of, symbols_in, target_name
from layergraph.kinds import is_dict, is_sequence


def record(
    op: Op,
    target: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    output: Any,
    place: Place | None = None,
    masks: Mapping[str, Any] = NO_MASKS,
    carried: Mapping[Path, SymbolicTensor] = NO_MASKS,
) -> Any:
    """Record one call whose result is described by `output`, a nest of specs; gives the same nest of symbols."""
    constants: list[Constant] = []
    if any(isinstance(leaf, Tensor | np.ndarray) for leaf in (*leaves(args), *leaves(dict(kwargs)))):
        args, kwargs = map_leaves(partial(_held, constants), args), map_leaves(partial(_held, constants), dict(kwargs))
    node = Node(op, target, args, kwargs, symbols_in(args, kwargs), place or user_place(), tuple(constants), masks, carried)
    return given_by(node, output)


def given_by(node: Node, output: Any) -> Any:
    """What a node gives, from what its layer or function declares, a nest of specs.

    A layer keeps the batch axis: where its output's is unknown, it is the size that the first input's is.
    """
    first = node.parents[0].spec if node.op == "layer" and node.parents else None
    if first is not None and first.trials is not None:
        output = map_leaves(lambda spec: spec.with_batch_of(first) if isinstance(spec, TensorSpec) else spec, output)
    return symbols_of(node, output)


def _held(constants: list[Constant], leaf: Any) -> Any:
    """A tensor among the arguments as a constant of the graph."""
    if not isinstance(leaf, Tensor | np.ndarray):
        return leaf
    constants.append(Constant(leaf.detach() if isinstance(leaf, Tensor) else torch.from_numpy(leaf)))
    return constants[-1]


def symbols_of(node: Node, output: Any, path: Path = ()) -> Any:
    """The symbols of a node's result; what is no tensor stays as it is."""
    if isinstance(output, TensorSpec | SizeSpec):
        return symbol_of(output, node, path)
    if is_dict(output):
        return of_kind(output, {key: symbols_of(node, item, (*path, key)) for key, item in output.items()})
    if is_sequence(output):
        return alike(output, [symbols_of(node, item, (*path, index)) for index, item in enumerate(output)])
    return output


def record_use(who: Symbol, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Record what a user does with a symbol. dtypes go by their names here, as in Keras: where torch wants a dtype, a name is one."""
    refuse_in_place(who, target, kwargs)
    refuse_bare_module(target, args, kwargs)
    refuse_baked_mode(target, kwargs)
    if "dtype" in kwargs or target in ("to", "type", "view"):
        args, kwargs = map_leaves(_as_dtype, args), map_leaves(_as_dtype, dict(kwargs))
    return record_torch(op, target, args, kwargs)


def _as_dtype(value: Any) -> Any:
    """The torch dtype of a symbol's `dtype`, which is a name."""
    return getattr(torch, value) if isinstance(value, str) and isinstance(getattr(torch, value, None), torch.dtype) else value


def record_torch(op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Record a torch function's or method's call, its result inferred; what is no tensor and no size is given as it is."""
    try:
        output = infer_torch(op, target, args, kwargs)
    except Fact as fact:
        fix = fact.fix
        if fix is None and any(leaf is None for leaf in leaves(args[1:])) and target_name(target) in _TAKE_SIZES:
            fix = "x.shape has None where a size is known only at run time: write x.size(i) there, or -1"
        raise ShapeError(f"torch {target_name(target)}: {fact.what}", fix, details=sources(symbols_in(args, kwargs))) from None
    if not any(isinstance(leaf, TensorSpec | SizeSpec) for leaf in leaves(output)):
        return output
    return record(op, target, map_leaves(_own, args), map_leaves(_own, kwargs) if kwargs else kwargs, output)


_TAKE_SIZES = frozenset(
    "view reshape expand repeat tile broadcast_to unflatten zeros ones full new_zeros new_ones new_full new_empty".split()
)


def _own(value: Any) -> Any:
    """The graph's own copy of a constant: `load_state_dict` writes into it, and the caller may change theirs."""
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    return value.detach().clone() if isinstance(value, Tensor) else value


def sources(symbols: tuple[Any, ...], most: int = 4) -> list[str]:
    """A line for each of the first symbolic tensors: its shape, who made it, and where."""
    symbols = tuple(symbol for symbol in symbols if isinstance(symbol, SymbolicTensor))
    lines = [f"got {symbol.shape} from {maker(symbol)}, made at {describe(symbol.node.place)}" for symbol in symbols[:most]]
    return lines + ([f"and {len(symbols) - most} more"] if len(symbols) > most else [])
