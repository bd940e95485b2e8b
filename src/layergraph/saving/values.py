"""Values of a config: what JSON cannot hold is written as `{"class_name": "__slice__", "config": {...}}`, mostly as Keras does.

`encode` and `decode` are the one pair through which every argument of a layer or a torch call goes; a new kind of argument
is one branch in each. `read` and `check` keep out what a config may not be: too large, too deep, ambiguous.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ConfigError, Fact, shown
from layergraph.graph.node import Constant

Plain = Any
Special = Callable[[Any], Any]

LARGEST_INT = 2**40
LARGEST_TEXT = 64 * 2**20
MOST_ITEMS = 10_000_000
# Lists and dicts in one another. A model in a model takes three: room for 64 of them.
DEEPEST = 256

_DTYPES = {str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
_FORMATS = {str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.memory_format)}
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|meta)(:\d{1,3})?")
_NUMBERS: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "complex": complex}


def is_list(value: Any) -> bool:
    """Whether a value of a config is a list; Keras's own configs, before they are JSON, have tuples too."""
    return isinstance(value, list | tuple)


def is_dict(value: Any) -> bool:
    """Whether a value of a config is a dict."""
    return isinstance(value, Mapping)


# Reading


def read(text: str | bytes) -> Plain:
    """A config from JSON. Raises ConfigError for anything but one unambiguous JSON value of a bearable size."""
    if len(text) > LARGEST_TEXT:
        raise ConfigError(f"the config is {len(text):,} characters long, and may be {LARGEST_TEXT:,}")
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique, parse_int=_bounded_int)
    except Fact as fact:
        raise ConfigError(f"the config cannot be read: {fact.what}", fact.fix) from None
    except RecursionError:
        raise ConfigError(f"the config is nested too deep: at most {DEEPEST} lists and dicts may stand in one another") from None
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the config is not JSON: {shown(str(error), 200)}") from None


def _refuse_constant(word: str) -> NoReturn:
    raise Fact(f"{word} is no JSON", 'write {"class_name": "__number__", "config": {"type": "float", "value": "inf"}}')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Fact(f"the key {shown(name)} comes twice in one object")
        found[name] = value
    return found


def _bounded_int(digits: str) -> int:
    if len(digits) > 15:
        raise Fact(f"the number {shown(digits)} is too large: an int may be 2**40 at most")
    return int(digits)


def check(config: Plain) -> None:
    """Refuse a config that is too large or too deep, without recursion. Raises `Fact`."""
    pending, items = [(config, 0)], 0
    while pending:
        value, depth = pending.pop()
        if isinstance(value, dict | list | tuple):
            inside = cast("list[Any]", list(value.values()) if isinstance(value, dict) else value)
            if depth >= DEEPEST:
                raise Fact(f"the config is nested too deep: at most {DEEPEST} lists and dicts may stand in one another")
            items += len(inside)
            if items > MOST_ITEMS:
                raise Fact(f"the config holds more than {MOST_ITEMS:,} values")
            pending += [(each, depth + 1) for each in inside]
        elif isinstance(value, float) and not math.isfinite(value):
            raise Fact(f"the config holds {value}, which JSON cannot", "leave it out, or serialize it with serialize_keras_object")
        elif isinstance(value, int) and abs(value) > LARGEST_INT:
            raise Fact(f"the config holds the number {shown(value)}: an int may be 2**40 at most")


# Encoding


def nothing(value: Any) -> None:
    """For `encode` and `decode` where nothing is special."""


def encode(value: Any, special: Special = nothing, exact: bool = False) -> Plain:
    """A value as plain data. Raises `Fact` for what has no form.

    Args:
        value: any nest of lists, tuples and dicts.
        special: gives the form of a leaf that it knows, else None; asked last.
        exact: a tuple comes back as a tuple, as torch's indexing needs it; else it is a list, as in Keras's configs.
    """
    if value is None or type(value) in (bool, str):
        return value
    if isinstance(value, list | tuple):
        items = [encode(item, special, exact) for item in cast("list[Any]", value)]
        return {"class_name": "__tuple__", "config": {"items": items}} if exact and isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        return {_key(name): encode(item, special, exact) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, slice):
        ends = cast("slice[Any, Any, Any]", value)
        parts = {"start": ends.start, "stop": ends.stop, "step": ends.step}
        return _made("__slice__", **{word: encode(part, special, exact) for word, part in parts.items()})
    form = _leaf(value)
    if form is None:
        form = special(value)
    if form is None:
        raise Fact(f"{type(value).__name__} {shown(value)} has no form in a config")
    return form


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise Fact(f"a dict in a config has strings as keys, not {type(name).__name__} {shown(name)}")
    return name


