"""Initial values of weights: Keras's initializers, drawn by torch.

An initializer is called with a shape **in Keras's layout** (a Dense kernel is (in, out), a Conv2D kernel (height, width,
in, out)) and gives a tensor on torch's default device. The fans of the scaling ones count in that layout.

One initializer gives the same values at every call: its seed is settled when it is made, drawn from torch's global
generator unless given, so `torch.manual_seed` makes a model reproducible. Values are drawn on the CPU whatever the device.
The streams are torch's: a seed does not give the numbers that it gives in Keras.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor
from torch.signal import windows

from .absent import explained
from .config import DTypeLike, torch_dtype
from .errors import ArgumentError, ShapeError, shown
from .identify import Config, Configured, CustomObjects, Family

Shape: TypeAlias = Sequence[int]

_CUT = math.erf(math.sqrt(2.0))  # the share of a normal distribution within two standard deviations
_CUT_STDDEV = 0.87962566103423978  # the standard deviation of what is left


class Initializer(Configured):
    """The base of initializers. A subclass defines `__call__(shape, dtype=None)` and keeps the arguments of its `__init__`
    as attributes of the same names.

    >>> class Ramp(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
    >>> Ramp()((1, 3))
    tensor([[0., 1., 2.]])
    """

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        """The values: a tensor of `shape`, of `floatx()` unless `dtype` says otherwise."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(shape, dtype=None)")

    def clone(self) -> Self:
        """Another initializer of the same config; without a seed in it, it draws other values."""
        return self.from_config(self.get_config())


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        return torch.zeros(_sizes(self, shape), dtype=torch_dtype(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        return torch.ones(_sizes(self, shape), dtype=torch_dtype(dtype))


class Constant(Initializer):
    """All `value`: a number, or an array that broadcasts to the shape.

    >>> Constant([1, 2])((2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        sizes = _sizes(self, shape)
        value = torch.as_tensor(self.value, dtype=torch_dtype(dtype), device=torch.get_default_device())
        try:
            return value.detach().broadcast_to(sizes).clone(memory_format=torch.contiguous_format)
        except RuntimeError:
            raise ShapeError(f"{type(self).__name__}: a value of shape {tuple(value.shape)} does not broadcast to {sizes}") from None


class _Given(Constant):
    """An array taken as it is: its shape must be the weight's."""

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        sizes = _sizes(self, shape)
        if sizes != tuple(self.value.shape):
            raise ShapeError(
                f"An array of shape {tuple(self.value.shape)} was given as initializer for a weight of shape {sizes} (in Keras's layout)",
                "initializers.Constant(array) broadcasts" if not self.value.shape else None,
            )
        return super().__call__(sizes, dtype)


class Identity(Initializer):
    """`gain` on the diagonal, 0 elsewhere. `(n, m)` only. Raises `ShapeError` for another rank."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        sizes = _sizes(self, shape)
        if len(sizes) != 2:
            raise ShapeError(f"Identity: wanted a shape of rank 2, got {sizes}")
        return self.gain * torch.eye(*sizes, dtype=torch_dtype(dtype))


class _Random(Initializer):
    """Settles the seed once, gives `_fill` an empty float tensor and a fresh generator, and casts what comes back."""

    def __init__(self, seed: int | None = None):
        self.seed = seed
        try:
            # No int() around item(), which gives one here: torch.export traces this, and would ask for its value.
            self._stream: Any = torch.randint(2**31 - 1, (), device="cpu").item() if seed is None else operator.index(seed)
        except TypeError:
            raise ArgumentError(f"{type(self).__name__}: seed: wanted an integer or None, got {shown(seed)}") from None

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        sizes, wanted, device = _sizes(self, shape), torch_dtype(dtype), torch.get_default_device()
        if not wanted.is_floating_point:
            raise ArgumentError(f"{type(self).__name__}: dtype: random values need a float dtype, got {shown(dtype)}")
        if device.type == "meta":
            return torch.empty(sizes, dtype=wanted)
        # half precision gets the rounded values of float32, not another stream
        empty = torch.empty(sizes, dtype=torch.float64 if wanted == torch.float64 else torch.float32, device="cpu")
        return self._fill(empty, torch.Generator().manual_seed(self._stream)).to(device, wanted)

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError


class RandomNormal(_Random):
    """Normal, of `mean` and `stddev`. Raises `ArgumentError` for a negative `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = _spread(self, stddev)

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return out.normal_(self.mean, self.stddev, generator=generator)


class TruncatedNormal(RandomNormal):
    """Normal, of `mean` and `stddev`, without what lies further than 2 `stddev` from the mean (so its own deviation is 0.88 `stddev`)."""

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return fill_truncated_normal(out, self.mean, self.stddev, generator)


class RandomUniform(_Random):
    """Uniform in [`minval`, `maxval`). Raises `ArgumentError` where `maxval` is below `minval`."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        if maxval < minval:  # Keras turns the interval round without a word
            raise ArgumentError(f"RandomUniform: maxval {maxval} is below minval {minval}", f"RandomUniform({maxval}, {minval})")
        self.minval, self.maxval = minval, maxval

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        return out.uniform_(self.minval, self.maxval, generator=generator)


class VarianceScaling(_Random):
    """Values whose variance is `scale / n`, `n` counted from the shape.

    Args:
        scale: above 0.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`: what `n` is.
        distribution: `"truncated_normal"` (or `"normal"`), `"untruncated_normal"` or `"uniform"`.
        seed: an integer; None draws one now.
        input_axes, output_axes: the axes whose sizes multiply to the fans, both or neither. Without them: the last two axes,
            each times all others (the receptive field); a vector's length is both fans.

    Raises `ArgumentError` for a value outside these.

    >>> bool(VarianceScaling(3.0, "fan_out", "uniform")((100, 9)).abs().max() <= 1.0)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(seed)
        if not scale > 0:
            raise ArgumentError(f"{type(self).__name__}: scale: wanted a number above 0, got {shown(scale)}")
        self.scale = scale
        self.mode = _choice(self, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        short = distribution.lower()
        kinds = ("truncated_normal", "untruncated_normal", "uniform")
        self.distribution = _choice(self, "distribution", "truncated_normal" if short == "normal" else short, kinds)
        self.input_axes, self.output_axes = input_axes, output_axes

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        fan_in, fan_out = compute_fans(out.shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out}.get(self.mode, (fan_in + fan_out) / 2)
        variance = self.scale / max(n, 1)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return out.uniform_(-limit, limit, generator=generator)
        if self.distribution == "untruncated_normal":
            return out.normal_(0.0, math.sqrt(variance), generator=generator)
        return fill_truncated_normal(out, 0.0, math.sqrt(variance) / _CUT_STDDEV, generator)


class _FixedScaling(VarianceScaling):
    """A VarianceScaling whose first three arguments are its class's."""

    _fixed: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: int | None = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None):
        super().__init__(*self._fixed, seed, input_axes, output_axes)


class GlorotUniform(_FixedScaling):
    """Uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    _fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FixedScaling):
    """Truncated normal of deviation sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    _fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FixedScaling):
    """Uniform within sqrt(6 / fan_in) (He et al. 2015)."""

    _fixed = (2.0, "fan_in", "uniform")


class HeNormal(_FixedScaling):
    """Truncated normal of deviation sqrt(2 / fan_in) (He et al. 2015)."""

    _fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FixedScaling):
    """Uniform within sqrt(3 / fan_in) (LeCun et al. 1998)."""

    _fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_FixedScaling):
    """Truncated normal of deviation sqrt(1 / fan_in) (LeCun et al. 1998)."""

    _fixed = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """`gain` times a random matrix of orthonormal columns, or rows where these are fewer (Saxe et al. 2014).

    `(..., n)`: all axes but the last count as rows. Raises `ShapeError` for a vector.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        super().__init__(seed)
        self.gain = gain

    def _fill(self, out: Tensor, generator: torch.Generator) -> Tensor:
        if out.ndim < 2:
            raise ShapeError(f"Orthogonal: wanted a shape of rank 2 or more, got {tuple(out.shape)}")
        rows, columns = math.prod(out.shape[:-1]), out.shape[-1]
        normal = out.view(max(rows, columns), min(rows, columns)).normal_(generator=generator)
        q, r = cast("tuple[Tensor, Tensor]", torch.linalg.qr(normal))
        q = q * torch.sign(torch.diagonal(r))  # without the signs, QR would favour some matrices
        return self.gain * (q.T if rows < columns else q).reshape(out.shape)


class STFT(Initializer):
    """The real or imaginary part of a short-time Fourier transform, as a Conv1D kernel: `(frame, 1, fft_length // 2 + 1)`.

    Args:
        side: `"real"` or `"imag"`.
        window: the name of a window of `torch.signal.windows` that needs no arguments, its values (frame,), or None.
        scaling: `"density"` (divide by the window's L2 norm), `"spectrum"` (L1 norm) or None.
        periodic: a periodic window instead of a symmetric one.

    Raises `ArgumentError` for other values. Keras takes its windows from SciPy; `"boxcar"` and those that torch has are the same.
    """

    _windows = ("bartlett", "blackman", "cosine", "exponential", "hamming", "hann", "nuttall")

    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False):
        self.side = _choice(self, "side", side, ("real", "imag"))
        self.window = _choice(self, "window", window, (*self._windows, "boxcar")) if isinstance(window, str) else window
        self.scaling = scaling if scaling is None else _choice(self, "scaling", scaling, ("density", "spectrum"))
        self.periodic = periodic

    def __call__(self, shape: Shape, dtype: DTypeLike = None) -> Tensor:
        sizes, wanted = _sizes(self, shape), torch_dtype(dtype)
        if len(sizes) != 3:
            raise ShapeError(f"STFT: wanted a shape (frame, 1, fft_length // 2 + 1), got {sizes}")
        frame, _, bins = sizes
        time = torch.arange(frame, dtype=wanted).reshape(frame, 1, 1)
        angle = -2 * time * (torch.arange(bins, dtype=wanted) / (2 * (bins - 1))) * math.pi
        kernel = torch.cos(angle) if self.side == "real" else torch.sin(angle)
        if self.window is None:
            return kernel
        window = self._values(frame, wanted)
        norm = {"density": torch.sqrt(torch.sum(window**2)), "spectrum": torch.sum(torch.abs(window))}.get(self.scaling or "", 1)
        return kernel * window.reshape(frame, 1, 1) / norm

    def _values(self, frame: int, dtype: torch.dtype) -> Tensor:
        if isinstance(self.window, str):
            if self.window == "boxcar":
                return torch.ones(frame, dtype=dtype)
            return getattr(windows, self.window)(frame, sym=not self.periodic, dtype=torch.float64).to(dtype)
        window = torch.as_tensor(self.window, dtype=dtype, device=torch.get_default_device())
        if tuple(window.shape) != (frame,):
            raise ShapeError(f"STFT: window: wanted {frame} values for a frame of {frame}, got shape {tuple(window.shape)}")
        return window


def compute_fans(shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of `shape`, in Keras's layout.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        fan = math.prod(shape)
        return fan, fan
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def fill_truncated_normal(out: Tensor, mean: float, stddev: float, generator: torch.Generator | None) -> Tensor:
    """`out`, filled with values of a normal distribution that lie within two `stddev` of `mean`."""
    # the inverse of the distribution function: as resampling what falls outside, in a fixed number of draws
    out.uniform_(-_CUT, _CUT, generator=generator).erfinv_().mul_(stddev * math.sqrt(2.0)).add_(mean)
    return out.clamp_(mean - 2 * stddev, mean + 2 * stddev)


def _sizes(who: Initializer, shape: Any) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if None in sizes:
        raise ShapeError(f"{type(who).__name__}: the shape {sizes} has an unknown size; a weight's sizes must be known")
    return sizes


def _spread(who: Initializer, stddev: float) -> float:
    if not stddev >= 0:
        raise ArgumentError(f"{type(who).__name__}: stddev: wanted a number of 0 or more, got {shown(stddev)}")
    return stddev


def _choice(who: Initializer, name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        wanted = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{type(who).__name__}: {name}: wanted one of {wanted}, got {shown(value)}")
    return value


zeros, ones, constant, stft = Zeros, Ones, Constant, STFT
identity = IdentityInitializer = Identity
orthogonal = OrthogonalInitializer = Orthogonal
STFTInitializer = STFT
random_normal, random_uniform, truncated_normal, variance_scaling = RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

_FAMILY = Family(
    "initializer",
    Initializer,
    (
        *(Zeros, Ones, Constant, Identity, Orthogonal, STFT, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling),
        *(GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal),
    ),
    {
        **{"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform},
        **{"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT},
    },
)


def get(identifier: object) -> Initializer | None:
    """None, a name, a config, a class, an array or tensor (of the weight's shape), or any callable `(shape, dtype=None)`.

    A name gives a new initializer each time. Raises `ArgumentError` for an unknown name.

    >>> get("he_normal")
    HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    if not isinstance(identifier, str) and isinstance(identifier, np.ndarray | np.generic | Tensor):
        return _Given(identifier)
    return _FAMILY.get(identifier)


def serialize(initializer: object, custom_objects: CustomObjects | None = None) -> Config | None:
    """Keras's config of an initializer: `{"class_name": "Zeros", "config": {}, ...}`. An array becomes a Constant."""
    return _FAMILY.serialize(Constant(initializer.value) if type(initializer) is _Given else initializer, custom_objects)


def deserialize(config: str | Config, custom_objects: CustomObjects | None = None) -> Initializer:
    """The initializer that a name or a config describes; `custom_objects` maps the user's own names."""
    return _FAMILY.deserialize(config, custom_objects)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
