"""Turns a row of `rows.py` into numbers with layergraph: eagerly, and lowered into a Model."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch

import layergraph
from layergraph import layers

from . import golden
from .rows import Row, arguments, flat, init_shapes, made, with_cells

Arrays = dict[str, Any]


def make(row: Row, dtype: str = "float32") -> Any:
    """A fresh layer, or for a twin the function of its inputs."""
    kwargs = {"dtype": dtype, **with_cells(made(copy.deepcopy(row.kwargs), _class, dtype=dtype), lambda config: config, dtype)}
    if row.form == "twin":
        return lambda inputs: getattr(layers, row.layer)(inputs, **kwargs)
    with warnings.catch_warnings():
        if kwargs.get("rms_scaling"):  # which is of old, and says so
            warnings.simplefilter("ignore")
        return getattr(layers, row.layer)(**kwargs)


def _class(name: str) -> Any:
    return getattr(layers, name, None) or getattr(layergraph, name)


def call(row: Row, layer: Any, inputs: list[Any]) -> list[Any]:
    """The outputs, as a list, of tensors or of symbols."""
    args, words = arguments(row, inputs)
    return flat(layer(*args, **words))


def tensors(arrays: list[np.ndarray], dtype: str, times: int = 1) -> list[torch.Tensor]:
    made = [torch.from_numpy(array.copy()) for array in arrays]
    return [(x.to(getattr(torch, dtype)) * times).requires_grad_() if x.is_floating_point() else x for x in made]


def loaded(row: Row, wanted: Arrays, dtype: str) -> Any:
    """The row's layer, built, with the golden's weights."""
    layer = make(row, dtype)
    if row.form != "twin":
        with torch.no_grad():
            call(row, layer.eval(), tensors(wanted["inputs"], dtype))
        layer.set_weights(wanted["weights"])
        layer.train(row.training)
        if row.drawn is not None:
            layer.augment.draw = lambda x: drawn(row, dtype)
    return layer


def drawn(row: Row, dtype: str) -> tuple[torch.Tensor, ...]:
    """What the row's random layer is given instead of drawing it."""
    made = [torch.tensor(values) for values in (row.drawn or {}).values()]
    return tuple(each.to(getattr(torch, dtype)) if each.is_floating_point() else each for each in made)


def lowered(row: Row, layer: Any, dtype: str) -> Any:
    """`Model(inputs, layer(inputs))`, with an unknown batch size."""
    symbols = [layergraph.Input(shape=spec.shape[1:], dtype=dtype if spec.dtype == "float32" else spec.dtype) for spec in row.inputs]
    outputs = call(row, layer, symbols)
    model = layergraph.Model(symbols if len(symbols) > 1 else symbols[0], outputs if len(outputs) > 1 else outputs[0])
    return model.train(row.training)


def run(row: Row, wanted: Arrays, through_model: bool, dtype: str) -> dict[str, list[np.ndarray | None]]:
    """Everything that a golden holds, in Keras's layout."""
    layer = loaded(row, wanted, dtype)
    model = lowered(row, layer, dtype) if through_model else None
    weights = [] if row.form == "twin" else layer.keras_weights()
    inputs: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []
    for step in range(row.steps):
        inputs = tensors(wanted["inputs"], dtype, step + 1)
        results = call(row, layer, inputs) if model is None else model(*inputs)
        outputs = flat(results)
    shapes = [tuple(y.shape) for y in outputs]
    assert shapes == [y.shape for y in wanted["outputs"]], f"outputs of shapes {shapes}, not {[y.shape for y in wanted['outputs']]}"
    if any(y.requires_grad for y in outputs):
        torch.stack(
            [(y * torch.from_numpy(c).to(y.dtype)).sum() for y, c in zip(outputs, wanted["cotangents"], strict=True)]
        ).sum().backward()
    assert all(y.dtype is getattr(torch, dtype) for y in outputs), [y.dtype for y in outputs]
    held = list(zip(weights, wanted["weight_grads"], wanted["after"], strict=True))
    return {
        "outputs": [y.detach().numpy() for y in outputs],
        "input_grads": [None if x.grad is None else x.grad.numpy() for x in inputs],
        "weight_grads": [None if gold is None else w.to_keras(*(t.grad for t in w.tensors)) for w, gold, _ in held],
        "after": [None if gold is None else w.to_keras() for w, _, gold in held],
    }


def misses(row: Row, wanted: Arrays, through_model: bool = False, dtype: str = "float32") -> dict[str, float]:
    """{what: error} of every tensor that lies further from its golden than the limit: empty where all is well."""
    found = run(row, wanted, through_model, dtype)
    missed = {}
    for what, group in found.items():
        assert len(group) == len(wanted[what]), (what, len(group), len(wanted[what]))
        for number, (got, gold) in enumerate(zip(group, wanted[what], strict=True)):
            if gold is None:
                continue
            far = float("inf") if got is None else golden.error(got, gold)
            if not far <= golden.LIMITS[dtype]:
                missed[f"{what}[{number}]"] = far
    return missed


def fresh_misses(row: Row, wanted: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the distribution of fresh weights: empty where all is well."""
    torch.manual_seed(0)
    draws: list[list[np.ndarray]] = []
    enough = 4_000 if any("rms" in fact for fact in wanted) else 1
    while not draws or sum(weights[0].size for weights in draws) < enough:
        layer = make(row)
        layer.build(*init_shapes(row))
        draws.append(layer.get_weights())
    missed = []
    for number, (fact, several) in enumerate(zip(wanted, zip(*draws, strict=True), strict=True)):
        stacked = np.stack(several)
        if "value" in fact:
            if not (stacked == np.asarray(fact["value"], np.float32)).all():
                missed.append(f"weight {number} is not {fact['value']}")
            continue
        # 4,000 numbers give the root mean square of a uniform law within 0.7 %, and come within 0.1 % of its limit.
        rms, largest = float(np.sqrt((stacked**2).mean())), float(np.abs(stacked).max())
        if abs(rms / fact["rms"] - 1) > 0.03:
            missed.append(f"weight {number} has root mean square {rms}, not {fact['rms']}")
        if "largest" in fact and abs(largest / fact["largest"] - 1) > 0.02:
            missed.append(f"weight {number} reaches {largest}, not {fact['largest']}")
        if "orthonormal_rows" in fact and np.abs(stacked @ stacked.transpose(0, 2, 1) - np.eye(stacked.shape[1])).max() > 1e-5:
            missed.append(f"weight {number} has rows that are not orthonormal")
    return missed
