"""Control flow, gradients of one's own and derivatives: eager, as in Keras, and refused on symbols with the words to type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import layergraph
from layergraph import Input, Model, ops
from layergraph.errors import ArgumentError, SymbolicError

ONE_TO_FOUR = torch.tensor([1.0, 2.0, 3.0, 4.0])


def add(a: Any, b: Any) -> Any:
    return a + b


def running(carry: Any, x: Any) -> Any:
    return carry + x, carry * x


EAGER = [
    ("cond true", lambda: ops.cond(True, lambda: 1, lambda: 2), 1),
    ("cond tensor", lambda: ops.cond(torch.tensor(False), lambda: 1, lambda: 2), 2),
    *(
        (f"switch {index}", lambda index=index: ops.switch(index, [lambda x: x + 1, lambda x: x * 10], 3), wanted)
        for index, wanted in ((0, 4), (1, 30), (-5, 4), (9, 30))
    ),
    ("switch tensor", lambda: ops.switch(torch.tensor(1), [lambda x: x + 1, lambda x: x * 10], 3), 30),
    ("while one", lambda: ops.while_loop(lambda i: i < 10, lambda i: i + 3, 1), torch.tensor(10, dtype=torch.int32)),
    (
        "while two",
        lambda: ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), [0, 1.5]),
        (torch.tensor(3, dtype=torch.int32), torch.tensor(12.0)),
    ),
    ("while limit", lambda: ops.while_loop(lambda i: True, lambda i: i + 1, 0, maximum_iterations=4), torch.tensor(4, dtype=torch.int32)),
    ("fori", lambda: ops.fori_loop(2, 5, lambda i, x: x + i, 10), 19),
    ("map", lambda: ops.map(lambda x: x * 2, ONE_TO_FOUR), ONE_TO_FOUR * 2),
    (
        "map nest",
        lambda: ops.map(lambda d: {"s": d["a"] + d["b"]}, {"a": np.array([1, 2]), "b": np.array([3, 4])}),
        {"s": torch.tensor([4, 6])},
    ),
    ("vectorized_map", lambda: ops.vectorized_map(lambda x: x.sum(), np.ones((2, 3), "float32")), torch.tensor([3.0, 3.0])),
    ("vectorized_map nest", lambda: ops.vectorized_map(lambda xs: xs[0] * xs[1], (ONE_TO_FOUR, ONE_TO_FOUR)), ONE_TO_FOUR**2),
    ("scan", lambda: ops.scan(running, 0.0, ONE_TO_FOUR), (torch.tensor(10.0), torch.tensor([0.0, 2.0, 9.0, 24.0]))),
    ("scan reverse", lambda: ops.scan(running, 0.0, ONE_TO_FOUR, reverse=True), (torch.tensor(10.0), torch.tensor([9.0, 14.0, 12.0, 0.0]))),
    (
        "scan length",
        lambda: ops.scan(lambda c, x: (c * 2, c), 1, length=3, unroll=True),
        (torch.tensor(8, dtype=torch.int32), torch.tensor([1, 2, 4], dtype=torch.int32)),
    ),
    (
        "scan nests",
        lambda: ops.scan(lambda c, x: ((c[0] + x["a"],), [x["a"], c[0]]), (0.0,), {"a": ONE_TO_FOUR}),
        ((torch.tensor(10.0),), [ONE_TO_FOUR, torch.tensor([0.0, 1.0, 3.0, 6.0])]),
    ),
    *(
        (f"associative_scan {n}", lambda n=n: ops.associative_scan(add, torch.arange(n)), torch.arange(n).cumsum(0))
        for n in (1, 2, 3, 7, 8)
    ),
    ("associative_scan reverse", lambda: ops.associative_scan(add, ONE_TO_FOUR, reverse=True), torch.tensor([10.0, 9.0, 7.0, 4.0])),
    (
        "associative_scan axis",
        lambda: ops.associative_scan(torch.matmul, torch.ones(3, 2, 2)),
        torch.stack([torch.ones(2, 2), torch.full((2, 2), 2.0), torch.full((2, 2), 4.0)]),
    ),
    (
        "associative_scan nest",
        lambda: ops.associative_scan(lambda a, b: (a[0] + b[0], a[1] * b[1]), (ONE_TO_FOUR, ONE_TO_FOUR)),
        (torch.tensor([1.0, 3.0, 6.0, 10.0]), torch.tensor([1.0, 2.0, 6.0, 24.0])),
    ),
]


@pytest.mark.parametrize(("call", "wanted"), [pytest.param(*row[1:], id=row[0]) for row in EAGER])
def test_eager(call: Any, wanted: Any) -> None:
    torch.testing.assert_close(call(), wanted, rtol=0, atol=0)


x = Input((4,))
REFUSED = {
    "cond": lambda: ops.cond(x, lambda: 1, lambda: 2),
    "switch": lambda: ops.switch(0, [torch.relu], x),
    "while_loop": lambda: ops.while_loop(lambda i: i < 10, lambda i: i + 1, [x]),
    "fori_loop": lambda: ops.fori_loop(0, 3, lambda i, value: value + i, x),
    "scan": lambda: ops.scan(running, 0.0, xs={"a": x}),
    "associative_scan": lambda: ops.associative_scan(add, x, axis=1),
    "map": lambda: ops.map(torch.relu, x),
    "vectorized_map": lambda: ops.vectorized_map(torch.relu, x),
    "custom_gradient": lambda: ops.custom_gradient(lambda value: (value, lambda *args, upstream: upstream))(x),
    "jvp": lambda: ops.jvp(torch.relu, (x,), (x,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_on_symbols(name: str) -> None:
    with pytest.raises(SymbolicError, match=rf"^ops\.{name}: .* depends on values") as caught:
        REFUSED[name]()
    assert "call() of a custom Layer" in str(caught.value)
    assert __file__ in str(caught.value)


def test_a_function_closed_over_a_symbol_is_refused() -> None:
    with pytest.raises(SymbolicError, match=r"^ops\.cond"):
        ops.cond(True, lambda: x + 1, lambda: x)


def test_what_the_users_function_raises_is_theirs() -> None:
    def fails(i: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ops.while_loop(lambda i: True, fails, 0)


def test_inside_a_custom_layer_they_work() -> None:
    class Powers(layergraph.Layer):
        def call(self, x: Any) -> Any:
            return ops.fori_loop(0, 3, lambda i, value: value * x, x)

    given = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    torch.testing.assert_close(Model(x, Powers()(x))(given), given**4)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ops.scan(running, 0.0), r"^ops\.scan: got neither xs to scan over nor a length"),
        (
            lambda: ops.associative_scan(add, (torch.ones(2), torch.ones(3))),
            r"^ops\.associative_scan: the tensors differ in size along axis 0",
        ),
    ],
)
def test_wrong_arguments(call: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        call()


def test_custom_gradient() -> None:
    @ops.custom_gradient
    def log1pexp(x: Any) -> Any:
        e = torch.exp(x)
        return torch.log(1 + e), lambda x, upstream: upstream * (1 - 1 / (1 + torch.exp(x)))

    at = torch.tensor([0.0, 100.0], requires_grad=True)
    log1pexp(at)[0].backward()
    torch.testing.assert_close(at.grad, torch.tensor([0.5, 0.0]))


def test_custom_gradient_of_several_tensors_and_a_number() -> None:
    @ops.custom_gradient
    def scaled(x: Any, y: Any, factor: float) -> Any:
        return (x * factor, y), lambda x, y, factor, upstream: (upstream[0] * 100, upstream[1] * x, None)

    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    first, second = scaled(a, b, 4.0)
    assert (first.item(), second.item()) == (8.0, 3.0)
    (first + second).backward()
    assert (a.grad.item(), b.grad.item()) == (100.0, 2.0)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, at its first forward derivative
def test_jvp() -> None:
    assert ops.jvp(lambda x: x * x, (torch.tensor(3.0),), (1.0,)) == (torch.tensor(9.0), torch.tensor(6.0))
    value, slope, aux = ops.jvp(lambda x: (x * x, x + 1), (torch.tensor(3.0),), (torch.tensor(1.0),), has_aux=True)
    assert (value.item(), slope.item(), aux.item()) == (9.0, 6.0, 4.0)
