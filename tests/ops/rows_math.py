"""Ops of mathematics: segments, ranks, error functions, Fourier transforms."""

from __future__ import annotations

from .rows import Row, c, f, g, i, n, unit, v

IDS = v([0, 2, 1, 2, 0, 4], "int32")
SEGMENTS = ("segment_sum", "segment_prod", "segment_max", "segment_min")
WAVE = f(2, 40)
BINS = (f(2, 11, 9), g(2, 11, 9))

ROWS = [
    *(Row(op, x) for op in ("rsqrt", "erf", "erfc") for x in (unit(3, 4), unit(3, 4, dtype="float64"), unit(2, 3, dtype="float16"))),
    Row("erf", f(3, 4)),
    Row("erfinv", unit(3, 4)),
    *(Row(op, f(6, 3), IDS, num_segments=5) for op in SEGMENTS),
    *(Row(op, x, IDS, 4) for op in ("segment_sum", "segment_prod") for x in (i(6), i(6, 2, dtype="int64"), f(6, 2, dtype="float16"))),
    *(Row(op, i(6), v([0, 2, 1, 2, 0, 3], "int32"), 4) for op in ("segment_max", "segment_min")),
    Row("segment_sum", f(6, 2), v([0, -1, 1, 7, 0, 1], "int32"), num_segments=3, sorted=False),
    Row("segment_max", f(6, 2, 2), v([0, 0, 1, 1, 3, 3], "int64"), num_segments=4, sorted=True),
    *(Row(op, f(6, 3), IDS, symbolic="refused") for op in SEGMENTS),
    Row("in_top_k", n(3, below=4), f(3, 4), 2),
    Row("in_top_k", v([2, 0, 1], "int64"), g(3, 4), k=1),
    *(Row("logsumexp", f(3, 4), **words) for words in ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)})),
    Row("logsumexp", f(2, 3, 4), axis=(1, 2), keepdims=True),
    Row("cdist", f(2, 3, 4), g(2, 5, 4)),
    Row("cdist", f(3, 4), g(5, 4), symbolic="fixed"),
    Row("logdet", v([[[2.0, 1.0], [1.0, 3.0]]])),
    *(Row("extract_sequences", f(2, 9), 4, stride) for stride in (1, 2, 5)),
    *(Row(op, (f(2, 3, 4), g(2, 3, 4))) for op in ("fft", "fft2", "ifft2")),
    Row("fft", (f(2, 6, dtype="float64"), g(2, 6, dtype="float64"))),
    *(Row("rfft", f(2, 8), **words) for words in ({}, {"fft_length": 5}, {"fft_length": 16})),
    *(Row("irfft", (f(2, 5), g(2, 5)), **words) for words in ({}, {"fft_length": 7})),
    *(
        Row("stft", WAVE, 8, 4, 16, **words)
        for words in ({}, {"window": "hamming"}, {"window": None}, {"center": False}, {"window": unit(8), "symbolic": "fixed"})
    ),
    Row("stft", f(2, 3, 40), 16, 4, 16),
    Row("stft", f(40), 16, 4, 16, symbolic="fixed"),
    *(
        Row("istft", BINS, 16, 4, 16, **words)
        for words in ({}, {"length": 30}, {"window": "hamming"}, {"window": None}, {"center": False}, {"center": False, "length": 20})
    ),
    *(Row("istft", BINS, 10, 5, 16, **words) for words in ({}, {"length": 30}, {"center": False}, {"window": "hamming"})),
    Row("istft", (f(2, 3, 5, 9), g(2, 3, 5, 9)), 16, 8, 16),
    Row("view_as_complex", f(3, 4, 2)),
    Row("view_as_real", c(3, 4)),
]
