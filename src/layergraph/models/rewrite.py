"""Recording again what an edit of a graph reaches: the rest keeps its nodes, and every layer its weights.

Nodes are walked once, oldest first. A node none of whose arguments changed stays as it is. One whose arguments have the
shapes and dtypes that they had is recorded again as it was, without asking its layer; else its layer says what it gives now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from layergraph.errors import ArgumentError, Fact, LayergraphError, ShapeError, describe, shown
from layergraph.graph.node import NO_MASKS, Node
from layergraph.graph.record import given_by, sources
from layergraph.graph.symbolic import Symbol, SymbolicTensor, maker, map_symbols, symbol_of, symbols_in, target_name
from layergraph.graph.walk import Key, key
from layergraph.models.plan import infer_call

Make = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""What stands in the place of a node: takes its arguments as they are now, gives a nest of symbols."""


class Rewriting:
    """One walk over a model's nodes.

    Args:
        doing: what is done, for messages: `replace('dense')`.
        fix: what to type where a later node no longer fits, from that node; None for what the layer itself says.
    """

    def __init__(self, doing: str = "", fix: Callable[[Node], str | None] = lambda node: None):
        self._doing = doing
        self._fix = fix
        self._results: dict[Node, Any] = {}  # a node: the same call, recorded again; else a nest of symbols
        self._known: dict[Key, Any] = {}

    def run(self, nodes: Iterable[Node], instead: Mapping[Node, Make], after: Mapping[Node | SymbolicTensor, Callable[[Any], Any]]) -> None:
        """Walk the nodes, oldest first; `instead` of some nodes stands something else, and `after` some nodes or Inputs comes more."""
        for symbol, then in after.items():
            if isinstance(symbol, SymbolicTensor):
                self.put(symbol, self._tensor(then(symbol), symbol, ()))
        for node in nodes:
            make, then = instead.get(node), after.get(node)
            if make is None and then is None and all(self.now(parent) is parent for parent in node.needs):
                continue
            args, kwargs = map_symbols(self.now, node.args), map_symbols(self.now, dict(node.kwargs))
            result: Any = make(args, kwargs) if make is not None else self._again(node, args, kwargs)
            if then is not None:
                result = then(self._nest(node, result))
            self._results[node] = result

    def put(self, symbol: SymbolicTensor, now: SymbolicTensor) -> None:
        """Let another symbol stand for this one."""
        self._known[key(symbol)] = now

    def now(self, symbol: Any) -> Any:
        """What stands for a symbol now: itself, where nothing that it depends on has changed."""
        known = self._known.get(key(symbol))
        if known is None:
            result = self._results.get(symbol.node, symbol)
            if isinstance(result, Node):
                known = symbol_of(symbol.spec, result, symbol.path)
            else:
                known = symbol if result is symbol else self._tensor(result, symbol, symbol.path)
            self._known[key(symbol)] = known
        return known

    def _again(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        parents = [(self.now(parent), parent) for parent in node.needs]
        if all(now is before for now, before in parents):
            return node
        parents = parents[: len(node.parents)]  # masks change no shape
        if all(_alike(now, before) for now, before in parents):
            return _recorded(node, args, kwargs, None)
        if node.op == "layer":
            args = tuple(node.target._cast_symbols(arg) for arg in args)
        given = sources(symbols_in(args, kwargs))
        try:
            output = infer_call(node, _specs(args), _specs(kwargs))
        except Fact as fact:
            who = node.target.label if node.op == "layer" else f"torch {target_name(node.target)}"
            raise ShapeError(
                f"{who} does not fit any more after {self._doing}: {fact.what}",
                self._fix(node) or fact.fix,
                details=[*given, f"{who} was called at {describe(node.place)}"],
            ) from None
        except LayergraphError:
            raise
        except Exception as error:
            error.add_note("\n".join([f"while {self._doing} called again what was called at {describe(node.place)}", *given]))
            raise
        return given_by(_recorded(node, args, kwargs, output), output)

    def _nest(self, node: Node, result: Any) -> Any:
        """A result as a nest of symbols."""
        if not isinstance(result, Node):
            return result
        before = result_of(node)
        return before if result is node else map_symbols(lambda each: symbol_of(each.spec, result, each.path), before)

    def _tensor(self, result: Any, symbol: Any, path: tuple[Any, ...]) -> Any:
        found, way = result, list(path)
        while way and _has(found, way[0]):
            found = found[way.pop(0)]
        found = result if way else found
        if way or not isinstance(found, SymbolicTensor if isinstance(symbol, SymbolicTensor) else Symbol | int | float):
            raise ArgumentError(f"{self._doing}: {maker(symbol)} gave a tensor here, and what stands there now gives {shown(found)}")
        return found


def _has(nest: Any, step: Any) -> bool:
    if isinstance(nest, dict):
        return step in nest
    return isinstance(nest, list | tuple) and isinstance(step, int) and step < len(cast("list[Any]", nest))


def _recorded(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Node:
    """The same call on other arguments, which may carry other masks; its `output` is None where it is what it was.

    It is the user's line that is kept, and the layer's first call stays its first.
    """
    wired = carried = NO_MASKS
    if node.op == "layer" and (node.carried or any(symbol.node.carried for symbol in (*node.needs, *symbols_in(args, kwargs)))):
        wired = node.target._wired(args, kwargs)
        carried = node.target._carried(args, kwargs, wired, result_of(node) if output is None else output)
    again = Node(node.op, node.target, args, kwargs, symbols_in(args, kwargs), node.place, node.constants, wired, carried)
    if node.op == "layer" and node.target._first is not None:
        node.target._remember(again, None)
    return again


def _alike(now: Any, before: Any) -> bool:
    """Whether nothing that takes the one need be asked again for the other."""
    return isinstance(now, Symbol) and now.spec == before.spec and now.spec.trials == before.spec.trials


def _specs(value: Any) -> Any:
    return map_symbols(lambda symbol: symbol.spec, value)


def result_of(node: Node) -> Any:
    """The nest of symbols that a recorded call gave."""
    first: Any = node.target._first if node.op in ("input", "layer") else None
    if first is not None and first[0] is node:
        return first[1]
    return given_by(node, infer_call(node, _specs(node.args), _specs(dict(node.kwargs))))