def _leaf(value: Any) -> Plain:
    if isinstance(value, np.generic | np.ndarray):
        array = cast(Any, value)
        return _leaf(array.item()) if array.ndim == 0 else _made("__numpy__", **_values(torch.as_tensor(array.copy())))
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    match value:
        case bool() | str():
            return value
        case int():
            return int(value) if abs(value) <= LARGEST_INT else _made("__number__", type="int", value=str(int(value)))
        case float():
            return float(value) if math.isfinite(value) else _made("__number__", type="float", value=str(float(value)))
        case complex():
            return _made("__number__", type="complex", value=str(value))
        case bytes():
            return _made("__bytes__", value=value.decode("utf-8", "surrogateescape"))
        case torch.dtype():
            return _made("__torch_dtype__", name=str(value).removeprefix("torch."))
        case torch.memory_format():
            return _made("__torch_memory_format__", name=str(value).removeprefix("torch."))
        case torch.device():
            return _made("__torch_device__", name=str(value))
        case Constant():
            return _made("__tensor__", **_values(value.value), key=value._key)
        case Tensor():
            return _made("__tensor__", **_values(value))
        case _:
            return None


def _made(form: str, **config: Any) -> Plain:
    return {"class_name": form, "config": config}


def _values(tensor: Tensor) -> dict[str, Any]:
    """Nested lists and a dtype; what JSON has no number for stands as a string."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise Fact(f"a {tensor.layout} tensor of {dtype} has no form in a config", "make it a dense tensor with values")
    plain = tensor.detach().cpu()
    if plain.is_complex():
        plain = torch.view_as_real(plain.resolve_conj())
    values = cast(Any, plain).tolist()
    odd = not bool(torch.isfinite(plain.double()).all()) or (
        not plain.is_floating_point() and bool((plain.double().abs() > LARGEST_INT).any())
    )
    shape = {"shape": list(tensor.shape)} if 0 in tensor.shape else {}  # nested lists cannot say (0, 3)
    return {"value": _spelled(values) if odd else values, "dtype": dtype, **shape}


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelled(item) for item in cast("list[Any]", value)]
    return str(value) if abs(value) > LARGEST_INT or not math.isfinite(value) else value


# Decoding


def decode(value: Plain, special: Special = nothing) -> Any:
    """The value again; `special` gives what it makes of a dict with a class name, or None. Raises `Fact`."""
    if isinstance(value, list | tuple):
        return [decode(item, special) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    entry = cast("dict[str, Any]", value)
    name = entry.get("class_name")
    if not isinstance(name, str) or "config" not in entry:
        return {word: decode(item, special) for word, item in entry.items()}
    if name not in _FORMS:
        found = special(entry)
        return {word: decode(item, special) for word, item in entry.items()} if found is None else found
    config = entry["config"]
    if not isinstance(config, dict):
        raise Fact(f"{name} has no config: {shown(entry)}")
    config = cast("dict[str, Any]", config)
    try:
        return _FORMS[name](config, special)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
        raise Fact(f"{name} cannot be read from {shown(config)}: {type(error).__name__} {shown(str(error))}") from None


def _number(config: dict[str, Any], special: Special) -> Any:
    text = config["value"]
    if not isinstance(text, str) or len(text) > 60:
        raise ValueError("a number is written as a short string")
    return _NUMBERS[config["type"]](text)


def _device(config: dict[str, Any], special: Special) -> torch.device:
    if not _DEVICE.fullmatch(config["name"]):
        raise ValueError("no device of torch")
    return torch.device(config["name"])


def _slice(config: dict[str, Any], special: Special) -> slice:
    return slice(*(decode(config[word], special) for word in ("start", "stop", "step")))


def _tensor(config: dict[str, Any], special: Special) -> Tensor:
    dtype = _DTYPES[config["dtype"]]
    real = dtype.to_real() if dtype.is_complex else dtype
    values = torch.tensor(_numbers(config["value"], float if real.is_floating_point else int), dtype=real)
    values = torch.view_as_complex(values) if dtype.is_complex else values
    return values.reshape([_size(n) for n in config["shape"]]) if "shape" in config else values


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no size of a tensor")
    return value


def _numbers(value: Any, kind: Callable[[str], Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_numbers(item, kind) for item in cast("list[Any]", value)]
    if isinstance(value, str):
        if len(value) > 40:
            raise ValueError("no number")
        return kind(value)
    return value


_FORMS: dict[str, Callable[[dict[str, Any], Special], Any]] = {
    "__tuple__": lambda config, special: tuple(decode(item, special) for item in config["items"]),
    "__number__": _number,
    "__bytes__": lambda config, special: config["value"].encode("utf-8", "surrogateescape"),
    "__slice__": _slice,
    "__ellipsis__": lambda config, special: Ellipsis,
    "__tensor__": _tensor,
    "__numpy__": lambda config, special: _tensor(config, special).numpy(),
    "__torch_dtype__": lambda config, special: _DTYPES[config["name"]],
    "__torch_memory_format__": lambda config, special: _FORMATS[config["name"]],
    "__torch_device__": _device,
}
