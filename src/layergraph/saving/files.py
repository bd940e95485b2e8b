"""Models and weights as files: one safetensors file, which any safetensors reader opens.

    tensors     the weights, under their keys in `state_dict`; what is tied is stored once
    header      format, format_version, layergraph, torch: who wrote it
                model: the config, as `model.to_json()` gives it; build: the input shapes of a subclassed model
                compile: the settings of `compile`, where they can be said (see settings.py)

A name may end as Keras's do, `best.keras` or `m.weights.h5`, so that scripts run as they are; what is written is this format
whatever the name says, and what is read is known by its content. The optimizer's state is not in it.

A file is written beside its place and moved there when it is whole. Reading runs no code: JSON, safetensors, and classes found by
name in tables.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from layergraph import archive
from layergraph.errors import ArgumentError, ConfigError, DataError, LayergraphError, shown, user_place, warn_at
from layergraph.identify import CustomObjects
from layergraph.kinds import is_dict, is_list
from layergraph.layers import Layer
from layergraph.saving import settings
from layergraph.saving.objects import deserialize_keras_object
from layergraph.saving.registry import CustomObjectScope
from layergraph.saving.values import read

Path = str | os.PathLike[str]

FORMAT, VERSION = "layergraph", 1
MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".safetensors")
WEIGHTS_SUFFIXES = (".weights.h5", ".safetensors")
_FOREIGN = {
    b"PK\x03\x04": "a .keras archive of Keras's own (zip)",
    b"\x89HDF": "an HDF5 file of Keras's own",
}
_LONGEST_HEADER = 100_000_000  # safetensors' own limit


# Writing


def save_model(model: Any, filepath: Path, overwrite: bool = True, zipped: bool | None = None) -> None:
    """Writes a model, graph and weights and `compile` settings, into one file that `load_model` reads.

    Args:
        model: functional, sequential, or of a class of yours that has a config.
        filepath: ends in '.keras', '.h5', '.hdf5' or '.safetensors'; the format is the same.
        overwrite: whether a file that is there may be replaced. Keras asks at the keyboard where it is False; here it is refused.
        zipped: taken for Keras's sake; True or None.

    Raises:
        ArgumentError: another suffix, a file that is there and must stay, a model without weights yet, a plain nn.Module.
        ConfigError: something in the model has no form in a config.
    """
    who = "save_model" if not isinstance(model, Layer) else f"{model.label}.save"
    path = _path(who, filepath, MODEL_SUFFIXES, "Invalid filepath extension for saving", overwrite)
    if zipped is False:
        raise ArgumentError(f"{who}(zipped=False): a model is one file here, not a folder", "leave zipped out")
    if not isinstance(model, Layer) or not hasattr(model, "to_json"):
        raise ArgumentError(
            f"save_model: {type(model).__name__} is no model of layergraph's: its graph cannot be written",
            "layergraph.saving.save_weights(module, 'm.safetensors') writes its weights",
        )
    described = cast("Any", model)
    _check_built(who, described)
    header = {"model": described.to_json()}
    shapes = _shapes_to_build(described)
    if shapes is not None:
        header["build"] = json.dumps(shapes)
    compiled = settings.written(described, who)
    if compiled is not None:
        header["compile"] = json.dumps(compiled)
    _write(path, _tensors(who, model), header)


def save_weights(model: nn.Module, filepath: Path, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Writes the weights of any `nn.Module`, under the keys of its `state_dict`, into one file that `load_weights` reads.

    Args:
        model: any module.
        filepath: ends in '.weights.h5' or '.safetensors'; the format is the same.
        overwrite: whether a file that is there may be replaced.
        max_shard_size: taken for Keras's sake; only None.

    Raises:
        ArgumentError: another suffix, a file that is there and must stay, a model without weights yet.
    """
    who = "save_weights" if not isinstance(model, Layer) else f"{model.label}.save_weights"
    path = _path(who, filepath, WEIGHTS_SUFFIXES, "The filename must end in `.weights.h5`", overwrite)
    if max_shard_size is not None:
        raise ArgumentError(f"{who}(max_shard_size={max_shard_size!r}): the weights are one file here", "leave max_shard_size out")
    _check_built(who, model)
    _write(path, _tensors(who, model), {})


def _path(who: str, filepath: Any, suffixes: tuple[str, ...], wrong: str, overwrite: bool) -> str:
    if not isinstance(filepath, (str, os.PathLike)):
        raise ArgumentError(f"{who}: the path must be a string or a path, got {type(filepath).__name__} {shown(filepath)}")
    path = os.fspath(cast("Path", filepath))
    if not path.endswith(suffixes):
        raise ArgumentError(f"{who}: {wrong}. Received: filepath={path}", f"end it in {', '.join(map(repr, suffixes))}")
    if os.path.isdir(path):
        raise ArgumentError(f"{who}: {path!r} is a folder", "give the name of a file")
    if not overwrite and os.path.exists(path):
        raise ArgumentError(f"{who}(overwrite=False): {path!r} exists", "overwrite=True, or another name")
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise ArgumentError(f"{who}: there is no folder {folder!r}", f"os.makedirs({folder!r}, exist_ok=True)")
    return path


