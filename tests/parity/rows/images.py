"""Image preprocessing. A random layer is given what it would draw: numbers with few bits, which are exact in float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Row, row

_BATCH = (3, 4, 5, 1)
_FIRST = (3, 1, 4, 5)
_COLOUR = (3, 3, 2, 3)
_COLOUR_FIRST = (3, 3, 3, 2)
_RANGE = {"value_range": (-4, 4)}
_FILLS = ("reflect", "wrap", "constant", "nearest")
_SOME = [True, False, True]
_NOISE = [[[[(7 * i + 5 * j + 3 * k + n) % 11 / 4 - 1.25 for k in range(9)] for j in range(8)] for i in range(2)] for n in (0, 4)]


def rows() -> Iterator[Row]:
    yield from _sizes()
    yield from _movements()
    yield from _colours()
    yield from _others()


def _drawn(layer: str, kwargs: dict[str, Any], drawn: dict[str, Any], shape: Any = _BATCH, note: str = "", **more: Any) -> Iterator[Row]:
    yield row("images", layer, kwargs, shape, note=note or "drawn", training=True, drawn=drawn, **more)


def _sizes() -> Iterator[Row]:
    def resizing(size: tuple[int, int], shape: Any = (2, 6, 4, 1), **more: Any) -> Row:
        return row(
            "images", "Resizing", {"height": size[0], "width": size[1], **more}, shape, note=f"rank{len(getattr(shape, 'shape', shape))}"
        )

    for way in ("bilinear", "nearest", "bicubic"):
        yield resizing((3, 5), interpolation=way)
        yield resizing((3, 5), (2, 1, 6, 4), interpolation=way, data_format="channels_first")
    yield resizing((3, 2), antialias=True)
    yield resizing((3, 2), antialias=True, interpolation="bicubic")
    for size in ((3, 4), (5, 2), (2, 5)):
        yield resizing(size, crop_to_aspect_ratio=True)
        yield resizing(size, pad_to_aspect_ratio=True, fill_value=0.5)
    yield resizing((3, 5), (6, 4, 1))
    yield resizing((3, 5), (1, 6, 4), data_format="channels_first")
    for size in ((4, 3), (5, 6), (9, 4), (7, 9)):
        yield row("images", "CenterCrop", {"height": size[0], "width": size[1]}, (2, 7, 6, 1))
    yield row("images", "CenterCrop", {"height": 4, "width": 3, "data_format": "channels_first"}, (2, 1, 7, 6))
    yield row("images", "CenterCrop", {"height": 4, "width": 3}, (7, 6, 1), note="rank3")
    yield from _drawn("RandomCrop", {"height": 3, "width": 4}, {"top": 1, "left": 1})
    yield from _drawn("RandomCrop", {"height": 3, "width": 4, "data_format": "channels_first"}, {"top": 0, "left": 1}, _FIRST)
    yield from _drawn("RandomCrop", {"height": 8, "width": 12}, {"top": 0, "left": 0}, (2, 4, 6, 1), note="smaller")
    yield from _drawn("RandomCrop", {"height": 4, "width": 8}, {"top": 1, "left": 0}, (2, 5, 6, 1), note="narrower")


def _movements() -> Iterator[Row]:
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        yield from _drawn("RandomFlip", {"mode": mode}, {"flips": _SOME})
    yield from _drawn("RandomFlip", {"mode": "vertical", "data_format": "channels_first"}, {"flips": _SOME}, _FIRST)
    warps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("RandomRotation", {"factor": 0.5}, {"angle": [30.0, -75.0, 160.0]}),
        ("RandomZoom", {"height_factor": 0.5}, {"down": [0.75, 1.5, 1.25], "across": [1.25, 0.5, 1.25]}),
        ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, {"down": [0.25, -0.5, 0.0], "right": [-0.25, 0.125, 0.5]}),
        ("RandomShear", {"x_factor": 0.5, "y_factor": 0.5}, {"across": [0.25, -0.5, 0.125], "down": [0.5, -0.25, 0.0]}),
    ]
    for layer, kwargs, drawn in warps:
        for fill in _FILLS:
            yield from _drawn(layer, {**kwargs, "fill_mode": fill, "fill_value": 0.5}, drawn)
        yield from _drawn(layer, {**kwargs, "interpolation": "nearest"}, drawn)
        yield from _drawn(layer, {**kwargs, "data_format": "channels_first"}, drawn, _FIRST)
    shifts = [
        [[0, 0], [0.25, 0], [0, -0.5], [-0.125, 0.25]],
        [[0, 0], [0.5, 0.25], [0.5, 0.5], [0.5, -0.5]],
        [[0, 0], [0, 0], [0, 0.25], [0.25, 0]],
    ]
    for kwargs in ({}, {"fill_value": 0.5}, {"interpolation": "nearest"}):
        yield from _drawn("RandomPerspective", kwargs, {"changed": _SOME, "shifts": shifts})
    yield from _drawn("RandomPerspective", {"data_format": "channels_first"}, {"changed": _SOME, "shifts": shifts}, _FIRST)
    elastic = {"changed": [True, False], "factor": 1.0, "noise": _NOISE}
    for fill in (*_FILLS, "mirror"):
        yield from _drawn("RandomElasticTransform", {**_RANGE, "fill_mode": fill}, elastic, (2, 8, 9, 1))
    yield from _drawn("RandomElasticTransform", {"value_range": (-1, 1), "data_format": "channels_first"}, elastic, (2, 1, 8, 9))


def _colours() -> Iterator[Row]:
    factor, changed = {"factor": [0.25, 1.5, 0.75]}, {"changed": _SOME}
    layers: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("RandomContrast", {"factor": 0.5, **_RANGE}, factor),
        ("RandomBrightness", {"factor": 0.5, **_RANGE}, {"delta": [0.25, -0.125, -0.5]}),
        ("RandomHue", {"factor": 0.5, **_RANGE}, {"turn": [0.25, -0.375, 0.125]}),
        ("RandomHue", {"factor": 0.5, "value_range": (0, 1)}, {"turn": [0.25, -0.375, 0.125]}),
        ("RandomSaturation", {"factor": 0.5, "value_range": (0, 1)}, {"factor": [0.5, 4.0, 1.5]}),
        ("RandomSaturation", {"factor": 0.5}, {"factor": [0.5, 4.0, 1.5]}),
        ("RandomSharpness", {"factor": 0.5, **_RANGE}, {"factor": [0.25, 1.0, 0.75]}),
        ("RandomColorDegeneration", {"factor": 0.5, "value_range": (-1, 1)}, {"factor": [0.25, 1.0, -0.5]}),
        ("RandomGrayscale", {"factor": 0.5}, changed),
        ("RandomInvert", _RANGE, changed),
        ("RandomGaussianBlur", {**_RANGE, "kernel_size": 3}, {**changed, "sigma": [0.5, 0.75]}),
        ("RandomGaussianBlur", {"value_range": (-1, 1), "kernel_size": 5}, {**changed, "sigma": [0.25, 1.0]}),
        ("Solarization", _RANGE, {"added": [16.0, 0.0, 64.0], "threshold": [128.0, 64.0, 100.0]}),
    ]
    for layer, kwargs, drawn in layers:
        # Keras works the range of a hue out in float32
        double = layer != "RandomHue" or kwargs["value_range"] == (0, 1)
        yield from _drawn(layer, kwargs, drawn, _COLOUR, double=double)
        yield from _drawn(layer, {**kwargs, "data_format": "channels_first"}, drawn, _COLOUR_FIRST, double=double)
    for high, most in ((256, 255), (4, 4)):
        for shape, more in ((_COLOUR, {}), (_COLOUR_FIRST, {"data_format": "channels_first"})):
            kwargs = {"factor": 4, "value_range": (0, most), **more}
            yield from _drawn("RandomPosterization", kwargs, {"bits": [1, 3, 7]}, In(shape, "integers", high=high))
    box = {"left": [0.0, 1.5, 2.0], "right": [2.0, 3.0, 4.25], "top": [1.0, 0.0, 2.5], "bottom": [3.0, 2.25, 4.0]}
    for fill in (0.5, (0.25, -0.5, 1.0)):
        yield from _drawn("RandomErasing", {**_RANGE, "fill_value": fill}, {**changed, **box}, (3, 4, 5, 3))
    kwargs = {"value_range": (-1, 1), "fill_value": 3.0, "data_format": "channels_first"}
    yield from _drawn("RandomErasing", kwargs, {**changed, **box}, (3, 3, 4, 5))


def _others() -> Iterator[Row]:
    for kwargs in (_RANGE, {}):
        yield row("images", "AutoContrast", kwargs, (2, 3, 3, 2))
    yield from _drawn("Equalization", {"value_range": (-4, 4)}, {})
    yield from _drawn("Equalization", {"value_range": (-4, 4), "bins": 16}, {})
    yield from _drawn("Equalization", {"value_range": (-4, 4), "data_format": "channels_first"}, {}, _FIRST)
    clahe = "ContrastLimitedAdaptiveHistogramEqualization"
    wide = In((2, 7, 10, 3), "normal")
    for more in ({}, {"clip_limit": 0.0}, {"clip_limit": 20.0}):
        yield row(
            "images", clahe, {"value_range": (-4, 4), "tile_grid_size": (2, 3), **more}, wide, double=False, rule="clahe_as_elsewhere"
        )
    yield row(
        "images",
        clahe,
        {**_RANGE, "tile_grid_size": (2, 3), "data_format": "channels_first"},
        In((2, 3, 7, 10)),
        double=False,
        rule="clahe_as_elsewhere",
    )
    box = [[0.0, 1.5, 2.0], [3.0, 4.0, 6.0], [1.0, 0.0, 3.5], [4.0, 2.0, 5.0]]
    cut = {"order": [2, 0, 1], "box": box, "weight": [0.5, 0.5, 0.5]}
    yield from _drawn("CutMix", {}, cut)
    yield from _drawn("CutMix", {"data_format": "channels_first"}, cut, _FIRST)
    yield from _drawn("MixUp", {}, {"order": [2, 0, 1], "weight": [0.25, 0.875, 0.5]})
