"""Data formats: channels_first gives what channels_last gives, permuted; and sizes that a compiled model learns at run time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from layergraph import Input, Model, config, layers

from .rows import ROWS, Row
from .running import apply, built, equal, gradients, larger, listed, make, model_of, values

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")

LAYOUT = [replace(row, kwargs={k: v for k, v in row.kwargs.items() if k != "data_format"}) for row in ROWS]
LAYOUT = [row for row in LAYOUT if "data_format" in make(row)._fields]


@pytest.fixture(autouse=True)
def channels_last_afterwards() -> Any:
    yield
    config.set_image_data_format("channels_last")


def moved(row: Row, x: Any, to_first: bool) -> Any:
    """A tensor, or a shape, in the other layout. Of a sequence of images the steps stay in front; vectors have no layout."""
    sequence = row.layer.startswith("ConvLSTM") and len(x.shape) == len(row.inputs[0])
    place = 2 if sequence else 1
    if len(x.shape) < 3:
        return x
    return x.movedim(-1, place) if to_first else x.movedim(place, -1)


def in_first(row: Row) -> Row:
    shapes = tuple(tuple(moved(row, torch.empty(shape), True).shape) for shape in row.inputs)
    return replace(row, kwargs={**row.kwargs, "data_format": "channels_first"}, inputs=shapes)


@pytest.mark.parametrize("row", LAYOUT, ids=lambda row: row.layer)
def test_channels_first_is_channels_last_permuted(row: Row) -> None:
    """Values and gradients, eagerly and in a model, by the argument and by the setting."""
    other = in_first(row)
    last, first = built(replace(row, kwargs={**row.kwargs, "data_format": "channels_last"})), built(other)
    config.set_image_data_format("channels_first")
    set_by_name = make(row).eval()
    assert set_by_name.data_format == "channels_first"
    inputs = values(row, 4)
    permuted = [moved(row, x, True) for x in inputs]
    apply(row, set_by_name, permuted)
    for layer in (first, set_by_name):
        layer.set_weights(last.get_weights())
    weights = list(last.parameters())

    def wanted(*x: Tensor) -> list[Tensor]:
        return apply(row, last, x)

    exact, slopes = wanted(*inputs), gradients(wanted, inputs, weights)
    for layer in (first, set_by_name, model_of(other, first).eval()):

        def got(*x: Tensor, layer: Any = layer) -> list[Tensor]:
            given = [moved(row, each, True) for each in x]
            results = listed(layer(*given)) if isinstance(layer, Model) else apply(row, layer, given)
            return [moved(row, y, False) for y in results]

        equal(got(*inputs), exact)
        found = gradients(got, inputs, list(layer.parameters()))
        assert [slope is None for slope in found] == [slope is None for slope in slopes]
        equal([slope for slope in found if slope is not None], [slope for slope in slopes if slope is not None])


def _mixed(x: Any, first: str, parts: list[Any]) -> Any:
    """A small network whose second half is in either layout."""
    x = layers.ReLU()(parts[0](x))
    x = layers.Permute((3, 1, 2))(x) if first == "channels_first" else x
    x = parts[3](parts[2](parts[1](x)))
    return parts[4](layers.Permute((2, 3, 1))(x) if first == "channels_first" else x)


def test_a_model_that_mixes_both() -> None:
    models = {}
    for layout in ("channels_last", "channels_first"):
        x = Input((9, 8, 3))
        parts = [
            layers.Conv2D(4, 3, data_format="channels_last"),
            layers.Conv2D(6, 2, padding="same", data_format=layout),
            layers.BatchNormalization(axis=1 if layout == "channels_first" else -1),
            layers.MaxPooling2D(2, data_format=layout),
            layers.SeparableConv2D(5, 2, data_format="channels_last"),
        ]
        models[layout] = Model(x, _mixed(x, layout, parts))
    last, first = models.values()
    first.set_weights(last.get_weights())
    images = torch.linspace(-1, 1, 4 * 9 * 8 * 3).sin().reshape(4, 9, 8, 3)
    for training in (False, True):
        last.train(training), first.train(training)
        equal(first(images), last(images))
        equal(gradients(first, [images], list(first.parameters())), gradients(last, [images], list(last.parameters())))


# Of most families one: compiling takes its time.
DYNAMIC = "Dense Conv2D Conv1DTranspose MaxPooling2D BatchNormalization Concatenate Softmax Embedding Flatten Cropping2D LSTM".split()


@pytest.mark.parametrize("row", [row for row in ROWS if row.layer in DYNAMIC], ids=lambda row: row.layer)
def test_compiles_for_all_sizes(row: Row) -> None:
    torch._dynamo.reset()
    model = model_of(row, built(row), row.unknown).eval()
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="aot_eager")
    for batch, more in ((3, 0), (5, 3)):
        inputs = values(row, batch, larger(row, more))
        with torch.no_grad():
            equal(compiled(*inputs), model(*inputs))
