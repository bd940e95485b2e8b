"""Core, activations and reshaping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Row, row

ACTIVATIONS = """
    relu leaky_relu relu6 softmax log_softmax elu celu selu softplus softsign tanh sigmoid exponential linear hard_sigmoid silu swish
    hard_silu hard_swish gelu mish glu hard_tanh tanh_shrink hard_shrink soft_shrink log_sigmoid squareplus sparse_plus sparse_sigmoid
    sparsemax
"""

RELUS: tuple[dict[str, Any], ...] = (
    {},
    {"max_value": 1.0},
    {"max_value": 6.0},
    {"negative_slope": 0.2},
    {"threshold": 0.5},
    {"negative_slope": 0.1, "threshold": 0.5},
    {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.25},
    {"max_value": 1.0, "threshold": 0.5},
    {"max_value": 1.0, "negative_slope": 0.3},
)


def rows() -> Iterator[Row]:
    yield row("core", "Dense", {"units": 4}, (3, 5), init=True)
    yield row("core", "Dense", {"units": 4}, (2, 3, 5), note="rank3")
    yield row("core", "Dense", {"units": 2}, (2, 2, 3, 4), note="rank4")
    yield row("core", "Dense", {"units": 4, "use_bias": False}, (3, 5))
    for name in ("relu", "softmax", "tanh", "gelu"):
        yield row("core", "Dense", {"units": 4, "activation": name}, (3, 5))
    for name in ACTIVATIONS.split():
        yield row("core", "Activation", {"activation": name}, (4, 6))
    yield row("core", "Activation", {"activation": "softmax"}, (2, 3, 4), note="rank3")
    yield row("core", "Dropout", {"rate": 0.5}, (3, 4), note="eval")
    yield row("core", "Dropout", {"rate": 0.0}, (3, 4), note="train", training=True)
    for shape in ((3,), (3, 4), (2, 3, 4), (2, 3, 2, 4), (2, 2, 3, 2, 2)):
        for data_format in ("channels_last", "channels_first"):
            yield row("core", "Flatten", {"data_format": data_format}, shape, note=f"rank{len(shape)}")
    yield row("core", "Flatten", {}, (2, 3, 2, 4))
    for target, shape in (((6, 2), (2, 3, 4)), ((-1, 2), (2, 3, 4)), ((3, -1, 2), (2, 12)), ((12,), (2, 3, 2, 2)), ((-1,), (2, 3, 2, 2))):
        yield row("core", "Reshape", {"target_shape": target}, shape)
    for dims in ((2, 1), (1, 2), (2, 1, 3), (3, 1, 2), (2, 4, 3, 1)):
        yield row("core", "Permute", {"dims": dims}, (2, 3, 4, 5, 2)[: len(dims) + 1])
    yield row("core", "RepeatVector", {"n": 3}, (2, 4))
    for dtype in ("int32", "int64", "float32", "uint8"):
        tokens = In((3, 5), "integers", dtype, 0, 7)
        yield row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, tokens, note=dtype, init=dtype == "int32")
    yield row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, In((6,), "integers", "int32", 0, 7), note="rank1")
    yield row("core", "Embedding", {"input_dim": 7, "output_dim": 3}, In((2, 3, 2), "integers", "int32", 0, 7), note="rank3")
    for kwargs in RELUS:
        yield row("core", "ReLU", kwargs, (4, 8))
    for kwargs in ({}, {"negative_slope": 0.1}, {"negative_slope": 0.0}):
        yield row("core", "LeakyReLU", kwargs, (4, 8))
    for axis in (-1, 1, 2, -2, (1, 2), (-1, -3)):
        yield row("core", "Softmax", {"axis": axis}, (2, 3, 4, 2))
    yield row("core", "Softmax", {}, (3, 5))
    tokens = In((3, 5), "integers", "int32", 0, 7)
    for kwargs in ({}, {"tie_weights": False}):
        yield row("core", "ReversibleEmbedding", {"input_dim": 7, "output_dim": 3, **kwargs}, tokens, init=bool(kwargs))
        for cap in (None, 2.0):
            there = {"input_dim": 7, "output_dim": 3, "logit_soft_cap": cap, **kwargs}
            yield row("core", "ReversibleEmbedding", there, (2, 5, 3), note="back", call={"reverse": True})
    yield row("core", "Masking", {}, (2, 4, 3))
    yield row("core", "Masking", {"mask_value": 0.03125}, (3, 4, 1))
    yield row("core", "ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (2, 3))
