"""Lowering: recorded nodes become an fx graph of stock modules and torch functions. The only file that writes fx graphs.

A layer's own `call` runs once, on `Value`s instead of tensors and with a stand-in for `self` whose modules record
themselves; what it does to the values is what stands in the graph.

The layout rule: Keras's images are channels-last, torch's convolutions channels-first. A value is an fx node and a pending
permutation. A permute composes with what is pending, and the identity vanishes; what works element by element, reduces or
concatenates runs under the pending permutation; anything else forces it, once. A CNN keeps one permute at each of its
channels-last boundaries, and since NHWC storage read as NCHW is `torch.channels_last`, even that one copies nothing.
"""

from __future__ import annotations

import cmath
import keyword
import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.errors import GraphError, shown
from layergraph.graph.node import Constant, Node, Op
from layergraph.graph.spec import Shape, SizeSpec, TensorSpec
from layergraph.graph.structure import Attribute, at_path
from layergraph.graph.symbolic import SymbolicTensor, TensorLike, map_symbols
from layergraph.graph.walk import Key, key
from layergraph.kinds import is_dict, is_numpy_scalar, is_sequence

Order = tuple[int, ...]

# Functions and methods of one or more tensors of one rank (or numbers) whose result at a place depends on that place only.
_ELEMENTWISE: set[Any] = {
    *(getattr(operator, name) for name in "add sub mul truediv floordiv mod pow neg pos abs eq ne lt le gt ge".split()),
    *(
        getattr(torch, name)
        for name in (
            "relu sigmoid tanh exp log sqrt rsqrt abs neg square sign erf selu clamp add sub mul div pow maximum minimum where "
            "log1p expm1 sin cos reciprocal round floor ceil celu"
        ).split()
    ),
    *(
        getattr(F, name)
        for name in (
            "relu relu6 gelu silu elu selu leaky_relu softplus softsign mish hardswish hardsigmoid hardtanh tanhshrink hardshrink "
            "softshrink logsigmoid threshold celu"
        ).split()
    ),
    *"relu sigmoid tanh exp log sqrt abs neg clamp add sub mul div pow to float half double square".split(),
}
_ELEMENTWISE_MODULES = (nn.Dropout, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Identity)
_REDUCTIONS: set[Any] = {torch.mean, torch.sum, torch.amax, torch.amin, "mean", "sum", "amax", "amin"}
_PLAIN = (int, float, bool, complex, str, type(None), type(Ellipsis), torch.dtype, torch.device, torch.layout, torch.memory_format)


class Value(TensorLike):
    """A tensor of the graph being written: an fx node, read through a pending permutation (None is the identity).

    `shape` (after the permutation) and `dtype` are known of what a layer takes, not of everything it makes.
    """

    __slots__ = ("_dtype", "_full", "_shape", "fx_node", "lowering", "order")

    def __init__(self, lowering: Lowering, fx_node: fx.Node, order: Order | None = None, shape: Shape | None = None):
        self.lowering, self.fx_node, self.order, self._shape = lowering, fx_node, order, shape
        self._dtype: torch.dtype | None = None
        self._full = False  # known to be in float32, whatever torch.autocast does

    @property
    def shape(self) -> Shape:
        if self._shape is None:
            raise TypeError(f"the shape of {self.fx_node} is not known here: take it from the layer's input")
        return self._shape

    @property
    def dtype(self) -> torch.dtype:
        if self._dtype is None:
            raise TypeError(f"the dtype of {self.fx_node} is not known here: take it from the layer's input")
        return self._dtype

    def tell(self, spec: TensorSpec | SizeSpec) -> Value:
        if isinstance(spec, TensorSpec):
            self._shape, self._dtype = spec.shape, spec.dtype
        return self

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return self.ndim

    def attribute(self, name: str) -> Any:
        """A field of what a module gave."""
        return self._call("function", getattr, (self, name), {})

    def _call(self, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return self.lowering.torch_call(op, target, args, kwargs)


class Part:
    """A module of the layer being lowered, as its stand-in sees it: called, it records itself; read, it gives its weights.

    `made` is the type that the layer made, where another module stands there now: it runs in the layout in which the first one did.
    `whole` brings its results back to float32, where torch.autocast has chosen less.
    """

    def __init__(self, lowering: Lowering, target: str, module: nn.Module, made: type[nn.Module] | None = None, whole: bool = False):
        self._whole = whole
        self._lowering, self.target, self._module, self._made = lowering, target, module, made or type(module)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        lower = getattr(self._module, "lower", None)  # a layer inside a layer is written inline too
        if lower:
            return lower(self._lowering, self.target, args, kwargs)
        result = self._lowering.module(self.target, self._module, args, kwargs, self._made)
        return in_float32(result) if self._whole else result

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, Tensor):
            return self._lowering.attribute(f"{self.target}.{_own_name(self._module, name, value)}")
        return Part(self._lowering, f"{self.target}.{name}", value) if isinstance(value, nn.Module) else value


