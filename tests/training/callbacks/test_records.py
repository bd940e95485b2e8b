"""CSVLogger after a stop, and RemoteMonitor with a real server."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

import numpy as np
import pytest
from torch import nn

from layergraph import callbacks
from layergraph.errors import ArgumentError
from layergraph.training import Compiled, fit

X, Y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")


def run(logger, epochs, state=None, die=False):
    """A training by hand, which may die before `on_train_end`."""
    logger.on_train_begin()
    if state is not None:
        logger.load_state_dict(state)
    for epoch in epochs:
        logger.on_epoch_end(epoch, {"loss": epoch / 2, "mae": 1.0})
    if not die:
        logger.on_train_end()
    logger.close()


def rows(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize("append", [True, False])
@pytest.mark.parametrize("again", [2, 3, 4])
def test_a_resumed_training_writes_no_row_twice(tmp_path, append, again):
    """Killed after epoch 3; what runs again from epoch `again` on replaces what was written of it."""
    path = tmp_path / "log.csv"
    first = callbacks.CSVLogger(path, append=append)
    run(first, range(4), die=True)
    state = first.state_dict()
    run(callbacks.CSVLogger(path, append=append), range(again, 6), state)
    assert rows(path) == ["epoch,loss,mae,val_loss,val_mae", *(f"{e},{e / 2},1.0,NA,NA" for e in range(6))]


def test_a_row_that_was_cut_off_goes(tmp_path):
    path = tmp_path / "log.csv"
    first = callbacks.CSVLogger(path)
    run(first, range(2), die=True)
    with open(path, "a") as file:
        file.write("2,1.")
    run(callbacks.CSVLogger(path), range(2, 3), first.state_dict())
    assert rows(path)[1:] == ["0,0.0,1.0,NA,NA", "1,0.5,1.0,NA,NA", "2,1.0,1.0,NA,NA"]


def test_a_file_that_is_gone_starts_again(tmp_path):
    path = tmp_path / "log.csv"
    first = callbacks.CSVLogger(path)
    run(first, range(2))
    path.unlink()
    run(callbacks.CSVLogger(path), range(2, 3), first.state_dict())
    assert rows(path) == ["epoch,loss,mae,val_loss,val_mae", "2,1.0,1.0,NA,NA"]


def test_each_row_is_on_disk_when_its_epoch_ends(tmp_path):
    path = tmp_path / "log.csv"
    seen = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(len(rows(path))))
    fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, epochs=3, verbose=0, callbacks=[callbacks.CSVLogger(path), look])
    assert seen == [2, 3, 4]


def test_values_that_are_arrays(tmp_path):
    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": np.float32(0.5), "val_each": [1, 2], "tag": "a,b", "zero": np.array(1.5)})
    logger.on_train_end()
    assert rows(tmp_path / "log.csv") == ["epoch,loss,tag,val_each,zero", '0,0.5,"a,b","""[1, 2]""",1.5']


def test_no_epoch_no_rows(tmp_path):
    run(callbacks.CSVLogger(tmp_path / "log.csv"), [])
    assert rows(tmp_path / "log.csv") == []


def test_wrong_arguments(tmp_path):
    with pytest.raises(ArgumentError, match="wanted one character"):
        callbacks.CSVLogger("log.csv", separator="::")
    with pytest.raises(ArgumentError, match="there is no folder"):
        fit(nn.Linear(2, 1), Compiled("sgd", "mse"), X, Y, verbose=0, callbacks=[callbacks.CSVLogger(tmp_path / "no" / "log.csv")])
    with pytest.raises(ArgumentError, match="neither http nor https"):
        callbacks.RemoteMonitor("file:///etc")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_server_gets_the_logs(as_json):
    got = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.path, self.headers["X-Key"], body))
            self.send_response(200 if len(got) < 2 else 500)
            self.end_headers()

        def log_message(self, *_): ...

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            monitor = callbacks.RemoteMonitor(
                f"http://127.0.0.1:{server.server_port}", path="/logs", headers={"X-Key": "k"}, send_as_json=as_json
            )
            monitor.on_epoch_end(0, {"loss": np.float32(0.5)})
            monitor.on_epoch_end(1, {"loss": 0.25})
        finally:
            server.shutdown()
            thread.join()
    texts = [body if as_json else urllib.parse.parse_qs(body)["data"][0] for _, _, body in got]
    assert [json.loads(text) for text in texts] == [{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25}]
    assert got[0][:2] == ("/logs", "k")


def test_a_server_that_is_not_there():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_port
    with pytest.warns(UserWarning, match=f"Could not reach RemoteMonitor root server at http://127.0.0.1:{port}"):
        callbacks.RemoteMonitor(f"http://127.0.0.1:{port}").on_epoch_end(0, {"loss": 1.0})
