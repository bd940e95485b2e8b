"""`clone_model`: the same graph over fresh layers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any

from layergraph.errors import ArgumentError, shown
from layergraph.graph.node import Constant, Node
from layergraph.graph.structure import at_path, leaves, leaves_with_path, map_leaves
from layergraph.graph.symbolic import Symbol, SymbolicTensor, map_symbols, symbols_in
from layergraph.graph.walk import Key, key
from layergraph.layers.base import Layer
from layergraph.layers.core import Input, InputLayer
from layergraph.layers.wrapping import TorchModuleWrapper
from layergraph.models.functional import Functional
from layergraph.models.model import Model
from layergraph.models.sequential import Sequential
from layergraph.models.writing import sequential_names
from layergraph.saving.objects import class_of
from layergraph.saving.registry import CustomObjectScope, get_registered_name

CloneFunction = Callable[[Any], Any]
CallFunction = Callable[..., Any]


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: CloneFunction | None = None,
    call_function: CallFunction | None = None,
    recursive: bool = False,
) -> Any:
    """A model with the same graph over fresh layers, which have the same names and new weights.

    A layer that is called several times, or stands in several models of a nest, is one layer in the clone too. A model that
    is compiled gives a compiled clone, unless its optimizer is one of torch's, which holds the old weights. A module that
    `wrap` made a layer is copied, with the weights that it has.

    Args:
        model: a functional model, a Sequential, or a subclassed model with a config.
        input_tensors: symbols to build on, in the structure of `model.input`; fresh Inputs where it is None.
        clone_function: gives the layer to stand for a layer that is no Input; `lambda layer: layer` shares the weights.
        call_function: `call_function(layer, *args, **kwargs)` makes the calls of the new layers; it may add others.
        recursive: whether nested models are cloned in the same way, instead of from their config.

    Raises:
        ArgumentError: for arguments that do not fit the model.
        ConfigError: for a layer without a config.

    >>> from layergraph import Input, Model, layers
    >>> x = Input(shape=(4,))
    >>> model = Model(x, layers.Dense(2)(x))
    >>> twin = clone_model(model)
    >>> sorted(twin.state_dict()) == sorted(model.state_dict()), twin.layers[1] is model.layers[1]
    (True, False)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model takes a model, got {type(model).__name__} {shown(model)}")
    if call_function is not None and (isinstance(model, Sequential) or not isinstance(model, Functional)):
        raise ArgumentError(f"clone_model: `call_function` needs a functional model; {model.label} is none", "leave it out")
    if not isinstance(model, Functional):
        if clone_function is not None or input_tensors is not None:
            raise ArgumentError(
                f"clone_model: `clone_function` and `input_tensors` need a functional model or a Sequential; {model.label} is none",
                "leave them out",
            )
        return class_of(type(model)).from_config(model.get_config())
    with CustomObjectScope(_own_objects(model)):
        return _Cloning(clone_function, call_function, recursive).clone(model, model.name, input_tensors, call_function)


def _own_objects(model: Any) -> dict[str, Any]:
    """The classes of the user's in a model, and the functions that its layers hold: they need not be registered for a clone."""
    layers = model._flatten_layers()
    kinds = [class_of(type(layer)) for layer in layers]
    functions = [layer.__dict__[word] for layer in layers for word in layer._fields if isinstance(layer.__dict__.get(word), FunctionType)]
    return {
        **{get_registered_name(kind): kind for kind in kinds if not kind.__module__.startswith("layergraph.")},
        **{f"{function.__name__}>{number}": function for number, function in enumerate(functions)},
    }