def _own_name(module: nn.Module, name: str, tensor: Tensor) -> str:
    """What a module calls a tensor of its own that it gives under another name too, as layers give Keras's."""
    return next((own for own, each in (*module.named_parameters(), *module.named_buffers()) if each is tensor), name)


class InputCheck(fx.CodeGen):
    """Writes a check of the inputs as the first lines of `forward`; all slow work is in the branch not taken."""

    def __init__(self, checks: Sequence[tuple[str, str]]):
        super().__init__()
        self._checks = list(checks)

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str, **options: Any) -> str:
        head = super().gen_fn_def(free_vars, maybe_return_annotation, **options)
        lines = [f"\n    if {test}: {name} = self._standardize({name}, {i})" for i, (name, test) in enumerate(self._checks)]
        return head + "".join(lines)


def input_test(name: str, spec: TensorSpec, dtype: torch.dtype, optional: bool = False) -> str:
    """The expression that is true when an input needs a second look: another rank, another size, another dtype."""
    sizes = spec.shape[1:]
    if spec.shape and None not in spec.shape:
        shape = f"{name}.shape != {spec.shape!r}"
    elif None not in sizes and len(sizes) > 1:  # for one size, slicing torch.Size costs more than both reads
        shape = f"{name}.shape[1:] != {tuple(sizes)!r}"
    else:
        shape = f"{name}.ndim != {spec.ndim}" + "".join(f" or {name}.shape[{i}] != {n}" for i, n in enumerate(spec.shape) if n is not None)
    test = f"{shape} or {name}.dtype is not {dtype}"
    return f"{name} is not None and ({test})" if optional else test


class Nested(NamedTuple):
    """Where a nested model stands that is written inline: the prefix of its modules, its layers' keys, and its mode."""

    prefix: str
    keys: Mapping[Any, str]
    mode: bool | None


