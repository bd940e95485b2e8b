"""Masks through a nested model: its graph, recorded again with masks on its inputs.

A model that is called on symbols with masks is written into the outer graph inline, over its own modules: its calls then take the
masks that they would take had its layers been called one by one, as in Keras, where masks travel with the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layergraph.graph.lower import Lowering, Nested, Value
from layergraph.graph.node import Node
from layergraph.graph.spec import TensorSpec
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.graph.walk import computed_from, key
from layergraph.models.plan import Plan
from layergraph.models.rewrite import Rewriting


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
