"""Calling a layer: on tensors it runs, built on the first call; on symbols it records itself."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import itertools
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast, overload

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.errors import ArgumentError, Fact, LayergraphError, NotBuiltError, ShapeError, describe, shown, user_place
from layergraph.graph.infer import declared
from layergraph.graph.node import Node
from layergraph.graph.record import record, record_torch, sources
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.graph.structure import NoTensor, alike, leaves, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, has_symbol, symbols_in
from layergraph.graph.trial import probe_module
from layergraph.kinds import is_dict, is_sequence
from layergraph.layers.declare import words_of
from layergraph.layers.input_spec import check_inputs
from layergraph.layers.masking import Masked, but_masks
from layergraph.layers.state import ACTIVITY
from layergraph.modes import device_type_of, in_mode
from layergraph.nn.losses import collecting


class OneTensorOut(Protocol):
    """For type checkers: a layer whose `call` gives one tensor."""

    def call(self, *args: Any, **kwargs: Any) -> Tensor: ...


class Recorded(Masked):
    """What a call of a layer does, and what is known of its recorded calls."""

    autocast: bool
    call: Any
    _torch_dtype: Any
    # What eager inputs are cast to: the layer's dtype, or the one that it was moved to.
    _fed_dtype: Any
    _mixed_dtype: torch.dtype | None
    _settle_state: Any
    _before_building: Any
    _unbuild: Any
    _first: tuple[Node, Any] | None
    _calls: weakref.WeakSet[Node] | None
    _call_words: ClassVar[frozenset[str]]
    _training_at: ClassVar[int]
    # Whether numbers, strings and whatever else may come by position.
    _takes_values: ClassVar[bool] = False
    _casts_integers: ClassVar[bool]
    # What a layer of the user's takes: an InputSpec, or a nest of them.
    input_spec: Any = None

    # To write in a subclass

    def build(self, input_shape: Any) -> None:
        """Make the weights, knowing the shape of the first argument (a list of shapes for a list of tensors).

        Where no subclass writes one, this builds the sub-layers, by running `call` once on zeros of this shape.
        """
        if not self.built and not self.__dict__.get("_building"):
            self._build_on((specs_of(input_shape, self._torch_dtype),), {})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output, None where a size is unknown."""
        return map_leaves(lambda spec: spec.shape, self._probed((specs_of(input_shape, self._torch_dtype),), {}))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The specs of the output, from specs in the place of tensors."""
        if type(self).compute_output_shape is Recorded.compute_output_shape:
            return self._probed(args, kwargs)
        shape = self.compute_output_shape(*self._shapes_for(type(self).compute_output_shape, args, kwargs))
        if not self._inlined:
            return specs_of(shape, self._torch_dtype)
        dtypes = (args[0].dtype,) if type(args[0]) is TensorSpec else tuple(spec.dtype for spec in leaves(args[0]))
        return specs_of(shape, self.output_dtype(*dtypes))

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        """The dtype of the output, from the inputs' (after the cast to the layer's own)."""
        return functools.reduce(torch.promote_types, input_dtypes)

    # Calling

    @overload
    def __call__(self: OneTensorOut, inputs: SymbolicTensor | Sequence[SymbolicTensor], *more: Any, **kwargs: Any) -> SymbolicTensor: ...
    @overload
    def __call__(self: OneTensorOut, inputs: Tensor | Sequence[Tensor], *more: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if has_symbol(args, kwargs):
            return self._record(*(self._by_position(kwargs) if not args else (args, kwargs)))
        if not args:
            args, kwargs = self._by_position(kwargs)
        args = tuple(self._admit(arg) for arg in args)
        if not self._inlined:
            return self._run(args, {name: self._admit(value) for name, value in kwargs.items()})
        if not self.built:
            self._build_from(args, kwargs)
        if "training" in kwargs and "training" not in self._call_words:
            return self._call_in_mode(kwargs.pop("training"), args, kwargs)
        plain = self._mixed_dtype is None and ACTIVITY not in self._modules
        return super().__call__(*args, **kwargs) if plain else self._call_collecting(args, kwargs)

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a layer of the user's: `training` is the mode where it is not given, and a failure says which layer on which shapes."""
        try:
            if self.input_spec is not None:
                self._check_input_spec(args[0])
            if not self._settled():
                self._build_from(args, kwargs)
            if "training" not in self._call_words:
                return self._call_in_mode(kwargs.pop("training", None), args, kwargs)
            training = args[self._training_at] if len(args) > self._training_at else kwargs.get("training")
            if training is None and len(args) <= self._training_at:
                kwargs["training"] = self.training
            # the mode of all that `call` does not hand it on to
            return self._call_in_mode(None if training is None or training == self.training else bool(training), args, kwargs)
        except LayergraphError:
            raise
        except Exception as error:
            explained(error, f"while {self.label} was called", [f"got {_told(value)}" for value in leaves([*args, kwargs])])
            raise

    def _check_input_spec(self, inputs: Any) -> None:
        try:
            check_inputs(self.input_spec, inputs)
        except Fact as fact:
            raise ShapeError(f"{self.label}: {fact.what}", fact.fix) from None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def _by_position(self, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The first argument of `call`, where it came by its name."""
        first = next(iter(inspect.signature(self.call).parameters), None)
        if first not in kwargs:
            raise ArgumentError(f"{self.label} was called without its input", f"write layer({first})")
        return (kwargs[first],), {name: value for name, value in kwargs.items() if name != first}

    def _call_in_mode(self, training: bool | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`training=` at a call: the sub-layers run in that mode, and have their own back afterwards."""
        if training is None:
            return self._call_collecting(args, kwargs)
        with in_mode(self, training):
            return self._call_collecting(args, kwargs)

    def _call_collecting(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run, and keep the terms that this pass adds to the loss."""
        keepers = self._keepers
        if keepers is None:
            keepers = self.__dict__["_keepers"] = self._loss_keepers()
        if self._mixed_dtype is not None and not torch.is_autocast_enabled(device_type_of(args)):
            with torch.autocast(device_type_of(args), self._mixed_dtype):
                return self._call_collecting(args, kwargs)
        if not keepers:
            return super().__call__(*args, **kwargs)
        with collecting(keepers):
            result = super().__call__(*args, **kwargs)
            activity = self._modules.get(ACTIVITY)
            return result if activity is None else map_leaves(activity, result)

    def _admit(self, value: Any) -> Any:
        """An eager argument as a tensor of the layer's dtype, at every call as in Keras."""
        if isinstance(value, list | tuple):
            return alike(cast("list[Any]", value), [self._admit(item) for item in cast("list[Any]", value)])
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if isinstance(value, Tensor) and value.dtype is not self._fed_dtype and self._casts(value.dtype):
            if self._lowered_by_autocast(value):
                return value
            held = itertools.chain(self.parameters(), self.buffers())
            return value.to(next((t.dtype for t in held if t.is_floating_point()), self._fed_dtype))
        return value

    def _lowered_by_autocast(self, value: Tensor) -> bool:
        """Whether autocast has given a tensor its dtype: the layer leaves it, as its module in a graph does."""
        kind = value.device.type
        lower = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else self._mixed_dtype
        return value.dtype is lower

    def _casts(self, dtype: torch.dtype) -> bool:
        return self.autocast and (dtype.is_floating_point or self._casts_integers)

    def _build_from(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Build on the first eager call; what does not fit is said as it is for symbols."""
        specs = _tensors_to_specs(args)
        try:
            if self._inlined and type(self).compute_output_shape is not Recorded.compute_output_shape:
                self.compute_output_shape(*self._shapes_for(type(self).compute_output_shape, specs, {}))
            self._build_on(specs, _tensors_to_specs(kwargs))
        except Fact as fact:
            raise ShapeError(
                f"{self.label}: {fact.what}",
                fact.fix,
                details=[f"got a tensor of shape {spec.shape}" for spec in leaves(specs) if isinstance(spec, TensorSpec)],
            ) from None

    def _build_on(self, specs: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Build for these specs; sub-layers of a layer of the user's build themselves in one run on zeros."""
        if type(self).build is not Recorded.build and not self.built:
            self.build(*self._shapes_for(type(self).build, specs, kwargs))
        if not self._settled():
            self._settle_state(tuple(shapes_of(spec) for spec in specs[:1]))
        if not self._inlined and any(not layer.built for layer in self._flatten_layers()[1:]):
            self._build_sublayers(specs, kwargs)

    def _settled(self) -> bool:
        """Whether the layer is built, and not only says so: Keras's layers may set `self.built = True` themselves."""
        return self.built and (self._inlined or "_build_shapes" in self.__dict__)

    def _build_sublayers(self, specs: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        unknown = None in (size for spec in leaves([*specs, dict(kwargs)]) if isinstance(spec, TensorSpec) for size in spec.shape[1:])
        failure: Exception | None = None
        for size in _TRIAL_SIZES if unknown else _TRIAL_SIZES[:1]:
            try:
                self._run_on_zeros(specs, kwargs, size)
            except Exception as error:
                failure = failure or error
                continue
            if unknown and any(layer.__dict__.get("_shape_learnt") for layer in self._flatten_layers()):
                with contextlib.suppress(Exception):  # a Sequential that learnt the size of the trial learns that it may be another
                    self._run_on_zeros(specs, kwargs, 2 * size)
            return
        if failure is not None:
            raise failure

    def _run_on_zeros(self, specs: Sequence[Any], kwargs: Mapping[str, Any], size: int) -> None:
        """Run in inference, unknown sizes taken as `size`."""
        device = next((t.device for t in itertools.chain(self.parameters(), self.buffers())), None)
        zeros, words = map_leaves(
            lambda leaf: _zeros(leaf, size, device) if isinstance(leaf, TensorSpec) else leaf, [list(specs), dict(kwargs)]
        )
        if words.get("training") is None and "training" in self._call_words:
            words["training"] = False
        # The generator moves on: under fork_rng, all blocks that draw their own weights would draw the same ones.
        with torch.no_grad(), in_mode(self, False):
            self.forward(*zeros, **words)
        for keeper in self._loss_keepers():
            keeper.terms = ()

    def _shapes_for(self, function: Any, specs: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The shapes that `build` or `compute_output_shape` takes: of the first argument, or of each that it names, `<argument>_shape`."""
        shapes = [shapes_of(spec) for spec in specs if spec is not None][:1] or [shapes_of(next(iter(kwargs.values())))]
        if self._inlined:
            return shapes
        parameters = [*inspect.signature(function).parameters.values()][1:]
        words = [each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        if len(words) < 2:
            return shapes
        given = {**dict(zip(words_of(type(self).call)[1:], specs, strict=False)), **kwargs}
        found: list[Any] = []
        for word in words:
            argument = word.removesuffix("_shape")
            if not word.endswith("_shape") or argument not in words_of(type(self).call):
                name = function.__name__
                raise ArgumentError(
                    f"{self.label}: {name}() has the parameter `{word}`, and call() has no argument {shown(argument)}",
                    f"name the parameters of {name}() after those of call(): {name}(self, "
                    f"{', '.join(f'{each}_shape' for each in words_of(type(self).call)[1 : len(words) + 1])})",
                )
            found.append(None if given.get(argument) is None else shapes_of(given[argument]))
        return found

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call on symbols: check, build, declare the output, make the node."""
        place = user_place()
        kwargs = {name: value for name, value in kwargs.items() if not (name in ("training", "mask") and value is None)}
        if self._hooked():
            raise ArgumentError(
                f"{self.label} has hooks, and a graph runs its module, not the layer", "register hooks on the model's module: model.<name>"
            )
        args = tuple(self._cast_symbols(arg) for arg in args)
        kwargs = {name: arg if name.endswith("mask") else self._cast_symbols(arg) for name, arg in kwargs.items()}
        symbols = symbols_in(args, kwargs)
        before = self._before_building()
        try:
            if self.input_spec is not None:
                check_inputs(self.input_spec, args[0])
            wired = self._wired(args, kwargs)
            output = self._output_of(args, {**kwargs, **wired})
            carried = self._carried(args, kwargs, wired, output)
        except Fact as fact:
            self._unbuild(before)
            cause = fact.__cause__
            if self._inlined or not isinstance(cause, Exception):
                raise ShapeError(f"{self.label}: {fact.what}", fact.fix, details=sources(symbols), place=place) from None
            if not isinstance(cause, LayergraphError):
                self._forget_trial(cause)
                explained(cause, f"while {self.label} was called on symbols at {describe(place)}", [*sources(symbols), _DECLARE])
            raise cause from None
        except LayergraphError:
            self._unbuild(before)
            raise
        except Exception as error:
            self._unbuild(before)
            explained(error, f"while {self.label} was called on symbols at {describe(place)}", sources(symbols))
            raise
        if not any(isinstance(leaf, TensorSpec) for leaf in leaves(output)):
            self._unbuild(before)
            gave = "None" if output is None else f"{type(output).__name__} {shown(output)}"
            return NoTensor(f"{self.label}: call() gave {gave}", "end call() with `return ...`", (f"called at {describe(place)}",))
        result = record("layer", self, args, kwargs, output, place, wired, carried)
        self._remember(next(leaf.node for leaf in leaves(result) if isinstance(leaf, SymbolicTensor)), result)
        return result

    def _forget_trial(self, error: Exception) -> None:
        """Take off what the trial run said of this very layer, on tensors of made-up sizes: the symbols say it better."""
        notes = getattr(error, "__notes__", [])
        if notes and notes[-1].startswith(f"while {self.label} was called\n"):
            notes.pop()
        if hasattr(error, _EXPLAINED):
            delattr(error, _EXPLAINED)

    def _output_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        specs = _symbols_to_specs(args)
        words = {name: _symbols_to_specs(value) for name, value in kwargs.items() if name != "training"} if kwargs else kwargs
        if not self._takes_values and not (specs and all(isinstance(leaf, TensorSpec | type(None)) for leaf in leaves(specs))):
            wrong = next((arg for arg in args if not symbols_in(arg)), args)
            raise Fact(f"only tensors may be passed by position, got {type(wrong).__name__} {shown(wrong)}", "pass it by keyword")
        if self._inlined:
            words = but_masks(words)
            output = declared(self.compute_output_spec, specs, words)  # refuses before anything is built
            if not self.built:
                self._build_on(specs, words)
            return output
        if not self._settled():
            self._build_on(specs, words)
        return declared(self.compute_output_spec, specs, words)

    def _cast_symbols(self, value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            dtype = value.spec.dtype
            return (
                record_torch("method", "to", (value, self._torch_dtype), {}) if dtype != self._torch_dtype and self._casts(dtype) else value
            )
        if isinstance(value, list | tuple):
            return alike(cast("list[Any]", value), [self._cast_symbols(item) for item in cast("list[Any]", value)])
        return value

    def _remember(self, node: Node, result: Any) -> None:
        if self._first is None:
            self.__dict__["_first"] = (node, result)
        else:
            calls = self.__dict__["_calls"] = self._calls or weakref.WeakSet()
            calls.add(node)

    def register_forward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_forward_hook", args, kwargs)

    def register_forward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_forward_pre_hook", args, kwargs)

    def register_full_backward_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_full_backward_hook", args, kwargs)

    def register_full_backward_pre_hook(self, *args: Any, **kwargs: Any) -> Any:
        return self._register_hook("register_full_backward_pre_hook", args, kwargs)

    def _register_hook(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A graph runs a layer's module, not the layer: a hook on a recorded layer would never fire."""
        if self._first is not None and self._inlines():
            fix = f"register it on the model's module: model.{self._key or '<name>'}.{name}(...)"
            raise ArgumentError(f"{self.label} is part of a graph, and a graph runs its module, not the layer", fix)
        return getattr(nn.Module, name)(self, *args, **kwargs)

    def _hooked(self) -> bool:
        if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks:
            return self._inlined
        return False

    def _probed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        tried: Any = self
        if self.input_spec is not None:  # which the sizes made up for unknown ones need not fit
            tried = copy.copy(self)
            tried.__dict__["input_spec"] = None
        return probe_module(tried, args, kwargs, type(self).__name__)

    def _spec_as_it_stands(self, *args: Any, **kwargs: Any) -> Any:
        """`compute_output_spec`, but by a probe where another module stands in the place of what this layer declares."""
        if self._instead is not None:
            return probe_module(self._instead, args, kwargs, type(self._instead).__name__)
        if self._inlined:
            kwargs = but_masks(kwargs)
        return self._probed(args, kwargs) if self._swapped else self.compute_output_spec(*args, **kwargs)

    # What was recorded

    @property
    def input(self) -> Any:
        """The symbol (or symbols) of the first call's input."""
        parents = self._first_call()[0].parents
        return parents[0] if len(parents) == 1 else list(parents)

    @property
    def output(self) -> Any:
        """The symbol (or nest of symbols) that the first call gave."""
        return self._first_call()[1]

    @property
    def calls(self) -> list[Node]:
        """The recorded calls of this layer that still belong to something."""
        first = [self._first[0]] if self._first is not None else []
        return first + sorted(self._calls or (), key=lambda node: node.id)

    def _first_call(self) -> tuple[Node, Any]:
        if self._first is None:
            raise NotBuiltError(
                f"{self.label} has never been called on a symbol and thus has no defined input or output", "call it on an Input"
            )
        return self._first


# What unknown sizes are where a layer of the user's runs once to build its sub-layers: the next one where the first is too small.
_TRIAL_SIZES = (2, 32, 224)
_DECLARE = "unknown sizes were made up; if call() runs on real tensors only, write compute_output_shape(self, input_shape)"
_EXPLAINED = "_layergraph_explained"


def explained(error: Exception, what: str, details: Sequence[str], most: int = 6) -> None:
    """Add a note to an error of somebody else's code, once: the innermost layer tells."""
    if not getattr(error, _EXPLAINED, False):
        error.add_note("\n".join([what, *(f"  {line}" for line in (*details[:most], *_in_torch(error)))]))
        with contextlib.suppress(AttributeError):  # an error with slots
            setattr(error, _EXPLAINED, True)


_ASSIGNED = {"assign": "copy_", "assign_add": "add_", "assign_sub": "sub_"}


def _in_torch(error: Exception) -> list[str]:
    """What to type for a method of Keras's variables, which a weight of torch's does not have."""
    method = _ASSIGNED.get(str(error.name)) if isinstance(error, AttributeError) and isinstance(error.obj, Tensor) else None
    return [f"a weight is a torch tensor: write `with torch.no_grad(): weight.{method}(value)`"] if method else []


def _told(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    return shown(value)


def _zeros(spec: TensorSpec, size: int, device: torch.device | None) -> Tensor:
    sizes = [2 if n is None and axis == 0 else size if n is None else n for axis, n in enumerate(spec.shape)]
    return torch.zeros(sizes, dtype=spec.dtype, device=device)


def shapes_of(specs: Any) -> Any:
    return specs.shape if type(specs) is TensorSpec else map_leaves(lambda spec: None if spec is None else spec.shape, specs)


def specs_of(shapes: Any, dtype: torch.dtype) -> Any:
    """Specs from a shape, or a list, tuple or dict of shapes."""
    if is_dict(shapes):
        return {name: specs_of(shape, dtype) for name, shape in shapes.items()}
    if is_sequence(shapes) and any(isinstance(item, list | tuple | dict) for item in shapes):
        return type(shapes)([specs_of(shape, dtype) for shape in shapes])
    shape: Shape = tuple(shapes)
    return TensorSpec(shape, dtype)


def _symbols_to_specs(value: Any) -> Any:
    return map_leaves(lambda leaf: leaf.spec if isinstance(leaf, SymbolicTensor) else leaf, value)


def _tensors_to_specs(value: Any) -> Any:
    return map_leaves(lambda leaf: TensorSpec(tuple(leaf.shape), leaf.dtype) if isinstance(leaf, Tensor) else leaf, value)
