"""What all attention layers share: masks, weights, and heads along any axes.

One rule holds for all of them: a query that may look at no key gets zeros, and its weights are zeros. That is what torch's
`F.scaled_dot_product_attention` gives. Keras gives zeros, the mean of the values or the unmasked result, by the way it takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.layers.sizes import unflatten


def as_bool(mask: Any) -> Any:
    """A mask of any dtype as booleans: what is not 0 is True."""
    return mask if mask.dtype == torch.bool else mask.to(torch.bool)


def both(masks: Sequence[Any]) -> Any:
    """Where all of the masks are True; None where there is none."""
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else torch.logical_and(found, mask)
    return found


def size_of(x: Any, axis: int) -> Any:
    """A size: a number where it is known, else what torch says when it runs."""
    size = x.shape[axis]
    return x.size(axis) if size is None else size


def band(like: Any, steps: Any, keys: Any, causal: bool, window: int | None) -> Tensor:
    """(T, S), True where a key stands no later than the query (`causal`), and less than `window` places away from it."""
    found = like.new_ones((steps, keys), dtype=torch.bool)
    if window is not None:
        found = found.triu(1 - window)
    return found.tril(0 if causal or window is None else window - 1)


def weights_of(scores: Tensor, mask: Any) -> Tensor:
    """Softmax over the last axis of the scores where the mask is True, zeros elsewhere: in a row without a True too."""
    if mask is None:
        return torch.softmax(scores, -1)
    blocked = torch.logical_not(mask)
    # A row of -inf has no softmax and no gradient, so a row that is blocked as a whole stays as it is, for the zeros below.
    hidden = torch.logical_and(blocked, mask.any(-1, keepdim=True))
    return torch.softmax(scores.masked_fill(hidden, -math.inf), -1).masked_fill(blocked, 0.0)


def attended(layer: Any, query: Tensor, key: Tensor, value: Tensor, training: bool | None, **words: Any) -> Tensor:
    """`F.scaled_dot_product_attention`, with the layer's dropout by its mode or by `training`; `words`: its others."""
    if not layer.dropout:
        return F.scaled_dot_product_attention(query, key, value, **words)
    if training is None:
        return layer.attend(query, key, value, **words)
    return F.scaled_dot_product_attention(query, key, value, dropout_p=layer.dropout if training else 0.0, **words)


def dropped(layer: Any, weights: Tensor, training: bool | None) -> Tensor:
    """Weights, with the layer's dropout by its mode or by `training`."""
    if not layer.dropout:
        return weights
    return layer.attend.dropout(weights) if training is None else F.dropout(weights, layer.dropout, training)


@dataclass(frozen=True)
class Along:
    """Attention along some axes of tensors (B, ..., features) of one rank; all other axes are batches.

    Inside, tensors are (B, *others, heads, steps, size), the steps of several axes as one, and masks broadcast to
    (B, *others, heads, T, S).
    """

    rank: int
    axes: tuple[int, ...]

    @property
    def others(self) -> list[int]:
        return [axis for axis in range(1, self.rank - 1) if axis not in self.axes]

    @property
    def _order(self) -> tuple[int, ...]:
        return (0, *self.others, self.rank - 1, *self.axes, self.rank)

    def to_heads(self, x: Any, heads: int, size: int) -> Any:
        """(B, ..., heads * size) -> (B, *others, heads, steps, size)"""
        split = unflatten(x, -1, (heads, size)).permute(*self._order)
        return split.flatten(len(self.others) + 2, -2) if len(self.axes) > 1 else split

    def from_heads(self, y: Any, query: Any) -> Any:
        """(B, *others, heads, T, size) -> (B, ..., heads * size), the sizes of `query`"""
        if len(self.axes) > 1:
            y = unflatten(y, -2, self.sizes(query))
        return y.permute(*(self._order.index(axis) for axis in range(self.rank + 1))).flatten(-2)

    def sizes(self, x: Any) -> list[Any]:
        """The sizes along the axes."""
        return [size_of(x, axis) for axis in self.axes]

    def count(self, x: Any) -> Any:
        """How many steps there are."""
        return math.prod(self.sizes(x))

    def spread(self, weights: Any, query: Any, value: Any) -> Any:
        """(B, *others, heads, T, S), the steps of several axes as several again"""
        if len(self.axes) == 1:
            return weights
        return unflatten(unflatten(weights, -1, self.sizes(value)), len(self.others) + 2, self.sizes(query))

    def steps(self, mask: Any, of_queries: bool) -> Any:
        """The mask of each query or of each key: (B, steps), or (B, ...) as the tensor it belongs to."""
        here, rank, mask = (slice(None), None) if of_queries else (None, slice(None)), mask.ndim, as_bool(mask)
        if rank == 2:
            return mask[(slice(None), *(None,) * (len(self.others) + 1), *here)]
        if self.rank > 3:
            mask = mask.permute(0, *self.others, *self.axes)
        return (mask.flatten(len(self.others) + 1) if len(self.axes) > 1 else mask)[(..., None, *here)]

    def pairs(self, mask: Any) -> Any:
        """The mask of pairs of steps, (T, S), (B, T, S), ... -> what broadcasts to (B, *others, heads, T, S)"""
        count, rank, mask = len(self.axes), mask.ndim, as_bool(mask)
        missing = len(self.others) + 2 + 2 * count - rank
        if rank > 2 * count and missing:
            mask = mask[(*(slice(None),) * (rank - 2 * count), *(None,) * missing)]
        return mask.flatten(-count).flatten(-count - 1, -2) if count > 1 else mask
