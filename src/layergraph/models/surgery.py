"""Graph surgery: extractors by name, and models with layers inserted, replaced or removed, over the same weights.

Nothing is copied, and the model that is operated on stays as it is. What an edit reaches is recorded again on the same layer
objects (`rewrite.py`); the rest is shared, node by node. A nested model that is looked into, or changed, is cut or edited
itself, and its successor stands where it stood, under its name: the keys of the untouched weights stay `inner.conv.weight`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from torch import nn

from layergraph.errors import ArgumentError, shown
from layergraph.graph.node import Node
from layergraph.graph.structure import leaves
from layergraph.graph.symbolic import SymbolicTensor, map_symbols, symbols_in
from layergraph.graph.walk import between
from layergraph.kinds import is_mapping
from layergraph.layers.base import Layer
from layergraph.layers.wrapping import wrap
from layergraph.models.lookup import Found, find_calls, is_glob, patterns_in
from layergraph.models.plan import Plan, unpacked
from layergraph.models.rewrite import Make, Rewriting, result_of

if TYPE_CHECKING:
    from layergraph.models.functional import Functional

_MISSING: Any = object()
Settled = dict[Any, tuple[str, str]]


class Operable(nn.Module):
    """The surgery of a `Functional`."""

    label: Any
    _plan: Any
    _names: Mapping[Any, str]
    _keys: Mapping[Any, str]
    _given_name: str | None
    _remade: Callable[..., Functional]

    def at(self, *names: Any) -> Functional:
        """A feature extractor: a model from the same inputs to the outputs of these layers, over the same weights.

        One name gives a bare tensor, in the shape in which the layer gives it; several names, a list of names, or a glob give
        a dict by name. The extractor takes the modules that stand in this model now, and computes only what it needs.

        Args:
            names: of layers or Inputs; globs ('block1_*'); paths into nested models ('backbone/conv', 'backbone/*');
                torch calls, as `code` names them ('relu_1'). A layer that is called several times in this model has no one
                output: 'shared:0' is that of its first call here, and a glob gives those of all calls.

        >>> import torch
        >>> from layergraph import Input, Model
        >>> from layergraph.layers import Dense
        >>> x = Input(shape=(8,))
        >>> model = Model(x, Dense(2, name="head")(torch.relu(Dense(4, name="body")(x))))
        >>> model.at("body")(torch.ones(3, 8)).shape
        torch.Size([3, 4])
        >>> {name: tuple(out.shape) for name, out in model.at("relu", "head")(torch.ones(3, 8)).items()}
        {'relu': (3, 4), 'head': (3, 2)}

        Raises:
            ArgumentError: a name that the model does not have, or that stands for several calls.
        """
        patterns = patterns_in(f"{self.label}.at", names)
        points, _, settled = _exposed(self, find_calls(self, patterns, every=False), whole=False)
        bare = len(names) == 1 and isinstance(names[0], str) and (names[0] in points or not is_glob(names[0]))
        return self._remade(next(iter(points.values())) if bare else points, settled)

    def insert_after(self, names: Any, new: Any = _MISSING, *, name: str | None = None) -> Functional:
        """A model in which the outputs of these layers go through something more; this one stays as it is.

        Args:
            names: as in `at`: a name, a list, a glob, a path; or a dict of name and what comes after it. A layer that is called
                several times is followed at each call, 'shared:1' at one. An Input may be named too.
            new: a layer, a model, a torch module (it is wrapped), a list of them, or a function of a symbolic tensor, which is
                called for each place.
            name: of the new model; None keeps this one's.

        >>> import torch
        >>> from layergraph import Input, Model
        >>> from layergraph.layers import Dense, Dropout
        >>> x = Input(shape=(8,))
        >>> model = Model(x, Dense(2, name="head")(Dense(4, name="body")(x)))
        >>> [layer.name for layer in model.insert_after("body", [torch.relu, Dropout(0.5)]).layers[1:]]
        ['body', 'dropout', 'head']

        Raises:
            ArgumentError: a name that the model does not have, or one layer for several places.
            ShapeError: a later layer does not take the new shape.
        """
        return _edited(self, _edits(self, "insert_after", names, new), name)

    def replace(self, names: Any, new: Any = _MISSING, *, name: str | None = None) -> Functional:
        """A model in which something else stands in the place of these layers; this one stays as it is.

        What comes new is called with the arguments of what it replaces; a layer without a name of its own takes the old one's.
        All other layers, and their weights, are shared. Where shapes change, later layers must take them: those that do not
        are replaced in the same step, `model.replace({"features": Dense(16), "head": Dense(10)})`.

        Args:
            names: as in `insert_after`; a torch call is given the tensors among its arguments.
            new: as in `insert_after`; None removes.
            name: of the new model; None keeps this one's.

        >>> from layergraph import Input, Model
        >>> from layergraph.layers import Dense
        >>> x = Input(shape=(8,))
        >>> model = Model(x, Dense(2, name="head")(Dense(4, name="body")(x)))
        >>> tuned = model.replace("head", Dense(10, activation="softmax"))
        >>> tuned.output_shape, tuned.body is model.body, sorted(tuned.state_dict())
        ((None, 10), True, ['body.bias', 'body.weight', 'head.bias', 'head.weight'])

        Raises:
            ArgumentError: a name that the model does not have, or one layer for several places.
            ShapeError: a later layer does not take the new shape.
        """
        return _edited(self, _edits(self, "replace", names, new), name)

    def remove(self, *names: Any, name: str | None = None) -> Functional:
        """A model without these layers: what came into each goes to whatever it went to; this one stays as it is.

        Args:
            names: as in `at`; each of a layer, or torch call, with one input.
            name: of the new model; None keeps this one's.

        >>> from layergraph import Input, Model
        >>> from layergraph.layers import Dense, Dropout
        >>> x = Input(shape=(8,))
        >>> model = Model(x, Dense(2, name="head")(Dropout(0.5, name="drop")(Dense(4, name="body")(x))))
        >>> model.remove("drop", "head").output_shape
        (None, 4)

        Raises:
            ArgumentError: a name that the model does not have, or a layer with several inputs.
            ShapeError: a later layer does not take the new shape.
        """
        return _edited(self, _edits(self, "remove", patterns_in(f"{self.label}.remove", names), None), name)


# Extracting


def _exposed(model: Any, found: Sequence[Found], *, whole: bool) -> tuple[dict[str, Any], Any, Settled]:
    """The results of calls, as symbols of one graph, and the model's outputs in that graph where the `whole` is wanted.

    Nested models on the way are cut where that is needed, each once; the names that these cuts are to have come too.
    """
    plan: Plan = model._plan
    here = {each.label: each.symbol if each.symbol is not None else result_of(each.node) for each in found if not each.way}
    outputs = plan.outputs if whole else None
    inner: dict[Layer, list[Found]] = {}
    for each in found:
        if each.way:
            inner.setdefault(each.way[0].target, []).append(each)
    if not inner:
        return here, outputs, {}
    entered = {each.way[0] for each in found if each.way}
    wanted = [*symbols_in(here, outputs), *(parent for node in entered for parent in node.parents)]
    needed = set(between(plan.flat_inputs, [("outputs", symbol) for symbol in wanted]))
    calls = [node for node in plan.nodes if node.op == "layer" and node.target in inner and (node in needed or node in entered)]
    passed_on = {node.target for node in calls if node in needed}
    cuts = {layer: _cut_inside(layer, group, whole=layer in passed_on) for layer, group in inner.items()}
    extras: dict[Node, Any] = {}
    rewriting = Rewriting()
    instead: dict[Node, Make] = {node: partial(_called_cut, cuts[node.target], node, node.target in passed_on, extras) for node in calls}
    rewriting.run([node for node in plan.nodes if node in needed or node in instead], instead, {})
    points = {
        each.label: extras[each.way[0]][each.inside.label] if each.way else map_symbols(rewriting.now, here[each.label]) for each in found
    }
    return points, map_symbols(rewriting.now, outputs), {cut: (model._names[layer], model._keys[layer]) for layer, cut in cuts.items()}


def _cut_inside(model: Any, found: Sequence[Found], *, whole: bool) -> Functional:
    """A nested model that gives the results of these calls, by label, beside its outputs where the `whole` is wanted."""
    points, outputs, settled = _exposed(model, list({each.inside.label: each.inside for each in found}.values()), whole=whole)
    return model._remade([unpacked(outputs), points] if whole else points, settled, model._given_name)


def _called_cut(cut: Functional, node: Node, whole: bool, extras: dict[Node, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = cut(*args, **kwargs)
    extras[node] = result[1] if whole else result
    return result[0] if whole else None


# Editing


class Edit(NamedTuple):
    """A change at one call: `new` comes after it, or stands in its place. `doing` says on whose behalf, for messages."""

    found: Found
    new: Any
    after: bool
    doing: str
    pattern: str


def layer_of(value: Any, doing: str) -> Any:
    """What a user gives as something new, as a layer or a function of symbols; a module of torch's is wrapped."""
    if isinstance(value, nn.Module) and not isinstance(value, Layer):
        return wrap(value)
    if isinstance(value, type):
        raise ArgumentError(f"{doing}: {value.__name__} is a class, not a layer", f"make one: {value.__name__}(...)")
    if not callable(value):
        raise ArgumentError(f"{doing}: {type(value).__name__} {shown(value)} is no layer", "give a layer, a list of layers, or a function")
    return value


