"""Recurrent networks step by step: any activation, dropout, masks, states that stay. What the kernels of `recurrent` can do, they do.

A cell is one step, and names its weights as `nn.LSTMCell`, `nn.GRUCell` and `nn.RNNCell` do; a sequence names them as `nn.LSTM`,
`nn.GRU` and `nn.RNN` do. The inputs of all steps meet their weights in one product, before the loop over time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import ShapeError
from layergraph.nn import recurrent
from layergraph.nn.recurrence import masks
from layergraph.nn.recurrence import steps as operator

Function = Callable[[Tensor], Tensor]
# What dropout multiplies the inputs and the states of every step with: (B, size), or (gates, B, size) where each gate has its own.
Factors = tuple[Tensor | None, Tensor | None]
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def over_time(step: Step, x: Tensor, states: Any, mask: Tensor | None = None, zeros: bool = False) -> tuple[Tensor, Any]:
    """The outputs of all steps, and the last states.

    Where a mask (B, T) is False, the states stay as they are and the output is the one before: zeros at first, or at all such
    steps with `zeros`.

    x (B, T, ...) -> outputs (B, T, ...), states, in the form in which they came
    """
    if not x.shape[1]:
        raise _no_steps(x)
    outputs: list[Tensor] = []
    valid = mask.to(torch.bool).unbind(1) if mask is not None else None
    for index, each in enumerate(x.unbind(1)):
        output, new = step(each, states)
        if valid is not None:
            before = outputs[-1] if outputs and not zeros else torch.zeros_like(output)
            output, new = _where(valid[index], output, before), _where(valid[index], new, states)
        outputs.append(output)
        states = new
    return torch.stack(outputs, 1), states


def _no_steps(x: Tensor) -> ShapeError:
    return ShapeError(f"a recurrent network needs at least one step, got {tuple(x.shape)}")


def _where(valid: Tensor, new: Any, old: Any) -> Any:
    """Of tensors with a batch, or lists of them: `new` in the rows that are valid."""
    if isinstance(new, list | tuple):
        pairs = zip(cast("Sequence[Any]", new), cast("Sequence[Any]", old), strict=True)
        return [_where(valid, one, other) for one, other in pairs]
    return torch.where(valid.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _affine(x: Tensor, factors: Tensor | None, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear(x * factors, weight, bias)` of x (B, size) or (B, T, size); factors for each gate meet that gate's rows of the weight."""
    if factors is None:
        return F.linear(x, weight, bias)
    along = factors.unsqueeze(-2) if x.ndim == 3 else factors
    if factors.ndim == 2:
        return F.linear(x * along, weight, bias)
    rows = torch.cat([F.linear(x * each, gate) for each, gate in zip(along, weight.chunk(len(factors)), strict=True)], -1)
    return rows if bias is None else rows + bias


