"""Functions that stand in a graph as one call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from torch.overrides import handle_torch_function, has_torch_function

P = ParamSpec("P")
R = TypeVar("R")


def whole(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, recorded as one call, as torch's own functions are: its code may use the sizes of its tensors, known when it runs."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given: list[Any] = []
        for arg in (*args, *kwargs.values()):
            given.extend(cast("list[Any]", arg) if isinstance(arg, list | tuple) else (arg,))
        if has_torch_function(given):
            return handle_torch_function(call, given, *args, **kwargs)
        return function(*args, **kwargs)

    return call
