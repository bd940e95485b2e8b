"""One layer as one operator, `layergraph::recurrent`, with its backward, for torch.compile.

An operator's kernel runs below autograd, so the forward keeps what the backward needs by itself:

    where                                        forward                    kept            backward
    CUDA with cuDNN                              _cudnn_rnn                 its reserve     _cudnn_rnn_backward
    LSTM on the CPU, float32 and bfloat16        aten.mkldnn_rnn_layer      its workspace   aten.mkldnn_rnn_layer_backward
    everything else                              torch.lstm, gru, rnn_tanh  nothing         gradients.py

The size of what the libraries keep is known to them alone. While tracing it is a symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.nn.recurrence import cudnn
from layergraph.nn.recurrence.cudnn import GRU, LSTM, RNN
from layergraph.nn.recurrence.gradients import gradients

_FUNCTIONS: dict[int, Callable[..., tuple[Tensor, Tensor]]] = {RNN: torch.rnn_tanh, GRU: torch.gru}
_ONEDNN_TYPES = (torch.float32, torch.bfloat16)
_aten: Any = torch.ops.aten
_library: Any = torch.library


def _onednn(x: Tensor, kind: int) -> bool:
    """Whether torch.lstm would train with oneDNN; the conditions are torch's own."""
    if kind != LSTM or x.device.type != "cpu" or x.dtype not in _ONEDNN_TYPES or not x.numel():
        return False
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    return x.dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _four(weights: Sequence[Tensor]) -> list[Tensor]:
    """The weights with biases: oneDNN takes four tensors whether there is a bias or not."""
    zeros = weights[0].new_zeros(weights[0].shape[0])
    return [*weights, *([] if len(weights) == 4 else [zeros, zeros])]


