"""Terms that a forward pass adds to the loss, kept beside the modules until the next one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class LossTerms(nn.Module):
    """What was added during the last forward pass. A copy, a pickle and an exported program keep nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: tuple[Tensor, ...] = ()
        self.held = False

    def add(self, term: Tensor) -> None:
        if not torch.compiler.is_exporting():
            self.terms = (*self.terms, term)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "terms": (), "held": False}


class ActivityLoss(LossTerms):
    """Gives its input on, and adds the regularizer's term on it, divided by the batch size as in Keras.

    (B, ...) -> (B, ...)
    """

    def __init__(self, regularizer: Callable[[Tensor], Tensor | float]):
        super().__init__()
        self.regularizer = regularizer

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim and not torch.compiler.is_exporting():
            self.add(torch.as_tensor(self.regularizer(x)) / x.shape[0])
        return x

    def extra_repr(self) -> str:
        return f"{self.regularizer}"


@contextlib.contextmanager
def collecting(keepers: Sequence[LossTerms]) -> Generator[None]:
    """One forward pass: the outermost one starts afresh, and those within it add up."""
    if not keepers or keepers[0].held:
        yield
        return
    for keeper in keepers:
        keeper.terms, keeper.held = (), True
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.held = False
