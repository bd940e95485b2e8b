"""`rearrange`: axes split, moved and joined by a pattern, as the package einops has it."""

from __future__ import annotations

import re
from typing import Any

from layergraph.ops.convert import tensor as as_tensor
from layergraph.ops.define import op, refuse

_SIDE = re.compile(r"\s*(?:(?:\w+|\(\s*\w+(?:\s+\w+)*\s*\))\s*)*")


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes named in the order they have, and in the order they shall have; those in parentheses are one axis, split or joined.

    >>> import torch
    >>> rearrange(torch.zeros(2, 6, 5), "b (h k) c -> b c h k", h=3).shape
    torch.Size([2, 5, 3, 2])
    """
    x = as_tensor(tensor)
    left, right = _sides(pattern)
    before, after = [name for group in left for name in group], [name for group in right for name in group]
    if sorted(before) != sorted(after) or len(set(before)) < len(before):
        refuse("rearrange", f"both sides of {pattern!r} name the same axes, each once")
    if not set(axes_lengths) <= set(before):
        refuse("rearrange", f"{', '.join(sorted(set(axes_lengths) - set(before)))} is no axis of {pattern!r}")
    if len(left) != x.ndim:
        refuse("rearrange", f"{pattern!r} begins with {len(left)} axes, got shape {tuple(x.shape)}")
    for axis, group in reversed(list(enumerate(left))):
        if len(group) > 1:
            x = x.unflatten(axis, [axes_lengths.get(name, -1) for name in group])
    x = x.permute([before.index(name) for name in after])
    for axis, group in enumerate(right):
        if len(group) > 1:
            x = x.flatten(axis, axis + len(group) - 1)
    return x


def _sides(pattern: str) -> tuple[list[list[str]], list[list[str]]]:
    """`"b (h k) -> k b h"` as ([[b], [h, k]], [[k], [b], [h]])."""
    sides = pattern.split("->")
    if len(sides) != 2 or not all(_SIDE.fullmatch(side) for side in sides):
        refuse("rearrange", f"a pattern is 'names -> names', such as 'b (h k) c -> b c h k', got {pattern!r}")
    left, right = ([re.findall(r"\w+", item) for item in re.findall(r"\w+|\(.*?\)", side)] for side in sides)
    return left, right
