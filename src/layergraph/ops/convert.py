"""What all ops share: how an argument becomes a tensor, and which dtype a result has.

Tensors and symbols pass as they are. A numpy array keeps its dtype; a Python int is an int32, a float a `floatx()`, and
beside a tensor both are weak: they take the tensor's dtype unless it is of a lower kind (bool, int, float, complex).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from layergraph import config
from layergraph.config import DTypeLike
from layergraph.errors import Fact, shown
from layergraph.graph.symbolic import SymbolicSize, SymbolicTensor, TensorLike

Operand: TypeAlias = "Tensor | np.ndarray[Any, Any] | complex | Sequence[Any]"
"""What an op takes beside symbols: a tensor, or what becomes one."""

untyped: Any = torch
"""torch, for the functions that it gives no types, or too narrow ones."""

_KINDS = (torch.bool, torch.int32, None, torch.complex64)  # of a weak scalar; None is floatx()
_NUMBERS = (int, float, complex, SymbolicSize, torch.SymInt, torch.SymFloat)
_WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}  # which torch has by name only


def is_tensor(x: object) -> bool:
    """Whether `x` is a tensor, or a symbol that stands for one."""
    return isinstance(x, Tensor) or (isinstance(x, TensorLike) and not isinstance(x, SymbolicSize))


def is_scalar(x: object) -> bool:
    """Whether `x` is a Python number, whose dtype is weak; `np.float64` is one, of all numpy's scalars, and so is `x.size(0)`."""
    return isinstance(x, _NUMBERS)


def _plain(x: Any) -> Any:
    return cast("Any", x).item() if isinstance(x, np.generic) else x


def dtype_of(x: Any) -> torch.dtype:
    """The `torch.dtype` of a tensor or a symbol (whose public `.dtype` is a string)."""
    return x.spec.dtype if isinstance(x, SymbolicTensor) else x.dtype


def made_dtype(dtype: DTypeLike) -> torch.dtype:
    """The dtype of a tensor that is made: `floatx()` unless it is said."""
    return floatx() if dtype is None else config.torch_dtype(dtype)


def device_of(x: object) -> torch.device | None:
    """The device of a tensor; a symbol has none yet."""
    return x.device if isinstance(x, Tensor) else None


def floatx() -> torch.dtype:
    """`config.floatx()`, as torch has it."""
    return config.torch_dtype(None)


def to_dtype(x: Any, dtype: torch.dtype) -> Any:
    """A tensor or symbol in a dtype; itself where it has it."""
    return x if dtype_of(x) == dtype else x.to(dtype)


def tensor(x: Any, dtype: DTypeLike = None, like: Any = None) -> Any:
    """`x` as a tensor (a symbol stays a symbol), of `dtype` where one is given; on the device of `like`, if that is a tensor.

    >>> tensor([1, 2]).dtype, tensor(1.5).dtype, tensor(np.ones(2)).dtype
    (torch.int32, torch.float32, torch.float64)
    """
    wanted = None if dtype is None else config.torch_dtype(dtype)
    if is_tensor(x):
        return x if wanted is None else to_dtype(x, wanted)
    device = device_of(like)
    if isinstance(x, SymbolicSize):
        return torch.full((), cast("Any", x), dtype=wanted or _scalar_dtype(x))
    if is_scalar(x):
        return torch.tensor(x, dtype=wanted or _scalar_dtype(x), device=device)
    if isinstance(x, list | tuple):
        items = _items(cast("list[Any]", x))
        if any(is_tensor(item) for item in items):
            return tensor(torch.stack(promoted(*(tensor(item, like=like) for item in cast("list[Any]", x)))), dtype)
        if items and all(is_scalar(item) for item in items):
            return torch.tensor(x, dtype=wanted or _scalar_dtype(*items), device=device)
        wanted = wanted if items else wanted or floatx()
    array: np.ndarray[Any, Any] = np.asarray(cast("Any", x))
    if array.dtype.kind not in "biufc":
        raise Fact(f"{shown(cast(object, x))} is no tensor, and no number or array of numbers")
    if array.dtype.name in _WIDER:
        array = array.astype(_WIDER[array.dtype.name])
    return torch.as_tensor(np.ascontiguousarray(array).reshape(array.shape), dtype=wanted, device=device)


def _items(nest: list[Any] | tuple[Any, ...]) -> list[Any]:
    """What nested lists hold."""
    items: list[Any] = list(nest)
    while any(isinstance(item, list | tuple) for item in items):
        items = [each for item in items for each in (cast("list[Any]", item) if isinstance(item, list | tuple) else [item])]
    return items


