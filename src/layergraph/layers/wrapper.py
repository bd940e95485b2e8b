"""Layers that hold layers. What is held stays a layer, under its attribute; in a graph its own modules stand, `wrapper.layer.weight`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.lower import Value
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.identify import OBJECTS
from layergraph.kinds import is_class
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked


def a_layer(value: Any, owner: Any) -> Layer:
    """The check of a field that holds a layer."""
    if isinstance(value, Layer):
        return value
    if is_class(value) and issubclass(value, Layer):
        raise Fact(f"must be a layer, got the class {value.__name__}", f"{value.__name__}(...)")
    module = isinstance(value, nn.Module)
    raise Fact(f"must be a layer, got {type(value).__name__} {shown(value)}", "wrap(module) makes a layer of it" if module else None)


def written(held: Any) -> Any:
    """A layer that another one holds, as its config has it: Keras's serialized form."""
    return None if held is None else OBJECTS["write"](held)


def made_again(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A fresh layer from what `written` gave; of a layer itself, a fresh one with its config."""
    return OBJECTS["read"](OBJECTS["write"](config) if isinstance(config, Layer) else config, custom_objects)


def given_states(layer: Any, states: Any) -> list[Any]:
    """`initial_state` of a call as a list of tensors or symbols of the layer's dtype."""
    given = cast("Sequence[Any]", states) if type(states) in (list, tuple) else (states,)
    return [layer._cast_symbols(state) if isinstance(state, SymbolicTensor) else layer._admit(state) for state in given]


class Holding(Layer):
    """What layers that hold layers share: one dtype, configs in one another, and where the modules of the held ones stand."""

    # The fields that hold a layer.
    _held: ClassVar[tuple[str, ...]] = ("layer",)

    def _init_base(self, *, dtype: Any = None, **words: Any) -> None:
        super()._init_base(dtype=dtype, **words)
        self.__dict__["_has_dtype"] = dtype is not None

    def check_fields(self) -> None:
        for held in self._single_dtyped():
            if not self._has_dtype:
                self._take_policy(held.dtype_policy)
            elif held.dtype != self.dtype:
                raise Fact(f"has dtype {self.dtype}, and {held.label} in it {held.dtype}", "give both one dtype, or only the inner one")

    def _single_dtyped(self) -> list[Layer]:
        """The held layers that compute in their own dtype; a model's layers have one each."""
        held: list[Layer] = self.sublayers()
        return [layer for layer in held if not hasattr(type(layer), "output_names")]

    def adopt(self, name: str, module: nn.Module) -> None:
        """What is held stays a child, for its own freezing, regularizers and mode."""

    def _sync_mode(self, mode: bool | None = None) -> None:
        for layer in self.sublayers():
            layer._sync_mode(mode)

    def parts(self, key: str) -> list[tuple[str, str, nn.Module]]:
        return [(name, f"{key}.{name}", module) for name, module in self._modules.items() if module is not None]

    def extra_repr(self) -> str:
        return ""

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer; a held layer stands in it as its own config, in Keras's form."""
        return super().get_config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A layer over fresh layers, made from what `get_config` gave."""
        made = {name: made_again(config[name], custom_objects) for name in cls._held if config.get(name) is not None}
        return super().from_config({**config, **made})


def build_held(layer: Layer, input_shape: Shape) -> None:
    """Build a held layer that is not built yet."""
    if not layer.built:
        layer.build(input_shape)


def spec_of_held(layer: Any, spec: TensorSpec, **more: Any) -> Any:
    """What a held layer gives for an input of this spec. One whose class says nothing of it is built first, and then tried."""
    if not layer._inlined:
        build_held(layer, spec.shape)
    return layer.compute_output_spec(spec, **more)


def told(value: Any, spec: Any) -> Any:
    """A tensor between two layers; in a graph that is being written it has this spec, as the input of a layer does."""
    return value.tell(spec) if isinstance(value, Value) else value


class Wrapper(Holding):
    """The base of layers that hold a layer, `self.layer`, and do something before, after or around it.

    (whatever the layer takes) -> (whatever it gives)

    A subclass writes `call`, and builds the layer by `super().build(input_shape)`. Alone it calls the layer. The weights are
    the layer's; in a model they have the keys `wrapper.layer.weight`.

    Args:
        layer: a layer; `wrap(module)` makes one of a torch module.

    Raises:
        ArgumentError: `layer` is no layer.

    >>> import torch
    >>> from layergraph.layers import Dense
    >>> class Doubled(Wrapper):
    ...     def call(self, x):
    ...         return 2 * self.layer(x)
    >>> layer = Doubled(Dense(1, kernel_initializer="ones"))
    >>> layer(torch.ones(1, 3)).item()
    6.0
    """

    layer: Layer = checked(a_layer, encode=written)

    def build(self, input_shape: Any) -> None:
        build_held(self.layer, input_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Any:
        return self.layer(x) if training is None else self.layer(x, training=training)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return (
            spec_of_held(self.layer, *args, **kwargs) if type(self).call is Wrapper.call else super().compute_output_spec(*args, **kwargs)
        )
