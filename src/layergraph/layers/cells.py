"""Cells: one step of a recurrent layer each, for `RNN` to take over time, or for a loop of your own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, ShapeError
from layergraph.graph.spec import Shape, TensorSpec, agree
from layergraph.graph.symbolic import symbols_in
from layergraph.layers.recurrent_fields import (
    Constraints,
    Dropouts,
    ForgetBias,
    Gates,
    GRUWeights,
    Kernels,
    LSTMWeights,
    Regularizers,
    ResetAfter,
    Seed,
    Units,
    Weighted,
)
from layergraph.nn import cells


class Cell(Weighted):
    """What the cells share: all but their arguments."""

    supports_masking = False

    def __call__(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        if not symbols_in((inputs, states)) and len(inputs.shape) == 2:  # of symbols, the declaration says it
            try:
                self._check_states((inputs.shape[0], self.units), states)
            except Fact as fact:
                raise ShapeError(f"{self.label}: {fact.what}", fact.fix) from None
        return super().__call__(inputs, states, **kwargs)

    def call(self, inputs: Tensor, states: Any, training: bool | None = None) -> Any:
        words = {"training": training} if training is not None and (self.dropout or self.recurrent_dropout) else {}
        listed = type(states) in (list, tuple)
        results = self.rnn(inputs, *(states if listed else (states,)), **words)
        after = [results[i] for i in range(len(self._states))]
        return results[0], after if listed else after[0]

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        if len(input_shape) != 2:
            raise Fact(f"expects 2 axes, (batch, features), got {tuple(input_shape)}", "RNN(cell)(x) takes a cell over time")
        self._check_features(input_shape[1], input_shape)
        output = (input_shape[0], self.units)
        return output, [output for _ in self._states]

    def compute_output_spec(self, inputs: Any, states: Any, **words: Any) -> Any:
        output, _ = self.compute_output_shape(inputs.shape)
        self._check_states(output, states)
        spec = TensorSpec(output, inputs.dtype)
        return spec, [spec for _ in self._states] if type(states) in (list, tuple) else spec

    def _check_states(self, wanted: Shape, states: Any) -> None:
        """The count and the shapes of the states; their batch may be 1, for all rows alike. Raises `Fact`."""
        given = cast("Sequence[Any]", states if type(states) in (list, tuple) else (states,))
        shapes = [tuple(state.shape) for state in given]
        fits = [agree(shape, wanted) or agree(shape, (1, self.units)) for shape in shapes]
        if len(shapes) != len(self._states) or not all(fits):
            count = f"{len(self._states)} tensor{'s' * (len(self._states) > 1)}"
            fix = f"{type(self).__name__}({self.units})(x, [{', '.join(self._states)}])"
            raise Fact(f"takes as `states` {count} of shape {wanted}, got {', '.join(map(str, shapes)) or 'none'}", fix)

    @property
    def state_size(self) -> int | list[int]:
        """The size of the state; of each, where there are two."""
        return self.units if len(self._states) == 1 else [self.units] * len(self._states)

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Zeros: (batch_size, units) for each state.

        >>> [state.shape for state in LSTMCell(3).get_initial_state(batch_size=2)]
        [torch.Size([2, 3]), torch.Size([2, 3])]
        """
        if batch_size is None:
            raise ArgumentError(f"{self.label}.get_initial_state needs `batch_size`", "get_initial_state(batch_size=x.shape[0])")
        device = next((weight.device for weight in self.parameters()), None)
        return [torch.zeros(batch_size, self.units, dtype=self._torch_dtype, device=device) for _ in self._states]


class LSTMCell(LSTMWeights, Cell, Seed, Dropouts, Constraints, Regularizers, ForgetBias, Kernels, Gates, Units):
    """One step of `LSTM`.

    (B, features), states [h, c] of (B, units) each -> (output (B, units), [h, c])

    Its keys in `state_dict` are those of `nn.LSTMCell`. Called by itself, each call draws its own dropout; `RNN` draws once for
    all steps.

    Args:
        units, activation, ...: as in `LSTM`.

    >>> import torch
    >>> cell = LSTMCell(3)
    >>> output, states = cell(torch.ones(2, 4), cell.get_initial_state(batch_size=2))
    >>> output.shape, len(states)
    (torch.Size([2, 3]), 2)
    """

    def _module(self) -> type[cells.LSTMCell]:
        return cells.LSTMCell


class GRUCell(GRUWeights, Cell, Seed, ResetAfter, Dropouts, Constraints, Regularizers, Kernels, Gates, Units):
    """One step of `GRU`.

    (B, features), states [h] of (B, units) -> (output (B, units), [h]); a bare `h` for a bare state

    Args:
        units, activation, reset_after, ...: as in `GRU`.

    >>> import torch
    >>> output, h = GRUCell(3)(torch.ones(2, 4), torch.zeros(2, 3))
    >>> torch.equal(output, h)
    True
    """

    def _module(self) -> type[cells.Cell]:
        return cells.GRUCell if self.reset_after else cells.EarlyGRUCell


class SimpleRNNCell(Cell, Seed, Dropouts, Constraints, Regularizers, Kernels, Units):
    """One step of `SimpleRNN`.

    (B, features), states [h] of (B, units) -> (output (B, units), [h]); a bare `h` for a bare state

    Args:
        units, activation, ...: as in `SimpleRNN`.

    >>> import torch
    >>> output, states = SimpleRNNCell(3)(torch.ones(2, 4), [torch.zeros(2, 3)])
    >>> output.shape
    torch.Size([2, 3])
    """

    def _module(self) -> type[cells.RNNCell]:
        return cells.RNNCell
