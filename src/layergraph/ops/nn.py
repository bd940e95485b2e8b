"""`ops.nn`, as Keras has it: activations, convolutions, pools, normalizations, losses, attention and encodings."""

from __future__ import annotations

from layergraph.ops.activation import celu as celu
from layergraph.ops.activation import elu as elu
from layergraph.ops.activation import gelu as gelu
from layergraph.ops.activation import glu as glu
from layergraph.ops.activation import hard_shrink as hard_shrink
from layergraph.ops.activation import hard_sigmoid as hard_sigmoid
from layergraph.ops.activation import hard_silu as hard_silu
from layergraph.ops.activation import hard_swish as hard_swish
from layergraph.ops.activation import hard_tanh as hard_tanh
from layergraph.ops.activation import leaky_relu as leaky_relu
from layergraph.ops.activation import log_sigmoid as log_sigmoid
from layergraph.ops.activation import log_softmax as log_softmax
from layergraph.ops.activation import relu as relu
from layergraph.ops.activation import relu6 as relu6
from layergraph.ops.activation import selu as selu
from layergraph.ops.activation import sigmoid as sigmoid
from layergraph.ops.activation import silu as silu
from layergraph.ops.activation import soft_shrink as soft_shrink
from layergraph.ops.activation import softmax as softmax
from layergraph.ops.activation import softplus as softplus
from layergraph.ops.activation import softsign as softsign
from layergraph.ops.activation import sparse_plus as sparse_plus
from layergraph.ops.activation import sparse_sigmoid as sparse_sigmoid
from layergraph.ops.activation import sparsemax as sparsemax
from layergraph.ops.activation import squareplus as squareplus
from layergraph.ops.activation import swish as swish
from layergraph.ops.activation import tanh_shrink as tanh_shrink
from layergraph.ops.activation import threshold as threshold
from layergraph.ops.attention import dot_product_attention as dot_product_attention
from layergraph.ops.convolution import adaptive_average_pool as adaptive_average_pool
from layergraph.ops.convolution import adaptive_max_pool as adaptive_max_pool
from layergraph.ops.convolution import average_pool as average_pool
from layergraph.ops.convolution import conv as conv
from layergraph.ops.convolution import conv_transpose as conv_transpose
from layergraph.ops.convolution import depthwise_conv as depthwise_conv
from layergraph.ops.convolution import max_pool as max_pool
from layergraph.ops.convolution import separable_conv as separable_conv
from layergraph.ops.encoding import depth_to_space as depth_to_space
from layergraph.ops.encoding import fold as fold
from layergraph.ops.encoding import multi_hot as multi_hot
from layergraph.ops.encoding import one_hot as one_hot
from layergraph.ops.encoding import polar as polar
from layergraph.ops.encoding import space_to_depth as space_to_depth
from layergraph.ops.encoding import unfold as unfold
from layergraph.ops.losses import binary_crossentropy as binary_crossentropy
from layergraph.ops.losses import categorical_crossentropy as categorical_crossentropy
from layergraph.ops.losses import ctc_decode as ctc_decode
from layergraph.ops.losses import ctc_loss as ctc_loss
from layergraph.ops.losses import psnr as psnr
from layergraph.ops.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from layergraph.ops.normalization import batch_normalization as batch_normalization
from layergraph.ops.normalization import layer_normalization as layer_normalization
from layergraph.ops.normalization import moments as moments
from layergraph.ops.normalization import normalize as normalize
from layergraph.ops.normalization import rms_normalization as rms_normalization

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_decode",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]
