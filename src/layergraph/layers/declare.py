"""How a class body of fields becomes a layer's signature: what `dataclass` does for data, for layers."""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, dataclass_transform

from layergraph.errors import ArgumentError, Fact, NameTakenError, shown, suggestion
from layergraph.layers import fields
from layergraph.layers.fields import REQUIRED, Field

BASE_KEYWORDS = ("activity_regularizer", "trainable", "dtype", "autocast", "name")
# Keras 2's ways to give an input's shape. A Sequential reads them.
SHAPE_KEYWORDS = ("input_shape", "batch_input_shape", "batch_shape", "input_dim", "batch_size")


_UNCHANGING = (int, float, str, tuple, type(None), types.BuiltinFunctionType, types.FunctionType)


def _keyword(default: Any = None, alias: str = "", kw_only: bool = True) -> Any:
    """A keyword of every layer, for type checkers."""


@dataclass_transform(
    eq_default=False,
    field_specifiers=(
        _keyword,
        fields.anything,
        fields.checked,
        fields.positive,
        fields.whole,
        fields.number,
        fields.flag,
        fields.choice,
        fields.window,
        fields.data_format,
        fields.activation,
        fields.initializer,
        fields.regularizer,
        fields.constraint,
        fields.only,
        fields.activity,
    ),
)
class _Transformed:
    pass


class Declared(_Transformed):
    """Tells type checkers that a subclass's annotated fields are the parameters of its `__init__`, and that all take these keywords."""

    if TYPE_CHECKING:
        _word_trainable: bool = _keyword(default=True, alias="trainable", kw_only=True)
        _word_dtype: Any = _keyword(default=None, alias="dtype", kw_only=True)
        _word_autocast: bool = _keyword(default=True, alias="autocast", kw_only=True)
        _word_name: str | None = _keyword(default=None, alias="name", kw_only=True)
        _word_input_shape: Any = _keyword(default=None, alias="input_shape", kw_only=True)
        _word_batch_input_shape: Any = _keyword(default=None, alias="batch_input_shape", kw_only=True)
        _word_batch_shape: Any = _keyword(default=None, alias="batch_shape", kw_only=True)
        _word_input_dim: int | None = _keyword(default=None, alias="input_dim", kw_only=True)
        _word_batch_size: int | None = _keyword(default=None, alias="batch_size", kw_only=True)


def own_fields(cls: type) -> dict[str, Field]:
    """The fields that a class body declares; none where it writes its own `__init__`."""
    if "__init__" in cls.__dict__:
        return {}
    found: dict[str, Field] = {}
    for name, kind in inspect.get_annotations(cls).items():
        if name.startswith("_") or "ClassVar" in str(kind):
            continue
        default = cls.__dict__.get(name, REQUIRED)
        found[name] = default if isinstance(default, Field) else fields.flag(default) if isinstance(default, bool) else Field(default)
        if name in cls.__dict__:  # the instance's value is the only one
            delattr(cls, name)
    return found


def merged(base: Mapping[str, Field], own: Mapping[str, Field]) -> dict[str, Field]:
    """The fields of a class and of its base, whose places stay; one that was keyword-only takes the place where it is declared again."""
    return {**{name: field for name, field in base.items() if name not in own or not field.kw_only}, **own}


def signature(declared: Mapping[str, Field], name_by_position: bool, dtype_by_position: bool) -> inspect.Signature:
    """The signature that Keras's class has."""
    kinds = inspect.Parameter
    own = [
        kinds(name, kinds.POSITIONAL_OR_KEYWORD, default=kinds.empty if field.default is REQUIRED else field.default)
        for name, field in declared.items()
        if not field.kw_only
    ]
    words = [kinds(name, kinds.KEYWORD_ONLY, default=field.default) for name, field in declared.items() if field.kw_only]
    name = kinds("name", kinds.POSITIONAL_OR_KEYWORD if name_by_position else kinds.KEYWORD_ONLY, default=None)
    dtype = [kinds("dtype", kinds.POSITIONAL_OR_KEYWORD, default=None)] if dtype_by_position else []
    base = [*dtype, name] if name.kind is kinds.KEYWORD_ONLY else [name, *dtype]
    return inspect.Signature([*own, *base, *words, kinds("kwargs", kinds.VAR_KEYWORD)])


class FieldSignature:
    """`__signature__` of a layer class, made when somebody asks: of its fields, unless the class writes its own `__init__`."""

    def __get__(self, instance: Any, owner: Any) -> inspect.Signature | None:
        below_layer = itertools.takewhile(lambda cls: "_init_base" not in cls.__dict__, owner.__mro__)
        if any("__init__" in cls.__dict__ for cls in below_layer):
            return None
        return signature(owner._fields, owner._name_by_position, owner._dtype_by_position)


