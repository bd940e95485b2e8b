"""One recorded call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from layergraph.errors import Place

if TYPE_CHECKING:
    from layergraph.graph.symbolic import SymbolicTensor

Op = Literal["input", "layer", "function", "method"]

_ids = itertools.count()


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
    """

    op: Op
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    parents: tuple[SymbolicTensor, ...]
    place: Place | None
    constants: tuple[Constant, ...] = ()
    id: int = field(default_factory=_ids.__next__)

    @property
    def owner(self) -> Any:
        """What Keras calls the operation: the layer of a layer's call, the node itself for anything else."""
        return self.target if self.op in ("input", "layer") else self