class _Cloning:
    """One call of `clone_model`: what stands for each layer met so far."""

    def __init__(self, clone_function: CloneFunction | None, call_function: CallFunction | None, recursive: bool):
        self.clone_function, self.call_function, self.recursive = clone_function, call_function, recursive
        self.made: dict[Any, Any] = {}
        self.copied: dict[int, Any] = {}

    def clone(self, model: Any, name: str, input_tensors: Any, call_function: CallFunction | None) -> Any:
        if isinstance(model, Sequential):
            made = self.sequential(model, name, input_tensors)
        else:
            made = self.functional(model, name, input_tensors, call_function or _call)
        _compile_alike(model, made)
        return made

    def layer(self, layer: Any, name: str) -> Any:
        found = self.made.get(layer)
        if found is None:
            found = self.made[layer] = self.fresh(layer, name)
        return found

    def fresh(self, layer: Any, name: str) -> Any:
        if isinstance(layer, Functional) and (self.recursive or self.clone_function is None):
            return self.clone(layer, name, None, self.call_function if self.recursive else None)
        if self.clone_function is not None:
            found = self.clone_function(layer)
            if not isinstance(found, Layer):
                raise ArgumentError(f"clone_model: `clone_function` gave {shown(found)} for {layer.label}; it must give a layer")
            return found
        config = layer.get_config()
        if type(layer) is TorchModuleWrapper:  # how to make another module nobody knows: what two layers share, their copies share
            words: dict[str, Any] = {**config, "name": name, "module": copy.deepcopy(layer.module, self.copied)}
            return TorchModuleWrapper(**words)
        return class_of(type(layer)).from_config({**config, "name": name} if "name" in config else config)

    def functional(self, model: Any, name: str, input_tensors: Any, call_function: CallFunction) -> Any:
        plan, names = model._plan, model._names
        inputs = self.inputs(model) if input_tensors is None else _checked(model, input_tensors)
        known: dict[Key, Any] = {key(old): new for old, new in zip(plan.flat_inputs, leaves(inputs), strict=True)}
        results: dict[Node, Any] = {}

        def new_symbol(symbol: Any) -> Any:
            place = key(symbol)
            return known[place] if place in known else at_path(results[symbol.node], symbol.path)

        written = {*plan.operations}
        for node in plan.nodes:
            if node.op != "layer" and node not in written:
                continue  # it computes a mask, and comes again by itself
            args, kwargs = map_symbols(new_symbol, node.args), map_symbols(new_symbol, dict(node.kwargs))
            args, kwargs = map_leaves(_value, args), map_leaves(_value, kwargs)
            results[node] = result = self.call(node, names, args, kwargs, call_function)
            _keep_keys(node, result)
        outputs = map_leaves(new_symbol, plan.outputs)
        return class_of(type(model))(inputs=inputs, outputs=outputs, name=name, trainable=model._trainable)

    def call(self, node: Node, names: Any, args: Any, kwargs: Any, call_function: CallFunction) -> Any:
        if node.op != "layer":
            return symbols_in(args, kwargs)[0]._call(node.op, node.target, args, kwargs)
        layer = self.layer(node.target, names[node.target])
        plan = getattr(node.target, "_plan_made", None)
        if plan is not None and len(args) > 1:  # recorded flat
            found = iter(args)
            args = (map_leaves(lambda _: next(found), plan.inputs),)
        return call_function(layer, *args, **kwargs)

    def inputs(self, model: Any) -> Any:
        layers = iter(model._plan.input_layers)
        return map_leaves(lambda _: _fresh_input(next(layers), model._names), model._plan.inputs)

    def sequential(self, model: Any, name: str, input_tensors: Any) -> Any:
        names = sequential_names(model)
        layers: list[Any] = [self.layer(layer, names[layer]) for layer in model.layers]
        first = model._input_layer
        if input_tensors is not None:
            given = leaves(input_tensors)
            if len(given) != 1 or not isinstance(given[0], SymbolicTensor):
                raise ArgumentError(
                    f"clone_model: `input_tensors` of the Sequential {model.label} must be one symbolic tensor, got {shown(input_tensors)}"
                )
            layers = [_input_layer_of(given[0], None if first is None else names[first]), *layers]
        elif first is not None:
            layers = [_fresh_input(first, names), *layers]
        return class_of(type(model))(layers, name=name, trainable=model._trainable)


def _call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


def _fresh_input(layer: InputLayer, names: Any) -> SymbolicTensor:
    config = layer.get_config()
    return Input(batch_shape=config["batch_shape"], dtype=config["dtype"], name=names[layer], optional=config["optional"])


def _input_layer_of(symbol: SymbolicTensor, name: str | None) -> Any:
    if symbol.node.op == "input":
        return symbol.node.target
    return InputLayer(batch_shape=symbol.shape, dtype=symbol.dtype, name=name)


def _checked(model: Any, given: Any) -> Any:
    """`input_tensors`, in the structure of the model's own."""
    for leaf in leaves(given):
        if not isinstance(leaf, SymbolicTensor):
            raise ArgumentError(f"clone_model: `input_tensors` must be symbolic tensors, got {type(leaf).__name__} {shown(leaf)}")
    paths = [[path for path, _ in leaves_with_path(nest)] for nest in (model.input, given)]
    if paths[0] != paths[1]:
        if len(paths[0]) == len(paths[1]) == 1:  # a list of one and the one are the same
            return map_leaves(lambda _: leaves(given)[0], model.input)
        raise ArgumentError(
            f"clone_model: `input_tensors` must be like {model.label}.input, {shown(model.input, 200)}; got {shown(given, 200)}"
        )
    return given


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Constant) else leaf


def _keep_keys(node: Node, result: Any) -> None:
    """The clone's constants go under the keys of the old ones."""
    made = next((leaf.node for leaf in leaves(result) if isinstance(leaf, Symbol)), None) if node.constants else None
    for old, new in zip(node.constants, made.constants if made is not None else (), strict=False):
        new._key = old._key


def _compile_alike(model: Any, made: Any) -> None:
    compiled = model.__dict__.get("_compiled")
    if compiled is None or not hasattr(compiled.optimizer, "get_config"):
        return
    old: Any = compiled.optimizer
    optimizer = old.__class__.from_config(old.get_config())
    words = {word: copy.deepcopy(getattr(compiled, word)) for word in ("loss", "loss_weights", "metrics", "weighted_metrics")}
    made.compile(optimizer=optimizer, **words)
