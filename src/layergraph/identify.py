"""How a name, a config or an object is understood: what activations, initializers, regularizers and constraints share.

A `Family` is a table of classes and their names. `get` takes anything a user may write, `serialize` gives Keras's form

    {"module": "keras.initializers", "class_name": "HeNormal", "config": {...}, "registered_name": None}

and `deserialize` reads it back. `Configured` derives a class's config from the signature of its `__init__`, so that a
class states its arguments once.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
import torch

from .config import standardize_dtype, torch_dtype
from .errors import ArgumentError, shown, suggestion

Config = dict[str, Any]
CustomObjects = Mapping[str, Any]
T = TypeVar("T")

# What layergraph.saving registers by name: for the process, and for a `with CustomObjectScope(...)`.
REGISTERED: Config = {}
SCOPED: ContextVar[CustomObjects] = ContextVar("layergraph_custom_objects", default={})  # noqa: B039 (never written into)

# The models, by name: their room, which is above all who read configs, puts them here.
MODELS: dict[str, type] = {}

# How an object that a layer holds is written into the layer's config ("write"), and made from it again ("read"): put here by the
# same room.
OBJECTS: dict[str, Callable[..., Any]] = {}


def custom_object(name: object, custom_objects: CustomObjects | None = None) -> Any:
    """What the user calls `name`: in `custom_objects`, in the innermost scope, or registered; else None."""
    if not isinstance(name, str):
        return None
    return next((known[name] for known in (custom_objects or {}, SCOPED.get(), REGISTERED) if name in known), None)


class Configured:
    """An object that is its arguments: each parameter `p` of `__init__` is kept as `self.p`."""

    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        # from the code object: inspect.signature would cost more than the rest of the import
        code = getattr(inspect.unwrap(cls.__init__), "__code__", None)  # None: object's own __init__, without arguments
        cls._arguments = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount] if code else ()

    def get_config(self) -> Config:
        """The arguments that make an equal object: `type(self).from_config(self.get_config())`."""
        missing = [name for name in self._arguments if not hasattr(self, name)]
        if missing:
            who, name = type(self).__name__, missing[0]
            raise ArgumentError(
                f"{who}.get_config: the argument {name!r} of __init__ is not kept", f"set self.{name}, or write {who}.get_config"
            )
        return {name: getattr(self, name) for name in self._arguments}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """An object made from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={shown(getattr(self, name, None))}' for name in self._arguments)})"


class Family(Generic[T]):
    """The classes of one kind, under all their names.

    Args:
        kind: what one of them is called in messages, such as `"initializer"`.
        base: their base class.
        classes: the classes; each is known by its name and by that name in snake_case.
        aliases: further names.
    """

    def __init__(self, kind: str, base: type[T], classes: Iterable[type[T]], aliases: Mapping[str, type[T]] | None = None):
        self.kind = kind
        self.classes = {cls.__name__: cls for cls in (base, *classes)}
        self.names = {**self.classes, **{snake_case(name): cls for name, cls in self.classes.items()}, **(aliases or {})}
        self._module = f"keras.{kind}s"
        self._suggested = [snake_case(name) for name, cls in self.classes.items() if cls is not base]

    def get(self, identifier: object) -> Any:
        """None, a name, a config, a class (made without arguments) or a callable (taken as it is)."""
        if isinstance(identifier, str) and identifier in self.names:
            return self.names[identifier]()
        if isinstance(identifier, str | Mapping):
            return self.deserialize(cast("str | Config", identifier))
        found = cast("Callable[[], object]", identifier)() if isinstance(identifier, type) else identifier
        if found is not None and not callable(found):
            raise unknown(self.kind, identifier, self._suggested)
        return found

    def serialize(self, item: object, custom_objects: CustomObjects | None = None) -> Config | None:
        """Keras's config of `item`. A plain function needs a name in `custom_objects`."""
        if item is None:
            return None
        name = type(item).__name__
        get_config = getattr(item, "get_config", None)
        if get_config is None:
            return function_config(self.kind, item, custom_objects)
        ours = self.classes.get(name) is type(item)
        return {
            "module": self._module if ours else type(item).__module__,
            "class_name": name,
            "config": {key: _plain(value) for key, value in get_config().items()},
            "registered_name": None if ours else name_of(type(item), custom_objects) or name,
        }

    def deserialize(self, config: str | Config, custom_objects: CustomObjects | None = None) -> Any:
        """The object that a name or a config describes."""
        name, arguments = parse(self.kind, config)
        registered = custom_object(config.get("registered_name"), custom_objects) if isinstance(config, Mapping) else None
        found = registered or lookup(self.kind, name, self.names, custom_objects, self._suggested)
        if not isinstance(found, type):
            return found
        try:
            return cast(Any, found).from_config({key: _revived(value) for key, value in arguments.items()})
        except TypeError as error:
            wanted = getattr(found, "_arguments", ())
            wrong = [key for key in arguments if wanted and key not in wanted]
            raise ArgumentError(
                f"{found.__name__} cannot be made from the config {shown(arguments)}: {error}",
                suggestion(wrong[0], wanted) if wrong else None,
            ) from error


