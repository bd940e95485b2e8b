"""Layers that act in training only."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.spec import Shape
from layergraph.layers.base import Layer
from layergraph.layers.fields import anything, number, only


class Dropout(Layer):
    """Zeroes elements with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, ...) -> (B, ...)

    The mode is torch's, `model.train()` and `model.eval()`; `layer(x, training=True)` fixes it for that call. The stream is torch's
    generator: `seed` is kept in the config and has no effect.

    Args:
        rate: the probability, in [0, 1].
        noise_shape: only None for now.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> Dropout(0.5)(Input(shape=(4,))).shape
    (None, 4)
    """

    rate: float = number(low=0, high=1)
    noise_shape: Any = only(None, "it comes in a later version")
    seed: int | None = anything(default=None)

    def build(self, input_shape: Shape) -> None:
        self.dropout = nn.Dropout(self.rate)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return self.dropout(x) if training is None else F.dropout(x, self.rate, training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(input_shape, tuple):
            raise Fact(f"takes one tensor, got {input_shape}")
        return input_shape
