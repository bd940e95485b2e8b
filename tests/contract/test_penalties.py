"""Regularizers, activity regularizers, constraints and initializers of every layer that takes them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from layergraph import layers
from layergraph.errors import ArgumentError

from .rows import ROWS, Row
from .running import apply, equal, listed, make, model_of, values

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")


def words(layer: Any, kind: str) -> list[str]:
    return [name for name in layer._fields if name.endswith(f"_{kind}") and name != f"activity_{kind}"]


def rows_with(kind: str) -> Any:
    found = [(row, word) for row in ROWS for word in words(make(row), kind)]
    return pytest.mark.parametrize(("row", "word"), found, ids=[f"{row.layer}-{word}" for row, word in found])


def on(row: Row, layer: Any) -> Any:
    """The layer, built on the row's inputs; the lookup of an Embedding keeps all rows in the graph."""
    with torch.no_grad():
        apply(row, layer, values(row))
    return layer


def touched(layer: Any, word: str, kind: str) -> list[Tensor]:
    return [weight.layout.to_keras(*weight.tensors) for weight in _weights_of(layer, word, kind)]


def _weights_of(layer: Any, word: str, kind: str) -> list[Any]:
    """The weights that the argument is for: those that carry its name in Keras."""
    stem = word.removesuffix(f"_{kind}")
    known = {"depthwise": ("depthwise_kernel", "kernel"), "pointwise": ("pointwise_kernel",), "recurrent": ("recurrent_kernel",)}
    names = known.get(stem, (stem,))
    found = [weight for weight in layer.own_weights() if weight.name.rpartition("/")[2] in names]
    exact = [weight for weight in found if weight.name == names[0]]
    return exact or found


@rows_with("regularizer")
def test_a_regularizer_is_a_term(row: Row, word: str) -> None:
    layer = on(row, make(row, **{word: "l2"}))
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(0.5)  # a bias of zeros has no slope
    wanted = [0.01 * weight.square().sum() for weight in touched(layer, word, "regularizer")]
    assert wanted
    model = model_of(row, layer)
    for each in (layer, model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        equal(each.losses, wanted)
        assert each.has_losses
    leaves = list(layer.parameters())
    reached = [
        slope is not None and bool(slope.abs().sum() > 0) for slope in torch.autograd.grad(sum(layer.losses), leaves, allow_unused=True)
    ]
    theirs = {id(tensor) for weight in _weights_of(layer, word, "regularizer") for tensor in weight.tensors}
    assert reached == [id(leaf) in theirs for leaf in leaves]
    layer.trainable = False
    assert layer.losses == []


class Quarter:
    """A constraint that leaves no doubt."""

    def __call__(self, weight: Tensor) -> Tensor:
        return torch.full_like(weight, 0.25)


@rows_with("constraint")
def test_a_constraint_is_applied(row: Row, word: str) -> None:
    layer = on(row, make(row, **{word: Quarter()}))
    assert layer.has_constraints
    kept = [weight.to_keras() for weight in layer.own_weights()]
    count = len(touched(layer, word, "constraint"))
    model_of(row, layer).apply_constraints()
    assert count
    assert all(bool((weight == 0.25).all()) for weight in touched(layer, word, "constraint"))
    changed = [not (weight.to_keras() == old).all() for weight, old in zip(layer.own_weights(), kept, strict=True)]
    assert sum(changed) == count


@rows_with("initializer")
def test_an_initializer_fills_its_weight(row: Row, word: str) -> None:
    """Called with the shape that Keras gives it, and its values are in the weight in Keras's layout."""
    shapes: list[Any] = []

    def fill(shape: Any, dtype: Any = None) -> Tensor:
        shapes.append(tuple(shape))
        return torch.arange(1.0, torch.Size(shape).numel() + 1).reshape(shape) / 64

    layer = on(row, make(row, **{word: fill}))
    found = [tuple(weight.shape) for weight in touched(layer, word, "initializer")]
    assert shapes
    assert sorted(shapes) == sorted(found)


@pytest.mark.parametrize("row", [row for row in ROWS if row.layer != "ActivityRegularization"], ids=lambda row: row.layer)
def test_an_activity_regularizer_is_a_term_of_each_output(row: Row) -> None:
    """Divided by the batch size, eagerly and in a model, anew at each call; gradients flow."""
    layer = on(row, make(row, activity_regularizer="l2")).eval()
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in values(row, 4)]
    model = model_of(row, layer).eval()
    for owner in (layer, model):
        for _ in range(2):
            outputs = apply(row, layer, inputs) if owner is layer else listed(model(*inputs))
            terms = [0.01 * y.square().sum() / 4 for y in outputs]
            equal([term.to(torch.float32) for term in owner.losses], [term.to(torch.float32) for term in terms])
    leaves = [x for x in (*inputs, *model.parameters()) if x.requires_grad]
    if leaves and not row.steps:
        slopes = torch.autograd.grad(sum(model.losses), leaves, allow_unused=True)
        assert any(slope is not None and bool(slope.abs().sum() > 0) for slope in slopes)
    again = pickle.loads(pickle.dumps(model))
    assert again.losses == []
    again(*inputs)
    assert len(again.losses) == len(outputs)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_activity_regularization_has_its_own() -> None:
    """Keras refuses the keyword too: it was given twice."""
    with pytest.raises(ArgumentError) as caught:
        layers.ActivityRegularization(0.1, activity_regularizer="l2", name="r")
    assert caught.value.what == "ActivityRegularization 'r' makes its own `activity_regularizer`, and was given one"
    assert caught.value.fix == "give it l1 and l2"
