"""Layers that only move elements: reshape, pad, crop, repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.errors import Fact, shown, suggestion
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, DataFormat, Window, checked, data_format, ints, is_int, positive, window

Sizes: TypeAlias = Argument[Sequence[int], tuple[int, ...]]
Pairs: TypeAlias = Argument[int | Sequence[int] | Sequence[Sequence[int]], tuple[tuple[int, int], ...]]


def _target_shape(value: Any, owner: Any) -> tuple[int, ...]:
    items: tuple[Any, ...] = tuple(value) if is_sequence(value) else ()
    if (not items and value not in ((), [])) or not all(is_int(n) and n >= -1 for n in items):
        raise Fact(f"must be a tuple of sizes, one of them -1 at most, got {shown(value)}")
    if items.count(-1) > 1:
        raise Fact(f"must have at most one -1, got {shown(value)}")
    return tuple(int(n) for n in items)


class Reshape(Layer):
    """The same elements in another shape; the batch axis stays.

    (B, ...) -> (B, *target_shape)

    Elements are taken in Keras's order, channels last. One size may be -1.

    >>> from layergraph import Input
    >>> Reshape((3, -1))(Input(shape=(12,))).shape
    (None, 3, 4)
    """

    target_shape: Sizes = checked(_target_shape)

    def call(self, x: Tensor) -> Tensor:
        if -1 in self.target_shape and None in x.shape[1:]:  # two sizes to be worked out: one at a time
            return sizes.unflatten(x.flatten(1), 1, self.target_shape)
        return x.reshape(-1, *self.compute_reshape(x.shape))

    def compute_reshape(self, shape: Sequence[Any]) -> tuple[int, ...]:
        """The target's sizes, -1 worked out where it can be: torch allows one -1, and the batch axis has it."""
        given = [n for n in shape[1:] if n is not None]
        known = math.prod(n for n in self.target_shape if n != -1)
        if len(given) == len(shape) - 1 and known:
            return tuple(math.prod(given) // known if n == -1 else n for n in self.target_shape)
        return self.target_shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, *sizes = input_shape
        known = math.prod(n for n in self.target_shape if n != -1)
        if None in sizes:
            return (batch, *(None if n == -1 else n for n in self.target_shape))
        total = math.prod(n for n in sizes if n is not None)
        if (-1 not in self.target_shape and total != known) or (-1 in self.target_shape and (not known or total % known)):
            raise Fact(f"cannot make {self.target_shape} of shape {input_shape}: a sample has {total} elements, the target {known}")
        return (batch, *(total // known if n == -1 else n for n in self.target_shape))


class Flatten(Layer):
    """All axes but the batch's in one.

    (B, ...) -> (B, n)

    With data_format='channels_first' the channels are moved last first, so that both layouts give the same vector.

    >>> from layergraph import Input
    >>> Flatten()(Input(shape=(8, 8, 3))).shape
    (None, 192)
    """

    data_format: DataFormat = data_format(default=None)

    def call(self, x: Tensor) -> Tensor:
        if x.ndim == 1:
            return x.unsqueeze(1)
        if self.data_format == "channels_first" and x.ndim > 2:
            x = x.permute(0, *range(2, x.ndim), 1)
        return x.flatten(1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, *sizes = input_shape
        return (batch, None if None in sizes else math.prod(n for n in sizes if n is not None))


def _dims(value: Any, owner: Any) -> tuple[int, ...]:
    dims: tuple[Any, ...] = tuple(value) if is_sequence(value) else ()
    if not dims or not all(map(is_int, dims)) or sorted(dims) != list(range(1, len(dims) + 1)):
        raise Fact(f"must be a permutation of {tuple(range(1, len(dims) + 1)) or '(1, 2, ...)'}, got {shown(value)}")
    return dims


class Permute(Layer):
    """The axes in another order; they are counted from 1, and the batch axis stays.

    (B, n1, n2, ...) -> (B, n_dims[0], n_dims[1], ...)

    >>> from layergraph import Input
    >>> Permute((2, 1))(Input(shape=(10, 64))).shape
    (None, 64, 10)
    """

    dims: Sizes = checked(_dims)

    def call(self, x: Tensor) -> Tensor:
        return x.permute(0, *self.dims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.dims) + 1:
            raise Fact(f"dims {self.dims} need an input of {len(self.dims) + 1} axes, got shape {input_shape}")
        return (input_shape[0], *(input_shape[d] for d in self.dims))


class RepeatVector(Layer):
    """A vector, n times.

    (B, features) -> (B, n, features)

    >>> from layergraph import Input
    >>> RepeatVector(3)(Input(shape=(32,))).shape
    (None, 3, 32)
    """

    n: int = positive()

    def call(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).expand(-1, self.n, -1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise Fact(f"expects 2 axes, (batch, features), got shape {input_shape}")
        return (input_shape[0], self.n, input_shape[1])


def _pair(value: Any) -> tuple[int, int]:
    before, after = ints(value, 2, minimum=0)
    return before, after


def _pairs(value: Any, owner: Any) -> tuple[tuple[int, int], ...]:
    """An int, one for each spatial axis, or a (before, after) pair for each."""
    rank = owner.rank
    if is_int(value):
        return (_pair(value),) * rank
    items: tuple[Any, ...] = tuple(value) if is_sequence(value) else ()
    if rank == 1 and len(items) == 2 and all(map(is_int, items)):
        return (_pair(items),)
    if len(items) != rank or not all(is_int(item) or is_sequence(item) for item in items):
        form = "an int or a pair" if rank == 1 else f"an int, {rank} ints, or {rank} pairs (before, after)"
        raise Fact(f"must be {form}, got {shown(value)}")
    return tuple(_pair(item) for item in items)


def _encode_pairs(value: Any) -> Any:
    pairs = [list(pair) for pair in value]
    return pairs[0] if len(pairs) == 1 else pairs


class _Spatial(Layer):
    """Works on `rank` spatial axes; Keras gives some of these layers no `data_format`."""

    rank: ClassVar[int]

    @property
    def _format(self) -> str:
        return self.__dict__.get("data_format", "channels_last")


class _Ends(_Spatial):
    """Adds to, or takes from, both ends of each spatial axis."""

    def _resized(self, input_shape: Shape, pairs: Sequence[tuple[int, int]], sign: int) -> Shape:
        sizes.check_rank(input_shape, self.rank, self._format)
        given = sizes.spatial(input_shape, self._format)
        new = tuple(None if n is None else n + sign * (a + b) for n, (a, b) in zip(given, pairs, strict=True))
        if any(n is not None and n <= 0 for n in new):
            raise Fact(f"takes {tuple(pairs)} off shape {input_shape}, which leaves nothing: {new}")
        return sizes.with_spatial(input_shape, new, sizes.channels(input_shape, self._format), self._format)

    def _ends(self, x: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
        """Pad (or crop, with negative amounts) the spatial axes."""
        x = sizes.channels_first(x, self._format)
        x = torch.constant_pad_nd(x, [end for pair in reversed(pairs) for end in pair])
        return sizes.channels_back(x, self._format, self.rank)


class _ZeroPadding(_Ends):
    padding: Pairs = checked(_pairs, default=1, encode=_encode_pairs)
    data_format: DataFormat = data_format(default=None)

    def call(self, x: Tensor) -> Tensor:
        return self._ends(x, self.padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._resized(input_shape, self.padding, 1)


class ZeroPadding1D(_ZeroPadding):
    """Zeros at both ends of the steps.

    (B, T, C) -> (B, T', C)

    >>> from layergraph import Input
    >>> ZeroPadding1D(2)(Input(shape=(10, 3))).shape
    (None, 14, 3)
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image: an int, (h, w), or ((top, bottom), (left, right)).

    (B, H, W, C) -> (B, H', W', C)

    >>> from layergraph import Input
    >>> ZeroPadding2D(((1, 0), (2, 2)))(Input(shape=(8, 8, 3))).shape
    (None, 9, 12, 3)
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume.

    (B, D, H, W, C) -> (B, D', H', W', C)

    >>> from layergraph import Input
    >>> ZeroPadding3D()(Input(shape=(8, 8, 8, 3))).shape
    (None, 10, 10, 10, 3)
    """

    rank = 3


class _Cropping(_Ends):
    cropping: Pairs = checked(_pairs, default=1, encode=_encode_pairs)

    def call(self, x: Tensor) -> Tensor:
        return self._ends(x, [(-a, -b) for a, b in self.cropping])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._resized(input_shape, self.cropping, -1)


class Cropping1D(_Cropping):
    """Steps cut off both ends.

    (B, T, C) -> (B, T', C)

    >>> from layergraph import Input
    >>> Cropping1D(2)(Input(shape=(10, 3))).shape
    (None, 6, 3)
    """

    rank = 1


class Cropping2D(_Cropping):
    """Rows and columns cut off the edges: an int, (h, w), or ((top, bottom), (left, right)).

    (B, H, W, C) -> (B, H', W', C)

    >>> from layergraph import Input
    >>> Cropping2D(((1, 0), (2, 2)))(Input(shape=(8, 8, 3))).shape
    (None, 7, 4, 3)
    """

    rank = 2
    cropping: Pairs = checked(_pairs, default=((0, 0), (0, 0)), encode=_encode_pairs)
    data_format: DataFormat = data_format(default=None)


class Cropping3D(_Cropping):
    """Slices cut off the faces of a volume.

    (B, D, H, W, C) -> (B, D', H', W', C)

    >>> from layergraph import Input
    >>> Cropping3D()(Input(shape=(8, 8, 8, 3))).shape
    (None, 6, 6, 6, 3)
    """

    rank = 3
    data_format: DataFormat = data_format(default=None)


_INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


def _interpolation(value: Any, owner: Any) -> str:
    word = value.lower() if isinstance(value, str) else value
    if word in ("lanczos3", "lanczos5"):
        raise Fact(f"cannot be {shown(value)}: torch does not interpolate by Lanczos windows", "use 'bicubic', the nearest to it")
    if word not in _INTERPOLATIONS:
        raise Fact(f"must be one of {', '.join(map(repr, _INTERPOLATIONS))}, got {shown(value)}", suggestion(word, _INTERPOLATIONS))
    return word


# Up to here, torch's own 'nearest' takes the right element for each place; beyond, 1 / 41 is less in float32 than it is, for one.
_NEAREST = 40


class _UpSampling(_Spatial):
    """Each element of the spatial axes, several times."""

    size: Window = window(default=2)

    def call(self, x: Tensor) -> Tensor:
        mode, dtype = self.__dict__.get("interpolation", "nearest"), x.dtype
        x = sizes.channels_first(x, self._format)
        if dtype.is_floating_point:
            x = self._resized(x, mode)
        elif mode == "nearest":
            for axis, times in enumerate(self.size, 2):
                x = x.repeat_interleave(times, axis)
        else:
            x = self._resized(x.to(torch.float32), mode).round()
            x = (x.clamp(0, 255) if dtype is torch.uint8 else x).to(dtype)
        return sizes.channels_back(x, self._format, self.rank)

    def _resized(self, x: Tensor, mode: str) -> Tensor:
        if mode == "nearest" and max(self.size) > _NEAREST:
            mode = "nearest-exact"
        factors = [float(n) for n in self.size]
        return F.interpolate(x, scale_factor=factors, mode=mode, align_corners=None if mode.startswith("nearest") else False)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, self.rank, self._format)
        given = sizes.spatial(input_shape, self._format)
        new = tuple(None if n is None else n * factor for n, factor in zip(given, self.size, strict=True))
        return sizes.with_spatial(input_shape, new, sizes.channels(input_shape, self._format), self._format)


class UpSampling1D(_UpSampling):
    """Each step, `size` times.

    (B, T, C) -> (B, T * size, C)

    >>> from layergraph import Input
    >>> UpSampling1D(2)(Input(shape=(10, 3))).shape
    (None, 20, 3)
    """

    rank = 1

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer; `size` as an int."""
        return {**super().get_config(), "size": self.size[0]}


class UpSampling2D(_UpSampling):
    """An image, enlarged.

    (B, H, W, C) -> (B, H * size[0], W * size[1], C)

    Args:
        size: an int or (rows, columns).
        data_format: as in `Conv2D`.
        interpolation: 'nearest', 'bilinear' or 'bicubic' (torch's, a = -0.75). Not Keras's 'lanczos3' and 'lanczos5', which torch
            does not have.

    >>> from layergraph import Input
    >>> UpSampling2D(2, interpolation="bilinear")(Input(shape=(8, 8, 3))).shape
    (None, 16, 16, 3)
    """

    rank = 2
    data_format: DataFormat = data_format(default=None)
    interpolation: str = checked(_interpolation, default="nearest")


class UpSampling3D(_UpSampling):
    """A volume, enlarged.

    (B, D, H, W, C) -> (B, D * size[0], H * size[1], W * size[2], C)

    >>> from layergraph import Input
    >>> UpSampling3D(2)(Input(shape=(4, 4, 4, 3))).shape
    (None, 8, 8, 8, 3)
    """

    rank = 3
    data_format: DataFormat = data_format(default=None)
