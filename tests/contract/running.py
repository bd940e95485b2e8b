"""What the contract's tests share: a row's layer, its inputs, its model, and comparing results."""

from __future__ import annotations

import copy
import zlib
from typing import Any

import torch
from tests.parity.rows.row import made
from torch import Tensor

import layergraph
from layergraph import layers

from .rows import Row, Shape, Wrong


def make(row: Row, **more: Any) -> Any:
    return getattr(layers, row.layer)(**made(copy.deepcopy(row.kwargs), _class), **more)


def _class(name: str) -> Any:
    return getattr(layers, name, None) or getattr(layergraph, name)


def values(row: Row, batch: int = 2, shapes: tuple[tuple[int, ...], ...] | None = None) -> list[Tensor]:
    """The row's inputs with another batch size, the same for the same row."""
    generator = torch.Generator().manual_seed(zlib.crc32(row.layer.encode()))
    sized = [(batch, *shape[1:]) for shape in shapes or row.inputs]

    def drawn(index: int, shape: tuple[int, ...]) -> Tensor:
        if index in row.masks:
            mask = torch.rand(shape, generator=generator) < 0.6
            mask[..., 0] = True
            return mask
        return torch.randint(0, row.integers, shape, generator=generator) if row.integers else torch.randn(shape, generator=generator)

    return [drawn(index, shape) for index, shape in enumerate(sized)]


def apply(row: Row, layer: Any, inputs: Any, bare: bool = False) -> list[Any]:
    """The outputs, as a list, of a layer on tensors or symbols in the row's form."""
    args, words = arguments(row, inputs, bare)
    return listed(layer(*args, **words))


def arguments(row: Row, inputs: Any, bare: bool = False) -> tuple[list[Any], dict[str, Any]]:
    """(by position, by keyword): the inputs in the row's form."""
    given = list(inputs)
    named = _by_name(row.named, given[len(given) - len(row.named) :]) | row.call
    given = given[: len(given) - len(row.named)]
    if row.form == "list" and not bare:
        return [given], named
    if row.form == "initial_state" and len(given) > 1:
        return given[:1], {"initial_state": given[1:], **named}
    if row.form == "states":
        return [given[0], given[1:]], named
    if row.form == "stacked_states":
        return [given[0], [given[1:3], given[3]]], named
    return (given if row.form == "several" else given[:1]), named


def shapes_for(row: Row, shapes: list[Any]) -> list[Any]:
    """What `compute_output_shape` takes: the shape of the first argument, or of each."""
    args, _ = arguments(row, shapes)
    return args if row.form == "several" else [args[0] if row.form == "list" else shapes[0]]


def _by_name(words: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    """The values by their keywords, `mask:0` and `mask:1` as one list, None where there is none."""
    found: dict[str, Any] = {}
    for word, value in zip(words, values, strict=True):
        name, several, place = word.partition(":")
        if several:
            found.setdefault(name, [None, None])[int(place)] = value
        else:
            found[name] = value
    return found


def listed(results: Any) -> list[Any]:
    """What stands in a nest of lists and tuples, in order."""
    return [leaf for each in results for leaf in listed(each)] if isinstance(results, list | tuple) else [results]


def shapes_in(nest: Any) -> list[tuple[int | None, ...]]:
    """The shapes in a nest of them."""
    if all(size is None or isinstance(size, int) for size in nest):
        return [tuple(nest)]
    return [shape for each in nest for shape in shapes_in(each)]


def built(row: Row, **more: Any) -> Any:
    """The row's layer, in eval mode, with a state that is nowhere 0 or 1. Buffers that are no state are what the arguments make them."""
    layer = make(row, **more).eval()
    with torch.no_grad():
        apply(row, layer, values(row))
        generator = torch.Generator().manual_seed(7)
        for tensor in layer.state_dict().values():
            if tensor.is_floating_point():
                drawn = torch.rand(tensor.shape, generator=generator) + 0.5
                tensor.copy_(drawn.sort().values if tensor.ndim == 1 else drawn)  # boundaries ascend
    return layer


def symbols(row: Row, unknown: tuple[int, ...] = (), shapes: tuple[Shape, ...] | None = None) -> list[Any]:
    """An Input for each of the row's inputs, the batch and these axes unknown; or for each of other shapes."""
    given = shapes or with_unknown(row, unknown)
    return [layergraph.Input(batch_shape=shape, dtype=dtype_of(row, index)) for index, shape in enumerate(given)]


def dtype_of(row: Row, index: int) -> str:
    return "bool" if index in row.masks else "int64" if row.integers else "float32"


def with_unknown(row: Row, axes: tuple[int, ...]) -> tuple[Shape, ...]:
    """The row's shapes, None for the batch and on these axes of the inputs that have the most, and of masks; a 1 stays: it broadcasts."""
    rank = max(map(len, row.inputs))
    gone = [(0, *axes) if len(shape) == rank or index in row.masks else (0,) for index, shape in enumerate(row.inputs)]
    return tuple(
        tuple(None if axis == 0 or (axis in which and size != 1) else size for axis, size in enumerate(shape))
        for shape, which in zip(row.inputs, gone, strict=True)
    )


def larger(row: Row, more: int) -> tuple[tuple[int, ...], ...]:
    """The row's shapes with its unknown axes longer by so much."""
    known = with_unknown(row, row.unknown)
    return tuple(
        tuple(n + more if axis and free is None else n for axis, (n, free) in enumerate(zip(shape, frees, strict=True)))
        for shape, frees in zip(row.inputs, known, strict=True)
    )


def model_of(row: Row, layer: Any, unknown: tuple[int, ...] = ()) -> Any:
    ins = symbols(row, unknown)
    outs = apply(row, layer, ins)
    return layergraph.Model(ins if len(ins) > 1 else ins[0], outs if len(outs) > 1 else outs[0])


def equal(got: Any, wanted: Any) -> None:
    """The same numbers but for rounding, the same shapes and dtypes."""
    assert len(listed(got)) == len(listed(wanted))
    for a, b in zip(listed(got), listed(wanted), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def gradients(function: Any, inputs: list[Tensor], weights: list[Tensor]) -> list[Tensor | None]:
    """Of the sum of all outputs times fixed numbers, with respect to the float inputs and the weights."""
    leaves = [x.detach().clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    total = sum((y * torch.linspace(-1, 2, y.numel()).reshape(y.shape)).sum() for y in listed(function(*leaves)))
    wanted = [x for x in leaves if x.is_floating_point()] + list(weights)
    if not wanted or not isinstance(total, Tensor) or not total.requires_grad:
        return [None] * len(wanted)
    return list(torch.autograd.grad(total, wanted, allow_unused=True))


def provoke(row: Row, wrong: Wrong, how: str) -> None:
    """Make the mistake, in a layer named 'culprit', on "symbols" or "tensors"."""
    if wrong.built:
        layer = built(row, name="culprit")
    else:
        kwargs = row.kwargs if wrong.kwargs is None else wrong.kwargs
        layer = getattr(layers, row.layer)(**made(copy.deepcopy(kwargs), _class), name="culprit")
    given = symbols(row, shapes=wrong.inputs) if how == "symbols" else [torch.ones(shape) for shape in wrong.inputs or ()]
    apply(row, layer, given, bare=wrong.bare)
