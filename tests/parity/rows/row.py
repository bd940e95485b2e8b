"""What a row of the parity table says. Pure data: neither package is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class In:
    """One input: its shape with the batch, and how its values are drawn.

    `draw`: "normal" (both signs, never 0), "distinct" (the same, without ties: for maxima), "integers" (in [low, high)), "mask"
    (booleans, the first of each row True), "late_mask" (booleans, the first of each row False).
    """

    shape: Shape
    draw: str = "normal"
    dtype: str = "float32"
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class Of:
    """A layer among the arguments of another one: its name, and its own arguments."""

    layer: str
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.layer.lower(), *(f"{k}_{_word(v)}" for k, v in self.kwargs.items())])


def made(value: Any, find: Callable[[str], Any], **more: Any) -> Any:
    """Arguments with the layers that they name: `find` gives the class, `more` are arguments of each."""
    if isinstance(value, Of):
        own = {} if value.layer == "Sequential" else more  # a model has no arguments of a layer's
        return find(value.layer)(**own, **made(value.kwargs, find, **more))
    if isinstance(value, dict):
        return {name: made(item, find, **more) for name, item in value.items()}
    return [made(item, find, **more) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Row:
    """One golden.

    Args:
        id: unique; its first word is the layer's family in lower case.
        family: the golden file that holds it.
        layer: the name in `keras.layers` (for `form="twin"`, of the function).
        kwargs: constructor arguments.
        inputs: what it is called on.
        form: "one" (one tensor), "several" (each by position), "list" (a list), "initial_state" (a tensor, and the rest as
            `initial_state=`), "states" (a tensor, and a list of the rest), "twin" (a function of a list).
        named: the last inputs go by these keywords instead; `mask:1` is the second of a list `mask`.
        call: further keywords of the call.
        training: the mode.
        steps: forward passes in that mode; pass k sees its inputs times k + 1, and the last one is recorded.
        rule: where Keras 3.15.1 on torch is known to be wrong, the function of `record.py` that the golden comes from instead.
        drawn: what a random layer is given instead of drawing it, by names of `rules_images.py` in the order in which our change takes it.
        init: whether the distribution of fresh weights is recorded too.
        grown: how many times as long the last axes are where fresh weights are looked at: small ones take many draws.
        double: False where Keras computes in float32 even when it is told float64: the golden tells no more digits.
    """

    id: str
    family: str
    layer: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[In, ...] = ()
    form: str = "one"
    named: tuple[str, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)
    training: bool = False
    steps: int = 1
    rule: str | None = None
    drawn: dict[str, Any] | None = None
    init: bool = False
    grown: int = 1
    double: bool = True


def _word(value: object) -> str:
    text = "".join(c if c.isalnum() or c == "." else "_" for c in str(value).replace("-", "m"))
    return "_".join(part for part in text.split("_") if part)


def row(family: str, layer: str, kwargs: dict[str, Any], *shapes: Shape | In, note: str = "", **more: Any) -> Row:
    inputs = tuple(s if isinstance(s, In) else In(s) for s in shapes)
    words = [layer.lower(), *(f"{k}_{_word(v)}" for k, v in kwargs.items()), *([note] if note else [])]
    return Row("-".join(words), family, layer, kwargs, inputs, **more)


def _by_name(words: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    """The values by their keywords, `mask:0` and `mask:1` as one list, None where there is none."""
    found: dict[str, Any] = {}
    for word, value in zip(words, values, strict=True):
        name, several, place = word.partition(":")
        if several:
            found.setdefault(name, [None, None])[int(place)] = value
        else:
            found[name] = value
    return found


def shapes_of(row: Row, shapes: Any) -> list[Any]:
    """What `build` and `compute_output_shape` take, of the shapes of the row's inputs: those of the first argument, or of each."""
    args, _ = arguments(row, list(shapes))
    return args if row.form == "several" else [args[0] if row.form == "list" else shapes[0]]


def init_shapes(row: Row) -> list[Any]:
    """What `build` takes where fresh weights are looked at."""
    return shapes_of(row, [(*spec.shape[:-1], spec.shape[-1] * row.grown) for spec in row.inputs])


def arguments(row: Row, inputs: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """(by position, by keyword): the inputs in the row's form."""
    given = list(inputs)
    named = _by_name(row.named, given[len(given) - len(row.named) :]) | row.call
    given = given[: len(given) - len(row.named)]
    if row.form in ("list", "twin"):
        return [given], named
    if row.form == "initial_state":
        return given[:1], {"initial_state": given[1:], **named}
    if row.form == "states":
        return [given[0], given[1:]], named
    return (given if row.form == "several" else given[:1]), named


def with_cells(kwargs: dict[str, Any], make: Callable[[dict[str, Any]], Any], dtype: str) -> dict[str, Any]:
    """Constructor arguments of which some are cells, or lists of cells, written as configs: `{"class_name": ..., "config": {...}}`."""

    def made(value: Any) -> Any:
        if isinstance(value, list):
            return [made(item) for item in value]
        is_cell = isinstance(value, dict) and str(value.get("class_name")).endswith(("Cell", "Cells"))
        return make({**value, "config": {**with_cells(value["config"], make, dtype), "dtype": dtype}}) if is_cell else value

    return {word: made(value) for word, value in kwargs.items()}


def flat(results: Any) -> list[Any]:
    """The tensors of a nest of lists and tuples."""
    return [leaf for each in results for leaf in flat(each)] if isinstance(results, list | tuple) else [results]


def shapes_in(nest: Any) -> list[tuple[int | None, ...]]:
    """The shapes in a nest of them."""
    if all(size is None or isinstance(size, int) for size in nest):
        return [tuple(nest)]
    return [shape for each in nest for shape in shapes_in(each)]
