"""What image layers share: one image or a batch in either layout, dicts of what belongs together, the mode, and their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import torch

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.kinds import is_array, is_dict, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, DataFormat, data_format, is_int, only
from layergraph.nn.augment import Augment, Change

Factor: TypeAlias = Argument[float | Sequence[float], tuple[float, float]]
OptionalFactor: TypeAlias = Argument[float | Sequence[float] | None, Any]
ValueRange: TypeAlias = Argument[Sequence[float], tuple[float, float]]
FILLS = ("reflect", "wrap", "constant", "nearest")
ORDERS = {"nearest": 0, "bilinear": 1}
_BOXES = "use torchvision.transforms.v2 with torchvision.tv_tensors.BoundingBoxes, in the Dataset"


class ImageLayer(Layer):
    """The base of the image layers.

    (B, H, W, C) -> (B, H', W', C), or a single (H, W, C); with data_format='channels_first' (B, C, H, W) or (C, H, W).

    A dict {"images": ..., "labels": ..., "segmentation_masks": ...} gives a dict: masks move with their images, and labels are
    mixed where images are. Integers are cast to the layer's dtype.
    """

    bounding_box_format: str | None = only(default=None, why=f"bounding boxes are not moved with their images; {_BOXES}", kw_only=True)
    data_format: DataFormat = data_format(default=None, kw_only=True)
    _casts_integers = True
    # Which parts of a dict are cast to the layer's dtype.
    _cast: ClassVar[tuple[str, ...]] = ("images",)

    # To write in a subclass

    def images(self, x: Any, given: Any) -> Any:
        """Images changed: (B, C, H, W) -> (B, C, H', W'). `given` is what came, whose shape and dtype are known."""
        raise NotImplementedError

    def masks(self, x: Any, given: Any) -> Any:
        return x

    def output_size(self, height: int | None, width: int | None) -> tuple[int | None, int | None]:
        return height, width

    def takes_channels(self, channels: int) -> bool:
        return True

    # What is shared

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "bounding_box_format"}

    def call(self, x: Any) -> Any:
        if not is_dict(x):
            return self.back(self.images(self.batch(x), x), x.ndim)
        found = self.checked(x)
        changed = {**found, "images": self.call(found["images"])}
        if "segmentation_masks" in found:
            masks = found["segmentation_masks"]
            changed["segmentation_masks"] = self.back(self.masks(self.batch(masks), masks), masks.ndim)
        return changed

    def batch(self, x: Any) -> Any:
        """One image or a batch of the layer's layout as (B, C, H, W): a view."""
        if x.ndim == 3:
            return (x if self.data_format == "channels_first" else x.permute(2, 0, 1)).unsqueeze(0)
        return x if self.data_format == "channels_first" else x.permute(0, 3, 1, 2)

    def back(self, x: Any, rank: int) -> Any:
        """The way back."""
        if rank == 3:
            x = x.squeeze(0)
            return x if self.data_format == "channels_first" else x.permute(1, 2, 0)
        return x if self.data_format == "channels_first" else x.permute(0, 2, 3, 1)

    def checked(self, x: Mapping[str, Any]) -> dict[str, Any]:
        """A dict of what belongs together. Raises ArgumentError."""
        if "images" not in x:
            raise ArgumentError(f"{self.label}: a dict must have 'images', got {shown(list(x))}", "write layer({'images': x, 'labels': y})")
        if "bounding_boxes" in x:
            raise ArgumentError(f"{self.label} does not move bounding boxes with their images", _BOXES)
        return dict(x)

    def sizes(self, x: Any) -> Shape:
        """(H, W) of one image or a batch, as far as they are known."""
        return x.shape[-2:] if self.data_format == "channels_first" else x.shape[-3:-1]

    def compute_output_shape(self, input_shape: Any) -> Any:
        if is_dict(input_shape):
            found = self.checked(input_shape)
            changed = {name: self.compute_output_shape(shape) for name, shape in found.items() if name in ("images", "segmentation_masks")}
            return {**found, **changed}
        shape: Shape = input_shape
        first = self.data_format == "channels_first"
        axes = "(batch, channels, height, width)" if first else "(batch, height, width, channels)"
        if not isinstance(shape, tuple) or len(shape) not in (3, 4):
            raise Fact(f"takes images of 4 axes, {axes}, or one of 3, got shape {shape}")
        *lead, height, width = shape if first else (*shape[:-3], shape[-1], *shape[-3:-1])
        if lead[-1] is not None and not self.takes_channels(lead[-1]):
            raise Fact(f"takes images of 3 channels, red, green and blue, got shape {shape}", self._layout())
        height, width = self.output_size(height, width)
        return (*lead, height, width) if first else (*lead[:-1], height, width, lead[-1])

    def _layout(self) -> str:
        other = "channels_last" if self.data_format == "channels_first" else "channels_first"
        return f"with data_format='{other}' the channels are another axis"

    def compute_output_spec(self, x: Any, **words: Any) -> Any:
        if not is_dict(x):
            return TensorSpec(self.compute_output_shape(x.shape), x.dtype)
        shapes = self.compute_output_shape({name: getattr(spec, "shape", spec) for name, spec in x.items()})
        return {name: TensorSpec(shapes[name], spec.dtype) if isinstance(spec, TensorSpec) else spec for name, spec in x.items()}

    def _admit(self, value: Any) -> Any:
        return self._parts(value, super()._admit) if is_dict(value) else super()._admit(value)

    def _cast_symbols(self, value: Any) -> Any:
        return self._parts(value, super()._cast_symbols) if is_dict(value) else super()._cast_symbols(value)

    def _parts(self, value: Mapping[str, Any], cast: Callable[[Any], Any]) -> dict[str, Any]:
        return {name: cast(item) if name in self._cast else _as_tensor(item) for name, item in value.items()}


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if is_array(value) else value


