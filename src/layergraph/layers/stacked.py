"""Any cell, and cells on top of each other: what they are to be, what their states are, and what a step of them is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.identify import OBJECTS
from layergraph.kinds import is_class, is_mapping, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.cells import Cell
from layergraph.layers.fields import checked

# What a call does at each step: (inputs of the step, states) -> (output, states). The states of a cell are a list of tensors here,
# those of stacked cells a list of such lists.
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


# --------------------------------------------------------------------------------------------------------------- any cell


def a_cell(value: Any, owner: Any = None) -> Any:
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


def some_cells(value: Any, owner: Any) -> nn.ModuleList:
    if not is_sequence(value) or not value:
        raise Fact(f"must be a list of cells, got {type(value).__name__} {shown(value)}", "[LSTMCell(32), LSTMCell(32)]")
    return nn.ModuleList([a_cell(cell) for cell in value])


def cell_or_stack(value: Any, owner: Any) -> Any:
    return StackedRNNCells(value) if is_sequence(value) else a_cell(value)


def sizes_of(cell: Any) -> list[int]:
    return list(cell.state_size) if is_sequence(cell.state_size) else [cell.state_size]


def output_size_of(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    return size if isinstance(size, int) else output_size_of(cell.cells[-1]) if isinstance(cell, StackedRNNCells) else sizes_of(cell)[0]


def packed(cell: Any, states: Any, single: bool = True) -> Any:
    """States as the user sees them: in a stack, those of each cell, bare where its `state_size` is one int."""
    if isinstance(cell, StackedRNNCells):
        return [packed(each, state) for each, state in zip(cell.cells, states, strict=True)]
    return states[0] if single and isinstance(cell.state_size, int) else list(states)


def listed_states(cell: Any, given: Any) -> Any:
    """The user's states, a list for each cell. Raises `Fact` where their number is another."""
    if isinstance(cell, StackedRNNCells):
        parts: list[Any] = list(given) if is_sequence(given) else [given]
        if len(parts) != len(cell.cells):
            raise Fact(f"takes the states of {len(cell.cells)} cells, got {len(parts)}", "a list with the states of each cell")
        return [listed_states(each, part) for each, part in zip(cell.cells, parts, strict=True)]
    states: list[Any] = list(given) if is_sequence(given) else [given]
    sizes = sizes_of(cell)
    if len(states) != len(sizes):
        raise Fact(f"takes {len(sizes)} states of sizes {sizes}, got {len(states)}", "one tensor (batch, size) for each state")
    return states


def first_states(cell: Any, x: Tensor) -> Any:
    """The states before the first step: the cell's own `get_initial_state` where it has one, else zeros."""
    if isinstance(cell, StackedRNNCells):
        return [first_states(each, x) for each in cell.cells]
    if isinstance(cell, Cell) or not hasattr(cast(Any, type(cell)), "get_initial_state"):
        return [x.new_zeros(x.shape[0], size) for size in sizes_of(cell)]
    return [state.to(x.device, x.dtype) for state in listed_states(cell, cell.get_initial_state(batch_size=x.shape[0]))]


def build_cell(cell: Any, step: TensorSpec) -> None:
    """Build a cell, and what is in it, for one step of this spec."""
    if isinstance(cell, StackedRNNCells):
        cell.build(step.shape)
    elif isinstance(cell, Layer) and not cell.built:
        check_step(cell, step.shape)
        states = [TensorSpec((step.shape[0], size), step.dtype) for size in sizes_of(cell)]
        cell._build_on([step, states], {})


def check_step(cell: Any, step: Shape) -> None:
    """Raise `Fact` for a step of another size than a cell of ours has rows in its kernel; somebody else's cell may take any."""
    if isinstance(cell, StackedRNNCells):
        check_step(cell.cells[0], step)
    elif isinstance(cell, Cell):
        cell._check_features(step[-1], step)


def untouched(cell: Any) -> bool:
    """Whether a cell is one of ours as it was made, so that its arithmetic can be taken apart."""
    return isinstance(cell, Cell) and cell._inlined and not cell._swapped and not cell._forward_hooks and not cell._forward_pre_hooks


