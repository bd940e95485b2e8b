"""Callbacks driven through a real `fit` on scripted values: the same code runs on Keras, to record, and here, to compare."""

from __future__ import annotations

import contextlib
import io
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

NAN = math.nan

# name: (class, arguments, the values of val_loss or of `monitor` by epoch)
ROWS: dict[str, tuple[str, dict[str, Any], list[float]]] = {
    # early stopping
    "stop": ("EarlyStopping", {"verbose": 1}, [3, 2, 1, 4, 4, 4]),
    "stop, patience": ("EarlyStopping", {"patience": 2, "verbose": 1}, [3, 2, 2, 2, 2, 2]),
    "stop, min_delta": ("EarlyStopping", {"min_delta": 0.5, "patience": 3}, [3, 2.95, 2.9, 2.0, 2, 2, 2, 2]),
    "stop, min_delta is met": ("EarlyStopping", {"min_delta": 0.5}, [3, 2.5, 1.9, 1.4]),
    "stop, a negative min_delta": ("EarlyStopping", {"min_delta": -0.5, "patience": 1}, [3, 2.75, 2.25, 2.25]),
    "stop, max": ("EarlyStopping", {"mode": "max"}, [1, 2, 3, 3, 3]),
    "stop, max and min_delta": ("EarlyStopping", {"mode": "max", "min_delta": 0.25}, [1, 1.5, 1.75, 3]),
    "stop, start_from_epoch": ("EarlyStopping", {"start_from_epoch": 3}, [3, 4, 5, 6, 7, 8]),
    "stop, never in the first epoch": ("EarlyStopping", {"patience": 0, "baseline": 1.0}, [3, 3, 3]),
    "stop, baseline that is beaten": ("EarlyStopping", {"baseline": 1.5, "patience": 2}, [3, 2, 1, 0, 0, 0, 0]),
    "stop, baseline that is not": ("EarlyStopping", {"baseline": 0.5, "patience": 2, "verbose": 1}, [3, 2, 1.5, 1.25, 1, 1]),
    "stop, restore": ("EarlyStopping", {"patience": 2, "restore_best_weights": True, "verbose": 1}, [3, 1, 2, 2, 2]),
    "stop, restore at the end": ("EarlyStopping", {"patience": 9, "restore_best_weights": True, "verbose": 1}, [3, 1, 2]),
    "stop, restore of nothing": ("EarlyStopping", {"start_from_epoch": 9, "restore_best_weights": True, "verbose": 1}, [3, 1]),
    "stop, auto of accuracy": ("EarlyStopping", {"monitor": "val_accuracy"}, [1, 2, 3, 2, 2]),
    "stop, auto of mae": ("EarlyStopping", {"monitor": "val_mae"}, [3, 2, 3, 2]),
    "stop, auto of a cosine": ("EarlyStopping", {"monitor": "cosine_similarity"}, [1, 2, 1, 1]),
    "stop, auto of loss": ("EarlyStopping", {"monitor": "loss"}, [1, 2, 3]),
    "stop, auto of a name that nobody knows": ("EarlyStopping", {"monitor": "score"}, [1, 2, 3]),
    "stop, another mode": ("EarlyStopping", {"mode": "up"}, [1, 2, 3]),
    "stop, without the value": ("EarlyStopping", {"monitor": "val_nothing", "mode": "min"}, [1, 2]),
    # plateaus
    "plateau": ("ReduceLROnPlateau", {"patience": 2, "verbose": 1}, [3, 3, 3, 3, 3, 3]),
    "plateau, factor": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "verbose": 1}, [3, 2, 2, 2, 1, 1]),
    "plateau, patience 0": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 0}, [3, 2, 2, 1, 1]),
    "plateau, cooldown": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "cooldown": 2}, [3, 3, 3, 3, 3, 3, 3, 3, 3]),
    "plateau, cooldown and better": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 2, "cooldown": 1}, [3, 3, 3, 2, 2, 2, 2, 2, 2]),
    "plateau, min_lr": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "min_lr": 0.1, "verbose": 1}, [3, 3, 3, 3, 3, 3]),
    "plateau, min_delta": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "min_delta": 0.5}, [3, 2.75, 2.25, 2, 1, 1]),
    "plateau, within min_delta": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 2}, [3, 2.99995, 2.9999, 2.9998, 2.9998]),
    "plateau, max": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "mode": "max"}, [1, 2, 2, 1, 3]),
    "plateau, auto of accuracy": ("ReduceLROnPlateau", {"monitor": "val_accuracy", "factor": 0.5, "patience": 1}, [1, 2, 2, 3]),
    "plateau, a factor of 1": ("ReduceLROnPlateau", {"factor": 1.0}, [1]),
    "plateau, without the value": ("ReduceLROnPlateau", {"monitor": "val_nothing", "mode": "min"}, [1]),
    # schedules
    "schedule": ("LearningRateScheduler", {"schedule": lambda epoch, rate: rate * 0.5, "verbose": 1}, [1, 1, 1]),
    "schedule of the epoch": ("LearningRateScheduler", {"schedule": lambda epoch: 0.25 / (epoch + 1)}, [1, 1, 1]),
    "schedule that gives text": ("LearningRateScheduler", {"schedule": lambda epoch: "fast"}, [1]),
    # checkpoints
    "save": ("ModelCheckpoint", {"filepath": "m.keras", "verbose": 1}, [2, 1, 3]),
    "save, by epoch": ("ModelCheckpoint", {"filepath": "{epoch:02d}-{val_loss:.2f}.keras"}, [2, 1.236, 3]),
    "save, into folders": ("ModelCheckpoint", {"filepath": "a/b/{epoch}.weights.h5", "save_weights_only": True}, [2, 1]),
    "save, best": ("ModelCheckpoint", {"filepath": "{epoch}.keras", "save_best_only": True, "verbose": 1}, [2, 2.5, 1.5, 1.5, 3]),
    "save, best by accuracy": (
        "ModelCheckpoint",
        {"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "val_accuracy", "verbose": 1},
        [0.25, 0.5, 0.5, 0.125, 0.75],
    ),
    "save, best above a threshold": (
        "ModelCheckpoint",
        {"filepath": "{epoch}.keras", "save_best_only": True, "initial_value_threshold": 1.75, "verbose": 1},
        [2, 1.5, 1.75, 1],
    ),
    "save, best and nothing to compare": (
        "ModelCheckpoint",
        {"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "val_nothing", "mode": "min"},
        [2, 1],
    ),
    "save, every 4 batches": ("ModelCheckpoint", {"filepath": "{epoch}-{batch}.keras", "save_freq": 4, "verbose": 1}, [1, 1, 1]),
    "save, every batch": (
        "ModelCheckpoint",
        {"filepath": "{epoch}-{batch:02d}.weights.h5", "save_freq": 1, "save_weights_only": True},
        [1, 1],
    ),
    "save, every 100 batches": ("ModelCheckpoint", {"filepath": "{epoch}.keras", "save_freq": 100}, [1, 1]),
    "save, a name that is not logged": ("ModelCheckpoint", {"filepath": "{val_score}.keras"}, [1]),
    "save, weights in a file of models": ("ModelCheckpoint", {"filepath": "m.keras", "save_weights_only": True}, [1]),
    "save, another suffix": ("ModelCheckpoint", {"filepath": "m.ckpt"}, [1]),
    "save, another frequency": ("ModelCheckpoint", {"filepath": "m.keras", "save_freq": "batch"}, [1]),
    "save, auto of a name that nobody knows": ("ModelCheckpoint", {"filepath": "m.keras", "save_best_only": True, "monitor": "score"}, [1]),
    # CSV
    "csv": ("CSVLogger", {"filename": "log.csv"}, [2, 1, 0.5]),
    "csv, separator": ("CSVLogger", {"filename": "log.csv", "separator": ";"}, [2, 1]),
    "csv, append": ("CSVLogger", {"filename": "old.csv", "append": True}, [2, 1]),
    "csv, append to nothing": ("CSVLogger", {"filename": "log.csv", "append": True}, [2]),
    "csv, replaced": ("CSVLogger", {"filename": "old.csv"}, [2]),
    "csv, without validation": ("CSVLogger", {"filename": "log.csv", "monitor": "loss"}, [2, 1]),
    # NaN: where Keras and layergraph part
    "nan, stop": ("EarlyStopping", {"patience": 2}, [NAN, 3, 2, 1, 0.5, 0.25]),
    "nan, save": ("ModelCheckpoint", {"filepath": "{epoch}.keras", "save_best_only": True}, [NAN, 3, NAN, 2]),
    "nan, plateau": ("ReduceLROnPlateau", {"factor": 0.5, "patience": 2}, [NAN, 3, 2, 1, 0.5]),
}
KEPT = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


def drive(library: Any, name: str, folder: Path) -> dict[str, Any]:
    """What a row does: epochs that ran, what was said, learning rates, files, state, warnings, the kind of an error."""
    kind, given, values = ROWS[name]
    arguments = dict(given)
    monitor = arguments.get("monitor", "val_loss")
    if kind == "CSVLogger":
        arguments.pop("monitor", None)
    monitor = "val_loss" if monitor.endswith("nothing") else monitor
    for word in ("filepath", "filename"):
        if word in arguments:
            arguments[word] = str(folder / arguments[word])
    (folder / "old.csv").write_text("epoch,loss,val_loss\r\n0,9,9\r\n")

    class Script(library.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for key in list(logs):
                logs[key] = 0.5
            logs[monitor] = float(values[epoch])

    model = library.Sequential([library.Input((2,)), library.layers.Dense(1)])
    model.compile(library.optimizers.SGD(learning_rate=0.5), "mse", metrics=["accuracy", "mae", "cosine_similarity"])
    found: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            callback = getattr(library.callbacks, kind)(**arguments)
            x, y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")
            history = model.fit(x, y, 2, epochs=len(values), verbose=0, callbacks=[Script(), callback])
            found["epochs"] = len(history.epoch)
            found["rates"] = [round(float(rate), 7) for rate in history.history.get("learning_rate", [])]
            found["state"] = {word: getattr(callback, word) for word in KEPT if hasattr(callback, word)}
        except Exception as error:
            found["error"] = [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "old.csv"]
    found["files"] = [os.fspath(path.relative_to(folder)) for path in files]
    if kind == "CSVLogger":
        found["text"] = Path(arguments["filename"]).read_bytes().decode()
    found["said"] = said.getvalue().replace(f"{folder}/", "")
    # Keras on torch warns of numpy's own ways besides
    found["warned"] = sorted({str(each.message).replace(f"{folder}/", "") for each in told if "__array__" not in str(each.message)})
    return found
