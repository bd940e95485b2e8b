"""Records the goldens of `rows.py` from Keras: `KERAS_BACKEND=torch python tests/parity/record.py [family ...]`.

Needs `keras==3.15.1`, which the tests do not. Each golden is Keras's result in float64, on inputs and
weights that are exact in float32 and well conditioned: Keras's own float32 lies within `WELL_CONDITIONED` of it, and so do
results that are not exact in float32 when every input and weight moves by half a unit in its last place. An error above the
tests' limit is then a wrong formula and not a rounding. The seed is the row's id and the number of the first draw that is so.
"""

from __future__ import annotations

import inspect
import itertools
import os
import sys
import zlib
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import golden
import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes
from rows import FAMILIES, ROWS, In, Row, arguments, flat, init_shapes, made, shapes_in, shapes_of, with_cells
from rules_attention import zeros_where_nothing_is_seen
from rules_images import clahe_as_elsewhere, transformed
from rules_norms import rms_over_axes
from rules_time_distributed import averages_of_steps

# On torch, Keras computes normalizations, products and means of float64 in float32, by this table.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"

WELL_CONDITIONED = 3e-6
DRAWS = 4000
NUDGES = 8
NOTHING = 1e-12
INIT_NUMBERS = 20_000
"""How many fresh weights tell the spread of an initializer."""

Arrays = list[np.ndarray]


# ------------------------------------------------------------------------------------------------------------- drawing


def draw(rng: np.random.Generator, spec: In, number: int) -> np.ndarray:
    """Values of both signs, never 0, that have few bits: sums of products of them are exact in float32."""
    size = int(np.prod(spec.shape))
    if spec.draw == "integers":
        return rng.integers(spec.low, spec.high, spec.shape).astype(spec.dtype)
    if spec.draw in ("mask", "late_mask"):
        mask = rng.random(spec.shape) < 0.6
        mask[..., 0] = spec.draw == "mask"
        return mask
    whole = rng.permutation(size) - size // 2 if spec.draw == "distinct" else np.round(rng.normal(size=size) * 16)
    # The last term keeps two inputs of a maximum from being equal anywhere.
    return ((2 * whole + 1) / 32 + number / 128).reshape(spec.shape).astype(np.float32)


