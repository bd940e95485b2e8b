"""Every row of the table of ops against what Keras gave for it: on tensors, on numpy arrays, on symbols and in the lowered model."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import Input, Model, ops
from layergraph.config import standardize_dtype
from layergraph.errors import SymbolicError
from layergraph.graph.structure import leaves
from layergraph.graph.symbolic import SymbolicTensor

from . import golden
from .ours import OURS
from .rows import A, Row, families

FAMILIES = families()
ROWS = [pytest.param(family, row, id=row.id) for family, rows in FAMILIES.items() for row in rows]
SYMBOLIC = [param for param in ROWS if param.values[1].symbolic != "refused" and param.values[1].arrays]
REFUSED = [param for param in ROWS if param.values[1].symbolic == "refused"]
WIDE = {"int32": "int64", "float32": "float64", "complex64": "complex128"}
# They take the number of points as a tensor too, and read it.
READ = ("bartlett", "blackman", "hamming", "hanning")
LIMITS = {"float16": 2e-3, "bfloat16": 1.6e-2}
"""The largest relative error, where it is not 1e-5: a rounding or two."""


def find(name: str) -> Any:
    function: Any = ops
    for part in name.split("."):
        function = getattr(function, part)
    return function


def as_tensor(array: A) -> torch.Tensor:
    return torch.as_tensor(array.values.copy(), dtype=getattr(torch, array.dtype))


def as_numpy(array: A) -> Any:
    return as_tensor(array) if array.dtype == "bfloat16" else array.values.copy()


def misses(got: Any, wanted: Any, wide: bool = False) -> str | None:
    """What is wrong with a result, in a few words, or None."""
    if isinstance(wanted, list | tuple):
        if type(got) is not type(wanted) and not (isinstance(wanted, tuple) and isinstance(got, tuple)):
            return f"a {type(got).__name__}, and wanted a {type(wanted).__name__}"
        if len(got) != len(wanted):
            return f"{len(got)} items, and wanted {len(wanted)}"
        return next((m for m in (misses(*each, wide) for each in zip(got, wanted, strict=True)) if m), None)
    if not isinstance(wanted, golden.Result):
        return None if type(got) is type(wanted) and got == wanted else f"{got!r}, and wanted {wanted!r}"
    if not isinstance(got, torch.Tensor):
        return f"{got!r} is no tensor"
    dtype = WIDE.get(wanted.dtype, wanted.dtype) if wide else wanted.dtype
    if standardize_dtype(got.dtype) != dtype:
        return f"{got.dtype}, and wanted {dtype}"
    if tuple(got.shape) != wanted.values.shape:
        return f"shape {tuple(got.shape)}, and wanted {wanted.values.shape}"
    return off(got, wanted)


def off(got: torch.Tensor, wanted: golden.Result) -> str | None:
    exact = not (got.is_floating_point() or got.is_complex())
    values = got.detach().resolve_conj()
    values = (values if exact or values.is_complex() else values.double()).numpy()
    if exact:
        return None if np.array_equal(values, wanted.values) else f"{values}, and wanted {wanted.values}"
    limit = LIMITS.get(wanted.dtype, 1e-5)
    largest = np.abs(wanted.values[np.isfinite(wanted.values)]).max(initial=0)
    close = np.isclose(values, wanted.values.astype(values.dtype), rtol=limit, atol=limit * 0.1 * min(float(largest), 1), equal_nan=True)
    return None if close.all() else f"{values[~close][:4]}, and wanted {wanted.values[~close][:4]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_goldens_are_those_of_the_table(family: str) -> None:
    assert golden.about(family)["keras"] == "3.15.1"
    assert golden.rows(family) == [row.id for row in FAMILIES[family]], "run record.py again"


@pytest.mark.parametrize(("family", "row"), ROWS)
def test_on_tensors(family: str, row: Row) -> None:
    args, kwargs = row.filled(as_tensor)
    before = [leaf.clone() for leaf in leaves([args, kwargs]) if isinstance(leaf, torch.Tensor)]
    assert misses(find(row.op)(*args, **kwargs), golden.result(family, row.id), row.wide) is None
    after = [leaf for leaf in leaves([args, kwargs]) if isinstance(leaf, torch.Tensor)]
    assert all(torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) for x, y in zip(before, after, strict=True)), "an argument was changed"


@pytest.mark.parametrize(("family", "row"), [param for param in ROWS if param.values[1].arrays])
def test_on_numpy_arrays(family: str, row: Row) -> None:
    args, kwargs = row.filled(as_numpy)
    assert misses(find(row.op)(*args, **kwargs), golden.result(family, row.id), row.wide) is None


@pytest.mark.parametrize(("family", "row"), [param for param in SYMBOLIC if param.values[1].op not in READ])
def test_on_another_device(family: str, row: Row) -> None:
    """Whatever an op makes stands beside the tensors that it was given; lists and numbers go to them."""
    args, kwargs = row.filled(lambda array: as_tensor(array).to("meta"))
    for got, wanted in zip(leaves(find(row.op)(*args, **kwargs)), leaves(golden.result(family, row.id)), strict=True):
        if isinstance(got, torch.Tensor):
            assert got.device.type == ("cpu" if row.op == "size" else "meta")
            assert got.shape == wanted.values.shape
            assert standardize_dtype(got.dtype) == (WIDE.get(wanted.dtype, wanted.dtype) if row.wide else wanted.dtype)


def torchs(node: torch.fx.Node) -> bool:
    """Whether a node calls torch or Python's operators, and nothing of ours."""
    if node.op == "call_function":
        return node.target in (getattr, *vars(operator).values()) or (node.target.__module__ or "torch").split(".")[0] == "torch"
    return node.op in ("placeholder", "output", "get_attr") or (node.op == "call_method" and hasattr(torch.Tensor, node.target))


def called_on_symbols(row: Row) -> tuple[list[SymbolicTensor], Any]:
    symbols: list[SymbolicTensor] = []

    def symbol(array: A) -> Any:
        if not array.values.ndim:
            return as_tensor(array)
        shape = array.values.shape
        symbols.append(Input(batch_shape=(None, *shape[1:]) if row.symbolic == "batch" else shape, dtype=array.dtype))
        return symbols[-1]

    args, kwargs = row.filled(symbol)
    return symbols, find(row.op)(*args, **kwargs)


@pytest.mark.parametrize(("family", "row"), SYMBOLIC)
def test_on_symbols(family: str, row: Row) -> None:
    symbols, result = called_on_symbols(row)
    wanted = golden.result(family, row.id)
    made = [leaf for leaf in leaves(result) if isinstance(leaf, SymbolicTensor)]
    if not made:
        assert misses(result, wanted, row.wide) is None
        return
    model = Model(symbols, made)
    assert [node.target for node in model.graph.nodes if not torchs(node) and node.target.__name__ not in OURS] == []
    got = leaves(model(*(as_tensor(array) for array in row.arrays if array.values.ndim)))
    assert len(got) == len(leaves(wanted))
    for spec, tensor, each in zip(made, got, leaves(wanted), strict=True):
        assert misses(tensor, each, row.wide) is None
        assert spec.dtype == standardize_dtype(tensor.dtype)
        assert len(spec.shape) == tensor.ndim
        assert all(size in (None, real) for size, real in zip(spec.shape, tensor.shape, strict=True)), f"{spec.shape} for {tensor.shape}"


@pytest.mark.parametrize(("family", "row"), REFUSED)
def test_refused_on_symbols(family: str, row: Row) -> None:
    with pytest.raises(SymbolicError, match=rf"^ops\.{row.op}: .* depends on values"):
        called_on_symbols(row)
