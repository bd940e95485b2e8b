"""Uses of torch on symbols that would record something else than what was meant, refused with the words to type."""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import nn

from layergraph.errors import SymbolicError, is_internal
from layergraph.graph.structure import flat
from layergraph.graph.symbolic import Symbol, has_symbol, target_name

_DROPOUTS = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)
_MODULE_FILE = sys.modules[nn.Module.__module__].__file__


def refuse_in_place(who: Symbol, target: Any, kwargs: Mapping[str, Any]) -> None:
    """The model would write into the tensors of its caller, and a result that nobody takes would be pruned."""
    name = target_name(target)
    if name.endswith("_") and not name.endswith("__") and getattr(target, "__module__", None) != operator.add.__module__:
        who.refuse(f"changed in place (`{name}`)", f"use the function without the last underscore: y = x.{name.rstrip('_')}(...)", "be")
    if kwargs.get("inplace") is True:
        who.refuse(f"changed in place (`{name}(..., inplace=True)`)", "leave inplace out", "be")
    if kwargs.get("out") is not None:
        who.refuse(f"changed in place (`{name}(..., out=...)`)", "leave out= out, and take what the function gives", "be")


def refuse_baked_mode(target: Any, kwargs: Mapping[str, Any]) -> None:
    """`F.dropout(x)` means training=True, whether that is written or left out: torch tells the two apart no more than we can."""
    if target in _DROPOUTS and kwargs.get("training", True) is True:
        raise SymbolicError(
            f"torch.nn.functional.{target_name(target)} on a symbolic tensor would drop in inference too: training=True would be baked in",
            "write layers.Dropout(rate)(x), which follows the model's mode; or torch.dropout(x, rate, True) if it shall always drop",
        )


def refuse_bare_module(target: Any = None, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> None:
    """A bare nn.Module records its insides: its mode baked in, its weights nameless. Refused, with the words to type."""
    found = _calling_module()
    why = "was called on a symbolic tensor: its mode would be baked in and its weights nameless"
    if found is not None:
        module, caller = found
        place = (caller.f_code.co_filename, caller.f_lineno) if caller is not None else None
        raise SymbolicError(f"a bare {_class_path(module)} {why}", f"write wrap({_written(module, caller)})(x)", place=place)
    if any(isinstance(item, nn.Parameter) for item in flat((args, kwargs or {}))):
        fix = "write wrap(module)(x) with the nn.Module that owns the Parameter"
        raise SymbolicError(f"torch {target_name(target)} with an nn.Parameter {why}", fix)


def _calling_module() -> tuple[nn.Module, types.FrameType | None] | None:
    """The outermost nn.Module that was called on a symbol and in whose call this is made, and the frame that called it."""
    frame, found = sys._getframe(2), None
    while frame is not None:
        if frame.f_code.co_name == "_call_impl" and frame.f_code.co_filename == _MODULE_FILE:
            words = frame.f_locals
            found = frame if has_symbol(words["args"], words["kwargs"]) else found
        frame = frame.f_back
    if found is None:
        return None
    caller = found.f_back
    while caller is not None and is_internal(caller.f_code.co_filename):
        caller = caller.f_back
    return found.f_locals["self"], caller


def _written(module: nn.Module, frame: types.FrameType | None) -> str:
    """How the code of a frame reaches a module: `bert`, `self.bert`, or its class, `nn.Linear(...)`, where no variable does."""
    variables = frame.f_locals if frame is not None else {}
    for name, value in variables.items():
        if value is module and name.isidentifier():
            return name
    for name, value in variables.items():
        held: dict[str, Any] = getattr(value, "__dict__", {}) if not isinstance(value, type | types.ModuleType) else {}
        modules: dict[str, Any] = held.get("_modules") or {}
        for attribute, item in {**held, **modules}.items():
            if item is module and name.isidentifier():
                return f"{name}.{attribute}"
    return f"{_class_path(module).removeprefix('torch.')}(...)"


def _class_path(module: nn.Module) -> str:
    cls = type(module)
    return f"torch.nn.{cls.__name__}" if cls.__module__.startswith("torch.nn.") else cls.__name__