def draw_weight(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    whole = 2 * np.round(rng.normal(size=shape) * 16) + 1
    if "variance" in name or "stddev" in name:
        return (np.abs(whole) / 32 + 0.25).astype(np.float32)
    return (whole / 32).astype(np.float32)


def cotangent(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return ((2 * np.round(rng.normal(size=shape) * 8) + 1) / 16).astype(np.float32)


# ------------------------------------------------------------------------------------------------------------- running


def make(row: Row, dtype: str) -> Any:
    if row.form == "twin":
        return lambda inputs: getattr(keras.layers, row.layer)(inputs, dtype=dtype, **row.kwargs)
    return getattr(keras.layers, row.layer)(dtype=dtype, **with_cells(made(row.kwargs, _class, dtype=dtype), cell, dtype))


def _class(name: str) -> Any:
    return getattr(keras.layers, name, None) or getattr(keras, name)


def cell(config: dict[str, Any]) -> Any:
    """A cell, or a stack of cells."""
    return getattr(keras.layers, config["class_name"])(**config["config"])


_LAYERS: dict[str, tuple[Row, Any]] = {}


def reused(row: Row, dtype: str) -> tuple[Any, bool]:
    """The row's layer of the last draw, where its weights are all its state, and whether it is new: building it costs most of a draw."""
    before, layer = _LAYERS.get(dtype, (None, None))
    if row == before and row.form == "several" and layer.weights and all(w.trainable for w in layer.weights):
        return layer, False
    _LAYERS[dtype] = row, make(row, dtype)
    return _LAYERS[dtype][1], True


def call(row: Row, layer: Any, inputs: list[Any]) -> Any:
    moded = row.form != "twin" and "training" in inspect.signature(layer.call).parameters and isinstance(inputs[0], torch.Tensor)
    args, words = arguments(row, inputs)
    if row.drawn is not None and moded and isinstance(inputs[0], torch.Tensor):
        return transformed(layer, inputs[0], row.drawn)
    by_hand = BY_HAND.get(row.rule or "")
    if by_hand is not None and isinstance(inputs[0], torch.Tensor):
        return by_hand(layer, inputs[0])
    if row.rule == "zeros_where_nothing_is_seen" and isinstance(inputs[0], torch.Tensor):
        return zeros_where_nothing_is_seen(layer, args, {**words, "training": row.training})
    return layer(*args, **words, **({"training": row.training} if moded else {}))


def nudged(array: np.ndarray, nudge: np.random.Generator | None) -> np.ndarray:
    """The numbers, each moved by half a unit in the last place of a float32, up or down."""
    if nudge is None or array.dtype.kind != "f":
        return array
    return array.astype(np.float64) * (1 + nudge.choice([-1.0, 1.0], array.shape) * 2.0**-24)


def run(
    row: Row, inputs: Arrays, rng: np.random.Generator, dtype: str, nudge: np.random.Generator | None = None
) -> dict[str, list[np.ndarray | None]]:
    """Everything that is compared, in `dtype`."""
    layer, new = reused(row, dtype)
    given = [nudged(x, nudge) for x in inputs]
    as_dtype = [torch.tensor(x, dtype=getattr(torch, dtype)) if x.dtype.kind == "f" else torch.tensor(x) for x in given]
    weights: list[Any] = []
    if row.form != "twin":
        if new:
            call(row, layer, as_dtype)
        weights = layer.weights
        for w in weights:
            w.value.grad = None
        layer.set_weights([nudged(draw_weight(rng, w.name, tuple(w.shape)), nudge) for w in weights])
        if weights and hasattr(layer, "finalize_state"):  # Normalization works with copies, which set_weights leaves as they were
            layer.finalize_state()
    before = [np.asarray(w.numpy(), np.float32) for w in weights]
    unbiased = [np.asarray(w.numpy(), np.float64) for w in weights]
    for step in range(row.steps):
        leaves = [(x * (step + 1)).requires_grad_() if x.is_floating_point() else x for x in as_dtype]
        old = [np.asarray(w.numpy(), np.float64) for w in weights]
        results = call(row, layer, leaves)
        for i, w in enumerate(weights):
            if w.name == "moving_variance":
                unbiased[i] = with_bessel(row, layer, unbiased[i], old[i], np.asarray(w.numpy(), np.float64), leaves)
            else:
                unbiased[i] = np.asarray(w.numpy(), np.float64)
    if row.layer == "LayerNormalization" and not layer.rms_scaling:
        golden_by_hand = moments_over_axes(layer, leaves[0].detach()).detach().numpy()
        assert golden.error(results.detach().numpy(), golden_by_hand) < 1e-3, f"{row.id}: Keras does not follow the rule"
    outputs = flat(results)
    cotangents = [cotangent(rng, tuple(y.shape)) for y in outputs]
    if any(y.requires_grad for y in outputs):
        sum((y * torch.tensor(c, dtype=y.dtype)).sum() for y, c in zip(outputs, cotangents, strict=True)).backward()
    trainable = [bool(w.trainable) for w in weights]
    return {
        "inputs": list(inputs),
        "weights": before,
        "cotangents": cotangents,
        "outputs": [y.detach().numpy() for y in outputs],
        "input_grads": [None if x.grad is None else x.grad.numpy() for x in leaves],
        "weight_grads": [
            None if not t or w.value.grad is None else settled(w.value.grad.numpy()) for w, t in zip(weights, trainable, strict=True)
        ],
        "after": [None if t else new for new, t in zip(unbiased, trainable, strict=True)],
    }


def settled(gradient: np.ndarray) -> np.ndarray:
    """Zeros where all is rounding: no softmax depends on the bias of its keys."""
    return np.zeros_like(gradient) if np.abs(gradient).max() < NOTHING else gradient


def with_bessel(row: Row, layer: Any, ours: np.ndarray, old: np.ndarray, new: np.ndarray, inputs: list[torch.Tensor]) -> np.ndarray:
    """Our moving variance after a step: Keras's batch variance times N / (N - 1), as in torch (a chosen difference).

    N counts the values of a channel, where there is a mask those that it keeps. Renormalization is not torch's, and as in Keras.
    """
    if np.array_equal(old, new):
        return ours
    if row.layer == "TimeDistributed":
        return averages_of_steps(layer.layer, ours, inputs[0].detach())
    if layer.renorm:
        return new
    x = inputs[0]
    kept = torch.broadcast_to(inputs[1].unsqueeze(-1), x.shape) if len(inputs) > 1 else torch.ones_like(x)
    count = kept.movedim(layer.axis, 0).flatten(1).sum(1).numpy().astype(np.float64)
    batch = (new - layer.momentum * old) / (1 - layer.momentum)
    return layer.momentum * ours + (1 - layer.momentum) * batch * count / (count - 1)


# --------------------------------------------------------------------------------------------------------------- rules


def average_of_real_elements(row: Row, found: dict[str, Any]) -> dict[str, Any]:
    """AveragePooling with padding 'same': each window's sum over its elements inside the input, divided by their number.

    Keras 3.15.1 on torch divides wrongly where the padding is asymmetric; its other backends follow this rule.
    """
    x, cot = (np.asarray(found[what][0], np.float64) for what in ("inputs", "cotangents"))
    first = row.kwargs.get("data_format") == "channels_first"
    if first:
        x, cot = np.moveaxis(x, 1, -1), np.moveaxis(cot, 1, -1)
    rank = x.ndim - 2
    size = np.broadcast_to(row.kwargs["pool_size"], rank)
    step = size if row.kwargs.get("strides") is None else np.broadcast_to(row.kwargs["strides"], rank)
    inner = x.shape[1:-1]
    counts = [-(-n // s) for n, s in zip(inner, step, strict=True)]
    before = [max(0, (c - 1) * s + k - n) // 2 for c, s, k, n in zip(counts, step, size, inner, strict=True)]
    y, grad = np.zeros((x.shape[0], *counts, x.shape[-1])), np.zeros_like(x)
    for at in itertools.product(*map(range, counts)):
        starts = [i * s - b for i, s, b in zip(at, step, before, strict=True)]
        window = (slice(None), *(slice(max(0, a), min(n, a + k)) for a, k, n in zip(starts, size, inner, strict=True)))
        place = (slice(None), *at)
        axes = tuple(range(1, rank + 1))
        y[place] = x[window].mean(axes)
        grad[window] += np.expand_dims(cot[place], axes) / np.prod(x[window].shape[1:-1])
    if first:
        y, grad = np.moveaxis(y, -1, 1), np.moveaxis(grad, -1, 1)
    return found | {"outputs": [y], "input_grads": [grad]}


def moments_over_axes(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """LayerNormalization by its definition, with gamma and beta along the sorted axes.

    Keras 3.15.1 on torch refuses consecutive axes that are not the last ones; its other backends follow this rule.
    """
    if not layer.built:
        layer.build(tuple(x.shape))
    axes = tuple(sorted(axis % x.ndim for axis in layer.axis))
    centred = x - x.mean(axes, keepdim=True)
    y = centred / torch.sqrt((centred**2).mean(axes, keepdim=True) + layer.epsilon)
    along = [n if i in axes else 1 for i, n in enumerate(x.shape)]
    y = y if layer.gamma is None else y * layer.gamma.value.reshape(along)
    return y if layer.beta is None else y + layer.beta.value.reshape(along)


# By the names that rows give in `rule`: what stands for the layer's call.
BY_HAND = {"moments_over_axes": moments_over_axes, "rms_over_axes": rms_over_axes, "clahe_as_elsewhere": clahe_as_elsewhere}


# ---------------------------------------------------------------------------------------------------- shapes and inits


def fits(said: tuple[int | None, ...], real: tuple[int, ...]) -> bool:
    return len(said) == len(real) and all(a in (None, b) for a, b in zip(said, real, strict=True))


def shape_cases(row: Row, outputs: Arrays) -> list[list[Any]]:
    """[[input shapes], [output shapes]] for an unknown batch, and for each inner axis unknown where Keras takes it.

    A LayerNormalization without weights takes unknown sizes at its axes in Keras; nn.LayerNorm needs them, so these are left out.
    So is an EinsumDense with None in `output_shape`: Keras says None, and layergraph the input's size. Keras's cells declare no shapes.
    """
    shape = row.kwargs.get("output_shape") if row.layer == "EinsumDense" else None
    if isinstance(shape, tuple) and None in shape:
        return []
    without_weights = (row.layer, row.kwargs) == ("LayerNormalization", {"center": False, "scale": False})
    if row.form == "twin" or row.layer.endswith("Cell") or without_weights or row.call.get("reverse"):  # no shape says the way
        return []
    ranks = [len(spec.shape) for spec in row.inputs]
    unknown: list[tuple[int, ...]] = [(0,), *((0, i) for i in range(1, max(ranks))), tuple(range(max(ranks)))]
    cases = []
    for axes in dict.fromkeys(unknown):
        shapes = [tuple(None if i in axes else n for i, n in enumerate(spec.shape)) for spec in row.inputs]
        symbols = [keras.Input(batch_shape=s, dtype=spec.dtype) for s, spec in zip(shapes, row.inputs, strict=True)]
        try:
            results = call(row, make(row, "float32"), symbols)
        except Exception:
            if axes == (0,):
                raise
            continue
        found = flat(results)
        case = [shapes, [tuple(y.shape) for y in found]]
        if any(not fits(y, real.shape) for y, real in zip(case[1], outputs, strict=True)):
            print(f"{row.id}: for {shapes} Keras says {case[1]}, and gives {[y.shape for y in outputs]}: left out")
            continue
        declared = make(row, "float32").compute_output_shape(*shapes_of(row, shapes))
        if shapes_in(declared) != case[1]:
            print(f"{row.id}: for {shapes} compute_output_shape says {declared}, a symbolic call {case[1]}")
        cases.append(case)
    return cases


def init_facts(row: Row) -> list[dict[str, Any]]:
    """How each fresh weight is distributed: its one value where it has one, else its root mean square, and what bounds it."""
    keras.utils.set_random_seed(0)
    draws: list[Arrays] = []
    shapes = init_shapes(row)
    while not draws or sum(d[0].size for d in draws) < INIT_NUMBERS:
        layer = make(row, "float32")
        layer.build(*shapes)
        draws.append([np.asarray(w.numpy()) for w in layer.weights])
    facts = []
    for several in zip(*draws, strict=True):
        if all(np.array_equal(several[0], other) for other in several):
            facts.append({"value": several[0].tolist()})
        else:
            stacked = np.stack(several)
            rms, largest = float(np.sqrt((stacked**2).mean())), float(np.abs(stacked).max())
            rows = np.stack([matrix @ matrix.T for matrix in several]) if stacked.ndim == 3 else None
            if rows is not None and np.allclose(rows, np.eye(stacked.shape[1]), atol=1e-5):
                facts.append({"rms": rms, "orthonormal_rows": True})
            else:
                assert abs(largest / rms - np.sqrt(3)) < 0.05, f"{row.id}: neither constant, nor orthonormal, nor uniform"
                facts.append({"rms": rms, "largest": largest})
    return facts


# --------------------------------------------------------------------------------------------------------------- goldens


def measured(row: Row, seed: int, dtype: str, nudge: np.random.Generator | None = None) -> dict[str, Any]:
    rng = np.random.default_rng(zlib.crc32(f"{row.id}#{seed}".encode()))
    inputs = [draw(rng, spec, number) for number, spec in enumerate(row.inputs)]
    return run(row, inputs, rng, dtype, nudge)


RESULTS = ("outputs", "input_grads", "weight_grads", "after")


def errors(got: dict[str, Any], exact: dict[str, Any]) -> list[float]:
    pairs = [(a, b) for what in RESULTS for a, b in zip(got[what], exact[what], strict=True) if b is not None]
    return [golden.error(a, b) for a, b in pairs]


def conditioned(row: Row, seed: int, exact: dict[str, Any]) -> bool:
    if any(not y.std() > 0 for y in exact["outputs"]):
        return False
    rounded = errors(measured(row, seed, "float32"), exact)
    if max(rounded) > WELL_CONDITIONED:
        return False
    for number in range(NUDGES if max(rounded) > 0 else 0):
        moved = errors(measured(row, seed, "float64", np.random.default_rng(number)), exact)
        if any(far > WELL_CONDITIONED for far, inexact in zip(moved, rounded, strict=True) if inexact > 0):
            return False
    return True


def record(row: Row, writer: golden.Writer) -> int:
    for seed in range(DRAWS):
        exact = measured(row, seed, "float64")
        if conditioned(row, seed, exact):
            break
    else:
        raise AssertionError(f"{row.id}: no well-conditioned draw in {DRAWS}")
    facts: dict[str, Any] = {"shapes": shape_cases(row, exact["outputs"]), "seed": seed}
    if "Average" in row.layer and row.kwargs.get("padding") == "same":
        ruled = average_of_real_elements(row, exact)
        facts["error_of_keras"] = golden.error(exact["outputs"][0], ruled["outputs"][0])
        assert row.rule or facts["error_of_keras"] < 1e-6, f"{row.id}: Keras does not follow the rule"
        exact = ruled
    assert all(y.std() > 0 for y in exact["outputs"]), f"{row.id}: an output does not vary"
    if row.init:
        facts["init"] = init_facts(row)
    writer.add(row.id, exact, **facts)
    return seed


def main(families: list[str]) -> None:
    torch.set_num_threads(1)
    assert keras.__version__ == "3.15.1", keras.__version__
    for name in families or FAMILIES:
        writer = golden.Writer(name, keras=keras.__version__, torch=torch.__version__, backend=keras.backend.backend())
        seeds = [record(row, writer) for row in ROWS if row.family == name]
        writer.save()
        print(f"{name}: {len(seeds)} rows, {writer.path.stat().st_size / 1024:.0f} KiB, draws up to {max(seeds) + 1}")


if __name__ == "__main__":
    main(sys.argv[1:])
