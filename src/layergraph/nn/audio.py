"""Sounds as spectrograms."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_BREAK, _Q = 700.0, 1127.0
"""Of the mel scale, in hertz and in mel: mel(f) = 1127 ln(1 + f / 700), as in HTK."""


class MelSpectrogram(nn.Module):
    """The strength of a sound in bands that are equally wide to the ear, over time.

    (..., samples) -> (..., bands, frames), the samples reflected at both ends; powers of the magnitude, or decibels

    Args:
        fft_length, stride, length: of the transform, between frames, and of the window, in samples.
        window: its values (length,), or None for ones.
        bands: a matrix (fft_length // 2 + 1, bands).
        exponent: of the magnitude.
        decibels: None, or (lowest power, reference power, range below the loudest of all in decibels).
    """

    window: Tensor
    bands: Tensor

    def __init__(
        self,
        fft_length: int,
        stride: int,
        length: int,
        window: Tensor,
        bands: Tensor,
        exponent: float,
        decibels: tuple[float, float, float] | None,
    ):
        super().__init__()
        self.fft_length, self.stride, self.length, self.exponent, self.decibels = fft_length, stride, length, exponent, decibels
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        dtype = x.dtype
        if x.numel() == 0:  # torch.stft takes no empty batch
            return x.new_zeros((*x.shape[:-1], self.bands.shape[-1], x.shape[-1] // self.stride + 1))
        with torch.autocast(x.device.type, enabled=False):  # torch transforms no halves
            found = self._powers(x if dtype is torch.float64 else x.float())
            return self._in_decibels(found).to(dtype)

    def _powers(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        window = self.window.to(x.dtype)
        frames = torch.stft(flat, self.fft_length, self.stride, self.length, window, center=True, return_complex=True).abs()
        powers = frames if self.exponent == 1 else frames**self.exponent
        bands = self.bands.to(x.dtype).t() @ powers
        return bands.reshape(*x.shape[:-1], *bands.shape[-2:])

    def _in_decibels(self, powers: Tensor) -> Tensor:
        if self.decibels is None:
            return powers
        low, reference, below = self.decibels
        level = 10 * torch.log10(powers.clamp(min=low)) - 10 * math.log10(max(abs(reference), low))
        return torch.maximum(level, level.max() - below)

    def extra_repr(self) -> str:
        return f"fft_length={self.fft_length}, stride={self.stride}, bands={self.bands.shape[-1]}"


def mel_bands(bands: int, bins: int, rate: float, low: float, high: float) -> Tensor:
    """Triangles on the mel scale, peaks of 1, over `bins` frequencies from 0 to half the sampling rate: (bins, bands).

    In float32, whatever the default: they are rounded by up to 1e-5, and so they are Keras's.
    """
    with torch.device("cpu"):
        hertz = (_steps(bins) * (rate / 2))[1:, None]
        ends = _mel(torch.tensor([low, high], dtype=torch.float32))
        edges = ends[0] + _steps(bands + 2) * (ends[1] - ends[0])
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (_mel(hertz) - lower) / (centre - lower), (upper - _mel(hertz)) / (upper - centre)
        triangles = torch.clamp(torch.minimum(rising, falling), min=0)
        return torch.cat((torch.zeros(1, bands), triangles))


def _steps(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.float32) / (count - 1)


def _mel(hertz: Tensor) -> Tensor:
    return _Q * torch.log(1 + hertz / _BREAK)
