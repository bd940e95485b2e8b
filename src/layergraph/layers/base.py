"""`Layer`: a declaration over a torch module that serves three times: on tensors, on symbols, and lowered."""

from __future__ import annotations

import inspect
import itertools
import types
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch
from torch import nn

from layergraph import activations, dtype_policies, regularizers
from layergraph.errors import ArgumentError, Fact, LayergraphError, NoAttributeError, NotBuiltError, Place, shown, user_place
from layergraph.graph.lower import Lowering, Part, in_float32, stand_in
from layergraph.graph.names import snake_case
from layergraph.graph.structure import map_leaves
from layergraph.layers import declare
from layergraph.layers.autoconfig import auto_config, keeping, made_from
from layergraph.layers.declare import Declared
from layergraph.layers.fields import REQUIRED, Field
from layergraph.layers.masking import but_masks
from layergraph.layers.recording import Recorded
from layergraph.layers.state import ACTIVITY
from layergraph.layers.tracking import OURS, MissingInitError, reserved, settle_containers, watch_containers
from layergraph.nn.losses import ActivityLoss

_serials = itertools.count()
# What a class of the user's may have under one of our names.
_TO_WRITE = frozenset(("apply_constraints", "auto_name", "check_fields", "output_dtype", "_inlined"))
# What people will call on a layer or model, and what does it until then.
_LATER = {
    "export": "use torch.export.export(model, (x,)), or torch.onnx.export(model, (x,), path)",
}
# What Keras writes into a config only where it is given.
_TOLD_IF_GIVEN = frozenset(("flash_attention", "gptq_unpacked_column_size", "lora_alpha", "lora_rank", "weights"))
_HOOKS = frozenset(name for name in nn.Module().__dict__ if "hook" in name)