def parse(kind: str, config: str | Config) -> tuple[str, Config]:
    """The class name and the arguments in a name or in `{"class_name": ..., "config": ...}`; a function's config is its name."""
    if isinstance(config, str):
        return config, {}
    name, arguments = config.get("class_name"), config.get("config")
    if name == "function" and isinstance(arguments, str):
        return arguments, {}
    if not isinstance(name, str) or not isinstance(arguments, Mapping | None):
        raise ArgumentError(f"Could not interpret {kind} config: {shown(config)}", "give {'class_name': ..., 'config': {...}}")
    return name, dict(cast("Mapping[str, Any]", arguments or {}))


def lookup(
    kind: str, name: str, known: Mapping[str, Any], custom_objects: CustomObjects | None = None, shown_names: Iterable[str] | None = None
) -> Any:
    """What `name` stands for, the user's own objects first."""
    own = custom_object(name, custom_objects)
    if own is not None:
        return own
    if name not in known:
        raise unknown(kind, name, known if shown_names is None else shown_names)
    return known[name]


def function_config(kind: str, function: object, custom_objects: CustomObjects | None) -> Config:
    """`{"class_name": "function", "config": name}` of a function that the user has named."""
    name = name_of(function, custom_objects)
    if name is not None:
        return {"class_name": "function", "config": name}
    raise ArgumentError(
        f"Cannot serialize the {kind} {shown(function)}: it has no name by which it could be found again",
        f"pass custom_objects={{{getattr(function, '__name__', 'name')!r}: ...}}",
    )


def name_of(item: object, custom_objects: CustomObjects | None = None) -> str | None:
    """The name under which the user has given `item`: the inverse of `custom_object`."""
    known = (custom_objects or {}, SCOPED.get(), REGISTERED)
    return next((name for each in known for name, value in each.items() if value is item), None)


def unknown(kind: str, identifier: object, known: Iterable[str]) -> ArgumentError:
    """The error for an identifier that nothing answers to, with the nearest name, or all of them where none is near."""
    names = list(known)
    spelled_alike = [name for name in names if isinstance(identifier, str) and _letters(name) == _letters(identifier)]
    near = suggestion(spelled_alike[0] if spelled_alike else identifier, names)
    return ArgumentError(f"Could not interpret {kind} identifier: {shown(identifier)}", near or f"use one of {', '.join(map(repr, names))}")


def snake_case(name: str) -> str:
    """`GlorotUniform` -> `glorot_uniform`, `L1L2` -> `l1l2`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _plain(value: object) -> object:
    """`value` as JSON can hold it, the way Keras writes arrays and tuples."""
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "items": [_plain(item) for item in cast("tuple[object, ...]", value)]}
    if isinstance(value, torch.Tensor | np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        form = "__tensor__" if isinstance(value, torch.Tensor) else "__numpy__"
        return {"class_name": form, "config": {"value": array.tolist(), "dtype": standardize_dtype(array.dtype)}}
    return cast("np.generic[Any]", value).item() if isinstance(value, np.generic) else value


def _revived(value: object) -> object:
    form = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    match form.get("class_name"):
        case "__tuple__":
            return tuple(_revived(item) for item in form["items"])
        case "__tensor__":
            return torch.tensor(form["config"]["value"], dtype=torch_dtype(form["config"]["dtype"]))
        case "__numpy__":
            return np.array(form["config"]["value"], dtype=standardize_dtype(form["config"]["dtype"]))
        case _:
            return cast(object, value)
