"""Callbacks against Keras 3.15.1: epochs, rates, files, texts, warnings and state of a real `fit` (tests/parity/callback_rows.py)."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from tests.parity.callback_rows import ROWS, drive

import layergraph

GOLDENS = json.loads((Path(__file__).parents[2] / "parity" / "goldens" / "callbacks.json").read_text(encoding="utf-8"))["rows"]

# What is otherwise here, on purpose: in Keras a first NaN is the best there is, for good.
OTHERWISE = {
    "nan, stop": {"epochs": 6, "state": {"wait": 0, "best": 0.25, "best_epoch": 5, "stopped_epoch": 0}},
    "nan, save": {"state": {"best": 2.0}, "files": ["2.keras", "4.keras"]},
    "nan, plateau": {"rates": [0.5] * 5, "state": {"wait": 0, "best": 0.5, "cooldown_counter": 0}},
    # the bytes are Keras's, whose columns do not fit those of the file
    "csv, append": {
        "warned": [
            "CSVLogger(append=True): old.csv has the columns epoch, loss, val_loss; the new lines have epoch, accuracy, "
            "cosine_similarity, loss, mae, val_loss"
        ]
    },
}


def rounded(text):
    """Rates are float32 in Keras and Python's floats here."""
    return re.sub(r"\d+\.\d{6,}", lambda found: f"{float(found[0]):.6f}".rstrip("0"), text)


@pytest.mark.parametrize("name", ROWS)
def test_as_keras(name, tmp_path):
    found, golden = drive(layergraph, name, tmp_path), {**GOLDENS[name], **OTHERWISE.get(name, {})}
    assert rounded(found.pop("said")) == rounded(golden.pop("said"))
    assert golden.pop("error", [None])[0] in found.pop("error", [None])  # Keras's KeyError is a ValueError too
    # our logs are in the order in which they came, Keras's in that of the alphabet
    assert [sorted(re.split(r"[,:. ]+", each)) for each in found.pop("warned")] == [
        sorted(re.split(r"[,:. ]+", each)) for each in golden.pop("warned")
    ]
    assert found == golden


def test_the_rows_are_those_that_were_recorded():
    assert set(GOLDENS) == set(ROWS)
    assert math.isnan(GOLDENS["nan, save"]["state"]["best"])
