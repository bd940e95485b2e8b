"""What went wrong while a model ran: the layer, the shapes that reached it, and the lines that made it."""

from __future__ import annotations

import contextlib
import linecache
import sys
import weakref
from collections import deque
from types import CodeType
from typing import Any

from torch import Tensor, fx

from layergraph.errors import describe, shown, user_place
from layergraph.graph.node import Node

_MARK = "_layergraph_explained"


def explain(model: Any, error: Exception) -> None:
    """Add a note to an error from generated code, whose frame still holds its variables: the good path keeps nothing for this."""
    if getattr(error, _MARK, False):
        return
    found = _failing(model, error)
    if found is None:
        return
    origin, inputs = found
    who = origin.target.label if origin.op == "layer" else f"torch {getattr(origin.target, '__name__', origin.target)}"
    lines = [f"while {model.label} ran {who}, called at {describe(origin.place)}"]
    for value in inputs[:4]:
        lines.append(f"  which got {_told(value)}")
    said = getattr(origin.target, "explain", None)
    if said is not None and inputs:
        fact = None
        with contextlib.suppress(Exception):  # what follows a failure may fail too, and must not hide it
            fact = said(*inputs)
        lines += [f"  {fact}"] if fact else []
    lines.append(f"  the model was called at {describe(user_place())}")
    fix = _fix(model, inputs)
    lines += [f"  fix: {fix}"] if fix else []
    error.add_note("\n".join(lines))
    setattr(error, _MARK, True)


def _failing(model: fx.GraphModule, error: Exception) -> tuple[Node, list[Any]] | None:
    """(recorded node, its inputs) of the line of generated code that failed."""
    trace, frame, line = error.__traceback__, None, 0
    code: CodeType | None = getattr(type(model).forward, "__code__", None)
    while trace is not None:
        if trace.tb_frame.f_code is code:
            frame, line = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    if frame is None or code is None:
        return None
    source = model.code.splitlines()
    text = source[line - code.co_firstlineno + _def_line(source)] if line - code.co_firstlineno + _def_line(source) < len(source) else ""
    name = text.split("=")[0].split(":")[0].strip()
    for node in model.graph.nodes:
        if node.name == name and node.meta.get("origin") is not None:
            origin = node.meta["origin"]
            names = [parent.name for each in model.graph.nodes if each.meta.get("origin") is origin for parent in each.all_input_nodes]
            own = {each.name for each in model.graph.nodes if each.meta.get("origin") is origin}
            return origin, [frame.f_locals[n] for n in dict.fromkeys(names) if n not in own and frame.f_locals.get(n) is not None]
    return None


def _fix(model: Any, inputs: list[Any]) -> str | None:
    """What to type where the data and the weights differ in device or dtype."""
    weight = next((weight for weight in model.parameters() if weight.is_floating_point()), None)
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    if weight is None:
        return None
    there = next((tensor.device for tensor in tensors if tensor.device != weight.device), None)
    if there is not None:
        here = weight.device
        return f"the weights are on {here}: move the data, x.to({str(here)!r}), or the model, model.to({str(there)!r})"
    if any(tensor.is_floating_point() and tensor.dtype != weight.dtype for tensor in tensors):
        dtype = str(weight.dtype).removeprefix("torch.")
        return f"the weights are {dtype}: model.to(dtype) moves all of them, and torch.autocast mixes dtypes"
    return None


def _def_line(source: list[str]) -> int:
    return next((number for number, text in enumerate(source) if text.startswith("def forward")), 0)


def _told(value: Any) -> str:
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{'an' if dtype.startswith('int') else 'a'} {dtype} tensor of shape {tuple(value.shape)} on {value.device}"
    return shown(value)


_forgotten: deque[str] = deque()


def forget_source_with(code: CodeType) -> None:
    """fx keeps the source of every forward it ever made, for tracebacks: ours goes with its code.

    linecache walks its entries without a lock, so they are not taken out in the middle of a collection, but here.
    """
    while _forgotten:
        linecache.cache.pop(_forgotten.popleft(), None)
    if code.co_filename.startswith("<eval_with_key>"):
        weakref.finalize(code, _forget_source, code.co_filename).atexit = False


def _forget_source(file: str) -> None:
    loader: Any = getattr(sys.modules[fx.GraphModule.__module__], "_loader", None)
    getattr(loader, "eval_cache", {}).pop(file, None)
    _forgotten.append(file)
