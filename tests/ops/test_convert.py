"""How arguments become tensors, and what dtypes promote to."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import Input, config, ops
from layergraph.errors import Fact
from layergraph.ops.convert import common_dtype, floating, promoted, tensor

from .golden import FOLDER

KERAS: dict[str, Any] = json.loads((FOLDER / "dtypes.json").read_text(encoding="utf-8"))
NARROW = {"int64": "int32", "float64": "float32", "complex128": "complex64"}
WEAK = {"int": 1, "float": 0.5}


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("given", [row[0] for row in KERAS["made"]])
def test_numbers_and_lists_get_the_dtypes_of_keras(given: str) -> None:
    wanted, shape = next(row[1:] for row in KERAS["made"] if row[0] == given)
    made = tensor(eval(given, {"np": np}))
    assert (name(made.dtype), list(made.shape)) == (wanted, shape)


@pytest.mark.parametrize(("one", "other", "wanted"), KERAS["promoted"])
def test_dtypes_promote_as_in_keras(one: str, other: str, wanted: str) -> None:
    """By the same table, except that 64 bits stay."""
    given = [WEAK.get(each) or torch.ones(2, dtype=getattr(torch, each)) for each in (one, other)]
    got = name(common_dtype(*given))
    if wanted == NARROW.get(got):
        assert {one, other} & set(NARROW)
    else:
        assert got == wanted
    assert all(name(x.dtype) == got for x in promoted(*given))


def test_tensors_and_symbols_pass() -> None:
    x, symbol = torch.ones(2), Input(shape=(3,))
    assert tensor(x) is x
    assert tensor(symbol) is symbol
    assert floating(symbol) is symbol
    assert tensor(x, "float16").dtype == torch.float16
    assert tensor(symbol, "int32").dtype == "int32"


def test_an_array_is_not_copied() -> None:
    array = np.ones(3, np.float32)
    assert tensor(array).data_ptr() == array.ctypes.data


@pytest.mark.parametrize("number", [np.float64(0.5), 0.5])
def test_a_double_of_numpys_is_a_number(number: Any) -> None:
    x = torch.ones(2, dtype=torch.float16)
    for got in (ops.add(x, number), ops.subtract(number, x), ops.maximum(x, number), ops.logaddexp(number, x)):
        assert got.dtype == torch.float16


def test_lists_hold_tensors_and_symbols() -> None:
    symbol = Input(shape=(3,))
    assert tensor([symbol, symbol]).shape == (2, None, 3)
    assert tensor([torch.ones(2), [1, 2]]).tolist() == [[1, 1], [1, 2]]
    assert tensor([[torch.tensor(1), 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("given", [None, "a", object(), [1, None], ["a", "b"], {"a": 1}])
def test_what_is_no_tensor(given: Any) -> None:
    with pytest.raises((Fact, ValueError, TypeError)):
        tensor(given)
    with pytest.raises(ValueError, match=r"^ops\.add: "):
        ops.add(given, torch.ones(2))


def test_floatx_is_the_float() -> None:
    config.set_floatx("float64")
    try:
        assert tensor(0.5).dtype == torch.float64
        assert ops.exp(torch.tensor(1)).dtype == torch.float64
        assert ops.add(torch.tensor([1]), 0.5).dtype == torch.float64
        assert ops.add(torch.ones(1), 0.5).dtype == torch.float32
        assert ops.zeros(2).dtype == torch.float64
    finally:
        config.set_floatx("float32")


def test_no_number_becomes_a_constant_of_the_graph() -> None:
    """A number beside a symbol is no buffer: it would stand in the state_dict."""
    from layergraph import Model

    x = Input(shape=(3,))
    y = ops.where(ops.maximum(x, 0) > 1, ops.logaddexp(x, 0.5), ops.arctan2(ops.clip(x, -1, 1.5), 2))
    assert dict(Model(x, y).state_dict()) == {}