def each_step(cell: Any, x: Tensor, training: bool | None) -> Step:
    """One step of a cell; the dropout of a cell of ours is drawn now, once for all steps."""
    if isinstance(cell, StackedRNNCells):
        return in_turn([each_step(each, x, training) for each in cell.cells])
    if untouched(cell):
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


def in_turn(steps: Sequence[Step]) -> Step:
    def stacked(each: Tensor, states: Any) -> tuple[Tensor, Any]:
        after: list[Any] = []
        for step, state in zip(steps, states, strict=True):
            each, new = step(each, state)
            after.append(new)
        return each, after

    return stacked


def all_steps(cell: Any, x: Tensor, training: bool | None) -> tuple[Step, Tensor]:
    """What each step does, and what it is given: the inputs of a cell of ours meet their weights at all steps at once."""
    if isinstance(cell, StackedRNNCells):
        first, given = all_steps(cell.cells[0], x, training)
        return in_turn([first, *(each_step(each, x, training) for each in cell.cells[1:])]), given
    if not untouched(cell):
        return each_step(cell, x, training), x
    module = cell.rnn
    inputs, recurrent = module.draw(x, training)

    def ours(gates: Tensor, states: Any) -> tuple[Tensor, Any]:
        after = module.step(gates, states, recurrent)
        return after[0], list(after)

    return ours, module.project(x, inputs)


def flat_states(states: Any) -> list[Any]:
    return [leaf for state in states for leaf in flat_states(state)] if is_sequence(states) else [states]


def states_like(states: Any, flat: list[Any]) -> Any:
    """A nest of this form, of what `flat` has; takes it out of `flat`."""
    return [states_like(state, flat) for state in states] if is_sequence(states) else flat.pop(0)


# ------------------------------------------------------------------------------------------------------------- the layers


class StackedRNNCells(Layer):
    """Cells on top of each other, as one cell: each takes the output of the one before.

    (B, features), a list with the states of each cell -> (output of the last cell, the same list after the step)

    Args:
        cells: the cells; `RNN([cell, cell])` makes this layer of them.

    Raises:
        ArgumentError: something in the list is no cell.

    >>> from layergraph import Input
    >>> from layergraph import layers
    >>> from layergraph.layers import GRUCell, LSTMCell
    >>> cells = StackedRNNCells([LSTMCell(4), GRUCell(3)])
    >>> cells.state_size, cells.output_size
    ([[4, 4], 3], 3)
    >>> layers.RNN(cells)(Input(shape=(20, 5))).shape
    (None, 3)
    """

    _inlined: ClassVar[bool] = False

    cells: Any = checked(some_cells, encode=lambda cells: [OBJECTS["write"](cell) for cell in cells])

    def check_fields(self) -> None:
        policies = {cell.dtype_policy for cell in self.cells if isinstance(cell, Layer)}
        if len(policies) == 1:
            self._take_policy(policies.pop())

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            build_cell(cell, TensorSpec(tuple(input_shape), self._torch_dtype))
            input_shape = (input_shape[0], output_size_of(cell))

    def call(self, inputs: Tensor, states: Any, training: bool | None = None) -> Any:
        output, after = each_step(self, inputs, training)(inputs, listed_states(self, states))
        return output, packed(self, after)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return (input_shape[0], self.output_size), packed(self, for_each_state(self, lambda size: (input_shape[0], size)))

    def compute_output_spec(self, inputs: Any, states: Any = None, **words: Any) -> Any:
        made = packed(self, for_each_state(self, lambda size: TensorSpec((inputs.shape[0], size), inputs.dtype)))
        return TensorSpec((inputs.shape[0], self.output_size), inputs.dtype), made

    @property
    def state_size(self) -> list[Any]:
        """The `state_size` of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The states of each cell before the first step: its own `get_initial_state`, or zeros (batch_size, size)."""
        device = next((weight.device for weight in self.parameters()), None)
        return packed(self, first_states(self, torch.empty(batch_size or 0, 1, dtype=self._torch_dtype, device=device)))

    def extra_repr(self) -> str:
        return ""


def for_each_state(cell: Any, make: Callable[[int], Any]) -> Any:
    """What `make` gives for the size of each state."""
    if isinstance(cell, StackedRNNCells):
        return [for_each_state(each, make) for each in cell.cells]
    return [make(size) for size in sizes_of(cell)]
