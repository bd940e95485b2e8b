"""`BackupAndRestore`: a training that was stopped goes on as if it had not been."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError, CorruptModelFileError, shown
from ...kinds import is_whole
from ..checkpoint import read_state, write_state
from .base import Callback

if TYPE_CHECKING:
    from ..trainer import Trainer

NAME = "latest.safetensors"
PREVIOUS = "previous.safetensors"


class BackupAndRestore(Callback):
    """Saves the training as it goes, and goes on from there when `fit` is called again, also in another process.

    Losses and weights are then, bit by bit, those of a training that was not stopped: weights, optimizer, schedules, random numbers,
    the place in the data, the history and the state of the other callbacks are saved; `examples/resume.py` shows it. A file is
    written when all callbacks have been called. SIGTERM and Ctrl-C during `fit` wait for the end of the step, and save before they
    end the training; so does an error in a validation. After an error in the middle of a step, or a second Ctrl-C, which does not wait,
    what was saved last stands, and the steps since then are done again, as they were.

    `load_checkpoint(backup_dir + "/latest.safetensors", model, model.optimizer)` reads the file in a loop of one's own.

    Unlike in Keras the training goes on in the middle of an epoch, with the optimizer's state and `History`; and where the file is of
    another model, optimizer, or of other data, an error says so and nothing is changed.

    Where several processes train together, the first one saves, between epochs; all of them read the file, so the folder is one that
    all see. A signal or an error leaves the last checkpoint as it is.

    Args:
        backup_dir: a folder, made when it is needed; one for each training.
        save_freq: 'epoch'; or a number of batches, counted over all epochs; or False, to save only when the training is interrupted.
        double_checkpoint: keep the file before the last one too, and read it where the last one is damaged.
        delete_checkpoint: remove the files when the training is finished.

    Raises:
        ArgumentError: an empty `backup_dir`, another `save_freq`; several processes and `save_freq` a number, or weights in parts.
        CheckpointError: at the start of `fit`: what is saved does not fit; CorruptModelFileError: it is damaged.

    Example:
        >>> import tempfile, torch
        >>> from layergraph.training import Compiled, fit
        >>> folder = tempfile.mkdtemp()
        >>> model, x, y = torch.nn.Linear(3, 1), torch.rand(64, 3), torch.rand(64, 1)
        >>> compiled = Compiled("adam", "mse")
        >>> _ = fit(model, compiled, x, y, epochs=2, verbose=0, callbacks=[BackupAndRestore(folder, delete_checkpoint=False)])
        >>> history = fit(model, compiled, x, y, epochs=5, verbose=0, callbacks=[BackupAndRestore(folder)])
        >>> history.epoch
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        if not os.fspath(backup_dir):
            raise ArgumentError("Empty `backup_dir` argument passed", "BackupAndRestore('backup')")
        if save_freq != "epoch" and save_freq is not False and not (is_whole(save_freq) and int(save_freq) > 0):
            raise ArgumentError(
                f"Invalid value for argument `save_freq`. Received: save_freq={shown(save_freq)}. "
                "Expected either 'epoch' or an integer value.",
                "save_freq='epoch', save_freq=100, or save_freq=False",
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.path = os.path.join(self.backup_dir, NAME)
        self.previous = os.path.join(self.backup_dir, PREVIOUS)

    # --- called by the Trainer

    def find(self) -> tuple[str, dict[str, Any]] | None:
        """What was saved, and its file; None if there is nothing."""
        for path, other in ((self.path, self.previous), (self.previous, None)):
            try:
                return path, read_state(path)
            except FileNotFoundError:
                continue
            except CorruptModelFileError as error:
                if other is None or not os.path.exists(other):
                    raise
                warnings.warn(f"{error.what}; the one before it is taken", stacklevel=2)
        return None

    def wanted(self, trainer: Trainer, event: str) -> bool:
        """Whether to save after a 'batch' or an 'epoch'."""
        if event == "epoch":
            return self.save_freq == "epoch"
        if isinstance(self.save_freq, (str, bool)):
            return False
        return trainer.steps_done % self.save_freq < trainer.compiled.steps_per_execution

    def save(self, state: dict[str, Any]) -> None:
        """Writes a state of the training."""
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path, self.previous)
        write_state(self.path, state)

    def forget(self) -> None:
        """The training is finished."""
        if not self.delete_checkpoint:
            return
        for path in (self.path, self.previous):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        with contextlib.suppress(OSError):  # something of the user's is there
            os.rmdir(self.backup_dir)
