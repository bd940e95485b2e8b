"""Weights in two layouts: torch's, in which they live, and Keras's, which `get_weights` and `set_weights` speak."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.initializers import VarianceScaling
from layergraph.layers.sizes import unflatten


@dataclass(frozen=True)
class Layout:
    """How torch tensors become one array of Keras's, and back."""

    to_keras: Callable[..., Tensor]
    from_keras: Callable[[Tensor], tuple[Tensor, ...]]


def _as_it_is(t: Tensor) -> Tensor:
    return t


def _axes_first(t: Tensor) -> Tensor:
    """(out, in, *kernel) -> (*kernel, in, out), for any number of spatial axes."""
    return t.permute(*range(2, t.ndim), 1, 0)


PLAIN = Layout(_as_it_is, lambda k: (k,))
DENSE = Layout(Tensor.t, lambda k: (k.t(),))
CONV = Layout(_axes_first, lambda k: (k.permute(k.ndim - 1, k.ndim - 2, *range(k.ndim - 2)),))


def depthwise(multiplier: int) -> Layout:
    """(in * multiplier, 1, *kernel), the channels of one input side by side, and (*kernel, in, multiplier)."""

    def to_keras(t: Tensor) -> Tensor:
        return unflatten(t.squeeze(1), 0, (-1, multiplier)).permute(*range(2, t.ndim), 0, 1)

    def from_keras(k: Tensor) -> tuple[Tensor]:
        return (k.permute(k.ndim - 2, k.ndim - 1, *range(k.ndim - 2)).flatten(0, 1).unsqueeze(1),)

    return Layout(to_keras, from_keras)


@dataclass
class Added:
    """What `add_weight` was told of a weight; `free` until an attribute gives it its name in `state_dict`."""

    name: str
    trainable: bool
    regularizer: Any
    constraint: Any
    free: bool = True


@dataclass(frozen=True)
class Weight:
    """One of Keras's weights of a layer.

    Args:
        name: Keras's name of it, such as `kernel`.
        tensors: the Parameters or buffers of the torch module that hold it.
        layout: how they map to Keras's array.
        trainable: False for statistics.
        fields: the first word of the layer's arguments that belong to it, as in `kernel_initializer`; `name` if not given.
        fans: the axes of Keras's array that count as its inputs, and as its outputs, where these are not its last two.
    """

    name: str
    tensors: tuple[Tensor, ...]
    layout: Layout = PLAIN
    trainable: bool = True
    fields: str = ""
    fans: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def to_keras(self, *tensors: Tensor) -> np.ndarray:
        """The array in Keras's layout, of these tensors (their gradients, say) or of the weight itself."""
        with torch.no_grad():
            found = self.layout.to_keras(*(tensors or self.tensors)).detach().cpu()
        return found.float().numpy().copy() if found.dtype in (torch.bfloat16, torch.float16) else found.numpy().copy()

    @property
    def held(self) -> tuple[Tensor, ...]:
        """The tensors that stand for it in `layer.weights`: a GRU's two biases, but not an LSTM's second one, a buffer of zeros."""
        return self.tensors[:1] + tuple(tensor for tensor in self.tensors[1:] if isinstance(tensor, nn.Parameter))

    @property
    def keras_shape(self) -> tuple[int, ...]:
        with torch.no_grad():
            return tuple(self.layout.to_keras(*self.tensors).shape)

    def check(self, array: object) -> Tensor:
        """The array as a tensor in Keras's layout, checked against the weight's shape; raises `Fact`."""
        given = array.detach() if isinstance(array, Tensor) else torch.from_numpy(np.array(array))
        if tuple(given.shape) != self.keras_shape:
            raise Fact(f"{self.name} has shape {self.keras_shape}, got {tuple(given.shape)}")
        return given

    def assign(self, array: object) -> None:
        """Copy an array in Keras's layout into the tensors."""
        with torch.no_grad():
            for tensor, part in zip(self.tensors, self.layout.from_keras(self.check(array)), strict=True):
                tensor.copy_(part)

    def initialize(self, initializer: Callable[..., Tensor]) -> None:
        """Fill the tensors with what an initializer gives for Keras's shape."""
        if self.fans is not None and isinstance(initializer, VarianceScaling) and None in (initializer.input_axes, initializer.output_axes):
            initializer = copy.copy(initializer)
            initializer.input_axes, initializer.output_axes = self.fans
        with torch.no_grad():
            values = initializer(self.keras_shape, torch.float32)
            for tensor, part in zip(self.tensors, self.layout.from_keras(values), strict=True):
                tensor.copy_(part)

    def count(self) -> int:
        """The number of Keras's values."""
        return math.prod(self.keras_shape)
