"""Callbacks that write down the logs of each epoch: in a CSV file, to a server."""

from __future__ import annotations

import csv
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from typing import Any, TextIO

from ...errors import ArgumentError, shown
from ...kinds import is_dict
from .base import Callback


class CSVLogger(Callback):
    """Writes a line for each epoch: `epoch`, counted from 0, and the logs by name in the order of the alphabet.

    A training that is resumed from a checkpoint goes on in the same file: lines of epochs that run again are taken out first.

    Args:
        filename: the file; it is replaced when the training starts.
        separator: between the columns, one character.
        append: go on in a file that is there; only an empty or new one gets a header.

    Raises:
        ArgumentError: a separator of another length; a folder that is not there.
    """

    every_process = False

    kept = ("keys",)

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        super().__init__()
        if not isinstance(separator, str) or len(separator) != 1:
            raise ArgumentError(f"CSVLogger(separator={separator!r}): wanted one character", "separator=','")
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.resumed = False
        self.file: TextIO | None = None
        self.writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.close()
        self.keys = None
        self.resumed = False
        folder = os.path.dirname(self.filename)
        if folder and not os.path.isdir(folder):
            raise ArgumentError(f"CSVLogger: there is no folder {folder!r}", f"os.makedirs({folder!r}, exist_ok=True)")

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on in the file that is there."""
        super().load_state_dict(state)
        self.resumed = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values: dict[str, Any] = logs or {}
        if self.keys is None:
            self.keys = sorted(values)
            if self.keys and not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]  # a validation may come in a later epoch
        file = self.file or self._open(epoch)
        self.writer.writerow({"epoch": epoch, **{key: _cell(values.get(key, "NA")) for key in self.keys}})
        file.flush()

    def _open(self, epoch: int | None) -> TextIO:
        """Opened when the first line is due: a training that is resumed says so after `on_train_begin`."""
        if self.resumed and epoch is not None and os.path.exists(self.filename):
            _drop_rows(self.filename, self.sep, epoch)
        going_on = self.append or self.resumed
        self.file = open(self.filename, "a" if going_on else "w", newline="", encoding="utf-8")  # noqa: SIM115 (closed by `close`)
        self.writer = csv.DictWriter(self.file, ["epoch", *(self.keys or ())], delimiter=self.sep)
        if epoch is not None and self.file.tell() == 0:
            self.writer.writeheader()
        elif self.keys is not None and not self.resumed:
            self._compare_columns()
        return self.file

    def _compare_columns(self) -> None:
        """Appended lines have the columns of this training, as in Keras: where the file has others, that is told."""
        with open(self.filename, newline="", encoding="utf-8") as file:
            columns: list[str] = next(csv.reader(file, delimiter=self.sep), list[str]())
        if columns != ["epoch", *(self.keys or ())]:
            warnings.warn(
                f"CSVLogger(append=True): {self.filename} has the columns {', '.join(columns)}; the new lines have epoch, "
                f"{', '.join(self.keys or ())}",
                stacklevel=4,
            )

    def on_train_end(self, logs: Any = None) -> None:
        if self.file is None:
            self._open(None)  # no epoch was run: an empty file, as in Keras
        self.close()

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = self.writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or not hasattr(value, "__iter__") or getattr(value, "ndim", 1) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'


def _drop_rows(filename: str, separator: str, epoch: int) -> None:
    """Cuts a file before its first line of this epoch or a later one; a line that a crash left half written goes too."""
    with open(filename, "r+b") as file:
        end = 0
        for number, line in enumerate(file):
            first = line.split(separator.encode())[0].strip()
            if not line.endswith(b"\n") or (number > 0 and first.isdigit() and int(first) >= epoch):
                break
            end += len(line)
        file.truncate(end)


class RemoteMonitor(Callback):
    """Sends the logs of each epoch to a server, by HTTP POST; a server that cannot be reached is a warning.

    It uses Python's own `urllib`, where Keras wants `requests`.

    Args:
        root, path: the address is `root + path`.
        field: the field of the form that holds the logs as JSON.
        headers: further HTTP headers.
        send_as_json: send the JSON itself, and no form.

    Raises:
        ArgumentError: an address that is not http or https.
    """

    every_process = False

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ):
        super().__init__()
        if not str(root).startswith(("http://", "https://")):
            raise ArgumentError(f"RemoteMonitor: the address {shown(root)} is neither http nor https", "root='http://localhost:9000'")
        if headers is not None and not is_dict(headers):
            raise ArgumentError(f"RemoteMonitor: `headers` must be a dict, got {shown(headers)}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values: dict[str, Any] = logs or {}
        plain = {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}
        text = json.dumps({"epoch": epoch, **plain})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = urllib.request.Request(self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError:
            pass  # it was reached
        except OSError:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)
