"""Spectrograms."""

from __future__ import annotations

from collections.abc import Iterator

from .row import Row, row


def rows() -> Iterator[Row]:
    stft = "STFTSpectrogram"
    small = {"frame_length": 6, "frame_step": 3, "fft_length": 8}
    for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
        yield row("audio", stft, {"mode": mode, **small}, (2, 15, 2))
    for padding in ("valid", "same"):
        for expand in (False, True):
            kwargs = {"mode": "psd", **small, "padding": padding, "expand_dims": expand}
            yield row("audio", stft, kwargs, (2, 14, 2))
            yield row("audio", stft, {**kwargs, "data_format": "channels_first"}, (2, 2, 14))
    yield row("audio", stft, {"mode": "stft", **small, "expand_dims": True}, (2, 14, 2))
    yield row("audio", stft, {"mode": "magnitude", "frame_length": 5}, (2, 12, 1))
    yield row("audio", stft, {"mode": "real", "frame_length": 4, "frame_step": 1, "padding": "same"}, (2, 7, 1))

    mel = "MelSpectrogram"
    base = {"fft_length": 16, "sequence_stride": 6, "num_mel_bins": 4, "sampling_rate": 400}
    # Keras's filters are in float32 whatever the dtype.
    settings = (
        {},
        {"power_to_db": False},
        {"power_to_db": False, "mag_exp": 1.0},
        {"power_to_db": False, "mag_exp": 0.5},
        {"power_to_db": False, "window": "hamming"},
        {"power_to_db": False, "window": None},
        {"power_to_db": False, "window": [0.5, 1.0, 2.0, 1.0], "sequence_length": 4},
        {"power_to_db": False, "sequence_length": 10},
        {"power_to_db": False, "min_freq": 50.0},
        {"power_to_db": False, "max_freq": 120.0},
        {"top_db": 3.0},
        {"min_power": 0.5},
        {"ref_power": 10.0},
        {"ref_power": -3.0},
    )
    for kwargs in settings:
        yield row("audio", mel, {**base, **kwargs}, (2, 40), double=False)
    yield row("audio", mel, base, (40,), note="one", double=False)
