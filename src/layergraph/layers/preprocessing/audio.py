"""Spectrograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layergraph import config
from layergraph.errors import Fact, LayergraphError, shown
from layergraph.graph.spec import Shape
from layergraph.initializers import STFT
from layergraph.kinds import is_sequence
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, DataFormat, checked, choice, data_format, flag, is_int, number, positive
from layergraph.layers.preprocessing.data import DataLayer, plain
from layergraph.layers.weights import CONV, Weight
from layergraph.nn.audio import MelSpectrogram as Mel
from layergraph.nn.audio import mel_bands

Window = Argument[str | Sequence[float] | None, Any]


def _window(value: Any, owner: Any) -> Any:
    found = plain(value)
    if is_sequence(found):
        if not all(isinstance(item, (int, float)) for item in found):
            raise Fact(f"must be a name, a list of numbers or None, got {shown(value)}")
    elif isinstance(found, str):
        try:
            STFT(window=found)
        except LayergraphError as error:
            raise Fact(f"cannot be used: {error.what}", error.fix) from None
    elif found is not None:
        raise Fact(f"must be a name, a list of numbers or None, got {shown(value)}")
    return found


def _optional_int(value: Any, owner: Any) -> int | None:
    if value is not None and (not is_int(value) or value < 1):
        raise Fact(f"must be None or a positive int, got {shown(value)}")
    return value


def _scaling(value: Any, owner: Any) -> str | None:
    if value not in (None, "density", "spectrum"):
        raise Fact(f"must be 'density', 'spectrum' or None, got {shown(value)}")
    return value


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, by convolutions whose kernels can be trained.

    (B, T, C) -> (B, T', C * bins), or (B, T', bins, C) with `expand_dims`; bins = fft_length // 2 + 1, twice as many for 'stft'.
    Channels-first: (B, C, T) -> (B, C * bins, T'), or (B, C, T', bins)

    Args:
        mode: 'log' (of the magnitude), 'magnitude', 'psd' (power, of both sides), 'real', 'imag', 'angle' or 'stft' (real and
            imaginary parts, one after the other).
        frame_length, frame_step: of a frame and between frames, in samples; a step of None is half a frame.
        fft_length: None is the next power of two from `frame_length` on.
        window: a name, 'hann' or 'hamming' say, or the values, or None.
        periodic: a periodic window instead of a symmetric one.
        scaling: 'density', 'spectrum' or None: what the window is divided by.
        padding: 'valid' or 'same'.
        expand_dims: whether frequencies have an axis of their own, as the height of images.
        data_format: 'channels_last' or 'channels_first'; None takes `layergraph.config.image_data_format()`.

    >>> from layergraph import Input
    >>> STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512)(Input(shape=(16000, 1))).shape
    (None, 124, 257)
    """

    mode: str = choice("log", "magnitude", "psd", "real", "imag", "angle", "stft", default="log")
    frame_length: int = positive(default=256)
    frame_step: int | None = checked(_optional_int, default=None)
    fft_length: int | None = checked(_optional_int, default=None)
    window: Window = checked(_window, default="hann")
    periodic: bool = flag(default=False)
    scaling: str | None = checked(_scaling, default="density")
    padding: str = choice("valid", "same", default="valid")
    expand_dims: bool = flag(default=False)
    data_format: DataFormat = data_format(default=None)

    def check_fields(self) -> None:
        if self.frame_step is not None and self.frame_step > self.frame_length:
            raise Fact(f"has a frame_step of {self.frame_step}, longer than its frame_length of {self.frame_length}")
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise Fact(f"has an fft_length of {self.fft_length}, shorter than its frame_length of {self.frame_length}")
        if is_sequence(self.window) and len(self.window) != self.frame_length:
            raise Fact(f"has a window of {len(self.window)} values for a frame_length of {self.frame_length}")

    @property
    def _step(self) -> int:
        return self.frame_step or max(self.frame_length // 2, 1)

    @property
    def _bins(self) -> int:
        return (self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))) // 2 + 1

    def build(self, input_shape: Shape) -> None:
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                conv = nn.Conv1d(1, self._bins, self.frame_length, stride=self._step, bias=False)
                weight = Weight(side, (conv.weight,), CONV)
                weight.initialize(STFT(side, self.window, self.scaling, self.periodic))
                setattr(self, side, conv)

    def call(self, x: Tensor) -> Tensor:
        x = sizes.channels_first(x, self.data_format)
        channels = x.shape[1]
        if self.padding == "same":
            x = sizes.padded(x, (self.frame_length,), (self._step,), (1,))
        x = x.flatten(0, 1).unsqueeze(1)
        real, imag = ((getattr(self, side)(x) if self.mode != other else None) for side, other in (("real", "imag"), ("imag", "real")))
        found = sizes.unflatten(self._of_mode(real, imag), 0, (-1, channels))
        if self.expand_dims:
            return found.permute(0, 3, 2, 1) if self.data_format == "channels_last" else found.permute(0, 1, 3, 2)
        found = found.flatten(1, 2)
        return found.permute(0, 2, 1) if self.data_format == "channels_last" else found

    def _of_mode(self, real: Any, imag: Any) -> Tensor:
        """(B * C, bins, T') of each part -> the same of what is asked for."""
        match self.mode:
            case "real":
                return real
            case "imag":
                return imag
            case "angle":
                return torch.atan2(imag, real)
            case "stft":
                return torch.cat([real, imag], 1)
            case _:
                power = real * real + imag * imag
        if self.mode == "psd":
            return power + torch.constant_pad_nd(power[:, 1:-1], [0, 0, 1, 1])
        low = config.epsilon()
        linear = torch.sqrt(torch.clamp(power, min=low))
        return linear if self.mode == "magnitude" else torch.log(torch.clamp(linear, min=low))

    def keras_weights(self) -> list[Weight]:
        kept = [side for side, other in (("real", "imag"), ("imag", "real")) if self.mode != other]
        return [Weight(f"{side}_kernel", (getattr(self, side).weight,), CONV) for side in kept]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes.check_rank(input_shape, 1, self.data_format)
        channels = sizes.channels(input_shape, self.data_format)
        if channels is None:
            raise Fact(f"needs a known number of channels, got shape {input_shape}", "give it in Input(shape=...)")
        bins = self._bins * 2 if self.mode == "stft" else self._bins
        try:
            samples = sizes.spatial(input_shape, self.data_format)
            (frames,) = sizes.window_shape(samples, (self.frame_length,), (self._step,), (1,), self.padding)
        except Fact as fact:
            raise Fact(f"{fact.what}, from shape {input_shape}", fact.fix) from None
        if not self.expand_dims:
            return sizes.with_spatial(input_shape, (frames,), channels * bins, self.data_format)
        last = self.data_format == "channels_last"
        return (input_shape[0], frames, bins, channels) if last else (input_shape[0], channels, frames, bins)


