"""TensorBoard's event files: records of protobuf, written here, one after the other, without threads.

Only tensorboard is needed, no TensorFlow. What is written and flushed survives a crash; a record that a crash cuts off is skipped
by every reader.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError, MissingExtraError

_FLUSH_EVERY = 2.0  # seconds
_BUCKETS = 30
_counter = itertools.count()


@dataclass(frozen=True)
class Box:
    """One node of a graph as it is drawn: `inputs` are the names of other nodes, `shapes` those of its outputs."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    shapes: tuple[tuple[int | None, ...], ...] = ()


def clean_tag(name: str) -> str:
    """A name as a tag: letters, digits, and `_ - . / :` and spaces; anything else, quotes, brackets or newlines, becomes `_`.

    >>> clean_tag('my "<b>loss</b>"')
    'my __b_loss_/b__'
    """
    return re.sub(r"[^\w\-./: ]", "_", name)[:500].strip() or "_"


class EventFile:
    """One event file in a folder, which is made if it is not there.

    Raises:
        MissingExtraError: tensorboard is not installed.
        ArgumentError: the folder is a file.
    """

    def __init__(self, folder: str):
        try:
            from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2  # pyright: ignore[reportMissingTypeStubs]
            from tensorboard.summary.writer.record_writer import RecordWriter  # pyright: ignore[reportMissingTypeStubs]
        except ImportError:
            raise MissingExtraError(
                "the TensorBoard callback needs tensorboard, which is not installed", 'pip install "layergraph[tensorboard]"'
            ) from None
        self._events: Any = event_pb2
        self._graphs: Any = graph_pb2
        self._protos: Any = summary_pb2
        try:
            os.makedirs(folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ArgumentError(f"TensorBoard: {folder!r}, or a part of it, is a file", "log_dir='logs'") from None
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_counter)}"
        self.path = os.path.join(folder, name)
        self._records: Any = RecordWriter(open(self.path, "wb"))  # noqa: SIM115 (closed by `close`)
        self._flushed = time.monotonic()
        self._add(file_version="brain.Event:2")
        self.flush()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A number, kept as float32."""
        self._value(tag, step, simple_value=float(value))

    def histogram(self, tag: str, values: np.ndarray[Any, Any], step: int) -> None:
        """The distribution of the values in an array; those that are not finite are not counted."""
        flat = values.astype(np.float64).ravel()
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        counts, limits = np.histogram(flat, _BUCKETS)
        histogram = self._protos.HistogramProto(
            min=flat.min(),
            max=flat.max(),
            num=flat.size,
            sum=flat.sum(),
            sum_squares=np.square(flat).sum(),
            bucket_limit=limits[1:].tolist(),
            bucket=counts.tolist(),
        )
        self._value(tag, step, histo=histogram)

    def image(self, tag: str, pixels: np.ndarray[Any, Any], step: int) -> None:
        """A picture from bytes, (height, width) or (height, width, 3)."""
        height, width = pixels.shape[:2]
        colours = 1 if pixels.ndim == 2 else pixels.shape[2]
        image = self._protos.Summary.Image(height=height, width=width, colorspace=colours, encoded_image_string=png(pixels))
        self._value(tag, step, image=image)

    def graph(self, boxes: Sequence[Box]) -> None:
        """A graph of nodes; their names have `/` between scopes."""
        graph = self._graphs.GraphDef()
        graph.versions.producer = 22
        for box in boxes:
            node = graph.node.add(name=box.name, op=box.op, input=box.inputs)
            shapes = node.attr["_output_shapes"].list
            for shape in box.shapes:
                made = shapes.shape.add()
                for size in shape:
                    made.dim.add(size=-1 if size is None else size)
        self._add(graph_def=graph.SerializeToString())

    def _value(self, tag: str, step: int, **what: Any) -> None:
        value = self._protos.Summary.Value(tag=clean_tag(tag), **what)
        self._add(step=step, summary=self._protos.Summary(value=[value]))

    def _add(self, **what: Any) -> None:
        self._records.write(self._events.Event(wall_time=time.time(), **what).SerializeToString())
        if time.monotonic() - self._flushed > _FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Gives what was written to the operating system."""
        self._records.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flushes and closes; twice does no harm."""
        self._records.close()


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Bytes, (height, width) or (height, width, 3), as a PNG file: <https://www.w3.org/TR/png-3/>."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels, dtype=np.uint8))
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunks([(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))


def _chunks(parts: Iterable[tuple[bytes, bytes]]) -> Iterable[bytes]:
    for kind, data in parts:
        yield struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
