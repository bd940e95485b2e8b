"""The convolutional LSTM, which torch does not have: an LSTM whose matrix products are convolutions (Shi et al. 2015).

    i, f, o = r(W_x * x_t + W_h * h_(t-1) + b)      g = a(W_x * x_t + W_h * h_(t-1) + b)
    c_t = f c_(t-1) + i g                            h_t = o a(c_t)

The convolution over the input has a stride, padding and dilation; that over the state has none of them and keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import ShapeError
from layergraph.nn.padding import pad_same

Function = Callable[[Tensor], Tensor]
_CONVS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class ConvLSTM(nn.Module):
    """A convolutional LSTM over 1, 2 or 3 spatial axes.

    (B, T, in_channels, *sizes), states (B, hidden_channels, *sizes') each -> outputs (B, T, hidden_channels, *sizes') or the last
    of them (B, hidden_channels, *sizes'), last h, last c

    The gates stand in the first axis of the weights in the order input, forget, cell, output.

    Args:
        in_channels, hidden_channels: of the input and of the states.
        kernel_size, stride, dilation: one int for each spatial axis; the state's convolution has stride and dilation 1.
        same: whether the input is padded to `ceil(size / stride)` outputs.
        bias: whether there is one.
        activation, recurrent_activation: `a` and `r` above.
        dropout, recurrent_dropout: the rates at which elements of the input and of h are dropped in training, each gate by a mask of its
            own that serves all steps.
        sequences: whether every step's output is given, or the last one's.
        backwards: whether time runs from the last step to the first; the outputs come in the order in which they are made.
        state: the shape (B, hidden_channels, *sizes') of states that are kept from call to call; None keeps none.
    """

    bias: Tensor | None
    h: Tensor
    c: Tensor

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        same: bool = False,
        bias: bool = True,
        activation: Function = torch.tanh,
        recurrent_activation: Function = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        sequences: bool = False,
        backwards: bool = False,
        state: Sequence[int] | None = None,
    ):
        super().__init__()
        self.in_channels, self.hidden_channels = in_channels, hidden_channels
        self.kernel_size, self.stride, self.dilation = list(kernel_size), list(stride), list(dilation)
        self.same, self.sequences, self.backwards = same, sequences, backwards
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_channels, in_channels, *kernel_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_channels, hidden_channels, *kernel_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_channels)) if bias else None
        self.keeps_state = state is not None
        if state is not None:
            self.register_buffer("h", torch.zeros(*state), persistent=False)
            self.register_buffer("c", torch.zeros(*state), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the Parameters as torch's convolutions do: uniform within 1 / sqrt(fan-in)."""
        limit = 1.0 / math.sqrt(self.in_channels * math.prod(self.kernel_size))
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -limit, limit)

    def forward(
        self,
        x: Tensor,
        h: Tensor | None = None,
        c: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool | None = None,
        zeros: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`mask` (B, T) of bools: a step where it is False leaves the states and repeats the output before it (zeros at first), or gives
        `zeros`."""
        self._check(x)
        if mask is not None and mask.ndim != 2:
            raise ShapeError(f"ConvLSTM takes a mask (batch, steps), got shape {tuple(mask.shape)}")
        training = self.training if training is None else training
        if self.backwards:
            x, mask = x.flip(1), None if mask is None else mask.flip(1)
        gates = self._of_input(x, training)
        nothing = torch.zeros_like(gates[:, 0, : self.hidden_channels])
        h, c = self._first(h, "h", nothing), self._first(c, "c", nothing)
        drops = self._drops(nothing, self.recurrent_dropout, training)
        output = nothing
        outputs: list[Tensor] = []
        for t, gate in enumerate(gates.unbind(1)):
            new_h, new_c = self._step(gate, h, c, drops)
            if mask is None:
                output, h, c = new_h, new_h, new_c
            else:
                valid = mask[:, t].to(torch.bool).reshape(-1, *[1] * (new_h.ndim - 1))
                output, h, c = (
                    torch.where(valid, new_h, nothing if zeros else output),
                    torch.where(valid, new_h, h),
                    torch.where(valid, new_c, c),
                )
            if self.sequences:
                outputs.append(output)
        if self.keeps_state:
            self.h.copy_(h.detach())
            self.c.copy_(c.detach())
        return torch.stack(outputs, 1) if self.sequences else output, h, c

    def _check(self, x: Tensor) -> None:
        if x.ndim != len(self.kernel_size) + 3 or x.shape[2] != self.in_channels:
            raise ShapeError(f"ConvLSTM expects an input of shape (batch, steps, {self.in_channels}, *sizes), got {tuple(x.shape)}")
        if self.keeps_state and x.shape[0] != self.h.shape[0]:
            raise ShapeError(f"ConvLSTM keeps states for a batch of {self.h.shape[0]}, got {x.shape[0]}")

    def _first(self, given: Tensor | None, name: str, nothing: Tensor) -> Tensor:
        if given is not None:
            return given.expand(nothing.shape)
        return getattr(self, name).clone() if self.keeps_state else nothing  # cloned: the buffer is written before any backward

    def _drops(self, like: Tensor, rate: float, training: bool) -> list[Tensor] | None:
        """A mask for each gate, or None."""
        return [F.dropout(torch.ones_like(like), rate) for _ in range(4)] if training and 0 < rate < 1 else None

    def _of_input(self, x: Tensor, training: bool) -> Tensor:
        """The convolutions over all steps of the input at once: (B, T, 4 * hidden_channels, *sizes')."""
        drops = self._drops(x[:, :1], self.dropout, training)
        if drops is None:
            made = self._input_conv(x.flatten(0, 1), self.weight_ih, self.bias)
        else:
            biases = [None] * 4 if self.bias is None else self.bias.chunk(4)
            dropped = [(x * drop).flatten(0, 1) for drop in drops]
            made = torch.cat([self._input_conv(*each) for each in zip(dropped, self.weight_ih.chunk(4), biases, strict=True)], 1)
        return made.reshape(x.shape[0], x.shape[1], *made.shape[1:])

    def _input_conv(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.same:
            x = pad_same(x, self.kernel_size, self.stride, self.dilation)
        return _CONVS[len(self.kernel_size)](x, weight, bias, stride=self.stride, dilation=self.dilation)

    def _state_conv(self, h: Tensor, weight: Tensor) -> Tensor:
        conv = _CONVS[len(self.kernel_size)]
        if all(size % 2 for size in self.kernel_size):
            return conv(h, weight, padding=[size // 2 for size in self.kernel_size])
        ones = [1] * len(self.kernel_size)
        return conv(pad_same(h, self.kernel_size, ones, ones), weight)

    def _step(self, gate: Tensor, h: Tensor, c: Tensor, drops: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        if drops is None:
            of_state = self._state_conv(h, self.weight_hh)
        else:
            of_state = torch.cat([self._state_conv(h * drop, w) for drop, w in zip(drops, self.weight_hh.chunk(4), strict=True)], 1)
        i, f, g, o = (gate + of_state).chunk(4, 1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.hidden_channels}, kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}"
