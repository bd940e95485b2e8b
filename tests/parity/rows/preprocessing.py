"""Preprocessing of numbers. What gives integers, learns, or takes words is in data_layers.py."""

from __future__ import annotations

from collections.abc import Iterator

from .row import In, Row, row


def rows() -> Iterator[Row]:
    for kwargs in (
        {"scale": 0.5},
        {"scale": 2, "offset": -1.5},
        {"scale": [0.5, -1.0, 2.0]},
        {"scale": [2.0, 4.0, 8.0], "offset": [1, 2, 3]},
    ):
        yield row("preprocessing", "Rescaling", kwargs, (2, 4, 3))
    yield row("preprocessing", "Rescaling", {"scale": 0.25}, In((2, 4, 3), "integers", "int64", 0, 256), note="integers")

    norm = "Normalization"
    for kwargs in (
        {},
        {"invert": True},
        {"axis": None},
        {"axis": 1},
        {"axis": -2},
        {"axis": (1, 3)},
        {"axis": (3, 1)},
        {"axis": (1, 2, 3)},
    ):
        yield row("preprocessing", norm, kwargs, (2, 3, 4, 2))
    yield row("preprocessing", norm, {}, In((2, 4, 3), "integers", "int64", -9, 9), note="integers")
    for given in (
        {"mean": 0.5, "variance": 4.0},
        {"mean": [0.5, -1.0], "variance": [4.0, 0.25]},
        {"mean": [0.5, -1.0], "variance": [4.0, 0.25], "invert": True},
        {"axis": (1, -1), "mean": [0.5, -1.0], "variance": [4.0, 0.25]},
        {"axis": (1, -1), "mean": [[0.5], [1.0], [2.0]], "variance": [[1.0], [4.0], [0.25]]},
        {"axis": None, "mean": 1.5, "variance": 0.25},
    ):
        yield row("preprocessing", norm, given, (2, 3, 2))

    whole = In((3, 4), "integers", "int64", 0, 5)
    for mode in ("one_hot", "multi_hot", "count"):
        yield row("preprocessing", "CategoryEncoding", {"num_tokens": 5, "output_mode": mode}, whole)
    yield row(
        "preprocessing",
        "CategoryEncoding",
        {"num_tokens": 5, "output_mode": "one_hot"},
        In((6, 1), "integers", "int64", 0, 5),
        note="column",
    )
    yield row(
        "preprocessing",
        "CategoryEncoding",
        {"num_tokens": 5, "output_mode": "count"},
        whole,
        In((3, 4)),
        note="weights",
        named=("count_weights",),
    )
    for mode, shape in (("one_hot", (3, 4)), ("one_hot", (6, 1)), ("multi_hot", (3, 4)), ("count", (3, 4)), ("count", (2, 4, 3))):
        kwargs = {"bin_boundaries": [-0.5, 0.25, 1.0], "output_mode": mode}
        yield row("preprocessing", "Discretization", kwargs, shape, note="_".join(map(str, shape)))
