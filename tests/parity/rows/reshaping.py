"""Padding, cropping and upsampling."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from .row import Row, row


def rows() -> Iterator[Row]:
    first = {"data_format": "channels_first"}
    for padding in (1, 2, (1, 2), (0, 3)):
        yield row("resize", "ZeroPadding1D", {"padding": padding}, (2, 3, 2))
    yield row("resize", "ZeroPadding1D", {}, (2, 3, 2))
    yield row("resize", "ZeroPadding1D", {"padding": (2, 1), **first}, (2, 3, 4))
    for padding in (2, (1, 2), ((1, 2), (0, 3)), ((0, 1), (0, 1))):
        yield row("resize", "ZeroPadding2D", {"padding": padding}, (2, 3, 4, 2))
        yield row("resize", "ZeroPadding2D", {"padding": padding, **first}, (2, 2, 3, 4))
    yield row("resize", "ZeroPadding2D", {}, (2, 3, 4, 2))
    for padding in (1, (1, 0, 2), ((1, 2), (0, 1), (2, 0))):
        yield row("resize", "ZeroPadding3D", {"padding": padding}, (2, 2, 3, 2, 2))
    yield row("resize", "ZeroPadding3D", {"padding": ((1, 2), (0, 1), (2, 0)), **first}, (2, 2, 2, 3, 2))
    yield row("resize", "ZeroPadding3D", {}, (1, 2, 3, 2, 2))
    for cropping in (1, (1, 2), (0, 2), (2, 0)):
        yield row("resize", "Cropping1D", {"cropping": cropping}, (2, 6, 2))
    yield row("resize", "Cropping1D", {}, (2, 6, 2))
    for cropping in (1, (1, 2), ((1, 2), (0, 3)), ((0, 1), (2, 0))):
        yield row("resize", "Cropping2D", {"cropping": cropping}, (2, 5, 6, 2))
        yield row("resize", "Cropping2D", {"cropping": cropping, **first}, (2, 2, 5, 6))
    yield row("resize", "Cropping2D", {}, (2, 3, 4, 2))
    for cropping in (1, (1, 0, 2), ((1, 2), (0, 1), (2, 0))):
        yield row("resize", "Cropping3D", {"cropping": cropping}, (2, 4, 3, 5, 2))
    yield row("resize", "Cropping3D", {"cropping": ((1, 2), (0, 1), (2, 0)), **first}, (2, 2, 4, 3, 4))
    yield row("resize", "Cropping3D", {}, (2, 3, 4, 3, 2))
    for size in (2, 3):
        yield row("resize", "UpSampling1D", {"size": size}, (2, 3, 2))
    yield row("resize", "UpSampling1D", {}, (2, 3, 2))
    # Thirds are no float32 numbers, and a bicubic weight is steep: sizes by which a division is exact.
    bicubic = (("bicubic", size) for size in (2, (4, 2), (1, 4)))
    for interpolation, size in (*itertools.product(("nearest", "bilinear"), (2, (3, 2), (1, 3))), *bicubic):
        yield row("resize", "UpSampling2D", {"size": size, "interpolation": interpolation}, (2, 3, 4, 2))
        yield row("resize", "UpSampling2D", {"size": size, "interpolation": interpolation, **first}, (2, 2, 3, 4))
    yield row("resize", "UpSampling2D", {}, (2, 3, 2, 2))
    for size in (2, (1, 2, 3)):
        yield row("resize", "UpSampling3D", {"size": size}, (2, 2, 3, 2, 2))
        yield row("resize", "UpSampling3D", {"size": size, **first}, (2, 2, 2, 3, 2))
