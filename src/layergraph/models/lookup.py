"""Finding layers, and calls of layers, in a model: by name, by glob, and by a path through nested models.

'conv'         a layer of the model                'block1_*'     all layers whose names match
'shared:1'     its second call in this model       'inner/conv'   a layer of a nested model; each step may be a glob
'relu'         a torch call, as it is named in `model.code` (for calls; layers come first)
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from layergraph.errors import ArgumentError, describe, shown, suggestion
from layergraph.graph.node import Node
from layergraph.graph.structure import leaves
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.kinds import is_sequence, is_set
from layergraph.layers.base import Layer
from layergraph.models.rewrite import result_of

_FIX = "a name, a glob ('block1_*') or a path ('inner/conv')"


def get_layer(model: Any, names: Mapping[str, Layer], name: str | None, index: int | None) -> Layer:
    """The layer of that name, or at that place in `model.layers`. Raises ArgumentError."""
    layers = model.layers
    if (name is None) == (index is None):
        came = "neither came" if name is None else f"both came: {shown(name)} and {index}"
        raise ArgumentError(
            f"{model.label}.get_layer takes a layer's name or its index; {came}", "get_layer('dense') or get_layer(index=1)"
        )
    if index is not None:
        if not -len(layers) <= index < len(layers):
            raise ArgumentError(f"{model.label} has no layer at index {index}: it has {len(layers)} layers")
        return layers[index]
    if name is None or name not in names:
        raise _unknown(model, str(name), str(name), {"layers": names})
    return names[name]


def patterns_in(who: str, names: Iterable[Any]) -> list[str]:
    """Names and globs, given one by one or in lists. Raises ArgumentError."""
    found: list[Any] = [each for name in names for each in (name if is_sequence(name) or is_set(name) else (name,))]
    wrong = [name for name in found if not isinstance(name, str) or not all(name.split("/"))]
    if wrong or not found:
        came = f"got {shown(wrong[0])}" if wrong else "none came"
        fix = f"its name, {wrong[0].name!r}" if wrong and isinstance(wrong[0], Layer) else _FIX
        raise ArgumentError(f"{who} takes names of layers, {came}", fix)
    return found


def is_glob(name: str) -> bool:
    """Whether a name may stand for several."""
    return any(sign in name for sign in "*?[")


def find_layers(model: Any, patterns: Iterable[str]) -> dict[str, Layer]:
    """The layers at names, globs or paths, by their own paths. Raises ArgumentError."""
    seen: dict[Any, Mapping[str, Layer]] = {}
    return {path: layer for pattern in patterns for path, layer in _find_layers(model, pattern, seen)}


def _find_layers(model: Any, pattern: str, seen: dict[Any, Mapping[str, Layer]]) -> list[tuple[str, Layer]]:
    found: list[tuple[str, Any]] = [("", model)]
    for segment in pattern.split("/"):
        for _, layer in found:
            if layer not in seen:
                seen[layer] = _layers_of(layer)
        below = [(f"{path}/{name}".lstrip("/"), seen[layer][name]) for path, layer in found for name in _matching(seen[layer], segment)]
        if not below:
            raise _unknown(found[0][1], segment, pattern, {"layers": seen[found[0][1]]})
        found = below
    return found


def _layers_of(layer: Any) -> Mapping[str, Layer]:
    """By name in a functional model; elsewhere, where names need not be unique, by attribute."""
    if hasattr(layer, "_follow_swaps"):
        return layer.layer_names()
    return {name: each for name, each in layer.named_children() if isinstance(each, Layer)}


def _matching(names: Iterable[str], segment: str) -> list[str]:
    """The name itself, or all that a glob matches."""
    known = dict.fromkeys(names)
    if segment in known:
        return [segment]
    return [name for name in known if fnmatchcase(name, segment)] if is_glob(segment) else []


class Found(NamedTuple):
    """A call in a model: its label, the calls of nested models on the way to it, and its node; for an Input, its symbol."""

    label: str
    way: tuple[Node, ...]
    node: Node
    symbol: SymbolicTensor | None = None

    @property
    def place(self) -> Node | SymbolicTensor:
        """What it is in the graph."""
        return self.node if self.symbol is None else self.symbol

    @property
    def inside(self) -> Found:
        """The same call, seen from the nested model on its way."""
        return Found(self.label.split("/", 1)[1], self.way[1:], self.node, self.symbol)


def find_calls(model: Any, patterns: Iterable[str], *, every: bool) -> list[Found]:
    """The calls at names, globs or paths, each once. Raises ArgumentError.

    A layer that is called several times is asked for by 'name:0', 'name:1', ...; its name alone raises, or gives all its
    calls where `every` is set. A glob gives every call.
    """
    seen: dict[Any, Level] = {}
    found = [each for pattern in patterns for each in _find_calls(model, pattern, every, seen)]
    return list({each.label: each for each in found}.values())


def _find_calls(model: Any, pattern: str, every: bool, seen: dict[Any, Level]) -> list[Found]:
    def level_of(calls: tuple[Node, ...]) -> Level:
        there = calls[-1].target if calls else model
        if there not in seen:
            seen[there] = Level(there)
        return seen[there]

    *way, last = pattern.split("/")
    ways: list[tuple[str, tuple[Node, ...]]] = [("", ())]
    for segment in way:
        below = [
            (f"{prefix}{each.label}/", (*calls, each.node)) for prefix, calls in ways for each in level_of(calls).models(segment, every)
        ]
        if not below:
            raise level_of(ways[0][1]).unknown(segment, pattern)
        ways = below
    found = [
        Found(prefix + each.label, calls, each.node, each.symbol) for prefix, calls in ways for each in level_of(calls).named(last, every)
    ]
    if not found:
        raise level_of(ways[0][1]).unknown(last, pattern)
    return found


class Level:
    """What can be named in one functional model: its Inputs, its layers with their calls, and torch calls as in its code."""

    def __init__(self, model: Any):
        self.model = model
        model._follow_swaps()
        plan = model._plan
        calls: dict[Any, list[Node]] = {layer: [] for layer in plan.layers}
        for node in plan.nodes:
            if node.op == "layer":
                calls[node.target].append(node)
        self.calls = {model._names[layer]: made for layer, made in calls.items() if made}
        self.inputs = {model._names[layer]: symbol for layer, symbol in zip(plan.input_layers, plan.flat_inputs, strict=True)}

    @functools.cached_property
    def torch_calls(self) -> dict[str, Node]:
        """The recorded torch calls, by the name of the line of `model.code` that gives their result."""
        return {name: node for name, node in self._code.items() if node.op in ("function", "method")}

    @functools.cached_property
    def _code(self) -> dict[str, Node]:
        """The recorded node of each line of the code; of several lines of a torch call, the last."""
        own = set(self.model._plan.nodes)
        lines = [(each.name, each.meta.get("origin")) for each in self.model.graph.nodes]
        last = {node: name for name, node in lines if node in own}
        return {name: node for name, node in lines if node in own and (node.op == "layer" or last[node] == name)}

    def named(self, segment: str, every: bool) -> list[Found]:
        """The calls at a name or a glob; none where there are none."""
        if segment in self.inputs:
            return [Found(segment, (), self.inputs[segment].node, self.inputs[segment])]
        if segment in self.calls:
            found = self._labelled(segment)
            if len(found) > 1 and not every:
                raise self._several(segment, found)
            return found
        name, _, number = segment.rpartition(":")
        if name in self.calls and number.isdecimal():
            return [each for each in self._labelled(name) if each.label == segment] or self._no_such_call(name, number)
        if is_glob(segment):
            labelled = [(name, each) for name in self.calls for each in self._labelled(name)]
            return [each for name, each in labelled if fnmatchcase(name, segment) or fnmatchcase(each.label, segment)]
        return [Found(segment, (), self.torch_calls[segment])] if segment in self.torch_calls else []

    def models(self, segment: str, every: bool) -> list[Found]:
        """The calls of nested models at a name or a glob; each model once where `every` call of it is meant."""
        found = [each for each in self.named(segment, every) if each.symbol is None and _is_open(each.node.target)]
        if not every:
            return found
        names = {each.node.target: self.model._names[each.node.target] for each in found}
        if len(found) == 1 and len(self.calls[names[found[0].node.target]]) > 1:
            name = names[found[0].node.target]
            raise ArgumentError(
                f"{found[0].node.target.label} is one model that is called {len(self.calls[name])} times: inside, one call cannot differ",
                f"say {name!r} instead of {segment!r}, to change it for all its calls",
            )
        return list({each.node.target: each._replace(label=names[each.node.target]) for each in found}.values())

    def _labelled(self, name: str) -> list[Found]:
        nodes = self.calls[name]
        return [Found(name if len(nodes) == 1 else f"{name}:{number}", (), node) for number, node in enumerate(nodes)]

    def _several(self, name: str, found: Sequence[Found]) -> ArgumentError:
        lines = [f"{each.label!r} gives {_shapes(each.node)}, called at {describe(each.node.place)}" for each in found[:6]]
        return ArgumentError(
            f"{found[0].node.target.label} is called {len(found)} times in {self.model.label}",
            f"say which call: {found[0].label!r}, or {name + ':*'!r} for all",
            details=lines + ([f"and {len(found) - 6} more"] if len(found) > 6 else []),
        )

    def _no_such_call(self, name: str, number: str) -> list[Found]:
        raise ArgumentError(f"{self.model.label} calls {name!r} {len(self.calls[name])} time(s): there is no call {number}")

    def unknown(self, segment: str, pattern: str) -> ArgumentError:
        """The error for a name that nothing here answers to."""
        if segment in self.calls:  # so it is a step of a path that leads no further
            layer = self.calls[segment][0].target
            what = "is no functional model" if layer._instead is None else f"was replaced by a {type(layer._instead).__name__}"
            return ArgumentError(
                f"{layer.label} {what}: {pattern!r} cannot look inside it",
                "a path leads through models made by Model(inputs, outputs) or Sequential",
            )
        origin = self._code.get(segment)
        if origin is not None and origin.op == "layer":
            name = self.model._names[origin.target]
            return ArgumentError(
                f"{segment!r} in the code of {self.model.label} is a part of {origin.target.label}", f"give {name!r}, the layer's name"
            )
        return _unknown(self.model, segment, pattern, {"layers": [*self.inputs, *self.calls], "torch calls": self.torch_calls})


def _is_open(layer: Any) -> bool:
    """Whether it is a functional model that runs itself: a path can lead through it."""
    return hasattr(layer, "_follow_swaps") and layer._instead is None


def _shapes(node: Node) -> str:
    shapes = [leaf.shape for leaf in leaves(result_of(node)) if isinstance(leaf, SymbolicTensor)]
    return ", ".join(map(str, shapes))


def _unknown(model: Any, segment: str, pattern: str, known: Mapping[str, Iterable[str]]) -> ArgumentError:
    what = f"no layer of {model.label} matches {shown(segment)}" if is_glob(segment) else f"{model.label} has no layer {shown(segment)}"
    names = {kind: list(each) for kind, each in known.items() if each}
    return ArgumentError(
        what + (f", asked for by {shown(pattern)}" if pattern != segment else ""),
        suggestion(segment, [name for each in names.values() for name in each]),
        details=[f"its {kind} are {', '.join(map(shown, each[:12]))}{', ...' if len(each) > 12 else ''}" for kind, each in names.items()],
    )
