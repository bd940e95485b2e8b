"""One process: nothing of this is imported; and what is told before any other process is met."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from layergraph import Input, Model, layers
from layergraph.errors import ArgumentError, MissingExtraError
from layergraph.training import devices

from .launching import environment

ALONE = """
import sys
import numpy as np
from layergraph import Input, Sequential, layers
model = Sequential([Input((3,)), layers.Dense(1)])
model.compile("adam", loss="mse")
x = np.ones((4, 3), "float32")
model.fit(x, x[:, :1], verbose=0)
model.predict(x, verbose=0)
print([name for name in sys.modules if name.startswith(("layergraph.training.devices.", "accelerate"))])
"""


def network() -> Model:
    x = Input((3,))
    model = Model(x, layers.Dense(1)(x))
    model.compile("adam", loss="mse")
    return model


def test_one_process_imports_nothing_of_it():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=60, env=environment(WORLD_SIZE="1"))
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_a_way_that_is_not_known():
    told = r"compile\(distribute='fsdp'\): wanted 'auto', 'ddp', 'fsdp2', or False(.|\n)*did you mean 'fsdp2'"
    with pytest.raises(ArgumentError, match=told):
        network().compile("adam", loss="mse", distribute="fsdp")
    with pytest.raises(ArgumentError, match=r"compile\(distribute=True\): wanted"):
        network().compile("adam", loss="mse", distribute=True)


def test_accelerate_is_missing(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "accelerate" else find_spec(name, *rest))
    x = np.ones((4, 3), "float32")
    told = r'fit in 2 processes needs accelerate, which is not installed(.|\n)*pip install "layergraph\[train\]"'
    with pytest.raises(MissingExtraError, match=told):
        network().fit(x, x[:, :1], verbose=0)


def test_one_batch_at_a_time_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    x = np.ones((4, 3), "float32")
    with pytest.raises(ArgumentError, match="train_on_batch trains in this process only, and there are 2: their weights would drift apart"):
        network().train_on_batch(x, x[:, :1])
    model = network()
    model.compile("adam", loss="mse", distribute=False)
    model.train_on_batch(x, x[:, :1])
    model.fit(x, x[:, :1], verbose=0)


def test_fsdp_of_the_first_kind_is_refused(monkeypatch):
    from layergraph.training.devices.processes import _kind

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "1")
    with pytest.raises(ArgumentError, match=r"asks for FSDP version 1(.|\n)*--fsdp_version 2"):
        _kind("auto")
    monkeypatch.setenv("FSDP_VERSION", "2")
    assert (_kind("auto"), _kind("ddp")) == ("fsdp2", "ddp")


def test_who_writes_where_there_is_one():
    with devices.whole(network()) as writes:
        assert writes
