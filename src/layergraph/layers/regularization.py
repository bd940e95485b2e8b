"""Layers that act in training only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, anything, checked, is_int, number
from layergraph.nn.dropout import BroadcastDropout, broadcast_dropout


def _noise_shape(value: Any, owner: Any) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    if not is_sequence(value) or not all(size is None or (is_int(size) and size > 0) for size in value):
        raise Fact(f"must be a tuple of sizes and Nones, got {shown(value)}")
    return tuple(value)


class Dropout(Layer):
    """Zeroes elements with probability `rate` in training, and scales the others by 1 / (1 - rate).

    (B, ...) -> (B, ...)

    The mode is torch's, `model.train()` and `model.eval()`; `layer(x, training=True)` fixes it for that call. The stream is torch's
    generator: `seed` is kept in the config and has no effect.

    Args:
        rate: the probability, in [0, 1].
        noise_shape: the shape of the mask, None for an input's own size: `(None, 1, None)` drops along axis 1 alike.
        seed: kept in the config.

    >>> from layergraph import Input
    >>> Dropout(0.5)(Input(shape=(4,))).shape
    (None, 4)
    """

    supports_masking = True

    rate: float = number(low=0, high=1)
    noise_shape: Argument[Sequence[int | None] | None, tuple[int | None, ...] | None] = checked(_noise_shape, default=None)
    seed: int | None = anything(default=None)

    def build(self, input_shape: Shape) -> None:
        self.dropout = nn.Dropout(self.rate) if self.noise_shape is None else BroadcastDropout(self.rate, self.noise_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        if training is None:
            return self.dropout(x)
        if self.noise_shape is not None:
            return broadcast_dropout(x, self.rate, self.noise_shape, training)
        return F.dropout(x, self.rate, training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(input_shape, tuple):
            raise Fact(f"takes one tensor, got {input_shape}")
        noise = self.noise_shape or (None,) * len(input_shape)
        fits = [given is None or given == 1 or size is None or given == size for given, size in zip(noise, input_shape, strict=False)]
        if len(noise) != len(input_shape) or not all(fits):
            raise Fact(f"has noise_shape {self.noise_shape}, which does not broadcast to shape {input_shape}")
        return input_shape