def words_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters."""
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__"):
        return tuple(inspect.signature(function).parameters)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def place_of(word: str, function: Callable[..., Any], words: Sequence[str]) -> int:
    """At which position a parameter may be given; beyond all of them where it is keyword-only."""
    only = inspect.signature(function).parameters[word].kind is inspect.Parameter.KEYWORD_ONLY
    return sys.maxsize if only else words.index(word)


def bind(layer: Any, declared: Mapping[str, Field], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The checked value of every field; takes the fields' words out of `kwargs`. Raises ArgumentError."""
    who = type(layer).__name__ + (f" {shown(kwargs['name'])}" if kwargs.get("name") is not None else "")
    _rename(layer, who, kwargs)
    places = [name for name, field in declared.items() if not field.kw_only]
    base = ["name"] * layer._name_by_position + ["dtype"] * layer._dtype_by_position
    if len(places) < len(args) <= len(places) + len(base):
        kwargs |= zip(base, args[len(places) :], strict=False)
        args = args[: len(places)]
    if len(args) > len(places):
        count = f"{len(places)} positional argument" + ("s" if len(places) != 1 else "")
        raise ArgumentError(f"{who} takes {count}, got {len(args)}: {shown(args)}", f"its arguments are {_listed(declared)}")
    given = dict(zip(places, args, strict=False))
    for name in [word for word in kwargs if word in declared]:
        if name in given:
            raise ArgumentError(f"{who} got two values for `{name}`: {shown(given[name])} and {shown(kwargs[name])}")
        given[name] = kwargs.pop(name)
    refuse_unknown(who, [word for word in kwargs if word not in (*BASE_KEYWORDS, *SHAPE_KEYWORDS)], declared)
    shared = _shared_defaults(type(layer), layer)
    values: dict[str, Any] = {}
    for name, field in declared.items():
        if name not in given and name in shared:
            values[name] = shared[name]
            continue
        value = given.get(name, field.default)
        if value is REQUIRED:
            raise ArgumentError(f"{who} needs `{name}`", f"its arguments are {_listed(declared)}")
        try:
            values[name] = field.check(value, layer)
        except Fact as fact:
            raise ArgumentError(f"{who}: `{name}` {fact.what}", fact.fix) from None
    return values


def _rename(layer: Any, who: str, kwargs: dict[str, Any]) -> None:
    """Give Keras 2's words their names of today, in place."""
    for old, new in layer._renamed.items():
        if old in kwargs:
            warnings.warn(f"{who}: `{old}` is Keras 2's word for `{new}`; write {new}={shown(kwargs[old])}", stacklevel=4)
            kwargs[new] = kwargs.pop(old)


def _shared_defaults(cls: Any, layer: Any) -> dict[str, Any]:
    """The checked defaults that all layers of a class may share, since they cannot change: worked out once for each class."""
    found = cls.__dict__.get("_defaults")
    if found is None:
        checked: dict[str, Any] = {name: field.check(field.default, layer) for name, field in cls._fields.items() if not field.fresh}
        found = {name: checked[name] for name in checked if isinstance(checked[name], _UNCHANGING)}
        cls._defaults = found
    return found


def refuse_unknown(who: str, words: list[str], declared: Mapping[str, Field]) -> None:
    """Raise ArgumentError for keywords that are none of the layer's, with the nearest one that is."""
    if words:
        known = [*declared, *BASE_KEYWORDS]
        raise ArgumentError(
            f"{who} got an unknown argument {shown(words[0])}", suggestion(words[0], known) or f"its arguments are {_listed(declared)}"
        )


def _listed(declared: Mapping[str, Field]) -> str:
    return ", ".join(dict.fromkeys([*declared, *BASE_KEYWORDS]))


def check_name(name: object, who: str) -> str | None:
    """A layer's or model's given name, as Keras allows it."""
    if name is None:
        return None
    if not isinstance(name, str):
        raise NameTakenError(f"{who}: `name` must be a str, got {type(name).__name__} {shown(name)}")
    if not name:
        raise NameTakenError(f"{who}: `name` must not be empty", "leave it out for an automatic name")
    if "/" in name:
        raise NameTakenError(f"{who}: `name` {shown(name)} must not contain '/'", "Keras separates layers from weights with it; write '_'")
    return name


def building(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a class's `build` so that the outermost call settles the layer's state, whoever makes it."""

    @functools.wraps(build)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        state = self.__dict__
        outermost = not state.get("_building", False)
        state["_building"] = True
        try:
            build(self, *args, **kwargs)
        finally:
            if outermost:
                state["_building"] = False
        if outermost:
            self._settle_state(args)

    return wrapper
