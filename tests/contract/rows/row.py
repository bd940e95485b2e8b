"""What a row of the contract table says. Pure data: layergraph is not imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.parity.rows.row import Of as Of

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Wrong:
    """Something a layer refuses: constructor arguments, or the shapes it is called on. The message has all of `says`."""

    says: tuple[str, ...]
    kwargs: dict[str, Any] | None = None
    inputs: tuple[Shape, ...] | None = None
    # Refused only by a layer that was built on the row's own inputs.
    built: bool = False
    # One bare tensor where a list belongs.
    bare: bool = False


@dataclass(frozen=True)
class Row:
    """One layer class.

    Args:
        layer: its name in `layergraph.layers`.
        kwargs: constructor arguments that leave no part of it out.
        inputs: shapes with a batch of 2.
        form: "one" (a tensor), "several" (each by position), "list" (a list of tensors), "initial_state" (a tensor, and the rest as
            `initial_state=`), "states" (a tensor, and a list of
            the rest), "stacked_states" (a tensor, and a list of [the next two] and the last one).
        named: the last inputs go by these keywords instead; `mask:1` is the second of a list `mask`.
        call: further keywords of the call.
        masks: which inputs are masks, booleans; each row of a mask has a True.
        unknown: axes, besides the batch, whose sizes it may learn at run time; of the inputs that have the most axes.
        integers: values of what is no mask are drawn from range(integers) as int64, where it is given.
        random: whether it draws numbers in training.
        steps: its output is constant but for jumps, so that its gradients are 0 or none.
        recurrent: not probed with unknown times (a loop over thousands of steps).
        untold: keywords of every layer that its config leaves out, since Keras's class does not take them.
        wrong: what it refuses.
    """

    layer: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[tuple[int, ...], ...] = ()
    form: str = "one"
    named: tuple[str, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)
    masks: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    integers: int = 0
    random: bool = False
    steps: bool = False
    recurrent: bool = False
    untold: tuple[str, ...] = ()
    wrong: tuple[Wrong, ...] = ()


def argument(name: str, *values: Any, needed: dict[str, Any] | None = None) -> tuple[Wrong, ...]:
    """Each value of that argument is refused by a message with the argument's name and the value."""
    return tuple(Wrong((name, str(value)), kwargs={**(needed or {}), name: value}) for value in values)


def refused_inputs(*shapes: Shape, says: tuple[str, ...] = (), **more: Any) -> Wrong:
    return Wrong((*says, *map(str, shapes)), inputs=shapes, **more)
