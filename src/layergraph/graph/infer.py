"""The shapes and dtypes of a call's results: declared where a rule says them, else probed on the meta device."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.node import Constant, Op
from layergraph.graph.spec import Shape, SizeSpec, TensorSpec, UnknownAtError, broadcast
from layergraph.graph.structure import alike, leaves, map_leaves
from layergraph.graph.symbolic import Symbol, SymbolicTensor, target_name

# Far apart: near sizes agree under `x[:, ::16]`, and a dynamic axis would be taken for a constant. The second three serve
# code that needs divisibility.
PROBES = (67, 1031, 8209)
DIVISIBLE_PROBES = (192, 960, 7680)
# For what depends on values: run on tensors that have some, one filled in each way.
_FILLED = {5: torch.zeros, 7: torch.ones, 11: lambda *shape, **kwargs: torch.arange(math.prod(shape[0]), **kwargs).reshape(shape[0])}

_ARITHMETIC = {operator.add, operator.sub, operator.mul, operator.truediv, torch.add, torch.sub, torch.mul}
# Functions of two tensors that broadcast, besides.
_BROADCASTING = {
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
    if target in _ARITHMETIC and len(args) == 2 and not kwargs:
        spec = _arithmetic(*args)
        if spec is not None:
            return spec
    if isinstance(target, Hashable) and target in _BROADCASTING:
        _batch_first_broadcast(*(arg.spec.shape for arg in args if isinstance(arg, SymbolicTensor)))
    function = (lambda value, *rest, **words: getattr(value, target)(*rest, **words)) if op == "method" else target
    name = target_name(target)
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
            trials[size] = function(*_at(args, size, _on_meta), **_at(dict(kwargs), size, _on_meta))
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


def _arithmetic(left: Any, right: Any) -> TensorSpec | None:
    """The common case of two symbols of one float dtype, or one and a number, without a probe."""
    specs = [side.spec for side in (left, right) if isinstance(side, SymbolicTensor)]
    numbers = [side for side in (left, right) if type(side) in (int, float)]
    if not specs or len(specs) + len(numbers) != 2 or any(spec.trials is not None for spec in specs):
        return None
    if not specs[0].dtype.is_floating_point or specs[0].dtype != specs[-1].dtype:
        return None
    return TensorSpec(_batch_first_broadcast(*(spec.shape for spec in specs)), specs[0].dtype)


def _batch_first_broadcast(*shapes: Shape) -> Shape:
    """`broadcast`, refusing to line up one operand's unknown batch axis with another axis of a higher-rank operand."""
    rank = max(map(len, shapes), default=0)
    for shape in shapes:
        if 0 < len(shape) < rank and shape[0] is None:
            raise Fact(
                f"shapes {' and '.join(map(str, shapes))} differ in rank, so broadcasting would line up a batch axis with another",
                "give the lower one more axes (x[:, None]), or use layers.Add(), Multiply(), ..., which do",
            )
    return broadcast(*shapes) if shapes else ()


