"""Image layers that mix images, or several changes of them; and the one for bounding boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import TensorSpec
from layergraph.kinds import is_dict, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import DataFormat, anything, checked, choice, data_format, flag, number, positive, whole
from layergraph.layers.preprocessing.image_base import ORDERS, Factor, RandomImageLayer, ValueRange, factor_in, value_range
from layergraph.nn import colours, movements
from layergraph.nn.augment import Change
from layergraph.nn.histograms import Equalize
from layergraph.nn.mixing import CutMix as Cut
from layergraph.nn.mixing import Erase, Mixed, Sampled, Stretch
from layergraph.nn.mixing import MixUp as Mix

_FLOATS = ("images", "labels", "segmentation_masks")


def _fill(value: Any, owner: Any) -> Any:
    values = tuple(value) if is_sequence(value) else (value,)
    if value is not None and (len(values) not in (1, 3) or not all(isinstance(each, int | float) for each in values)):
        raise Fact(f"must be a number, three of them, or None for noise, got {shown(value)}")
    return values if is_sequence(value) else value


class RandomErasing(RandomImageLayer):
    """A box of some images filled, at a place of its own for each (Zhong et al. 2017).

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of the probability, (lower, upper) in [0, 1], or its largest value.
        scale: the range of the squares of the box's sides, as parts of the image's.
        fill_value: a number, one for each of three channels, or None for noise.
        value_range: the least and the largest value of a pixel.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandomErasing()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    scale: Factor = checked(factor_in(0, 1), default=(0.02, 0.33))
    fill_value: Any = checked(_fill, default=None)
    value_range: ValueRange = checked(value_range, default=(0, 255))
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        return Erase(self.factor, self.scale, self.fill_value, self.value_range)

    def takes_channels(self, channels: int) -> bool:
        return not is_sequence(self.fill_value) or channels == 3


class CutMix(RandomImageLayer):
    """A box of each image from another one of the batch, and the labels mixed by what is left (Yun et al. 2019).

    {"images": (B, H, W, C), "labels": (B, classes)} -> the same, floats; or images alone

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        factor: the range of both parameters of the beta distribution of what is left, (lower, upper) in [0, 1], or the largest value.
        seed: kept in the config.

    >>> import torch
    >>> layer = CutMix()
    >>> mixed = layer({"images": torch.zeros(2, 8, 8, 3), "labels": torch.eye(2)})
    >>> mixed["labels"].sum(1)
    tensor([1., 1.])
    """

    factor: Factor = checked(factor_in(0, 1), default=1.0)
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)
    _cast = _FLOATS

    def change(self) -> Change:
        return Cut(self.factor)


class MixUp(RandomImageLayer):
    """Each image mixed with another one of the batch, and its label too (Zhang et al. 2017).

    {"images": (B, H, W, C), "labels": (B, classes)} -> the same, floats; or images alone

    Acts in training, as `model.train()` or `training=True` at a call says.

    Args:
        alpha: both parameters of the beta distribution of an image's own part.
        seed: kept in the config.

    >>> import torch
    >>> layer = MixUp()
    >>> mixed = layer({"images": torch.zeros(2, 8, 8, 3), "labels": torch.eye(2)})
    >>> mixed["labels"].sum(1)
    tensor([1., 1.])
    """

    alpha: float = number(default=0.2, low=1e-6)
    data_format: DataFormat = data_format(default=None)
    seed: int | None = anything(default=None)
    _cast = _FLOATS

    def change(self) -> Change:
        return Mix(self.alpha)


def _moves(factor: tuple[float, float], order: int) -> dict[str, Change]:
    """The changes, as these papers have them, that move pixels."""
    reading = order, "reflect", 0.0
    return {
        "shear": movements.Shear(*reading, factor, factor),
        "translation": movements.Translate(*reading, factor, factor),
        "rotation": movements.Rotate(*reading, factor),
    }


def _colours(factor: tuple[float, float], bounds: tuple[float, float]) -> dict[str, Change]:
    """And those that change colours."""
    return {
        "brightness": colours.Brighten(*factor, bounds),
        "color_degeneration": colours.Degenerate(*factor, bounds),
        "contrast": colours.Contrast(1 - factor[0], 1 + factor[1], bounds),
        "sharpness": colours.Sharpen(*factor, bounds),
        "posterization": colours.Posterize(1, max(1, int(8 * factor[1])), bounds),
        "solarization": colours.Solarize(factor, factor, bounds),
        "auto_contrast": Stretch(bounds),
        "equalization": Equalize(256, bounds),
    }


