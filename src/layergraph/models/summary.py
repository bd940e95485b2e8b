"""`summary`: the page that says what a model is made of."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.names import Namespace
from layergraph.graph.node import Node
from layergraph.graph.structure import leaves
from layergraph.graph.symbolic import SymbolicTensor, target_name
from layergraph.graph.walk import Key, key
from layergraph.layers.base import Layer
from layergraph.layers.core import InputLayer
from layergraph.models.cost import Cost, measure
from layergraph.models.functional import Functional
from layergraph.models.plan import Plan
from layergraph.models.table import Cell, Column, Side, render, safe
from layergraph.session import say


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of a model's layers and recorded torch calls, in Keras's order, and what they weigh and cost.

    Parameters are counted as Keras counts them; mult-adds, the size of a forward and backward pass and of the parameters in
    torch are torchinfo's, for the batch that the last lines state. Neither the model nor torch's random state is touched.

    Args:
        model: a Model.
        line_length: the width of the page in characters; None takes what the content needs, at most 100 and the terminal's width.
        positions: where each column ends, in characters or as parts of the width; one for each of Keras's columns (the
            mult-adds are then left out), or one for each column.
        print_fn: called once with the whole text, instead of `print`.
        expand_nested: show the layers of nested models below them.
        show_trainable: add a column: Y, N, or - for layers without weights.
        layer_range: two regular expressions, the first row's name and the last's.

    Raises:
        ArgumentError: a `layer_range` that finds nothing, or a page too narrow for its columns.

    >>> from layergraph import Input, Model
    >>> from layergraph.layers import Dense
    >>> x = Input(shape=(4,))
    >>> summary(Model(x, Dense(2)(x)), layer_range=("dense", "dense"))
    Model: "functional"
    ┏━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━┓
    ┃ Layer (type)  ┃ Output Shape ┃ Param # ┃ Mult-Adds ┃
    ┡━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━┩
    │ dense (Dense) │ (None, 2)    │      10 │        10 │
    └───────────────┴──────────────┴─────────┴───────────┘
     Total params: 10 (40.00 B)
     Trainable params: 10 (40.00 B)
     Non-trainable params: 0 (0.00 B)
     Total mult-adds: 10
     Forward/backward pass size: 16.00 B
     Params size: 40.00 B
     (torchinfo's figures, for a batch of 1)
    """
    cost = _cost(model)
    counted = cost if isinstance(cost, Cost) else None
    rows = list(_rows(_View(model), counted, expand_nested))
    connected = any(row.level == 0 and row.branches for row in rows)
    rows = _within(rows, layer_range, model)
    columns = [Column("Layer (type)"), Column("Output Shape"), Column("Param #", "right", firm=True)]
    cells = [[row.name, row.shape, row.params] for row in rows]
    shown_columns: list[tuple[bool, str, Side, str]] = [
        (
            counted is not None and (positions is None or len(positions) != 3 + connected + show_trainable),
            "Mult-Adds",
            "right",
            "mult_adds",
        ),
        (connected, "Connected to", "left", "connections"),
        (show_trainable, "Trainable", "center", "trainable"),
    ]
    for wanted, title, side, field in shown_columns:
        if wanted:
            columns.append(Column(title, side, firm=title != "Connected to"))
            for cell, row in zip(cells, rows, strict=True):
                cell.append(getattr(row, field))
    table = render(columns, cells, line_length, positions)
    name = safe(model._name or model.auto_name())
    text = "\n".join([f'Model: "{name}"', table, *_weighed(model), *_costed(cost)])
    print_fn(text) if print_fn is not None else _print(text)


class _Row(NamedTuple):
    """One layer or torch call; cells are lines of pieces that may be broken apart. `branches`: it makes the graph more than a chain."""

    name: Cell
    shape: Cell
    params: Cell
    mult_adds: Cell
    connections: Cell
    trainable: Cell
    level: int
    branches: bool
    plain: str


