"""Launched by test_faults.py: `faults.py FAULT FOLDER`. The last process is killed, stopped, slow or fails in the middle of an epoch."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from layergraph import Input, Model, callbacks, layers
from layergraph.errors import ProcessError

RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
FAULT, FOLDER = sys.argv[1], Path(sys.argv[2])


class Fault(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            (FOLDER / f"began{RANK}").write_text("")
        if RANK < SIZE - 1 or batch != 2:
            return
        if FAULT == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if FAULT == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        if FAULT == "raises":
            time.sleep(1.0)
            raise KeyError("a bug of the user's")


def main() -> None:
    warnings.simplefilter("error")
    x = Input((6,))
    model = Model(x, layers.Dense(3, activation="softmax")(x))
    model.compile("adam", loss="sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    data = rng.normal(size=(64, 6)).astype("float32"), rng.integers(0, 3, 64)
    begin = time.monotonic()
    try:
        model.fit(*data, batch_size=8, epochs=3, verbose=0, callbacks=[Fault()])
        print("trained")
    except ProcessError as error:
        print(f"after {time.monotonic() - begin:.1f} s: {error}")
        assert model.training
        try:
            model.fit(*data, verbose=0)
        except ProcessError as again:
            print(again)
        print(model(data[0][:2]).shape)  # the model is usable still
        sys.exit(3)


if __name__ == "__main__":
    main()
