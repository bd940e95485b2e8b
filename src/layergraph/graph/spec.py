"""What is known of a tensor, or of a size, before it exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from layergraph.errors import Fact

Shape = tuple[int | None, ...]
"""Sizes, None where a size is known only at run time."""


class UnknownAtError(Exception):
    """What a size would be was never worked out for this trial size."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A shape, None for unknown sizes, and a dtype.

    `trials` gives the whole shape for each trial size that the unknown sizes of the Inputs may be taken for (see infer.py). It is
    kept where an unknown size is not simply that trial size itself: twice the batch size, say.
    """

    shape: Shape
    dtype: torch.dtype
    trials: Mapping[int, tuple[int, ...]] | None = field(default=None, compare=False, repr=False)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def at(self, size: int) -> tuple[int, ...]:
        """The shape where the Inputs' unknown sizes are `size`. Raises UnknownAtError."""
        if self.trials is None:
            return tuple([size if n is None else n for n in self.shape])
        if size not in self.trials:
            raise UnknownAtError
        return self.trials[size]

    def with_batch_of(self, other: TensorSpec) -> TensorSpec:
        """This spec, its unknown batch size taken for the same as that of `other`."""
        if self.trials is not None or other.trials is None or not self.shape or self.shape[0] is not None:
            return self
        return TensorSpec(self.shape, self.dtype, {size: (found[0], *self.at(size)[1:]) for size, found in other.trials.items()})

    def __deepcopy__(self, memo: object) -> TensorSpec:
        return self

    def __reduce__(self) -> tuple[type[TensorSpec], tuple[Shape, torch.dtype, Mapping[int, tuple[int, ...]] | None]]:
        return TensorSpec, (self.shape, self.dtype, self.trials)  # a dataclass with slots pickles field by field, at ten times the time


@dataclass(frozen=True)
class SizeSpec:
    """A number that is known only at run time, such as a size: what it is for each trial size."""

    trials: Mapping[int, int | float]

    def at(self, size: int) -> int | float:
        """The number where the Inputs' unknown sizes are `size`. Raises UnknownAtError."""
        if size not in self.trials:
            raise UnknownAtError
        return self.trials[size]

    def __deepcopy__(self, memo: object) -> SizeSpec:
        return self


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
