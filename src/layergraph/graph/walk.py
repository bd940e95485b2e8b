"""Walks over recorded nodes: what lies between inputs and outputs, and Keras's order of layers. No recursion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from layergraph.errors import GraphError, describe
from layergraph.graph.node import Node
from layergraph.graph.structure import Path
from layergraph.graph.symbolic import SymbolicTensor, maker

Key = tuple[Node, Path]


def key(symbol: SymbolicTensor) -> Key:
    """What identifies a symbol: its node, and its place in the node's result."""
    return symbol.node, symbol.path


def between(inputs: Iterable[SymbolicTensor], outputs: Sequence[tuple[str, SymbolicTensor]]) -> list[Node]:
    """The nodes that compute `outputs` ((label, symbol) pairs) from `inputs`, oldest first.

    Raises GraphError where an output depends on an Input that is not among `inputs`.
    """
    given = {key(symbol) for symbol in inputs}
    found: set[Node] = set()
    for label, output in outputs:
        pending = [output]
        while pending:
            symbol = pending.pop()
            if key(symbol) in given or symbol.node in found:
                continue
            if symbol.node.op == "input":
                raise GraphError(
                    f"{label} is not connected to `inputs`: it also depends on {maker(symbol)} of shape {symbol.shape}, "
                    "which is not among them",
                    "add that Input to `inputs`, or start from a tensor further down",
                    details=[f"made at {describe(symbol.node.place)}"],
                )
            found.add(symbol.node)
            pending.extend(symbol.node.needs)
    return sorted(found, key=lambda node: node.id)


def computed_from(inputs: Iterable[SymbolicTensor], symbol: SymbolicTensor, known: Collection[Node] = ()) -> list[Node] | None:
    """The nodes that compute a symbol from `inputs` and what is `known`, oldest first; None where more is needed."""
    given = {key(each) for each in inputs}
    found: set[Node] = set()
    pending = [symbol]
    while pending:
        each = pending.pop()
        if key(each) in given or each.node in found or each.node in known:
            continue
        if each.node.op == "input":
            return None
        found.add(each.node)
        pending.extend(each.node.needs)
    return sorted(found, key=lambda node: node.id)


def keras_order(outputs: Sequence[SymbolicTensor], placeholders: Mapping[Key, Any]) -> list[Any]:
    """Layers (and torch nodes) in the order of Keras's `model.operations`; `placeholders` gives each input symbol's InputLayer.

    Keras sorts by decreasing depth, the longest way to an output without consumers; ties go by first entry of a depth-first
    walk from the outputs, parents in argument order. An operation called several times counts its greatest depth. Inputs
    that no output needs come last.
    """
    entry: dict[Any, int] = {}
    finished = _post_order(outputs, placeholders, entry)
    depth_of_point: dict[Any, int] = {}
    depth_of_owner: dict[Any, int] = {}
    for point in reversed(finished):
        owner = _owner(point)
        depth = depth_of_owner[owner] = depth_of_point[point] = max(depth_of_point.get(point, 0), depth_of_owner.get(owner, 0))
        for symbol in _parents(point):
            parent = placeholders.get(key(symbol), symbol.node)
            depth_of_point[parent] = max(depth + 1, depth_of_point.get(parent, 0))
    for layer in placeholders.values():
        if layer not in depth_of_owner:
            depth_of_owner[layer], entry[layer] = 0, -1
    return sorted(depth_of_owner, key=lambda owner: (-depth_of_owner[owner], entry[owner]))


def _post_order(outputs: Sequence[SymbolicTensor], placeholders: Mapping[Key, Any], entry: dict[Any, int]) -> list[Any]:
    """Points (nodes and InputLayers) after all their parents; `entry` takes the order in which owners are first met."""
    finished: list[Any] = []
    seen: set[Any] = set()
    stack: list[tuple[Any, Any]] = [(None, iter(outputs))]
    while stack:
        point, symbols = stack[-1]
        for symbol in symbols:
            parent = placeholders.get(key(symbol), symbol.node)
            if parent not in seen:
                seen.add(parent)
                entry.setdefault(_owner(parent), len(entry))
                stack.append((parent, iter(_parents(parent))))
                break
        else:
            stack.pop()
            if point is not None:
                finished.append(point)
    return finished


def _owner(point: Any) -> Any:
    return point.owner if isinstance(point, Node) else point


def _parents(point: Any) -> tuple[SymbolicTensor, ...]:
    return point.parents if isinstance(point, Node) else ()
