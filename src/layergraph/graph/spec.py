"""What is known of a tensor before it exists: its shape and dtype."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from layergraph.errors import Fact

Shape = tuple[int | None, ...]
"""Sizes, None where a size is known only at run time."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A shape, None for unknown sizes, and a dtype."""

    shape: Shape
    dtype: torch.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __deepcopy__(self, memo: object) -> TensorSpec:
        return self

    def __reduce__(self) -> tuple[type[TensorSpec], tuple[Shape, torch.dtype]]:
        return TensorSpec, (self.shape, self.dtype)  # a dataclass with slots pickles field by field, at ten times the time


def broadcast(*shapes: Shape) -> Shape:
    """The shape that operands of these shapes broadcast to, aligned from the right; raises `Fact` where they do not.

    An unknown size meets a known one other than 1 as that one, since it must be it or 1 when the model runs.
    """
    rank = max(len(shape) for shape in shapes)
    out: list[int | None] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        known = sizes - {None}
        if len(known) > 1:
            raise Fact(f"shapes {' and '.join(map(str, shapes))} do not broadcast")
        out.append(known.pop() if known else None if sizes else 1)
    return tuple(out)


def agree(given: Shape, wanted: Shape) -> bool:
    """Whether a tensor of shape `given` can stand where `wanted` was declared; None fits any size."""
    return len(given) == len(wanted) and all(a is None or b is None or a == b for a, b in zip(given, wanted, strict=True))
