"""Layers that make one tensor of several, and their functional twins."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, ClassVar, Protocol, TypeVar, cast

import torch
from torch import Tensor

from layergraph.errors import Fact
from layergraph.graph.spec import Shape, broadcast
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import Argument, checked, flag, ints, is_int, whole
from layergraph.layers.sizes import unflatten


class _Merge(Layer):
    """Merges a list of tensors element by element.

    Inputs of lower rank get axes of size 1 right after the batch axis, as in Keras; then torch's broadcasting holds.
    """

    supports_masking = True
    _exactly: ClassVar[int | None] = None
    _combine: ClassVar[Callable[[Any, Any], Any]]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where any of the inputs counts; no mask, where one of them has none. A mask gets the axes that its input gets."""
        masks: list[Any] = [None] if mask is None else list(mask)
        return None if any(each is None for each in masks) else reduce(lambda a, b: a | b, _of_one_rank(masks))

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return reduce(type(self)._combine, _of_one_rank(inputs))

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shapes = _checked_list(input_shape, self._exactly)
        rank = max(map(len, shapes))
        raised = [(*shape[:1], *(1,) * (rank - len(shape)), *shape[1:]) for shape in shapes]
        try:
            merged = broadcast(*raised)
        except Fact:
            raise Fact(f"cannot merge shapes {' and '.join(map(str, shapes))}: they do not broadcast", _projection(shapes)) from None
        return tuple(
            None if None in sizes else size for size, sizes in zip(merged, zip(*raised, strict=True), strict=True)
        )  # as Keras does


def _checked_list(shapes: Any, exactly: int | None = None) -> list[Shape]:
    if not is_sequence(shapes) or not shapes or not all(is_sequence(shape) for shape in shapes):
        raise Fact(f"is called on a list of tensors, got one of shape {shapes}", "write layer([a, b])")
    if exactly is not None and len(shapes) != exactly:
        raise Fact(f"takes exactly {exactly} tensors, got {len(shapes)}")
    return [tuple(shape) for shape in shapes]


def _projection(shapes: Sequence[Shape]) -> str | None:
    """What to write where only the channels differ: the pitfall of every residual block."""
    first, last = shapes[0], shapes[-1]
    if len(first) != len(last) or first[:-1] != last[:-1] or None in (first[-1], last[-1]):
        return None
    kind = {3: "Conv1D", 4: "Conv2D", 5: "Conv3D"}.get(len(first))
    wanted = f"{kind}({last[-1]}, 1, padding='same')" if kind else f"Dense({last[-1]})"
    return f"project the one of shape {first} with {wanted}"


def _of_one_rank(inputs: Sequence[Tensor]) -> list[Tensor]:
    rank = max(x.ndim for x in inputs)
    raised: list[Tensor] = []
    for x in inputs:
        missing = rank - x.ndim
        for _ in range(missing):
            x = x.unsqueeze(1)
        raised.append(x)
    return raised


class Add(_Merge):
    """Sum of a list of tensors.

    [(B, ...), (B, ...), ...] -> (B, ...)

    >>> from layergraph import Input
    >>> Add()([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 4)
    """

    _combine = operator.add


class Subtract(_Merge):
    """First tensor minus the second.

    [(B, ...), (B, ...)] -> (B, ...)

    >>> from layergraph import Input
    >>> Subtract()([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 4)
    """

    _exactly = 2
    _combine = operator.sub