def probe(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """The nest of specs that a function gives, from runs on meta tensors with far-apart sizes for what is unknown.

    Sizes that stay are constants. Raises `Fact` with torch's own words where no size runs.
    """
    failure: Exception | None = None
    for sizes in (PROBES, DIVISIBLE_PROBES):
        try:
            results = {size: function(*_at(args, size, _on_meta), **_at(dict(kwargs), size, _on_meta)) for size in sizes}
        except UnknownAtError:
            continue
        except Exception as error:
            if _depends_on_values(error):
                return _probe_values(function, args, kwargs, name)
            failure = error
            continue
        return _complete(_merge(results, name), function, args, kwargs)
    said = str(failure).strip()
    raise Fact(f"{type(failure).__name__}: {said.splitlines()[0] if said else 'no message'}") from failure


def _depends_on_values(error: Exception) -> bool:
    return isinstance(error, NotImplementedError) or (isinstance(error, RuntimeError) and "meta tensor" in str(error))


def _probe_values(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """The specs that a function gives whose sizes depend on values (`x[x > 0]`), or that does not run on meta: from small real tensors."""
    results: dict[int, Any] = {}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for size in _FILLED:
                results[size] = function(*_at(args, size, _filled), **_at(dict(kwargs), size, _filled))
    except Exception as error:
        said = str(error).strip()
        raise Fact(f"{type(error).__name__}: {said.splitlines()[0] if said else 'no message'}") from error
    return map_leaves(lambda leaf: TensorSpec(leaf.shape, leaf.dtype) if isinstance(leaf, TensorSpec) else leaf, _merge(results, name))


def _complete(found: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Work out the other trial sizes of what differs from them; where that fails, only the first three are known."""
    odd = [leaf for leaf in leaves(found) if isinstance(leaf, TensorSpec | SizeSpec) and leaf.trials is not None]
    missing = [size for size in (*PROBES, *DIVISIBLE_PROBES) if odd and size not in odd[0].trials]
    try:
        more = {size: leaves(function(*_at(args, size, _on_meta), **_at(dict(kwargs), size, _on_meta))) for size in missing}
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


def _at(value: Any, size: int, tensor_of: Callable[[TensorSpec, int], Tensor]) -> Any:
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
        return leaf.detach().to("meta") if tensor_of is _on_meta else leaf.detach()

    return map_leaves(at, value)


def _on_meta(spec: TensorSpec, size: int) -> Tensor:
    return torch.empty(spec.at(size), dtype=spec.dtype, device="meta")


def _filled(spec: TensorSpec, size: int) -> Tensor:
    shape = tuple(size if n is None else n for n in spec.shape)
    return (
        _FILLED[size](shape, dtype=spec.dtype if spec.dtype is not torch.bool else torch.int64)
        .remainder_(2 if spec.dtype is torch.bool else 2**15)
        .to(spec.dtype)
    )


def _merge(results: dict[int, Any], name: str) -> Any:
    """One nest of specs for what a function gave at each size."""
    nests = list(results.values())
    first = nests[0]
    if isinstance(first, Tensor):
        return _merged_tensor(results, name)
    if isinstance(first, dict):
        return {key: _merge({size: nest[key] for size, nest in results.items()}, name) for key in first}
    if isinstance(first, list | tuple):
        if len({len(nest) for nest in nests}) > 1:
            raise Fact(f"the number of tensors that {name} gives depends on sizes known only at run time")
        return alike(first, [_merge(dict(zip(results, each, strict=True)), name) for each in zip(*nests, strict=True)])
    if first is None or isinstance(first, int | float | str | torch.dtype | torch.layout):
        if all(nest == first for nest in nests):
            return first
        if isinstance(first, int | float) and not isinstance(first, bool):
            return SizeSpec(results)
        raise Fact(f"what {name} gives depends on sizes known only at run time")
    raise Fact(f"{name} gives {type(first).__name__}, and a graph holds tensors only", "do this inside a custom Layer's call()")


def _merged_tensor(results: dict[int, Any], name: str) -> TensorSpec:
    tensors = list(results.values())
    if len({t.ndim for t in tensors}) > 1 or len({t.dtype for t in tensors}) > 1:
        raise Fact(f"the rank or dtype that {name} gives depends on sizes known only at run time")
    shape = tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(t.shape for t in tensors), strict=True))
    plain = TensorSpec(shape, tensors[0].dtype)
    trials = {size: tuple(t.shape) for size, t in results.items()}
    return plain if all(plain.at(size) == found for size, found in trials.items()) else TensorSpec(shape, plain.dtype, trials)


def probe_module(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """`probe` a module through a copy on the meta device: its own tensors are neither copied nor touched."""
    on_meta = {id(t): t.detach().to("meta").requires_grad_(t.requires_grad) for t in (*module.parameters(), *module.buffers())}
    memo: dict[int, Any] = {
        key: nn.Parameter(t, requires_grad=t.requires_grad) if t.is_floating_point() else t for key, t in on_meta.items()
    }
    twin = copy.deepcopy(module, memo)
    return probe(twin, args, kwargs, name)
