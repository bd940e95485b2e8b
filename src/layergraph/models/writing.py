"""A functional model as a config: Keras's format, in which every call stands as it was written.

    {"name", "trainable", "layers": [entry, ...], "input_layers": nest, "output_layers": nest}
    entry: a serialized layer (or torch call) with "name" and "inbound_nodes": [{"args": [...], "kwargs": {...}}, ...]
    tensor: {"class_name": "__keras_tensor__", "config": {"shape", "dtype", "keras_history": [name, call, output]}}

A leaf of the nests is `[name, call, output]`. `call` counts the layer's calls in this model, and `output` the tensors of
the call's result, flat; where the result is nested deeper than a list, it is the path. `reading.py` is the way back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from layergraph.errors import ConfigError, Fact
from layergraph.graph.names import Namespace
from layergraph.graph.node import Node
from layergraph.graph.structure import Path, leaves, leaves_with_path, map_leaves
from layergraph.graph.symbolic import SymbolicSize, SymbolicTensor, spelled
from layergraph.graph.walk import key
from layergraph.identify import Config
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer
from layergraph.models.naming import Names
from layergraph.saving.objects import config_of, layer_config, object_config
from layergraph.saving.operations import torch_config
from layergraph.saving.values import encode, is_list

TENSOR, SIZE = "__keras_tensor__", "__symbolic_size__"

_numbers: ContextVar[Mapping[Layer, int] | None] = ContextVar("layergraph_shared_numbers", default=None)


def functional_config(model: Any) -> Config:
    """The config of a functional model. Raises `Fact` for what has no form."""
    return _Writer(model).config()


def sequential_config(model: Any) -> Config:
    """The config of a Sequential. Raises `Fact`."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": model.dtype}, "registered_name": None}
    first = model._input_layer
    names = sequential_names(model)
    entries = [entry_of(layer, names[layer]) for layer in ([] if first is None else [first]) + model._stack]
    built = {"build_input_shape": list(first.batch_shape)} if first is not None and model.built else {}
    return {"name": model.name, "trainable": model._trainable, "dtype": policy, "layers": entries, **built}


def sequential_names(model: Any) -> Mapping[Layer, str]:
    """The names of a Sequential's layers; while it is not built, those that they would take, which settles them."""
    if model._names:
        return model._names
    names = Names().choose(model.sublayers())
    for layer in model._stack:
        if layer._name is None:  # as reading its name would settle it, but beside the others
            layer.__dict__["_name"] = names[layer]
    return names


def written(model: Any, write: Callable[[Any], Config]) -> Config:
    """`write(model)`; layers that come more than once, in models of models, have a number that says so. Raises `ConfigError`."""
    if _numbers.get() is not None:
        return write(model)
    token = _numbers.set(_shared_layers(model))
    try:
        return write(model)
    except Fact as fact:
        raise ConfigError(f"{model.label}.get_config: {fact.what}", fact.fix) from None
    finally:
        _numbers.reset(token)


def _shared_layers(model: Any) -> dict[Layer, int]:
    """A number for each layer that stands in two models of a nest, or twice in one."""
    counts: Counter[Layer] = Counter()
    seen: set[Layer] = set()
    pending: list[Any] = [model]
    while pending:
        owner = pending.pop()
        if owner not in seen:
            seen.add(owner)
            counts.update(layer for layer in owner.layers if not isinstance(layer, InputLayer))
            pending.extend(layer for layer in dict.fromkeys(owner.layers) if is_model(layer))
    return {layer: number for number, layer in enumerate(each for each, count in counts.items() if count > 1)}


def is_model(layer: Any) -> bool:
    return hasattr(layer.__class__, "output_names")  # a Functional, which stands above this file


def writes_itself(layer: Any) -> bool:
    """Whether `get_config` is this file's, and gives plain data already."""
    return is_model(layer) and layer.__class__.get_config.__module__.startswith("layergraph.")


def entry_of(layer: Layer, name: str) -> Config:
    """A layer's serialized form, under its name in the model."""
    config = config_of(layer)
    if "name" in config and config["name"] != name:
        config = {**config, "name": name}
    entry = layer_config(layer, config, plain=writes_itself(layer))
    number = (_numbers.get() or {}).get(layer)
    return entry if number is None else {**entry, "shared_object_id": number}


