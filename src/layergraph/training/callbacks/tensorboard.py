"""`TensorBoard`: scalars, histograms, pictures of weights and the graph, in event files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kinds import is_whole
from .base import Callback, Logs
from .events import EventFile
from .graphs import boxes_of
from .rates import logged_rates


class TensorBoard(Callback):
    """Writes what a training logs for TensorBoard: `tensorboard --logdir logs`. Needs the extra `layergraph[tensorboard]`.

    `<log_dir>/train` has `epoch_<name>` of each logged value and `epoch_learning_rate`, `<log_dir>/validation` those of the
    validation under the same names; steps are epochs counted from 0. Of each test there is `evaluation_<name>_vs_iterations`.

    Args:
        log_dir: the folder, which is made; each training adds files to it.
        histogram_freq: each so many epochs, the distribution of each weight, as `<layer>/<weight>/histogram`; 0 for none.
        write_graph: the graph of layers with the names that the user gave, nested models as scopes; see graphs.py. Unlike Keras's
            it is no trace: it holds layers, not operations.
        write_images: with each histogram, the weights as grey pictures, the smallest value black and the largest white.
        write_steps_per_second: `epoch_steps_per_second`, and `batch_steps_per_second` of each batch.
        update_freq: 'epoch'; or 'batch', or each so many batches: `batch_<name>`, the running means, by the number of the batch
            since the training began. Reading them waits for the device.
        profile_batch: only 0; `torch.profiler.tensorboard_trace_handler` writes traces.
        embeddings_freq, embeddings_metadata: only 0 and None.

    Raises:
        ArgumentError: other arguments; MissingExtraError: tensorboard is not installed; both before the training starts.
    """

    every_process = False

    kept = ("train_batches", "test_batches")

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        if profile_batch not in (0, "0", None):
            raise ArgumentError(
                f"TensorBoard(profile_batch={profile_batch!r}) is not in layergraph, as it is not in Keras on torch",
                "torch.profiler.profile(on_trace_ready=torch.profiler.tensorboard_trace_handler(log_dir)) around fit",
            )
        if embeddings_freq or embeddings_metadata:
            raise ArgumentError(
                f"TensorBoard(embeddings_freq={embeddings_freq!r}) is not in layergraph",
                "torch.utils.tensorboard.SummaryWriter(log_dir).add_embedding(layer.weight, metadata=words)",
            )
        if update_freq not in ("epoch", "batch") and (not is_whole(update_freq) or update_freq < 1):
            raise ArgumentError(
                f"TensorBoard(update_freq={update_freq!r}): wanted 'epoch', 'batch' or a number of batches", "update_freq='epoch'"
            )
        if not is_whole(histogram_freq) or histogram_freq < 0:
            raise ArgumentError(f"TensorBoard(histogram_freq={histogram_freq!r}): wanted a whole number of epochs", "histogram_freq=1")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self.every: int = 0 if update_freq == "epoch" else 1 if update_freq == "batch" else int(update_freq)
        self.train_batches = 0
        self.test_batches = 0
        self.files: dict[str, EventFile] = {}
        self.drawn = False
        self.began = self.batch_began = 0.0
        self.before = 0

    def file(self, which: str) -> EventFile:
        """The event file of 'train' or 'validation', made when it is first used."""
        if which not in self.files:
            self.files[which] = EventFile(os.path.join(self.log_dir, which))
        return self.files[which]

    def on_train_begin(self, logs: Any = None) -> None:
        self.train_batches = 0
        self.drawn = not self.write_graph
        self.file("train")
        self._draw()

    def _draw(self) -> None:
        """The graph, as soon as there is one: a model may learn its shapes from the first batch."""
        if not self.drawn and self.model is not None and getattr(self.model, "built", True):
            self.drawn = True
            self.file("train").graph(boxes_of(self.model))
            self.file("train").flush()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began, self.before = time.monotonic(), self.train_batches

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self.write_steps_per_second:
            self.batch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.train_batches += 1
        if self.write_steps_per_second:
            spent = max(time.monotonic() - self.batch_began, 1e-9)
            self.file("train").scalar("batch_steps_per_second", 1.0 / spent, self.train_batches)
        if self.every and self.train_batches % self.every == 0:
            self._scalars("train", "batch_", logs, self.train_batches)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.test_batches += 1
        if self.every and self.test_batches % self.every == 0:
            self._scalars("validation", "batch_", logs, self.test_batches)

    def on_test_end(self, logs: Any = None) -> None:
        optimizer: Any = self.compiled.optimizer if self.compiled is not None else None
        step = getattr(optimizer, "iterations", self.train_batches)
        values: dict[str, Any] = logs or {}
        for name, value in values.items():
            self.file("validation").scalar(f"evaluation_{name}_vs_iterations", value, int(step))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._draw()
        values: dict[str, Any] = logs or {}
        train = {name: value for name, value in values.items() if not name.startswith("val_")}
        train.update(logged_rates(self))
        if self.write_steps_per_second:
            train["steps_per_second"] = (self.train_batches - self.before) / max(time.monotonic() - self.began, 1e-9)
        self._scalars("train", "epoch_", train, epoch)
        tested = {name.removeprefix("val_"): value for name, value in values.items() if name.startswith("val_")}
        if tested:
            self._scalars("validation", "epoch_", tested, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._weights(epoch)
        for file in self.files.values():
            file.flush()

    def _scalars(self, which: str, prefix: str, logs: Logs, step: int) -> None:
        for name, value in (logs or {}).items():
            if isinstance(value, (int, float)) or getattr(value, "ndim", 1) == 0:
                self.file(which).scalar(prefix + name, float(value), step)

    def _weights(self, epoch: int) -> None:
        assert self.model is not None
        for name, values in named_arrays(self.model):
            self.file("train").histogram(f"{name}/histogram", values, epoch)
            picture = _picture(values) if self.write_images else None
            if picture is not None:
                self.file("train").image(f"{name}/image", picture, epoch)

    def close(self) -> None:
        """Closes the files, however the training ended."""
        files, self.files = self.files, {}
        for file in files.values():
            file.close()


def named_arrays(module: Any, scope: str = "") -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """The weights by Keras's names, `dense/kernel`, in Keras's layout; of any other module, the parameters by path."""
    names: Any = getattr(module, "layer_names", None)
    if names is None:
        for path, parameter in (*module.named_parameters(), *module.named_buffers()):
            if parameter.is_floating_point():
                yield path.replace(".", "/"), parameter.detach().float().cpu().numpy()
        return
    for name, layer in names().items():
        if hasattr(layer, "layer_names"):
            yield from named_arrays(layer, f"{scope}{name}/")
            continue
        for weight in layer.own_weights() if layer.built else ():
            yield f"{scope}{name}/{weight.name.replace('.', '/')}", weight.to_keras()


def _picture(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """A weight as a grey picture: a vector as one row, a matrix lying, the kernels of a convolution side by side in one column."""
    values = np.squeeze(values)
    if values.ndim == 0 or values.ndim > 4 or not values.size or not np.isfinite(values).all():
        return None
    if values.ndim == 1:
        values = values[None]
    elif values.ndim == 2:
        values = values.T if values.shape[0] > values.shape[1] else values
    else:  # (*kernel, in, out): a tile for each of in and out
        first = values.reshape(values.shape[0], -1, values.shape[-1])
        values = first.transpose(2, 0, 1).reshape(-1, first.shape[1])
    low, high = values.min(), values.max()
    return ((values - low) / (high - low if high > low else 1) * 255).round().astype(np.uint8)