def _edits(model: Any, method: str, names: Any, new: Any) -> list[Edit]:
    who = f"{model.label}.{method}"
    if is_mapping(names):
        if new is not _MISSING:
            raise ArgumentError(f"{who} takes a dict, or names and what is new; both came", f"{method}({{'a': Dense(4), 'b': Dense(2)}})")
        pairs = list(names.items())
    elif new is _MISSING:
        raise ArgumentError(f"{who} does not say what is new", f"{method}('dense', Dense(4))")
    else:
        pairs = [(names, new)]
    edits: dict[Any, Edit] = {}
    for named, value in pairs:
        patterns = patterns_in(who, [named])
        doing = f"{who}({', '.join(map(repr, patterns[:3]))}{', ...' if len(patterns) > 3 else ''})"
        several = cast("Sequence[Any]", value if isinstance(value, list | tuple) else () if value is None else (value,))
        steps = [layer_of(each, doing) for each in several]
        if not steps and method == "insert_after":
            raise ArgumentError(f"{doing}: there is nothing to insert", "give a layer, a list of layers, or a function")
        found = find_calls(model, patterns, every=True)
        _check_sharing(doing, steps, found)
        for each in found:
            if each.symbol is not None and method != "insert_after":
                raise ArgumentError(f"{doing}: {each.label!r} is an Input", "insert_after can be told to change what comes from it")
            if (each.way, each.place) in edits:
                raise ArgumentError(f"{doing}: {each.label!r} is named twice", "say once what is to be there")
            edits[each.way, each.place] = Edit(each, steps, method == "insert_after", doing, patterns[0])
    return list(edits.values())


