"""`RNN`: any cell over time, the user's own too. In a graph it is one module, whose loop runs over the steps of its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape, TensorSpec, agree
from layergraph.identify import OBJECTS
from layergraph.kinds import is_class, is_mapping, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.cells import Cell
from layergraph.layers.fields import checked, flag
from layergraph.layers.weights import Weight
from layergraph.nn.cells import over_time

# What a call does at each step: (inputs of the step, states) -> (output, states). The states of a cell are a list of tensors here,
# those of stacked cells a list of such lists.
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


# --------------------------------------------------------------------------------------------------------------- any cell


def _a_cell(value: Any, owner: Any = None) -> Any:
    """The check of a cell: a layer with `call(inputs, states)` and `state_size`, or the config of one. Raises `Fact`."""
    if is_mapping(value):
        value = OBJECTS["read"](value)
    if is_class(value):
        raise Fact(f"must be a cell, got the class {value.__name__}", f"{value.__name__}(...)")
    if not isinstance(value, nn.Module) or not callable(getattr(value, "call", None)):
        raise Fact(
            f"must be a cell, a layer with call(self, inputs, states) and `state_size`, got {type(value).__name__} {shown(value)}",
            "LSTM, GRU and SimpleRNN are layers over time already; LSTMCell, GRUCell and SimpleRNNCell are cells",
        )
    if isinstance(value, StackedRNNCells):
        return value
    sizes = getattr(value, "state_size", None)
    listed = list(sizes) if is_sequence(sizes) else [sizes]
    if not listed or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in listed):
        who = value.label if isinstance(value, Layer) else type(value).__name__
        fix = "a layer over time has none: RNN takes cells" if sizes is None else None
        raise Fact(
            f"must be a cell with `state_size`, an int or one int for each state; {who} has {shown(sizes)}",
            fix or "set self.state_size = units in its __init__",
        )
    return value


def _some_cells(value: Any, owner: Any) -> nn.ModuleList:
    if not is_sequence(value) or not value:
        raise Fact(f"must be a list of cells, got {type(value).__name__} {shown(value)}", "[LSTMCell(32), LSTMCell(32)]")
    return nn.ModuleList([_a_cell(cell) for cell in value])


def _cell_or_stack(value: Any, owner: Any) -> Any:
    return StackedRNNCells(value) if is_sequence(value) else _a_cell(value)


def _sizes(cell: Any) -> list[int]:
    return list(cell.state_size) if is_sequence(cell.state_size) else [cell.state_size]


def _output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    return size if isinstance(size, int) else _output_size(cell.cells[-1]) if isinstance(cell, StackedRNNCells) else _sizes(cell)[0]


def _packed(cell: Any, states: Any, single: bool = True) -> Any:
    """States as the user sees them: in a stack, those of each cell, bare where its `state_size` is one int."""
    if isinstance(cell, StackedRNNCells):
        return [_packed(each, state) for each, state in zip(cell.cells, states, strict=True)]
    return states[0] if single and isinstance(cell.state_size, int) else list(states)


def _listed(cell: Any, given: Any) -> Any:
    """The user's states, a list for each cell. Raises `Fact` where their number is another."""
    if isinstance(cell, StackedRNNCells):
        parts: list[Any] = list(given) if is_sequence(given) else [given]
        if len(parts) != len(cell.cells):
            raise Fact(f"takes the states of {len(cell.cells)} cells, got {len(parts)}", "a list with the states of each cell")
        return [_listed(each, part) for each, part in zip(cell.cells, parts, strict=True)]
    states: list[Any] = list(given) if is_sequence(given) else [given]
    sizes = _sizes(cell)
    if len(states) != len(sizes):
        raise Fact(f"takes {len(sizes)} states of sizes {sizes}, got {len(states)}", "one tensor (batch, size) for each state")
    return states


def _zeros(cell: Any, x: Tensor) -> Any:
    """The states before the first step: the cell's own `get_initial_state` where it has one, else zeros."""
    if isinstance(cell, StackedRNNCells):
        return [_zeros(each, x) for each in cell.cells]
    if isinstance(cell, Cell) or not hasattr(cast(Any, type(cell)), "get_initial_state"):
        return [x.new_zeros(x.shape[0], size) for size in _sizes(cell)]
    return [state.to(x.device, x.dtype) for state in _listed(cell, cell.get_initial_state(batch_size=x.shape[0]))]


def build_cell(cell: Any, step: TensorSpec) -> None:
    """Build a cell, and what is in it, for one step of this spec."""
    if isinstance(cell, StackedRNNCells):
        cell.build(step.shape)
    elif isinstance(cell, Layer) and not cell.built:
        _check_features(cell, step.shape)
        states = [TensorSpec((step.shape[0], size), step.dtype) for size in _sizes(cell)]
        cell._build_on([step, states], {})


def _check_features(cell: Any, step: Shape) -> None:
    """Raise `Fact` for a step of another size than a cell of ours has rows in its kernel; somebody else's cell may take any."""
    if isinstance(cell, StackedRNNCells):
        _check_features(cell.cells[0], step)
    elif isinstance(cell, Cell):
        cell._check_features(step[-1], step)


