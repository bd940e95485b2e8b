"""What a functional model is, before it is lowered: its inputs, outputs and the recorded nodes between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from layergraph.errors import GraphError, Place, shown
from layergraph.graph.infer import declared, infer_torch
from layergraph.graph.node import NO_MASKS, Constant, Node
from layergraph.graph.spec import TensorSpec
from layergraph.graph.structure import NoTensor, Path, at_path, leaves, leaves_with_path, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, map_symbols, symbol_of, symbols_in, target_name
from layergraph.graph.walk import Key, between, computed_from, keras_order, key
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer


@dataclass(eq=False)
class Plan:
    """A functional model's inputs and outputs as they were given, and everything between them.

    `input_layers` are the owners of the flat inputs, `operations` the layers and torch nodes in Keras's order.
    """

    inputs: Any
    outputs: Any
    flat_inputs: list[SymbolicTensor]
    flat_outputs: list[SymbolicTensor]
    input_layers: list[InputLayer]
    nodes: list[Node]
    operations: list[Any]

    @property
    def layers(self) -> list[Layer]:
        return [operation for operation in self.operations if isinstance(operation, Layer)]

    @property
    def output_masks(self) -> list[SymbolicTensor | None]:
        """The masks that travel with the flat outputs, as far as the inputs tell them."""
        masks = [symbol._keras_mask for symbol in self.flat_outputs]
        return [mask if mask is not None and computed_from(self.flat_inputs, mask) is not None else None for mask in masks]

    @property
    def constants(self) -> list[Constant]:
        return [constant for node in self.nodes for constant in node.constants]

    def infer(self, specs: Sequence[TensorSpec | None]) -> Any:
        """The specs of the outputs when the inputs have these: as declared, or worked out again where they are more precise.

        None stands for an optional input that is left out.
        """
        if all(
            spec is not None and spec == symbol.spec and spec.trials is None for spec, symbol in zip(specs, self.flat_inputs, strict=True)
        ):
            return map_leaves(lambda symbol: symbol.spec, self.outputs)
        known: dict[Key, TensorSpec | None] = {key(symbol): spec for symbol, spec in zip(self.flat_inputs, specs, strict=True)}
        results: dict[Node, Any] = {}

        def spec_of(symbol: Any) -> Any:
            return known[key(symbol)] if key(symbol) in known else at_path(results[symbol.node], symbol.path)

        for node in self.nodes:
            args, kwargs = map_symbols(spec_of, node.args), map_symbols(spec_of, dict(node.kwargs))
            results[node] = infer_call(node, args, kwargs)
        return map_leaves(spec_of, self.outputs)


def infer_call(node: Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The nest of specs that a recorded call gives for these arguments, specs in the place of symbols. Raises `Fact`."""
    if node.op == "masks":
        return node.target._masks_given(map_symbols(lambda symbol: symbol.spec, node.masks["mask"]) if node.masks else None)
    if node.op != "layer":
        return infer_torch(node.op, node.target, tuple(args), kwargs)
    words = {name: value for name, value in kwargs.items() if name != "training"}
    return declared(node.target._spec_as_it_stands, tuple(args), words)


def unpacked(structure: Any) -> Any:
    """A list or tuple of one is the one, as in Keras."""
    return structure[0] if is_sequence(structure) and len(structure) == 1 else structure


def make_plan(inputs: Any, outputs: Any, cuts: Mapping[Key, InputLayer] | None = None) -> Plan:
    """Check a model's inputs and outputs, and find what lies between them. Raises GraphError.

    `cuts` are the Inputs of a model that was cut at inner tensors already, for another one cut there too.
    """
    flat_inputs, flat_outputs = _symbols("inputs", inputs), _symbols("outputs", outputs)
    placeholders: dict[Key, InputLayer] = {}
    for label, symbol in flat_inputs:
        if key(symbol) in placeholders:
            raise GraphError(f"{label} is the same tensor as another of the inputs", "give each tensor once")
        placeholders[key(symbol)] = (cuts or {}).get(key(symbol)) or _entry(symbol)
    inside = [symbol for _, symbol in flat_inputs]
    nodes = between(inside, flat_outputs)
    results = [symbol for _, symbol in flat_outputs]
    operations = keras_order(results, placeholders)
    return Plan(inputs, outputs, inside, results, list(placeholders.values()), nodes, operations)


