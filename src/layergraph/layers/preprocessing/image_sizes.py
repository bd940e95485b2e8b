"""Image layers that change sizes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from layergraph.errors import Fact, shown, suggestion
from layergraph.layers.fields import DataFormat, anything, checked, data_format, flag, number, only, positive
from layergraph.layers.preprocessing.image_base import ImageLayer, RandomImageLayer
from layergraph.nn.augment import Change
from layergraph.nn.images import RESIZES, middle, resize
from layergraph.nn.movements import Crop


def _interpolation(value: Any, owner: Any) -> str:
    if value in RESIZES:
        return value
    if value in ("lanczos3", "lanczos5"):
        raise Fact(f"cannot be {shown(value)}: torch's F.interpolate has no Lanczos kernel", "use 'bicubic', with antialias=True")
    raise Fact(f"must be one of {', '.join(map(repr, RESIZES))}, got {shown(value)}", suggestion(value, list(RESIZES)))


class Resizing(ImageLayer):
    """Images in another size, by `F.interpolate`.

    (B, H, W, C) -> (B, height, width, C), the dtype kept: integers are rounded, and stay within their bounds

    Args:
        height, width: of the result, in pixels.
        interpolation: 'bilinear', 'nearest' (torch's 'nearest-exact') or 'bicubic'; torch has no Lanczos.
        crop_to_aspect_ratio: whether the middle is cut out first, so that nothing is stretched.
        pad_to_aspect_ratio: whether `fill_value` is put around first, so that nothing is stretched.
        fill_mode: 'constant' only, as in Keras.
        antialias: whether a smaller image is smoothed first.

    >>> from layergraph import Input
    >>> Resizing(4, 5)(Input(shape=(8, 8, 3))).shape
    (None, 4, 5, 3)
    """

    height: int = positive()
    width: int = positive()
    interpolation: str = checked(_interpolation, default="bilinear")
    crop_to_aspect_ratio: bool = flag(default=False)
    pad_to_aspect_ratio: bool = flag(default=False)
    fill_mode: str = only(default="constant", why="Keras has no other")
    fill_value: float = number(default=0.0)
    antialias: bool = flag(default=False)
    data_format: DataFormat = data_format(default=None)
    _casts_integers = False

    def check_fields(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise Fact("takes one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, and got both")

    def images(self, x: Any, given: Any) -> Tensor:
        return self._resized(x, given, self.interpolation)

    def masks(self, x: Any, given: Any) -> Tensor:
        return self._resized(x, given, "nearest")

    def _resized(self, x: Any, given: Any, interpolation: str) -> Tensor:
        ratio = "crop" if self.crop_to_aspect_ratio else "pad" if self.pad_to_aspect_ratio else ""
        smooth = self.antialias and interpolation != "nearest"
        return resize(x, (self.height, self.width), interpolation, smooth, ratio, self.fill_value, given.dtype, self.sizes(given))

    def output_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        return self.height, self.width


class CenterCrop(ImageLayer):
    """The middle of images; of a smaller image, the largest middle part of that ratio, resized.

    (B, H, W, C) -> (B, height, width, C)

    Args:
        height, width: of the result, in pixels.

    >>> from layergraph import Input
    >>> CenterCrop(4, 5)(Input(shape=(8, 8, 3))).shape
    (None, 4, 5, 3)
    """

    height: int = positive()
    width: int = positive()
    data_format: DataFormat = data_format(default=None)

    def images(self, x: Any, given: Any) -> Tensor:
        return middle(x, self.height, self.width, self.sizes(given))

    masks = images

    def output_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        return self.height, self.width


class RandomCrop(RandomImageLayer):
    """A window of images at a random place, the same for a batch.

    (B, H, W, C) -> (B, height, width, C)

    Acts in training, as `model.train()` or `training=True` at a call says. In evaluation, the largest middle part of the window's
    ratio is resized to its size: so Keras's page has it, while its layer gives the images as they came, in a shape that it did not
    declare. An image in training that is not larger than the window along both axes gives what of the middle there is, resized.

    Args:
        height, width: of the window, in pixels.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomCrop(4, 5)(Input(shape=(8, 8, 3))).shape
    (None, 4, 5, 3)
    """

    height: int = positive()
    width: int = positive()
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)
    _name_by_position = True

    def change(self) -> Change:
        return Crop(self.height, self.width)

    def output_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        return self.height, self.width
