"""Records the goldens of the ops from Keras: `KERAS_BACKEND=torch python -m tests.ops.record [family ...]`, at the top of the repository.

Needs `keras==3.15.1`, which the tests do not. A row whose judge is numpy is recorded from the function of numpy of that name.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

from .golden import Result, Writer
from .rows import A, Row, families

NARROW = {"int64": "int32", "float64": "float32", "complex128": "complex64"}


def of_keras(array: A) -> Any:
    return keras.ops.convert_to_tensor(array.values, dtype=array.dtype)


def told(value: Any) -> Any:
    """A result of Keras's as the goldens hold it."""
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return Result(value.detach().float().numpy() if dtype == "bfloat16" else value.detach().resolve_conj().numpy(), dtype)
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(told(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def told_by_numpy(value: Any) -> Any:
    """A result of numpy's, in Keras's dtypes: 32 bits."""
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(told_by_numpy(item) for item in value)
    array = np.asarray(value)
    dtype = NARROW.get(array.dtype.name, array.dtype.name)
    return Result(array.astype(dtype), dtype)


def run(row: Row) -> Any:
    if row.numpy:
        args, kwargs = row.filled(lambda array: array.values)
        return told_by_numpy(getattr(np, row.op)(*args, **kwargs))
    args, kwargs = row.filled(of_keras)
    function: Any = keras.ops
    for part in row.op.split("."):
        function = getattr(function, part)
    return told(function(*args, **kwargs))


def main(wanted: list[str]) -> None:
    warnings.simplefilter("ignore")
    for family, rows in families().items():
        if wanted and family not in wanted:
            continue
        writer = Writer(family, keras=keras.__version__, numpy=np.__version__)
        failures = []
        for row in rows:
            try:
                writer.add(row.id, run(row))
            except Exception as error:
                failures.append(f"{row.id}: {type(error).__name__}: {error}")
        if failures:
            sys.exit("\n".join(failures))
        writer.save()
        print(f"{family}: {len(rows)} rows, {writer.path.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
