"""Records `goldens/scripts.npz` from Keras."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

from . import GOLDEN, SCRIPTS
from .script import numbers

if __name__ == "__main__":
    assert keras.__version__ == "3.15.1", keras.__version__
    found: dict[str, np.ndarray] = {}
    for name, script in SCRIPTS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        keras.backend.clear_session()
        values = numbers(script, keras)
        found |= values
        spread = [round(float(np.std(y)), 4) for key, y in values.items() if "output" in key]
        print(f"{name}: spread {spread}, losses {values.get(f'{name}.losses')}", flush=True)
    if not sys.argv[1:]:
        np.savez_compressed(GOLDEN, **found)