class Layer(Recorded, Declared):
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
        activity_regularizer: of the output: its term, divided by the batch size, is in `losses` after each call.
        trainable: False keeps the weights as they are (and BatchNormalization in inference mode).
        dtype: of the weights and the computation; None takes `layergraph.config.dtype_policy()`.
        autocast: False leaves float inputs in the dtype they come in.
        name: unique in a model; one is made from the class where none is given.
    """

    __signature__ = declare.FieldSignature()
    _fields: ClassVar[dict[str, Field]] = {}
    _inlined: ClassVar[bool] = False
    _call_words: ClassVar[frozenset[str]] = frozenset()
    _training_at: ClassVar[int] = -1
    # Whether `name` follows the fields in Keras's positional order.
    _name_by_position: ClassVar[bool] = False
    _dtype_by_position: ClassVar[bool] = False  # and then `dtype`
    # Keras 2's words for arguments, and what they are called now; taken with a warning, as Keras does.
    _renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})
    # Whether integers are cast to the layer's dtype too: where torch's kernel takes floats only.
    _casts_integers: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith("layergraph."):
            written = {*cls.__dict__, *inspect.get_annotations(cls)} - _TO_WRITE
            for name in sorted(OURS & written):
                raise reserved(cls, name)
        cls._fields = declare.merged(cls._fields, declare.own_fields(cls))
        if "_inlined" not in cls.__dict__ and cls.__module__ != "torch.fx.graph_module":  # fx's class for a model is what its base is
            cls._inlined = cls.__module__.startswith("layergraph.")
        if "__init__" in cls.__dict__ and not cls._inlined and "_mixed" not in cls.__dict__:
            cls.__init__ = keeping(cls.__init__)
        if "build" in cls.__dict__:
            cls.build = declare.building(cls.build)
        if "forward" in cls.__dict__ and "call" not in cls.__dict__ and not cls._inlined:  # torch's word for it
            cls.call = cls.__dict__["forward"]
        if "call" in cls.__dict__:
            words = declare.words_of(cls.call)
            cls._call_words = frozenset(words)
            cls._training_at = declare.place_of("training", cls.call, words) - 1 if "training" in words else -1
            cls._adds_losses = cls._adds_losses or _calls("add_loss", cls)
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
        if self.activity_regularizer is not None:
            self._modules[ACTIVITY] = ActivityLoss(self.activity_regularizer)

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
        state = self.__dict__
        state["_given_name"] = declare.check_name(name, who)
        state["_name"] = state["_given_name"]
        state["_key"] = None
        state["_serial"] = next(_serials)
        state["_place"] = user_place()
        state["_trainable"] = trainable
        self._take_policy(dtype_policies.get(dtype))
        state["autocast"] = autocast
        state["_shape_words"] = shape_words
        state["activity_regularizer"] = regularizers.get(activity_regularizer)
        state["built"] = False
        state["_building"] = False
        state["_stem"] = None
        state["_first"] = None
        state["_calls"] = None

    def _take_policy(self, policy: dtype_policies.DTypePolicy) -> None:
        mixed = policy.compute_dtype != policy.variable_dtype
        # `_mixed_dtype` is what torch.autocast is told while the layer runs
        self.__dict__.update(
            _policy=policy,
            _torch_dtype=getattr(torch, policy.variable_dtype),
            _fed_dtype=getattr(torch, policy.variable_dtype),
            _mixed_dtype=getattr(torch, policy.compute_dtype) if mixed else None,
        )

    def auto_name(self) -> str:
        """What the layer is called where nobody names it."""
        return snake_case(type(self).__name__)

    # To write in a subclass

    def check_fields(self) -> None:
        """Refuse arguments that do not fit each other, by raising `Fact`."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, in torch."""
        raise MissingCallError(f"{self.label} has no call()", "write call(self, x) in your class, and return a tensor")

    # Lowering

    def lower(self, lowering: Lowering, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write this layer's call into an fx graph: its own `call`, inlined, or one opaque module for a layer of the user's."""
        # a module that is not ours any more has a mode of its own
        if self._swapped or self._instead is not None or (self._inlines() and "training" not in self._call_words):
            kwargs.pop("training", None)
        if self._instead is not None:  # nor does it know of masks
            kwargs = but_masks(kwargs)
        if not self._inlines():
            return lowering.module(key, self._standing(), args, kwargs)
        made = self._swapped or {}
        # a layer that is to compute in float32 inside a model under autocast
        whole = lowering.mixed and self._mixed_dtype is None and self._torch_dtype is torch.float32
        args = map_leaves(in_float32, args) if whole else args
        parts = {name: Part(lowering, target, module, made.get(name), whole) for name, target, module in self.parts(key)}
        result = type(self).call(stand_in(self, parts), *args, **kwargs)
        result = map_leaves(parts[ACTIVITY], result) if ACTIVITY in parts else result
        return map_leaves(in_float32, result) if whole else result

    def _inlines(self) -> bool:
        function = self.__dict__.get("activation")
        return self._inlined and (function is None or isinstance(function, nn.Module) or activations.is_torch(function))

    def parts(self, key: str) -> list[tuple[str, str, nn.Module]]:
        """(attribute, name in the model, module) of each torch module: one with weights takes the layer's name, several nest."""
        modules: dict[str, nn.Module] = {self._stem: self.__dict__[self._stem]} if self._stem else {}
        modules |= {name: module for name, module in self._modules.items() if module is not None}
        if self._suffixes is not None:  # settled before the first swap: a replacement may have weights where the part had none
            return [(name, key + self._suffixes[name], module) for name, module in modules.items() if name in self._suffixes]
        stateful = [name for name, module in modules.items() if _has_state(module)]
        if len(stateful) > 1:
            return [(name, f"{key}.{name}", module) for name, module in modules.items()]
        main = stateful[0] if stateful else next(iter(modules), None)
        return [(name, key if name == main else f"{key}_{name}", module) for name, module in modules.items()]

    def modules_under(self, key: str) -> list[tuple[str, nn.Module]]:
        """(name, module) of what this layer puts into a model under `key`."""
        if not self._inlines():
            return [(key, self._standing())]
        found: list[tuple[str, nn.Module]] = []
        for _, target, module in self.parts(key):
            found += module.modules_under(target) if isinstance(module, Layer) else [(target, module)]
        return found

    # State

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        """After `build`: initialise the Keras way, take the dtype, freeze, and show a single module's weights as the layer's own."""
        self.built = True
        self.__dict__["_build_shapes"] = shapes
        if not self._inlined:
            settle_containers(self)
        for weight in self.own_weights() if self._fields else ():
            initializer = self._field_of(weight, "initializer")
            if initializer is not None:
                weight.initialize(initializer)
        if self._fed_dtype is not (torch.get_default_dtype() if self._inlined else self._torch_dtype):
            self.to(self._fed_dtype)
        if self._inlined:
            stateful = [(name, module) for name, module in self._modules.items() if module is not None and _has_state(module)]
            if len(stateful) == 1 and not self._parameters and not self._buffers:
                self.adopt(*stateful[0])
        if not self._trainable:
            self.trainable = False
        if not self.training:  # the mode was set before there was anything in it
            self.train(False)
        self._sync_mode()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's; where keys do not fit because a layer has not seen an input, the error says so."""
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except RuntimeError as error:
            unbuilt = next((layer for layer in self._flatten_layers() if not layer.built), None)
            if unbuilt is not None:
                where = "" if unbuilt is self else f", in {self.label},"
                error.add_note(f"{unbuilt.label}{where} has no weights yet: call it on a tensor, or build(input_shape), before loading")
            raise

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """A layer moved to another dtype, `layer.double()`, casts its inputs to that from now on, weights or none."""
        super()._apply(fn, recurse)
        if self._fed_dtype.is_floating_point:
            self.__dict__["_fed_dtype"] = fn(torch.empty(0, dtype=self._fed_dtype)).dtype
        return self

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
        return {**state, "_first": None, "_calls": None, "_place": None, "_keepers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(state)
        if not self._inlined:
            watch_containers(self)

    def __getattr__(self, name: str) -> Any:
        declared = getattr(type(self), name, None)
        if isinstance(declared, property):  # Python comes here when a property raises an AttributeError, and would drop its message
            return declared.__get__(self)
        if name.startswith("_") or "_given_name" not in self.__dict__:
            if "_parameters" not in self.__dict__ and not name.startswith("__"):
                raise MissingInitError(type(self))
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
            "depthwise_kernel",
            "pointwise_kernel",
            "moving_mean",
            "moving_variance",
        ):
            raise NotBuiltError(
                f"{self.label} has no `{name}` yet: it has not seen an input",
                f"call it on an Input or a tensor, or {type(self).__name__}.build(input_shape)",
            )
        if name in _LATER:
            raise NoAttributeError(f"{self.label} has no {name!r} yet: it is Keras's, and comes later", _LATER[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Keras's attributes

    @property
    def name(self) -> str:
        """The layer's name. Read before a model has given one, it becomes the class's own: `dense`."""
        name: str | None = self._name
        if name is None:
            name = self.__dict__["_name"] = self.auto_name()
        return name

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
        """The dtype of the weights."""
        return self._policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """What the layer computes in: not that of the weights where the policy is mixed."""
        return self._policy.compute_dtype

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        return self._policy

    # Config

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer: `type(layer).from_config(layer.get_config())`."""
        base = self._base_config()
        if "_arguments" in self.__dict__ and type(self).get_config is Layer.get_config:
            return auto_config(self, base)
        if self.activity_regularizer is not None and "activity_regularizer" not in self._fields:
            base = {**base, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}
        told = {name: field.encode(getattr(self, name)) for name, field in self._fields.items()}
        return {**base, **{name: value for name, value in told.items() if value is not None or name not in _TOLD_IF_GIVEN}}

    def _base_config(self) -> dict[str, Any]:
        return {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self.dtype_policy)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A layer made from what `get_config` gave."""
        return made_from(cls, config)

    def extra_repr(self) -> str:
        told: list[str] = []
        for name, field in self._fields.items():
            value = field.encode(getattr(self, name))
            if field.default is REQUIRED or value != field.encode(field.check(field.default, self)):
                told.append(f"{name}={shown(value)}")
        return ", ".join(told)


class MissingCallError(LayergraphError, NotImplementedError):
    """A layer class without a `call`."""


def _calls(word: str, cls: type) -> bool:
    """Whether a function in the class body names `word`."""
    return any(word in function.__code__.co_names for function in vars(cls).values() if isinstance(function, types.FunctionType))


def _has_state(module: nn.Module) -> bool:
    return bool(module._parameters or module._buffers) or any(map(_has_state, module.children()))
