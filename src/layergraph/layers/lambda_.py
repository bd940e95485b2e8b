"""Lambda: a function of the user's as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from layergraph.errors import ConfigError, Fact, shown
from layergraph.graph.node import NO_MASKS
from layergraph.graph.spec import TensorSpec
from layergraph.graph.structure import map_leaves
from layergraph.identify import OBJECTS, custom_object
from layergraph.kinds import is_mapping, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked
from layergraph.layers.recording import specs_of

_NAMELESS = "a file cannot hold code: define the function by `def`, and register it: @layergraph.saving.register_keras_serializable()"


def _function(value: Any, owner: Any) -> Callable[..., Any]:
    """A callable; from a config, the one that the user has registered under a name."""
    if is_mapping(value):
        name = value.get("config") if value.get("class_name") == "function" else None
        if value.get("class_name") == "__lambda__":
            raise Fact("is the code of a Python lambda, which is never run from a config", _NAMELESS)
        found = custom_object(name)
        if found is None:
            raise Fact(f"names the function {shown(name)}, which is not known", "give it in custom_objects=, or register it")
        return found
    if not callable(value):
        raise Fact(f"must be a callable, got {type(value).__name__} {shown(value)}")
    return value


def _written(value: Any) -> Any:
    if getattr(value, "__name__", "") == "<lambda>":
        raise Fact(f"{shown(value)} has no name by which it could be found again", _NAMELESS)
    return OBJECTS["write"](value)


def _or_none(value: Any, owner: Any) -> Any:
    return value if value is None or isinstance(value, Tensor) else _function(value, owner)


def _shape(value: Any, owner: Any) -> Any:
    if value is None or callable(value) or is_mapping(value):
        return value if value is None or callable(value) else _function(value, owner)
    if not is_sequence(value):
        raise Fact(f"must be a shape without the batch axis, or a function of the input's shape, got {shown(value)}")
    return tuple(value)


def _arguments(value: Any, owner: Any) -> dict[str, Any]:
    if value is not None and not is_mapping(value):
        raise Fact(f"must be a dict of keywords, got {shown(value)}")
    return dict(value or {})


class Lambda(Layer):
    """A function as a layer: `function(x, **arguments)`, and `mask=` and `training=` where it takes them.

    (whatever the function takes) -> (whatever it gives)

    In a graph a torch function needs no layer around it: `torch.relu(x)` records. A Lambda is one opaque call, and may look at values.

    Differs from Keras: a config never holds code. A function defined by `def` and registered goes by its name; a Python lambda has
    none, and `get_config` says so.

    Args:
        function: a callable of a tensor, or of a nest of tensors.
        output_shape: without the batch axis, or a function of the input's shape; None finds it by a trial run.
        mask: the mask of the output: a function of (inputs, mask), or a tensor; None lets none through.
        arguments: further keywords of the function.

    >>> from layergraph import Input
    >>> Lambda(lambda x: x[:, ::2])(Input(shape=(10, 3))).shape
    (None, 5, 3)
    """

    _inlined: ClassVar[bool] = False

    function: Callable[..., Any] = checked(_function, encode=_written)
    output_shape: Any = checked(_shape, default=None, encode=lambda value: _written(value) if callable(value) else value)
    mask: Any = checked(_or_none, default=None, encode=lambda value: _written(value) if callable(value) else value)
    arguments: Mapping[str, Any] | None = checked(_arguments, default=None)

    def check_fields(self) -> None:
        words = _words(self.function)
        self.__dict__.update(supports_masking=self.mask is not None, _makes_mask=self.mask is not None)
        self.__dict__["_passed_on"] = tuple(word for word in ("mask", "training") if word in words)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **(self.arguments or {}), **{word: given[word] for word in self._passed_on})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer. Raises ConfigError for a function without a name."""
        try:
            return super().get_config()
        except Fact as fact:
            raise ConfigError(f"{self.label}.get_config: {fact.what}", fact.fix) from None

    def _wired(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._wired(args, kwargs) if "mask" in self._passed_on else NO_MASKS

    def compute_output_spec(self, x: Any, **words: Any) -> Any:
        if self.output_shape is None:
            return self._probed((x,), words)
        shapes = map_leaves(lambda spec: spec.shape, x)
        if callable(self.output_shape):
            return specs_of(self.output_shape(shapes), self._torch_dtype)
        batch = next(spec.shape[0] for spec in _leaves(x))
        return specs_of(_with_batch(self.output_shape, batch), self._torch_dtype)


def _words(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a builtin
        return ()


def _leaves(x: Any) -> list[TensorSpec]:
    found: list[TensorSpec] = []
    map_leaves(lambda spec: found.append(spec), x)
    return found


def _with_batch(shape: Any, batch: int | None) -> Any:
    nested = any(is_sequence(item) for item in shape)
    return [_with_batch(item, batch) for item in shape] if nested else (batch, *shape)