class Multiply(_Merge):
    """Product of a list of tensors, element by element.

    [(B, ...), (B, ...), ...] -> (B, ...)

    With masks, a step that does not count is a factor of 1, and the product is 0 where none counts.

    >>> from layergraph import Input
    >>> Multiply()([Input(shape=(4,)), Input(shape=(1,))]).shape
    (None, 4)
    """

    _combine = operator.mul

    def call(self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        factors = [x if m is None else x.masked_fill(~m.unsqueeze(-1), 1) for x, m in zip(_of_one_rank(inputs), mask, strict=True)]
        product, counts = reduce(operator.mul, factors), self.compute_mask(inputs, mask)
        return product if counts is None else product * counts.unsqueeze(-1)


class Average(_Merge):
    """Mean of a list of tensors, element by element.

    [(B, ...), (B, ...), ...] -> (B, ...)

    >>> from layergraph import Input
    >>> Average()([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 4)
    """

    _combine = operator.add

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return super().call(inputs) / len(inputs)

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        dtype = super().output_dtype(*input_dtypes)
        return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()


class _Extremum(_Merge):
    """A maximum or minimum: with masks, a step that does not count leaves it to the other tensors."""

    def call(self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        (found, *others), counts = _of_one_rank(inputs), mask[0]
        for x, m in zip(others, mask[1:], strict=True):
            x = x if m is None else torch.where(m.unsqueeze(-1), x, found)
            found = found if counts is None else torch.where(counts.unsqueeze(-1), found, x)
            counts = None if m is None or counts is None else counts | m
            found = type(self)._combine(found, x)
        return found


class Maximum(_Extremum):
    """Maximum of a list of tensors, element by element; of those that count, where they have masks.

    [(B, ...), (B, ...), ...] -> (B, ...)

    >>> from layergraph import Input
    >>> Maximum()([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 4)
    """

    _combine = torch.maximum


class Minimum(_Extremum):
    """Minimum of a list of tensors, element by element; of those that count, where they have masks.

    [(B, ...), (B, ...), ...] -> (B, ...)

    >>> from layergraph import Input
    >>> Minimum()([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 4)
    """

    _combine = torch.minimum


class Concatenate(Layer):
    """Tensors joined along an axis, the batch axis counted.

    [(B, ..., n1), (B, ..., n2), ...] -> (B, ..., n1 + n2 + ...)

    >>> from layergraph import Input
    >>> Concatenate()([Input(shape=(4,)), Input(shape=(3,))]).shape
    (None, 7)
    """

    supports_masking = True

    axis: int = whole(default=-1)

    def compute_mask(self, inputs: Sequence[Any], mask: Sequence[Any] | None = None) -> Any:
        """The masks joined in the same way; an input without one counts everywhere."""
        if mask is None or all(each is None for each in mask):
            return None
        wide = [
            torch.ones_like(x, dtype=torch.bool)
            if m is None
            else torch.zeros_like(x, dtype=torch.bool) | m.unsqueeze(-1)
            if m.ndim < x.ndim
            else m
            for x, m in zip(inputs, mask, strict=True)
        ]
        return torch.cat(wide, self.axis).any(-1)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(inputs), self.axis)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shapes = _checked_list(input_shape)
        rank = len(shapes[0])
        if any(len(shape) != rank for shape in shapes):
            raise Fact(f"needs tensors of one rank, got shapes {' and '.join(map(str, shapes))}")
        if not -rank <= self.axis < rank:
            raise Fact(f"axis {self.axis} is out of range for rank {rank}")
        axis = self.axis % rank
        for i in range(rank):
            if i != axis and len({shape[i] for shape in shapes} - {None}) > 1:
                raise Fact(f"needs shapes that are equal but for axis {axis}, got {' and '.join(map(str, shapes))}")
        sizes = [shape[axis] for shape in shapes]
        joined = None if None in sizes else sum(n for n in sizes if n is not None)
        others = [next((shape[i] for shape in shapes if shape[i] is not None), None) for i in range(rank)]
        return (*others[:axis], joined, *others[axis + 1 :])


def _axes(value: Any, owner: Any) -> int | tuple[int, ...]:
    axes = value if is_int(value) else ints(value, 2, minimum=-(10**6))
    if 0 in (axes if isinstance(axes, tuple) else (axes,)):
        raise Fact(f"must not name the batch axis 0, got {value!r}")
    return axes


class Dot(Layer):
    """Dot product of two tensors along an axis of each, batch by batch.

    [(B, ..., n), (B, ..., n)] -> (B, ...(first without n), ...(second without n)); rank 2 with rank 2 gives (B, 1)

    Args:
        axes: the axis of both, or a pair; the batch axis counts, and cannot be named.
        normalize: L2-normalise along the axes first, which gives the cosine.

    >>> from layergraph import Input
    >>> Dot(axes=1)([Input(shape=(4,)), Input(shape=(4,))]).shape
    (None, 1)
    """

    supports_masking = True

    axes: Argument[int | Sequence[int], int | tuple[int, ...]] = checked(_axes)
    normalize: bool = flag(default=False)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        first, second = inputs
        a, b = self._resolved(first.ndim, second.ndim)
        first_rank, second_rank = first.ndim, second.ndim
        rest_of_first = [first.shape[i] for i in range(1, first_rank) if i != a]
        rest_of_second = [second.shape[i] for i in range(1, second_rank) if i != b]
        if self.normalize:  # x * rsqrt(max(sum x^2, 1e-14)), as keras.utils.normalize's op does
            first, second = (x * torch.rsqrt((x * x).sum(axis, True).clamp(min=1e-14)) for x, axis in ((first, a), (second, b)))
        if first_rank == second_rank == 2:
            return (first * second).sum(1, True)
        left = first.movedim(a, -1).flatten(1, -2) if first_rank > 3 else first.movedim(a, -1)
        right = second.movedim(b, 1).flatten(2) if second_rank > 3 else second.movedim(b, 1)
        if first_rank == 2:
            product = torch.matmul(left.unsqueeze(1), right).squeeze(1)
            if second_rank > 3:
                product = unflatten(product, 1, _known(rest_of_second))
            return product
        if second_rank == 2:
            product = torch.matmul(left, right.unsqueeze(2)).squeeze(2)
            if first_rank > 3:
                product = unflatten(product, 1, _known(rest_of_first))
            return product
        product = torch.matmul(left, right)
        if first_rank > 3:
            product = unflatten(product, 1, _known(rest_of_first))
        if second_rank > 3:
            product = unflatten(product, -1, _known(rest_of_second))
        return product

    def _resolved(self, first: int, second: int) -> tuple[int, int]:
        a, b = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        if not -first <= a < first or not -second <= b < second or a % first == 0 or b % second == 0:
            raise Fact(f"axes {self.axes} are out of range for inputs of rank {first} and {second}, whose axis 0 is the batch")
        return a % first, b % second

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        first, second = _checked_list(input_shape, 2)
        a, b = self._resolved(len(first), len(second))
        if None not in (first[a], second[b]) and first[a] != second[b]:
            raise Fact(
                f"axes {self.axes}: the first input's size {first[a]} must equal the second's {second[b]}, in shapes {first} and {second}"
            )
        rest = [n for i, n in enumerate(first) if i not in (0, a)] + [n for i, n in enumerate(second) if i not in (0, b)]
        return (first[0], *rest) if rest else (first[0], 1)


def _known(sizes: list[Any]) -> list[Any]:
    """Sizes for unflatten: one that is unknown becomes -1."""
    if sum(size is None for size in sizes) > 1:
        raise Fact(f"needs at most one unknown size in what it keeps of an input, got {tuple(sizes)}")
    return [-1 if size is None else size for size in sizes]


OneTensor = TypeVar("OneTensor", SymbolicTensor, Tensor)


class Merging(Protocol):
    """A functional twin: tensors in, a tensor out."""

    def __call__(self, inputs: Sequence[OneTensor], **kwargs: Any) -> OneTensor: ...


def _function(layer: type[Layer]) -> Merging:
    def function(inputs: Sequence[Any], **kwargs: Any) -> Any:
        return layer(**kwargs)(inputs)

    function.__name__ = function.__qualname__ = layer.__name__.lower()
    function.__doc__ = f"`{layer.__name__}(**kwargs)(inputs)`."
    return cast("Merging", function)


add, subtract, multiply, average, maximum, minimum = map(_function, (Add, Subtract, Multiply, Average, Maximum, Minimum))


def concatenate(inputs: Sequence[OneTensor], axis: int = -1, **kwargs: Any) -> OneTensor:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return cast("Any", Concatenate(axis=axis, **kwargs)(inputs))


def dot(inputs: Sequence[OneTensor], axes: Any = -1, **kwargs: Any) -> OneTensor:
    """`Dot(axes, **kwargs)(inputs)`."""
    return cast("Any", Dot(axes=axes, **kwargs)(inputs))
