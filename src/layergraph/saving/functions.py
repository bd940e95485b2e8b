"""The torch functions that a config may call, each under one word: `torch.cat`, `Tensor.permute`, `operator.add`.

The table is worked out from torch's own namespaces, less what has no place in a graph: what changes its arguments, hands out
memory or Python values, or reads anything but its arguments. A word in a file is a key of this table or an error.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch.overrides import get_overridable_functions

from layergraph.errors import Fact, shown, suggestion
from layergraph.nn import dropout, indices, padding


class Target(NamedTuple):
    """What a recorded node calls: a function, a method by its name, or a property by its name."""

    kind: Literal["function", "method", "property"]
    call: Any


_OPERATORS = ("add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt le gt ge neg pos abs invert getitem").split()
_HOMES = {"torch": torch, "torch.nn.functional": F, "torch.special": torch.special, "torch.fft": torch.fft, "torch.linalg": torch.linalg}
_PROPERTIES = "T mT H mH real imag".split()
_MORE_METHODS = "new_zeros new_ones new_full unflatten split norm stft istft type_as expand_as view_as".split()
# Of sizes: `torch.zeros((n, 4))`. They are tried on the meta device, lest a file fill the memory.
_FACTORIES = {
    "torch": "zeros ones full arange eye linspace scalar_tensor tril_indices triu_indices rand randn hann_window hamming_window".split(),
    "torch.fft": "fftfreq rfftfreq".split(),
}
# Functions that record although torch's list of what can be overridden leaves them out.
_MORE_FUNCTIONS = {"torch": "rand_like randn_like randint_like fill".split(), "torch.nn.functional": "hardsigmoid hardswish".split()}
_REFUSED = frozenset(
    """
    autocast allclose equal get_device element_size storage storage_offset storage_type untyped_storage data_ptr const_data_ptr
    numpy tolist item backward register_hook register_post_accumulate_grad_hook retain_grad record_stream module_load pin_memory
    resize resize_as as_strided as_strided_copy as_strided_scatter empty_like hash_tensor fused_moving_avg_obs_fake_quant
    batch_norm_update_stats batch_norm_gather_stats batch_norm_gather_stats_with_counts triplet_margin_with_distance_loss
    has_names dim_order qscheme bincount histc histogram histogramdd nonzero_static combinations cartesian_prod
    """.split()
)
_REFUSED_STARTS = ("_", "is_", "fbgemm_", "miopen_", "cudnn_", "quantize", "q_", "choose_qparams", "fake_quantize", "sparse_resize")


def _allowed(name: str) -> bool:
    return name not in _REFUSED and not name.startswith(_REFUSED_STARTS) and not name.endswith("_")


@functools.cache
def table() -> dict[str, Target]:
    """Every word, and what it stands for. A function with two names has the first as its own."""
    overridable = cast("dict[Any, list[Any]]", get_overridable_functions())
    known = {id(function) for functions in overridable.values() for function in functions}
    words: dict[str, Target] = {f"operator.{name}": Target("function", getattr(operator, name)) for name in _OPERATORS}
    for home, namespace in _HOMES.items():
        for name, function in sorted(vars(namespace).items()):
            if id(function) in known and _allowed(name):
                words[f"{home}.{name}"] = Target("function", function)
        for name in (*_FACTORIES.get(home, ()), *_MORE_FUNCTIONS.get(home, ())):
            words[f"{home}.{name}"] = Target("function", getattr(namespace, name))
    for name in sorted({*_names_in(torch.Tensor, known), *_MORE_METHODS}):
        words[f"Tensor.{name}"] = Target("method", name)
    words |= {f"Tensor.{name}": Target("property", name) for name in _PROPERTIES}
    for module in (dropout, indices, padding):
        for name, function in vars(module).items():
            ours = callable(function) and getattr(function, "__module__", None) == module.__name__ and not isinstance(function, type)
            if ours and not name.startswith("_"):
                words[f"layergraph.nn.{name}"] = Target("function", function)
    return words


def _names_in(kind: type, known: set[int]) -> Iterable[str]:
    for name in dir(kind):
        value: Any = getattr(kind, name, None)
        if callable(value) and id(value) in known and _allowed(name):
            yield name


@functools.cache
def _words() -> dict[tuple[str, Any], str]:
    found: dict[tuple[str, Any], str] = {}
    for word, target in table().items():
        found.setdefault((target.kind, target.call), word)
    return found


def word_of(target: Target) -> str:
    """The word for what a node calls. Raises `Fact` where it has none."""
    try:
        word = _words().get((target.kind, target.call))
    except TypeError:  # a callable without a hash
        word = None
    if word is None:
        raise Fact(
            f"{shown(target.call)} is not among the torch functions that a config may name",
            "put it into the call() of a registered layers.Layer",
        )
    return word


def target_of(word: object) -> Target:
    """What a word stands for. Raises `Fact`."""
    found = table().get(word) if isinstance(word, str) else None
    if found is None:
        near = suggestion(word, table()) if isinstance(word, str) and len(word) < 60 else None
        raise Fact(f"no torch function is known as {shown(word)}", near)
    return found


def recorded(op: str, target: Any, args: tuple[Any, ...]) -> tuple[Target, tuple[Any, ...]]:
    """What a node calls, and on which arguments: a property is recorded as `getattr(x, name)`."""
    if target is getattr:
        return Target("property", args[1]), args[:1]
    return Target(cast("Literal['function', 'method']", op), target), args


def call(target: Target, record: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record the call, by the `_call` of one of its symbols."""
    if target.kind == "property":
        return record("function", getattr, (args[0], target.call), {})
    with torch.device("meta") if target.call in _MAKERS else contextlib.nullcontext():
        return record(target.kind, target.call, args, kwargs)


_MAKERS = tuple(getattr(_HOMES[home], name) for home, names in _FACTORIES.items() for name in names)
