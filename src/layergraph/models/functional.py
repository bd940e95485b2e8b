"""`Functional`: a model of recorded layers, as a torch.fx.GraphModule of stock modules."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import torch
from torch import Tensor, fx, nn

from layergraph.errors import ArgumentError, Fact, GraphError, LayergraphError, shown
from layergraph.graph import walk
from layergraph.graph.lower import Lowering, Nested, Value
from layergraph.graph.names import Namespace, clean
from layergraph.graph.node import Node
from layergraph.graph.spec import TensorSpec
from layergraph.graph.structure import leaves_with_path, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, symbols_in, target_name
from layergraph.kinds import is_dict
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer
from layergraph.layers.recording import OneTensorOut
from layergraph.layers.state import once
from layergraph.layers.tracking import ReservedError
from layergraph.layers.weights import Weight
from layergraph.models import failure
from layergraph.models.arguments import inputs_and_outputs
from layergraph.models.feeding import Fed, RelearnedError
from layergraph.models.masks import HandsMasksOn, replay, specs_of_masks, without_lost_masks
from layergraph.models.model import Model
from layergraph.models.naming import Names
from layergraph.models.places import Placed
from layergraph.models.plan import Plan, describe_plan, make_plan, restore_plan, unpacked
from layergraph.models.surgery import Operable
from layergraph.modes import device_type_of, in_mode
from layergraph.nn.losses import collecting

_TENSORS = {Tensor}
_WRITTEN = frozenset(
    "_plan_made _names _keys _keepers _naming _placed _instead _graph _code _lineno_map _prologue_start _first _calls _symbols".split()
)


class Functional(HandsMasksOn, Model, Operable, Fed, Placed, fx.GraphModule):
    """What `Model(inputs, outputs)` gives: a plain nn.Module whose `code` reads like hand-written PyTorch.

    Call it with tensors by position, a list, a dict by input name, or keywords; numpy arrays are converted. The outputs come in
    the structure in which they were given; a list of one gives the bare tensor. `training=` overrides the mode for a call.

    Args:
        inputs: a symbol, or a nest (list, tuple, dict) of symbols: Inputs, or inner tensors, at which the model is cut.
        outputs: a symbol, or a nest of symbols.
        name: of the model.
        trainable: False freezes all layers.
    """

    _locks = False

    if TYPE_CHECKING:

        def _call_impl(self, *args: Any, **kwargs: Any) -> Any: ...  # torch says no types

    def __init__(self, *args: Any, **kwargs: Any):
        inputs, outputs, words = inputs_and_outputs(type(self), args, kwargs)
        self._start(**words)
        try:
            plan = make_plan(inputs, outputs)
        except GraphError:
            again = without_lost_masks(inputs, outputs)
            if again is None:
                raise
            plan = make_plan(inputs, again)
        self._install(plan)
        if not self._trainable:
            self.trainable = False

    def _start(self, **words: Any) -> None:
        fx.GraphModule.__init__(self, nn.Module(), fx.Graph(), class_name=type(self).__name__)
        self._init_base(**words)
        state = self.__dict__
        state["built"] = True
        state["_keys"] = state["_names"] = {}
        state["_placed"] = {}
        state["_lowered_code"] = state["_code"]

    def _install(self, plan: Plan, naming: Names | None = None) -> None:
        """Settle the names, lower the plan, and take its modules."""
        self._follow_swaps()
        naming = naming or Names(plan.layers)
        naming.add_constants(plan.constants)
        state = self.__dict__
        state["_mixed_dtype"] = next((layer._mixed_dtype for layer in plan.layers if layer._mixed_dtype is not None), None)
        lowering = _lowered(plan, naming.keys, mixed=self._mixed_dtype is not None)
        state.update(_plan_made=plan, _names=naming.names, _keys=naming.keys, _arity=len(plan.flat_inputs), _keepers=None)
        self._put_modules(plan.layers)
        for constant in plan.constants:
            self.register_buffer(naming.keys[constant], constant.value)
        state["_moved_to"] = self._moved()
        self._check_inputs(lowering.graph)
        self.graph = lowering.graph
        self.graph.lint()
        state["_lowered_code"] = self.code
        state["_keepers"] = self._loss_keepers()  # before the first call: torch.compile guards on it

    @property
    def _plan(self) -> Plan:
        return self._plan_made

    def recompile(self) -> Any:
        """Generate the code again from `graph`, as GraphModule does, without fx's wrapper around each call."""
        code = super().recompile()
        type(self).__call__ = _with_own_code(Functional.__call__)
        type(self).__getattr__ = _module_first  # on the path of every call: each `self.dense` goes through it
        failure.forget_source_with(type(self).forward.__code__)
        return code

    def to_folder(self, folder: Any, module_name: str = "FxModule") -> None:
        """As torch's: the code as a file. `module_name` becomes the name of a class in it."""
        if clean(module_name) != module_name:
            raise ArgumentError(f"{self.label}.to_folder: `module_name` must be a plain identifier, got {shown(module_name)}")
        super().to_folder(folder, module_name)

    def _recompile_submodules(self) -> list[Any]:
        return []  # nested models have compiled themselves: doing it again at each level is quadratic in the depth

    # Calling

    @overload
    def __call__(self: OneTensorOut, inputs: SymbolicTensor | Sequence[SymbolicTensor], *more: Any, **kwargs: Any) -> SymbolicTensor: ...
    @overload
    def __call__(self: OneTensorOut, inputs: Tensor | Sequence[Tensor], *more: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride] (the overloads are Layer's own)
        self, *args: Any, **kwargs: Any
    ) -> Any:
        # As many frames as nn.Module.__call__ has. The generated forward checks each tensor in its first lines.
        if kwargs or len(args) != self._arity or type(args[0]) is not Tensor or (len(args) > 1 and {*map(type, args)} != _TENSORS):
            args, training = self._arrange(args, kwargs)
            if symbols_in(args):
                return self._record(args, {} if training is None else {"training": training})
            args = tuple(self._fed(x, index) for index, x in enumerate(args))
            if training is not None:
                with in_mode(self, bool(training)):
                    return self.__call__(*args)
        try:
            keepers = self._keepers
            if keepers is None:
                keepers = self.__dict__["_keepers"] = self._loss_keepers()
            if self._mixed_dtype is not None:
                with torch.autocast(device_type_of(args), self._mixed_dtype), collecting(keepers):
                    return self._call_impl(*args)
            if keepers:
                with collecting(keepers):
                    return self._call_impl(*args)
            return self._call_impl(*args)
        except RelearnedError:
            return self.__call__(*args)
        except LayergraphError:
            raise
        except Exception as error:
            failure.explain(self, error)
            raise

    # As a layer of another model

    def _casts(self, dtype: torch.dtype) -> bool:
        return False  # the generated code casts each input to its Input's dtype

    def compute_output_spec(self, *specs: TensorSpec | None, **kwargs: Any) -> Any:
        for spec, symbol, layer, name in zip(specs, self._plan.flat_inputs, self._plan.input_layers, self.input_names, strict=True):
            if spec is None:
                if not layer.optional:
                    raise Fact(f"the input {name!r} is not optional, and got None", "give it a tensor")
                continue
            sizes = zip(spec.shape[1:], symbol.shape[1:], strict=False)
            if spec.ndim != symbol.ndim or any(a is not None and b is not None and a != b for a, b in sizes):
                raise Fact(f"input {shown(name)} wants shape {symbol.shape}, got {spec.shape}")
        given = [
            spec and TensorSpec(spec.shape, symbol.spec.dtype, spec.trials)
            for spec, symbol in zip(specs, self._plan.flat_inputs, strict=True)
        ]
        return unpacked(self._plan.infer(given))

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = leaves_of_shapes(input_shape)
        specs = [TensorSpec(tuple(shape), symbol.spec.dtype) for shape, symbol in zip(shapes, self._plan.flat_inputs, strict=True)]
        return map_leaves(lambda spec: spec.shape, self.compute_output_spec(*specs))

    def lower(self, lowering: Lowering, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        training, masks = kwargs.pop("training", None), kwargs.pop("mask", None)
        again = replay(self._plan, specs_of_masks(masks)) if masks is not None and self._instead is None else None
        if self._instead is not None or (training is None and (again is None or not again.changed)):
            return lowering.module(key, self._standing(), args, {})
        plan, inside = self._plan, Nested(f"{key}.", self._keys, lowering.mode if training is None else bool(training))
        if again is not None and masks is not None:
            return _packed(plan, again.write(lowering, inside, args, masks, again.outputs))
        values = {walk.key(symbol): value for symbol, value in zip(plan.flat_inputs, args, strict=True)}
        return _packed(plan, lowering.run(plan.nodes, values, plan.flat_outputs, inside))

    # What a model has

    def add_loss(self, loss: Any) -> None:
        raise ArgumentError(
            f"{self.label}.add_loss: a functional model has no call() of its own", "call self.add_loss in the call() of a custom Layer"
        )

    @property
    def layers(self) -> list[Layer]:
        """The layers in Keras's order, Inputs included."""
        self._follow_swaps()
        return self._plan.layers

    @layers.setter
    def layers(self, value: Any) -> None:
        raise ReservedError("`layers` is what the model is made of and cannot be set", "make a new Model from symbols")

    def layer_names(self) -> dict[str, Layer]:
        return {self._names[layer]: layer for layer in self.layers}

    @property
    def operations(self) -> list[Any]:
        """The layers and recorded torch calls in Keras's order."""
        return list(self._plan.operations)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The input symbols, flat."""
        self._follow_swaps()
        return list(self._plan.flat_inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The output symbols, flat."""
        self._follow_swaps()
        return list(self._plan.flat_outputs)

    @property
    def input(self) -> Any:
        """The input symbols as they were given."""
        self._follow_swaps()
        return self._plan.inputs

    @property
    def output(self) -> Any:
        """The output symbols as they were given."""
        self._follow_swaps()
        return self._plan.outputs

    @property
    def input_shape(self) -> Any:
        return map_leaves(lambda symbol: symbol.shape, unpacked(self._plan.inputs))

    @property
    def output_shape(self) -> Any:
        return map_leaves(lambda symbol: symbol.shape, unpacked(self._plan.outputs))

    @property
    def input_names(self) -> list[str]:
        """The names by which data can be given: of the Inputs, or the keys where `inputs` is a dict."""
        if isinstance(self._plan.inputs, dict):
            return ["/".join(map(str, path)) for path, _ in leaves_with_path(self._plan.inputs)]
        return [self._names[layer] for layer in self._plan.input_layers]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, flat; a name that comes twice gets a number."""
        names = {
            walk.key(symbol): self._names[layer] for symbol, layer in zip(self._plan.flat_inputs, self._plan.input_layers, strict=True)
        }
        space = Namespace()
        return [
            space.take(
                names.get(walk.key(symbol))
                or (self._names[symbol.node.target] if symbol.node.op == "layer" else target_name(symbol.node.target))
            )
            for symbol in self._plan.flat_outputs
        ]

    def sublayers(self) -> list[Layer]:
        """The layers of the graph, and those that were set as attributes beside it."""
        layers = self.layers
        known = {*layers}
        return layers + [each for each in self._modules.values() if isinstance(each, Layer) and each not in known]

    def _inlines(self) -> bool:
        return False  # one call in another model's graph

    def modules_under(self, key: str) -> list[tuple[str, nn.Module]]:
        return [(key, self._standing())]

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        pass  # a functional model's layers have settled theirs

    def keras_weights(self) -> list[Weight]:
        return once([weight for layer in self.sublayers() if layer.built for weight in layer.own_weights()])

    def _sync_mode(self, mode: bool | None = None) -> None:
        for layer in self.layers:
            layer._sync_mode(mode)

    # Config

    def get_config(self) -> dict[str, Any]:
        """The graph in Keras's format, as plain data: `layers` with their calls, `input_layers`, `output_layers`.

        A model of layers alone can be read by Keras; recorded torch calls stand as `TorchFunction`. The weights are not in it.
        """
        from layergraph.models.writing import functional_config, written

        return written(self, functional_config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model of fresh layers with the same names, order and graph. Raises `ConfigError`."""
        from layergraph.models.reading import functional_from_config

        return functional_from_config(cls, config, custom_objects)

    # Copies: the plan as flat data, since linked nodes would recurse along the whole graph

    def __reduce__(self) -> Any:
        if self.code != self._lowered_code:
            raise TypeError(f"{self.label} cannot be pickled: its fx graph was edited by hand; pickle its state_dict() instead")
        kind = next(cls for cls in type(self).__mro__ if "GraphModuleImpl" not in cls.__qualname__)
        base = next(cls for cls in kind.__mro__ if not cls.__dict__.get("_mixed"))
        self._follow_swaps()
        description = self._description()
        return _restore, (base, description, {**self._own_state(), "_settled": self._names_and_keys() if description is not None else ()})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        self._follow_swaps()
        twin = Model.__new__(type(self))
        memo[id(self)] = twin
        description = copy.deepcopy(self._description(), memo)
        twin.__dict__.update(copy.deepcopy(self._own_state(), memo), _first=None, _calls=None, _placed={})
        origins: dict[Any, Node] = {}
        if description is not None:
            plan = twin.__dict__["_plan_made"] = restore_plan(description)
            owners: dict[Any, Any] = dict(zip(self._plan.layers, plan.layers, strict=True))
            owners |= zip(self._plan.constants, plan.constants, strict=True)
            origins.update(zip(self._plan.nodes, plan.nodes, strict=True))
            twin.__dict__["_names"] = {owners[old]: name for old, name in self._names.items() if old in owners}
            twin.__dict__["_keys"] = {owners[old]: key for old, key in self._keys.items() if old in owners}
            twin.__dict__["_keepers"] = twin._loss_keepers()
        graph = copy.deepcopy(self.graph)
        for node in graph.nodes:
            node.meta["origin"] = origins.get(node.meta.get("origin"))
        twin.graph = graph
        twin._restored()
        twin._note_places(twin._plan.layers if description is not None else ())
        return twin

    def _remade(
        self, outputs: Any, settled: Mapping[Any, tuple[str, str]], name: str | None = None, same_class: bool = False
    ) -> Functional:
        """Another model over the same layers, which keep the names that they have here, and from the same inputs.

        `settled` gives further names. Layers that no model held before come in this model's mode, dtype and place.
        """
        plan = make_plan(self._plan.inputs, outputs, dict(zip(map(walk.key, self._plan.flat_inputs), self._plan.input_layers, strict=True)))
        for layer in plan.layers:
            if layer._key is None and not isinstance(layer, Model | InputLayer):
                self._receive(layer)
        kind = _own_class(self) if same_class else Functional
        made: Functional = Model.__new__(kind)
        made._start(name=name)
        own = dict(zip((*self._plan.layers, *self._plan.constants), self._names_and_keys(), strict=True))
        made._install(plan, Names(plan.layers, settled={**own, **settled}))
        made.__dict__["training"] = self.training
        return made

    def _receive(self, layer: Layer) -> None:
        """Bring a new layer to where this model's weights are."""
        device = next((p.device for p in self.parameters()), None)
        if device is not None and any(p.device != device or p.dtype != (self._moved_to or p.dtype) for p in layer.parameters()):
            layer.to(device, self._moved_to)
        if not self.training:
            layer.train(False)

    def _settled(self) -> bool:
        return True  # it is built by its own rules

    def _names_and_keys(self) -> list[tuple[str, str]]:
        """The (name, key) of each layer, then of each constant, in the plan's order."""
        return [(self._names.get(each, ""), self._keys[each]) for each in (*self._plan.layers, *self._plan.constants)]

    def _description(self) -> Any:
        """The plan as flat data; None while there is none."""
        return describe_plan(self._plan)

    def _own_state(self) -> dict[str, Any]:
        """What is not written again from the plan."""
        return {name: value for name, value in self.__dict__.items() if name not in _WRITTEN}

    def _restored(self) -> None:
        """A hook, after a copy or a load."""

    def __copy__(self) -> Self:
        twin = Model.__new__(type(self))
        shared = {name: dict(self.__dict__[name]) for name in ("_modules", "_parameters", "_buffers")}
        twin.__dict__.update({**self.__dict__, **shared, "_placed": dict(self._placed)})
        twin.graph = copy.deepcopy(self.graph)
        twin._restored()
        return twin


def _with_own_code(function: Any) -> Any:
    """The function over a code object of its own: torch.compile counts recompilations by code object, over all models."""
    return types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__, function.__defaults__)


