"""Records Keras's public names, and what it gives for the expressions that stand in `goldens/rooms.json`, there again.

A new expression is a new line in its family, with `null` for its result, and a run of
`KERAS_BACKEND=torch python tests/parity/record_rooms.py`, which needs `keras==3.15.1` and Pillow.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import expressions
import golden
import keras

ROOMS = (
    *("", "activations", "backend", "callbacks", "config", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics"),
    *("mixed_precision", "models", "optimizers", "optimizers.schedules", "preprocessing", "preprocessing.image", "preprocessing.sequence"),
    *("random", "regularizers", "saving", "tree", "utils"),
)


def names(room: str) -> str:
    module = keras
    for part in filter(None, room.split(".")):
        module = getattr(module, part)
    return " ".join(sorted(name for name in dir(module) if not name.startswith("_") and name != "src"))


def save(array: Any, *args: Any, **kwargs: Any) -> io.BytesIO:
    file = io.BytesIO()
    keras.utils.save_img(file, array, *args, file_format="png", **kwargs)
    file.seek(0)
    return file


def main() -> None:
    path = golden.FOLDER / "rooms.json"
    given = json.loads(path.read_text(encoding="utf-8"))
    found = {"about": {"keras": keras.__version__}, "names": {room: names(room) for room in ROOMS}}
    for family, rows in list(given.items())[2:]:
        found[family] = {expression: expressions.outcome(expression, keras, save=save) for expression in rows}
    lines = [
        f"{json.dumps(family)}: {{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rows.items()) + "\n}"
        for family, rows in found.items()
    ]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
