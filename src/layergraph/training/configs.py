"""Losses and metrics as configs and back, in Keras's form: `{"module", "class_name", "config", "registered_name"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, cast

from ..errors import ArgumentError, shown
from ..identify import Config, CustomObjects, custom_object, function_config, lookup, name_of, parse
from ..kinds import is_class, is_dict


class Table:
    """What goes by a name in one room: its classes and functions.

    Args:
        kind: what one of them is called in messages: 'loss' or 'metric'.
        module: Keras's name of the room.
        classes: classes by name.
        functions: functions by name.
    """

    def __init__(self, kind: str, module: str, classes: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]):
        self.kind = kind
        self.module = module
        self.classes = classes
        self.functions = functions
        self.names = {function: name for name, function in functions.items() if function.__name__ == name}

    def serialize(self, item: Any) -> Any:
        """The config of an object, or of a function that has a name; what is plain already stays as it is.

        Raises:
            ArgumentError: a function that is neither Keras's nor registered, an object without `get_config`.
        """
        if item is None or isinstance(item, str):
            return item
        if isinstance(item, FunctionType):
            name = self.names.get(item)
            form = function_config(self.kind, item, None) if name is None else {"config": name}
            return {"module": "builtins", "class_name": "function", "config": form["config"], "registered_name": "function"}
        kind = cast("type[Any]", type(item))
        if not callable(getattr(item, "get_config", None)):
            raise ArgumentError(
                f"Cannot serialize the {self.kind} {shown(item)}: a {kind.__name__} has no get_config()", f"use one of {self.module}"
            )
        config = {key: self.serialize(value) if callable(value) else value for key, value in item.get_config().items()}
        own = self.classes.get(kind.__name__) is kind
        return {
            "module": self.module if own else kind.__module__,
            "class_name": kind.__name__,
            "config": config,
            "registered_name": None if own else name_of(kind) or kind.__name__,
        }

    def deserialize(self, config: Any, custom_objects: CustomObjects | None = None) -> Any:
        """What a name or a config describes: an object, or a function. The inverse of `serialize`.

        Raises:
            ArgumentError: a config that describes nothing, or not with these arguments.
        """
        if not isinstance(config, str) and not is_dict(config):
            raise ArgumentError(f"Could not interpret {self.kind} config: {shown(config)}", "give {'class_name': ..., 'config': {...}}")
        name, arguments = parse(self.kind, config)
        known = {**self.classes, **self.functions}
        own = custom_object(config.get("registered_name"), custom_objects) if is_dict(config) else None
        found = own or lookup(self.kind, name, known, custom_objects)
        if not is_class(found) or isinstance(config, str):
            return found
        return self.made(found, {key: self._revived(value, custom_objects) for key, value in arguments.items()})

    def made(self, kind: Any, arguments: Config) -> Any:
        """`kind.from_config(arguments)`; arguments that do not fit are told with the class."""
        try:
            return kind.from_config(arguments)
        except TypeError as error:
            raise ArgumentError(f"{kind.__name__} cannot be made from the config {shown(arguments)}: {error}") from error

    def _revived(self, value: Any, custom_objects: CustomObjects | None) -> Any:
        return self.deserialize(value, custom_objects) if is_dict(value) and "class_name" in value else value