def _scalar_dtype(*xs: Any) -> torch.dtype:
    """Of Python numbers among themselves: an int that needs 64 bits has them."""
    kind = max([_kind(x) for x in xs])
    wide = kind == 1 and any(isinstance(x, int) and not -(2**31) <= x < 2**31 for x in xs)
    return torch.int64 if wide else _KINDS[kind] or floatx()


def _kind(x: Any) -> int:
    """0 for bool, 1 for ints, 2 for floats, 3 for complex: of a Python number or of a dtype."""
    if isinstance(x, torch.dtype):
        return 3 if x.is_complex else 2 if x.is_floating_point else int(x != torch.bool)
    if isinstance(x, SymbolicSize):
        x = next(iter(x.spec.trials.values()))
    return 0 if isinstance(x, bool) else 1 if isinstance(x, (int, torch.SymInt)) else 2 if isinstance(x, (float, torch.SymFloat)) else 3


def floating(x: Any) -> Any:
    """`x` as a tensor; ints and bools become floats of `floatx()`."""
    x = tensor(x)
    return x if _kind(dtype_of(x)) > 1 else x.to(floatx())


def whole(x: Any) -> Any:
    """`x` as a tensor; bools become int32."""
    x = tensor(x)
    return x.to(torch.int32) if dtype_of(x) == torch.bool else x


def common_dtype(*xs: Any) -> torch.dtype:
    """The dtype that tensors, symbols and weak Python numbers promote to, by the table of Keras and JAX.

    Sizes in bits are kept: int64 and int64 give int64, where Keras's table gives int32.

    >>> common_dtype(torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.float16)), common_dtype(torch.ones(2), 1)
    (torch.float16, torch.float32)
    """
    strong = [dtype_of(x) for x in xs if not is_scalar(x)]
    dtype = strong[0] if strong else _scalar_dtype(*xs)
    for other in strong[1:]:
        dtype = torch.promote_types(dtype, other)
    highest = max([0, *(_kind(x) for x in xs if is_scalar(x))])
    return dtype if highest <= _kind(dtype) else _KINDS[highest] or floatx()


def _first_tensor(xs: Sequence[Any]) -> Any:
    return next((x for x in xs if isinstance(x, Tensor)), next((x for x in xs if is_tensor(x)), None))


def operands(*xs: Any) -> tuple[Any, ...]:
    """Arguments as torch's arithmetic takes them, to the dtype that Keras gives: tensors, and numbers beside tensors as they are."""
    reals = [isinstance(x, Tensor) and x.is_floating_point() for x in xs]
    if any(reals) and all(real or type(x) in (int, float) for real, x in zip(reals, xs, strict=True)):
        return xs
    if all(is_scalar(x) for x in xs):
        return tuple(tensor(x) for x in xs)
    anchor = _first_tensor(xs)
    made: list[Any] = [_plain(x) if is_scalar(x) else tensor(x, like=anchor) for x in xs]
    kind = max([0, *[_kind(x) for x in made if is_scalar(x)]])
    return tuple([x if is_scalar(x) or _kind(dtype_of(x)) >= kind else x.to(_KINDS[kind] or floatx()) for x in made])


def tensors(*xs: Any) -> list[Any]:
    """Arguments as tensors, each of its own dtype."""
    anchor = _first_tensor(xs)
    return [anchor.new_full((), x, dtype=_scalar_dtype(x)) if anchor is not None and is_scalar(x) else tensor(x, like=anchor) for x in xs]


def promoted(*xs: Any, least: torch.dtype | None = None) -> list[Any]:
    """Arguments as tensors of one dtype: that which they promote to, and with `least` at least that kind of dtype.

    A number becomes a tensor without axes on the device of the first tensor, in a graph as well: it is no constant there.

    >>> [x.dtype for x in promoted(torch.ones(2, dtype=torch.int32), 2.5)]
    [torch.float32, torch.float32]
    """
    if not xs:
        raise Fact("needs at least one tensor")
    first = xs[0]
    if isinstance(first, Tensor) and first.is_floating_point() and all(isinstance(x, Tensor) and x.dtype == first.dtype for x in xs):
        return list(xs)
    anchor = _first_tensor(xs)
    made: list[Any] = [_plain(x) if is_scalar(x) else tensor(x, like=anchor) for x in xs]
    dtype = common_dtype(*made)
    if least is not None and _kind(dtype) < _kind(least):
        dtype = least
    anchor = _first_tensor(made)
    if anchor is None:
        return [tensor(x, dtype) for x in made]
    return [anchor.new_full((), x, dtype=dtype) if is_scalar(x) else to_dtype(x, dtype) for x in made]
