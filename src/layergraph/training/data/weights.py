"""Sample weights from class weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from ...errors import ArgumentError, DataError
from .structure import flatten


def weights_of(y: object, sample_weight: object, class_weight: Mapping[int, float] | None) -> object:
    """The sample weights, which may be given by class; `y` is tensors.

    Raises:
        ArgumentError: both kinds of weights.
    """
    if class_weight is None:
        return sample_weight
    if sample_weight is not None:
        raise ArgumentError("You cannot `class_weight` and `sample_weight` at the same time.", "multiply the weights yourself")
    if y is None:
        raise DataError("`class_weight` needs `y`: the classes that it weighs", "pass y")
    return class_weights(y, class_weight)


def class_weights(y: object, weights: Mapping[int, float]) -> Tensor:
    """A weight per sample from a weight per class; `y` is integer labels or one-hot.

    Raises:
        DataError: several outputs, or a class without a weight (Keras takes 1 in silence).
    """
    leaves = flatten(y)
    if len(leaves) != 1:
        raise DataError("`class_weight` is only supported for Models with a single output.", "pass sample_weight, one array per output")
    labels: Tensor = leaves[0]
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] != 1 else labels.squeeze(-1)
    labels = labels.round().long() if labels.is_floating_point() else labels.long()
    present, position = cast("tuple[Tensor, Tensor]", labels.unique(return_inverse=True))
    missing = [int(c) for c in present if int(c) not in weights]
    if missing:
        raise DataError(
            f"class_weight has no entry for class {missing[0]}; it has {sorted(weights)}", f"class_weight={{..., {missing[0]}: 1.0}}"
        )
    return torch.tensor([float(weights[int(c)]) for c in present], device=labels.device)[position]
