"""What a layer of the user's holds: weights from `add_weight`, and layers in lists, tuples and dicts."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from layergraph import config, constraints, initializers, regularizers
from layergraph.errors import ArgumentError, LayergraphError, shown
from layergraph.graph.names import clean
from layergraph.graph.structure import flat
from layergraph.layers.state import Stateful
from layergraph.layers.weights import Added

# What every layer has besides Keras's attributes and torch's: an attribute of the user's under such a name would not be found,
# or be taken for the layer's own.
OURS = frozenset(
    """
    adopt apply_constraints auto_name calls check_fields has_constraints has_losses keras_weights label lower modules_under
    output_dtype own_weights parts place replace_part sublayers _added _adds_losses _arguments _build_shapes _building _call_words
    _calls _carried _fed_dtype _fields _first _given_name _has_dtype _inlined _instead _keepers _kept _key _loss_keepers _makes_mask
    _mixed_dtype _place _policy _serial _shape_words _stem _suffixes _swapped _take_policy _torch_dtype _training_at _uncast _wired
    """.split()
)
_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


class Tracking(Stateful):
    """Attributes that are state, found where the user puts them."""

    label: Any
    _building: bool
    _torch_dtype: Any
    # Whether the set of weights and sub-layers is settled once the layer is built.
    _locks: bool = True

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        *positional: Any,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Tensor:
        """Make a weight: an nn.Parameter, or, where it is not trainable, a buffer. Call it in `__init__` or `build`.

        Set as an attribute, `self.kernel = self.add_weight(...)`, it stands in `state_dict` under the attribute's name; else
        under its own.

        Args:
            shape: without None; () if not given.
            initializer: glorot_uniform for floats and zeros for others, if not given.
            dtype: the layer's if not given.
            trainable: False for what no optimizer changes; integers and bools must be that.
            regularizer, constraint: as in Dense: a term of `losses`, and what `fit` does after each step.
            autocast, aggregation: taken for Keras's sake: torch.autocast and torch's DDP decide.
            overwrite_with_gradient: only False.
            name: of the weight.

        Raises:
            ArgumentError: a layer that is built; a shape that is no tuple of sizes; a name by position; an integer to train.

        >>> from layergraph.layers import Layer
        >>> class Shift(Layer):
        ...     def build(self, input_shape):
        ...         self.offset = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="offset")
        ...     def call(self, x):
        ...         return x + self.offset
        >>> layer = Shift()
        >>> layer(torch.zeros(1, 2))
        tensor([[1., 1.]], grad_fn=<AddBackward0>)
        >>> list(layer.state_dict())
        ['offset']
        """
        who = f"{self.label}.add_weight"
        if positional:
            raise TooManyError(f"{who} takes shape, initializer and dtype by position, got {3 + len(positional)} arguments")
        if isinstance(shape, str):
            raise ArgumentError(f"{who}: `shape` must be a tuple of sizes, got {shape!r}", f"add_weight(shape=..., name={shape!r})")
        if self._locked():
            raise ArgumentError(
                f"{who}: the layer is built, and no weights are added to it any more",
                "make weights in __init__ or in build(), not in call()",
            )
        sizes = _sizes(shape, who)
        kind = config.torch_dtype(dtype) if dtype is not None else self._torch_dtype
        if trainable and not (kind.is_floating_point or kind.is_complex):
            raise IntegerError(f"{who}: a weight of dtype {str(kind).removeprefix('torch.')} cannot be trained", "add trainable=False")
        if aggregation not in _AGGREGATIONS:
            known = ", ".join(map(repr, _AGGREGATIONS))
            raise ArgumentError(f"{who}: `aggregation` must be one of {known}, got {shown(aggregation)}")
        if overwrite_with_gradient:
            raise ArgumentError(f"{who}: `overwrite_with_gradient` is not available", "leave it out")
        fill = initializers.get(initializer if initializer is not None else "glorot_uniform" if kind.is_floating_point else "zeros")
        assert fill is not None
        with torch.no_grad():
            value = torch.as_tensor(fill(sizes, kind), dtype=kind).clone()
        key = self._free_key(clean(name or "variable"))
        added = Added(name or key, trainable, regularizers.get(regularizer), constraints.get(constraint))
        self.__dict__["_added"] = {**(self._added or {}), key: added}
        weight: Tensor = nn.Parameter(value) if trainable else value
        (self._parameters if trainable else self._buffers)[key] = cast(Any, weight)
        return weight

    def _free_key(self, base: str) -> str:
        key, number = base, 1
        while hasattr(self, key):
            key, number = f"{base}_{number}", number + 1
        return key

    def _locked(self) -> bool:
        return self._locks and self.built and not self.__dict__.get("_building", False)

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if name in OURS:
            raise reserved(type(self), name)
        if self._inlined or isinstance(getattr(type(self), name, None), property):
            super().__setattr__(name, value)
            return
        if "_parameters" not in self.__dict__ and holds(value, nn.Module | nn.Parameter):
            raise MissingInitError(type(self))
        if isinstance(value, Stateful) and self._locked() and name not in self._modules:
            raise ArgumentError(
                f"{self.label}: the layer is built, and {name!r} would be a new sub-layer of it",
                "make layers in __init__ or in build(), not in call()",
            )
        if isinstance(self.__dict__.get(name), list | tuple | dict):
            self._modules.pop(_key(name), None)  # what the last value had in it
        if type(value) in (list, tuple, dict) and "_parameters" in self.__dict__:
            value = self._container(name, value)
            if not isinstance(value, nn.Module):
                self.__dict__[name] = value
                return
        elif isinstance(value, Tensor) and self._added and self._take_weight(name, value):
            return
        super().__setattr__(name, value)

    def _take_weight(self, name: str, value: Tensor) -> bool:
        """Whether a weight of `add_weight` was put under its attribute's name."""
        added = self._added or {}
        for held in (self._parameters, self._buffers):
            key = next((key for key, tensor in held.items() if tensor is value and key in added), None)
            if key is not None and added[key].free:
                self.__dict__["_added"] = {name if each == key else each: made for each, made in added.items()}
                added[key].free = False
                held.pop(key)
                self.__dict__.pop(name, None)
                held[name] = cast(Any, value)
                return True
        return False

    def _container(self, name: str, value: Any) -> Any:
        """A list, tuple or dict of modules as torch's own; one that is empty, or holds other things too, as one that is watched."""
        modules = as_modules(value)
        if modules is not None:
            self.__dict__.pop(name, None)
            return modules
        held = holds(value, nn.Module)
        if isinstance(value, tuple) or (value and not held):
            if held:
                self._modules[_key(name)] = _shadow(value)
            return cast(Any, value)
        watched = TrackedList(cast("list[Any]", value)) if isinstance(value, list) else TrackedDict(value)
        self.__dict__[name] = watched
        watched.watch(self, name)
        return watched


