"""Records what Keras's callbacks do as `goldens/callbacks.json`: `KERAS_BACKEND=torch python tests/parity/record_callbacks.py`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
from callback_rows import ROWS, drive

if __name__ == "__main__":
    found = {}
    for name in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = drive(keras, name, Path(folder))
    out = Path(__file__).parent / "goldens" / "callbacks.json"
    out.write_text(json.dumps({"keras": keras.__version__, "rows": found}, indent=1) + "\n", encoding="utf-8")
