"""Recurrent layers: a cell of Keras's over all steps of a sequence, in one module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, ShapeError, shown
from layergraph.graph.record import sources
from layergraph.graph.spec import Shape, agree
from layergraph.graph.symbolic import SymbolicTensor, symbols_in
from layergraph.layers.masking import given_mask
from layergraph.layers.recurrent_fields import (
    Activity,
    Constraints,
    CuDNN,
    Dropouts,
    ForgetBias,
    Gates,
    GRUWeights,
    Kernels,
    LSTMWeights,
    Regularizers,
    ResetAfter,
    Seed,
    Sequences,
    Units,
    Weighted,
)
from layergraph.nn import cells


class Recurrent(Sequences, Weighted):
    """What the recurrent layers share: all but their arguments."""

    # Kept in no config by Keras: they change no number.
    _unwritten: ClassVar[tuple[str, ...]] = ("use_cudnn",)
    # Keras's `Bidirectional` sets it, through the config: zeros as the outputs of masked steps, in the place of the output before.
    zero_output_for_mask = False

    def __call__(self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        if type(sequences) in (list, tuple):
            raise ArgumentError(
                f"{self.label} takes one tensor, got a {type(sequences).__name__} of {len(sequences)}",
                f"{self._words}(x, initial_state=[...])",
            )
        if mask is not None:
            kwargs["mask"] = given_mask(self, sequences, mask, steps_only=True)
        if initial_state is None:
            return super().__call__(sequences, **kwargs)
        given: Sequence[Any] = cast("Sequence[Any]", initial_state) if type(initial_state) in (list, tuple) else (initial_state,)
        states = [self._cast_symbols(state) if isinstance(state, SymbolicTensor) else self._admit(state) for state in given]
        self._check_states(sequences, states)
        return super().__call__(sequences, initial_state=states, **kwargs)

    @property
    def _words(self) -> str:
        return f"{type(self).__name__}({self.units})"

    def _check_states(self, x: Any, states: Sequence[Any]) -> None:
        """The count and the shapes of the states; their batch may be 1, for all rows alike."""
        batch, details = x.shape[0] if len(x.shape) else None, sources(symbols_in((x, states)))
        wanted = f"{len(self._states)} tensor{'s' * (len(self._states) > 1)} of shape ({batch}, {self.units})"
        fix = f"{self._words}(x, initial_state=[{', '.join(self._states)}])"
        if len(states) != len(self._states):
            raise ArgumentError(f"{self.label}: `initial_state` must be {wanted}, got {len(states)}", fix, details=details)
        for state in states:
            if not isinstance(state, Tensor | SymbolicTensor):
                raise ArgumentError(
                    f"{self.label}: `initial_state` must be {wanted}, got {type(state).__name__} {shown(state)}", fix, details=details
                )
            shape = tuple(state.shape)
            if not (agree(shape, (batch, self.units)) or agree(shape, (1, self.units))):
                raise ShapeError(f"{self.label}: `initial_state` must be {wanted}, got shape {shape}", fix, details=details)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.stateful:
            if input_shape[0] is None:
                raise Fact(
                    f"is stateful, and keeps a state for each row of a batch, whose size is unknown in {tuple(input_shape)}",
                    "give it: Input(batch_shape=(32, ...))",
                )
            self.rnn.keep(input_shape[0])

    def call(
        self, sequences: Tensor, initial_state: Sequence[Tensor] | None = None, mask: Tensor | None = None, training: bool | None = None
    ) -> Any:
        words: dict[str, Any] = {}
        if self.go_backwards:
            sequences, mask = sequences.flip(1), mask if mask is None else mask.flip(1)
        if mask is not None:
            words |= {"mask": mask} if self.return_state else {"mask": mask, "last": False}
        if training is not None and (self.dropout or self.recurrent_dropout):
            words["training"] = training
        results = self.rnn(sequences, *(initial_state or ()), **words)
        if mask is None:
            output = results[0 if self.return_sequences else 1]  # the last state h is the last output
        else:
            output = results[0]
            if self.zero_output_for_mask:
                output = torch.where(mask.unsqueeze(-1), output, 0.0)
            output = output if self.return_sequences else output[:, -1]
        return (output, *(results[1 + i] for i in range(len(self._states)))) if self.return_state else output

    def compute_output_shape(self, input_shape: Shape, initial_state_shape: Any = None) -> Any:
        if len(input_shape) != 3:
            fix = "use Reshape, or return_sequences=True in the recurrent layer before this one" if len(input_shape) == 2 else None
            raise Fact(f"expects 3 axes, (batch, steps, features), got {tuple(input_shape)}", fix)
        batch, steps, features = input_shape
        self._check_features(features, input_shape)
        output = (batch, steps, self.units) if self.return_sequences else (batch, self.units)
        return (output, *((batch, self.units) for _ in self._states)) if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        found = mask if self.return_sequences else None
        return [found, *(None for _ in self._states)] if self.return_state else found

    # States that stay

    @property
    def state_size(self) -> list[int]:
        """The size of each state."""
        return [self.units] * len(self._states)

    @property
    def states(self) -> list[Tensor] | None:
        """With `stateful`, the states after the last call, from which the next one starts."""
        kept = self.stateful and self.built
        return [getattr(self.rnn, name) for name in self._states] if kept else None

    def reset_state(self) -> None:
        """Start from zeros again."""
        for state in self.states or ():
            state.zero_()

    reset_states = reset_state

    # Config

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        found = {name: value for name, value in config.items() if name not in self._unwritten}
        return {**found, "zero_output_for_mask": self.zero_output_for_mask}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        layer = super().from_config({name: value for name, value in config.items() if name != "zero_output_for_mask"})
        layer.zero_output_for_mask = bool(config.get("zero_output_for_mask", False))
        return layer


class LSTM(
    LSTMWeights, Recurrent, CuDNN, Sequences, Seed, Dropouts, Constraints, Activity, Regularizers, ForgetBias, Kernels, Gates, Units
):
    """Long short-term memory.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h, c) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=[h, c], mask=mask)`: each state (B, units), or (1, units) for all rows alike,
    zeros where none are given; the mask (B, T) of bools. At a step where the mask is False the states stay as they are, and the
    output is the one before (zeros at first).

    With tanh and sigmoid, and in training without `recurrent_dropout`, torch's kernel does the work, with a mask too; else it is a
    loop over time.

    Differs from Keras: weights set on a layer live in torch's two biases, of which `bias_hh_l0` is a zero buffer. The dropouts
    follow torch's mode and generator, as `Dropout`.

    Args:
        units: the size of the output and of each state.
        activation, recurrent_activation: of the cell and the output; of the three gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, 4 * units), the recurrent kernel
            (units, 4 * units) and the bias (4 * units,) in Keras's layout, gates in the order input, forget, cell, output.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by `fit` after each step.
        dropout, recurrent_dropout: the rates at which features of the inputs, and of the states, are zeroed in training: the
            same ones at all steps of a call; with `recurrent_dropout`, other ones for each gate.
        seed: kept by the layer, without effect: torch's generator rules.
        return_sequences: whether the output has every step or the last one.
        return_state: whether the last states are returned too.
        go_backwards: whether the last step comes first; the outputs stand in the order in which they were made.
        stateful: whether the last states of a call are the first ones of the next, row by row, until `reset_state()`. The size
            of the batch must be known. The states are buffers that neither `get_weights()` nor a `state_dict` has.
        unroll, use_cudnn: accepted, without effect: torch chooses its kernels.

    >>> from layergraph import Input
    >>> LSTM(16)(Input(shape=(20, 5))).shape
    (None, 16)
    """

    def _module(self) -> type[cells.LSTM]:
        return cells.LSTM


class GRU(GRUWeights, Recurrent, CuDNN, ResetAfter, Sequences, Seed, Dropouts, Constraints, Activity, Regularizers, Kernels, Gates, Units):
    """Gated recurrent unit.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=h, mask=mask)`; masks as in `LSTM`.

    Args:
        units: the size of the output and of the state.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, 3 * units), the recurrent kernel
            (units, 3 * units) and the bias (2, 3 * units) in Keras's layout, gates in the order update, reset, new.
        reset_after: whether the reset gate is applied after the matrix product, as torch's kernels do; False is a loop over time,
            and its bias is (3 * units,).
        activation, use_bias, dropout, stateful, ...: as in `LSTM`.

    >>> from layergraph import Input
    >>> [y.shape for y in GRU(16, return_sequences=True, return_state=True)(Input(shape=(20, 5)))]
    [(None, 20, 16), (None, 16)]
    """

    def _module(self) -> type[cells.OverTime]:
        return cells.GRU if self.reset_after else cells.EarlyGRU


class SimpleRNN(Recurrent, Seed, Sequences, Dropouts, Constraints, Activity, Regularizers, Kernels, Units):
    """A network whose output is its next state: tanh of an affine map of the input and the state.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=h, mask=mask)`; masks as in `LSTM`.

    Args:
        units: the size of the output and of the state.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, units), the recurrent kernel
            (units, units) and the bias (units,) in Keras's layout.
        activation, use_bias, dropout, stateful, ...: as in `LSTM`.

    >>> from layergraph import Input
    >>> SimpleRNN(16, return_sequences=True)(Input(shape=(None, 5))).shape
    (None, None, 16)
    """

    _unwritten = ("seed",)

    def _module(self) -> type[cells.RNN]:
        return cells.RNN
