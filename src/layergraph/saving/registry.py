"""Who answers to a name in a config: the user's own classes and functions, registered by name and never imported by one.

A config names classes. A name is looked up in tables, and nowhere else: `custom_objects=` of the call, the objects of the
`with CustomObjectScope(...)` around it, what is registered, and layergraph's own. No name in a config is ever imported,
nor looked up as an attribute.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from layergraph.errors import ArgumentError, shown
from layergraph.identify import REGISTERED, SCOPED, Config, CustomObjects, custom_object, name_of

T = TypeVar("T")


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator that registers a class or function as `package>name`, so that configs and files can name it.

    A class needs `get_config`. The same class may be registered again, as a notebook's cell does that runs twice; Keras
    lets any other take the name over in silence, and here that is an ArgumentError.

    Args:
        package: yours; it keeps names of different people apart.
        name: the object's own `__name__` where it is None.

    >>> from layergraph.layers import Layer
    >>> @register_keras_serializable("mine")
    ... class Double(Layer):
    ...     def call(self, x):
    ...         return 2 * x
    >>> get_registered_name(Double)
    'mine>Double'
    """

    def register(item: T) -> T:
        bare = _bare_name(item)
        full = f"{package}>{name or bare}"
        other = REGISTERED.get(full)
        if other is not None and other is not item and _home(other) != _home(item):
            raise ArgumentError(
                f"{full!r} is registered already, as {_home(other)}; it cannot be {_home(item)} too",
                "choose another package or name, or del get_custom_objects()[...] first",
            )
        REGISTERED[full] = item
        return item

    return register


def _bare_name(item: Any) -> str:
    if not callable(item) or not hasattr(item, "__name__"):
        raise ArgumentError(f"register_keras_serializable: {shown(item)} is neither a class nor a function", "decorate one of them")
    if inspect.isclass(item) and not hasattr(item, "get_config"):
        raise ArgumentError(
            f"Cannot register a class that does not have a get_config() method: {item.__qualname__}",
            "write get_config(self), which gives the arguments of __init__ as a dict",
        )
    return item.__name__


def _home(item: Any) -> str:
    return f"{getattr(item, '__module__', None)}.{getattr(item, '__qualname__', shown(item))}"


class CustomObjectScope:
    """Inside `with CustomObjectScope({"name": object}):` configs may name these objects; threads don't see each other's.

    >>> def double(x):
    ...     return 2 * x
    >>> from layergraph.layers import Activation
    >>> with CustomObjectScope({"double": double}):
    ...     Activation("double").activation is double
    True
    """

    def __init__(self, custom_objects: Any):
        if not isinstance(custom_objects, Mapping | None):
            raise ArgumentError(f"CustomObjectScope takes a dict of names and objects, got {shown(custom_objects)}")
        self.custom_objects: Config = dict(cast("Config", custom_objects or {}))
        self._tokens: list[Token[CustomObjects]] = []

    def __enter__(self) -> Self:
        self._tokens.append(SCOPED.set({**SCOPED.get(), **self.custom_objects}))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        SCOPED.reset(self._tokens.pop())


custom_object_scope = CustomObjectScope


def get_custom_objects() -> Config:
    """The table of registered objects itself: `get_custom_objects()["double"] = double` registers, `del` forgets."""
    return REGISTERED


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered; else its own `__name__`."""
    return name_of(obj) or obj.__name__


def get_registered_object(name: str, custom_objects: CustomObjects | None = None, module_objects: CustomObjects | None = None) -> Any:
    """What is registered under a name, in scope or in one of these tables; None where nothing is."""
    found = custom_object(name, custom_objects)
    return (module_objects or {}).get(name) if found is None else found
