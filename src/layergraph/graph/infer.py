"""The shapes and dtypes of a call's results: declared where a rule says them, else probed on the meta device."""

from __future__ import annotations

import math
import operator
import re
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import Fact
from layergraph.graph.node import Constant, Op
from layergraph.graph.spec import Shape, SizeSpec, TensorSpec, UnknownAtError, broadcast
from layergraph.graph.structure import NoTensor, alike, fields_of, leaves, map_leaves, of_kind
from layergraph.graph.symbolic import Symbol, SymbolicTensor, target_name
from layergraph.kinds import is_array, is_dict, is_sequence

# Far apart: near sizes agree under `x[:, ::16]`, and a dynamic axis would be taken for a constant. The second three serve
# code that needs divisibility.
PROBES = (67, 1031, 8209)
DIVISIBLE_PROBES = (192, 960, 7680)


def _counting(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.arange(math.prod(shape), dtype=dtype).reshape(shape)


# For what depends on values: run on tensors that have some, one filled in each way.
_FILLED: dict[int, Callable[..., Tensor]] = {5: torch.zeros, 7: torch.ones, 11: _counting}

# Who runs trials that may draw random numbers, and puts the generator back: one thread at a time, or two would put back each
# other's draws. (What other threads draw meanwhile, outside of trials, is put back too: torch has one generator for all.)
DRAWING = threading.RLock()

_ARITHMETIC: set[Any] = {operator.add, operator.sub, operator.mul, operator.truediv, torch.add, torch.sub, torch.mul}
# Functions of two tensors that broadcast, besides.
_BROADCASTING: set[Any] = {
    *_ARITHMETIC,
    *(getattr(operator, name) for name in "floordiv mod pow eq ne lt le gt ge and_ or_ xor".split()),
    *(getattr(torch, name) for name in "div true_divide floor_divide remainder fmod pow maximum minimum fmax fmin atan2 arctan2".split()),
    *(getattr(torch, name) for name in "eq ne lt le gt ge logical_and logical_or logical_xor where hypot lerp logaddexp".split()),
    *"add sub mul div pow maximum minimum eq ne lt le gt ge fmod remainder".split(),
}


# What gives no tensor, and depends on the shape and dtype alone.
_TOLD_BY_SPEC = frozenset(
    "size numel nelement dim ndimension ndim is_floating_point is_complex is_signed element_size itemsize layout is_same_size".split()
)


def infer_torch(op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The nest of specs that a torch function (or a method, by name) gives; raises `Fact`."""
    if isinstance(target, Hashable) and target in _BROADCASTING:
        spec = _broadcasted(op, target, args, kwargs)
        if spec is not None:
            return spec
    function, name = _callable(op, target), target_name(target)
    if not any(isinstance(leaf, SymbolicTensor | TensorSpec | Constant | Tensor) for leaf in (*leaves(args), *leaves(dict(kwargs)))):
        sizes = _size(function, args, kwargs, name)
        if sizes is not None:
            return sizes
    found = probe(function, args, kwargs, name)
    if (args[1] if target is getattr else name) not in _TOLD_BY_SPEC:
        # torch.equal(x, y) and their like: what they say of meta tensors means nothing
        _refuse_plain(found, name)
    return found


def _size(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> SizeSpec | None:
    """What arithmetic makes of sizes: never a constant, since it may be one for the trial sizes only (`3 // n`)."""
    trials: dict[int, Any] = {}
    for size in (*PROBES, *DIVISIBLE_PROBES):
        try:
            trials[size] = function(*at_size(args, size, on_meta), **at_size(dict(kwargs), size, on_meta))
        except UnknownAtError:
            continue
        except Exception as error:
            raise Fact(f"{type(error).__name__}: {error}") from error
    if all(isinstance(trial, int | float) for trial in trials.values()):
        return SizeSpec(trials)
    first = next(iter(trials.values()))
    if isinstance(first, Tensor):
        return None
    raise Fact(f"{name} gives {type(first).__name__}, and a graph holds tensors and numbers only", "do this inside a custom Layer's call()")


def _refuse_plain(found: Any, name: str) -> None:
    for leaf in leaves(found):
        if leaf is not None and not isinstance(leaf, TensorSpec):
            kind = "a number" if isinstance(leaf, SizeSpec) else type(leaf).__name__
            raise Fact(f"{name} gives {kind}, and a graph holds tensors only", "do this inside a custom Layer's call()")


def _broadcasted(op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TensorSpec | None:
    """The common case, without trial sizes: the operands' shapes broadcast. None where their sizes are not all simply unknown."""
    symbols = [spec for arg in args if isinstance(spec := getattr(arg, "spec", arg), TensorSpec)]
    tensors = [arg.value if isinstance(arg, Constant) else arg for arg in args if isinstance(arg, Tensor | Constant) or is_array(arg)]
    numbers = [arg for arg in args if type(arg) in (int, float)]
    if not symbols or any(spec.trials is not None for spec in symbols) or any(isinstance(arg, Tensor) for arg in kwargs.values()):
        return None
    shape = _batch_first_broadcast([spec.shape for spec in symbols], [tuple(tensor.shape) for tensor in tensors])
    first = symbols[0].dtype
    plain = target in _ARITHMETIC and len(symbols) + len(numbers) == len(args) == 2 and not kwargs
    if plain and first.is_floating_point and symbols[-1].dtype == first:
        return TensorSpec(shape, first)
    if len(symbols) + len(tensors) + len(numbers) != len(args):
        return None
    found = probe(_callable(op, target), tuple(map(_of_ones, args)), kwargs, target_name(target))
    return TensorSpec(shape, found.dtype) if isinstance(found, TensorSpec) else None


def _of_ones(operand: Any) -> Any:
    """An operand of the same rank whose sizes are all 1: the dtype of a result does not depend on them."""
    spec = getattr(operand, "spec", operand)
    if isinstance(spec, TensorSpec):
        return TensorSpec((1,) * spec.ndim, spec.dtype)
    tensor = operand.value if isinstance(operand, Constant) else operand
    return torch.as_tensor(tensor).new_empty((1,) * tensor.ndim) if isinstance(tensor, Tensor | np.ndarray) else operand


def _callable(op: Op, target: Any) -> Callable[..., Any]:
    if op != "method":
        return target

    def method(value: Any, *rest: Any, **words: Any) -> Any:
        return getattr(value, target)(*rest, **words)

    return method


def _batch_first_broadcast(symbols: list[Shape], tensors: list[Shape]) -> Shape:
    """`broadcast`, refusing to line up one symbol's unknown batch axis with another axis of a symbol of higher rank."""
    rank = max(map(len, symbols))
    for shape in symbols:
        if 0 < len(shape) < rank and shape[0] is None:
            raise Fact(
                f"shapes {' and '.join(map(str, symbols))} differ in rank, so broadcasting would line up a batch axis with another",
                "give the lower one more axes (x[:, None]), or use layers.Add(), Multiply(), ..., which do",
            )
    return broadcast(*symbols, *tensors)


def probe(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """The nest of specs that a function gives, from runs on meta tensors with far-apart sizes for what is unknown.

    Sizes that stay are constants. Raises `Fact` with torch's own words where no size runs.
    """
    failure: Exception | None = None
    for sizes in (PROBES, DIVISIBLE_PROBES):
        try:
            results = {size: function(*at_size(args, size, on_meta), **at_size(dict(kwargs), size, on_meta)) for size in sizes}
        except UnknownAtError:
            continue
        except Exception as error:
            if _depends_on_values(error):
                return _probe_values(function, args, kwargs, name)
            failure = error
            continue
        return complete(merge(results, name), function, args, kwargs)
    try:
        raise fact_of(failure) from failure
    finally:
        del failure  # its traceback holds this frame


def fact_of(error: Exception | None) -> Fact:
    """torch's first line; a trial size in it is told apart from the user's numbers."""
    said = str(error).strip()
    line = said.splitlines()[0] if said else "no message"
    stands = next((size for size in (*PROBES, *DIVISIBLE_PROBES) if re.search(rf"\b{size}\b", line)), None)
    return Fact(f"{type(error).__name__}: {line}" + (f" ({stands} stands for the unknown size)" if stands else ""))


def _depends_on_values(error: Exception) -> bool:
    return isinstance(error, NotImplementedError) or (isinstance(error, RuntimeError) and "meta tensor" in str(error))


def _probe_values(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """The specs that a function gives whose sizes depend on values (`x[x > 0]`), or that does not run on meta: from small real tensors."""
    results: dict[int, Any] = {}
    try:
        with DRAWING, torch.no_grad(), torch.random.fork_rng(devices=[]):
            for size in _FILLED:
                results[size] = function(*at_size(args, size, _filled), **at_size(dict(kwargs), size, _filled))
    except Exception as error:
        raise fact_of(error) from error
    return map_leaves(lambda leaf: TensorSpec(leaf.shape, leaf.dtype) if isinstance(leaf, TensorSpec) else leaf, merge(results, name))


def complete(found: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Work out the other trial sizes of what differs from them; where that fails, only the first three are known."""
    odd = next((leaf.trials for leaf in leaves(found) if isinstance(leaf, TensorSpec | SizeSpec) and leaf.trials is not None), None)
    missing = [size for size in (*PROBES, *DIVISIBLE_PROBES) if odd is not None and size not in odd]
    try:
        more = {size: leaves(function(*at_size(args, size, on_meta), **at_size(dict(kwargs), size, on_meta))) for size in missing}
    except Exception:
        return found
    places = iter(range(len(leaves(found))))

    def completed(leaf: Any) -> Any:
        place = next(places)
        if not isinstance(leaf, TensorSpec | SizeSpec) or leaf.trials is None:
            return leaf
        at = {size: each[place] for size, each in more.items()}
        if isinstance(leaf, SizeSpec):
            return SizeSpec({**leaf.trials, **at})
        return TensorSpec(leaf.shape, leaf.dtype, {**leaf.trials, **{size: tuple(tensor.shape) for size, tensor in at.items()}})

    return map_leaves(completed, found)


def declared(declare: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The nest of specs that a layer declares; told for each trial size, where those of its inputs are."""
    output = declare(*args, **kwargs)
    given = args if not kwargs and all(type(arg) is TensorSpec for arg in args) else [*leaves(list(args)), *leaves(dict(kwargs))]
    trials = next((spec.trials for spec in given if isinstance(spec, TensorSpec) and spec.trials is not None), None)
    if trials is None or not any(_untold(leaf) for leaf in leaves(output)):
        return output
    try:
        found = [leaves(declare(*at_size(args, size, _known), **at_size(dict(kwargs), size, _known))) for size in trials]
    except (Fact, UnknownAtError):
        return output
    places = iter(range(len(found[0])))

    def told(leaf: Any) -> Any:
        place = next(places)
        if not _untold(leaf):
            return leaf
        return TensorSpec(leaf.shape, leaf.dtype, {size: each[place].shape for size, each in zip(trials, found, strict=True)})

    return map_leaves(told, output)


def _untold(leaf: Any) -> bool:
    return isinstance(leaf, TensorSpec) and leaf.trials is None and None in leaf.shape[1:]


def _known(spec: TensorSpec, size: int) -> Any:
    return TensorSpec(spec.at(size), spec.dtype)


def at_size(value: Any, size: int, tensor_of: Callable[[TensorSpec, int], Any]) -> Any:
    """Arguments as they are where the Inputs' unknown sizes are `size`: tensors for symbols and specs, numbers for their sizes."""

    def at(leaf: Any) -> Any:
        spec = leaf.spec if isinstance(leaf, Symbol) else leaf
        if isinstance(spec, TensorSpec):
            return tensor_of(spec, size)
        if isinstance(spec, SizeSpec):
            return spec.at(size)
        if isinstance(leaf, np.ndarray):
            leaf = torch.from_numpy(leaf)
        if isinstance(leaf, Constant):
            leaf = leaf.value
        if not isinstance(leaf, Tensor):
            return leaf
        return leaf.detach().to("meta") if tensor_of is on_meta else leaf.detach()

    return map_leaves(at, value)


def on_meta(spec: TensorSpec, size: int) -> Tensor:
    return torch.empty(spec.at(size), dtype=spec.dtype, device="meta")


def _filled(spec: TensorSpec, size: int) -> Tensor:
    shape = tuple(size if n is None else n for n in spec.shape)
    return (
        _FILLED[size](shape, dtype=spec.dtype if spec.dtype is not torch.bool else torch.int64)
        .remainder_(2 if spec.dtype is torch.bool else 2**15)
        .to(spec.dtype)
    )


def merge(results: dict[int, Any], name: str, lenient: bool = False, inner: bool = False) -> Any:
    """One nest of specs for what a function gave at each size; `lenient` lets what no graph holds stand inside a nest."""
    nests: list[Any] = list(results.values())
    first = nests[0]
    if lenient and len(set(map(type, nests))) > 1:
        raise Fact(f"what {name} gives depends on sizes known only at run time")
    if isinstance(first, Tensor):
        return _merged_tensor(results, name)
    if fields_of(first) is not None:
        nests = [fields_of(nest) for nest in nests]
        first = nests[0]
    if is_dict(first):
        if len({tuple(nest) for nest in nests}) > 1:
            raise Fact(f"the names of what {name} gives depend on sizes known only at run time")
        each = {key: dict(zip(results, (nest[key] for nest in nests), strict=True)) for key in first}
        return of_kind(first, {key: merge(found, name, lenient, True) for key, found in each.items()})
    if is_sequence(first):
        if len({len(nest) for nest in nests}) > 1:
            raise Fact(f"the number of tensors that {name} gives depends on sizes known only at run time")
        return alike(first, [merge(dict(zip(results, each, strict=True)), name, lenient, True) for each in zip(*nests, strict=True)])
    if first is None or isinstance(first, int | float | str | torch.dtype | torch.layout):
        if all(nest == first for nest in nests):
            return first
        if isinstance(first, int | float) and not isinstance(first, bool):
            return SizeSpec(results)
        raise Fact(f"what {name} gives depends on sizes known only at run time")
    if lenient:
        return NoTensor(f"{name} gave {type(first).__name__}") if inner else first
    raise Fact(f"{name} gives {type(first).__name__}, and a graph holds tensors only", "do this inside a custom Layer's call()")


def _merged_tensor(results: dict[int, Any], name: str) -> TensorSpec:
    tensors = list(results.values())
    if len({t.ndim for t in tensors}) > 1 or len({t.dtype for t in tensors}) > 1:
        raise Fact(f"the rank or dtype that {name} gives depends on sizes known only at run time")
    shape = tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(t.shape for t in tensors), strict=True))
    plain = TensorSpec(shape, tensors[0].dtype)
    trials = {size: tuple(t.shape) for size, t in results.items()}
    return plain if all(plain.at(size) == found for size, found in trials.items()) else TensorSpec(shape, plain.dtype, trials)