class _Writer:
    """The names and numbers by which one model's calls refer to each other."""

    def __init__(self, model: Any):
        self.model, plan = model, model._plan
        self.plan = plan
        space = Namespace()
        self.names: dict[Any, str] = {layer: model._names[layer] for layer in plan.layers}
        for name in self.names.values():
            space.reserve(name)
        self.inputs = {key(symbol): layer for symbol, layer in zip(plan.flat_inputs, plan.input_layers, strict=True)}
        self.skipped = _casts(plan)
        self.calls: dict[Any, list[Node]] = {}
        self.number: dict[Node, int] = {}
        for node in plan.nodes:
            calls = self.calls.setdefault(node.owner, [])
            self.number[node] = len(calls)
            calls.append(node)
        for operation in plan.operations:
            if isinstance(operation, Node) and operation not in self.skipped:
                self.names[operation] = space.take(spelled(operation))

    def config(self) -> Config:
        model = self.model
        entries = [self.entry(operation) for operation in self.plan.operations if operation not in self.skipped]
        return {
            "name": model.name,
            "trainable": model._trainable,
            "layers": entries,
            "input_layers": self.nest(self.plan.inputs),
            "output_layers": self.nest(self.plan.outputs),
        }

    def entry(self, operation: Any) -> Config:
        name = self.names[operation]
        if isinstance(operation, Node):
            entry, args = torch_config(operation, name)
            nodes = [{"args": encode(list(args), self.leaf, exact=True), "kwargs": encode(dict(operation.kwargs), self.leaf, exact=True)}]
            return {**entry, "name": name, "inbound_nodes": nodes}
        calls = [self.call(operation, node) for node in self.calls.get(operation, ())]
        return {**entry_of(operation, name), "name": name, "inbound_nodes": calls}

    def call(self, layer: Layer, node: Node) -> Config:
        args, kwargs = node.args, dict(node.kwargs)
        plan = getattr(layer, "_plan_made", None)
        if plan is not None and len(args) > 1:  # recorded flat; written as the nested model takes it
            found = iter(args)
            args = (map_leaves(lambda _: next(found), plan.inputs),)
        said = {"training": kwargs["training"]} if kwargs.get("training") is False else {}
        return {"args": encode(list(args), self.leaf), "kwargs": encode(kwargs, self.leaf), **said}

    def leaf(self, value: Any) -> Any:
        """The form of what only a graph holds."""
        if isinstance(value, SymbolicTensor):
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": self.place(value)}
            return {"class_name": TENSOR, "config": config}
        if isinstance(value, SymbolicSize):
            return {"class_name": SIZE, "config": {"keras_history": self.place(value)}}
        return object_config(value)

    def place(self, symbol: Any) -> list[Any]:
        outside = self.inputs.get(key(symbol))
        if outside is not None:
            return [self.names[outside], 0, 0]
        node = symbol.node
        if node in self.skipped:
            return self.place(node.parents[0])
        return [self.names[node.owner], self.number[node], _flat_index(node, symbol.path)]

    def nest(self, structure: Any) -> Any:
        return encode(structure, lambda symbol: self.shifted(self.place(symbol), symbol))

    def shifted(self, place: list[Any], symbol: SymbolicTensor) -> list[Any]:
        """Keras counts one call more of a nested functional model, here and only here."""
        nested = key(symbol) not in self.inputs and is_shifted(symbol.node.owner)
        return [place[0], place[1] + 1, place[2]] if nested else place


def is_shifted(owner: Any) -> bool:
    return is_model(owner) and not hasattr(owner, "_stack")


def _casts(plan: Any) -> set[Node]:
    """The casts that recording puts before layers by itself, where nothing else reads them: they come again by themselves."""
    found = {node for node in plan.nodes if node.op == "method" and node.target == "to" and len(node.args) == 2 and not node.kwargs}
    if not found:
        return found
    found -= {symbol.node for symbol in plan.flat_outputs}
    for node in plan.nodes:
        for parent in node.parents:
            if parent.node in found and not _comes_again(node, parent):
                found.discard(parent.node)
    return found


def _comes_again(node: Node, made: Any) -> bool:
    source = made.node.args[0]
    by_position = any(each is made for each in leaves(list(node.args)))
    return (
        node.op == "layer"
        and by_position
        and made.spec.dtype is node.target._torch_dtype
        and source.spec.dtype != made.spec.dtype
        and node.target._casts(source.spec.dtype)
    )


def _flat_index(node: Node, path: Path) -> Any:
    """Which of a call's tensors is meant: its number, or the path where only the path can say."""
    if not path:
        return 0
    owner = node.owner
    plan = getattr(owner, "_plan_made", None)
    if plan is not None:
        outputs: Any = plan.outputs[0] if is_list(plan.outputs) and len(plan.outputs) == 1 else plan.outputs
        return [each for each, _ in leaves_with_path(outputs)].index(path)
    if isinstance(owner, Layer) and owner._first is not None:
        paths = [each for each, _ in leaves_with_path(owner._first[1])]
        if path in paths:
            return paths.index(path)
    return list(path)


def to_json(model: Any, **kwargs: Any) -> str:
    """A model's serialized form as JSON. Raises `ConfigError`."""
    try:
        return json.dumps(layer_config(model, plain=writes_itself(model)), **kwargs)
    except Fact as fact:
        raise ConfigError(f"{model.label}.to_json: {fact.what}", fact.fix) from None