class Lowering:
    """One fx graph being written.

    Args:
        keys: the attribute name of each layer and constant in the model that will own the graph.
        mixed: whether the graph will run under `torch.autocast`.
        mode: None where the modules' own mode decides at run time; True or False lowers every layer statically in that mode.
    """

    def __init__(self, keys: Mapping[Any, str], mode: bool | None = None, mixed: bool = False):
        self.graph = fx.Graph()
        self.mode: bool | None = mode
        self.mixed = mixed
        self._keys: Mapping[Any, str] = keys
        self._prefix = ""
        self._forced: dict[tuple[fx.Node, Order], fx.Node] = {}
        self._origin: Node | None = None
        # While steps stand in the batch axis: what calls a module that learns from batches for one after the other, and the sequence.
        self.steps: tuple[Callable[..., Any], Value] | None = None

    def placeholders(self, named: Sequence[tuple[str, SymbolicTensor]]) -> dict[Key, Value]:
        """Write the inputs."""
        return {key(symbol): Value(self, self.graph.placeholder(name)).tell(symbol.spec) for name, symbol in named}

    def run(
        self, nodes: Sequence[Node], values: Mapping[Key, Value], outputs: Sequence[SymbolicTensor], inside: Nested | None = None
    ) -> list[Value]:
        """Write the nodes, oldest first; gives the outputs' values."""
        outside = self._prefix, self._keys, self.mode
        if inside is not None:
            self._prefix, self._keys, self.mode = inside
        try:
            return self._run(nodes, values, outputs)
        finally:
            self._prefix, self._keys, self.mode = outside

    def _run(self, nodes: Sequence[Node], values: Mapping[Key, Value], outputs: Sequence[SymbolicTensor]) -> list[Value]:
        results: dict[Node, Any] = {}

        known = dict(values)  # an optional input that is left out is None

        def value_of(symbol: Any) -> Any:
            place = key(symbol)
            if place not in known:
                known[place] = at_path(results[symbol.node], symbol.path).tell(symbol.spec)
            return known[place]

        for node in nodes:
            self._origin = node
            args, kwargs = map_symbols(value_of, node.args), map_symbols(value_of, dict(node.kwargs))
            if node.masks:
                kwargs.update(map_symbols(value_of, dict(node.masks)))
            if node.op in ("layer", "masks"):
                if self.mode is not None:
                    kwargs.setdefault("training", self.mode)
                lower = node.target.lower if node.op == "layer" else node.target._lower_masks
                results[node] = lower(self, self._prefix + self._keys[node.target], args, kwargs)
            else:
                results[node] = self.torch_call(node.op, node.target, args, kwargs)
        self._origin = None
        return [value_of(symbol) for symbol in outputs]

    def output(self, structure: Any) -> None:
        """Write the return statement."""
        self.graph.output(self._argument(structure))

    # What layers write through

    def module(
        self, target: str, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], made: type[nn.Module] | None = None
    ) -> Any:
        """Write a call of a module of the model; `made` is the type of the one that stood there first."""
        if self.steps is not None and isinstance(module, _BatchNorm):
            by_step, sequence = self.steps
            return self.through(by_step, target, (sequence, *args), kwargs)
        first, kind = args[0] if args else None, made or type(module)
        if isinstance(first, Value) and first.order is not None and len(args) == 1 and not kwargs and kind in _ELEMENTWISE_MODULES:
            return Value(self, self._emit("call_module", target, (first.fx_node,), {}), first.order, first._shape)
        return self._result(self._emit("call_module", target, self._argument(tuple(args)), self._argument(dict(kwargs))))

    def through(self, function: Callable[..., Any], target: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Write `function(module, *args)` for a module of the model."""
        module = self._emit("get_attr", target, (), {})
        return self._result(self._emit("call_function", function, (module, *self._argument(tuple(args))), self._argument(dict(kwargs))))

    def attribute(self, target: str) -> Value:
        """Write a read of a parameter or buffer of a module of the model."""
        return Value(self, self._emit("get_attr", target, (), {}))

    def torch_call(self, op: Op, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Write a torch function's or method's call, under the layout rule."""
        fx_op = "call_method" if op == "method" else "call_function"
        _check_spelling(target)
        ruled = self._under_layout(fx_op, target, args, kwargs)
        if ruled is not None:
            return ruled
        return self._result(self._emit(fx_op, target, self._argument(args), self._argument(dict(kwargs))))

    # The layout rule

    def _under_layout(self, fx_op: str, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Value | None:
        first = args[0] if args else None
        if target in ("permute", torch.permute) and isinstance(first, Value) and not kwargs:
            dims = args[1] if len(args) == 2 and is_sequence(args[1]) else args[1:]
            return self._permuted(first, tuple(d % len(dims) for d in dims))
        if not isinstance(target, Hashable):
            return None
        if target in _ELEMENTWISE:
            return self._elementwise(fx_op, target, args, kwargs)
        if target in _REDUCTIONS and isinstance(first, Value) and first.order is not None:
            return self._reduced(fx_op, target, first, args[1:], dict(kwargs))
        if target in (torch.cat, torch.concat, torch.concatenate) and isinstance(first, list | tuple):
            dims = [*args[1:], *(kwargs[word] for word in ("dim", "axis") if word in kwargs)]
            if len(dims) == len(args) + len(kwargs) - 1:
                return self._concatenated(cast("Sequence[Any]", first), *dims)
        return None

    def _permuted(self, value: Value, dims: Order) -> Value:
        order = value.order or tuple(range(len(dims)))
        composed = tuple(order[d] for d in dims)
        shape = value._shape and tuple(value._shape[d] for d in dims)
        return Value(self, value.fx_node, None if composed == tuple(range(len(dims))) else composed, shape)

    def _elementwise(self, fx_op: str, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Value | None:
        operands = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, Value)]
        order = next((value.order for value in operands if value.order is not None), None)
        others = [arg for arg in (*args, *kwargs.values()) if not isinstance(arg, Value)]
        if order is None or any(value._shape is not None and value.ndim != len(order) for value in operands):
            return None
        if any(value._shape is None and value.order is None for value in operands) or any(
            isinstance(other, list | tuple | Constant) for other in others
        ):
            return None
        done = self._emit(
            fx_op,
            target,
            tuple(self._in_order(arg, order) if isinstance(arg, Value) else self._argument(arg) for arg in args),
            {name: self._in_order(arg, order) if isinstance(arg, Value) else self._argument(arg) for name, arg in kwargs.items()},
        )
        return Value(self, done, order, operands[0]._shape if len(operands) == 1 else None)

    def _reduced(self, fx_op: str, target: Any, value: Value, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> Value | None:
        order = value.order
        dims = rest[0] if rest else kwargs.pop("dim", None)
        keep = rest[1] if len(rest) > 1 else kwargs.pop("keepdim", False)
        if order is None or dims is None or kwargs or len(rest) > 2:
            return None
        logical: set[int] = {d % len(order) for d in (dims if is_sequence(dims) else (dims,))}
        if not logical:  # torch takes no axes for all of them
            return None
        physical = tuple(sorted(order[d] for d in logical))
        done = self._emit(fx_op, target, (value.fx_node, physical), {"keepdim": True} if keep else {})
        if keep:
            return Value(self, done, order)
        left = [order[d] for d in range(len(order)) if d not in logical]
        ranked = tuple(sorted(left).index(d) for d in left)
        return Value(self, done, None if ranked == tuple(range(len(ranked))) else ranked)

    def _concatenated(self, values: Sequence[Any], dim: int = 0) -> Value | None:
        order = next((v.order for v in values if isinstance(v, Value) and v.order is not None), None)
        if order is None or not all(isinstance(v, Value) and (v.order is not None or v._shape is not None) for v in values):
            return None
        done = self._emit("call_function", torch.cat, ([self._in_order(v, order) for v in values], order[dim % len(order)]), {})
        return Value(self, done, order)

    def _in_order(self, value: Value, order: Order) -> fx.Node:
        """The fx node that, read through `order`, is `value`."""
        if value.order == order:
            return value.fx_node
        inverse = tuple(order.index(d) for d in range(len(order)))
        return self._force(self._permuted(value, inverse))

    def _force(self, value: Value) -> fx.Node:
        """The fx node that is `value` as it reads; a permutation of a node is written once."""
        if value.order is None:
            return value.fx_node
        known = (value.fx_node, value.order)
        if known not in self._forced:
            self._forced[known] = self._emit("call_method", "permute", (value.fx_node, *value.order), {})
        return self._forced[known]

    # fx

    def _emit(self, op: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> fx.Node:
        for word in kwargs:
            if not _is_word(word):
                raise GraphError(
                    f"a keyword in a graph is of letters, digits and `_`, and {shown(word)} is not", "give the parameter another name"
                )
        node = self.graph.create_node(op, target, args, kwargs)
        node.meta["origin"] = self._origin
        return node

    def _result(self, fx_node: fx.Node) -> Any:
        return Value(self, fx_node)

    def _argument(self, value: Any) -> Any:
        """An argument as fx takes it: nodes for values, buffers for constant tensors, exact plain types for the rest.

        fx writes constants into source text that is executed, so nothing with a `repr` of its own may pass.
        """
        if isinstance(value, Value):
            return self._force(value)
        if is_sequence(value):
            items = [self._argument(item) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if is_dict(value):
            return {self._word(name): self._argument(item) for name, item in value.items()}
        if isinstance(value, slice):
            return slice(self._argument(value.start), self._argument(value.stop), self._argument(value.step))
        if is_numpy_scalar(value):
            value = value.item()
        if isinstance(value, Part):
            return self._emit("get_attr", value.target, (), {})
        if isinstance(value, Constant):
            return self._emit("get_attr", self._prefix + self._keys[value], (), {})
        if type(value) in _PLAIN and not (type(value) is complex and not cmath.isfinite(value)):  # Python cannot read its repr
            return value
        raise GraphError(
            f"a graph can hold tensors, numbers, strings and dtypes as arguments, not {type(value).__name__} {shown(value)}",
            "compute with it inside a custom Layer's call()",
        )

    def _word(self, name: Any) -> Any:
        if type(name) in (str, int):
            return name
        if type(name) is Attribute:
            return str(name)
        raise GraphError(f"a dict in a graph has strings or ints as keys, not {type(name).__name__} {shown(name)}")


def _check_spelling(target: Any) -> None:
    """fx writes a function's name into source text that is executed."""
    name = target if isinstance(target, str) else f"{getattr(target, '__module__', None) or 'torch'}.{getattr(target, '__name__', 'call')}"
    if type(name) is not str or not all(map(_is_word, name.split("."))):
        raise GraphError(
            f"a graph calls functions by their names, and {shown(name)} is none", "use a torch function, or a custom Layer's call()"
        )


def _is_word(name: Any) -> bool:
    return type(name) is str and name.isidentifier() and name.isascii() and not keyword.iskeyword(name)


def in_float32(value: Any) -> Any:
    """A value cast to float32, unless it is known to be none of floats, or to be that already."""
    if not isinstance(value, Value) or value._full or (value._dtype is not None and not value._dtype.is_floating_point):
        return value
    made = value._call("method", "float", (value,), {})
    made._full = True
    return made


def stand_in(layer: nn.Module, parts: Mapping[str, Part]) -> Any:
    """A shallow copy of a layer whose modules record themselves: fields read through, `super()` works, nothing is changed."""
    double = object.__new__(type(layer))
    double.__dict__.update(layer.__dict__)
    double.__dict__["_modules"] = {}
    double.__dict__.update(parts)
    return double