def _check_sharing(doing: str, steps: Sequence[Any], found: Sequence[Found]) -> None:
    places = {(each.way, each.node.target if each.symbol is None and each.node.op == "layer" else each.place): each.label for each in found}
    layer = next((step for step in steps if isinstance(step, Layer)), None)
    if len(places) > 1 and layer is not None:
        raise ArgumentError(
            f"{doing} names {len(places)} places, {', '.join(map(repr, list(places.values())[:4]))}{', ...' if len(places) > 4 else ''}, "
            f"and one {layer.label} would be shared by them",
            f"give a function, which is called for each: lambda x: {type(layer).__name__}(...)(x)",
        )


def _edited(model: Any, edits: Sequence[Edit], name: str | None, path: str = "") -> Functional:
    """The model with some calls changed; nested models first, each by a successor under its name."""
    plan: Plan = model._plan
    settled: Settled = {}
    inner: dict[Layer, list[Edit]] = {}
    for edit in edits:
        if edit.found.way:
            inner.setdefault(edit.found.way[0].target, []).append(edit._replace(found=edit.found.inside))
    instead: dict[Node, Make] = {}
    after: dict[Node | SymbolicTensor, Any] = {}
    successors = {layer: _edited(layer, group, None, f"{path}{model._names[layer]}/") for layer, group in inner.items()}
    for node in plan.nodes:
        if node.op == "layer" and node.target in successors:
            instead[node] = partial(_call, successors[node.target])
            settled[successors[node.target]] = model._names[node.target], model._keys[node.target]
    for edit in (each for each in edits if not each.found.way):
        node, chain = edit.found.node, partial(_chain, edit.new)
        if node in instead:
            raise ArgumentError(f"{edit.doing}: {edit.found.label!r} is changed as a whole, and inside it", "do one after the other")
        if edit.after:
            after[edit.found.place] = chain
        else:
            instead[node] = partial(_replaced, node, edit)
    settled |= _inherited(model, [edit for edit in edits if not edit.found.way])
    doing = edits[0].doing

    def fix(node: Node) -> str | None:
        there = model._names.get(node.target) if node.op == "layer" else None
        return there and f"change both in one step: model.replace({{{edits[0].pattern!r}: ..., {path + there!r}: ...}})"

    rewriting = Rewriting(doing, fix)
    rewriting.run(plan.nodes, instead, after)
    return model._remade(map_symbols(rewriting.now, plan.outputs), settled, name or model._given_name, same_class=True)