class Steps(nn.Module):
    """The arithmetic that a cell and a sequence share. The states of a step are a tuple; the first one is its output."""

    gates: ClassVar[int]
    arithmetic: ClassVar[str]
    second_bias_learns: ClassVar[bool]
    names: ClassVar[tuple[str, ...]] = ("h",)
    suffix: ClassVar[str] = ""
    input_size: int
    hidden_size: int
    bias: bool

    activation: Function = staticmethod(torch.tanh)
    recurrent_activation: Function = staticmethod(torch.sigmoid)
    standard = True
    places: tuple[str, str] = ("torch:tanh", "torch:sigmoid")
    dropout = 0.0
    recurrent_dropout = 0.0

    def equip(self, activation: Function, recurrent_activation: Function, dropout: float = 0.0, recurrent_dropout: float = 0.0) -> Self:
        """Set the activations, each of one gate at a time, and the rates at which inputs and states are zeroed in training."""
        # past nn.Module: an activation that is a module belongs to the layer that has it
        self.__dict__.update(activation=activation, recurrent_activation=recurrent_activation)
        self.standard = activation == torch.tanh and recurrent_activation == torch.sigmoid
        self.places = operator.place_of(activation), operator.place_of(recurrent_activation)
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        return self

    def tensors(self) -> tuple[Tensor, ...]:
        """The weights of the inputs and of the states, and their biases if there are any."""
        return tuple(
            getattr(self, name + self.suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if self.bias else 2]
        )

    def draw(self, x: Tensor, training: bool | None = None) -> Factors:
        """The dropout of one call, the same at all its steps; with `recurrent_dropout`, each gate has its own (as in Keras)."""
        if not (self.training if training is None else training):
            return None, None
        gates = (self.gates,) if self.recurrent_dropout else ()

        def factors(rate: float, size: int) -> Tensor | None:
            return F.dropout(x.new_ones((*gates, x.shape[0], size)), rate) if rate else None

        return factors(self.dropout, self.input_size), factors(self.recurrent_dropout, self.hidden_size)

    def project(self, x: Tensor, factors: Tensor | None) -> Tensor:
        """What the inputs give to the gates: (B, input_size) or (B, T, input_size) -> (..., gates * hidden_size)."""
        weight, _, *biases = self.tensors()
        return _affine(x, factors, weight, biases[0] if biases else None)

    def recur(self, h: Tensor, factors: Tensor | None) -> Tensor:
        """What the state gives to the gates: (B, hidden_size) -> (B, gates * hidden_size)."""
        _, weight, *biases = self.tensors()
        return _affine(h, factors, weight, biases[1] if biases else None)

    def step(self, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None) -> tuple[Tensor, ...]:
        """The next states, of what `project` gave for a step and the states before it."""
        raise NotImplementedError


