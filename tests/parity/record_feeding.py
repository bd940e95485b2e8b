"""Records how Keras draws data: `goldens/feeding.json`, read by tests/training/data/test_feed.py.

Run with Keras 3.15.1 installed: `KERAS_BACKEND=torch python tests/parity/record_feeding.py`. The tests need no Keras.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import feeding
import keras

if __name__ == "__main__":
    found = {name: feeding.outcome(keras, name) for name in feeding.RUNS}
    path = pathlib.Path(__file__).with_name("goldens") / "feeding.json"
    path.write_text("{" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()) + "}\n", encoding="utf-8")
