"""Image preprocessing."""

from __future__ import annotations

from typing import Any

from .row import Row, Wrong, argument, refused_inputs

_INPUT = ((2, 6, 5, 3),)
_SHAPES = (refused_inputs((2, 3)), refused_inputs((2, 3, 4, 5, 3)))
_RGB = Wrong(("3 channels", "(2, 6, 5, 2)"), inputs=((2, 6, 5, 2),))
_RANGE: dict[str, Any] = {"value_range": (-4, 4)}
_WORDS: dict[str, tuple[Any, ...]] = {
    "height": (0, 2.5),
    "width": (0, "4"),
    "interpolation": ("bilinaer", None),
    "fill_mode": ("edge",),
    "value_range": (255, (0, 1, 2), (1, 1)),
    "data_format": ("channel_last",),
}


def _row(layer: str, kwargs: dict[str, Any], *wrong: Wrong, words: str = "", random: bool = True, **more: Any) -> Row:
    refused = [each for word in words.split() for each in argument(word, *_WORDS[word], needed=kwargs)]
    return Row(layer, kwargs, _INPUT, unknown=(1, 2), random=random, wrong=(*refused, *_SHAPES, *wrong), **more)


def _factor(needed: dict[str, Any], *values: Any, word: str = "factor") -> tuple[Wrong, ...]:
    return argument(word, *values, "much", (1, 2, 3), needed=needed)


_SIZE = {"height": 4, "width": 7}
_READ = "interpolation fill_mode data_format"
_COLOUR = "value_range data_format"
_ALL = _RANGE | {"factor": 0.5}

ROWS: tuple[Row, ...] = (
    _row(
        "Resizing",
        _SIZE | {"antialias": True},
        Wrong(("lanczos3", "bicubic"), kwargs=_SIZE | {"interpolation": "lanczos3"}),
        Wrong(("crop_to_aspect_ratio", "pad_to_aspect_ratio"), kwargs=_SIZE | {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}),
        Wrong(("fill_mode", "reflect"), kwargs=_SIZE | {"fill_mode": "reflect"}),
        words="height width interpolation data_format",
        random=False,
    ),
    _row("CenterCrop", _SIZE, words="height width data_format", random=False),
    _row("RandomCrop", {"height": 3, "width": 4}, words="height width data_format"),
    _row("RandomFlip", {}, *argument("mode", "diagonal", 1), words="data_format"),
    _row("RandomRotation", {"factor": 0.2}, *_factor({}, 1.5), words=_READ),
    _row("RandomZoom", {"height_factor": 0.3}, *_factor({}, -1, 1.5, word="height_factor"), words=_READ),
    _row(
        "RandomTranslation",
        {"height_factor": 0.3, "width_factor": (0.1, 0.2)},
        *_factor({"width_factor": 0.1}, 1.5, word="height_factor"),
        Wrong(
            ("bounding_box_format", "torchvision.tv_tensors"), kwargs={"height_factor": 0, "width_factor": 0, "bounding_box_format": "xyxy"}
        ),
        words=_READ,
    ),
    _row("RandomShear", {"x_factor": 0.3, "y_factor": 0.2}, *_factor({}, 1.5, word="x_factor"), words=_READ),
    _row("RandomPerspective", {"factor": (1.0, 1.0)}, *_factor({}, -0.5), *argument("scale", 2), words="interpolation data_format"),
    _row("RandomElasticTransform", {"factor": (1.0, 1.0), "scale": (0.5, 1.0), **_RANGE}, *_factor({}, 1.5), words=_READ),
    _row("RandomContrast", _ALL, *_factor({}, 1.5, -0.2), words=_COLOUR),
    _row("RandomBrightness", _ALL, *_factor({}, 1.5), words=_COLOUR),
    _row("RandomHue", _ALL, *_factor({}, 1.5), _RGB, words=_COLOUR),
    _row("RandomSaturation", _RANGE | {"factor": (0.2, 0.6)}, *_factor({}, 1.5), _RGB, words=_COLOUR),
    _row("RandomSharpness", _ALL, *_factor({}, 1.5), words=_COLOUR),
    _row("RandomColorDegeneration", _ALL, *_factor({}, 1.5), _RGB, words=_COLOUR),
    _row("RandomGrayscale", {}, *argument("factor", 1.5, "half"), _RGB, words="data_format"),
    _row("RandomInvert", _ALL, *_factor({}, 1.5), words=_COLOUR),
    _row("RandomPosterization", _RANGE | {"factor": (1, 8)}, *_factor({}, 9, 0), words=_COLOUR, steps=True),
    _row("RandomGaussianBlur", {**_ALL, "sigma": (0.5, 1.0)}, *_factor({}, 1.5), *argument("kernel_size", 2, (3, 4)), words=_COLOUR),
    _row("Solarization", _RANGE | {"threshold_factor": 0.9}, *_factor({}, 1.5, word="addition_factor"), words=_COLOUR),
    _row(
        "RandomColorJitter",
        _RANGE | {"brightness_factor": 0.3, "hue_factor": 0.2},
        *_factor({}, 1.5, word="hue_factor"),
        _RGB,
        words=_COLOUR,
    ),
    _row("AutoContrast", _RANGE, words=_COLOUR, random=False),
    _row("Equalization", _RANGE, *argument("bins", 0), words=_COLOUR, random=False, steps=True),
    _row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        _RANGE | {"tile_grid_size": (2, 3)},
        *argument("tile_grid_size", 8, (0, 2)),
        words=_COLOUR,
        random=False,
        steps=True,
    ),
    _row("RandomErasing", _RANGE, *_factor({}, 1.5), *argument("fill_value", (1, 2)), words=_COLOUR),
    _row("CutMix", {}, *_factor({}, 1.5), words="data_format"),
    _row("MixUp", {}, *argument("alpha", 0, "much"), words="data_format"),
    _row("RandAugment", _RANGE, *_factor({}, 1.5), *argument("num_ops", 0), _RGB, words="value_range interpolation data_format"),
    _row(
        "AugMix", _RANGE | {"num_chains": 2, "chain_depth": 2}, *argument("alpha", 0), _RGB, words="value_range interpolation data_format"
    ),
    Row("MaxNumBoundingBoxes", {"max_number": 3}, _INPUT, unknown=(1, 2), wrong=argument("max_number", 0, 2.5)),
)