def _entry(symbol: SymbolicTensor) -> InputLayer:
    """The InputLayer of a model that starts at a tensor: its own, that of `Input(tensor=...)`, or one made for the cut."""
    node = symbol.node
    if symbol.entry is not None:
        return symbol.entry
    if node.op == "input":
        return node.target
    base = node.target._name or node.target.auto_name() if node.op == "layer" else target_name(node.target)
    layer = InputLayer(batch_shape=symbol.shape, dtype=symbol.dtype)
    layer.__dict__["_auto_name"] = f"{base}_output" + "".join(f"_{step}" for step in symbol.path)
    return layer


def _symbols(word: str, structure: Any) -> list[tuple[str, SymbolicTensor]]:
    found = [("".join([word, *(f"[{shown(step)}]" for step in path)]), leaf) for path, leaf in leaves_with_path(structure)]
    if not found:
        raise GraphError(f"`{word}` is empty", "give at least one symbolic tensor")
    for label, leaf in found:
        if isinstance(leaf, NoTensor):
            leaf.refuse()
        if not isinstance(leaf, SymbolicTensor):
            what = (
                "None"
                if leaf is None
                else f"the layer {leaf.label} itself"
                if isinstance(leaf, Layer)
                else f"{type(leaf).__name__} {shown(leaf)}"
            )
            fix = "call the layer: layer(x)" if isinstance(leaf, Layer) else "start from Input(shape=...)"
            raise GraphError(f"{label} is {what}; every one of `{word}` must be a symbolic tensor", fix)
    return found


# Copying and pickling: the nodes as a flat list, since linked nodes would recurse along the whole graph.


@dataclass(frozen=True)
class Ref:
    """A symbol in a flat description: the number of its node, and its place in the node's result."""

    node: int
    path: Path

    def __deepcopy__(self, memo: object) -> Ref:
        return self

    def __reduce__(self) -> tuple[type[Ref], tuple[int, Path]]:
        return Ref, (self.node, self.path)


@dataclass(frozen=True)
class Made:
    """A symbol in the nest that a layer's first call gave."""

    spec: TensorSpec
    path: Path


class Record(NamedTuple):
    """A node in a flat description; `output` is the nest of specs that it gave, or the spec at each place that is read."""

    op: Any
    target: Any
    args: Any
    kwargs: Any
    output: Any
    place: Place | None
    masks: Any = None
    carried: Any = None


@dataclass(frozen=True)
class Description:
    """A plan as flat data. `first` gives, for each layer that has one here, the number of its first call."""

    records: list[Record]
    inputs: Any
    outputs: Any
    input_layers: list[InputLayer]
    operations: list[Any]
    first: list[tuple[Layer, int, Any]]


def describe_plan(plan: Plan) -> Description:
    """The plan as flat data, sorted by age."""
    cut = plan.flat_inputs
    nodes = [*(symbol.node for symbol in cut), *plan.nodes, *_mask_nodes(plan)]
    number = {node: index for index, node in enumerate(dict.fromkeys(sorted(nodes, key=lambda node: node.id)))}
    outside = {symbol.node for symbol in cut} - set(plan.nodes)
    outputs: dict[Node, dict[Path, TensorSpec]] = {node: {} for node in number}
    for symbol in (*cut, *plan.flat_outputs, *(symbol for node in number for symbol in (*node.needs, *node.carried.values()))):
        outputs.setdefault(symbol.node, {})[symbol.path] = symbol.spec

    def ref(value: Any) -> Any:
        return map_symbols(lambda symbol: Ref(number[symbol.node], symbol.path), value)

    records: list[Record] = []
    for node in number:
        if node in outside:  # an input, or the inner tensor at which the model was cut: what made it is not this model's
            records.append(Record("input", node.target if node.op == "input" else None, (), {}, outputs[node], node.place))
        else:
            masks = ref(dict(node.masks)) if node.masks else None, _carried_refs(node, number, ref)
            records.append(Record(node.op, node.target, ref(node.args), ref(dict(node.kwargs)), outputs[node], node.place, *masks))
    first = [
        (layer, number[layer._first[0]], map_symbols(lambda symbol: Made(symbol.spec, symbol.path), layer._first[1]))
        for layer in plan.layers
        if layer._first is not None and layer._first[0] in number
    ]
    operations = [("node", number[each]) if isinstance(each, Node) else each for each in plan.operations]
    return Description(records, ref(plan.inputs), ref(plan.outputs), plan.input_layers, operations, first)


