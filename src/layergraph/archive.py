"""One file of tensors and text that any safetensors reader opens, written so that a crash at any moment loses nothing.

    place      a file is written beside its place, made durable, and moved there: write, fsync, rename, fsync of the folder
    aliases    tensors that share memory are stored once; the header says which names are the same tensor
    sha256     of each tensor, and of the header that holds them: a bit that has changed on the disk is told, not trained on

`flatten_state` takes nested states apart into tensors and JSON, `unflatten_state` puts them together again: no pickle.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .errors import ArgumentError, CorruptModelFileError, shown

if sys.platform != "win32":
    import fcntl

_ALIASES = "aliases"
_HASHES = "sha256"
_HEADER = "header"  # the hash of the header, in which it is itself zeros
_ZEROS = "0" * 64
_DTYPES: dict[torch.dtype, str] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


# --- a file that is there whole, or not at all ---------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """A path to write to; what is there afterwards takes the place of `path` at once, or not at all if the block raises.

    A link is followed: what it points to is replaced. What a writer that was killed has left beside the place is removed.

    Raises:
        OSError: the disk is full, the folder is missing or may not be written to; it names `path`, whose content is as before.
    """
    target = Path(os.path.realpath(path))
    name: str | None = None
    handle = -1
    try:
        _sweep(target)
        name, handle = _beside(target)
        yield Path(name)
        _sync(name)
        os.replace(name, target)
        name = None
        _sync_folder(target.parent)
    except OSError as error:
        error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        if handle >= 0:
            os.close(handle)
        if name is not None:
            with contextlib.suppress(OSError):
                os.unlink(name)


def _prefix(target: Path) -> str:
    """`.weights.safetensors.`: with what is added, at most 255 bytes, which is what a folder takes."""
    return f".{os.fsencode(target.name)[:200].decode(errors='ignore')}."


def _beside(target: Path) -> tuple[str, int]:
    """A new file next to `target`, with the rights that files are made with, locked while its writer lives."""
    while True:
        name = os.path.join(target.parent, f"{_prefix(target)}{secrets.token_hex(6)}.tmp")
        handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if sys.platform == "win32":
            os.close(handle)
            return name, -1
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # else another writer has swept it away before it was locked
            return name, handle
        os.close(handle)


def _sweep(target: Path) -> None:
    """Removes what killed writers of `target` have left; the lock of one that lives cannot be had."""
    if sys.platform == "win32" or not target.parent.is_dir():
        return
    pattern = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{12}\.tmp")
    for name in os.listdir(target.parent):
        if not pattern.fullmatch(name):
            continue
        left = os.path.join(target.parent, name)
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(left)
            finally:
                os.close(handle)


def _sync(path: str | os.PathLike[str]) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    if sys.platform == "win32":  # which opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- tensors and text ----------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Writes tensors and text; the file that was there before is whole until the new one is.

    Args:
        path: in a folder that exists.
        tensors: of any device; at most one of them is copied to the CPU at a time.
        metadata: text by name.

    Raises:
        OSError: it could not be written; it names `path`, whose content is as before.
        ArgumentError: a tensor of a kind that the format has no place for: sparse, quantized, on the meta device, complex128.
    """
    stored, aliases = _distinct(tensors)
    entries: dict[str, Any] = {}
    place = 0
    for name in sorted(stored, key=lambda name: -stored[name].element_size()):  # then each one lies where its dtype may lie
        tensor = stored[name]
        size = tensor.numel() * tensor.element_size()
        entries[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, place + size]}
        place += size
    hashes = dict.fromkeys(entries, _ZEROS)
    text = {**(metadata or {}), _ALIASES: json.dumps(aliases), _HEADER: _ZEROS}
    with replacing(path) as file_name, open(file_name, "r+b", buffering=0) as file:
        start = len(_header(entries, text, hashes))
        file.seek(start)
        for name in entries:
            data = _bytes(stored[name])
            hashes[name] = hashlib.sha256(data).hexdigest()
            _write(file, data)
        text[_HEADER] = hashlib.sha256(_header(entries, text, hashes)).hexdigest()
        file.seek(0)
        _write(file, memoryview(_header(entries, text, hashes)))


