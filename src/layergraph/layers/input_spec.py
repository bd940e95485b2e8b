"""`InputSpec`: what a layer of the user's takes, checked before it is built or called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, cast

import torch

from layergraph.dtypes import standardize_dtype
from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.structure import leaves
from layergraph.kinds import is_dict, is_mapping, is_sequence, is_whole

_RANKS = ("ndim", "max_ndim", "min_ndim")


class InputSpec:
    """The dtype, rank and shape of one input, for `self.input_spec` of a layer of yours: an input that does not fit is refused.

    A nest of them (a list, say) is for the tensors of the first argument of `call`, in order. None, in a shape too, fits anything.

    Args:
        dtype: the dtype that is wanted, after the layer's own cast.
        shape: with the batch size.
        ndim: the rank; a shape gives it.
        max_ndim: the highest rank.
        min_ndim: the lowest rank.
        axes: sizes by axis; a negative axis counts from the end.
        allow_last_axis_squeeze: a last axis of size 1 may be missing, in the input or in `shape`.
        name: the key under which the input comes in a dict.
        optional: the input may be None.

    Raises:
        ArgumentError: axes that are no ints, or none of the rank's; a rank or shape that is none.

    >>> import torch
    >>> from layergraph.layers import Layer
    >>> class Halves(Layer):
    ...     input_spec = InputSpec(ndim=2, axes={-1: 4})
    ...     def call(self, x):
    ...         return x[:, :2] + x[:, 2:]
    >>> Halves()(torch.ones(1, 4))
    tensor([[2., 2.]])
    >>> Halves()(torch.ones(1, 5))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.ShapeError: Halves: input 0 is incompatible with the layer: expected axis -1 of input shape to have value 4, ...
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else _shape(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.name = name
        self.optional = optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        for word in _RANKS:
            rank = getattr(self, word)
            if rank is not None and (not is_whole(rank) or rank < 0):
                raise ArgumentError(f"InputSpec: `{word}` must be an int of 0 or more, got {shown(rank)}")
        self.axes = _axes(axes)
        most = self.ndim if self.ndim is not None else self.max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ArgumentError(
                f"InputSpec: Axis {max(self.axes)} is greater than the maximum allowed value: {most - 1}",
                "count axes from 0, or from -1 down",
            )

    def __repr__(self) -> str:
        told = {word: getattr(self, word) for word in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")}
        return f"InputSpec({', '.join(f'{word}={value}' for word, value in told.items() if value)})"

    def get_config(self) -> dict[str, Any]:
        """What makes an equal one."""
        return {word: getattr(self, word) for word in ("dtype", "shape", *_RANKS, "axes", "optional")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """One made from what `get_config` gave."""
        return cls(**config)

    def check(self, value: Any, number: int) -> None:
        """Raise `Fact` where a tensor, symbol or spec does not fit; `number` is its place among the inputs."""
        if value is None and self.optional:
            return
        if value is None or not hasattr(value, "shape"):
            raise Fact(f"Inputs to a layer should be tensors; input {number} is {type(value).__name__} {shown(value)}")
        wrong = self._misfit(tuple(value.shape), value.dtype)
        if wrong is not None:
            who = f"input {number}" + (f" with name {self.name!r}" if self.name else "")
            raise Fact(f"{who} is incompatible with the layer: {wrong}")

    def _misfit(self, shape: tuple[int | None, ...], dtype: torch.dtype) -> str | None:
        rank = len(shape)
        full = f"found ndim={rank}. Full shape received: {shape}"
        if self.ndim is not None and rank != self.ndim and not self.allow_last_axis_squeeze:
            return f"expected ndim={self.ndim}, {full}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, {full}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, {full}"
        if self.dtype is not None and standardize_dtype(dtype) != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={standardize_dtype(dtype)}"
        for axis, size in self.axes.items():
            if not -rank <= axis < rank:
                return f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
            if size is not None and shape[axis] is not None and shape[axis] != size:
                return f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
        if self.shape is not None and not self._agrees(shape):
            return f"expected shape={self.shape}, found shape={shape}"
        return None

    def _agrees(self, shape: tuple[int | None, ...]) -> bool:
        wanted = cast("tuple[int | None, ...]", self.shape)
        if self.allow_last_axis_squeeze:
            wanted, shape = (each[:-1] if each and each[-1] is not None and each[-1] == 1 else each for each in (wanted, shape))
        if len(wanted) != len(shape):
            return False
        return all(a is None or b is None or a == b for a, b in zip(wanted, shape, strict=True))


def check_inputs(specs: Any, inputs: Any) -> None:
    """Raise `Fact` where the tensors or symbols of a call's first argument do not fit the layer's `input_spec`."""
    wanted: list[Any] = [specs] if isinstance(specs, InputSpec) else leaves(specs)
    for spec in wanted:
        if not isinstance(spec, InputSpec | None):
            raise Fact(f"`input_spec` must be an InputSpec, or a nest of them, got {type(spec).__name__} {shown(spec)}")
    names = [spec.name for spec in wanted if spec is not None and spec.name]
    if is_dict(inputs) and len(names) == len(wanted):
        missing = [name for name in names if name not in inputs]
        if missing:
            raise Fact(f"Missing data for input {missing[0]!r}: got the keys {[*inputs]}, expected {names}")
        inputs = [inputs[name] for name in names]
    given = leaves(inputs)
    if len(given) != len(wanted):
        named = f" with the keys {names}" if len(names) == len(wanted) else ""
        raise Fact(f"the layer expects {len(wanted)} input(s){named}, but it received {len(given)} input tensors")
    for number, (value, spec) in enumerate(zip(given, wanted, strict=True)):
        if spec is not None:
            spec.check(value, number)


def _shape(shape: Any) -> tuple[int | None, ...]:
    if not is_sequence(shape) or not all(size is None or (is_whole(size) and size >= 0) for size in shape):
        raise ArgumentError(f"InputSpec: `shape` must be a tuple of ints and None, got {shown(shape)}", "for example (None, 28, 28, 1)")
    return tuple(shape)


def _axes(axes: Any) -> dict[int, int | None]:
    if not is_mapping(axes or {}):
        raise AxesError(axes)
    try:
        return {int(axis): size for axis, size in dict(axes or {}).items()}
    except (TypeError, ValueError):
        raise AxesError(axes) from None


class AxesError(ArgumentError, TypeError):
    """Keras raises a TypeError for `axes` that are none."""

    def __init__(self, axes: object):
        super().__init__(f"InputSpec: `axes` must be a dict with integer keys, got {shown(axes)}", "for example {-1: 64}")
