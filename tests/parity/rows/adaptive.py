"""Adaptive pools, and the pool that takes a mask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from .row import In, Row, row


def rows() -> Iterator[Row]:
    first = {"data_format": "channels_first"}
    for kind in ("Average", "Max"):
        draw = "distinct" if kind == "Max" else "normal"
        # Sizes that divide, that do not (windows overlap), that are the input's own, and that are larger (an element, several times).
        for size in (1, 2, 3, 5, 8, 11):
            yield row("adaptive", f"Adaptive{kind}Pooling1D", {"output_size": size}, In((2, 8, 2), draw))
        yield row("adaptive", f"Adaptive{kind}Pooling1D", {"output_size": (3,), **first}, In((2, 2, 7), draw))
        for size in (1, 2, (3, 4), (5, 1)):
            yield row("adaptive", f"Adaptive{kind}Pooling2D", {"output_size": size}, In((2, 5, 6, 2), draw))
            yield row("adaptive", f"Adaptive{kind}Pooling2D", {"output_size": size, **first}, In((2, 2, 5, 6), draw))
        for size in (2, (1, 3, 2)):
            yield row("adaptive", f"Adaptive{kind}Pooling3D", {"output_size": size}, In((2, 4, 3, 5, 2), draw))
            yield row("adaptive", f"Adaptive{kind}Pooling3D", {"output_size": size, **first}, In((2, 2, 4, 3, 5), draw))
    for kwargs, keep in itertools.product(({}, first), ({}, {"keepdims": True})):
        shape = (4, 3, 6) if kwargs else (4, 6, 3)
        mask = In((4, 6), "mask", "bool")
        yield row("adaptive", "GlobalAveragePooling1D", {**kwargs, **keep}, In(shape), mask, named=("mask",), note="mask")
