"""Scripts as people write them for Keras, of a package that is `keras` or `layergraph`: the import line is all that differs.

`KERAS_BACKEND=torch python -m tests.parity.scripts` records their numbers from Keras; `test_scripts.py` holds layergraph to them.
"""

from __future__ import annotations

from pathlib import Path

from . import guides, others, own_steps, sequences, vision
from .script import Script

GOLDEN = Path(__file__).parent.parent / "goldens" / "scripts.npz"
SCRIPTS: dict[str, Script] = {script.name: script for script in (*vision.SCRIPTS, *sequences.SCRIPTS, *others.SCRIPTS)}
STEPS_GOLDEN = GOLDEN.with_name("steps.npz")
TRAININGS = {train.__name__: train for train in (*guides.TRAININGS, *own_steps.TRAININGS)}
"""Trainings with steps of their own, recorded by `record_steps.py`: `train(keras)` gives the numbers of each epoch, and the weights."""
