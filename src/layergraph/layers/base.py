"""`Layer`: a declaration over a torch module that serves three times: on tensors, on symbols, and lowered."""

from __future__ import annotations

import functools
import inspect
import itertools
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, overload

import numpy as np
import torch
from torch import Tensor, nn

from layergraph import activations, dtype_policies, regularizers
from layergraph.errors import ArgumentError, Fact, LayergraphError, NotBuiltError, Place, ShapeError, describe, shown, user_place
from layergraph.graph.infer import declared, probe_module
from layergraph.graph.lower import Lowering, Part, stand_in
from layergraph.graph.names import snake_case
from layergraph.graph.node import Node
from layergraph.graph.record import record, record_torch, sources
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.graph.structure import leaves, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, has_symbol, symbols_in
from layergraph.layers import declare
from layergraph.layers.autoconfig import auto_config, keeping, made_from
from layergraph.layers.declare import Declared
from layergraph.layers.fields import REQUIRED, Field
from layergraph.layers.state import Stateful
from layergraph.modes import in_mode

_serials = itertools.count()
_HOOKS = frozenset(name for name in nn.Module().__dict__ if "hook" in name)


class OneTensorOut(Protocol):
    """For type checkers: a layer whose `call` gives one tensor."""

    def call(self, *args: Any, **kwargs: Any) -> Tensor: ...


