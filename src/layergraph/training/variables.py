"""What Keras's variables have beside a tensor's attributes, on a model's weights while a step of the user's runs.

A weight of layergraph is a plain `torch.nn.Parameter`. In a `train_step` written for Keras, `v.value.grad` and
`v.assign(...)` stand; for as long as the step runs, and no longer, the weights of the model have

    value                               the weight itself
    assign, assign_add, assign_sub      a change in place, outside the graph of gradients; values in torch's layout

Anywhere else, write `v.grad`, and `v.copy_(...)` under `torch.no_grad()`. `v.name` and `v.numpy()` are torch's: the name is
None (`model.named_parameters()` has the names), and a weight that is trained is detached first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Table = Sequence[tuple[Tensor, dict[str, Any]]]


def _assign(variable: Tensor, value: Any) -> Tensor:
    with torch.no_grad():
        return variable.copy_(_alike(variable, value))


def _assign_add(variable: Tensor, value: Any) -> Tensor:
    with torch.no_grad():
        return variable.add_(_alike(variable, value))


def _assign_sub(variable: Tensor, value: Any) -> Tensor:
    with torch.no_grad():
        return variable.sub_(_alike(variable, value))


def _alike(variable: Tensor, value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=variable.dtype, device=variable.device)


def table_of(module: nn.Module) -> Table:
    """The weights of a module, each with what it is to have."""
    return [
        (v, {"value": v, "assign": partial(_assign, v), "assign_add": partial(_assign_add, v), "assign_sub": partial(_assign_sub, v)})
        for v in (*module.parameters(), *module.buffers())
    ]


@contextlib.contextmanager
def as_variables(table: Table) -> Generator[None]:
    """The weights have Keras's attributes, and lose them afterwards, whatever happened."""
    held = [(vars(variable), attributes) for variable, attributes in table]
    for state, attributes in held:
        state.update(attributes)
    try:
        yield
    finally:
        for state, attributes in held:
            for name in attributes:
                state.pop(name, None)
