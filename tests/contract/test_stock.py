"""Stock out: a lowered graph holds torch's modules and functions; what of ours stands in it is listed here, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import layergraph
from layergraph import layers
from layergraph.layers import Input

from .rows import ROWS
from .running import apply, make, symbols

EXCEPTIONS = {
    "LSTM": "dynamo refuses a module that holds an nn.LSTM under fullgraph",
    "GRU": "dynamo refuses a module that holds an nn.GRU under fullgraph",
    "RNN": "dynamo refuses a module that holds an nn.RNN under fullgraph",
    "ActivityLoss": "torch has no module that adds to the loss",
    "ConvLSTM": "torch has no convolutional LSTM",
    "each_step": "TimeDistributed calls a model that learns from its batches, or that nobody knows, once for each step",
    "each_step_of": "a BatchNormalization in a TimeDistributed has statistics of each step, and the number of steps is unknown",
    "EarlyGRU": "torch's GRU applies the reset gate after the matrix product; Keras's reset_after=False applies it before",
    "LSTMCell": "torch's cell has no other activations and no dropout, and learns two biases where Keras has one",
    "GRUCell": "torch's cell has no other activations and no dropout",
    "EarlyGRUCell": "as EarlyGRU, for one step",
    "RNNCell": "torch's cell has no activations but tanh and relu, no dropout, and learns two biases where Keras has one",
    "StackedRNNCells": "cells on top of each other, at each step of a loop over time: torch's stacked LSTM takes LSTMs only",
    "BroadcastDropout": "torch's dropouts draw for each element or channel; noise_shape says where one draw serves several",
    "Augment": "torch draws no changes of images: torchvision's transforms do, one image a call, and do not know a module's mode",
    "clahe": "torch has no adaptive equalization of histograms",
    "crop_to_ratio": "where Resizing cuts depends on a size that is known only at run time",
    "pad_to_ratio": "how much Resizing pads depends on a size that is known only at run time",
    "middle_or_resized": "whether CenterCrop cuts or resizes depends on a size that is known only at run time",
    "BroadcastAlphaDropout": "torch's alpha dropout draws for each element; noise_shape says where one draw serves several",
    "GaussianDropout": "torch has no module that multiplies by noise",
    "GaussianNoise": "torch has no module that adds noise",
    "BatchRenorm": "torch's BatchNorm has no renormalization",
    "masked_batch_norm": "torch's BatchNorm takes the statistics of all values, and a mask says which ones count",
    "SpectralNorm": "torch's spectral_norm computes another weight for each call, and Keras's overwrites the kernel",
    "DroppedAttention": "torch has attention with dropout as a function, and which weights it drops depends on the mode",
    "average_of_real": "torch's average pools pad both ends alike, and Keras's `same` does not",
    "pad_same": "Keras's `same` padding depends on a size that is known only at run time",
    "whole_indices": "torch's embedding takes integers, and Keras's default Input gives floats",
    "Rescale": "a factor for each channel is a tensor, which a graph has from a module",
    "Normalize": "torch's norms add a number to the variance, and Keras's Normalization bounds the deviation from below",
    "Buckets": "torch.bucketize, with the boundaries that adapt() finds as state",
    "IntegerTable": "torch has no lookup table",
    "IntegerList": "torch has no lookup table, nor the way back",
    "encode": "F.one_hot takes no index that is not there, and torch has no multi-hot and no counts by row",
    "MelSpectrogram": "torch.stft and a matrix of filters; torch has no spectrogram of mel bands",
    "call_in_mode": "a module of somebody else's knows a mode only as a state: `training=` in a graph sets it, and puts it back",
}


def of_ours(model: Any) -> set[str]:
    """The names of layergraph's modules and functions in a lowered graph."""
    used = [type(module) for name, module in model.named_modules() if name]
    used += [node.target for node in model.graph.nodes if node.op == "call_function"]
    return {each.__name__ for each in used if (getattr(each, "__module__", None) or "").startswith("layergraph")}


@pytest.mark.parametrize("row", [row for row in ROWS if row.inputs], ids=lambda row: row.layer)
def test_a_layer_lowers_to_stock_torch(row):
    inputs = symbols(row)
    assert of_ours(layergraph.Model(inputs, apply(row, make(row), inputs))) <= set(EXCEPTIONS)


def test_each_exception_is_one():
    """Every name of the list is met by some layer, so that none stands there for nothing."""
    x, image, tokens, steps = Input((7, 3)), Input((None, 7, 3)), Input((4,)), Input((7,), dtype="bool")
    made = [
        (x, layers.LSTM(2)(x)),
        (x, layers.GRU(2)(x)),
        (x, layers.ActivityRegularization(0.1)(x)),
        (x, layers.SimpleRNN(2)(x)),
        (x, layers.TimeDistributed(layergraph.Sequential([layers.BatchNormalization()]))(x)),
        (image, layers.TimeDistributed(layers.BatchNormalization())(image)),
        (image, layers.ConvLSTM1D(2, 3)(image)),
        (x, layers.GRU(2, reset_after=False)(x)),
        (x, layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)])(x)),
        (tokens, layers.GRUCell(4, reset_after=False)(tokens, tokens)[0]),
        (tokens, layers.SimpleRNNCell(4)(tokens, tokens)[0]),
        (x, layers.Dropout(0.5, noise_shape=(None, 1, None))(x)),
        (x, layers.AlphaDropout(0.5, noise_shape=(None, 1, None))(x)),
        (x, layers.GaussianDropout(0.5)(x)),
        (x, layers.GaussianNoise(0.5)(x)),
        (x, layers.BatchNormalization(renorm=True)(x)),
        (x, layers.SpectralNormalization(layers.Dense(2))(x)),
        ([x, steps], layers.BatchNormalization()(x, mask=steps)),
        (x, layers.AveragePooling1D(2, padding="same")(x)),
        (image, layers.Conv2D(2, 3, strides=2, padding="same")(image)),
        (tokens, layers.Embedding(5, 2)(tokens)),
        (image, layers.RandomFlip()(image)),
        (image, layers.ContrastLimitedAdaptiveHistogramEqualization()(image)),
        (image, layers.Resizing(2, 3, crop_to_aspect_ratio=True)(image)),
        (image, layers.Resizing(2, 3, pad_to_aspect_ratio=True)(image)),
        (image, layers.CenterCrop(2, 3)(image)),
        (x, layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x)),
        (x, layers.wrap(torch.nn.Linear(3, 2))(x, training=False)),
        (x, layers.Rescaling([1.0, 2.0, 3.0])(x)),
        (x, layers.Normalization()(x)),
        (x, layers.Discretization([0.0], output_mode="one_hot")(x)),
        (x, layers.IntegerLookup(vocabulary=[3])(x)),
        (x, layers.IntegerLookup(vocabulary=[3], invert=True)(x)),
        (tokens, layers.MelSpectrogram(fft_length=4)(tokens)),
    ]
    assert set().union(*(of_ours(layergraph.Model(given, y)) for given, y in made)) == set(EXCEPTIONS)
