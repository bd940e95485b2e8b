"""Records what Keras gives for the expressions that stand in `goldens/data_layers.json`, there again.

A new expression is a new line in its family, with `null` for its result, and a run of
`KERAS_BACKEND=tensorflow python tests/parity/record_data_layers.py`, which needs `keras==3.15.1`, SciPy and TensorFlow: Keras's
layers over words are TensorFlow's, whatever the backend.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import data_layers
import keras
import tensorflow


def main() -> None:
    path = pathlib.Path(__file__).with_name("goldens") / "data_layers.json"
    given = json.loads(path.read_text(encoding="utf-8"))
    found = {"about": {"keras": keras.__version__, "tensorflow": tensorflow.__version__}}
    for family, rows in list(given.items())[1:]:
        found[family] = {expression: data_layers.outcome(expression, keras.layers) for expression in rows}
    lines = [
        f"{json.dumps(family)}: {{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rows.items()) + "\n}"
        for family, rows in found.items()
    ]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