class RandAugment(RandomImageLayer):
    """Some changes one after the other, the same for a batch, with amounts of its own for each image (Cubuk et al. 2019).

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says. The changes are RandomShear, RandomTranslation,
    RandomRotation, RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness, RandomPosterization, Solarization,
    AutoContrast and Equalization. Only those that are drawn run; under torch.compile, where values decide nothing, all do.

    Args:
        value_range: the least and the largest value of a pixel.
        num_ops: how many changes.
        factor: their range, (lower, upper) in [0, 1], or its largest value.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> RandAugment()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))
    num_ops: int = positive(default=2)
    factor: Factor = checked(factor_in(0, 1), default=0.5)
    interpolation: str = choice(*ORDERS, default="bilinear")
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)

    def change(self) -> Change:
        parts = _moves(self.factor, ORDERS[self.interpolation]) | _colours(self.factor, self.value_range)
        return Sampled(tuple(parts.values()), self.num_ops)

    def takes_channels(self, channels: int) -> bool:
        return channels in (1, 3)


class AugMix(RandomImageLayer):
    """Images mixed with those of several chains of changes, drawn for a batch (Hendrycks et al. 2019).

    (B, H, W, C) -> (B, H, W, C)

    Acts in training, as `model.train()` or `training=True` at a call says. The changes are `RandAugment`'s. Only those that are drawn
    run; under torch.compile, where values decide nothing, all do.

    Args:
        value_range: the least and the largest value of a pixel.
        num_chains: how many chains.
        chain_depth: how many changes, or none, there are in each.
        factor: their range, (lower, upper) in [0, 1], or its largest value.
        alpha: the parameter of the distributions of the weights.
        all_ops: False leaves out those of brightness, colour, contrast and sharpness.
        interpolation: 'bilinear' or 'nearest'.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> AugMix()(Input(shape=(8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    value_range: ValueRange = checked(value_range, default=(0, 255))
    num_chains: int = positive(default=3)
    chain_depth: int = positive(default=3)
    factor: Factor = checked(factor_in(0, 1), default=0.3)
    alpha: float = number(default=1.0, low=1e-6)
    all_ops: bool = flag(default=True)
    interpolation: str = choice(*ORDERS, default="bilinear")
    seed: int | None = anything(default=None)
    data_format: DataFormat = data_format(default=None)
    _cast = ("images", "segmentation_masks")

    def change(self) -> Change:
        parts = _moves(self.factor, ORDERS[self.interpolation]) | _colours(self.factor, self.value_range)
        left_out = () if self.all_ops else ("brightness", "color_degeneration", "contrast", "sharpness")
        kept = tuple(part for name, part in parts.items() if name not in left_out)
        return Mixed(kept, self.num_chains, self.chain_depth, self.alpha, self.value_range)

    def takes_channels(self, channels: int) -> bool:
        return channels in (1, 3)


class MaxNumBoundingBoxes(Layer):
    """The first `max_number` bounding boxes of each image, `fill_value` where there are fewer.

    {"images": ..., "bounding_boxes": {"boxes": (B, N, 4), "labels": (B, N)}} -> the same with N = max_number; images alone stay

    Args:
        max_number: of boxes.
        fill_value: what stands in the boxes and labels that are added.
        bounding_box_format: kept in the config; any will do.

    >>> import torch
    >>> boxes = {"boxes": torch.zeros(2, 3, 4), "labels": torch.zeros(2, 3)}
    >>> out = MaxNumBoundingBoxes(5)({"images": torch.zeros(2, 8, 8, 3), "bounding_boxes": boxes})
    >>> out["bounding_boxes"]["boxes"].shape, out["bounding_boxes"]["labels"][0]
    (torch.Size([2, 5, 4]), tensor([ 0.,  0.,  0., -1., -1.]))
    """

    max_number: int = positive()
    fill_value: int = whole(default=-1)
    bounding_box_format: str | None = anything(default=None, kw_only=True)
    data_format: DataFormat = data_format(default=None, kw_only=True)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "bounding_box_format" or value is not None}

    def call(self, x: Any) -> Any:
        boxes = self._boxes(x)
        if boxes is None:
            return x
        count = boxes["boxes"].shape[-2]
        if count is None:  # more than there can be missing, and then the first ones
            return self._with(x, boxes, self.max_number)
        return self._with(x, boxes, max(self.max_number - count, 0))

    def _with(self, x: Mapping[str, Any], boxes: Mapping[str, Any], missing: int) -> dict[str, Any]:
        fill = self.fill_value
        every = [slice(None)] * (boxes["boxes"].ndim - 2)
        padded = F.pad(boxes["boxes"], (0, 0, 0, missing), value=fill), F.pad(boxes["labels"], (0, missing), value=fill)
        first = (*every, slice(self.max_number))
        return {**x, "bounding_boxes": {**boxes, "boxes": padded[0][(*first, slice(None))], "labels": padded[1][first]}}

    def _boxes(self, x: Any) -> Mapping[str, Any] | None:
        if not is_dict(x) or "bounding_boxes" not in x:
            return None
        boxes = x["bounding_boxes"]
        if not is_dict(boxes) or not {"boxes", "labels"} <= set(boxes):
            raise ArgumentError(f"{self.label}: 'bounding_boxes' must be a dict with 'boxes' and 'labels', got {shown(boxes)}")
        return boxes

    def compute_output_shape(self, input_shape: Any) -> Any:
        boxes = self._boxes(input_shape)
        if boxes is None:
            return input_shape
        (*lead, _, four), (*more, _) = boxes["boxes"], boxes["labels"]
        return {
            **input_shape,
            "bounding_boxes": {**boxes, "boxes": (*lead, self.max_number, four), "labels": (*more, self.max_number)},
        }

    def compute_output_spec(self, x: Any) -> Any:
        boxes = self._boxes(x)
        if boxes is None:
            return x
        shapes = self.compute_output_shape({"bounding_boxes": {name: spec.shape for name, spec in boxes.items()}})["bounding_boxes"]
        return {**x, "bounding_boxes": {name: TensorSpec(tuple(shapes[name]), spec.dtype) for name, spec in boxes.items()}}
