"""The recurrent functions of cuDNN, for one layer and one direction, time first; and the one buffer in which it wants the weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

RNN, LSTM, GRU = 1, 2, 3  # cuDNN's numbers for the kinds of layers, of which oneDNN shares the LSTM's
_aten: Any = torch.ops.aten


def forward(
    x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], kind: int, train: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(T, B, input), states (B, hidden) -> (T, B, hidden), last h, last c (empty where there is none), what `backward` needs."""
    h, c = _hidden(states)
    buffer = flattened(weights, kind)
    hidden = h.shape[2]
    found = _aten._cudnn_rnn(x, list(weights), len(weights), buffer, h, c, kind, hidden, 0, 1, False, 0.0, train, False, [], None)
    return found[0], found[1].squeeze(0), found[2].squeeze(0), found[3]


def backward(
    grads: Sequence[Tensor | None],
    x: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    output: Tensor,
    kept: Tensor,
    kind: int,
    needs: tuple[bool, bool],
) -> list[Tensor]:
    """The gradients of x, the states and the weights; `needs` says whether those of x and of the weights are wanted, else empty."""
    h, c = _hidden(states)
    grad_output, grad_h, grad_c = (None if grad is None else grad.contiguous() for grad in grads)
    grad_h, grad_c = (None if grad is None else grad.unsqueeze(0) for grad in (grad_h, grad_c))
    buffer, lstm, hidden = flattened(weights, kind), kind == LSTM, h.shape[2]
    mask = [needs[0], True, lstm, needs[1]]
    dx, dh, dc, found = _aten._cudnn_rnn_backward(
        *(x, list(weights), len(weights), buffer, h, c, output, grad_output, grad_h, grad_c if lstm else None),
        *(kind, hidden, 0, 1, False, 0.0, True, False, [], None, kept, mask),
    )
    # Those of the weights are views of one buffer, and an operator's results may not share memory.
    of_weights = [grad.clone() for grad in found] if needs[1] else [x.new_empty(0) for _ in weights]
    return [dx if needs[0] else x.new_empty(0), dh.squeeze(0), *([dc.squeeze(0)] if lstm else []), *of_weights]


def _hidden(states: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """(1, B, hidden), in one block each."""
    h, *c = (state.contiguous().unsqueeze(0) for state in states)
    return h, c[0] if c else None


# ---- the buffer ------------------------------------------------------------------------------------------------------------------


def flatten(weights: Sequence[Tensor], kind: int) -> Tensor:
    """Move the weights, in place, into one new buffer in cuDNN's order, which is returned."""
    input_size, hidden = weights[0].shape[1], weights[1].shape[1]
    with torch.cuda.device_of(weights[0]), torch.no_grad():
        return torch._cudnn_rnn_flatten_weight(list(weights), len(weights), input_size, kind, hidden, 0, 1, True, False)


@functools.lru_cache(maxsize=256)
def _layout(shapes: tuple[torch.Size, ...], kind: int, dtype: torch.dtype, device: torch.device) -> tuple[int, tuple[int, ...]]:
    """How many elements the buffer has, and where in it each weight starts."""
    weights = [torch.zeros(shape, dtype=dtype, device=device) for shape in shapes]
    buffer = flatten(weights, kind)
    return buffer.numel(), tuple(int(weight.storage_offset()) for weight in weights)


def flattened(weights: Sequence[Tensor], kind: int) -> Tensor:
    """The buffer of the weights: their own memory if they lie in one, else a copy."""
    first = weights[0]
    size, offsets = _layout(tuple(weight.shape for weight in weights), kind, first.dtype, first.device)
    memory = first.untyped_storage()
    start = memory.data_ptr()
    fits = memory.nbytes() >= size * first.element_size() and all(
        weight.untyped_storage().data_ptr() == start and weight.storage_offset() == offset and weight.is_contiguous()
        for weight, offset in zip(weights, offsets, strict=True)
    )
    return first.new_empty(0).set_(memory, 0, (size,), (1,)) if fits else flatten([weight.clone() for weight in weights], kind)