class RandomImageLayer(ImageLayer):
    """The base of the image layers that draw: in training they change images, in evaluation they do not.

    The mode is torch's, `model.train()` and `model.eval()`, where Keras's layers change images unless a loop says otherwise;
    `training=` fixes it for a call. The stream is torch's generator: `seed` is kept in the config and has no effect.
    """

    def change(self) -> Change:
        """What is done to images, (B, C, H, W)."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        self.augment = Augment(self.change())

    def call(self, x: Any, training: bool | None = None) -> Any:
        mode = {} if training is None else {"training": training}
        if not is_dict(x):
            return self.back(self.augment(self.batch(x), **mode), x.ndim)
        found = self.checked(x)
        images, labels, masks = found["images"], found.get("labels"), found.get("segmentation_masks")
        single = images.ndim == 3
        if labels is None and masks is None:
            return {**found, "images": self.back(self.augment(self.batch(images), **mode), images.ndim)}
        parts = (
            self.batch(images),
            labels if labels is None or not single else labels.unsqueeze(0),
            None if masks is None else self.batch(masks),
        )
        changed = self.augment(*parts, **mode)
        found["images"] = self.back(changed[0], images.ndim)
        if labels is not None:
            found["labels"] = changed[1].squeeze(0) if single else changed[1]
        if masks is not None:
            found["segmentation_masks"] = self.back(changed[2], masks.ndim)
        return found


# Arguments


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pair(value: Any) -> tuple[float, float] | None:
    return (min(value), max(value)) if is_sequence(value) and len(value) == 2 and all(map(_is_number, value)) else None


def factor_in(low: float, high: float, lowest: float | None = None) -> Callable[[Any, Any], tuple[float, float]]:
    """A check: two numbers, or one, f, for (max(-f, low), f). `lowest` is the bound of a pair's numbers where it is another."""

    def check(value: Any, owner: Any) -> tuple[float, float]:
        pair = _pair(value)
        if pair is not None and pair[1] >= (low if lowest is None else lowest) and value[0] <= high:
            return pair
        if not _is_number(value) or not low <= value <= high:
            raise Fact(f"must be a number in [{low:g}, {high:g}], or a pair of such numbers, got {shown(value)}")
        return max(-abs(value), low), abs(value)

    return check


def part_of_side(low: float, closed: bool) -> Callable[[Any, Any], Any]:
    """A check: a number, or two, between `low`, itself allowed where `closed`, and 1; kept as it is given."""

    def check(value: Any, owner: Any) -> Any:
        for item in _pair(value) or (value,):
            if not _is_number(item) or not (low <= item if closed else low < item) or item > 1:
                raise Fact(f"must be a number in {'[' if closed else '('}{low:g}, 1], or a pair of such numbers, got {shown(value)}")
        return tuple(value) if is_sequence(value) else value

    return check


def both_ways(value: Any) -> tuple[float, float]:
    """A pair in order; for a number f, (-f, f)."""
    low, high = sorted(value) if is_sequence(value) else (-abs(value), abs(value))
    return low, high


def from_zero(value: Any, owner: Any) -> tuple[float, float]:
    """A check: two numbers in [0, 1], or one, f, for (0, f)."""
    pair = _pair(value) or ((0, value) if _is_number(value) else None)
    if pair is None or pair[0] < 0 or pair[1] > 1:
        raise Fact(f"must be a number in [0, 1], or a pair of such numbers, got {shown(value)}")
    return pair


def optional(check: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A check that lets None through."""
    return lambda value, owner: None if value is None else check(value, owner)


def value_range(value: Any, owner: Any) -> tuple[float, float]:
    """A check: the least and the largest value of a pixel."""
    pair = _pair(value)
    if pair is None or pair[0] == pair[1]:
        raise Fact(f"must be two numbers, the least and the largest value of a pixel, got {shown(value)}")
    return pair


def odd_sides(value: Any, owner: Any) -> tuple[int, int]:
    """A check: an odd int, or two, (height, width)."""
    sides = tuple(value) if is_sequence(value) else (value, value)
    if len(sides) != 2 or not all(is_int(side) and side > 0 and side % 2 for side in sides):
        raise Fact(f"must be an odd int, or a pair of them, got {shown(value)}")
    return sides
