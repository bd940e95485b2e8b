"""Masks through every row of the contract: Keras's, as `record_masks.py` recorded them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch

from layergraph import Input, Model, layers
from layergraph.errors import ShapeError

from .record_masks import GOLDEN, numbers, told, without_masks
from .rows import ROWS, Row
from .running import arguments, equal, listed, make

MASKS: dict[str, Any] = json.loads(GOLDEN.read_text())
# What Keras does not run on torch, or not alone: they have no mask.
NOT_RECORDED = {"IntegerLookup": "needs TensorFlow", "STFTSpectrogram": "needs scipy", "Wrapper": "its call() gives nothing"}
# Keras declares the input itself as the output, and so its mask, of a layer that says that it supports none.
DIFFERENT = {"Equalization"}
# The mask of a Masking before them has other axes than they take, in Keras too: there the model fails when it runs.
OTHER_AXES = {
    "Softmax": "a mask of shape (None, 3) does not broadcast to the input's (None, 3, 4)",
    "ConvLSTM1D": "ConvLSTM takes a mask (batch, steps), got shape (2, 4, 6)",
    "ConvLSTM2D": "ConvLSTM takes a mask (batch, steps), got shape (2, 4, 6, 5)",
    "ConvLSTM3D": "ConvLSTM takes a mask (batch, steps), got shape (2, 4, 6, 5, 4)",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* does not support masks"),
    pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks"),
]
every_row = pytest.mark.parametrize("row", list(map(without_masks, ROWS)), ids=lambda row: row.layer)


def test_every_row_is_recorded() -> None:
    assert set(MASKS) | set(NOT_RECORDED) == {row.layer for row in ROWS}


def masked(row: Row) -> tuple[list[Any], list[Any]]:
    """Inputs, and the outputs of the row's layer on them, each behind a Masking."""
    inputs = [Input(batch_shape=(None, *shape[1:]), dtype="int64" if row.integers else "float32") for shape in row.inputs]
    args, _ = arguments(row, inputs if row.integers else [layers.Masking()(x) for x in inputs])
    return inputs, listed(make(row)(*args))


@every_row
def test_the_mask_of_the_output_is_keras_s(row: Row) -> None:
    recorded = MASKS.get(row.layer, {"supports": False, "masks": [None]})
    assert make(row).supports_masking is recorded["supports"]
    inputs, outputs = masked(row)
    masks = [output._keras_mask for output in outputs]
    if row.layer in DIFFERENT:
        assert masks == [None] != recorded["masks"]
        return
    assert [mask is None for mask in masks] == [mask is None for mask in recorded["masks"]]
    if any(mask is not None for mask in masks):
        model = Model(inputs, [mask for mask in masks if mask is not None])
        got = [told(mask) for mask in listed(model(*map(torch.from_numpy, numbers(row))))]
        assert got == [mask for mask in recorded["masks"] if mask is not None]


@every_row
def test_a_masked_model_is_a_module(row: Row) -> None:
    """The whole graph, masks and all, runs in both modes."""
    inputs, outputs = masked(row)
    given = list(map(torch.from_numpy, numbers(row)))
    if row.layer in OTHER_AXES:
        with pytest.raises(ShapeError, match=re.escape(OTHER_AXES[row.layer])):
            Model(inputs, outputs)(*given)
        return
    model = Model(inputs, outputs)
    for training in (False, True):
        results = listed(model.train(training)(*given))
        assert [tuple(result.shape[1:]) for result in results] == [output.shape[1:] for output in outputs]
    equal(model.eval()(*given), model(*given))


def test_masks_of_inputs_of_several_ranks() -> None:
    """A mask gets the axes that its input gets. Keras lines up the batch of one with the steps of the other, and fails."""
    a, b = Input((3, 4)), Input((4,))
    y = layers.Add()([layers.Masking()(a), layers.Masking()(b)])
    model = Model([a, b], y._keras_mask)
    first, second = torch.ones(2, 3, 4), torch.ones(2, 4)
    first[0, 1] = first[1, 2] = second[1] = 0
    assert model(first, second).tolist() == [[True, True, True], [True, True, False]]
