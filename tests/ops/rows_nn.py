"""Ops of networks: activations, convolutions, pools, normalizations, losses, attention, encodings."""

from __future__ import annotations

from .rows import A, Row, b, f, g, i, n, unit, v

PLAIN = "relu relu6 sigmoid log_sigmoid hard_sigmoid sparse_sigmoid silu swish hard_silu hard_swish softplus sparse_plus softsign \
tanh_shrink hard_tanh selu elu celu leaky_relu gelu soft_shrink hard_shrink squareplus softmax log_softmax sparsemax".split()

NN = [
    *(Row(name, x) for name in PLAIN for x in (f(3, 4), f(2, 2, 3, dtype="float64"))),
    *(Row(f"nn.{name}", f(3, 4, dtype="bfloat16")) for name in ("relu", "gelu", "softmax")),
    Row("relu", i(3, 4)),
    Row("elu", f(3, 4), alpha=0.5),
    Row("celu", f(3, 4), alpha=0.5),
    Row("leaky_relu", f(3, 4), negative_slope=0.1),
    Row("gelu", f(3, 4), approximate=False),
    Row("squareplus", f(3, 4), b=2),
    Row("soft_shrink", f(3, 4), threshold=0.75),
    Row("hard_shrink", f(3, 4), threshold=1.0),
    Row("threshold", f(3, 4), 0.5, -1.0),
    Row("glu", f(3, 4)),
    Row("glu", f(3, 4), axis=1),
    *(Row(name, f(2, 3, 4), axis=axis) for name in ("softmax", "log_softmax") for axis in (None, 1, (1, 2), (0, 2))),
    Row("sparsemax", f(3, 4), axis=0, symbolic="fixed"),
]


def _conv(op: str, *args: A, **kwargs: object) -> Row:
    return Row(op, *args, symbolic="fixed", **kwargs)


X1, X2, X3 = f(2, 9, 4), f(2, 7, 6, 4), f(1, 4, 5, 4, 2)
CONVOLUTIONS = [
    *(
        _conv("conv", x, kernel, **words)
        for x, kernel in ((X1, g(3, 4, 2)), (X2, g(3, 2, 4, 2)), (X2, g(3, 3, 2, 6)), (X3, g(2, 3, 2, 2, 3)))
        for words in ({}, {"strides": 2, "padding": "same"}, {"padding": "SAME"}, {"dilation_rate": 2, "padding": "same"})
    ),
    _conv("conv", X2, g(3, 2, 4, 2), strides=(2, 1), padding="same"),
    _conv("conv", f(2, 4, 7, 6), g(3, 2, 4, 2), data_format="channels_first", padding="same"),
    *(
        _conv("depthwise_conv", x, kernel, **words)
        for x, kernel in ((X1, g(3, 4, 2)), (X2, g(3, 3, 4, 1)), (X2, g(2, 3, 4, 2)))
        for words in ({}, {"strides": 2, "padding": "same"})
    ),
    _conv("depthwise_conv", f(2, 4, 7, 6), g(3, 3, 4, 2), data_format="channels_first"),
    _conv("separable_conv", X1, g(3, 4, 2), unit(1, 8, 3)),
    _conv("separable_conv", X2, g(3, 3, 4, 2), unit(1, 1, 8, 3), strides=2, padding="same"),
    _conv("separable_conv", f(2, 4, 7, 6), g(3, 3, 4, 1), unit(1, 1, 4, 3), data_format="channels_first"),
    *(
        _conv("conv_transpose", f(2, 5, 3), g(k, 2, 3), strides=s, padding=padding)
        for k in (1, 2, 3, 4, 5)
        for s in (1, 2, 3)
        for padding in ("valid", "same")
    ),
    *(
        _conv("conv_transpose", f(2, 5, 3), g(k, 2, 3), strides=3, padding=padding, output_padding=more)
        for k in (2, 3, 4)
        for padding in ("valid", "same")
        for more in (0, 1, 2)
    ),
    _conv("conv_transpose", f(2, 3, 4, 3), g(3, 2, 2, 3), strides=(2, 1), padding="same"),
    _conv("conv_transpose", f(2, 3, 4, 3), g(3, 2, 2, 3), dilation_rate=2),
    _conv("conv_transpose", f(2, 3, 3, 4), g(3, 2, 2, 3), strides=2, data_format="channels_first"),
    _conv("conv_transpose", f(1, 2, 3, 2, 3), g(2, 3, 2, 2, 3), strides=2, padding="same"),
]