def _untouched(cell: Any) -> bool:
    """Whether a cell is one of ours as it was made, so that its arithmetic can be taken apart."""
    return isinstance(cell, Cell) and cell._inlined and not cell._swapped and not cell._forward_hooks and not cell._forward_pre_hooks


def _each_step(cell: Any, x: Tensor, training: bool | None) -> Step:
    """One step of a cell; the dropout of a cell of ours is drawn now, once for all steps."""
    if isinstance(cell, StackedRNNCells):
        return _in_turn([_each_step(each, x, training) for each in cell.cells])
    if _untouched(cell):
        module = cell.rnn
        inputs, recurrent = module.draw(x, training)

        def ours(each: Tensor, states: Any) -> tuple[Tensor, Any]:
            after = module.step(module.project(each, inputs), states, recurrent)
            return after[0], list(after)

        return ours
    words = {} if training is None or not isinstance(cell, Layer) or "training" not in cell._call_words else {"training": training}
    call = cell if isinstance(cell, Layer) else cell.call

    def theirs(each: Tensor, states: Any) -> tuple[Tensor, Any]:
        output, after = call(each, list(states), **words)
        return output, list(after) if is_sequence(after) else [after]

    return theirs


def _in_turn(steps: Sequence[Step]) -> Step:
    def stacked(each: Tensor, states: Any) -> tuple[Tensor, Any]:
        after: list[Any] = []
        for step, state in zip(steps, states, strict=True):
            each, new = step(each, state)
            after.append(new)
        return each, after

    return stacked


def _all_steps(cell: Any, x: Tensor, training: bool | None) -> tuple[Step, Tensor]:
    """What each step does, and what it is given: the inputs of a cell of ours meet their weights at all steps at once."""
    if isinstance(cell, StackedRNNCells):
        first, given = _all_steps(cell.cells[0], x, training)
        return _in_turn([first, *(_each_step(each, x, training) for each in cell.cells[1:])]), given
    if not _untouched(cell):
        return _each_step(cell, x, training), x
    module = cell.rnn
    inputs, recurrent = module.draw(x, training)

    def ours(gates: Tensor, states: Any) -> tuple[Tensor, Any]:
        after = module.step(gates, states, recurrent)
        return after[0], list(after)

    return ours, module.project(x, inputs)


def _leaves(states: Any) -> list[Any]:
    return [leaf for state in states for leaf in _leaves(state)] if is_sequence(states) else [states]


def _like(states: Any, flat: list[Any]) -> Any:
    """A nest of this form, of what `flat` has; takes it out of `flat`."""
    return [_like(state, flat) for state in states] if is_sequence(states) else flat.pop(0)


# ------------------------------------------------------------------------------------------------------------- the layers


class StackedRNNCells(Layer):
    """Cells on top of each other, as one cell: each takes the output of the one before.

    (B, features), a list with the states of each cell -> (output of the last cell, the same list after the step)

    Args:
        cells: the cells; `RNN([cell, cell])` makes this layer of them.

    Raises:
        ArgumentError: something in the list is no cell.

    >>> from layergraph import Input
    >>> from layergraph.layers import GRUCell, LSTMCell
    >>> cells = StackedRNNCells([LSTMCell(4), GRUCell(3)])
    >>> cells.state_size, cells.output_size
    ([[4, 4], 3], 3)
    >>> RNN(cells)(Input(shape=(20, 5))).shape
    (None, 3)
    """

    _inlined: ClassVar[bool] = False

    cells: Any = checked(_some_cells, encode=lambda cells: [OBJECTS["write"](cell) for cell in cells])

    def check_fields(self) -> None:
        dtypes = {cell.dtype for cell in self.cells if isinstance(cell, Layer)}
        if len(dtypes) == 1:
            self.__dict__["_dtype"] = dtypes.pop()

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            build_cell(cell, TensorSpec(tuple(input_shape), self._torch_dtype))
            input_shape = (input_shape[0], _output_size(cell))

    def call(self, inputs: Tensor, states: Any, training: bool | None = None) -> Any:
        output, after = _each_step(self, inputs, training)(inputs, _listed(self, states))
        return output, _packed(self, after)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (input_shape[0], self.output_size), _packed(self, _map(self, lambda size: (input_shape[0], size)))

    def compute_output_spec(self, inputs: Any, states: Any = None, **words: Any) -> Any:
        made = _packed(self, _map(self, lambda size: TensorSpec((inputs.shape[0], size), inputs.dtype)))
        return TensorSpec((inputs.shape[0], self.output_size), inputs.dtype), made

    @property
    def state_size(self) -> list[Any]:
        """The `state_size` of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The states of each cell before the first step: its own `get_initial_state`, or zeros (batch_size, size)."""
        device = next((weight.device for weight in self.parameters()), None)
        return _packed(self, _zeros(self, torch.empty(batch_size or 0, 1, dtype=self._torch_dtype, device=device)))

    def extra_repr(self) -> str:
        return ""