class LSTMSteps(Steps):
    arithmetic = "lstm"
    names = ("h", "c")

    def step(self, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None) -> tuple[Tensor, ...]:
        h, c = states
        i, f, g, o = (gates + self.recur(h, factors)).chunk(4, -1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c


class GRUSteps(Steps):
    arithmetic = "gru"

    def step(self, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None) -> tuple[Tensor, ...]:
        (h,) = states
        r, z, n = gates.chunk(3, -1)
        r_h, z_h, n_h = self.recur(h, factors).chunk(3, -1)
        r, z = self.recurrent_activation(r + r_h), self.recurrent_activation(z + z_h)
        return (z * h + (1 - z) * self.activation(n + r * n_h),)


class EarlyGRUSteps(Steps):
    """A GRU whose reset gate is applied before the matrix product, and which has one bias (Cho et al. 2014)."""

    arithmetic = "early_gru"

    def project(self, x: Tensor, factors: Tensor | None) -> Tensor:
        weight, _, *biases = self.tensors()
        return _affine(x, factors, weight, biases[0] + biases[1] if biases else None)

    def step(self, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None) -> tuple[Tensor, ...]:
        (h,) = states
        weight, both = self.tensors()[1], 2 * self.hidden_size
        two, one = (factors[:2], factors[2]) if factors is not None else (None, None)
        r, z, n = gates.chunk(3, -1)
        r_h, z_h = _affine(h, two, weight[:both]).chunk(2, -1)
        r, z = self.recurrent_activation(r + r_h), self.recurrent_activation(z + z_h)
        return (z * h + (1 - z) * self.activation(n + _affine(r * h, one, weight[both:])),)


class RNNSteps(Steps):
    arithmetic = "rnn"

    def step(self, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None) -> tuple[Tensor, ...]:
        return (self.activation(gates + self.recur(states[0], factors)),)


def _looped(module: Steps, gates: Tensor, states: Sequence[Tensor], factors: Tensor | None, mask: Tensor | None) -> tuple[Tensor, ...]:
    """The outputs and the last states, of what `project` gave for all steps."""

    def step(gates: Tensor, before: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        after = module.step(gates, before, factors)
        return after[0], after

    outputs, last = over_time(step, gates, states, mask)
    return (outputs, *last)


class _Bare(Steps):
    """The arithmetic alone, over tensors that it is given: what the operator runs."""

    given: tuple[Any, ...]

    def tensors(self) -> tuple[Tensor, ...]:
        return self.given


class _BareLSTM(_Bare, LSTMSteps): ...


class _BareGRU(_Bare, GRUSteps): ...


class _BareEarlyGRU(_Bare, EarlyGRUSteps): ...


class _BareRNN(_Bare, RNNSteps): ...


_BARE = {made.arithmetic: made for made in (_BareLSTM, _BareGRU, _BareEarlyGRU, _BareRNN)}


def _bare_loop(arithmetic: str, activation: Function, recurrent_activation: Function) -> operator.Loop:
    def run(
        gates: Tensor, states: Sequence[Tensor], weight: Tensor, bias: Tensor | None, factors: Tensor | None, mask: Tensor | None
    ) -> Sequence[Tensor]:
        bare = _BARE[arithmetic]().equip(activation, recurrent_activation)
        bare.bias, bare.hidden_size = bias is not None, weight.shape[1]
        bare.__dict__["given"] = (None, weight) if bias is None else (None, weight, None, bias)
        return _looped(bare, gates, states, factors, mask)

    return run


operator.LOOPS.append(_bare_loop)


# ----------------------------------------------------------------------------------------------------------------------- cells


class Cell(Steps):
    """One step: (B, input_size), states (B, hidden_size) each -> the next states (B, hidden_size), a tuple."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        if bias:
            self.bias_ih = nn.Parameter(torch.empty(rows))
            if self.second_bias_learns:
                self.bias_hh = nn.Parameter(torch.empty(rows))
            else:
                self.register_buffer("bias_hh", torch.zeros(rows))
        limit = 1.0 / math.sqrt(hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -limit, limit)

    def forward(self, x: Tensor, *states: Tensor, training: bool | None = None) -> tuple[Tensor, ...]:
        for tensor, size, what in ((x, self.input_size, "an input"), *((state, self.hidden_size, "states") for state in states)):
            if tensor.ndim != 2 or tensor.shape[1] != size:
                raise ShapeError(f"{type(self).__name__} expects {what} of shape (batch, {size}), got {tuple(tensor.shape)}")
        inputs, recurrent = self.draw(x, training)
        return self.step(self.project(x, inputs), states, recurrent)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class LSTMCell(LSTMSteps, Cell):
    gates, second_bias_learns = 4, False


class GRUCell(GRUSteps, Cell):
    gates, second_bias_learns = 3, True


class EarlyGRUCell(EarlyGRUSteps, Cell):
    gates, second_bias_learns = 3, False


class RNNCell(RNNSteps, Cell):
    gates, second_bias_learns = 1, False


# ------------------------------------------------------------------------------------------------------------------- sequences


class OverTime(Steps):
    """Mixed into a module of `recurrent`: its kernel where that can do the work, else a loop over time.

    (B, T, input_size), states (B, hidden_size) or (1, hidden_size) each, mask (B, T) of bools
    -> (B, T, hidden_size), the last states (B, hidden_size) each

    Without `last`, a last c may be anything where there is a mask: it has to be asked for, other than an output, which is an h.

    With `keep(batch)`, the last states of a call are the first ones of the next.
    """

    suffix = "_l0"
    # Whether the kernel does this arithmetic, with tanh and sigmoid.
    _has_kernel: ClassVar[bool] = True
    batch: int | None = None

    def keep(self, batch: int) -> None:
        """Make the states stay between calls, for batches of this size: zeros now, in buffers that no `state_dict` has."""
        self.batch = batch
        for name in self.names:
            self.register_buffer(name, torch.zeros(batch, self.hidden_size), persistent=False)

    def forward(
        self, x: Tensor, *states: Tensor | None, mask: Tensor | None = None, training: bool | None = None, last: bool = True
    ) -> tuple[Tensor, ...]:
        self._check(x)
        if self.batch is not None:
            if x.shape[0] != self.batch:
                raise ShapeError(f"{type(self).__name__} keeps the states of a batch of {self.batch}, got a batch of {x.shape[0]}")
            # clones, for the backward of this call: the buffers change at its end
            states = states or tuple(getattr(self, name).clone() for name in self.names)
        factors, recurrent = self.draw(x, training)
        if self._has_kernel and self.standard and recurrent is None:
            x = x if factors is None else x * factors.unsqueeze(1)
            results = self._kernel(x, states) if mask is None else self._masked(x, states, mask, last or self.batch is not None)
        else:
            results = self._loop(x, states, mask, factors, recurrent)
        if self.batch is not None:
            for name, state in zip(self.names, results[1:], strict=True):
                getattr(self, name).copy_(state.detach())
        return results

    def _kernel(self, x: Tensor, states: Sequence[Tensor | None], counts: Tensor | None = None) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _masked(self, x: Tensor, given: Sequence[Tensor | None], mask: Tensor, last: bool) -> tuple[Tensor, ...]:
        if not x.shape[1]:
            raise _no_steps(x)
        x, counts = masks.front(x, mask.to(torch.bool))
        output, _, *others = self._kernel(x, given, counts if last else None)
        output = masks.spread(output, counts)
        h = output[:, -1]
        if given and given[0] is not None:
            h = torch.where(counts[:, -1:] > 0, h, self._first(x, given[0]).to(h.dtype))
        return (output, h, *others)

    def _loop(
        self, x: Tensor, given: Sequence[Tensor | None], mask: Tensor | None, factors: Tensor | None, recurrent: Tensor | None
    ) -> tuple[Tensor, ...]:
        zeros = x.new_zeros(x.shape[0], self.hidden_size)
        states = [self._first(x, state) for state in given if state is not None] or [zeros for _ in self.names]

        gates = self.project(x, factors)
        compiling = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
        # An operator does not see the dtypes of autocast.
        if compiling and all(self.places) and not torch.is_autocast_enabled(x.device.type):
            if not x.shape[1]:
                raise _no_steps(x)
            _, weight, *biases = self.tensors()
            bias = biases[1] if biases else None
            return tuple(operator.steps(gates, states, weight, bias, recurrent, mask, self.arithmetic, list(self.places)))
        return _looped(self, gates, states, recurrent, mask)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ShapeError(f"{type(self).__name__} expects an input of shape (batch, steps, {self.input_size}), got {tuple(x.shape)}")

    def _first(self, x: Tensor, state: Tensor) -> Tensor:
        if state.ndim != 2 or state.shape[1] != self.hidden_size:
            raise ShapeError(f"{type(self).__name__} expects states of shape (batch, {self.hidden_size}), got {tuple(state.shape)}")
        return state.expand(x.shape[0], -1)


class LSTM(OverTime, LSTMSteps, recurrent.LSTM):  # pyright: ignore[reportIncompatibleMethodOverride] (takes more)
    """`recurrent.LSTM`, and what its kernel lacks."""

    def _kernel(self, x: Tensor, states: Sequence[Tensor | None], counts: Tensor | None = None) -> tuple[Tensor, ...]:
        h, c = (*states, None, None)[:2]
        return self._run(x, h, c, counts=counts)


class GRU(OverTime, GRUSteps, recurrent.GRU):  # pyright: ignore[reportIncompatibleMethodOverride] (takes more)
    """`recurrent.GRU`, and what its kernel lacks."""

    def _kernel(self, x: Tensor, states: Sequence[Tensor | None], counts: Tensor | None = None) -> tuple[Tensor, ...]:
        return recurrent.GRU.forward(self, x, *states)


class EarlyGRU(OverTime, EarlyGRUSteps, recurrent.GRU):  # pyright: ignore[reportIncompatibleMethodOverride] (takes more)
    """A GRU whose reset gate is applied before the matrix product: torch has no kernel for it. One bias learns."""

    second_bias_learns = False
    _has_kernel = False


class RNN(OverTime, RNNSteps, recurrent.RNN):  # pyright: ignore[reportIncompatibleMethodOverride] (takes more)
    """`recurrent.RNN`, and what its kernel lacks."""

    def _kernel(self, x: Tensor, states: Sequence[Tensor | None], counts: Tensor | None = None) -> tuple[Tensor, ...]:
        return recurrent.RNN.forward(self, x, *states)
