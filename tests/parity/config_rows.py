"""Layers of which the config and the weights are compared with Keras's: what other tables hold, and here what they leave out.

Pure data: neither package is imported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.contract.rows import ROWS as CONTRACT
from tests.parity.rows import ROWS as PARITY
from tests.parity.rows.row import In, Of, Row, arguments, made, row, with_cells

_MORE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ActivityRegularization", {"l1": 0.5}),
    ("ActivityRegularization", {"l2": 0.25}),
    ("AugMix", {"value_range": [0, 1], "num_chains": 2, "seed": 3}),
    ("AugMix", {"chain_depth": 2, "factor": 0.2, "alpha": 0.5, "all_ops": False, "interpolation": "nearest"}),
    ("AutoContrast", {"value_range": [0, 1]}),
    ("BatchNormalization", {"gamma_regularizer": "l2", "beta_constraint": "non_neg", "moving_mean_initializer": "ones"}),
    ("CutMix", {"factor": 0.5, "seed": 4}),
    ("CutMix", {"factor": [0.25, 0.5]}),
    ("Dense", {"units": 2, "kernel_regularizer": "l2", "bias_constraint": "unit_norm", "activity_regularizer": "l2"}),
    ("Dense", {"units": 2, "kernel_initializer": "he_normal", "trainable": False, "dtype": "float64", "name": "head"}),
    ("Dense", {"units": 2, "dtype": "mixed_bfloat16"}),
    ("Dropout", {"rate": 0.25, "noise_shape": [None, 1, 3], "seed": 3}),
    ("Embedding", {"input_dim": 7, "output_dim": 3, "mask_zero": True}),
    ("Embedding", {"input_dim": 7, "output_dim": 3, "embeddings_initializer": "ones", "embeddings_regularizer": "l2"}),
    ("Embedding", {"input_dim": 7, "output_dim": 3, "embeddings_constraint": "max_norm", "name": "words"}),
    ("Equalization", {"value_range": [0, 1], "bins": 16}),
    ("GaussianDropout", {"rate": 0.25, "seed": 3}),
    ("GaussianNoise", {"stddev": 0.25, "seed": 3}),
    ("HashedCrossing", {"num_bins": 5}),
    ("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}),
    ("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot", "name": "crossed"}),
    ("Hashing", {"num_bins": 5}),
    ("Hashing", {"num_bins": 5, "mask_value": "", "salt": 7}),
    ("Hashing", {"num_bins": 5, "salt": [7, 9], "output_mode": "one_hot"}),
    ("InputLayer", {"shape": (3,)}),
    ("InputLayer", {"batch_shape": (2, None, 3), "dtype": "int32", "name": "x"}),
    ("InputLayer", {"shape": (3,), "batch_size": 4}),
    ("IntegerLookup", {}),
    ("IntegerLookup", {"vocabulary": [4, 1, 7], "mask_token": 0, "oov_token": -2}),
    ("IntegerLookup", {"max_tokens": 9, "output_mode": "multi_hot", "pad_to_max_tokens": True}),
    ("IntegerLookup", {"vocabulary": [4, 1, 7], "invert": True}),
    ("MaxNumBoundingBoxes", {"max_number": 3, "fill_value": 0}),
    ("MixUp", {"alpha": 0.5, "seed": 3}),
    ("RandAugment", {"value_range": [0, 1], "num_ops": 3, "factor": 0.25, "interpolation": "nearest", "seed": 5}),
    ("RandomBrightness", {"factor": 0.25, "value_range": [0, 1], "seed": 3}),
    ("RandomColorJitter", {"brightness_factor": 0.25, "hue_factor": 0.1, "value_range": [0, 1]}),
    ("RandomColorJitter", {"contrast_factor": [0.25, 0.5], "saturation_factor": 0.3, "seed": 9}),
    ("RandomCrop", {"height": 4, "width": 5, "seed": 3}),
    ("RandomFlip", {"mode": "vertical", "seed": 3, "data_format": "channels_first"}),
    ("SpatialDropout1D", {"rate": 0.25, "seed": 3}),
    ("StackedRNNCells", {"cells": [Of("GRUCell", {"units": 3}), Of("SimpleRNNCell", {"units": 2})]}),
    ("StringLookup", {}),
    ("StringLookup", {"vocabulary": ["a", "b"], "mask_token": "", "num_oov_indices": 2}),
    ("StringLookup", {"vocabulary": ["a", "b"], "output_mode": "tf_idf", "idf_weights": [0.5, 0.25], "oov_token": "?"}),
    ("StringLookup", {"vocabulary": ["a", "b"], "invert": True, "encoding": "latin-1"}),
    ("TextVectorization", {}),
    ("TextVectorization", {"max_tokens": 9, "standardize": None, "split": "character", "ngrams": 2, "output_sequence_length": 4}),
    ("TextVectorization", {"output_mode": "tf_idf", "vocabulary": ["a", "b"], "idf_weights": [0.5, 0.25], "ngrams": (1, 3)}),
    ("TextVectorization", {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True}),
    ("Wrapper", {"layer": Of("Dense", {"units": 3, "activation": "relu"}), "name": "around"}),
    ("Wrapper", {"layer": Of("Wrapper", {"layer": Of("LSTM", {"units": 2})})}),
)

# What stands for a config: no two equal ones, and no more of a class than bring something new.
_MOST = 40


def plain_kwargs(value: Any) -> Any:
    """Arguments as JSON has them: a layer among them as its name and arguments."""
    if isinstance(value, Of):
        return {"Of": value.layer, "kwargs": plain_kwargs(value.kwargs)}
    if isinstance(value, dict):
        return {name: plain_kwargs(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return {"tuple": [plain_kwargs(item) for item in value]}
    return [plain_kwargs(item) for item in value] if isinstance(value, list) else value


def config_rows() -> list[Row]:
    """Each class's rows, those that bring an argument or a value that none before them had."""
    every: dict[str, list[Row]] = defaultdict(list)
    for each in (*(row("more", layer, kwargs) for layer, kwargs in _MORE), *PARITY):
        if each.form != "twin":
            every[each.layer].append(each)
    for each in CONTRACT:
        if each.layer[0].isupper():
            inputs = tuple(_input(each, index, shape) for index, shape in enumerate(each.inputs))
            made_row = row("contract", each.layer, each.kwargs, *inputs, form=each.form, named=each.named, call=each.call)
            every[each.layer].append(made_row)
    found: list[Row] = []
    for layer in sorted(every):
        seen: set[str] = set()
        kept = 0
        for each in every[layer]:
            pairs = {f"{word}={value}" for word, value in each.kwargs.items()} | ({"built"} if each.inputs else set()) | {""}
            if not pairs <= seen and kept < _MOST:
                found.append(each)
                kept += 1
            seen |= pairs
    return found


def _input(each: Any, index: int, shape: tuple[int, ...]) -> In:
    if index in each.masks:
        return In(shape, "mask")
    return In(shape, "integers", "int64", 0, each.integers) if each.integers else In(shape)


def make(each: Row, find: Callable[[str], Any], cell: Callable[[dict[str, Any]], Any], dtype: str = "float32") -> Any:
    """The row's layer, of either package: `find` gives its class, `cell` makes a cell of its config."""
    kwargs = made(each.kwargs, find)
    if any(isinstance(value, dict | list) for value in each.kwargs.values()):
        kwargs = with_cells(kwargs, cell, dtype)
    return find(each.layer)(**kwargs)


def call_shapes(each: Row) -> tuple[list[Any], dict[str, Any]]:
    """(by position, by keyword): the places of the inputs, as numbers, in the row's form."""
    if each.form == "stacked_states":
        numbers = list(range(len(each.inputs)))
        return [0, [numbers[1:3], 3]], {}
    return arguments(each, list(range(len(each.inputs))))
