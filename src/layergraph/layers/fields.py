"""What a layer's arguments may be: one declaration is the signature, the check, the config and the repr.

    units: int = positive()
    activation: Activation = activation(default=None)

A field checks the value it is given when the layer is made, and says how it stands in the config. Its annotation is what a
type checker allows: a plain type, or an `Argument` where the layer keeps another type than it is given.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeGuard, TypeVar, cast, overload

from torch import Tensor

from layergraph import activations, config, constraints, initializers, regularizers
from layergraph.errors import Fact, LayergraphError, shown, suggestion

Given = TypeVar("Given")
Kept = TypeVar("Kept")


class Argument(Generic[Given, Kept]):
    """For type checkers: an argument that may be given as one type, and is kept as another. At run time the layer just has the value."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: Any) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Kept: ...
        def __get__(self, instance: object, owner: Any) -> Any: ...
        def __set__(self, instance: object, value: Given) -> None: ...


Activation: TypeAlias = Argument[str | Mapping[str, Any] | Callable[..., Any] | None, Callable[..., Tensor]]
Initializer: TypeAlias = Argument[str | Mapping[str, Any] | Callable[..., Any] | type[Any] | None, initializers.Initializer]
Regularizer: TypeAlias = Argument[str | Mapping[str, Any] | Callable[..., Any] | type[Any] | None, regularizers.Regularizer | None]
Constraint: TypeAlias = Argument[str | Mapping[str, Any] | Callable[..., Any] | type[Any] | None, constraints.Constraint | None]
DataFormat: TypeAlias = Argument[str | None, str]
Window: TypeAlias = Argument[int | Sequence[int], tuple[int, ...]]
OptionalWindow: TypeAlias = Argument[int | Sequence[int] | None, tuple[int, ...] | None]
Axes: TypeAlias = Argument[int | Sequence[int], int | list[int]]


class _Required:
    def __repr__(self) -> str:
        return "..."


REQUIRED: Any = _Required()


def _as_is(value: Any, owner: Any) -> Any:
    return value


