"""A training that is killed in the middle of an epoch, goes on in a new process, and ends bit by bit where the undisturbed one ends.

The 1,797 handwritten digits of scikit-learn; shuffling, dropout and a schedule are on. Half a minute on a CPU.
`python examples/resume.py`
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from sklearn.datasets import load_digits

from layergraph import Input, Model
from layergraph.callbacks import BackupAndRestore, LambdaCallback
from layergraph.layers import Dense, Dropout
from layergraph.optimizers import Adam
from layergraph.optimizers.schedules import CosineDecay
from layergraph.utils import set_random_seed

EPOCHS = 4


def train(backup: Path, dies_at: int | None, seed: int) -> None:
    """Trains, saving every 10 batches; a process that goes on may start from any seed, since the checkpoint has the random state."""
    set_random_seed(seed)
    pixels, digits = load_digits(return_X_y=True)
    pixel = Input((64,), name="pixel")
    hidden = Dropout(0.3, name="drop")(Dense(64, activation="relu", name="hidden")(pixel))
    model = Model(pixel, Dense(10, activation="softmax", name="digit")(hidden))
    model.compile(Adam(CosineDecay(3e-3, decay_steps=EPOCHS * 57)), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    seen = 0

    def maybe_die(batch: int, logs: object) -> None:
        nonlocal seen
        seen += 1
        if seen == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)  # no chance to say goodbye

    callbacks = [LambdaCallback(on_train_batch_end=maybe_die), BackupAndRestore(backup, save_freq=10)]
    history = model.fit(pixels / 16, digits, epochs=EPOCHS, verbose=0, callbacks=callbacks)
    weights = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
    print(f"{seen} batches in this process, losses {[round(loss, 4) for loss in history.history['loss']]}, weights {weights[:16]}")


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, __file__, *map(str, words)], capture_output=True, text=True, timeout=100)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = run(Path(folder) / "whole", 0, 0)
        print("undisturbed:   ", whole.stdout.strip())
        killed = run(Path(folder) / "killed", 100, 0)
        print("killed:         signal", -killed.returncode, "after 100 batches, in the middle of epoch 2")
        rest = run(Path(folder) / "killed", 0, 12345)
        print("and going on:  ", rest.stdout.strip())
    same = whole.stdout.split()[-1] == rest.stdout.split()[-1]
    print(f"the same weights, bit by bit: {same}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        train(Path(sys.argv[1]), int(sys.argv[2]) or None, int(sys.argv[3]))