def _distinct(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Each tensor once, and which other names it has."""
    first: dict[tuple[object, ...], str] = {}
    aliases: dict[str, str] = {}
    stored: dict[str, Tensor] = {}
    for name, value in tensors.items():
        tensor = value.detach()
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.dtype not in _DTYPES or name == "__metadata__":
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ArgumentError(
                f"a file has no place for the tensor {name!r}: {kind}, {tensor.layout}, on {tensor.device}",
                "a dense tensor with values" if name != "__metadata__" else "another name",
            )
        key = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.is_conj(), tensor.is_neg())
        if tensor.numel() and key in first:
            aliases[name] = first[key]
        else:
            first[key] = name
            stored[name] = tensor
    return stored, aliases


def _bytes(tensor: Tensor) -> memoryview:
    """The values of a tensor, in rows."""
    flat = tensor.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    values: Any = flat.view(torch.uint8).numpy()
    return memoryview(values)


def _header(entries: Mapping[str, Any], text: Mapping[str, str], hashes: Mapping[str, str]) -> bytes:
    """The head of a safetensors file; its length does not depend on the hashes."""
    metadata = {**text, _HASHES: json.dumps(hashes)}
    head = json.dumps({"__metadata__": metadata, **entries}).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head


def _write(file: IO[bytes], data: memoryview) -> None:
    """All of it: a system may write less than it was asked to, as when the disk is nearly full."""
    while len(data):
        data = data[file.write(data[: 1 << 30]) :]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, on the CPU, and the text of a file that `write` wrote, or of any safetensors file.

    Raises:
        OSError: there is no such file.
        CorruptModelFileError: it is damaged, cut short, or no safetensors file.
    """
    with open(path, "rb"):
        pass  # a missing file is told as Python tells it
    try:
        opened: Any = safe_open(os.fspath(path), framework="pt")
        with opened as file:
            header: dict[str, str] = dict(file.metadata() or {})
            if header.keys() & {_ALIASES, _HASHES, _HEADER}:
                _check_header(path, header)
            hashes: dict[str, str] = json.loads(header.pop(_HASHES, "{}"))
            tensors: dict[str, Tensor] = {}
            for name in file.keys():  # noqa: SIM118 (no dict)
                held = file.get_tensor(name)
                if name in hashes and hashlib.sha256(_bytes(held)).hexdigest() != hashes[name]:
                    raise _corrupt(path, f"the values of {name!r} are not those that were written")
                tensors[name] = held.clone()  # `held` lies in the file, which may be replaced or cut short while it is used
        for name, same in json.loads(header.pop(_ALIASES, "{}")).items():
            tensors[name] = tensors[same]
    except (SafetensorError, UnicodeDecodeError, json.JSONDecodeError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise _corrupt(path, str(error)) from error
    header.pop(_HEADER, None)
    return tensors, header


def _check_header(path: str | os.PathLike[str], text: Mapping[str, str]) -> None:
    with open(path, "rb") as file:
        head = file.read(8)
        head += file.read(int.from_bytes(head, "little"))
    digest = text.get(_HEADER, "")
    if len(digest) != 64 or hashlib.sha256(head.replace(digest.encode(), _ZEROS.encode(), 1)).hexdigest() != digest:
        raise _corrupt(path, "its header is not the one that was written")


def _corrupt(path: str | os.PathLike[str], what: str) -> CorruptModelFileError:
    return CorruptModelFileError(f"{os.fspath(path)} cannot be read: {what}", "another copy of it; nothing was loaded")


# --- nested states -------------------------------------------------------------------------------------------------------


def flatten_state(state: Any) -> tuple[dict[str, Tensor], str]:
    """A nested state as tensors by name, and JSON that says where they belong.

    A state is made of dicts (with keys of any of these kinds), lists, tuples, numbers, strings, None, tensors and numpy arrays.

    Raises:
        ArgumentError: something else, with the place where it is.

    >>> tensors, text = flatten_state({"weight": torch.ones(2), "steps": [1, 2.5, float("inf")]})
    >>> list(tensors), text
    (['weight'], '{"dict": [["weight", {"tensor": "weight"}], ["steps", [1, 2.5, {"float": "inf"}]]]}')
    >>> unflatten_state(tensors, text)["steps"]
    [1, 2.5, inf]
    """
    tensors: dict[str, Tensor] = {}
    return tensors, json.dumps(_described(state, (), tensors))


def _described(value: Any, place: tuple[str, ...], tensors: dict[str, Tensor]) -> Any:
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if abs(value) < 1 << 53 else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Tensor):
        return _placed("tensor", value, place, tensors)
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_numpy(value, place, tensors)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        tag = "counter" if isinstance(value, collections.Counter) else "dict"
        return {tag: [[_described(k, place, tensors), _described(v, (*place, str(k)), tensors)] for k, v in items]}
    if isinstance(value, (list, tuple)):
        entries = [_described(v, (*place, str(i)), tensors) for i, v in enumerate(cast("list[Any]", value))]
        return entries if isinstance(value, list) else {"tuple": entries}
    for plain in (bool, int, float, str):  # of a subclass, such as an enum, the plain value
        if isinstance(value, plain):
            return _described(plain(value), place, tensors)
    raise ArgumentError(
        f"a state cannot hold {shown(value)} ({type(value).__name__}), at {'.'.join(place) or 'its top'}",
        "numbers, strings, lists, dicts, tensors and numpy arrays",
    )


def _placed(tag: str, tensor: Tensor, place: tuple[str, ...], tensors: dict[str, Tensor]) -> dict[str, str]:
    base = name = ".".join(place) or tag
    while name in tensors:
        name = f"{base}~{len(tensors)}"
    tensors[name] = tensor
    return {tag: name}


def _from_numpy(value: Any, place: tuple[str, ...], tensors: dict[str, Tensor]) -> dict[str, str]:
    try:
        tensor = torch.from_numpy(np.array(value))  # a copy: it may be read-only
    except TypeError as error:
        raise ArgumentError(f"a state cannot hold {shown(value)}, at {'.'.join(place)}: {error}", "an array of numbers") from None
    return _placed("array" if isinstance(value, np.ndarray) else "scalar", tensor, place, tensors)


def unflatten_state(tensors: Mapping[str, Tensor], text: str) -> Any:
    """The inverse of `flatten_state`.

    Raises:
        KeyError, ValueError: text that `flatten_state` did not write, or a tensor that is missing.
    """
    return _built(json.loads(text), tensors)


def _built(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_built(v, tensors) for v in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    ((tag, held),) = cast("dict[str, Any]", value).items()
    if tag in ("dict", "counter"):
        items = {_built(k, tensors): _built(v, tensors) for k, v in held}
        return items if tag == "dict" else collections.Counter(items)
    if tag == "tuple":
        return tuple(_built(v, tensors) for v in held)
    if tag == "int":
        return int(held, 16)
    if tag == "float":
        return float(held)
    if tag in ("array", "scalar"):
        array = tensors[held].numpy()
        return array if tag == "array" else array[()]
    if tag == "tensor":
        return tensors[held]
    raise ValueError(f"a state has no entries of kind {tag!r}")