def _module_first(self: Any, name: str) -> Any:
    """nn.Module.__getattr__, which asks for parameters and buffers first; a model's code asks for modules alone."""
    try:
        return self.__dict__["_modules"][name]
    except KeyError:
        try:
            return nn.Module.__getattr__(self, name)
        except AttributeError:
            return Layer.__getattr__(self, name)  # which tells what it can of a name that is not there


def _own_class(model: Functional) -> type[Functional]:
    """The class that the user sees, but Functional for a chain that may be none any more."""
    kind = next(cls for cls in type(model).__mro__ if "GraphModuleImpl" not in cls.__qualname__)
    return kind if kind.__init__ is Functional.__init__ else Functional


def functional_class(cls: type[Model]) -> type[Functional]:
    """The class of `MyModel(inputs, outputs)`: a Functional that is also a MyModel."""
    if cls.call is not Layer.call:
        raise ArgumentError(
            f"{cls.__name__} has its own call(), which a model made from inputs and outputs would never run",
            "leave call() out, or make the layers in __init__ after super().__init__() without inputs and outputs",
        )
    return Functional if cls is Model else _mixed(cls)


@functools.cache
def _mixed(cls: type[Model]) -> type[Functional]:
    body = {"__module__": cls.__module__, "_mixed": True, "__init__": Functional.__init__}
    return type(cls.__name__, (cls, Functional), body)  # pyright: ignore[reportGeneralTypeIssues] (`cls` is not Model itself)