def _map(cell: Any, make: Callable[[int], Any]) -> Any:
    """What `make` gives for the size of each state."""
    return [_map(each, make) for each in cell.cells] if isinstance(cell, StackedRNNCells) else [make(size) for size in _sizes(cell)]


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

    cell: Any = checked(_cell_or_stack, encode=lambda cell: OBJECTS["write"](cell))
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
                self.__dict__["_dtype"] = self.cell.dtype
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
            for number, size in enumerate(_leaves(_map(self.cell, lambda size: size))):
                self.register_buffer(f"state_{number}", torch.zeros(batch, size, dtype=self._torch_dtype), persistent=False)
        build_cell(self.cell, TensorSpec((batch, *input_shape[2:]), self._torch_dtype))

    def call(self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None, training: bool | None = None) -> Any:
        if self.go_backwards:
            sequences, mask = sequences.flip(1), mask if mask is None else mask.flip(1)
        states = self._start(sequences, initial_state)
        step, given = _all_steps(self.cell, sequences, training)
        output, states = over_time(step, given, states, mask, self.zero_output_for_mask)
        for kept, state in zip(_leaves(self.states or ()), _leaves(states), strict=self.stateful):
            kept.copy_(state.detach())
        output = output if self.return_sequences else output[:, -1]
        return (output, *self._returned(states)) if self.return_state else output

    def _start(self, x: Tensor, given: Any) -> Any:
        if self.states is not None and x.shape[0] != _leaves(self.states)[0].shape[0]:
            kept = _leaves(self.states)[0].shape[0]
            raise ArgumentError(
                f"{self.label} keeps the states of a batch of {kept}, got a batch of {x.shape[0]}",
                "with fit, batch_size must divide the data",
            )
        if given is not None:
            states = self._given(given)
            return _like(states, [state.expand(x.shape[0], *state.shape[1:]) for state in _leaves(states)])
        if self.states is not None:  # clones, for the backward of this call: the buffers change at its end
            return _like(self.states, [state.clone() for state in _leaves(self.states)])
        return _zeros(self.cell, x)

    def _given(self, states: Any) -> Any:
        try:
            return _listed(self.cell, states)
        except Fact as fact:
            raise ArgumentError(f"{self.label}: `initial_state` {fact.what}", fact.fix) from None

    def _returned(self, states: Any) -> list[Any]:
        return _packed(self.cell, states, single=False)

    def compute_output_shape(self, input_shape: Shape, initial_state_shape: Any = None) -> Any:
        if len(input_shape) < 3:
            raise Fact(f"expects at least 3 axes, (batch, steps, features), got {tuple(input_shape)}")
        batch, steps = input_shape[:2]
        size = _output_size(self.cell)
        output = (batch, steps, size) if self.return_sequences else (batch, size)
        states = self._returned(_map(self.cell, lambda size: (batch, size)))
        return (output, *states) if self.return_state else output

    def compute_output_spec(self, sequences: Any, initial_state: Any = None, **words: Any) -> Any:
        shape = self.compute_output_shape(sequences.shape)
        _check_features(self.cell, (sequences.shape[0], *sequences.shape[2:]))
        self._check_shapes(sequences.shape[0], initial_state)
        if not self.return_state:
            return TensorSpec(shape, sequences.dtype)
        states = self._returned(_map(self.cell, lambda size: TensorSpec((sequences.shape[0], size), sequences.dtype)))
        return (TensorSpec(shape[0], sequences.dtype), *states)

    def _check_shapes(self, batch: int | None, given: Any) -> None:
        sizes = _leaves(_map(self.cell, lambda size: size))
        for state, size in zip(_leaves(self._given(given)) if given is not None else (), sizes, strict=given is not None):
            if not (agree(state.shape, (batch, size)) or agree(state.shape, (1, size))):
                raise Fact(f"takes an `initial_state` of shape {(batch, size)}, got {tuple(state.shape)}")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        found = mask if self.return_sequences else None
        return [found, *(None for _ in _leaves(_map(self.cell, lambda size: size)))] if self.return_state else found

    # States that stay

    @property
    def state_size(self) -> list[Any]:
        """The size of each state; of stacked cells, the `state_size` of each."""
        return self.cell.state_size if isinstance(self.cell, StackedRNNCells) else _sizes(self.cell)

    @property
    def states(self) -> list[Any] | None:
        """With `stateful`, the states after the last call, from which the next one starts: a list for each cell of a stack."""
        if not (self.stateful and "state_0" in self._buffers):
            return None
        names = [name for name in self._buffers if name.startswith("state_")]
        return _like(_map(self.cell, lambda size: size), [self._buffers[name] for name in names])

    def reset_state(self) -> None:
        """Start from zeros again."""
        for state in _leaves(self.states or ()):
            state.zero_()

    reset_states = reset_state

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states before the first step of a call without `initial_state`."""
        device = next((weight.device for weight in self.parameters()), None)
        return self._returned(_zeros(self.cell, torch.empty(batch_size, 1, dtype=self._torch_dtype, device=device)))

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