def _plain(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Field:
    """One argument of a layer: its default, the check that gives the value to keep, and the config's form of it.

    `kw_only` is for an argument that Keras takes among its **kwargs.
    `fresh` is for a default that must be looked at for each layer: it depends on a setting, it draws a seed, or there is none.
    """

    default: Any = REQUIRED
    check: Callable[[Any, Any], Any] = _as_is
    encode: Callable[[Any], Any] = _plain
    per_layer: bool = False
    kw_only: bool = False

    @property
    def plain(self) -> bool:
        """Whether the config's form is the value itself."""
        return self.encode is _plain

    @property
    def fresh(self) -> bool:
        return self.per_layer or self.default is REQUIRED


def is_int(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number (numpy's too) and not a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def anything(default: Any = REQUIRED, kw_only: bool = False) -> Any:
    """Any value."""
    return Field(default, kw_only=kw_only)


def checked(check: Callable[[Any, Any], Any], default: Any = REQUIRED, encode: Callable[[Any], Any] = _plain) -> Any:
    """A value of the layer's own kind: `check(value, layer)` gives what is kept, or raises `Fact`."""
    return Field(default, check, encode)


def positive(default: Any = REQUIRED) -> Any:
    """An int of at least 1."""
    return whole(default, minimum=1)


def whole(default: Any = REQUIRED, minimum: int | None = None) -> Any:
    """An int, of at least `minimum`."""

    def check(value: Any, owner: Any) -> int:
        if not is_int(value) or (minimum is not None and value < minimum):
            kind = "an int" if minimum is None else "a positive int" if minimum == 1 else f"an int of at least {minimum}"
            raise Fact(f"must be {kind}, got {shown(value)}")
        return int(value)

    return Field(default, check)


def number(default: Any = REQUIRED, low: float = -math.inf, high: float = math.inf, optional: bool = False) -> Any:
    """A number between `low` and `high`, both allowed; None too where it is optional."""

    def check(value: Any, owner: Any) -> float | None:
        if value is None and optional:
            return None
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not low <= float(value) <= high:
            limits = f" in [{low:g}, {high:g}]" if math.isfinite(high) else f" of at least {low:g}" if math.isfinite(low) else ""
            raise Fact(f"must be a number{limits}, got {shown(value)}")
        return float(value) if not is_int(value) else int(value)

    return Field(default, check)


def flag(default: Any = REQUIRED, kw_only: bool = False) -> Any:
    """True or False."""

    def check(value: Any, owner: Any) -> bool:
        if not isinstance(value, bool):
            raise Fact(f"must be True or False, got {shown(value)}")
        return value

    return Field(default, check, kw_only=kw_only)


def choice(*options: str, default: Any = REQUIRED) -> Any:
    """One of some words, in any case."""

    def check(value: Any, owner: Any) -> str:
        word = value.lower() if isinstance(value, str) else value
        if word not in options:
            raise Fact(f"must be one of {', '.join(map(repr, options))}, got {shown(value)}", suggestion(word, options))
        return word

    return Field(default, check)


def window(default: Any = REQUIRED, rank: int | None = None, minimum: int = 1, optional: bool = False) -> Any:
    """An int for every spatial axis, or one int for all of them; kept as a tuple. `rank` is the owner's where it is not given."""

    def check(value: Any, owner: Any) -> tuple[int, ...] | None:
        if value is None and optional:
            return None
        return ints(value, owner.rank if rank is None else rank, minimum)

    return Field(default, check)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable)


def ints(value: Any, rank: int, minimum: int = 1) -> tuple[int, ...]:
    """`value` as a tuple of `rank` ints of at least `minimum`; raises `Fact`."""
    items: tuple[Any, ...] = ()
    if is_int(value):
        items = (value,) * rank
    elif _is_iterable(value) and not isinstance(value, str):
        items = tuple(value)
    if len(items) != rank or not all(is_int(item) and item >= minimum for item in items):
        bound = f" of at least {minimum}" if minimum else ""
        raise Fact(f"must be an int{bound}, or a tuple of {rank} such ints, got {shown(value)}")
    return tuple(int(item) for item in items)


def data_format(default: None = None, kw_only: bool = False) -> Any:
    """'channels_last' or 'channels_first'; None takes `layergraph.config.image_data_format()` as it is when the layer is made."""

    def check(value: Any, owner: Any) -> str:
        if value is None:
            return config.image_data_format()
        if value not in ("channels_last", "channels_first"):
            raise Fact(
                f"must be 'channels_last', 'channels_first' or None, got {shown(value)}",
                suggestion(value, ("channels_last", "channels_first")),
            )
        return value

    return Field(default, check, per_layer=True, kw_only=kw_only)


def _got(get: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def check(value: Any, owner: Any) -> Any:
        try:
            return get(value)
        except LayergraphError as error:  # the family knows what it accepts; the layer adds whose argument it was
            raise Fact(f"cannot be used: {error.what}", error.fix) from None

    return check


def activation(default: Any = REQUIRED) -> Any:
    """What `activations.get` takes."""
    return Field(default, _got(activations.get), activations.serialize)


def initializer(default: Any = REQUIRED) -> Any:
    """What `initializers.get` takes."""
    return Field(default, _got(initializers.get), initializers.serialize, per_layer=default is not None)


def regularizer(default: Any = REQUIRED) -> Any:
    """What `regularizers.get` takes."""
    return Field(default, _got(regularizers.get), regularizers.serialize)


def constraint(default: Any = REQUIRED) -> Any:
    """What `constraints.get` takes."""
    return Field(default, _got(constraints.get), constraints.serialize)


def only(default: Any, why: str, kw_only: bool = False) -> Any:
    """An argument of Keras's that takes its default and nothing else here; `why` says so to who tries."""

    def check(value: Any, owner: Any) -> Any:
        if value != default:
            raise Fact(f"can only be {default!r} here, got {shown(value)}: {why}")
        return value

    return Field(default, check, lambda value: default, kw_only=kw_only)


def activity(default: Any = None) -> Any:
    """`activity_regularizer`, at the place where Keras's signature has it: every layer takes it by keyword."""
    return regularizer(default=default)