class _View:
    """A model as rows see it: the operations, their names, calls, results and sources."""

    def __init__(self, model: Any, prefix: str = ""):
        self.model, self.prefix = model, prefix
        plan: Plan | None = getattr(model, "_plan", None) if model.built and isinstance(model, Functional) else None
        self.inputs: dict[Key, Any] = dict(zip(map(key, plan.flat_inputs), plan.input_layers, strict=True)) if plan else {}
        self.operations: list[Any] = list(plan.operations) if plan and not hasattr(model, "_stack") else list(model.layers)
        self.above: Any = None if set(self.inputs.values()) & set(self.operations) else next(iter(self.inputs.values()), None)
        self.keys: dict[Any, str] = dict(model._keys) if plan else _paths(model)
        self.names = self._named(dict(model._names) if plan else {})
        self.calls: dict[Any, list[Node]] = {}
        self.results: dict[Node, dict[Any, SymbolicTensor]] = {}
        self._number: dict[Node, int] = {}
        for node in plan.nodes if plan else ():
            calls = self.calls.setdefault(node.owner, [])
            self._number[node] = len(calls)
            calls.append(node)
        for symbol in (*(parent for node in (plan.nodes if plan else ()) for parent in node.parents), *(plan.flat_outputs if plan else ())):
            self.results.setdefault(symbol.node, {})[symbol.path] = symbol

    def _named(self, names: dict[Any, str]) -> dict[Any, str]:
        """A name for each operation; those of layers that no model has named yet are not settled by being shown."""
        space = Namespace()
        rest = [each for each in dict.fromkeys(self.operations) if each not in names]
        for each in rest:
            if isinstance(each, Layer) and each._name is not None:
                names[each] = each._name
        for name in names.values():
            space.reserve(name)
        for each in rest:
            if each not in names:
                names[each] = space.take(each.auto_name() if isinstance(each, Layer) else target_name(each.target))
        return names

    def symbols(self, operation: Any) -> list[SymbolicTensor]:
        """What the last call of an operation in this model gives."""
        if isinstance(operation, InputLayer):
            return [operation.output]
        calls = self.calls.get(operation)
        if not calls:
            return []
        first = operation._first if isinstance(operation, Layer) else None
        if first is not None and first[0] is calls[-1]:
            return [leaf for leaf in leaves(first[1]) if isinstance(leaf, SymbolicTensor)]
        return list(self.results.get(calls[-1], {}).values())

    def sources(self, operation: Any) -> list[str]:
        """`conv2d[0][0]`: the maker of each input, which of its calls, and which of the tensors that call gave."""
        return [self._source(parent) for node in self.calls.get(operation, ()) for parent in node.parents]

    def _source(self, symbol: SymbolicTensor) -> str:
        outside = self.inputs.get(key(symbol))
        if outside is not None:
            return f"{safe(self.names[outside])}[0][0]"
        place = "".join(f"[{safe(str(step))}]" for step in symbol.path) or "[0]"
        return f"{safe(self.names[symbol.node.owner])}[{self._number[symbol.node]}]{place}"


def _paths(model: Any) -> dict[Any, str]:
    """Where each module stands in a model without a graph."""
    return {part: path for path, part in model.named_modules()}


def _rows(view: _View, cost: Cost | None, expand_nested: bool) -> Iterator[_Row]:
    """The rows of a model; those of nested models after the row of theirs. A stack instead of recursion: models nest deep."""
    stack = [(view, iter(view.operations), view.above)]
    while stack:
        view, operations, last = stack.pop()
        for operation in operations:
            yield _row(view, operation, len(stack), last, cost)
            last = operation
            if expand_nested and getattr(operation, "layers", None):
                nested = _View(operation, view.prefix + view.keys.get(operation, "") + ".")
                stack += [(view, operations, last), (nested, iter(operation.layers), nested.above)]
                break


def _row(view: _View, operation: Any, level: int, before: Any, cost: Cost | None) -> _Row:
    name, sources = view.names[operation], view.sources(operation)
    lead = "   " * min(level, 8) + "└ " if level else ""
    parents = [parent for node in view.calls.get(operation, ()) for parent in node.parents]
    chained = (
        len(parents) <= 1 and all(view.inputs.get(key(p), p.node.owner) is before for p in parents) and (before is None or bool(parents))
    )
    if isinstance(operation, Node):
        kind, params, mult_adds, trainable = _spelling(operation), "0", "-", "-"
        notes: list[str] = []
    else:
        kind, count = type(operation).__name__, operation.count_params()
        params = f"{count:,}" if operation.built else "0 (unbuilt)"
        trainable = "-" if not count else "Y" if operation.trainable else "N"
        mult_adds = f"{cost.under(_targets(view, operation)):,}" if cost is not None else "-"
        notes = _notes(view, operation, name)
    return _Row(
        [[f"{lead}{safe(name)}", f"({safe(kind)})"], *([f"{' ' * len(lead)}{note}"] for note in notes)],
        [_shapes(view, operation)],
        [[params]],
        [["-" if mult_adds == "0" else mult_adds]],
        [[f"{source}," for source in sources[:-1]] + sources[-1:] or ["-"]],
        [[trainable]],
        level,
        bool(view.calls or view.inputs) and not chained,
        name,
    )


def _notes(view: _View, layer: Layer, name: str) -> list[str]:
    """What the name in the first line does not say: the key in `state_dict()`, and the name that the layer has elsewhere."""
    target = view.keys.get(layer, name)
    seen = isinstance(layer, InputLayer) or not layer.built or bool(layer.modules_under(target))  # without modules there is no key
    found = [f"(key: {safe(target)})"] if target != name and seen else []
    return found + ([f"(elsewhere: {safe(layer._name)})"] if layer._name not in (None, name) else [])


def _spelling(node: Node) -> str:
    """How a torch call is written: `torch.cat`, `Tensor.permute`, `operator.add`."""
    if node.op == "method":
        return f"Tensor.{node.target}"
    home = (getattr(node.target, "__module__", None) or "torch").removeprefix("_")
    name = target_name(node.target)
    return f"torch.{name}" if getattr(torch, name, None) is node.target else f"{'F' if home == 'torch.nn.functional' else home}.{name}"