def _inherited(model: Any, edits: Sequence[Edit]) -> Settled:
    """The names of layers that go, for the nameless ones that come in their places."""
    calls: dict[Any, int] = {}
    for edit in edits:
        if not edit.after and edit.found.node.op == "layer":
            calls[edit.found.node.target] = calls.get(edit.found.node.target, 0) + 1
    left: dict[Any, int] = dict.fromkeys(calls, 0)
    for node in model._plan.nodes:
        if node.op == "layer" and node.target in left:
            left[node.target] += 1
    settled: Settled = {}
    for edit in edits:
        old = edit.found.node.target
        new = edit.new[0] if len(edit.new) == 1 and isinstance(edit.new[0], Layer) else None
        if new is not None and new._name is None and new._key is None and old in calls and calls[old] == left[old]:
            settled[new] = model._names[old], model._keys[old]
    return settled


def _replaced(node: Node, edit: Edit, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What stands in the place of a call now, from the arguments that the call would have."""
    if node.op != "layer":
        args = tuple(arg for arg in args if symbols_in(arg))
    if edit.new:
        return _chain(edit.new[1:], _call(edit.new[0], args, kwargs))
    given = symbols_in(args, kwargs)
    if len(given) != 1 or not isinstance(result_of(node), SymbolicTensor):
        many = f"takes {len(given)} tensors" if len(given) != 1 else f"gives {len(leaves(result_of(node)))} tensors"
        raise ArgumentError(
            f"{edit.doing}: {edit.found.label!r} {many}, so it is open what would stand in its place",
            f"say it: model.replace({edit.found.label!r}, lambda ...: ...)",
        )
    return given[0]


def _call(new: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call with what was given to the old: its tensors, and the words and the `training=` that a layer takes too."""
    taken: set[str] = {*getattr(new, "_call_words", ()), "training"} if isinstance(new, Layer) else set()
    return new(*args, **{word: value for word, value in kwargs.items() if word in taken or symbols_in(value)})


def _chain(steps: Sequence[Any], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value
