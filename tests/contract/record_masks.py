"""Records `masks.json` from Keras: which layers support masks, and the mask that each gives when all its inputs carry one.

`KERAS_BACKEND=torch python -m tests.contract.record_masks`, with keras==3.15.1, which the tests do not need.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .rows import ROWS, Row

GOLDEN = Path(__file__).with_name("masks.json")
# Keras cannot merge the masks of inputs of several ranks, and its GroupQueryAttention wants one size.
_SAME = dict.fromkeys(("Add", "Multiply", "Average", "Maximum", "Minimum"), ((2, 3, 4), (2, 3, 4)))
_INPUTS = {**_SAME, "GroupQueryAttention": ((2, 5, 4), (2, 5, 4))}


def without_masks(row: Row) -> Row:
    """The row without the inputs that go by a keyword: the masks come with the others."""
    own = row.inputs[: len(row.inputs) - len(row.named)]
    return replace(row, inputs=_INPUTS.get(row.layer, own), named=(), call={}, masks=())


def numbers(row: Row) -> list[np.ndarray]:
    """Every third step of a sample is 0 throughout, which Masking masks, from another one on in each input."""
    found: list[np.ndarray] = []
    for place, shape in enumerate(row.inputs):
        steps = np.arange(int(np.prod(shape[:-1]))) + place
        values = np.repeat((steps % 3 != 1)[:, None], shape[-1], axis=1).reshape(shape)
        found.append(values.astype("int64" if row.integers else "float32"))
    return found


def told(mask: Any) -> dict[str, Any]:
    """A mask as JSON."""
    bits = np.asarray(mask, dtype=bool)
    return {"shape": list(bits.shape), "bits": "".join("01"[bit] for bit in bits.ravel().tolist())}


def _of_keras(row: Row, keras: Any) -> dict[str, Any]:
    from keras.src.backend.common.masking import get_keras_mask
    from tests.parity.rows.row import made

    from .running import arguments, listed

    find = lambda name: getattr(keras.layers, name, None) or getattr(keras, name)  # noqa: E731
    cell = lambda config: find(config["class_name"])(**config["config"])  # noqa: E731
    words = made(copy.deepcopy(row.kwargs), find)
    for name in {"cell", "cells"} & set(words):
        words[name] = [cell(each) for each in words[name]] if isinstance(words[name], list) else cell(words[name])
    layer = find(row.layer)(**words)
    inputs = [keras.Input(batch_shape=(None, *shape[1:]), dtype="int64" if row.integers else "float32") for shape in row.inputs]
    args, _ = arguments(row, inputs if row.integers else [keras.layers.Masking()(x) for x in inputs])
    masks = [get_keras_mask(output) for output in listed(layer(*args))]
    model = keras.Model(inputs, [mask for mask in masks if mask is not None]) if any(mask is not None for mask in masks) else None
    values = iter(listed(model(numbers(row))) if model else [])
    return {"supports": layer.supports_masking, "masks": [None if mask is None else told(next(values).cpu()) for mask in masks]}


def main() -> None:
    import keras

    found: dict[str, Any] = {}
    for row in map(without_masks, ROWS):
        try:
            found[row.layer] = _of_keras(row, keras)
        except (ImportError, TypeError) as error:
            print(f"{row.layer}: not recorded: {error}")
    GOLDEN.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in sorted(found.items())) + "\n}\n")


if __name__ == "__main__":
    main()
