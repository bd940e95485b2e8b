"""`RNN`: any cell over time, the user's own too. In a graph it is one module, whose loop runs over the steps of its input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact
from layergraph.graph.spec import Shape, TensorSpec, agree
from layergraph.identify import OBJECTS
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked, flag
from layergraph.layers.stacked import (
    StackedRNNCells,
    all_steps,
    build_cell,
    cell_or_stack,
    check_step,
    first_states,
    flat_states,
    for_each_state,
    listed_states,
    output_size_of,
    packed,
    sizes_of,
    states_like,
)
from layergraph.layers.weights import Weight
from layergraph.nn.cells import over_time


class RNN(Layer):
    """A cell over all steps of a sequence.

    (B, T, ...) -> (B, size); (B, T, size) with `return_sequences`; a tuple (output, state, ...) with `return_state`

    The cell is a layer with `state_size` (one int, or one for each state) and `call(self, inputs, states)`, which gives
    `(output, new states)` of one step: `inputs` (B, ...), each state (B, size). It may have `output_size` (the first state's size
    if not), `get_initial_state(batch_size)` (zeros if not), and a `training` argument. Called as `layer(x, initial_state=[...],
    mask=mask)`; masks as in `LSTM`.

    In a graph this layer is one module, with the keys `rnn.cell.weight_ih`, ... It is a loop over time: `LSTM`, `GRU` and
    `SimpleRNN` are faster than the same over their cells.

    Args:
        cell: the cell, or a list of cells, which become `StackedRNNCells`.
        return_sequences: whether the output has every step or the last one.
        return_state: whether the last states are returned too; of stacked cells, the states of each cell together.
        go_backwards: whether the last step comes first; the outputs stand in the order in which they were made.
        stateful: whether the last states of a call are the first ones of the next, row by row, until `reset_state()`.
        unroll: accepted, without effect.
        zero_output_for_mask: whether the output of a masked step is zeros, and not the output before.

    Raises:
        ArgumentError: `cell` is no cell.
        ShapeError: the input has no axis of steps; with `stateful`, an unknown batch size, or another one than before.

    >>> import torch
    >>> from layergraph import Input, layers
    >>> class Mean(layers.Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         output = (inputs + states[0]) / 2
    ...         return output, [output]
    >>> layers.RNN(Mean())(torch.ones(1, 4, 3))
    tensor([[0.9375, 0.9375, 0.9375]])
    """

    _inlined: ClassVar[bool] = False
    supports_masking = True

    cell: Any = checked(cell_or_stack, encode=lambda cell: OBJECTS["write"](cell))
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = flag(default=False)
    stateful: bool = flag(default=False)
    unroll: bool = flag(default=False)
    zero_output_for_mask: bool = flag(default=False)

    def _init_base(self, *, dtype: Any = None, **words: Any) -> None:
        super()._init_base(dtype=dtype, **words)
        self.__dict__["_has_dtype"] = dtype is not None

    def check_fields(self) -> None:
        if isinstance(self.cell, Layer):
            if not self._has_dtype:
                self._take_policy(self.cell.dtype_policy)
            elif self.cell.dtype != self.dtype:
                raise Fact(
                    f"has dtype {self.dtype}, and {self.cell.label} in it {self.cell.dtype}", "give both one dtype, or only the cell"
                )

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 3:
            raise Fact(f"expects at least 3 axes, (batch, steps, features), got {tuple(input_shape)}")
        batch = input_shape[0]
        if self.stateful:
            if batch is None:
                raise Fact(
                    f"is stateful, and keeps a state for each row of a batch, whose size is unknown in {tuple(input_shape)}",
                    "give it: Input(batch_shape=(32, ...))",
                )
            for number, size in enumerate(flat_states(for_each_state(self.cell, lambda size: size))):
                self.register_buffer(f"state_{number}", torch.zeros(batch, size, dtype=self._torch_dtype), persistent=False)
        build_cell(self.cell, TensorSpec((batch, *input_shape[2:]), self._torch_dtype))

    def call(self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None, training: bool | None = None) -> Any:
        if self.go_backwards:
            sequences, mask = sequences.flip(1), mask if mask is None else mask.flip(1)
        states = self._start(sequences, initial_state)
        step, given = all_steps(self.cell, sequences, training)
        output, states = over_time(step, given, states, mask, self.zero_output_for_mask)
        for kept, state in zip(flat_states(self.states or ()), flat_states(states), strict=self.stateful):
            kept.copy_(state.detach())
        output = output if self.return_sequences else output[:, -1]
        return (output, *self._returned(states)) if self.return_state else output

    def _start(self, x: Tensor, given: Any) -> Any:
        if self.states is not None and x.shape[0] != flat_states(self.states)[0].shape[0]:
            kept = flat_states(self.states)[0].shape[0]
            raise ArgumentError(
                f"{self.label} keeps the states of a batch of {kept}, got a batch of {x.shape[0]}",
                "with fit, batch_size must divide the data",
            )
        if given is not None:
            states = self._given(given)
            return states_like(states, [state.expand(x.shape[0], *state.shape[1:]) for state in flat_states(states)])
        if self.states is not None:  # clones, for the backward of this call: the buffers change at its end
            return states_like(self.states, [state.clone() for state in flat_states(self.states)])
        return first_states(self.cell, x)

    def _given(self, states: Any) -> Any:
        try:
            return listed_states(self.cell, states)
        except Fact as fact:
            raise ArgumentError(f"{self.label}: `initial_state` {fact.what}", fact.fix) from None

    def _returned(self, states: Any) -> list[Any]:
        return packed(self.cell, states, single=False)

    def compute_output_shape(self, input_shape: Shape, initial_state_shape: Any = None) -> Any:
        if len(input_shape) < 3:
            raise Fact(f"expects at least 3 axes, (batch, steps, features), got {tuple(input_shape)}")
        batch, steps = input_shape[:2]
        size = output_size_of(self.cell)
        output = (batch, steps, size) if self.return_sequences else (batch, size)
        states = self._returned(for_each_state(self.cell, lambda size: (batch, size)))
        return (output, *states) if self.return_state else output

    def compute_output_spec(self, sequences: Any, initial_state: Any = None, **words: Any) -> Any:
        shape = self.compute_output_shape(sequences.shape)
        check_step(self.cell, (sequences.shape[0], *sequences.shape[2:]))
        self._check_shapes(sequences.shape[0], initial_state)
        if not self.return_state:
            return TensorSpec(shape, sequences.dtype)
        states = self._returned(for_each_state(self.cell, lambda size: TensorSpec((sequences.shape[0], size), sequences.dtype)))
        return (TensorSpec(shape[0], sequences.dtype), *states)

    def _check_shapes(self, batch: int | None, given: Any) -> None:
        sizes = flat_states(for_each_state(self.cell, lambda size: size))
        for state, size in zip(flat_states(self._given(given)) if given is not None else (), sizes, strict=given is not None):
            if not (agree(state.shape, (batch, size)) or agree(state.shape, (1, size))):
                raise Fact(f"takes an `initial_state` of shape {(batch, size)}, got {tuple(state.shape)}")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        found = mask if self.return_sequences else None
        return [found, *(None for _ in flat_states(for_each_state(self.cell, lambda size: size)))] if self.return_state else found

    # States that stay

    @property
    def state_size(self) -> list[Any]:
        """The size of each state; of stacked cells, the `state_size` of each."""
        return self.cell.state_size if isinstance(self.cell, StackedRNNCells) else sizes_of(self.cell)

    @property
    def states(self) -> list[Any] | None:
        """With `stateful`, the states after the last call, from which the next one starts: a list for each cell of a stack."""
        if not (self.stateful and "state_0" in self._buffers):
            return None
        names = [name for name in self._buffers if name.startswith("state_")]
        return states_like(for_each_state(self.cell, lambda size: size), [self._buffers[name] for name in names])

    def reset_state(self) -> None:
        """Start from zeros again."""
        for state in flat_states(self.states or ()):
            state.zero_()

    reset_states = reset_state

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states before the first step of a call without `initial_state`."""
        device = next((weight.device for weight in self.parameters()), None)
        return self._returned(first_states(self.cell, torch.empty(batch_size, 1, dtype=self._torch_dtype, device=device)))

    def keras_weights(self) -> list[Weight]:
        return self.cell.own_weights() if isinstance(self.cell, Layer) else [Weight(name, (p,)) for name, p in self.cell.named_parameters()]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A layer over a fresh cell, made from what `get_config` gave."""
        cell = config.get("cell")
        if isinstance(cell, Layer):
            cell = OBJECTS["write"](cell)
        return super().from_config({**config, "cell": OBJECTS["read"](cell, custom_objects)})

    def extra_repr(self) -> str:
        words = [name for name in self._fields if name != "cell" and getattr(self, name)]
        return ", ".join(f"{name}=True" for name in words)