def _lowered(plan: Plan, keys: Mapping[Any, str], mixed: bool) -> Lowering:
    lowering = Lowering(keys, mixed=mixed)
    values = lowering.placeholders([(keys[layer], symbol) for layer, symbol in zip(plan.input_layers, plan.flat_inputs, strict=True)])
    lowering.output(_packed(plan, lowering.run(plan.nodes, values, plan.flat_outputs)))
    return lowering


def _packed(plan: Plan, values: Sequence[Value | None]) -> Any:
    """Flat outputs in the structure in which the model gives them."""
    found = iter(values)
    return unpacked(map_leaves(lambda _: next(found), plan.outputs))


def leaves_of_shapes(shapes: Any) -> list[Any]:
    """The shapes in a nest of shapes."""
    if is_dict(shapes):
        return [leaf for name in sorted(shapes) for leaf in leaves_of_shapes(shapes[name])]
    if any(isinstance(item, list | tuple | dict) for item in shapes):
        return [leaf for item in shapes for leaf in leaves_of_shapes(item)]
    return [shapes]


def _restore(base: type[Model], description: Any, state: dict[str, Any]) -> Any:
    model: Any = Model.__new__(base if issubclass(base, Functional) else functional_class(base))
    model._start()
    modules, settled = state.pop("_modules"), state.pop("_settled")
    model.__dict__.update(state)
    if description is not None:
        plan = restore_plan(description)
        model._install(plan, Names(plan.layers, settled=dict(zip((*plan.layers, *plan.constants), settled, strict=True))))
    model._modules.update(modules)
    model._follow_dtype()
    model._restored()
    return model
