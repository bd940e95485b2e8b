"""Records `goldens/layer_configs.json` from Keras: `KERAS_BACKEND=torch python tests/parity/record_layer_configs.py [class ...]`.

For each row of `config_rows.py` what `keras.layers.serialize` gives of the layer before it is built, and once it was called the names
and shapes of its weights, which of them are trainable, and their count. Needs `keras==3.15.1`. What needs SciPy or TensorFlow, which
it says, is recorded by naming its class, where they are there, with `KERAS_BACKEND=tensorflow`.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections import defaultdict
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import keras
import numpy as np
from keras.src.backend.common import global_state
from tests.parity.config_rows import call_shapes, config_rows, make
from tests.parity.rows.row import In, Row


def find(name: str) -> Any:
    return getattr(keras.layers, name, None) or getattr(keras, name)


def cell(config: dict[str, Any]) -> Any:
    return find(config["class_name"])(**config["config"])


def drawn(spec: In) -> Any:
    if spec.draw == "integers":
        return np.full(spec.shape, spec.low, spec.dtype)
    return np.ones(spec.shape, "bool" if "mask" in spec.draw else spec.dtype)


def placed(numbers: Any, values: list[Any]) -> Any:
    if isinstance(numbers, list):
        return [placed(number, values) for number in numbers]
    if isinstance(numbers, dict):
        return {word: placed(value, values) for word, value in numbers.items()}
    return values[numbers] if type(numbers) is int else numbers


def weights_of(row: Row, layer: Any) -> dict[str, Any] | None:
    args, words = call_shapes(row)
    values = [keras.ops.convert_to_tensor(drawn(spec)) for spec in row.inputs]
    try:
        layer(*placed(args, values), **{word: placed(item, values) if word not in row.call else item for word, item in words.items()})
    except Exception as error:  # Keras's call may be wrong where its weights are not: `Wrapper` has no call
        if not layer.built:
            print(f"{row.id}: not built: {type(error).__name__} {str(error)[:150]}")
            return None
    told = [[w.name, list(w.shape), w.trainable] for w in layer.weights]
    assert [w.name for w in layer.trainable_weights] == [name for name, _, trainable in told if trainable]
    return {"weights": told, "count": layer.count_params()}


def forget_names() -> None:
    """The next layer of a class is its first. `clear_session` collects garbage too, a thousand times."""
    global_state.set_global_attribute("object_name_uids", defaultdict(int))


def record(row: Row) -> dict[str, Any]:
    forget_names()
    layer = make(row, find, cell)
    found = {"config": json.loads(json.dumps(keras.layers.serialize(layer)))}
    if row.inputs:
        weights = weights_of(row, make(row, find, cell))
        found |= weights or {}
    return found


def main(classes: list[str]) -> None:
    path = pathlib.Path(__file__).with_name("goldens") / "layer_configs.json"
    before = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}
    found: dict[str, Any] = {}
    for row in config_rows():
        assert row.id not in found, row.id
        if classes and row.layer not in classes:
            found |= {row.id: before[row.id]} if row.id in before else {}
            continue
        try:
            found[row.id] = record(row)
        except ImportError as error:
            print(f"{row.layer}: {error}")
            found |= {row.id: before[row.id]} if row.id in before else {}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each, separators=(',', ':'))}" for name, each in found.items())
    path.write_text(f'{{"keras": {json.dumps(keras.__version__)}, "rows": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