POOLS = [
    *(
        Row(op, x, 2, **words)
        for op in ("max_pool", "average_pool")
        for x in (X1, X2, X3)
        for words in ({}, {"strides": 1}, {"strides": 3, "data_format": "channels_last"})
    ),
    *(Row("max_pool", x, 3, **words) for x in (X1, X2, X3) for words in ({"padding": "same"}, {"padding": "same", "strides": 2})),
    *(Row("average_pool", x, 3, strides=1, padding="same") for x in (X1, X2, X3)),
    Row("max_pool", f(2, 3, 6, 8), (3, 2), strides=(2, 1), data_format="channels_first"),
    Row("average_pool", f(2, 3, 6, 8), (3, 2), strides=(2, 1), data_format="channels_first"),
    *(
        Row(op, x, size, **words)
        for op in ("adaptive_max_pool", "adaptive_average_pool")
        for x, size, words in (
            (X1, 4, {}),
            (X2, 3, {}),
            (X2, (2, 3), {}),
            (X3, (2, 3, 1), {}),
            (f(2, 3, 6, 8), (2, 3), {"data_format": "channels_first"}),
        )
    ),
]

NORMALIZATIONS = [
    *(Row("moments", f(2, 3, 4), axes, **words) for axes in ([1], [1, 2], [-1]) for words in ({}, {"keepdims": True})),
    Row("moments", f(3, 4, dtype="float16"), [1]),
    *(Row("normalize", x) for x in (f(3, 4), i(3, 4), v([[0.0, 0.0], [3.0, 4.0]]), f(3, 4, dtype="float16"))),
    Row("normalize", f(2, 3, 4), axis=1),
    Row("normalize", f(2, 3, 4), order=1),
    Row("normalize", f(2, 3, 4), order=3, epsilon=5.0),
    Row("normalize", f(2, 3, 4), axis=(1, 2)),
    Row("batch_normalization", f(2, 3, 4), f(4), unit(4), axis=-1, symbolic="fixed"),
    Row("batch_normalization", f(2, 3, 4), f(3), unit(3), axis=1, offset=g(3), scale=unit(3), symbolic="fixed"),
    Row("batch_normalization", f(2, 3, 4), f(2), unit(2), axis=0, epsilon=0.1, symbolic="fixed"),
    Row("batch_normalization", f(2, 3, 3, 4), f(4), unit(4), axis=3, scale=g(4), symbolic="fixed"),
    Row("batch_normalization", f(5, 4), f(4), unit(4), axis=-1, symbolic="fixed"),
    *(Row("layer_normalization", x) for x in (f(3, 4), f(2, 3, 4, dtype="float16"), f(2, 3, 4, dtype="bfloat16"))),
    Row("layer_normalization", f(2, 3, 4), g(4), unit(4), symbolic="fixed"),
    Row("layer_normalization", f(2, 3, 4), g(4), axis=2, epsilon=0.1, symbolic="fixed"),
    Row("layer_normalization", f(2, 3, 4), axis=[1, 2]),
    Row("layer_normalization", f(2, 3, 4), g(3, 4), unit(3, 4), axis=[1, 2], symbolic="fixed"),
    Row("layer_normalization", f(2, 3, 4), g(4), rms_scaling=True, symbolic="fixed"),
    *(Row("rms_normalization", x) for x in (f(3, 4), f(2, 3, 4, dtype="float16"))),
    Row("rms_normalization", f(2, 3, 4), g(4), epsilon=0.1, symbolic="fixed"),
    Row("rms_normalization", f(2, 3, 4), axis=[1, 2]),
]

