"""A module called in one mode, whatever mode it is in."""

from __future__ import annotations

from typing import Any

from torch import nn

from layergraph.modes import in_mode


def call_in_mode(module: nn.Module, training: bool, *args: Any, **kwargs: Any) -> Any:
    """`module(*args, **kwargs)` in training or in inference; afterwards each of its modules has the mode it had."""
    with in_mode(module, training):
        return module(*args, **kwargs)