def _carried_refs(node: Node, number: Mapping[Node, int], ref: Callable[[Any], Any]) -> dict[Path, Any] | None:
    return {path: ref(mask) for path, mask in node.carried.items() if mask.node in number} or None


def _mask_nodes(plan: Plan) -> list[Node]:
    """The nodes that compute the masks that travel through the plan, as far as its inputs tell them, and no output needs."""
    known, found = {*plan.nodes, *(symbol.node for symbol in plan.flat_inputs)}, dict[Node, None]()
    for mask in dict.fromkeys(mask for node in plan.nodes for mask in node.carried.values()):
        if mask.node not in known and mask.node not in found:
            found |= dict.fromkeys(computed_from(plan.flat_inputs, mask, known) or ())
    return [node for node in found if node not in known]


def restore_plan(description: Description) -> Plan:
    """A plan over fresh nodes, from flat data."""
    nodes: list[Node] = []
    symbols: dict[tuple[int, Path], Any] = {}

    def symbol(ref: Any) -> Any:
        return symbols[ref.node, ref.path] if isinstance(ref, Ref) else ref

    for index, record in enumerate(description.records):
        args, kwargs = map_leaves(symbol, record.args), map_leaves(symbol, record.kwargs)
        target = record.target
        if record.op == "input" and target is None:
            target = next(
                layer for layer, ref in zip(description.input_layers, leaves(description.inputs), strict=True) if ref.node == index
            )
        constants = tuple(leaf for leaf in (*leaves(args), *leaves(kwargs)) if isinstance(leaf, Constant))
        masks = map_leaves(symbol, record.masks) if record.masks else NO_MASKS
        carried = {path: symbol(mask) for path, mask in record.carried.items()} if record.carried else NO_MASKS
        node = Node(record.op, target, args, kwargs, symbols_in(args, kwargs), record.place, constants, masks, carried)
        nodes.append(node)
        for path, spec in record.output.items():
            symbols[index, path] = symbol_of(spec, node, path)
    for layer, index, result in description.first:
        layer.__dict__["_first"] = (nodes[index], map_leaves(partial(_symbol_of, symbols, nodes[index], index), result))
    for index, record in enumerate(description.records):
        if not isinstance(record.target, Layer) or record.op != "layer":
            continue
        if record.target._first is None:  # its first call is outside: its first one here
            found = [symbols[index, path] for path in sorted(record.output)]
            record.target.__dict__["_first"] = (nodes[index], found[0] if () in record.output else found)
        elif record.target._first[0] is not nodes[index]:
            record.target._remember(nodes[index], None)
    inputs, outputs = map_leaves(symbol, description.inputs), map_leaves(symbol, description.outputs)
    needed = set(between(leaves(inputs), [("outputs", each) for each in leaves(outputs)]))
    return Plan(
        inputs,
        outputs,
        leaves(inputs),
        leaves(outputs),
        description.input_layers,
        [node for node in nodes if node in needed],
        [nodes[each[1]] if isinstance(each, tuple) else each for each in description.operations],
    )


def _symbol_of(symbols: dict[tuple[int, Path], Any], node: Node, index: int, leaf: Any) -> Any:
    if not isinstance(leaf, Made):
        return leaf
    return symbols.setdefault((index, leaf.path), symbol_of(leaf.spec, node, leaf.path))
