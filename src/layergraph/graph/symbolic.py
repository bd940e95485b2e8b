"""The symbol that stands for a tensor while a graph is written, and the operators it shares with the values of a lowering."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

import torch
from torch.overrides import is_tensor_method_or_property  # pyright: ignore[reportUnknownVariableType] (torch: a bare Callable)

from layergraph.errors import NoAttributeError, SymbolicError, shown, suggestion
from layergraph.graph.checked import CheckedAsTensor
from layergraph.graph.node import Node, Op
from layergraph.graph.spec import Shape, SizeSpec, TensorSpec
from layergraph.graph.structure import Path, flat, map_leaves
from layergraph.kinds import is_sequence

_BINARY = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift"
_COMPARE = "eq ne lt le gt ge"
_UNARY = "neg pos abs invert"
_VALUES_ONLY = {
    "item": "a Python number",
    "numpy": "a numpy array",
    "tolist": "a Python list",
    "backward": "gradients",
    "grad": "gradients",
    "grad_fn": "gradients",
    "register_hook": "gradients",
    "retain_grad": "gradients",
    "data_ptr": "memory",
    "storage": "memory",
    "untyped_storage": "memory",
    "stride": "memory",
    "is_contiguous": "memory",
    "device": "its device",
    "get_device": "its device",
    "is_cuda": "its device",
    "is_cpu": "its device",
    "is_meta": "its device",
}


class TensorLike:
    """Something that records torch's operators, methods and functions instead of running them.

    Subclasses say what recording means in `_call`.
    """

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """numpy's side of `np.float32(2) * x`; its other functions are refused, since torch is the op namespace."""
        if method == "__call__" and ufunc.__name__ in _NUMPY_OPERATORS and not kwargs:
            return self._call("function", _NUMPY_OPERATORS[ufunc.__name__], inputs, {})
        raise SymbolicError(
            f"numpy.{ufunc.__name__} was called on a symbol, and numpy computes with values",
            f"use torch.{ufunc.__name__}" if hasattr(torch, ufunc.__name__) else "use torch's functions",
        )

    def _call(self, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        raise TypeError(f"{type(self).__name__} records nothing")

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        first = next(item for item in flat((args, kwargs or {})) if isinstance(item, TensorLike))
        if is_tensor_method_or_property(function):
            return first._call("method", function.__name__, args, kwargs or {})
        return first._call("function", function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols (copy, pickle, numpy) probe for these: a symbol has them only by declaration
            raise AttributeError(name)
        wanted = getattr(torch.Tensor, name, None)
        if wanted is None:
            raise NoAttributeError(
                f"neither {type(self).__name__} nor torch.Tensor has an attribute {shown(name)}", suggestion(name, dir(torch.Tensor))
            )
        if callable(wanted):
            return _Method(self, name)
        return self._call("function", getattr, (self, name), {})

    def __getitem__(self, index: Any) -> Any:
        return self._call("function", operator.getitem, (self, index), {})

    def __hash__(self) -> int:  # `==` records, so identity is the only hash
        return id(self)

    def __round__(self, digits: int = 0) -> Any:
        return self._call("function", torch.round, (self,), {"decimals": digits} if digits else {})


class _Method:
    """`x.flatten`, waiting for its arguments."""

    __slots__ = ("name", "value")

    def __init__(self, value: TensorLike, name: str):
        self.value, self.name = value, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.value._call("method", self.name, (self.value, *args), kwargs)


def _binary(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: TensorLike, other: Any) -> Any:
        return self._call("function", function, (self, other), {})

    def reflected(self: TensorLike, other: Any) -> Any:
        return self._call("function", function, (other, self), {})

    return forward, reflected


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    def forward(self: TensorLike) -> Any:
        return self._call("function", function, (self,), {})

    return forward


_NUMPY_OPERATORS: dict[str, Callable[..., Any]] = {
    "multiply": operator.mul,
    "subtract": operator.sub,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    **{name: getattr(operator, name) for name in ("add", "matmul")},
}

for _name in (_BINARY + " " + _COMPARE).split():
    _plain = _name.rstrip("_")
    _forward, _reflected = _binary(getattr(operator, _name))
    setattr(TensorLike, f"__{_plain}__", _forward)
    if _name not in _COMPARE.split():
        setattr(TensorLike, f"__r{_plain}__", _reflected)
for _name in _UNARY.split():
    setattr(TensorLike, f"__{_name}__", _unary(getattr(operator, _name)))


class Symbol(TensorLike):
    """What a recorded call gives: the node, the place in its result, and what is known of it."""

    __slots__ = ("node", "path", "spec")

    spec: TensorSpec | SizeSpec

    def __init__(self, spec: Any, node: Node, path: Path = ()):
        self.spec, self.node, self.path = spec, node, path

    def _call(self, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        from layergraph.graph.record import record_use

        return record_use(self, op, target, args, kwargs)

    def refuse(self, what: str, fix: str, verb: str = "give") -> NoReturn:
        """Raise SymbolicError: what is asked of it needs values."""
        from layergraph.graph.refuse import refuse_bare_module

        refuse_bare_module()
        values = "values" if isinstance(self.spec, TensorSpec) else "value"
        raise SymbolicError(f"{self._said} has no {values} while the graph is written: it cannot {verb} {what}", fix)

    @property
    def _said(self) -> str:
        """What it is called in a message."""
        return f"the symbol {self!r}"

    # A symbol never changes; copying through it would recurse along the whole graph.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        self.refuse("pickled", "pickle the Model it belongs to", "be")


class SymbolicTensor(CheckedAsTensor, Symbol):
    """A tensor that does not exist yet: what `Input` and every layer called on a symbol give.

    It has a shape (a tuple, None where a size is not known yet; the batch size is None), a dtype (a string, as in Keras) and
    no values. Layers, operators, indexing and torch's functions and methods take it and give the next one:

    >>> from layergraph import Input
    >>> x = Input(shape=(4, 3))
    >>> torch.relu(x[:, 0] * 2).shape
    (None, 3)

    `x.size(i)` is torch's: a number, or a `SymbolicSize` that means at run time what it says:

    >>> x.reshape(x.size(0) * 2, -1).shape
    (None, 6)
    """

    # `entry`: the InputLayer under which a model starts here, where `Input(tensor=...)` has named one.
    __slots__ = ("entry",)

    spec: TensorSpec  # pyright: ignore[reportIncompatibleVariableOverride] (a symbol never changes)

    def __init__(self, spec: Any, node: Node, path: Path = (), entry: Any = None):
        super().__init__(spec, node, path)
        self.entry = entry

    def entered_by(self, layer: Any) -> SymbolicTensor:
        """The same tensor, with the InputLayer of models that start at it."""
        return SymbolicTensor(self.spec, self.node, self.path, layer)

    @property
    def shape(self) -> Shape:  # pyright: ignore[reportIncompatibleVariableOverride] (Keras's shape, with None)
        return self.spec.shape

    @property
    def ndim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] (read only)
        return self.spec.ndim

    @property
    def dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] (Keras's dtype, a str)
        return str(self.spec.dtype).removeprefix("torch.")

    @property
    def name(self) -> str:
        """The name of the layer, or of the torch function, that made it."""
        return self.node.target.name if self.node.op in ("input", "layer") else target_name(self.node.target)

    @property
    def _keras_mask(self) -> SymbolicTensor | None:
        """The mask that travels with the tensor, as Keras calls it: True where a step counts."""
        return self.node.carried.get(self.path)

    sparse = False
    ragged = False
    requires_grad = False

    def _call(self, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        name = args[1] if target is getattr else target
        if isinstance(name, str) and name in _VALUES_ONLY:
            spelled = f"`.{name}`" if target is getattr else f"`.{name}()`"
            self.refuse(f"{_VALUES_ONLY[name]} ({spelled})", "run the model on tensors, or do this inside a custom Layer's call()")
        return super()._call(op, target, args, kwargs)

    def size(self, dim: int | None = None) -> Any:
        """The sizes as torch gives them, ints and `SymbolicSize`s; or that of one axis."""
        if dim is None:
            return tuple(self.size(axis) for axis in range(self.ndim))
        known = self.shape[dim] if isinstance(dim, int) and -self.ndim <= dim < self.ndim else None
        return self._call("method", "size", (self, dim), {}) if known is None else known

    def dim(self) -> int:
        return self.ndim

    @property
    def _said(self) -> str:
        return f"the symbolic tensor {self!r}"

    def __bool__(self) -> NoReturn:
        self.refuse(
            "a bool (`if x`, `x and y`, `a < x < b`)", "use torch.where(condition, a, b), or a custom Layer for control flow on data"
        )

    def __len__(self) -> NoReturn:
        self.refuse("len(): its first axis is the batch, whose size is unknown", "use x.shape")

    def __iter__(self) -> NoReturn:
        raise SymbolicError(
            f"cannot iterate over the symbolic tensor {self!r}: the size of its batch axis is unknown", "use x[:, i], or x.unbind(1)"
        )

    def __float__(self) -> NoReturn:
        self.refuse("a float", "use x.float() for a cast")

    def __int__(self) -> NoReturn:
        self.refuse("an int", "use x.int() for a cast")

    def __index__(self) -> NoReturn:
        self.refuse("an index", "use torch.gather or torch.index_select")

    def __contains__(self, item: object) -> NoReturn:
        self.refuse("`in`", "use (x == item).any()")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self.refuse("a numpy array", "use torch functions on it, or model.predict(...) for values")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        self.refuse("assigned into", "use torch.where, torch.cat or x.masked_fill(mask, value)", "be")

    def __repr__(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] (torch's takes an argument of its own)
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}, from {maker(self)}>"


class SymbolicSize(Symbol):
    """A number that is known when the model runs: `x.size(0)` of an unknown size, and what arithmetic makes of it.

    It stands where torch takes a size, in `view`, `reshape`, `expand`, slices, `torch.zeros((n, 4))`, and in arithmetic with
    numbers and tensors. `torch.sym_max` and `torch.sym_min` compare it.

    >>> from layergraph import Input
    >>> frames = Input(shape=(8, 3, 16))
    >>> n, t = frames.size(0), frames.size(1)
    >>> frames.reshape(n * t, 3, 16).mean(-1).view(n, t, 3).shape
    (None, 8, 3)
    """

    __slots__ = ()

    spec: SizeSpec  # pyright: ignore[reportIncompatibleVariableOverride] (a symbol never changes)

    _WORDS = "compute with +, -, *, // on it, torch.sym_max and torch.sym_min, or do this inside a custom Layer's call()"

    @property
    def _said(self) -> str:
        return f"the size {self!r}"

    def __bool__(self) -> NoReturn:
        self.refuse("a bool (`if n > 4`, `max(n, 4)`)", self._WORDS)

    def __int__(self) -> NoReturn:
        self.refuse("an int", self._WORDS)

    __index__ = __int__

    def __float__(self) -> NoReturn:
        self.refuse("a float", self._WORDS)

    def __iter__(self) -> NoReturn:
        self.refuse("items", self._WORDS)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        self.refuse("a numpy array", self._WORDS)

    def __repr__(self) -> str:
        return f"<SymbolicSize from {maker(self)}>"


_SYMBOLS = frozenset({SymbolicTensor, SymbolicSize})


def symbol_of(spec: TensorSpec | SizeSpec, node: Node, path: Path = ()) -> Symbol:
    """The symbol of what a node gives at a place of its result."""
    return SymbolicSize(spec, node, path) if isinstance(spec, SizeSpec) else SymbolicTensor(spec, node, path)


def target_name(target: Any) -> str:
    """The bare name of a torch function or method."""
    return target if isinstance(target, str) else getattr(target, "__name__", type(target).__name__)


def maker(symbol: Symbol) -> str:
    """Who made a symbol, without settling a layer's name: `Conv2D 'conv'`, `Dense`, `torch add`."""
    node = symbol.node
    return node.target.label if node.op in ("input", "layer") else f"torch {spelled(node)}"


def spelled(node: Node) -> str:
    """What a torch node computes, in a word: of a property, the property's name."""
    return str(node.args[1]) if node.target is getattr else target_name(node.target)


def symbols_in(*values: Any) -> tuple[Any, ...]:
    """The symbols among arguments, nested or not, in order."""
    found: list[Any] = []
    for value in values:
        _collect(value, found)
    return tuple(found)


def _collect(value: object, found: list[Any]) -> None:
    kind = type(value)
    if kind in _SYMBOLS:
        found.append(value)
    elif (kind is tuple or kind is list) and is_sequence(value):
        for item in value:
            _collect(item, found)
    elif isinstance(value, list | tuple | slice | Mapping):
        found.extend(item for item in flat(value) if type(item) in _SYMBOLS)


def map_symbols(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nest of arguments with each symbol replaced."""
    return map_leaves(lambda leaf: function(leaf) if type(leaf) in _SYMBOLS else leaf, value)


def has_symbol(args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """Whether any argument is, or holds, a symbol. On the path of every eager call: flat arguments are not flattened."""
    for arg in (*args, *kwargs.values()) if kwargs else args:
        kind = type(arg)
        if kind in _SYMBOLS or (kind in (list, tuple, dict) and symbols_in(arg)):
            return True
    return False
