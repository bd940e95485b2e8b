"""Optimizers and schedules as Keras writes them into a config, and back: by name, and nothing in a config is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ArgumentError, shown, suggestion
from ...identify import Config, custom_object, function_config, name_of, parse
from ...kinds import is_class, is_dict


def serialize(item: Any, room: str = "optimizers") -> Config:
    """`{"module": "keras.optimizers", "class_name": "Adam", "config": {...}, "registered_name": None}`.

    Raises:
        ArgumentError: a learning rate that is a function without a registered name.
    """
    kind: Any = item.__class__
    ours = kind.__module__.startswith("layergraph.training.optimizers")
    config: Config = dict(item.get_config())
    if callable(config.get("learning_rate")):
        config["learning_rate"] = function_config("learning rate", config["learning_rate"], None)
    if callable(config.get("optimizer_map")):
        config["optimizer_map"] = function_config("optimizer map", config["optimizer_map"], None)
    return {
        "module": f"keras.{room}" if ours else kind.__module__,
        "class_name": kind.__name__,
        "config": config,
        "registered_name": None if ours else name_of(kind) or kind.__name__,
    }


def made(kind: str, config: Any, known: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The object that a config describes, of a class in `known` (its names in lower case) or of the user's."""
    name, arguments = parse(kind, config)
    own = custom_object(config.get("registered_name"), custom_objects) or custom_object(name, custom_objects)
    found = own or known.get(name.lower())
    if found is None:
        near = suggestion(name.lower(), known)
        raise ArgumentError(f"Could not interpret {kind} config: {shown(config)}", near or f"custom_objects={{{name!r}: ...}}")
    if not is_class(found):
        return found
    try:
        return _from(found, arguments, custom_objects)
    except (TypeError, KeyError) as error:
        raise ArgumentError(f"{found.__name__} cannot be made from the config {shown(arguments)}: {error}") from error


def _from(cls: Any, arguments: Config, custom_objects: Mapping[str, Any] | None) -> Any:
    """A class of the user's may take the config alone."""
    takes = getattr(cls.from_config, "__code__", None) or cls.from_config.__func__.__code__
    if "custom_objects" in takes.co_varnames[: takes.co_argcount]:
        return cls.from_config(arguments, custom_objects)
    return cls.from_config(arguments)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """An optimizer from what `serialize` gave, or Keras wrote; the name's case does not matter."""
    from .lookup import OPTIMIZERS

    return made("optimizer", config, OPTIMIZERS, custom_objects)


def made_inside(config: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """An optimizer inside the config of another: a config itself, or an object."""
    return deserialize(config, custom_objects) if is_dict(config) else config
