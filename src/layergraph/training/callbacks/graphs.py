"""The graph of a module for TensorBoard: a box for each call of a layer, under the names that the user gave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch import nn

from ...graph.symbolic import spelled
from .events import Box

_Place = Any  # of a symbol: its node, and its path in the node's result


def boxes_of(module: nn.Module) -> list[Box]:
    """The graph of a functional model, with its nested models as scopes; of any other module, the tree of its parts.

    A layer that is called again has a box for each call, `dense` and `dense_call_2`. A part of an `nn.Sequential` has the part
    before it as its input; of other modules nothing is known of the order.
    """
    drawing = _Drawing()
    if plan_of(module) is None:
        drawing.tree(module)
    else:
        drawing.model(module, "", None)
    return drawing.boxes


def plan_of(module: Any) -> Any:
    """What is recorded of a functional model, or None."""
    return getattr(module, "_plan_made", None) if hasattr(module, "operations") else None


class _Drawing:
    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.taken: set[str] = set()

    def name(self, scope: str, word: str) -> str:
        """A free name: what a graph may hold, and no other box has."""
        word = re.sub(r"[^A-Za-z0-9_.\-]", "_", word)[:200].lstrip("_-") or "n"
        name, number = f"{scope}{word}", 1
        while name in self.taken:
            number += 1
            name = f"{scope}{word}_call_{number}"
        self.taken.add(name)
        return name

    def model(self, module: Any, scope: str, fed: list[str] | None) -> Mapping[_Place, str]:
        """Draws a model into a scope; `fed` are the boxes that its inputs come from. Gives the box of each symbol."""
        plan = plan_of(module)
        names: Mapping[Any, str] = {layer: name for name, layer in module.layer_names().items()}
        shapes = _shapes(plan)
        made: dict[_Place, str] = {}
        for i, (symbol, layer) in enumerate(zip(plan.flat_inputs, plan.input_layers, strict=True)):
            if fed is not None:
                made[symbol.node, symbol.path] = fed[i] if i < len(fed) else fed[-1]
                continue
            name = self.name(scope, names.get(layer) or module.input_names[i])  # a Sequential does not list its Input
            made[symbol.node, symbol.path] = name
            self.boxes.append(Box(name, "InputLayer", (), (tuple(symbol.shape),)))
        for node in plan.nodes:
            inputs = list(dict.fromkeys(made[symbol.node, symbol.path] for symbol in node.needs if (symbol.node, symbol.path) in made))
            inner = node.target if node.op == "layer" and plan_of(node.target) is not None else None
            word = names.get(node.target, "layer") if node.op == "layer" else spelled(node)
            name = self.name(scope, word)
            if inner is not None:
                results = self._nested(inner, name, node, made)
                for path in shapes.get(node, {}):
                    made[node, path] = results[min(_index(inner, path), len(results) - 1)]
                continue
            kind = type(node.target).__name__ if node.op == "layer" else spelled(node)
            self.boxes.append(Box(name, kind, tuple(inputs), tuple(shapes.get(node, {}).values())))
            made |= {(node, path): name for path in shapes.get(node, {})}
        return made

    def _nested(self, inner: Any, name: str, node: Any, made: Mapping[_Place, str]) -> list[str]:
        """The boxes that give the outputs of a model inside a model."""
        fed = [made[symbol.node, symbol.path] for symbol in node.parents if (symbol.node, symbol.path) in made]
        inside = self.model(inner, f"{name}/", fed or None)
        return [inside[symbol.node, symbol.path] for symbol in plan_of(inner).flat_outputs]

    def tree(self, module: nn.Module) -> None:
        before: dict[str, str] = {}
        for path, part, chained in _leaves(module):
            scope, _, word = path.rpartition(".")
            name = self.name(f"{scope.replace('.', '/')}/" if scope else "", word or type(part).__name__)
            inputs = (before[scope],) if chained and scope in before else ()
            before[scope] = name
            self.boxes.append(Box(name, type(part).__name__, inputs))


def _leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module, bool]]:
    """(path, module, whether it stands in an nn.Sequential) of each part without parts."""
    chained: dict[str, bool] = {}
    parts = cast("Iterator[tuple[str, nn.Module]]", module.named_modules())
    for path, part in parts:
        chained[path] = isinstance(part, nn.Sequential)
        if not part._modules:
            yield path, part, chained.get(path.rpartition(".")[0], False)


def _shapes(plan: Any) -> dict[Any, dict[Any, tuple[int | None, ...]]]:
    """The shapes of what each node gives, as far as somebody reads it."""
    found: dict[Any, dict[Any, tuple[int | None, ...]]] = {}
    read = [symbol for node in plan.nodes for symbol in node.needs]
    for symbol in (*plan.flat_inputs, *read, *plan.flat_outputs):
        found.setdefault(symbol.node, {})[symbol.path] = tuple(symbol.shape)
    return found


def _index(inner: Any, path: Any) -> int:
    """Which of a nested model's flat outputs stands at a path."""
    from ...graph.structure import leaves_with_path

    outputs: Any = plan_of(inner).outputs
    outputs = outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    paths = [each for each, _ in leaves_with_path(outputs)]
    return paths.index(path) if path in paths else 0
