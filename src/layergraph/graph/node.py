"""One recorded call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from layergraph.errors import Place
from layergraph.graph.structure import Path, leaves

if TYPE_CHECKING:
    from layergraph.graph.symbolic import SymbolicTensor

Op = Literal["input", "layer", "function", "method", "masks"]
"""What a node is: an Input, a call of a layer, of a function or method of torch; or the masks that a nested model gives on its outputs."""

NO_MASKS: Mapping[Any, Any] = MappingProxyType({})

_ids = itertools.count()


def _no_masks() -> Mapping[Any, Any]:
    return NO_MASKS


class Constant:
    """A tensor written into a graph: a buffer of each model that holds it, under a key that the first of them settles."""

    __slots__ = ("_key", "dtype", "value")

    def __init__(self, value: Tensor):
        self.value = value
        self.dtype = value.dtype
        self._key: str | None = None


# Linked nodes make chains as deep as the model: a generated hash or repr, and copy and pickle, would recurse through them.
@dataclass(frozen=True, eq=False, repr=False, slots=True, weakref_slot=True)
class Node:
    """One recorded call: an input, a layer's call, or a torch function's or method's.

    `id` grows with time, so a parent is always older than its children: ordering by id is ordering by execution, and
    no cycle can be written. `parents` are the symbols among the arguments, in Keras's order, `constants` the tensors.

    `masks` are the keywords that recording gave the call by itself, for masks that its inputs carry; Keras counts them to none of
    its orders. `carried` gives the mask that travels with the result, by the place in the result.
    """

    op: Op
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    parents: tuple[SymbolicTensor, ...]
    place: Place | None
    constants: tuple[Constant, ...] = ()
    masks: Mapping[str, Any] = field(default_factory=_no_masks)
    carried: Mapping[Path, SymbolicTensor] = field(default_factory=_no_masks)
    id: int = field(default_factory=_ids.__next__)

    @property
    def needs(self) -> tuple[SymbolicTensor, ...]:
        """All symbols that must be there before this one: the parents, and the masks."""
        return self.parents if not self.masks else (*self.parents, *(leaf for leaf in leaves(dict(self.masks)) if leaf is not None))

    @property
    def owner(self) -> Any:
        """What Keras calls the operation: the layer of a layer's call, the node itself for anything else."""
        return self.target if self.op in ("input", "layer") else self