def _check_built(who: str, model: nn.Module) -> None:
    if isinstance(model, Layer) and not model.built:
        raise ArgumentError(
            f"{who}: the model has no weights yet: You are saving a model that has not yet been built", "call it on a batch first"
        )


def _shapes_to_build(model: Any) -> list[Any] | None:
    """None for a model whose config makes its weights too; else the shapes that `build` needs."""
    if hasattr(model, "output_names"):  # functional
        return None
    shapes = model.__dict__.get("_build_shapes")
    return None if shapes is None else [list(shape) for shape in shapes]


def _tensors(who: str, model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict()
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise ArgumentError(f"{who}: the state {key!r} is a {type(value).__name__}, and only tensors go into the file")
    return state


def _write(path: str, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    from_us = {"format": FORMAT, "format_version": str(VERSION), "layergraph": sys.modules["layergraph"].__version__}
    archive.write(path, tensors, {**from_us, "torch": str(torch.__version__), **header})


# Reading


def load_model(filepath: Path, custom_objects: CustomObjects | None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """The model in a file that `model.save` wrote, with its weights, in `eval()`.

    Args:
        filepath: the file; its content counts, not its name.
        custom_objects: classes and functions of yours by name, beside those that are registered.
        compile: whether to call `compile` with the settings in the file.
        safe_mode: taken for Keras's sake: no code in a file is ever run.

    Raises:
        ArgumentError: no such file, or one of another format.
        ConfigError: a config that describes no model, or names a class that is not known.
        DataError: weights that do not fit it.

    >>> import os, tempfile
    >>> from layergraph import Input, Model, layers
    >>> x = Input(shape=(4,))
    >>> path = os.path.join(tempfile.mkdtemp(), "m.keras")
    >>> Model(x, layers.Dense(2, name="head")(x)).save(path)
    >>> sorted(load_model(path).state_dict())
    ['head.bias', 'head.weight']
    """
    who = "load_model"
    path, entries, header = _opened(who, filepath)
    if "model" not in header:
        raise ArgumentError(
            f"{who}: {path!r} holds weights, and no model", "make the model, and model.load_weights(path)" if entries else None
        )
    with CustomObjectScope(custom_objects):
        model = deserialize_keras_object(read(header["model"]))
        if not isinstance(model, Layer) or not hasattr(model, "to_json"):
            raise ConfigError(f"{who}: the config in {path!r} describes no model, it is {shown(model)}")
        if not model.built:
            _build(who, model, read(header.get("build", "null")))
        _take_dtype(model, entries)
        _load(who, path, model, entries, skip_mismatch=False)
        if compile and "compile" in header:
            settings.compiled(model, read(header["compile"]), path)
    return model.eval()


def load_weights(model: nn.Module, filepath: Path, skip_mismatch: bool = False) -> None:
    """Takes the weights in a file by their keys into any `nn.Module`: all of them, or, where one does not fit, none.

    Args:
        model: any module.
        filepath: a file of `save_weights` or `save`, or any safetensors file with these keys.
        skip_mismatch: take what fits, and say in a warning what does not.

    Raises:
        ArgumentError: no such file, or one of another format.
        DataError: a key that is missing or unknown, a shape or kind of number that differs; the module is as it was.
    """
    who = "load_weights" if not isinstance(model, Layer) else f"{model.label}.load_weights"
    path, entries, _ = _opened(who, filepath)
    if isinstance(model, Layer) and not model.built:
        raise ArgumentError(f"{who}: the model has no weights yet: it has not seen an input", "call it on a batch first")
    _load(who, path, model, entries, skip_mismatch)


Entries = dict[str, tuple[str, tuple[int, ...]]]  # key: (dtype in safetensors' words, shape)


def _opened(who: str, filepath: Any) -> tuple[str, Entries, dict[str, str]]:
    """The path, what tensors the file says it has, and its text; nothing of the tensors is read yet."""
    if not isinstance(filepath, (str, os.PathLike)):
        raise ArgumentError(f"{who}: the path must be a string or a path, got {type(filepath).__name__} {shown(filepath)}")
    path = os.fspath(cast("Path", filepath))
    if not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else None
        raise ArgumentError(f"{who}: {path!r} is {kind}" if kind else f"{who}: File not found: filepath={path}")
    with open(path, "rb") as file:
        start = file.read(8)
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise ArgumentError(
                    f"{who}: {path!r} is {what}; reading these is not in layergraph yet, and comes later",
                    "in Keras: np.savez(path, *model.get_weights()); here: model.set_weights(...), in the same order",
                )
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(_LONGEST_HEADER, os.path.getsize(path) - 8):
            raise ArgumentError(f"{who}: {path!r} is no file of layergraph's, and no safetensors file")
        text = file.read(length)
    try:
        header = read(text)
    except ConfigError as error:
        raise ArgumentError(f"{who}: {path!r} is damaged, or no file of layergraph's: {error.what}") from None
    if not is_dict(header):
        raise ArgumentError(f"{who}: {path!r} is no file of layergraph's, and no safetensors file")
    words: Any = header.pop("__metadata__", {})
    words = words if is_dict(words) and all(isinstance(value, str) for value in words.values()) else {}
    version = words.get("format_version", "1") if words.get("format") == FORMAT else "1"
    if version != str(VERSION):
        raise ArgumentError(
            f"{who}: {path!r} is of format version {shown(version)}; this layergraph reads {VERSION}", "pip install -U layergraph"
        )
    return path, _entries(who, path, header, words), words


def _entries(who: str, path: str, header: Mapping[str, Any], words: Mapping[str, str]) -> Entries:
    found: Entries = {}
    aliases: Any = read(words["aliases"]) if "aliases" in words else {}
    try:
        for key, entry in header.items():
            found[key] = (entry["dtype"], tuple(int(size) for size in entry["shape"]))
        for key, same in aliases.items():
            found[key] = found[same]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ArgumentError(f"{who}: {path!r} is damaged: its header describes no tensors") from None
    return found


def _build(who: str, model: Any, shapes: Any) -> None:
    if not is_list(shapes) or not all(is_list(shape) for shape in shapes) or len(shapes) != 1:
        raise ConfigError(
            f"{who}: {model.label} has weights only once it has seen an input, and the file does not say which",
            "make the model, call it on a batch, and model.load_weights(path)",
        )
    model.build(tuple(shapes[0]))


_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def _take_dtype(model: nn.Module, entries: Entries) -> None:
    """A model that was moved to another dtype as a whole, `model.double()`, comes back in it."""
    stored = {dtype for dtype, _ in entries.values() if dtype in _FLOATS}
    own = {value.dtype for value in model.state_dict().values() if value.is_floating_point()}
    if len(stored) == 1 and own and own != {_FLOATS[next(iter(stored))]}:
        model.to(_FLOATS[next(iter(stored))])


def _load(who: str, path: str, model: nn.Module, entries: Entries, skip_mismatch: bool) -> None:
    own = _tensors(who, model)
    wrong = _misfits(own, entries)
    if wrong and not skip_mismatch:
        first = list(wrong.items())[:8]
        more = [f"and {len(wrong) - 8} more"] if len(wrong) > 8 else []
        raise DataError(
            f"{who}: the weights in {path!r} do not fit; nothing was loaded",
            "skip_mismatch=True takes what fits" if any(key in entries for key in own) else None,
            details=[f"{shown(key)}: {what}" for key, what in first] + more,
        )
    try:
        tensors, _ = archive.read(path)
    except LayergraphError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ArgumentError(f"{who}: {path!r} is damaged: {shown(str(error), 200)}") from None
    _check_ties(who, own, tensors)
    if wrong:
        warn_at(user_place(), f"{who}: left as they were: {', '.join(f'{shown(key)} ({what})' for key, what in wrong.items())}")
    model.load_state_dict({key: tensors[key] for key in own if key not in wrong}, strict=not wrong)


def _check_ties(who: str, own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Names that are one tensor in the model take one value."""
    first: dict[tuple[object, ...], str] = {}
    for key, tensor in own.items():
        if key not in tensors or not tensor.numel():
            continue
        other = first.setdefault((tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride()), key)
        if tensors[other] is not tensors[key] and not torch.equal(tensors[other], tensors[key]):
            raise DataError(f"{who}: {key!r} and {other!r} are one tensor in the model, and two in the file; nothing was loaded")


def _misfits(own: Mapping[str, Tensor], entries: Entries) -> dict[str, str]:
    """What is wrong, by key."""
    wrong = {key: "the file does not have it" for key in own if key not in entries}
    wrong |= {key: "the model does not have it" for key in entries if key not in own}
    for key, tensor in own.items():
        if key not in wrong:
            dtype, shape = entries[key]
            if shape != tuple(tensor.shape):
                wrong[key] = f"{shape} in the file, {tuple(tensor.shape)} in the model"
            elif dtype.startswith(("F", "BF")) != tensor.is_floating_point() or dtype.startswith("C") != tensor.is_complex():
                wrong[key] = f"{shown(dtype)} in the file, {str(tensor.dtype).removeprefix('torch.')} in the model"
    return wrong