class Layer(Stateful, Declared):
    """The base of all layers, and of your own.

    Write `build(self, input_shape)` to make torch modules or weights, and `call(self, x)` in plain torch:

    >>> import torch
    >>> from layergraph import Input, Model
    >>> from layergraph.layers import Layer
    >>> class Scale(Layer):
    ...     factor: float = 2.0
    ...     def call(self, x):
    ...         return x * self.factor
    >>> x = Input(shape=(3,))
    >>> Model(x, Scale(10.0)(x))(torch.ones(1, 3))
    tensor([[10., 10., 10.]])

    A layer is an nn.Module: it works inside anybody's nn.Module, on tensors. Called on a symbol it records itself.

    Args:
        activity_regularizer: not available yet; only None.
        trainable: False keeps the weights as they are (and BatchNormalization in inference mode).
        dtype: of the weights and the computation; None takes `layergraph.config.dtype_policy()`.
        autocast: False leaves float inputs in the dtype they come in.
        name: unique in a model; one is made from the class where none is given.
    """

    __signature__ = declare.FieldSignature()
    _fields: ClassVar[dict[str, Field]] = {}
    _inlined: ClassVar[bool] = False
    _call_words: ClassVar[frozenset[str]] = frozenset()
    _build_arity: ClassVar[int] = 1
    # Whether `name` follows the fields in Keras's positional order.
    _name_by_position: ClassVar[bool] = False
    # Whether integers are cast to the layer's dtype too: where torch's kernel takes floats only.
    _casts_integers: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._fields = {**cls._fields, **declare.own_fields(cls)}
        cls._inlined = cls.__module__.startswith("layergraph.")
        if "__init__" in cls.__dict__ and not cls._inlined and "_mixed" not in cls.__dict__:
            cls.__init__ = keeping(cls.__init__)
        if "build" in cls.__dict__:
            cls._build_arity = max(1, len(declare.words_of(cls.build)) - 1)
            cls.build = declare.building(cls.build)
        if "call" in cls.__dict__:
            cls._call_words = frozenset(declare.words_of(cls.call))
            if "forward" not in cls.__dict__:  # spares the eager path a frame
                cls.forward = cls.call

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        nn.Module.__init__(self)
        values = declare.bind(self, self._fields, args, kwargs)
        self._init_base(**kwargs)
        for name, value in values.items():
            if isinstance(value, nn.Module):
                setattr(self, name, value)
            else:
                self.__dict__[name] = value
        try:
            self.check_fields()
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def _init_base(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **shape_words: Any,
    ) -> None:
        who = type(self).__name__
        if not isinstance(trainable, bool):
            raise ArgumentError(f"{who}: `trainable` must be True or False, got {shown(trainable)}")
        if regularizers.get(activity_regularizer) is not None:
            raise ArgumentError(f"{who}: `activity_regularizer` is not available yet", "add the term to the loss in your own loop")
        state = self.__dict__
        state["_given_name"] = declare.check_name(name, who)
        state["_name"] = state["_given_name"]
        state["_key"] = None
        state["_serial"] = next(_serials)
        state["_place"] = user_place()
        state["_trainable"] = trainable
        state["_dtype"] = _dtype_name(dtype, who)
        state["autocast"] = autocast
        state["_shape_words"] = shape_words
        state["built"] = False
        state["_building"] = False
        state["_stem"] = None
        state["_first"] = None
        state["_calls"] = None

    def auto_name(self) -> str:
        """What the layer is called where nobody names it."""
        return snake_case(type(self).__name__)

    # To write in a subclass

    def check_fields(self) -> None:
        """Refuse arguments that do not fit each other, by raising `Fact`."""

    def build(self, input_shape: Any) -> None:
        """Make the weights, knowing the shape of the first argument (a list of shapes for a list of tensors)."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, in torch."""
        raise NotImplementedError(f"{type(self).__name__} has no call()")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output, None where a size is unknown."""
        return map_leaves(lambda spec: spec.shape, self._probed((_specs_of(input_shape, self._torch_dtype),), {}))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The specs of the output, from specs in the place of tensors."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return self._probed(args, kwargs)
        shape = self.compute_output_shape(_shapes_of(args[0]))
        dtypes = (args[0].dtype,) if type(args[0]) is TensorSpec else tuple(spec.dtype for spec in leaves(args[0]))
        return _specs_of(shape, self.output_dtype(*dtypes))

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        """The dtype of the output, from the inputs' (after the cast to the layer's own)."""
        return functools.reduce(torch.promote_types, input_dtypes)

    # Calling

    @overload
    def __call__(self: OneTensorOut, inputs: SymbolicTensor | Sequence[SymbolicTensor], *more: Any, **kwargs: Any) -> SymbolicTensor: ...
    @overload
    def __call__(self: OneTensorOut, inputs: Tensor | Sequence[Tensor], *more: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if has_symbol(args, kwargs):
            return self._record(*(self._by_position(kwargs) if not args else (args, kwargs)))
        if not args:
            args, kwargs = self._by_position(kwargs)
        args = tuple(self._admit(arg) for arg in args)
        if not self.built:
            self._build_from(args, kwargs)
        if "training" in kwargs and "training" not in self._call_words:
            return self._call_in_mode(kwargs.pop("training"), args, kwargs)
        return super().__call__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def _by_position(self, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The first argument of `call`, where it came by its name."""
        first = next(iter(inspect.signature(self.call).parameters), None)
        if first not in kwargs:
            raise ArgumentError(f"{self.label} was called without its input", f"write layer({first})")
        return (kwargs[first],), {name: value for name, value in kwargs.items() if name != first}

    def _call_in_mode(self, training: bool | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`training=` for a layer that does not take it: its sub-layers run in that mode, and have their own back afterwards."""
        if training is None:
            return super().__call__(*args, **kwargs)
        with in_mode(self, training):
            return super().__call__(*args, **kwargs)

    def _admit(self, value: Any) -> Any:
        """An eager argument as a tensor of the layer's dtype."""
        if isinstance(value, list | tuple):
            return type(value)([self._admit(item) for item in value])
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if isinstance(value, Tensor) and value.dtype is not self._torch_dtype and self._casts(value.dtype):
            own = next((p.dtype for p in self.parameters() if p.is_floating_point()), self._torch_dtype if not self.built else value.dtype)
            return value if value.dtype == own else value.to(own)
        return value

    def _casts(self, dtype: torch.dtype) -> bool:
        return self.autocast and (dtype.is_floating_point or self._casts_integers)

    def _build_from(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Build on the first eager call; what does not fit is said as it is for symbols."""
        specs = _tensors_to_specs(args)
        try:
            if type(self).compute_output_shape is not Layer.compute_output_shape:
                self.compute_output_shape(_shapes_of(specs[0]))
            self._build_on(specs, kwargs)
        except Fact as fact:
            raise ShapeError(
                f"{self.label}: {fact.what}",
                fact.fix,
                details=[f"got a tensor of shape {spec.shape}" for spec in leaves(specs) if isinstance(spec, TensorSpec)],
            ) from None

    def _build_on(self, specs: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Build for these specs; sub-layers of a layer of the user's build themselves in one run on zeros."""
        shapes = [_shapes_of(spec) for spec in specs if spec is not None]
        self.build(*shapes[: self._build_arity])
        if not self._inlined and any(not layer.built for layer in self.sublayers()):
            device = next((t.device for t in itertools.chain(self.parameters(), self.buffers())), None)
            zeros, words = map_leaves(
                lambda leaf: _zeros(leaf, device) if isinstance(leaf, TensorSpec) else leaf, [list(specs), dict(kwargs)]
            )
            # The generator moves on: under fork_rng, all blocks that draw their own weights would draw the same ones.
            with torch.no_grad(), in_mode(self, False):
                self.call(*zeros, **words)
        if not self.built:  # a build that was never written, or never wrapped
            self._settle_state(tuple(shapes[:1]))

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call on symbols: check, build, declare the output, make the node."""
        place = user_place()
        kwargs = {name: value for name, value in kwargs.items() if not (name in ("training", "mask") and value is None)}
        if self._hooked():
            raise ArgumentError(
                f"{self.label} has hooks, and a graph runs its module, not the layer", "register hooks on the model's module: model.<name>"
            )
        args = tuple(self._cast_symbols(arg) for arg in args)
        symbols = symbols_in(args, kwargs)
        before = self._before_building()
        try:
            output = self._output_of(args, kwargs)
        except Fact as fact:
            self._unbuild(before)
            raise ShapeError(f"{self.label}: {fact.what}", fact.fix, details=sources(symbols), place=place) from None
        except LayergraphError:
            self._unbuild(before)
            raise
        except Exception as error:
            self._unbuild(before)
            error.add_note("\n".join([f"while {self.label} was called on symbols at {describe(place)}", *sources(symbols)]))
            raise
        result = record("layer", self, args, kwargs, output, place)
        self._remember(next(leaf.node for leaf in leaves(result) if isinstance(leaf, SymbolicTensor)), result)
        return result

    def _output_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        specs = _symbols_to_specs(args)
        words = {name: _symbols_to_specs(value) for name, value in kwargs.items() if name != "training"} if kwargs else kwargs
        if not specs or not all(isinstance(leaf, TensorSpec | type(None)) for leaf in leaves(specs)):
            wrong = next((arg for arg in args if not symbols_in(arg)), args)
            raise Fact(f"only tensors may be passed by position, got {type(wrong).__name__} {shown(wrong)}", "pass it by keyword")
        if self._inlined:
            output = declared(self.compute_output_spec, specs, words)  # refuses before anything is built
            if not self.built:
                self._build_on(specs, words)
            return output
        if not self.built:
            self._build_on(specs, words)
        return declared(self.compute_output_spec, specs, words)

    def _cast_symbols(self, value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            dtype = value.spec.dtype
            return (
                record_torch("method", "to", (value, self._torch_dtype), {}) if dtype != self._torch_dtype and self._casts(dtype) else value
            )
        if isinstance(value, list | tuple):
            return type(value)([self._cast_symbols(item) for item in value])
        return value

    def _remember(self, node: Node, result: Any) -> None:
        if self._first is None:
            self.__dict__["_first"] = (node, result)
        else:
            self.__dict__["_calls"] = self._calls or weakref.WeakSet()
            self._calls.add(node)

    def register_forward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_forward_hook", args, kwargs)

    def register_forward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_forward_pre_hook", args, kwargs)

    def register_full_backward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_full_backward_hook", args, kwargs)

    def register_full_backward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_full_backward_pre_hook", args, kwargs)

    def _register_hook(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A graph runs a layer's module, not the layer: a hook on a recorded layer would never fire."""
        if self._first is not None and self._inlines():
            fix = f"register it on the model's module: model.{self._key or '<name>'}.{name}(...)"
            raise ArgumentError(f"{self.label} is part of a graph, and a graph runs its module, not the layer", fix)
        return getattr(nn.Module, name)(self, *args, **kwargs)

    def _hooked(self) -> bool:
        return bool(self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks) and self._inlined

    def _probed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return probe_module(self, args, kwargs, type(self).__name__)

    def _spec_as_it_stands(self, *args: Any, **kwargs: Any) -> Any:
        """`compute_output_spec`, but by a probe where another module stands in the place of what this layer declares."""
        if self._instead is not None:
            return probe_module(self._instead, args, kwargs, type(self._instead).__name__)
        return self._probed(args, kwargs) if self._swapped else self.compute_output_spec(*args, **kwargs)

    # Lowering

    def lower(self, lowering: Lowering, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write this layer's call into an fx graph: its own `call`, inlined, or one opaque module for a layer of the user's."""
        # a module that is not ours any more has a mode of its own
        if self._swapped or self._instead is not None or (self._inlines() and "training" not in self._call_words):
            kwargs.pop("training", None)
        if not self._inlines():
            return lowering.module(key, self._standing(), args, kwargs)
        made = self._swapped or {}
        parts = {name: Part(lowering, target, module, made.get(name)) for name, target, module in self.parts(key)}
        return type(self).call(stand_in(self, parts), *args, **kwargs)

    def _inlines(self) -> bool:
        function = self.__dict__.get("activation")
        return self._inlined and (function is None or isinstance(function, nn.Module) or activations.is_torch(function))

    def parts(self, key: str) -> list[tuple[str, str, nn.Module]]:
        """(attribute, name in the model, module) of each torch module: one with weights takes the layer's name, several nest."""
        modules = {**({self._stem: self.__dict__[self._stem]} if self._stem else {}), **self._modules}
        if self._suffixes is not None:  # settled before the first swap: a replacement may have weights where the part had none
            return [(name, key + self._suffixes[name], module) for name, module in modules.items() if name in self._suffixes]
        stateful = [name for name, module in modules.items() if _has_state(module)]
        if len(stateful) > 1:
            return [(name, f"{key}.{name}", module) for name, module in modules.items()]
        main = stateful[0] if stateful else next(iter(modules), None)
        return [(name, key if name == main else f"{key}_{name}", module) for name, module in modules.items()]

    def modules_under(self, key: str) -> list[tuple[str, nn.Module]]:
        """(name, module) of what this layer puts into a model under `key`."""
        return [(target, module) for _, target, module in self.parts(key)] if self._inlines() else [(key, self._standing())]

    # State

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        """After `build`: initialise the Keras way, take the dtype, freeze, and show a single module's weights as the layer's own."""
        self.built = True
        self.__dict__["_build_shapes"] = shapes
        for weight in self.own_weights() if self._fields else ():
            initializer = self._field_of(weight, "initializer")
            if initializer is not None:
                weight.initialize(initializer)
        if self._inlined:
            if self._torch_dtype is not torch.get_default_dtype():
                self.to(self._torch_dtype)
            stateful = [name for name, module in self._modules.items() if _has_state(module)]
            if len(stateful) == 1 and not self._parameters and not self._buffers:
                self.adopt(stateful[0], self._modules[stateful[0]])
        if not self._trainable:
            self.trainable = False
        if not self.training:  # the mode was set before there was anything in it
            self.train(False)
        self._sync_mode()

    def _before_building(self) -> dict[str, Any] | None:
        """What `_unbuild` puts back when a build, or what follows it, fails; None for a layer that is built."""
        if self.built:
            return None
        return {name: dict(self.__dict__[name]) for name in ("_parameters", "_buffers", "_modules")}

    def _unbuild(self, before: dict[str, Any] | None) -> None:
        if before is not None:
            if self._stem:
                self.__dict__.pop(self._stem)
            self.__dict__.update(before, built=False, _stem=None)

    # Copies and pickles leave out what is empty in every module: for a deep model that is half of its objects.
    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if value or name not in _HOOKS}
        state.pop("_instead", None)  # it may hold this layer; the model that has it says so again
        return {**state, "_first": None, "_calls": None, "_place": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(state)

    def __getattr__(self, name: str) -> Any:
        declared = getattr(type(self), name, None)
        if isinstance(declared, property):  # Python comes here when a property raises an AttributeError, and would drop its message
            return declared.__get__(self)
        if name.startswith("_") or "_given_name" not in self.__dict__:
            return super().__getattr__(name)
        try:
            return super().__getattr__(name)
        except AttributeError:
            pass
        for weight in self.own_weights() if self.built else ():
            if weight.name == name:
                return weight.tensors[0]
        if not self.built and name in (
            "kernel",
            "bias",
            "embeddings",
            "gamma",
            "beta",
            "recurrent_kernel",
            "moving_mean",
            "moving_variance",
        ):
            raise NotBuiltError(
                f"{self.label} has no `{name}` yet: it has not seen an input",
                f"call it on an Input or a tensor, or {type(self).__name__}.build(input_shape)",
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Keras's attributes

    @property
    def name(self) -> str:
        """The layer's name. Read before a model has given one, it becomes the class's own: `dense`."""
        if self._name is None:
            self.__dict__["_name"] = self.auto_name()
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if self._key is not None:
            raise ArgumentError(
                f"{self.label} cannot be renamed to {shown(name)}: a model has its weights under this name",
                "name it before Model(...) is made",
            )
        self.__dict__["_given_name"] = self.__dict__["_name"] = declare.check_name(name, type(self).__name__)

    @property
    def label(self) -> str:
        """`Dense 'head'`, or `Dense` while it has no name: for messages, where nothing may be settled."""
        return type(self).__name__ + (f" {shown(self._name)}" if self._name is not None else "")

    @property
    def place(self) -> Place | None:
        """The line of the user's code that made the layer."""
        return self._place

    @property
    def dtype(self) -> str:
        return self._dtype

    compute_dtype = variable_dtype = dtype

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        return dtype_policies.DTypePolicy(self._dtype)

    @property
    def _torch_dtype(self) -> torch.dtype:
        return getattr(torch, self._dtype)

    @property
    def input(self) -> Any:
        """The symbol (or symbols) of the first call's input."""
        parents = self._first_call()[0].parents
        return parents[0] if len(parents) == 1 else list(parents)

    @property
    def output(self) -> Any:
        """The symbol (or nest of symbols) that the first call gave."""
        return self._first_call()[1]

    @property
    def calls(self) -> list[Node]:
        """The recorded calls of this layer that still belong to something."""
        first = [self._first[0]] if self._first is not None else []
        return first + sorted(self._calls or (), key=lambda node: node.id)

    def _first_call(self) -> tuple[Node, Any]:
        if self._first is None:
            raise NotBuiltError(
                f"{self.label} has never been called on a symbol and thus has no defined input or output", "call it on an Input"
            )
        return self._first

    # Config

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer: `type(layer).from_config(layer.get_config())`."""
        base = {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self.dtype_policy)}
        if "_arguments" in self.__dict__ and type(self).get_config is Layer.get_config:
            return auto_config(self, base)
        return {**base, **{name: field.encode(getattr(self, name)) for name, field in self._fields.items()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A layer made from what `get_config` gave."""
        return made_from(cls, config)

    def extra_repr(self) -> str:
        told = []
        for name, field in self._fields.items():
            value = field.encode(getattr(self, name))
            if field.default is REQUIRED or value != field.encode(field.check(field.default, self)):
                told.append(f"{name}={shown(value)}")
        return ", ".join(told)


def _zeros(spec: TensorSpec, device: torch.device | None) -> Tensor:
    return torch.zeros([2 if size is None else size for size in spec.shape], dtype=spec.dtype, device=device)


def _has_state(module: nn.Module) -> bool:
    return bool(module._parameters or module._buffers) or any(map(_has_state, module.children()))


def _dtype_name(dtype: Any, who: str) -> str:
    if isinstance(dtype, Mapping):  # Keras's serialized policy
        dtype = dtype["config"]["name"]
    if isinstance(dtype, str) and dtype.startswith("mixed_"):
        raise ArgumentError(
            f"{who}: dtype={dtype!r}: a layer keeps its weights in one dtype", "use torch.autocast around the model for mixed precision"
        )
    return dtype_policies.get(dtype).variable_dtype


def _shapes_of(specs: Any) -> Any:
    return specs.shape if type(specs) is TensorSpec else map_leaves(lambda spec: spec.shape, specs)


def _specs_of(shapes: Any, dtype: torch.dtype) -> Any:
    """Specs from a shape, or a list, tuple or dict of shapes."""
    if isinstance(shapes, dict):
        return {name: _specs_of(shape, dtype) for name, shape in shapes.items()}
    if isinstance(shapes, list | tuple) and any(isinstance(item, list | tuple | dict) for item in shapes):
        return type(shapes)([_specs_of(shape, dtype) for shape in shapes])
    shape: Shape = tuple(shapes)
    return TensorSpec(shape, dtype)


def _symbols_to_specs(value: Any) -> Any:
    return map_leaves(lambda leaf: leaf.spec if isinstance(leaf, SymbolicTensor) else leaf, value)


def _tensors_to_specs(value: Any) -> Any:
    return map_leaves(lambda leaf: TensorSpec(tuple(leaf.shape), leaf.dtype) if isinstance(leaf, Tensor) else leaf, value)