def settle_containers(layer: Tracking) -> None:
    """After `build`: a watched list that holds modules only is an nn.ModuleList from now on, so that whoever swaps one finds it."""
    for name, value in [*layer.__dict__.items()]:
        modules = as_modules(value) if isinstance(value, TrackedList | TrackedDict) else None
        if modules is not None:
            del layer.__dict__[name]
            found = {name if each == _key(name) else each: module for each, module in layer._modules.items()}
            layer._modules.clear()
            layer._modules.update({**found, name: modules})  # where it stood: the order is that of the weights


def watch_containers(layer: Tracking) -> None:
    """After a copy or a load: watched lists tell this layer."""
    for name, value in layer.__dict__.items():
        if isinstance(value, TrackedList | TrackedDict):
            value.watch(layer, name)


class _Watched:
    """A list or dict that keeps the modules in it registered with the layer that holds it."""

    _owner: Callable[[], Tracking | None] | None = None
    _name = ""

    def watch(self, owner: Tracking, name: str) -> None:
        self._owner, self._name = weakref.ref(owner), name
        self._changed()

    def _changed(self) -> None:
        owner = self._owner() if self._owner is not None else None
        if owner is not None and owner.__dict__.get(self._name) is self:
            if holds(self, nn.Module):
                owner._modules[_key(self._name)] = _shadow(self)
            else:
                owner._modules.pop(_key(self._name), None)


def _changing(base: type, name: str) -> Callable[..., Any]:
    method = getattr(base, name)

    def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self._changed()
        return self if name in ("__iadd__", "__ior__", "__imul__") else result

    changed.__name__ = name
    return changed


class TrackedList(_Watched, list[Any]):
    """A list attribute that was empty, or holds more than modules."""

    def append(self, item: Any) -> None:
        super().append(item)
        if holds(item, nn.Module):
            owner = self._owner() if self._owner is not None else None
            watched = owner is not None and owner.__dict__.get(self._name) is self
            shadow = owner._modules.get(_key(self._name)) if watched and owner is not None else None
            if shadow is None:
                self._changed()
            else:
                shadow._modules[str(len(self) - 1)] = item if isinstance(item, nn.Module) else _shadow(item)

    def extend(self, items: Iterable[Any]) -> None:
        for item in items:
            self.append(item)

    def __iadd__(self, items: Iterable[Any]) -> TrackedList:
        self.extend(items)
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return TrackedList, ([*self],)


