"""Records `goldens/transformers.npz` from Keras: `KERAS_BACKEND=torch python tests/parity/record_transformers.py`."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import numpy as np
from transformers import GOLDEN, MODELS, given, weight

if __name__ == "__main__":
    found = {}
    for name, make in MODELS.items():
        model = make(keras)
        model.set_weights([weight(number, tuple(w.shape)) for number, w in enumerate(model.weights)])
        symbol = model.inputs[0]
        outputs = model(given(symbol.shape[1:], symbol.dtype), training=False)
        for number, y in enumerate(outputs if isinstance(outputs, list | tuple) else [outputs]):
            found[f"{name}{number}"] = np.asarray(y.detach().cpu().numpy())
    np.savez_compressed(GOLDEN, **found)