PROBABILITIES = v([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.5, 0.5, 0.0]])
LOSSES = [
    *(Row("binary_crossentropy", *args) for args in ((unit(3, 4), unit(3, 4)), (v([[0.0, 1.0], [1.0, 0.0]]), v([[0.0, 0.9], [0.3, 1.0]])))),
    Row("binary_crossentropy", unit(3, 4), f(3, 4), from_logits=True),
    Row("categorical_crossentropy", unit(3, 3), PROBABILITIES),
    Row("categorical_crossentropy", unit(3, 4), f(3, 4), from_logits=True),
    Row("categorical_crossentropy", unit(2, 3, 4), unit(2, 3, 4), axis=1),
    Row("sparse_categorical_crossentropy", n(3, below=3), PROBABILITIES),
    Row("sparse_categorical_crossentropy", n(3, 1, below=3), PROBABILITIES),
    Row("sparse_categorical_crossentropy", n(2, 3, below=4), f(2, 3, 4), from_logits=True),
    Row("sparse_categorical_crossentropy", n(2, 4, below=3), unit(2, 3, 4), axis=1),
    Row("sparse_categorical_crossentropy", v(2, "int32"), v([0.2, 0.3, 0.5]), symbolic="fixed"),
    Row("ctc_loss", v([[1, 2, 1], [2, 1, 0]], "int32"), f(2, 6, 4), v([3, 2], "int32"), v([6, 5], "int32")),
    Row("ctc_loss", v([[1, 2, 1], [2, 1, 0]], "int32"), unit(2, 6, 4), v([3, 2], "int32"), v([6, 6], "int32"), mask_index=3),
    *(
        Row("ctc_decode", f(3, 7, 4), v([7, 5, 1], "int32"), **words)
        for words in (
            {},
            {"merge_repeated": False},
            {"mask_index": 3},
            {"strategy": "beam_search", "beam_width": 5},
            {"strategy": "beam_search", "beam_width": 20, "top_paths": 2, "mask_index": 2},
        )
    ),
    Row("psnr", unit(2, 3, 4), f(2, 3, 4), 1.0),
    Row("psnr", f(2, 3, 4), g(2, 3, 4), max_val=255),
]

Q, K, V = f(2, 5, 4, 3), g(2, 6, 4, 3), unit(2, 6, 4, 3)
ATTENTION = [
    Row("dot_product_attention", Q, K, V),
    Row("dot_product_attention", Q, K, V, scale=0.3),
    Row("dot_product_attention", Q, K, V, is_causal=True),
    Row("dot_product_attention", Q, K, V, bias=g(2, 4, 5, 6)),
    Row("dot_product_attention", Q, K, V, mask=b(2, 4, 5, 6)),
    Row("dot_product_attention", Q, K, V, mask=b(2, 1, 1, 6)),
    Row("dot_product_attention", Q, K, V, mask=b(2, 1, 5, 6), is_causal=True),
    Row("dot_product_attention", Q, g(2, 6, 2, 3), unit(2, 6, 2, 3)),
    Row("dot_product_attention", Q, g(2, 6, 1, 3), unit(2, 6, 1, 3), flash_attention=False),
    Row("dot_product_attention", f(2, 5, 4, 3, dtype="float16"), g(2, 6, 4, 3, dtype="float16"), unit(2, 6, 4, 3, dtype="float16")),
]

ENCODINGS = [
    *(Row("one_hot", n(3, 2, below=4), 4, **words) for words in ({}, {"axis": 0}, {"axis": 1}, {"dtype": "int32"}, {"dtype": "bool"})),
    Row("one_hot", v([0, -1, 2], "int64"), 3),
    Row("one_hot", v([0.0, 1.0, 2.0]), 3),
    *(Row("multi_hot", n(3, 2, below=4), 4, **words) for words in ({}, {"dtype": "int32"})),
    Row("multi_hot", n(3, below=4), num_classes=5, symbolic="fixed"),
    Row("multi_hot", n(3, 2, below=4), num_tokens=4),
    Row("polar", unit(3, 4), f(3, 4)),
    Row("unfold", f(2, 3, 5, 6), 2),
    Row("unfold", f(2, 3, 5, 6), (2, 3), dilation=2, padding=1, stride=2),
    Row("fold", f(2, 12, 20), (5, 6), 2),
    Row("fold", f(2, 12, 6), (4, 6), (2, 2), stride=2),
    *(
        Row(op, f(2, 4, 6, 8), 2, **words)
        for op in ("depth_to_space", "space_to_depth")
        for words in ({}, {"data_format": "channels_first"})
    ),
]

ROWS = [*NN, *CONVOLUTIONS, *POOLS, *NORMALIZATIONS, *LOSSES, *ATTENTION, *ENCODINGS]
