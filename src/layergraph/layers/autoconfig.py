"""The config of a layer whose class writes `__init__` and not `get_config`: the arguments it was made with, while they are plain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from layergraph.errors import ConfigError, LayergraphError, shown
from layergraph.layers.declare import BASE_KEYWORDS, SHAPE_KEYWORDS

_BASE = ("name", "trainable", "dtype")
# What Keras writes, and means nothing with this value; null never means anything.
_NEUTRAL = {"oov_method": "floormod", "zero_output_for_mask": False}
_PLAIN = (str, int, float, bool, type(None))


class NoConfigError(ConfigError, NotImplementedError):
    """A layer that must write its own `get_config`; Keras raises a NotImplementedError."""


def keeping(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a class's `__init__` so that the outermost call's arguments are kept, if they are plain."""

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_arguments" not in self.__dict__:
            self.__dict__["_arguments"] = _arguments(init, self, args, kwargs)
        init(self, *args, **kwargs)

    return wrapper


def _arguments(init: Callable[..., None], layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | str:
    """The arguments by name, or why there can be no config of them."""
    try:
        bound = inspect.signature(init).bind(layer, *args, **kwargs)
    except TypeError:  # the call itself will say so
        return "its arguments do not fit its __init__"
    parameters = bound.signature.parameters
    found: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = parameters[name].kind
        if kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            return f"its __init__ takes {name!r} by position only"
        found |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    odd = next((name for name, value in found.items() if name not in _BASE and not _is_plain(value)), None)
    if odd is not None:
        return f"its argument {odd!r} is {shown(found[odd])}, which is no plain value"
    return {name: value for name, value in found.items() if name not in _BASE}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, cast("list[Any]", value)))
    if isinstance(value, dict):
        return all(type(name) is str and _is_plain(item) for name, item in cast("dict[Any, Any]", value).items())
    return type(value) in _PLAIN


def auto_config(layer: Any, base: dict[str, Any]) -> dict[str, Any]:
    """`base` and the arguments with which the layer was made. Raises `NoConfigError`."""
    who, found = type(layer).__name__, layer.__dict__.get("_arguments", {})
    parameters = inspect.signature(type(layer).__init__).parameters
    own = [name for name, parameter in list(parameters.items())[1:] if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    words = ", ".join(repr(name) for name in own if name not in _BASE)
    fix = f"write {who}.get_config(): {{**super().get_config(), ...}}" + (f" with {words}" if words else "")
    if isinstance(found, str):
        raise NoConfigError(f"{layer.label} has no get_config(), and none can be made: {found}", fix)
    lost = [name for name in _BASE if name not in own]
    if lost and len(own) == len(parameters) - 1:
        raise NoConfigError(
            f"{layer.label} has no get_config(), and none can be made: its __init__ takes {words or 'no arguments'} and no "
            f"{', '.join(map(repr, lost))}, which a config holds",
            f"def __init__(self, {', '.join([*own, '**kwargs'])}): super().__init__(**kwargs); or {fix}",
        )
    return {**base, **found}


def made_from(kind: Any, config: Mapping[str, Any]) -> Any:
    """`kind(**config)`. Raises `ConfigError` where its `__init__` takes other arguments."""
    words = dict(config)
    if kind._fields and kind.__module__.startswith("layergraph."):
        known = {*kind._fields, *BASE_KEYWORDS, *SHAPE_KEYWORDS}
        words = {name: value for name, value in words.items() if name in known or value not in (None, _NEUTRAL.get(name))}
    try:
        return kind(**words)
    except LayergraphError:
        raise
    except TypeError as error:
        raise ConfigError(
            f"{kind.__name__} cannot be made from the config {shown(dict(config), 200)}: {error}",
            f"make {kind.__name__}.get_config() and __init__ match: __init__(self, ..., **kwargs) and super().__init__(**kwargs)",
        ) from error
