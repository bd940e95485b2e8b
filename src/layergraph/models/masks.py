"""Masks through a nested model: its graph, recorded again with masks on its inputs.

A model that is called on symbols with masks is written into the outer graph inline, over its own modules: its calls then take the
masks that they would take had its layers been called one by one, as in Keras, where masks travel with the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from layergraph.errors import describe, user_place, warn_at
from layergraph.graph.lower import Lowering, Nested, Value
from layergraph.graph.node import NO_MASKS, Node
from layergraph.graph.record import record
from layergraph.graph.spec import TensorSpec
from layergraph.graph.structure import Path, leaves, leaves_with_path
from layergraph.graph.symbolic import SymbolicTensor, maker, map_symbols, symbol_of, symbols_in
from layergraph.graph.walk import computed_from, key
from layergraph.layers.masking import Masked, carries, masks_of
from layergraph.models.plan import Plan, unpacked
from layergraph.models.rewrite import Rewriting, result_of


@dataclass(eq=False)
class Replay:
    """A plan again: its inputs, the mask of each of them, and its flat outputs. `changed` where some call takes a mask that it took not."""

    inputs: list[SymbolicTensor]
    masks: list[SymbolicTensor | None]
    outputs: list[SymbolicTensor]
    changed: bool

    @property
    def output_masks(self) -> list[SymbolicTensor | None]:
        return [symbol._keras_mask for symbol in self.outputs]

    def write(
        self, lowering: Lowering, inside: Nested, args: Sequence[Any], masks: Sequence[Any], outputs: Sequence[SymbolicTensor | None]
    ) -> list[Value | None]:
        """Write what computes these symbols into a graph, from values of the inputs and masks."""
        given = [*self.inputs, *(mask for mask in self.masks if mask is not None)]
        values = dict(zip(map(key, given), [*args, *(mask for mask in masks if mask is not None)], strict=True))
        wanted = [symbol for symbol in outputs if symbol is not None]
        nodes = dict.fromkeys(node for symbol in wanted for node in computed_from(given, symbol) or ())
        found = iter(lowering.run(sorted(nodes, key=lambda node: node.id), values, wanted, inside))
        return [None if symbol is None else next(found) for symbol in outputs]


def replay(plan: Plan, masks: Sequence[TensorSpec | None]) -> Replay:
    """The plan, with masks of these specs on its flat inputs."""
    rewriting = Rewriting()
    inputs: list[SymbolicTensor] = []
    given: list[SymbolicTensor | None] = []
    for symbol, spec in zip(plan.flat_inputs, masks, strict=True):
        mask = None if spec is None else SymbolicTensor(spec, Node("input", None, (), {}, (), None))
        if mask is not None:
            symbol_now = SymbolicTensor(symbol.spec, Node("input", symbol.node.target, (), {}, (), symbol.node.place, carried={(): mask}))
            rewriting.put(symbol, symbol_now)
        inputs.append(rewriting.now(symbol))
        given.append(mask)
    rewriting.run(plan.nodes, {}, {})
    outputs: list[SymbolicTensor] = [rewriting.now(symbol) for symbol in plan.flat_outputs]
    before = sum(len(node.masks) for node in plan.nodes)
    nodes = dict.fromkeys(
        node for symbol in outputs for node in computed_from([*inputs, *(mask for mask in given if mask is not None)], symbol) or ()
    )
    return Replay(inputs, given, outputs, sum(len(node.masks) for node in nodes) != before)


def specs_of_masks(masks: Sequence[Value | None]) -> list[TensorSpec | None]:
    return [None if mask is None else TensorSpec(mask.shape, mask.dtype) for mask in masks]


def without_lost_masks(inputs: Any, outputs: Any) -> Any:
    """The outputs again, where calls on the way run without a mask that is not computed from these inputs; None where none is lost.

    A model that is cut behind the tokens has their embedding and not their mask. As in Keras it runs without; a warning says so.
    """
    given = symbols_in(inputs)
    known, nodes, pending = {key(symbol) for symbol in given}, set[Node](), list(symbols_in(outputs))
    while pending:
        symbol = pending.pop()
        if key(symbol) not in known and symbol.node not in nodes:
            if symbol.node.op == "input":
                return None
            nodes.add(symbol.node)
            pending.extend(symbol.node.parents)
    lost = {
        node: next(mask for mask in leaves(dict(node.masks)) if mask is not None)
        for node in nodes
        if any(mask is not None and computed_from(given, mask) is None for mask in leaves(dict(node.masks)))
    }
    if not lost:
        return None
    for node, mask in lost.items():
        warn_at(
            user_place(),
            f"{node.target.label} runs without its mask, which {maker(mask)} makes from what is not among `inputs`; "
            f"it was called at {describe(node.place)}",
        )
    rewriting = Rewriting()
    rewriting.run(sorted(nodes, key=lambda node: node.id), {node: partial(_unmasked, node) for node in lost}, {})
    return map_symbols(rewriting.now, outputs)


def _unmasked(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    bare = Node(node.op, node.target, args, kwargs, symbols_in(args, kwargs), node.place, node.constants)
    return map_symbols(lambda symbol: symbol_of(symbol.spec, bare, symbol.path), result_of(node))


class HandsMasksOn(Masked):
    """What a functional model does with masks: on its outputs, and as a layer of another model."""

    _given_name: str | None
    _plan: Any
    _keys: Mapping[Any, str]
    _remade: Any

    @property
    def output_masks(self) -> list[SymbolicTensor | None]:
        """The mask that travels with each of the flat outputs: a symbol of this graph, or None."""
        return self._plan.output_masks

    def _with_masks(self) -> tuple[Any, list[int | None]] | None:
        """A model over the same modules that gives [outputs, masks], and which of the masks is whose; None without any mask."""
        known = {key(mask): mask for mask in self.output_masks if mask is not None}
        if not known:
            return None
        twin = self._remade([unpacked(self._plan.outputs), list(known.values())], {}, name=self._given_name)
        return twin, [None if mask is None else list(known).index(key(mask)) for mask in self.output_masks]

    def _wired(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"mask": masks_of(list(args))} if carries(args) else NO_MASKS

    def _carried(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], wired: Mapping[str, Any], output: Any) -> Mapping[Path, Any]:
        given = self._masks_given(map_symbols(lambda mask: mask.spec, wired["mask"]) if wired else None)
        if not any(spec is not None for spec in given):
            return NO_MASKS
        masks = record("masks", self, args, kwargs, given, None, wired)
        places = (path for path, _ in leaves_with_path(output))
        return {place: mask for place, mask in zip(places, masks, strict=True) if mask is not None}

    def _masks_given(self, masks: Sequence[TensorSpec | None] | None) -> list[TensorSpec | None]:
        """The specs of the outputs' masks, where the inputs have masks of these specs."""
        found = replay(self._plan, masks).output_masks if masks is not None else self.output_masks
        return [None if mask is None else mask.spec for mask in found]

    def _lower_masks(self, lowering: Lowering, prefix: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Write the masks of the outputs."""
        training, masks = kwargs.get("training"), kwargs.get("mask") or [None] * len(args)
        again = replay(self._plan, specs_of_masks(masks))
        inside = Nested(f"{prefix}.", self._keys, lowering.mode if training is None else bool(training))
        return again.write(lowering, inside, args, masks, again.output_masks)
