"""`ModelCheckpoint`: models and weights on disk while they are trained."""

from __future__ import annotations

import os
import string
import warnings
from typing import Any, cast

from torch import Tensor

from ... import archive
from ...errors import ArgumentError, shown, suggestion
from ...kinds import is_whole
from ..devices import whole
from .base import Logs
from .monitors import Monitor
from .progress import tell

_MODELS = (".keras", ".h5", ".safetensors")
_WEIGHTS = (".weights.h5", ".safetensors")


class TemplateError(ArgumentError, KeyError):
    """A name in the file's template that is not known."""

    __str__ = Exception.__str__


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, each epoch, each so many batches, or whenever it is the best so far.

    A model of layergraph's is saved by its own `save` or `save_weights`; of any other nn.Module the `state_dict` is written, which
    `saving.load_weights(module, path)` reads. Whatever the suffix, the file is a safetensors file. It takes its place at once: a
    crash at any moment leaves the old file or the new one.

    The best and the last, side by side:

        callbacks=[
            ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True),
            ModelCheckpoint("last.keras"),
        ]

    Args:
        filepath: a template: `{epoch}`, counted from 1, `{batch}` of `save_freq`, and the names in the logs, each with a format:
            '{epoch:02d}-{val_loss:.2f}.keras'. Folders are made. It ends in '.keras', '.h5' or '.safetensors', with
            save_weights_only in '.weights.h5' or '.safetensors'.
        monitor, mode: what is watched, and what is better; see Monitor. An epoch whose value is NaN is never the best.
        verbose: 1 says what is saved.
        save_best_only: save only what is better than all before.
        save_weights_only: no graph and no `compile` settings.
        save_freq: 'epoch', or after each so many batches, counted on through epochs.
        initial_value_threshold: what the first one must beat.

    Raises:
        ArgumentError: another suffix or save_freq; while it trains, a name in the template that is not in the logs (a KeyError too).
    """

    kept = ("best", "batches", "last_batch")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        if not isinstance(filepath, (str, os.PathLike)):
            raise ArgumentError(f"ModelCheckpoint: the path must be a string or a path, got {type(filepath).__name__} {shown(filepath)}")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.batches = 0  # since the last one that was due
        self.last_batch: int | None = None
        self.epoch = 0
        if save_freq != "epoch" and (not is_whole(save_freq) or isinstance(save_freq, bool) or save_freq < 1):
            raise ArgumentError(
                f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values", "save_freq='epoch'"
            )
        wanted = _WEIGHTS if save_weights_only else _MODELS
        if not self.filepath.endswith(wanted):
            raise ArgumentError(
                f"ModelCheckpoint{'(save_weights_only=True)' if save_weights_only else ''}: the filepath provided must end in "
                f"{', '.join(map(repr, wanted))}. Received: filepath={self.filepath}",
                repr(f"{_stem(self.filepath)}{wanted[0]}"),
            )
        self._fields = _fields(self.filepath)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            return
        fresh = self.last_batch is None or batch <= self.last_batch
        self.batches += batch + 1 if fresh else batch - cast("int", self.last_batch)
        self.last_batch = batch
        if self.batches >= cast("int", self.save_freq):
            self.batches = 0
            self._save(self.epoch if self.trainer is None else self.trainer.epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_best_only:
            self.sign()
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        """The file of an epoch and batch, counted from 0."""
        known: dict[str, Any] = {"epoch": epoch + 1}
        if batch is not None:
            known["batch"] = batch + 1
        if any(name not in known for name in self._fields):
            known = {**known, **(logs or {})}
        for name in self._fields:
            if name not in known:
                raise TemplateError(
                    f'Failed to format this callback filepath: "{self.filepath}". Reason: {name!r} is not in the logs, which have '
                    f"{', '.join(map(repr, known))}",
                    suggestion(name, known),
                )
        values = {name: _number(name, known[name]) for name in self._fields}
        try:
            return self.filepath.format_map(values)
        except ValueError as error:
            raise ArgumentError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}', "'{epoch:02d}'") from None

    def _due(self, epoch: int, logs: Logs, path: str) -> bool:
        if not self.save_best_only:
            if self.verbose > 0:
                tell(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        current: Any = (logs or {}).get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if getattr(current, "ndim", 0) > 0:
            warnings.warn(
                f"Can save best model only when `monitor` is a scalar value. Received: {shown(current)}. Falling back to "
                "`save_best_only=False`.",
                stacklevel=4,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        better = self.improves(float(current), self.best)
        if self.verbose > 0:
            news = f"improved from {best} to {current:.5f}, saving model to {path}" if better else f"did not improve from {best}"
            tell(f"\nEpoch {epoch + 1}: {self.monitor} {news}")
        if better:
            self.best = float(current)
        return better

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path, before = self.path(epoch, batch, logs), self.best
        if not self._due(epoch, logs, path):
            return
        try:
            if os.path.isdir(path):
                raise IsADirectoryError(
                    f"Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing directory: {path}"
                )
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            assert self.model is not None
            with whole(self.model, alone=self.compiled is not None and self.compiled.distribute is False) as writes:
                if writes:
                    self.write(path)
        except Exception:
            self.best = before  # what was not written is not the best there is
            raise
        if self.verbose > 0:
            tell(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def write(self, path: str) -> None:
        """Writes the file, by the model's own `save` or `save_weights` where it has them."""
        model: Any = self.model
        own = getattr(model, "save_weights" if self.save_weights_only else "save", None)
        if callable(own):
            own(path, overwrite=True)
            return
        state: dict[str, Any] = model.state_dict()
        odd = next((key for key, value in state.items() if not isinstance(value, Tensor)), None)
        if odd is not None:
            raise ArgumentError(f"ModelCheckpoint: the state {odd!r} is a {type(state[odd]).__name__}, and only tensors go into the file")
        archive.write(path, state, {})


def _stem(path: str) -> str:
    """The name without its last suffix, and without that of weights."""
    stem = path.removesuffix(".h5").removesuffix(".weights")
    return stem if stem != path else os.path.splitext(path)[0]


def _fields(template: str) -> tuple[str, ...]:
    """The names in a template: plain names only, so that no format reaches into an object."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ArgumentError(f"ModelCheckpoint: the filepath {template!r} is no template: {error}", "write {{ and }} for braces") from None
    names: list[str] = []
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or conversion or (spec and ("{" in spec or "}" in spec)):
            raise ArgumentError(
                f"ModelCheckpoint: {{{name}}} in the filepath {template!r} is no plain name", "'{epoch:02d}-{val_loss:.2f}.keras'"
            )
        names.append(name)
    return tuple(names)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise ArgumentError(f"ModelCheckpoint: {name!r} in the logs is {shown(value)}; a filepath takes numbers")
    return float(value)
