"""Layers that act in training only, where nothing is drawn; their draws are tested in `tests/layers/test_regularization.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row


def rows() -> Iterator[Row]:
    cases: list[tuple[str, dict[str, Any], dict[str, Any], Shape]] = [
        ("SpatialDropout1D", {"rate": 0.5}, {"rate": 0.0}, (2, 3, 4)),
        ("SpatialDropout2D", {"rate": 0.5}, {"rate": 0.0}, (2, 3, 2, 4)),
        ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, {"rate": 0.0, "data_format": "channels_first"}, (2, 3, 2, 4)),
        ("SpatialDropout3D", {"rate": 0.5}, {"rate": 0.0}, (2, 2, 3, 2, 4)),
        ("GaussianDropout", {"rate": 0.5}, {"rate": 0.0}, (3, 4)),
        ("GaussianNoise", {"stddev": 0.5}, {"stddev": 0.0}, (3, 4)),
        ("AlphaDropout", {"rate": 0.5}, {"rate": 0.0}, (3, 4)),
        ("AlphaDropout", {"rate": 0.5, "noise_shape": (None, 1)}, {"rate": 0.0, "noise_shape": (None, 1)}, (3, 4)),
    ]
    for layer, drawing, still, shape in cases:
        yield row("regularization", layer, drawing, shape, note="eval")
        yield row("regularization", layer, still, shape, note="train", training=True)