class TrackedDict(_Watched, dict[Any, Any]):
    """A dict attribute that was empty, or holds more than modules, or under keys that a ModuleDict cannot have."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return TrackedDict, (dict(self),)


for _kind, _base, _names in (
    (TrackedList, list, "__setitem__ __delitem__ __imul__ insert pop remove clear sort reverse"),
    (TrackedDict, dict, "__setitem__ __delitem__ __ior__ pop popitem clear update setdefault"),
):
    for _each in _names.split():
        setattr(_kind, _each, _changing(_base, _each))


def holds(value: Any, kind: Any) -> bool:
    """Whether a value is, or a nest has in it, something of a kind."""
    return any(isinstance(item, kind) for item in flat(value))


def as_modules(value: Any) -> nn.Module | None:
    """A nest of modules, or of Parameters, and nothing else, as nn.ModuleList, nn.ModuleDict, ...; None where it is not that."""
    if isinstance(value, nn.Module):
        return value
    if isinstance(value, dict):
        named = cast("dict[Any, Any]", value)
        inner = [as_modules(item) for item in named.values()]
        if named and None not in inner and all(isinstance(key, str) and _can_be_key(key) for key in named):
            return nn.ModuleDict(dict(zip(named, cast("list[nn.Module]", inner), strict=True)))
    elif isinstance(value, list | tuple) and value:
        inner = [as_modules(item) for item in cast("list[Any]", value)]
        if None not in inner:
            return nn.ModuleList(cast("list[nn.Module]", inner))
    return None


def _can_be_key(key: str) -> bool:
    return key != "" and "." not in key and not hasattr(nn.ModuleDict, key)


def _shadow(value: Any) -> nn.Module:
    """The modules of a nest, under its indices and keys, for `parameters()`, `state_dict()` and `train()` to find."""
    shadow = nn.Module()
    items = cast("dict[Any, Any]", value).items() if isinstance(value, dict) else enumerate(cast("list[Any]", value))
    for key, item in items:
        if isinstance(item, nn.Module):
            shadow._modules[_child_key(key)] = item
        elif holds(item, nn.Module):
            shadow._modules[_child_key(key)] = _shadow(item)
    return shadow


def _key(name: str) -> str:
    """The name of the modules of a list that is no module itself: the list has its own."""
    return f"{name}_"


def _child_key(key: Any) -> str:
    return str(key).replace(".", "_") or "_"


def _sizes(shape: Any, who: str) -> tuple[int, ...]:
    """A shape without unknown sizes."""
    sizes: Any = (shape,) if isinstance(shape, int) and not isinstance(shape, bool) else () if shape is None else shape
    try:
        found: tuple[Any, ...] = tuple(sizes)
    except TypeError:
        raise ArgumentError(f"{who}: `shape` must be a tuple of sizes, got {shown(shape)}") from None
    if None in found:
        raise ArgumentError(
            f"{who}: `shape` {found} has an unknown size, and a weight's sizes must be known",
            "give the Input's shape where the weight depends on it",
        )
    if any(isinstance(size, bool) or not hasattr(size, "__index__") or size < 0 for size in found):
        raise ArgumentError(f"{who}: `shape` must be a tuple of sizes, got {shown(shape)}")
    return tuple(int(size) for size in found)


class TooManyError(ArgumentError, TypeError):
    """Keras raises a TypeError for one positional argument too many."""


class ReservedError(ArgumentError, AttributeError):
    """A name that every layer or model has for something else."""


def reserved(cls: type, name: str) -> ReservedError:
    """The error for an attribute of the user's under such a name."""
    fix = f"give it another name, such as `own_{name.lstrip('_')}`"
    return ReservedError(f"{cls.__name__}: every layer has `{name}` for something else", fix)


class IntegerError(ArgumentError, RuntimeError):
    """torch raises a RuntimeError for gradients of integers."""


class MissingInitError(LayergraphError, RuntimeError, AttributeError):
    """A layer whose __init__ never called Layer's: Keras raises a RuntimeError, torch an AttributeError."""

    def __init__(self, cls: type):
        super().__init__(
            f"{cls.__name__}.__init__ does not call super().__init__()",
            "write super().__init__(**kwargs) as its first statement",
        )
