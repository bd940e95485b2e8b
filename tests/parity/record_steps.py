"""Records trainings of Keras: with steps of their own (`goldens/steps.npz`), fifty steps each (`goldens/fifty.npz`), and
what `fit` makes of losses, metrics and targets in all their forms (`goldens/semantics.json`).

Run with Keras 3.15.1 installed: `KERAS_BACKEND=torch python -m tests.parity.record_steps`. The tests need no Keras.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

from . import fifty, semantics
from .scripts import STEPS_GOLDEN, TRAININGS

FIFTY_GOLDEN = Path(__file__).parent / "goldens" / "fifty.npz"

if __name__ == "__main__":
    assert keras.__version__ == "3.15.1", keras.__version__
    torch.set_num_threads(1)
    trained = {f"{name}.{key}": value for name, train in TRAININGS.items() for key, value in train(keras).items()}
    np.savez_compressed(STEPS_GOLDEN, **trained)
    stepped = {key: value for name in fifty.RUNS for key, value in fifty.numbers(name, keras).items()}
    np.savez_compressed(FIFTY_GOLDEN, **stepped)
    semantics.record(keras)
    for path in (STEPS_GOLDEN, FIFTY_GOLDEN, semantics.GOLDEN):
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
