"""Faults of image preprocessing."""

from __future__ import annotations

from .fault import Fault

_IMAGES, _MOVES, _COLOURS = "nn/images.py", "nn/movements.py", "nn/colours.py"

FAULTS: tuple[Fault, ...] = (
    Fault("nearest resizes as torch's older mode", _IMAGES, '"nearest": "nearest-exact"', '"nearest": "nearest"', "^resizing.*nearest"),
    Fault("the middle is rounded up", _IMAGES, "top, left = (rows - height) // 2", "top, left = (rows - height + 1) // 2", "^centercrop"),
    Fault("images turn the other way", _MOVES, "return _rows(cos, -sin, ", "return _rows(cos, sin, ", "^randomrotation"),
    Fault(
        "images turn about half their size",
        _MOVES,
        "down, right = (x.shape[-2] - 1) / 2",
        "down, right = x.shape[-2] / 2",
        "^randomrotation",
    ),
    Fault(
        "zoom's factors swapped",
        _MOVES,
        "def plane(self, x: Tensor, down: Tensor, across: Tensor)",
        "def plane(self, x: Tensor, across: Tensor, down: Tensor)",
        "^randomzoom",
    ),
    Fault("translation goes the other way", _MOVES, "-right * x.shape[-1]", "right * x.shape[-1]", "^randomtranslation"),
    Fault(
        "perspective the inverse way",
        _MOVES,
        "homography(start, start + start * shifts)",
        "homography(start + start * shifts, start)",
        "^randomperspective",
    ),
    Fault(
        "contrast about one mean for all channels",
        _COLOURS,
        "x.mean((2, 3), keepdim=True)",
        "x.mean((1, 2, 3), keepdim=True)",
        "^randomcontrast",
    ),
    Fault("hue turned without its way around", _COLOURS, "hue = torch.where(hue < 0, hue + 1, hue)", "hue = hue.clamp(0)", "^randomhue"),
    Fault("sharpness's kernel", _COLOURS, "= 5 / 13", "= 4 / 13", "^randomsharpness"),
    Fault("solarization without what is added", _COLOURS, " + each(added).to(x.dtype))", ")", "^solarization"),
    Fault(
        "equalization counts from above",
        "nn/histograms.py",
        "below = counts.cumsum(1)",
        "below = counts.flip(1).cumsum(1)",
        "^equalization",
    ),
    Fault("erased boxes one pixel further", "nn/mixing.py", "(columns < each(right))", "(columns <= each(right))", "^randomerasing"),
    Fault(
        "mixed with the weights swapped",
        "nn/mixing.py",
        "return each(weight) * x + (1 - each(weight)) * x[order]",
        "return (1 - each(weight)) * x + each(weight) * x[order]",
        "^mixup",
    ),
)