class MelSpectrogram(DataLayer):
    """The strength of a sound in bands that are equally wide to the ear, over time.

    (T,) -> (bands, frames); (B, T) -> (B, bands, frames), frames = T // sequence_stride + 1

    The samples are reflected at both ends by half a transform. The filters are Keras's, in float32 for every dtype.

    Args:
        fft_length: of the transform, in samples.
        sequence_stride: between frames.
        sequence_length: of the window; None is `fft_length`.
        window: 'hann' or 'hamming', periodic ones, or the values, or None for ones.
        sampling_rate: in hertz.
        num_mel_bins: how many bands.
        min_freq, max_freq: from and up to where the bands reach, in hertz; None is half the sampling rate.
        power_to_db: decibels instead of powers.
        top_db: the range below the loudest value of the whole batch, in decibels.
        mag_exp: the exponent of the magnitude: 2 for power, 1 for energy.
        min_power, ref_power: what decibels are taken of at least, and what 0 is.

    >>> from layergraph import Input
    >>> MelSpectrogram(num_mel_bins=80)(Input(shape=(16000,))).shape
    (None, 80, 32)
    """

    fft_length: int = positive(default=2048)
    sequence_stride: int = positive(default=512)
    sequence_length: int | None = checked(_optional_int, default=None)
    window: Window = checked(_window, default="hann")
    sampling_rate: float = number(default=16000, low=1)
    num_mel_bins: int = positive(default=128)
    min_freq: float = number(default=20.0, low=0)
    max_freq: float | None = number(default=None, low=0, optional=True)
    power_to_db: bool = flag(default=True)
    top_db: float = number(default=80.0, low=0)
    mag_exp: float = number(default=2.0, low=0)
    min_power: float = number(default=1e-10, low=0)
    ref_power: float = number(default=1.0)

    _casts_integers = True

    def check_fields(self) -> None:
        length = self.sequence_length or self.fft_length
        if length > self.fft_length:
            raise Fact(f"has a sequence_length of {length}, longer than its fft_length of {self.fft_length}")
        if isinstance(self.window, str) and self.window not in ("hann", "hamming"):
            raise Fact(f"has a window {self.window!r}; it must be 'hann', 'hamming', a list of values or None")
        if is_sequence(self.window) and len(self.window) != length:
            raise Fact(f"has a window of {len(self.window)} values for a sequence_length of {length}")
        if self._high <= self.min_freq:
            raise Fact(f"has a max_freq of {self._high}, not above its min_freq of {self.min_freq}")

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer; with the values that None stands for."""
        return {**super().get_config(), "sequence_length": self.sequence_length or self.fft_length, "max_freq": self._high}

    @property
    def _high(self) -> float:
        return self.max_freq or int(self.sampling_rate / 2)

    def build(self, input_shape: Shape) -> None:
        length, bins = self.sequence_length or self.fft_length, self.fft_length // 2 + 1
        decibels = (self.min_power, self.ref_power, self.top_db) if self.power_to_db else None
        bands = mel_bands(self.num_mel_bins, bins, self.sampling_rate, self.min_freq, self._high)
        self.mel = Mel(self.fft_length, self.sequence_stride, length, self._values(length), bands, self.mag_exp, decibels)

    def _values(self, length: int) -> Tensor:
        if self.window is None:
            return torch.ones(length)
        if isinstance(self.window, str):
            made = torch.hann_window if self.window == "hann" else torch.hamming_window
            return made(length, periodic=True)
        return torch.tensor(self.window)

    def call(self, x: Tensor) -> Tensor:
        return self.mel(x)

    def keras_weights(self) -> list[Weight]:
        return []

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise Fact("needs an axis of samples, got shape ()")
        samples = input_shape[-1]
        if samples is not None and samples <= self.fft_length // 2:
            raise Fact(
                f"reflects {self.fft_length // 2} samples at both ends, got {samples}, of shape {input_shape}", "use a smaller fft_length"
            )
        frames = None if samples is None else samples // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, frames)
