"""The seed of everything random, and what stands behind a symbol."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from layergraph.errors import ArgumentError, shown
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.graph.walk import key


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, numpy and torch (all devices): weights, dropouts and the orders of `fit` follow from it.

    The numbers are torch's, not those that Keras draws from the same seed.

    Args:
        seed: from 0 to 2**32 - 1, which is what numpy takes.

    >>> set_random_seed(0); first = torch.rand(2)
    >>> set_random_seed(0); torch.equal(torch.rand(2), first)
    True
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ArgumentError(f"set_random_seed: wanted an integer from 0 to 2**32 - 1, got {shown(seed)}", "set_random_seed(42)")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbol: what `Input` and layers called on symbols give.

    >>> from layergraph import Input
    >>> is_keras_tensor(Input((3,))), is_keras_tensor(torch.ones(3))
    (True, False)
    """
    return isinstance(x, SymbolicTensor)


def get_source_inputs(tensor: SymbolicTensor) -> list[SymbolicTensor]:
    """The Inputs that a symbol depends on, in the order in which Keras lists them: as its computation first meets them.

    >>> from layergraph import Input, layers
    >>> a, b = Input((2,), name="a"), Input((2,), name="b")
    >>> [each.name for each in get_source_inputs(layers.Add()([b, layers.Dense(2)(a)]))]
    ['b', 'a']
    """
    if not isinstance(tensor, SymbolicTensor):
        raise ArgumentError(f"get_source_inputs: wanted a symbol, got {shown(tensor)}", "pass what a layer gave for an Input")
    sources: list[SymbolicTensor] = []
    seen = {key(tensor)}
    pending = [tensor]
    while pending:
        symbol = pending.pop()
        if symbol.node.op == "input":
            sources.append(symbol)
        for parent in reversed(symbol.node.parents):
            if key(parent) not in seen:
                seen.add(key(parent))
                pending.append(parent)
    return sources
