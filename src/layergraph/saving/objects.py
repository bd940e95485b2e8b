"""Objects as configs and back: `{"module", "class_name", "config", "registered_name"}`, Keras's form.

What may be made from a config is what stands in a table: layergraph's own classes by name, and the user's (see registry.py).
The module in a config tells only which of layergraph's tables is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import BuiltinFunctionType, FunctionType
from typing import Any, cast

from torch import nn

from layergraph import activations, constraints, dtype_policies, initializers, layers, regularizers
from layergraph.errors import ConfigError, Fact, LayergraphError, shown, suggestion
from layergraph.identify import MODELS, Config, CustomObjects, custom_object, name_of
from layergraph.layers import Layer
from layergraph.saving.registry import CustomObjectScope
from layergraph.saving.values import check, decode, encode

Made = Callable[[Config], Any]

LAYERS: dict[str, Any] = {
    name: found for name, found in vars(layers).items() if isinstance(found, type) and issubclass(found, Layer) and name in layers.__all__
}
# Classes that the rooms of layers show under another name than their own.
_RENAMED: dict[Any, str] = {found: name for name, found in LAYERS.items() if found.__name__ not in LAYERS}
# Classes of Keras's that are no class here, such as its operations: what makes something of their config.
STAND_INS: dict[str, Callable[[Config], Any]] = {}

_shared: ContextVar[dict[int, Any] | None] = ContextVar("layergraph_shared_objects", default=None)


# Objects to configs


def serialize_keras_object(obj: Any) -> Any:
    """An object, or a nest of objects, as plain data that JSON can hold.

    Plain values stay as they are; a layer, a model, an initializer, ... becomes a dict of `module`, `class_name`, `config` and
    `registered_name`; a function is written by the name under which it is registered. Lambdas are refused.

    Raises `ConfigError`, which says what has no form.

    >>> from layergraph import initializers
    >>> serialize_keras_object([1, initializers.Zeros()])
    [1, {'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, 'registered_name': None}]
    """
    try:
        return encode(obj, object_config)
    except Fact as fact:
        raise ConfigError(f"serialize_keras_object: {fact.what}", fact.fix) from None


def object_config(item: Any) -> Config | None:
    """The config of one object; None where it has none. Raises `Fact`."""
    if isinstance(item, Layer):
        return layer_config(item)
    if isinstance(item, FunctionType | BuiltinFunctionType):
        return _function_config(item)
    if isinstance(item, type) or not callable(getattr(item, "get_config", None)):
        if isinstance(item, nn.Module):
            raise Fact(f"the module {type(item).__name__} has no form in a config", _NO_FORM)
        return None
    for base, serialize, _ in _FAMILIES.values():
        if isinstance(item, base):
            return encode(serialize(item))
    module = _training_module(cast("type[Any]", type(item)))
    if module is not None:
        return {"module": module, **_named(type(item).__name__, _encoded(item, item.get_config()))}
    return _custom(type(item), _encoded(item, item.get_config()))


_NO_FORM = "make the module in the __init__ or build() of a Layer of yours, from plain arguments; or pickle the model"


def layer_config(layer: Layer, config: Any = None, plain: bool = False) -> Config:
    """A layer's or model's config; `config` in the place of what its own `get_config` gives, `plain` where it is data already."""
    config = config_of(layer) if config is None else config
    encoded: Config = config if plain else _encoded(layer, config)
    kind = class_of(type(layer))
    public = kind.__name__ if LAYERS.get(kind.__name__) is kind else _RENAMED.get(kind)
    if public is not None:
        return {"module": "keras.layers", **_named(public, encoded)}
    if MODELS.get(kind.__name__) is kind:
        return {"module": "keras", **_named(kind.__name__, encoded), **_MODELS.get(kind.__name__, {})}
    return _custom(kind, encoded)


def config_of(layer: Layer) -> Any:
    """`layer.get_config()`; what refuses there is told with the layer. Raises `Fact`."""
    try:
        return layer.get_config()
    except ConfigError:
        raise
    except LayergraphError as error:
        raise Fact(f"{layer.label}: {error.what}", "name it: @layergraph.saving.register_keras_serializable() above its def") from None


# Keras's Functional has no public name.
_MODELS = {"Functional": {"module": "keras.src.models.functional", "registered_name": "Functional"}}


def class_of(kind: Any) -> Any:
    """The class as it was written: fx makes one for each GraphModule, and models mix one in."""
    return next(cls for cls in kind.__mro__ if "GraphModuleImpl" not in cls.__qualname__ and not cls.__dict__.get("_mixed"))


def _custom(kind: Any, config: Any) -> Config:
    """The config of an object of a class of the user's."""
    module = None if kind.__module__ == "__main__" else kind.__module__
    return {"module": module, **_named(kind.__name__, config), "registered_name": name_of(kind) or kind.__name__}


def _named(class_name: str, config: Any) -> Config:
    return {"class_name": class_name, "config": config, "registered_name": None}


def _encoded(item: Any, config: Any) -> Any:
    """What `get_config` gave, as plain data; names the argument that is not."""
    who = item.label if isinstance(item, Layer) else type(item).__name__
    if not isinstance(config, Mapping):
        raise Fact(f"{who}.get_config() must give a dict, got {type(config).__name__} {shown(config)}")
    plain: Config = {}
    for name, value in cast("Mapping[str, Any]", config).items():
        try:
            plain[name] = encode(value, object_config)
        except Fact as fact:
            raise Fact(
                f"{who}: the argument {name!r} cannot be written into a config: {fact.what}",
                fact.fix or f"write {type(item).__name__}.get_config(), which gives it as plain data, and from_config",
            ) from None
    return plain


def _function_config(function: Any) -> Config:
    try:
        form = activations.serialize(function)
    except LayergraphError:
        raise Fact(
            f"the function {shown(function)} has no name by which it could be found again",
            "register it: @layergraph.saving.register_keras_serializable()",
        ) from None
    name = form if isinstance(form, str) else form["config"]
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


# What knows how to write and read its own: the base class, and the two functions, by the word in the module's name.
_FAMILIES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "initializers": (initializers.Initializer, initializers.serialize, initializers.deserialize),
    "regularizers": (regularizers.Regularizer, regularizers.serialize, regularizers.deserialize),
    "constraints": (constraints.Constraint, constraints.serialize, constraints.deserialize),
    "dtype_policies": (dtype_policies.DTypePolicy, dtype_policies.serialize, dtype_policies.deserialize),
}


def _training_module(kind: type) -> str | None:
    if not kind.__module__.startswith("layergraph."):
        return None
    return next((f"keras.{word}" for word, table in _training_tables().items() if table.get(kind.__name__) is kind), None)


def _training_tables() -> dict[str, dict[str, Any]]:
    """Losses, metrics and optimizers: loaded by who uses them."""
    from layergraph import losses, metrics, optimizers

    rooms = {"losses": losses, "metrics": metrics, "optimizers": optimizers}
    return {word: {name: each for name, each in vars(room).items() if isinstance(each, type)} for word, room in rooms.items()}


# Configs to objects


def deserialize_keras_object(config: Any, custom_objects: CustomObjects | None = None, safe_mode: bool = True, **kwargs: Any) -> Any:
    """The object, or nest of objects, that plain data describe: the inverse of `serialize_keras_object`.

    Classes and functions are found by name among layergraph's own, those registered, those in scope and `custom_objects`;
    nothing is imported. `safe_mode` is taken for Keras's sake: no code in a config is ever run.

    Raises `ConfigError` for a config that describes nothing.
    """
    try:
        with reading(config, custom_objects):
            return decode(config, make)
    except Fact as fact:
        raise ConfigError(f"deserialize_keras_object: {fact.what}", fact.fix) from None


@contextmanager
def reading(config: Any, custom_objects: CustomObjects | None) -> Generator[None]:
    """Around the making of what a config describes: it is checked once, and objects that it shares are made once."""
    with CustomObjectScope(custom_objects):
        if _shared.get() is not None:
            yield
            return
        check(config)
        token = _shared.set({})
        try:
            yield
        except RecursionError:
            raise ConfigError("the config holds objects that hold objects, too deep for Python's stack", "flatten it") from None
        finally:
            _shared.reset(token)


def make(entry: Config) -> Any:
    """The object of one `{"class_name", "config", ...}`; made once where it has a `shared_object_id`. Raises `Fact`."""
    shared = _shared.get()
    number = entry.get("shared_object_id")
    if shared is None or type(number) is not int:
        return _make(entry)
    if number not in shared:
        shared[number] = (entry["class_name"], _make(entry))
    kind, found = shared[number]
    if kind != entry["class_name"]:
        raise Fact(f"the shared object {number} is a {shown(kind)} and a {shown(entry['class_name'])}")
    return found


def _make(entry: Config) -> Any:
    name, config = entry["class_name"], entry["config"]
    try:
        if name == "function":
            return _function(entry)
        if not isinstance(config, dict):
            raise Fact(f"the config of {shown(name)} must be a dict, got {type(config).__name__} {shown(config)}")
        found = _own_class(entry)
        if found is None:
            found = _builtin(entry)
        return construct(found, cast("Config", config)) if isinstance(found, type) else found(entry)
    except ConfigError:
        raise
    except LayergraphError as error:  # a family says it in its own words
        raise Fact(error.what, error.fix) from None


def construct(kind: Any, config: Config) -> Any:
    """`kind.from_config(config)`; an error of it names the class."""
    if not hasattr(kind, "from_config"):
        raise Fact(f"{kind.__name__} has no from_config", f"write {kind.__name__}.from_config(cls, config), a classmethod")
    try:
        return kind.from_config(config if issubclass(kind, tuple(MODELS.values())) else _revived(kind, config))
    except (ConfigError, Fact):
        raise
    except LayergraphError as error:
        raise Fact(f"{shown(kind.__name__)} cannot be made from its config: {error.what}", error.fix) from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        who = f"{kind.__name__} {shown(config['name'])}" if "name" in config else kind.__name__
        fix = None if kind.__module__.startswith("layergraph.") else f"make {kind.__name__}.from_config(cls, config) match its get_config()"
        raise Fact(f"{who} cannot be made from its config: {type(error).__name__}: {shown(str(error), 200)}", fix) from error


def _revived(kind: Any, config: Config) -> Config:
    """The config with what JSON cannot hold made again; whole objects only for fields that take anything."""
    revived = {name: decode(value) if isinstance(value, dict | list) else value for name, value in config.items()}
    for name, field in getattr(kind, "_fields", {}).items():
        if field.plain and isinstance(config.get(name), dict | list):
            revived[name] = decode(config[name], make)
    return revived


def _function(entry: Config) -> Any:
    name = entry["config"]
    found = custom_object(name) or custom_object(entry.get("registered_name"))
    return found if found is not None else activations.deserialize(name)


def _own_class(entry: Config) -> Any:
    """The class of the user's that an entry names, or None."""
    name, module = entry["class_name"], entry.get("module")
    if not isinstance(module, str | None):
        raise Fact(f"the module of {shown(name)} must be a string or null, got {shown(module)}")
    found = custom_object(entry.get("registered_name"))
    if found is None and (module is None or module.split(".")[0] not in _OURS):
        found = custom_object(name)
    if found is not None and not isinstance(found, type):
        raise Fact(f"{shown(name)} names a class, and {shown(found)} is registered under this name")
    return found


_OURS = ("keras", "layergraph", "builtins")


def _builtin(entry: Config) -> Any:
    """The class of layergraph's that an entry names, or the function that makes something of the entry. Raises `Fact`."""
    name, module = entry["class_name"], entry.get("module")
    words = (module or "keras").split(".")
    tables = _tables(name, words) if words[0] in _OURS else {}
    if name in tables:
        return tables[name]
    stand_in = next((STAND_INS[prefix] for prefix in STAND_INS if f"{module}.".startswith(prefix)), None)
    if stand_in is None:
        raise Fact(
            f"Could not locate class {shown(name)}" + (f" of {shown(module)}" if module else ""),
            suggestion(name, tables) or f"{_REGISTER}, or pass custom_objects={{{shown(name)}: ...}}",
        )
    return stand_in


_REGISTER = "decorate it with @layergraph.saving.register_keras_serializable() and import it first"


def _tables(name: str, words: Sequence[str]) -> dict[str, Any]:
    """The classes that may be meant by a module: those of its kind; of the core where it names no kind."""
    for word in words:
        if word in _FAMILIES:
            return {name: _FAMILIES[word][2]}
        if word in ("losses", "metrics", "optimizers"):
            return _training_tables()[word]
    if "layers" in words:
        return LAYERS
    if name == "DTypePolicy":
        return {name: dtype_policies.deserialize}
    return {} if "ops" in words or "activations" in words else {**LAYERS, **MODELS}
