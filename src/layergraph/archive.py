"""One file of tensors and text that any safetensors reader opens, written so that a crash at any moment loses nothing.

A file is written beside its place, made durable, and moved there: write, fsync, rename, fsync of the folder. Tensors that share
memory are stored once; the header says which names are the same tensor.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

_ALIASES = "aliases"


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """A path to write to; what is there afterwards takes the place of `path` at once, or not at all if the block raises."""
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    try:
        yield Path(name)
        _sync(name)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync(target.parent)


def _sync(path: str | os.PathLike[str]) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Writes tensors and text; the file that was there before is whole until the new one is."""
    first: dict[tuple[object, ...], str] = {}
    aliases: dict[str, str] = {}
    stored: dict[str, Tensor] = {}
    for name, value in tensors.items():
        tensor = value.detach()
        key = (tensor.device, tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and key in first:
            aliases[name] = first[key]
            continue
        first[key] = name
        tensor = tensor.contiguous()
        shares = tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()
        stored[name] = tensor.clone() if shares else tensor
    header = {**(metadata or {}), _ALIASES: json.dumps(aliases)}
    with replacing(path) as place:
        safetensors.torch.save_file(stored, place, header)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the text of a file that `write` wrote."""
    opened: Any = safe_open(os.fspath(path), framework="pt")
    with opened as file:
        header: dict[str, str] = dict(file.metadata() or {})
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    for name, same in json.loads(header.pop(_ALIASES, "{}")).items():
        tensors[name] = tensors[same]
    return tensors, header
