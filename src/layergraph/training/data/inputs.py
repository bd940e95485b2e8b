"""How a module takes its inputs: by position, by name, or as one structure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ...errors import DataError, suggestion
from ...kinds import is_mapping, is_sequence
from .structure import flatten, is_nested, pack


class Inputs:
    """How a module is called: by position, one tensor for each name, or with one structure."""

    def __init__(self, module: nn.Module):
        names = getattr(module, "input_names", None)
        self.names: list[str] = list(names) if is_sequence(names) else []
        self.exact = bool(self.names)
        self.open = False
        self.required = len(self.names)
        if not self.exact:
            self._read_signature(getattr(module, "call", None) or module.forward)
        self.rebuild: Callable[[Sequence[Tensor]], Any] | None = None
        self.ragged = False  # whether inputs, targets and weights may differ in length

    def taken(self, batch: Any) -> Sequence[Any] | None:
        """`(x,)`, `(x, y)` or `(x, y, sample_weight)` from what a loader gave; None where it is to be taken apart by the usual rules."""
        return None

    def _read_signature(self, function: Callable[..., Any]) -> None:
        for p in inspect.signature(function).parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                self.open = True
            elif p.kind is not p.VAR_KEYWORD and p.kind is not p.KEYWORD_ONLY and p.name not in ("training", "mask"):
                self.names.append(p.name)
                self.required += p.default is p.empty

    def flatten(self, x: Any) -> list[Tensor]:
        """The tensors in the order in which the module takes them."""
        self.rebuild = None
        if is_mapping(x):
            return self._from_mapping(x)
        if not is_sequence(x):
            self._check_count(1)
            return [x]
        if not self.exact and not self.open and len(self.names) == 1 and len(x) > 1:
            self.rebuild = lambda leaves: pack(x, leaves)
            return flatten(x)
        if any(is_nested(item) for item in x):
            raise DataError("`x` is nested more than one level deep", "pass a flat list or a dict by input name")
        self._check_count(len(x))
        return list(x)

    def _check_count(self, given: int) -> None:
        if (given > len(self.names) and not self.open) or given < (len(self.names) if self.exact else self.required):
            wanted = len(self.names) if self.exact else self.required
            raise DataError(f"`x` has {given} {arrays(given)}, but the model takes {wanted}: {', '.join(self.names)}")

    def _from_mapping(self, x: Mapping[str, Any]) -> list[Tensor]:
        if not self.exact and not self.open and len(self.names) == 1 and set(x) != set(self.names):
            self.rebuild = lambda leaves: pack(x, leaves)
            return flatten(x)
        for key in x:
            if key not in self.names:
                raise DataError(
                    f"`x` has an unknown input name {key!r}; the model's inputs are {', '.join(map(repr, self.names))}",
                    suggestion(key, self.names),
                )
        needed = self.names if self.exact else self.names[: self.required]
        missing = [name for name in needed if name not in x]
        if missing:
            raise DataError(
                f'Missing data for input "{missing[0]}". You passed a data dictionary with keys {list(x)}. '
                f"Expected the following keys: {needed}",
                f"add {missing[0]!r} to the dict",
            )
        return [x[name] for name in self.names if name in x]


def arrays(count: int) -> str:
    return "array" if count == 1 else "arrays"
