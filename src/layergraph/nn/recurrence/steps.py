"""A loop over time as one operator with a backward, `layergraph::steps`, for torch.compile, which would unroll it.

The forward runs the loop and keeps no more than its arguments; the backward runs it again, with autograd, and asks that for the
gradients.

What a step does is told by strings: the name of the arithmetic, a class of `nn/cells.py`, and the places of its two activations.
A closure of the user's has no place, and its loop is unrolled.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
# (gates (B, T, rows), states (B, H) each, recurrent weight, its bias, factors of the states, mask (B, T)) -> outputs, last states
Loop = Callable[[Tensor, Sequence[Tensor], Tensor, Tensor | None, Tensor | None, Tensor | None], Sequence[Tensor]]
_library: Any = torch.library

# Of the name of an arithmetic and two activations, the loop that the operator runs. `nn/cells.py` puts it here.
LOOPS: list[Callable[[str, Function, Function], Loop]] = []


_TORCH = ("torch", "torch.nn.functional", "torch._C._nn")
_ACTIVATIONS = "layergraph.activations"
# The functions of torch that may be in it: the backward runs them a second time, so they must draw no numbers, as F.dropout does.
_OF_TORCH = frozenset(
    "celu elu exp gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_softmax logsigmoid mish relu relu6 selu sigmoid silu "
    "softmax softplus softshrink softsign square tanh tanhshrink".split()
)


def place_of(function: Any) -> str:
    """Where an activation of torch's or of `layergraph.activations` stands, 'module:name'; '' for anything else."""
    name, home = getattr(function, "__name__", ""), str(getattr(function, "__module__", ""))
    modules = (*((_ACTIVATIONS,) if home == _ACTIVATIONS else ()), *(_TORCH if name in _OF_TORCH else ()))
    return next((f"{module}:{name}" for module in modules if getattr(sys.modules.get(module), name, None) is function), "")


@contextlib.contextmanager
def _autograd() -> Generator[None]:
    """Autograd on, also where the graph that calls an operator runs below it, as one without gradients of its own does."""
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in ("AutogradFunctionality", "AutogradOther", "AutogradNestedTensor", "ADInplaceOrView"):
        excluded = excluded.remove(getattr(torch._C.DispatchKey, key))
    with torch._C._ForceDispatchKeyGuard(torch._C._dispatch_tls_local_include_set(), excluded), torch.enable_grad():
        yield


def _loop(kind: str, places: Sequence[str]) -> Loop:
    functions = [getattr(sys.modules[module], name) for module, name in (place.split(":") for place in places)]
    return LOOPS[0](kind, *functions)


_ARGS = "Tensor gates, Tensor[] states, Tensor weight, Tensor? bias, Tensor? factors, Tensor? mask, str kind, str[] places"
_SCHEMA = f"({_ARGS}) -> Tensor[]"  # the outputs (B, T, H) and the last states (B, H)
_BACKWARD_SCHEMA = f"(Tensor?[] grads, {_ARGS}) -> Tensor[]"  # d of the gates, of the states, of the weight and of its bias


def _forward(
    gates: Tensor,
    states: list[Tensor],
    weight: Tensor,
    bias: Tensor | None,
    factors: Tensor | None,
    mask: Tensor | None,
    kind: str,
    places: list[str],
) -> list[Tensor]:
    with torch.no_grad():
        return [result.contiguous() for result in _loop(kind, places)(gates, states, weight, bias, factors, mask)]


def _backward(
    grads: list[Tensor | None],
    gates: Tensor,
    states: list[Tensor],
    weight: Tensor,
    bias: Tensor | None,
    factors: Tensor | None,
    mask: Tensor | None,
    kind: str,
    places: list[str],
) -> list[Tensor]:
    with _autograd():
        leaves = [leaf.detach().requires_grad_() for leaf in (gates, *states, weight, *(() if bias is None else (bias,)))]
        gates, weight, states = leaves[0], leaves[1 + len(states)], leaves[1 : 1 + len(states)]
        results = _loop(kind, places)(gates, states, weight, None if bias is None else leaves[-1], factors, mask)
        pairs = [(result, grad) for result, grad in zip(results, grads, strict=True) if grad is not None]
        if not pairs:
            return [torch.zeros_like(leaf, memory_format=torch.contiguous_format) for leaf in leaves]
        found = torch.autograd.grad([y for y, _ in pairs], leaves, [grad for _, grad in pairs], materialize_grads=True)
    return [grad.contiguous() for grad in found]


def _forward_fake(gates: Tensor, states: list[Tensor], *others: Any) -> list[Tensor]:
    hidden = states[0].shape[1]
    return [gates.new_empty(*gates.shape[:2], hidden), *(gates.new_empty(gates.shape[0], hidden) for _ in states)]


def _backward_fake(
    grads: list[Tensor | None], gates: Tensor, states: list[Tensor], weight: Tensor, bias: Tensor | None, *others: Any
) -> list[Tensor]:
    return [leaf.new_empty(leaf.shape) for leaf in (gates, *states, weight, *(() if bias is None else (bias,)))]


_defined = torch.library.Library("layergraph", "FRAGMENT")
for _name, _schema, _kernel in (("steps", _SCHEMA, _forward), ("steps_backward", _BACKWARD_SCHEMA, _backward)):
    _defined.define(_name + _schema)
    _defined.impl(_name, _kernel, "CompositeExplicitAutograd")
steps: Any = torch.ops.layergraph.steps.default
_steps_backward: Any = torch.ops.layergraph.steps_backward.default


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Sequence[Tensor]) -> None:
    gates, states, weight, bias, factors, mask, *ctx.words = inputs
    ctx.count = len(states)
    ctx.save_for_backward(gates, *states, weight, bias, factors, mask)


def _differentiate(ctx: Any, grads: Sequence[Tensor | None]) -> tuple[Any, ...]:
    gates, *rest = ctx.saved_tensors
    states, (weight, bias, factors, mask) = rest[: ctx.count], rest[ctx.count :]
    d_gates, *found = _steps_backward(list(grads), gates, states, weight, bias, factors, mask, *ctx.words)
    d_states, d_weights = found[: ctx.count], [*found[ctx.count :], None][:2]
    return d_gates, d_states, *d_weights, None, None, None, None


_library.register_fake("layergraph::steps", _forward_fake, lib=_defined)
_library.register_fake("layergraph::steps_backward", _backward_fake, lib=_defined)
_library.register_autograd("layergraph::steps", _differentiate, setup_context=_setup, lib=_defined)