def _onednn_forward(x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    biased, hidden = len(weights) == 4, states[0].shape[1]
    with torch.enable_grad():  # not for autograd, which is off here: the kernel keeps its workspace where gradients are on
        return _aten.mkldnn_rnn_layer(x, *_four(weights), *states, False, [], LSTM, hidden, 1, biased, False, False, True)


def _onednn_backward(
    grads: Sequence[Tensor | None],
    x: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    results: Sequence[Tensor],
    kept: Tensor,
) -> list[Tensor]:
    biased, hidden = len(weights) == 4, states[0].shape[1]
    dx, ih, hh, b_ih, b_hh, dh, dc = _aten.mkldnn_rnn_layer_backward(
        *(x, *_four(weights), *states, *results, *grads, False, LSTM, hidden, 1, biased, True, False, [], False, kept)
    )
    return [dx, dh, dc, ih, hh, *((b_ih, b_hh) if biased else ())]


def _time_first(x: Tensor) -> Tensor:
    return x.transpose(0, 1).contiguous()


def _forward(x: Tensor, states: list[Tensor], weights: list[Tensor], kind: int, train: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """See `_SCHEMA`. Few Python calls: each costs a microsecond where torch.compile watches."""
    if x.is_cuda and torch.cudnn_is_acceptable(x):
        output, h, c, kept = cudnn.forward(_time_first(x), states, weights, kind, train)
        return output.transpose(0, 1), h, c, kept
    if train and _onednn(x, kind):
        output, h, c, kept = _onednn_forward(_time_first(x), states, weights)
        return output.transpose(0, 1), h, c, kept
    if torch.is_grad_enabled():
        with torch.no_grad():
            return _forward(x, states, weights, kind, train)
    h, kept = states[0].unsqueeze(0), x.new_empty(0, dtype=torch.uint8)
    if kind == LSTM:
        output, h, c = torch.lstm(x, [h, states[1].unsqueeze(0)], weights, len(weights) == 4, 1, 0.0, False, False, True)
        c = c.squeeze(0)
    else:
        output, h = _FUNCTIONS[kind](x, h, weights, len(weights) == 4, 1, 0.0, False, False, True)
        c = x.new_empty(0)
    steps = output.transpose(0, 1)
    return output if steps.is_contiguous() else steps.contiguous().transpose(0, 1), h.squeeze(0), c, kept


def _backward(
    grads: list[Tensor | None],
    x: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    results: list[Tensor],
    kind: int,
    needs_x: bool,
    needs_weights: bool,
) -> list[Tensor]:
    """See `_BACKWARD_SCHEMA`."""
    output, h, c, kept = results
    grad_output, grad_h, grad_c = (None if grad is None else grad.to(x.dtype) for grad in grads)
    steps, output = _time_first(x), _time_first(output)
    grad_output = None if grad_output is None else _time_first(grad_output)
    if kept.numel() and x.is_cuda:
        needs = (needs_x, needs_weights)
        found = cudnn.backward((grad_output, grad_h, grad_c), steps, states, weights, output, kept, kind, needs)
    elif kept.numel():
        found = _onednn_backward((grad_output, grad_h, grad_c), steps, states, weights, (output, h, c), kept)
    else:
        found = gradients((grad_output, grad_h, grad_c), steps, states, weights, output, kind, needs_x, needs_weights)
    dx, *rest = (grad.to(x.dtype) for grad in found)
    if not needs_weights:
        rest[len(states) :] = [x.new_empty(0) for _ in weights]
    return [dx.transpose(0, 1) if needs_x else x.new_empty(0), *rest]


# ---- the operators ---------------------------------------------------------------------------------------------------------------

# (B, T, input), states (B, hidden), weights as nn.LSTM orders them, cuDNN's number of the kind, whether a backward follows
# -> (B, T, hidden), last h, last c (empty where there is none), what the backward needs
_SCHEMA = "(Tensor x, Tensor[] states, Tensor[] weights, int kind, bool train) -> (Tensor, Tensor, Tensor, Tensor)"
# The gradients of the first three results, the arguments, the results -> the gradients of x, the states and the weights, those
# that are not needed empty.
_BACKWARD_SCHEMA = (
    "(Tensor?[] grads, Tensor x, Tensor[] states, Tensor[] weights, Tensor[] results, int kind, bool needs_x, bool needs_weights)"
    " -> Tensor[]"
)

# By hand, where `torch.library.custom_op` is shorter: its wrapper costs 25 us a call, a tenth of a small layer.
_defined = torch.library.Library("layergraph", "FRAGMENT")
for _name, _schema, _kernel in (("recurrent", _SCHEMA, _forward), ("recurrent_backward", _BACKWARD_SCHEMA, _backward)):
    _defined.define(_name + _schema)
    _defined.impl(_name, _kernel, "CompositeExplicitAutograd")
_recurrent: Any = torch.ops.layergraph.recurrent.default
_recurrent_backward: Any = torch.ops.layergraph.recurrent_backward.default


def _forward_fake(x: Tensor, states: list[Tensor], weights: list[Tensor], kind: int, train: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, steps, hidden = x.shape[0], x.shape[1], states[0].shape[1]
    kept: Any = 0
    if train and (x.is_cuda or (kind == LSTM and x.device.type == "cpu" and x.dtype in _ONEDNN_TYPES)):
        kept = _library.get_ctx().new_dynamic_size()
    output = x.new_empty(steps, batch, hidden).transpose(0, 1)
    last = x.new_empty(batch, hidden) if kind == LSTM else x.new_empty(0)
    return output, x.new_empty(batch, hidden), last, x.new_empty(kept, dtype=torch.uint8)


def _backward_fake(
    grads: list[Tensor | None],
    x: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    results: list[Tensor],
    kind: int,
    needs_x: bool,
    needs_weights: bool,
) -> list[Tensor]:
    batch, steps, features = x.shape
    dx = x.new_empty(steps, batch, features).transpose(0, 1) if needs_x else x.new_empty(0)
    of_weights = [weight.new_empty(weight.shape) if needs_weights else x.new_empty(0) for weight in weights]
    return [dx, *(state.new_empty(state.shape) for state in states), *of_weights]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, states, weights, ctx.kind, train = inputs
    if not train:
        raise RuntimeError("layergraph::recurrent was called without train=True, and keeps nothing for a backward")
    ctx.set_materialize_grads(False)
    ctx.counts = len(states), len(weights)
    ctx.save_for_backward(x, *states, *weights, *output)


def _differentiate(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
    x, *rest = ctx.saved_tensors
    states, weights = ctx.counts
    needs_x, needs_states, needs_weights = ctx.needs_input_grad[:3]
    args = ([*grads[:3]], x, rest[:states], rest[states : states + weights], rest[states + weights :], ctx.kind)
    dx, *found = _recurrent_backward(*args, needs_x, any(needs_weights))
    wanted = [grad if needed else None for grad, needed in zip(found, [*needs_states, *needs_weights], strict=True)]
    return dx if needs_x else None, wanted[:states], wanted[states:], None, None


_library.register_fake("layergraph::recurrent", _forward_fake, lib=_defined)
_library.register_fake("layergraph::recurrent_backward", _backward_fake, lib=_defined)
_library.register_autograd("layergraph::recurrent", _differentiate, setup_context=_setup, lib=_defined)


def recurrent(x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], kind: int) -> tuple[Tensor, ...]:
    """(B, T, input), states (B, hidden) -> (B, T, hidden), last h (B, hidden) and, of an LSTM, last c; all of one dtype."""
    train = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *states, *weights))
    output, h, c, _ = _recurrent(x, list(states), list(weights), kind, train)
    return (output, h, c) if kind == LSTM else (output, h)
