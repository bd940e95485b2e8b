"""Recurrent layers that compile in one graph: one layer, one direction, batch first, with plain Parameters.

`torch.compile(fullgraph=True)` refuses a module that holds an `nn.LSTM`, `nn.GRU` or `nn.RNN`. These call the functions behind
them, and name their weights as they do: a `state_dict` of one loads into the other. Compiled, they call the operator of
`recurrence/` instead, since torch.compile unrolls `torch.gru` over time, and cannot train `torch.lstm` at all.

Two things differ from torch's modules. States have no axis for layers: (B, hidden). And an LSTM or RNN learns one bias: its
`bias_hh_l0` is a buffer, zero until a `state_dict` says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from layergraph.errors import ShapeError
from layergraph.nn.recurrence import cudnn, masks
from layergraph.nn.recurrence.kernel import recurrent


class Recurrent(nn.Module):
    """What the three share: the weights, the checks and the states."""

    bias_ih_l0: Tensor
    bias_hh_l0: Tensor
    gates: ClassVar[int]
    kind: ClassVar[int]
    _function: ClassVar[Callable[..., Any]]
    second_bias_learns: ClassVar[bool] = False

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(rows, hidden_size))
        if bias:
            self.bias_ih_l0 = nn.Parameter(torch.empty(rows))
            if self.second_bias_learns:
                self.bias_hh_l0 = nn.Parameter(torch.empty(rows))
            else:
                self.register_buffer("bias_hh_l0", torch.zeros(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the Parameters as torch does: uniform within 1 / sqrt(hidden_size)."""
        limit = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -limit, limit)

    def _weights(self) -> list[Tensor]:
        weights: list[Tensor] = [self.weight_ih_l0, self.weight_hh_l0]
        return [*weights, self.bias_ih_l0, self.bias_hh_l0] if self.bias else weights

    def _check(self, x: Tensor) -> None:
        # torch's own CPU kernel of the LSTM reads past the end of what has the wrong size, without an error.
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ShapeError(f"{type(self).__name__} expects an input of shape (batch, steps, {self.input_size}), got {tuple(x.shape)}")

    def _state(self, x: Tensor, state: Tensor | None) -> Tensor:
        """(B, hidden): zeros where there is none; a state of batch 1 serves the whole batch."""
        if state is None:
            return x.new_zeros(x.shape[0], self.hidden_size)
        if state.ndim != 2 or state.shape[1] != self.hidden_size:
            raise ShapeError(f"{type(self).__name__} expects states of shape (batch, {self.hidden_size}), got {tuple(state.shape)}")
        return state.expand(x.shape[0], -1).contiguous()

    def _run(self, x: Tensor, *given: Tensor | None, counts: Tensor | None = None) -> tuple[Tensor, ...]:
        """The output and the last states; with the counts of `masks.front`, an LSTM's c is that of the last valid step."""
        self._check(x)
        states, weights = [self._state(x, state) for state in given], self._weights()
        if counts is not None:
            x, weights = masks.hold(x, counts, weights)
        # Eager `torch.lstm` warns of weights that do not lie in one block for cuDNN, as those of `hold` never do.
        if (torch.compiler.is_compiling() or (counts is not None and x.is_cuda)) and not torch.compiler.is_exporting():
            dtype = self._autocast_dtype(states[0])
            if dtype is not None:
                x, states, weights = x.to(dtype), [state.to(dtype) for state in states], [weight.to(dtype) for weight in weights]
            return recurrent(x, states, weights, self.kind)
        hidden = [state.unsqueeze(0) for state in states]
        # With no dropout inside, `train` only says whether to keep what a backward needs; cuDNN refuses one without it.
        found = self._function(
            x, hidden if len(hidden) == 2 else hidden[0], weights, self.bias, 1, 0.0, torch.is_grad_enabled(), False, True
        )
        return (found[0], *(state.squeeze(0) for state in found[1:]))

    def _autocast_dtype(self, state: Tensor) -> torch.dtype | None:
        """The dtype that torch's functions work in under autocast, which does not see into an operator.

        `torch.gru` on the CPU has only its products in the lower precision, and its result has the state's dtype.
        """
        device = state.device.type
        if not torch.is_autocast_enabled(device) or state.dtype == torch.float64:
            return None
        return state.dtype if self.kind == cudnn.GRU and device == "cpu" else torch.get_autocast_dtype(device)

    def _apply(self, fn: Callable[..., Tensor], recurse: bool = True) -> Recurrent:
        super()._apply(fn, recurse)
        self.flatten_parameters()
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.flatten_parameters()

    def flatten_parameters(self) -> None:
        """Lay the weights out in one block of memory, as cuDNN wants them: on other devices, and where it cannot be, nothing.

        It is done when the module moves to a device and when it is copied, as `nn.LSTM` does when it moves; otherwise each call
        copies them.
        """
        weights = self._weights()
        first = weights[0]
        plain = all(
            type(weight) in (Tensor, nn.Parameter) and weight.dtype == first.dtype and weight.device == first.device for weight in weights
        )
        if first.is_cuda and plain and torch.cudnn_is_acceptable(first) and len({weight.data_ptr() for weight in weights}) == len(weights):
            cudnn.flatten(weights, self.kind)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class LSTM(Recurrent):
    """Long short-term memory: `nn.LSTM(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), states (B, hidden_size) each -> (B, T, hidden_size), last h (B, hidden_size), last c (B, hidden_size)

    The gates stand in the rows of the weights in torch's order: input, forget, cell, output.
    """

    gates, kind = 4, cudnn.LSTM
    _function = staticmethod(torch.lstm)

    def forward(self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        output, h, c = self._run(x, h, c)
        return output, h, c


class GRU(Recurrent):
    """Gated recurrent unit, the reset gate applied after the matrix product: `nn.GRU(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), state (B, hidden_size) -> (B, T, hidden_size), last state (B, hidden_size)

    The gates stand in the rows of the weights in torch's order: reset, update, new. Both biases learn.
    """

    gates, kind = 3, cudnn.GRU
    _function = staticmethod(torch.gru)
    second_bias_learns = True

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, h = self._run(x, h)
        return output, h


class RNN(Recurrent):
    """Elman's network with tanh: `nn.RNN(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), state (B, hidden_size) -> (B, T, hidden_size), last state (B, hidden_size)
    """

    gates, kind = 1, cudnn.RNN
    _function = staticmethod(torch.rnn_tanh)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, h = self._run(x, h)
        return output, h
