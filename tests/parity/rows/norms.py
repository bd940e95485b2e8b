"""Group, RMS and unit normalization; BatchNormalization with masks, with renormalization, of many axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .row import In, Of, Row, Shape, row


def rows() -> Iterator[Row]:
    gn = "GroupNormalization"
    groups: list[tuple[dict[str, Any], Shape]] = [
        ({"groups": 2}, (3, 8)),
        ({"groups": 2}, (2, 3, 6)),
        ({"groups": 3}, (2, 3, 2, 6)),
        ({"groups": 1}, (2, 3, 2, 4)),
        ({"groups": 4}, (2, 3, 2, 4)),
        ({"groups": -1}, (2, 3, 2, 4)),
        ({"groups": 2, "axis": 1}, (2, 4, 3, 2)),
        ({"groups": 2, "axis": 2}, (2, 3, 4, 2)),
        ({"groups": 2, "axis": -2}, (2, 3, 4, 2)),
        ({"groups": -1, "axis": 1}, (2, 4, 5)),
        ({"groups": 2}, (2, 2, 3, 2, 4)),
        ({"groups": 2, "center": False}, (2, 3, 4)),
        ({"groups": 2, "scale": False}, (2, 3, 4)),
        ({"groups": 2, "center": False, "scale": False}, (2, 3, 4)),
        ({"groups": 2, "epsilon": 0.05}, (2, 3, 4)),
    ]
    for kwargs, shape in groups:
        yield row("norms", gn, kwargs, shape, note=f"rank{len(shape)}", init=len(shape) == 2)

    rms = "RMSNormalization"
    yield row("norms", rms, {}, (4, 6), init=True)
    yield row("norms", rms, {}, (2, 3, 4), note="rank3")
    yield row("norms", rms, {"epsilon": 0.05}, (4, 6))
    for axis in ([-1, -2], [2, 3], [1, 2, 3]):
        yield row("norms", rms, {"axis": axis}, (2, 3, 4, 2))
    for axis in (1, 2, [1, 2], [1, 3]):
        yield row("norms", rms, {"axis": axis}, (2, 3, 4, 2), rule="rms_over_axes")

    for axis in (-1, 1, [1, 2], (-1, -2), 2):
        yield row("norms", "UnitNormalization", {"axis": axis}, (2, 3, 4))

    yield row("norms", "LayerNormalization", {"rms_scaling": True}, (4, 6), init=True)
    yield row("norms", "LayerNormalization", {"rms_scaling": True, "axis": [-2, -1]}, (2, 3, 4))
    yield row("norms", "LayerNormalization", {"rms_scaling": True, "axis": [1, 3]}, (2, 3, 4, 2))

    yield from batch_norms()
    yield from spectral_norms()


def batch_norms() -> Iterator[Row]:
    bn = "BatchNormalization"
    for training in (False, True):
        mode = "train" if training else "eval"
        yield row("norms", bn, {}, (2, 2, 1, 2, 2, 3), note=f"rank6_{mode}", training=training)
        yield row("norms", bn, {"axis": 2}, (2, 2, 3, 1, 2, 2), note=f"rank6_{mode}", training=training)
    masked: list[tuple[dict[str, Any], Shape]] = [
        ({}, (4, 5, 3)),
        ({}, (3, 2, 4, 3)),
        ({"axis": 1}, (4, 3, 4)),
        ({"center": False}, (4, 5, 3)),
        ({"scale": False}, (4, 5, 3)),
        ({"epsilon": 0.05}, (4, 5, 3)),
        ({"momentum": 0.5}, (4, 5, 3)),
    ]
    for (kwargs, shape), training in itertools.product(masked, (False, True)):
        note, mask = f"masked_rank{len(shape)}_{'train' if training else 'eval'}", In(shape[:-1], "mask", "bool")
        steps = 2 if training and "momentum" in kwargs else 1
        yield row("norms", bn, kwargs, shape, mask, named=("mask",), note=note, training=training, steps=steps)
    renorm: list[tuple[dict[str, Any], Shape]] = [
        ({}, (6, 4)),
        ({}, (3, 2, 2, 3)),
        ({"axis": 1}, (4, 3, 4)),
        ({"renorm_clipping": {"rmin": 0.5, "rmax": 2.0, "dmax": 0.25}}, (6, 4)),
        ({"renorm_clipping": {"rmax": 1.0}}, (6, 4)),
        ({"renorm_clipping": {"dmax": 0.0}}, (6, 4)),
        ({"renorm_momentum": 0.5, "momentum": 0.75}, (6, 4)),
        ({"center": False}, (6, 4)),
        ({"scale": False}, (6, 4)),
        ({"scale": False, "center": False, "epsilon": 0.05}, (6, 4)),
    ]
    for (kwargs, shape), training in itertools.product(renorm, (False, True)):
        note = f"rank{len(shape)}_{'train' if training else 'eval'}"
        first = training and len(kwargs) == 0 and len(shape) == 2
        yield row("norms", bn, {"renorm": True, **kwargs}, shape, note=note, training=training, steps=2 if training else 1, init=first)
    yield row(
        "norms",
        bn,
        {"renorm": True, "moving_variance_initializer": {"class_name": "Constant", "config": {"value": 4.0}}},
        (6, 4),
        init=True,
    )
    mask = In((4, 5), "mask", "bool")
    yield row("norms", bn, {"renorm": True}, (4, 5, 3), mask, named=("mask",), note="masked_train", training=True)
    yield row("norms", bn, {"renorm": True, "trainable": False}, (6, 4), note="train", training=True)


def spectral_norms() -> Iterator[Row]:
    cases: list[tuple[Of, Any]] = [
        (Of("Dense", {"units": 4}), (3, 5)),
        (Of("Dense", {"units": 4, "use_bias": False}), (3, 5)),
        (Of("Conv1D", {"filters": 3, "kernel_size": 2}), (2, 4, 2)),
        (Of("Conv2D", {"filters": 3, "kernel_size": 2}), (2, 3, 3, 2)),
        (Of("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (3, 2, 4), "bias_axes": "e"}), (2, 3, 5)),
    ]
    for number, (layer, given) in enumerate(cases):
        for training in (False, True):
            note = f"{number}_{'train' if training else 'eval'}"
            yield row("norms", "SpectralNormalization", {"layer": layer}, given, note=note, training=training)
    more = {"layer": Of("Dense", {"units": 4}), "power_iterations": 3}
    yield row("norms", "SpectralNormalization", more, (3, 5), note="train", training=True)
    yield row("norms", "SpectralNormalization", {"layer": Of("Dense", {"units": 4})}, (3, 5), note="three_steps", training=True, steps=3)
