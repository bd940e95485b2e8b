"""`Sequential`: a stack of layers, as a Functional that grows."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from layergraph.errors import ArgumentError, DataError, LayergraphError, NotBuiltError, ShapeError, shown
from layergraph.graph.spec import TensorSpec
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.kinds import is_list
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer
from layergraph.models.feeding import RelearnedError
from layergraph.models.functional import Functional
from layergraph.models.naming import Names
from layergraph.models.plan import Plan, describe_plan, make_plan


class Sequential(Functional):
    """Layers one after the other: `Sequential([Dense(64, activation="relu"), Dense(10)])`.

    It learns its input's shape from an `Input(shape=...)` in the first place, from `input_shape=` of the first layer, or from
    the first tensor it is called on; in the last case it takes other sizes later, if its layers do. Once it is built it is a
    Functional: an fx.GraphModule with the same keys.

    Args:
        layers: the layers.
        trainable: False freezes all of them.
        name: of the model.

    >>> from layergraph import Input
    >>> from layergraph.layers import Dense
    >>> Sequential([Input(shape=(784,)), Dense(64, activation="relu"), Dense(10)]).output_shape
    (None, 10)
    """

    def __init__(self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None):
        self._start(trainable=trainable, name=name)
        type(self).__getattr__ = Layer.__getattr__  # tells what an attribute lacks while the model is not built
        self.__dict__.update(
            built=False, _stack=[], _symbols=[], _input_layer=None, _plan_made=None, _arity=-1, _naming=Names(), _given_names={}
        )
        self.__dict__["_shape_learnt"] = False  # whether the input's shape is that of the first call
        for layer in layers or ():
            self.add(layer)

    # Growing

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer at the end; an `Input` may only come first. `rebuild` is taken for Keras's sake: it is built when needed."""
        if isinstance(layer, SymbolicTensor) and layer.node.op == "input":
            layer = layer.node.target
        if not isinstance(layer, Layer):
            hint = "wrap it in a Layer of yours, or layers.Lambda(fn) once it is available" if callable(layer) else "give it a layer"
            if isinstance(layer, nn.Module):
                hint = f"add(wrap({type(layer).__name__}(...)))"
            raise ArgumentError(f"{self.label}.add takes a layer, got {type(layer).__name__} {shown(layer)}", hint)
        if isinstance(layer, InputLayer):
            if self._input_layer is not None or self._stack:
                raise ArgumentError(
                    f"{self.label}.add: an Input may only be the first entry, and {len(self._stack)} layers are there already"
                )
            self._extend([layer])
            return
        self._check_name(layer)
        first = _declared_input(layer) if not self._stack and self._input_layer is None else None
        if first is not None or self._input_layer is not None:
            self._extend([layer] if first is None else [first, layer])
        self._stack.append(layer)
        if layer._given_name is not None:
            self._given_names[layer._given_name] = layer

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off, and give it. `rebuild` is taken for Keras's sake."""
        if not self._stack:
            raise EmptyError(f"{self.label}.pop(): the model is empty")
        layer = self._stack.pop()
        if self._symbols:
            self._symbols.pop()
        if layer not in self._stack:  # it may have come twice
            self._given_names.pop(layer._given_name, None)
            if self._symbols:
                for target, _ in layer.modules_under(self._keys[layer]):
                    self._modules.pop(target.split(".")[0], None)
                    self._placed.pop(target, None)
                self._naming.drop(layer)
        if self._symbols:
            self._register([])
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights, for an input of this shape, batch size included."""
        if input_shape is None:
            raise ArgumentError(f"{self.label}.build needs `input_shape`", "for example build((None, 784))")
        if not self._stack:
            raise ArgumentError(f"{self.label} cannot be built: it has no layers", "model.add(layer) first")
        if self.built:
            if tuple(input_shape)[1:] != self.inputs[0].shape[1:]:
                raise ArgumentError(
                    f"{self.label} is built for input shape {self.inputs[0].shape}; it cannot be built for {tuple(input_shape)}"
                )
            return
        self._begin(InputLayer(batch_shape=(None, *tuple(input_shape)[1:])))

    def _begin(self, first: InputLayer) -> None:
        self._extend([first, *self._stack])

    def _extend(self, layers: Sequence[Layer]) -> None:
        """Call layers on the end of the chain. The graph is written when it is next needed, so n additions take n steps.

        Where one of them refuses, the model and the layers are left as they were.
        """
        input_layer, count = self._input_layer, len(self._symbols)
        before = [(layer, layer._before_building(), layer._first) for layer in layers]
        try:
            self._call_on_end(layers)
        except Exception:
            self.__dict__.update(_input_layer=input_layer, _symbols=self._symbols[:count])
            for layer, state, call in before:
                layer._unbuild(state)
                layer.__dict__["_first"] = call
            raise
        new = [layer for layer in dict.fromkeys(layers) if layer not in self._naming.names]
        self._naming.add(new)
        self._register(new)

    def _call_on_end(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            if isinstance(layer, InputLayer):
                self.__dict__.update(_input_layer=layer, _symbols=[layer.output])
                continue
            _check_single_input(self, layer)
            out = layer(self._symbols[-1])
            if not isinstance(out, SymbolicTensor):
                raise ShapeError(
                    f"{self.label}: {layer.label} gives {shown(out)}; a layer of a Sequential gives one tensor",
                    "use Model(inputs, outputs)",
                )
            self._symbols.append(out)

    def _register(self, layers: Sequence[Layer]) -> None:
        """Take the layers' modules at once, so that parameters() and state_dict() are right between additions."""
        naming = self._naming
        self.__dict__.update(_names=naming.names, _keys=naming.keys, _plan_made=None, _arity=-1, built=len(self._symbols) > 1)
        self._put_modules(layers)
        for layer in layers:
            for _, module in layer.modules_under(naming.keys[layer]):
                module.train(self.training)
            layer._sync_mode()
            if not self._trainable:
                layer.trainable = False
        type(self).__getattr__ = Layer.__getattr__
        type(self).forward = _WRITTEN_WHEN_READ  # until the graph is written, on the class of this instance alone

    # Written when needed

    @property
    def _plan(self) -> Plan:
        plan: Plan | None = self._plan_made
        if plan is None:
            if len(self._symbols) < 2:
                raise NotBuiltError(
                    f"{self.label} is not built: it does not know its input's shape", "put Input(shape=...) first, or call it on a tensor"
                )
            plan = make_plan(self._symbols[0], self._symbols[-1])
            self._install(plan, self._naming)
        return plan

    @property
    def graph(self) -> fx.Graph:
        """The fx graph."""
        if len(self.__dict__.get("_symbols", ())) > 1 and self._plan_made is None:
            _ = self._plan
        return self.__dict__["_graph"]

    @graph.setter
    def graph(self, graph: fx.Graph) -> None:
        fx.GraphModule.graph.__set__(self, graph)

    @property
    def code(self) -> str:
        """The generated code."""
        _ = self.graph
        return self._code

    def forward(self, *args: Any) -> Any:
        if len(self._symbols) < 2:
            if not self._stack:
                raise NotBuiltError(f"{self.label} has no layers", "model.add(layer) first")
            self._learn(args[0].shape, args[0])
        _ = self._plan
        return type(self).forward(self, *args)

    def _arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        if len(self._symbols) < 2:
            if not self._stack:
                raise NotBuiltError(f"{self.label} has no layers", "model.add(layer) first")
            first = next(iter((*args, *(value for name, value in kwargs.items() if name != "training"))), None)
            shape = getattr(first, "shape", None) if not is_list(first) else np.asarray(first).shape
            if shape is None:
                raise NotBuiltError(
                    f"{self.label} learns its input's shape from its first call: it got {shown(first)}", "call it on a tensor"
                )
            self._learn(shape, first)
        _ = self._plan
        return super()._arrange(args, kwargs)

    def _learn(self, shape: Sequence[int | None], x: Any) -> None:
        self._begin(InputLayer(batch_shape=(None, *tuple(shape)[1:]), dtype=_input_dtype(x)))
        self.__dict__["_shape_learnt"] = True

    def _learn_again(self, shape: Sequence[int | None]) -> bool:
        """Whether layers that learnt their sizes from a call take this shape too: then the sizes that differ are unknown from now on."""
        old, symbols = self._input_layer, self._symbols
        if len(shape) != symbols[0].ndim:
            return False
        before = [(layer, layer._first) for layer in self.sublayers()]
        ours = {symbol.node for symbol in symbols}
        sizes = [a if a == b else None for a, b in zip(symbols[0].shape[1:], shape[1:], strict=True)]
        try:
            for layer, call in before:
                if call is not None and call[0] in ours:
                    layer.__dict__["_first"] = None
            self._call_on_end([InputLayer(batch_shape=(None, *sizes), dtype=symbols[0].dtype), *self._stack])
        except LayergraphError:
            self.__dict__.update(_input_layer=old, _symbols=symbols)
            for layer, call in before:
                layer.__dict__["_first"] = call
            return False
        self._naming.drop(old)
        self._naming.add([self._input_layer])
        self._register([self._input_layer])
        return True

    def _standardize(self, x: Any, index: int) -> Tensor:
        try:
            return super()._standardize(x, index)
        except DataError as error:
            if not self._shape_learnt or not self._learn_again(x.shape):
                raise
            raise RelearnedError(str(error)) from None

    def compute_output_spec(self, *specs: TensorSpec | None, **kwargs: Any) -> Any:
        spec = specs[0]
        if not self.built and spec is not None:
            self.build(spec.shape)
        elif spec is not None and self._shape_learnt and spec.shape[1:] != self._symbols[0].shape[1:]:
            self._learn_again(spec.shape)
        return super().compute_output_spec(*specs, **kwargs)

    @Functional.layers.getter
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        self._follow_swaps()
        return list(self._stack)

    def sublayers(self) -> list[Layer]:
        return list(dict.fromkeys(self._stack))

    def layer_names(self) -> dict[str, Layer]:
        return {self._names.get(layer, layer.name): layer for layer in self._stack}

    def _check_name(self, layer: Layer) -> None:
        given = layer._given_name
        if given is not None and self._given_names.get(given, layer) is not layer:
            raise ArgumentError(
                f"{self.label}.add: a layer named {shown(given)} is there already; the names in a model must be unique",
                "name it differently",
            )

    # Config

    def get_config(self) -> dict[str, Any]:
        """The layers in Keras's format, as plain data; the Input among them once the model has one."""
        from layergraph.models.writing import sequential_config, written

        return written(self, sequential_config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model of fresh layers with the same names, built if the config knows the input's shape. Raises `ConfigError`."""
        from layergraph.models.reading import sequential_from_config

        return sequential_from_config(cls, config, custom_objects)

    # Copies

    def _description(self) -> Any:
        return describe_plan(self._plan) if len(self._symbols) > 1 else None

    def _restored(self) -> None:
        plan = self._plan_made if "_plan_made" in self.__dict__ else None
        made = {symbol.node: symbol for node in plan.nodes for symbol in node.parents} if plan else {}
        made |= {symbol.node: symbol for symbol in plan.flat_outputs} if plan else {}
        chain = [made[node] for node in plan.nodes if node.op == "layer"] if plan else []
        first = [self._input_layer] if self._input_layer is not None else []
        symbols = [plan.flat_inputs[0], *chain] if plan else [layer.output for layer in first]
        self.__dict__.update(_stack=list(self._stack), _given_names=dict(self._given_names))  # copy.copy shares what it holds
        self.__dict__.update(_symbols=symbols, _naming=Names([*first, *self.sublayers()] if symbols else []), _plan_made=plan)
        self.__dict__.setdefault("_shape_learnt", False)
        self.__dict__.setdefault("_names", {})
        self.__dict__.setdefault("_keys", {})


class _WrittenWhenRead:
    """`forward` of a stack whose graph is not written: to read it writes the graph. torch.compile reads it before it traces."""

    def __get__(self, model: Any, owner: type) -> Any:
        if model is None or len(model._symbols) < 2:
            return Sequential.forward if model is None else Sequential.forward.__get__(model)
        _ = model._plan
        return model.forward


_WRITTEN_WHEN_READ: Any = _WrittenWhenRead()


class EmptyError(ArgumentError, IndexError):
    """Keras raises an IndexError for pop() from an empty Sequential."""


def _declared_input(layer: Layer) -> InputLayer | None:
    """The Input that a first layer declares by Keras 2's words, or by being a model that has one."""
    words = layer._shape_words
    dtype = layer.dtype
    if "input_shape" in words:
        return InputLayer(shape=words["input_shape"], batch_size=words.get("batch_size"), dtype=dtype)
    if "batch_input_shape" in words or "batch_shape" in words:
        return InputLayer(batch_shape=words.get("batch_input_shape", words.get("batch_shape")), dtype=dtype)
    if "input_dim" in words and isinstance(words["input_dim"], int) and "input_dim" not in layer._fields:
        return InputLayer(shape=(words["input_dim"],), dtype=dtype)
    if isinstance(layer, Functional) and layer.built and len(layer.inputs) == 1:
        return InputLayer(batch_shape=layer.inputs[0].shape, dtype=layer.inputs[0].dtype)
    return None


def _input_dtype(x: Any) -> Any:
    """The dtype of the Input that a first call declares: an integer's own, floatx for floats."""
    dtype = x.spec.dtype if isinstance(x, SymbolicTensor) else x.dtype if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x)).dtype
    return None if dtype.is_floating_point else dtype


def _check_single_input(model: Sequential, layer: Layer) -> None:
    if isinstance(layer, Functional):
        return
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in inspect.signature(layer.call).parameters.values() if p.kind in kinds and p.default is p.empty]
    if len(required) > 1:
        raise ArgumentError(
            f"{model.label}: {layer.label} takes {', '.join(required)}; a layer of a Sequential takes one tensor",
            "use Model(inputs, outputs)",
        )
