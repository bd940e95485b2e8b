"""Gradients of a recurrent layer from its outputs, where no library has a backward for it.

The outputs are the hidden states, so all gates of all steps come again from two matrix products. Everything that does not depend
on a later step is worked out for all steps at once. What is left for the loop backwards through time is linear in the gradient
of h: one product with the recurrent weights a step, and two or three elementwise operations. The gradients of the weights are
one product each, over all steps.

Shapes: T steps, B rows, H hidden; the gates stand on an axis of their own, (T, B, gates, H). `d` stands for "gradient of".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.nn.recurrence.cudnn import GRU, LSTM, RNN

Grads = tuple[Tensor | None, Tensor | None, Tensor | None]
Found = tuple[Tensor, Tensor, list[Tensor]]  # d of the gates as x moves them, d of the gates as h moves them, d of the states
_HALVES = (torch.float16, torch.bfloat16)


def gradients(
    grads: Grads,
    x: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    output: Tensor,
    kind: int,
    needs_x: bool,
    needs_weights: bool,
) -> list[Tensor]:
    """d of x, of each state and of each weight, the ones that are not needed empty.

    x (T, B, input), states (B, H), output (T, B, H); `grads` of the output, the last h and the last c. Halves are worked out in float32.
    """
    if x.dtype in _HALVES:
        x, output = x.float(), output.float()
        states, weights = [state.float() for state in states], [weight.float() for weight in weights]
        grads = tuple(None if grad is None else grad.float() for grad in grads)  # pyright: ignore[reportAssignmentType]
    before = torch.cat((states[0].unsqueeze(0), output[:-1]))
    by_x, by_h, d_states = _GATES[kind](grads, x, before, states, weights, output)
    by_x, by_h = by_x.flatten(2), by_h.flatten(2)
    dx = by_x @ weights[0] if needs_x else x.new_empty(0)
    if not needs_weights:
        return [dx, *d_states, *(x.new_empty(0) for _ in weights)]
    pairs = ((by_x, x), (by_h, before))
    d_weights = [by.flatten(0, 1).t() @ of.flatten(0, 1) for by, of in pairs]
    d_biases = [by.sum((0, 1)) for by, _ in pairs] if len(weights) == 4 else []
    return [dx, *d_states, *d_weights, *d_biases]


def _inputs(x: Tensor, weight: Tensor, bias: Tensor | None, gates: int) -> Tensor:
    """What goes into the gates: (T, B, features) -> (T, B, gates, H)."""
    return F.linear(x, weight, bias).view(*x.shape[:2], gates, weight.shape[0] // gates)


def _both(x: Tensor, before: Tensor, weights: Sequence[Tensor], gates: int) -> tuple[Tensor, Tensor]:
    ih, hh, *biases = weights
    b_ih, b_hh = biases or (None, None)
    return _inputs(x, ih, b_ih, gates), _inputs(before, hh, b_hh, gates)


def _from_outputs(grads: Grads, output: Tensor) -> tuple[Sequence[Tensor], Tensor]:
    """d of each step's output, and d of the last h."""
    grad_output, grad_h, _ = grads
    steps = (output.new_zeros(output.shape[1:]),) * len(output) if grad_output is None else grad_output.unbind()
    return steps, steps[-1] if grad_h is None else steps[-1] + grad_h


def _rnn(grads: Grads, x: Tensor, before: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], output: Tensor) -> Found:
    """h = tanh(a)."""
    slopes = 1 - output * output
    steps, dh = _from_outputs(grads, output)
    hh, d_gates = weights[1], slopes.unbind()
    for t in range(len(output) - 1, -1, -1):
        da = d_gates[t].mul_(dh)
        dh = torch.addmm(steps[t - 1], da, hh) if t else da @ hh
    return slopes, slopes, [dh]


def _gru(grads: Grads, x: Tensor, before: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], output: Tensor) -> Found:
    """h = (1 - z) n + z h', with r, z = sigmoid(a_r), sigmoid(a_z), and n = tanh(a_n + r b_n)."""
    by_x, by_h = _both(x, before, weights, 3)
    r, z = torch.sigmoid_(by_x[:, :, :2] + by_h[:, :, :2]).unbind(2)
    b_n = by_h[:, :, 2]
    n = torch.addcmul(by_x[:, :, 2], r, b_n).tanh_()
    to_n = (1 - z) * (1 - n * n)
    of_h = to_n * r
    slopes = torch.stack((of_h * b_n * (1 - r), (before - n) * z * (1 - z), of_h), 2)
    steps, dh = _from_outputs(grads, output)
    hh, d_gates, keeps, d_n = weights[1], slopes.unbind(), z.unbind(), to_n.unbind()
    for t in range(len(output) - 1, -1, -1):
        da = d_gates[t].mul_(dh.unsqueeze(1))
        d_n[t].mul_(dh)
        through = torch.addcmul(steps[t - 1], keeps[t], dh) if t else keeps[t] * dh
        dh = through.addmm_(da.flatten(1), hh)
    return torch.cat((slopes[:, :, :2], to_n.unsqueeze(2)), 2), slopes, [dh]


def _lstm(grads: Grads, x: Tensor, before: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], output: Tensor) -> Found:
    """c = f c' + i g, h = o tanh(c), with i, f, o sigmoids and g a tanh."""
    by_x, by_h = _both(x, before, weights, 4)
    a = by_x.add_(by_h)
    i, f, o = (torch.sigmoid(a[:, :, gate]) for gate in (0, 1, 3))
    g = torch.tanh(a[:, :, 2])
    cells = (i * g).unbind()
    for t, c in enumerate(cells):
        c.addcmul_(f[t], cells[t - 1] if t else states[1])
    c = torch.stack((states[1], *cells))
    tanh = torch.tanh(c[1:])
    slopes = torch.stack((g * i * (1 - i), c[:-1] * f * (1 - f), i * (1 - g * g), tanh * o * (1 - o)), 2)
    to_c = (o * (1 - tanh * tanh)).unbind()
    steps, dh = _from_outputs(grads, output)
    dc = torch.zeros_like(dh) if grads[2] is None else grads[2]
    hh, d_gates, of_c, of_h, forgets = weights[1], slopes.unbind(), slopes[:, :, :3].unbind(), slopes[:, :, 3].unbind(), f.unbind()
    for t in range(len(output) - 1, -1, -1):
        dc = torch.addcmul(dc, to_c[t], dh)
        of_c[t].mul_(dc.unsqueeze(1))
        of_h[t].mul_(dh)
        dc.mul_(forgets[t])
        da = d_gates[t].flatten(1)
        dh = torch.addmm(steps[t - 1], da, hh) if t else da @ hh
    return slopes, slopes, [dh, dc]


_GATES: dict[int, Callable[..., Found]] = {RNN: _rnn, LSTM: _lstm, GRU: _gru}
