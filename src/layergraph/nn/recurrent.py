"""Recurrent layers that compile in one graph: one layer, one direction, batch first, with plain Parameters.

`torch.compile(fullgraph=True)` refuses a module that holds an `nn.LSTM`, `nn.GRU` or `nn.RNN`. These call the functions behind
them, and name their weights as they do: a `state_dict` of one loads into the other.

Two things differ from torch's modules. States have no axis for layers: (B, hidden). And an LSTM or RNN learns one bias: its
`bias_hh_l0` is a buffer, zero until a `state_dict` says otherwise.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from layergraph.errors import ShapeError


class Recurrent(nn.Module):
    """What the three share: the weights, the checks and the states."""

    bias_ih_l0: Tensor
    bias_hh_l0: Tensor
    gates: ClassVar[int]
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
        """(1, B, hidden), as torch's functions take it: zeros where there is none; a state of batch 1 serves the whole batch."""
        if state is None:
            return x.new_zeros(1, x.shape[0], self.hidden_size)
        if state.ndim != 2 or state.shape[1] != self.hidden_size:
            raise ShapeError(f"{type(self).__name__} expects states of shape (batch, {self.hidden_size}), got {tuple(state.shape)}")
        return state.expand(x.shape[0], -1).contiguous().unsqueeze(0)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class LSTM(Recurrent):
    """Long short-term memory: `nn.LSTM(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), states (B, hidden_size) each -> (B, T, hidden_size), last h (B, hidden_size), last c (B, hidden_size)

    The gates stand in the rows of the weights in torch's order: input, forget, cell, output.
    """

    gates = 4

    def forward(self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        self._check(x)
        states = (self._state(x, h), self._state(x, c))
        # With no dropout inside, `train` only says whether to keep what a backward needs; cuDNN refuses one without it.
        output, h, c = torch.lstm(x, states, self._weights(), self.bias, 1, 0.0, torch.is_grad_enabled(), False, True)
        return output, h.squeeze(0), c.squeeze(0)


class GRU(Recurrent):
    """Gated recurrent unit, the reset gate applied after the matrix product: `nn.GRU(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), state (B, hidden_size) -> (B, T, hidden_size), last state (B, hidden_size)

    The gates stand in the rows of the weights in torch's order: reset, update, new. Both biases learn.
    """

    gates = 3
    second_bias_learns = True

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self._check(x)
        output, h = torch.gru(x, self._state(x, h), self._weights(), self.bias, 1, 0.0, torch.is_grad_enabled(), False, True)
        return output, h.squeeze(0)


class RNN(Recurrent):
    """Elman's network with tanh: `nn.RNN(input_size, hidden_size, batch_first=True)`.

    (B, T, input_size), state (B, hidden_size) -> (B, T, hidden_size), last state (B, hidden_size)
    """

    gates = 1

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self._check(x)
        output, h = torch.rnn_tanh(x, self._state(x, h), self._weights(), self.bias, 1, 0.0, torch.is_grad_enabled(), False, True)
        return output, h.squeeze(0)