def _targets(view: _View, layer: Layer) -> list[str]:
    own = view.keys.get(layer)
    if own is None:
        return []
    return [view.prefix + target for target, _ in layer.modules_under(own)] if layer.built else []


def _shapes(view: _View, operation: Any) -> list[str]:
    texts = [safe(str(symbol.shape)) if isinstance(symbol, SymbolicTensor) else "a size" for symbol in view.symbols(operation)]
    if not texts and isinstance(operation, Layer) and operation.built and operation._inlined and "_build_shapes" in operation.__dict__:
        try:
            texts = [str(operation.compute_output_shape(*operation._build_shapes))]
        except Exception:  # a layer that cannot say: the page is printed all the same
            texts = []
    if len(texts) < 2:
        return texts or ["?"]
    return [f"[{texts[0]},", *(f"{text}," for text in texts[1:-1]), f"{texts[-1]}]"]


def _within(rows: list[_Row], layer_range: Sequence[str] | None, model: Any) -> list[_Row]:
    """The rows from the first that the one expression matches to the last that the other does."""
    if layer_range is None:
        return rows
    if isinstance(layer_range, str) or len(layer_range) != 2 or not all(isinstance(each, str) for each in layer_range):
        raise ArgumentError(
            f"summary: `layer_range` must be two strings, got {shown(layer_range)}", "layer_range=('first name', 'last name')"
        )
    try:
        found = [[i for i, row in enumerate(rows) if row.level == 0 and re.match(word, row.plain)] for word in layer_range]
    except re.error as error:
        raise ArgumentError(
            f"summary: `layer_range` {shown(layer_range)} is no regular expression: {error}", "escape it with re.escape(name)"
        ) from None
    if not all(found):
        missing = layer_range[0] if not found[0] else layer_range[1]
        names = ", ".join(shown(row.plain) for row in rows[:12]) + (", ..." if len(rows) > 12 else "")
        raise ArgumentError(f"summary: no layer of {model.label} matches {shown(missing)}", details=[f"its layers are {names}"])
    first, last = found[0][0], found[1][-1]
    if first > last:
        first, last = found[1][0], found[0][-1]
    end = next((i for i in range(last + 1, len(rows)) if rows[i].level == 0), len(rows))
    return rows[first:end]


def _weighed(model: Any) -> list[str]:
    """Keras's footer."""
    sums = {True: [0, 0], False: [0, 0]}
    for weight in {id(weight.tensors[0]): weight for weight in model.keras_weights()}.values() if model.built else ():
        tensor = weight.tensors[0]
        entry = sums[weight.trainable and tensor.requires_grad]
        entry[0] += weight.count()
        entry[1] += weight.count() * tensor.element_size()
    optimizer = _optimizer_state(model)
    total = [sum(column) for column in zip(*sums.values(), optimizer, strict=True)]
    lines = [("Total params", total), ("Trainable params", sums[True]), ("Non-trainable params", sums[False])]
    lines += [("Optimizer params", optimizer)] if optimizer[0] else []
    return [f" {title}: {count:,} ({_readable(size)})" for title, (count, size) in lines]


def _optimizer_state(model: Any) -> list[int]:
    optimizer = getattr(model, "optimizer", None)
    state: dict[Any, dict[str, Any]] = getattr(getattr(optimizer, "torch_optimizer", optimizer), "state", None) or {}
    tensors = [value for each in state.values() for value in each.values() if isinstance(value, torch.Tensor)]
    return [sum(tensor.numel() for tensor in tensors), sum(tensor.numel() * tensor.element_size() for tensor in tensors)]


def _cost(model: Any) -> Cost | str | None:
    """torchinfo's figures, or why there are none; None where nothing is built yet."""
    if not model.built or not model.layers or not (hasattr(model, "_plan") or model.__dict__.get("_build_shapes")):
        return None
    try:
        return measure(model)
    except Fact as fact:
        return fact.what


def _costed(cost: Cost | str | None) -> list[str]:
    if cost is None:
        return []
    if isinstance(cost, str):
        return [f" Mult-adds are left out, since the model does not run on meta tensors: {safe(cost)[:200]}"]
    assumed = f", unknown sizes taken as {cost.unknown}" if cost.unknown is not None else ""
    return [
        f" Total mult-adds: {cost.mult_adds:,}",
        f" Forward/backward pass size: {_readable(cost.pass_bytes)}",
        f" Params size: {_readable(cost.param_bytes)}",
        f" (torchinfo's figures, for a batch of {cost.batch}{assumed})",
    ]


def _readable(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


_ASCII = str.maketrans("┏┳┓┡╇┩└┴┘━─┃│…", "+++++++++--||~")


def _print(text: str) -> None:
    """Print, also where the terminal knows no box-drawing characters."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    say(text)
