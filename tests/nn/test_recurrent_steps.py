"""Loops over time under torch.compile: one operator however many the steps, with the numbers and gradients of the eager loop."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph import activations
from layergraph.layers import GRU
from layergraph.nn import cells
from layergraph.nn.recurrence import steps

KINDS = [cells.LSTM, cells.GRU, cells.EarlyGRU, cells.RNN]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _made(kind: Any, activation: Any = F.softsign, dropout: float = 0.0, bias: bool = True) -> Any:
    torch.manual_seed(0)
    return kind(4, 5, bias=bias).equip(activation, torch.sigmoid, dropout, dropout).double()


def _inputs(module: Any, batch: int = 3, count: int = 6) -> list[Tensor]:
    x = torch.randn(batch, count, 4, dtype=torch.float64, requires_grad=True)
    return [x, *(torch.randn(batch, 5, dtype=torch.float64, requires_grad=True) for _ in module.names)]


def _slopes(results: Any, leaves: list[Tensor]) -> list[Tensor]:
    total = sum((y * torch.linspace(-1, 2, y.numel()).reshape(y.shape)).sum() for y in results)
    return list(torch.autograd.grad(total, leaves))


def _compiled(module: Any, backend: Any = "aot_eager", **words: Any) -> Any:
    torch._dynamo.reset()
    return torch.compile(module, fullgraph=True, backend=backend, **words)


@every_kind
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "no_mask"])
@pytest.mark.parametrize("dropout", [0.0, 0.5], ids=["plain", "dropout"])
def test_compiled_is_eager(kind: Any, bias: bool, masked: bool, dropout: float) -> None:
    module = _made(kind, bias=bias, dropout=dropout)
    leaves = _inputs(module)
    words = {"mask": torch.rand(3, 6) < 0.6} if masked else {}
    results = []
    for run in (_compiled(module), module):
        torch.manual_seed(1)
        found = run(*leaves, **words)
        results.append((found, _slopes(found, [*leaves, *module.parameters()])))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("used", [0, 1, -1], ids=["output", "h", "last"])
def test_results_that_are_not_used_have_no_gradient(kind: Any, used: int) -> None:
    module = _made(kind)
    leaves = _inputs(module)
    wanted_leaves = [*leaves, *module.parameters()]
    got, wanted = ([run(*leaves)[used]] for run in (_compiled(module), module))
    torch.testing.assert_close(_slopes(got, wanted_leaves), _slopes(wanted, wanted_leaves), rtol=1e-12, atol=1e-12)


@every_kind
def test_time_is_one_operator_in_the_graph(kind: Any) -> None:
    graphs: list[Any] = []

    def keep(graph: Any, _: Any) -> Any:
        graphs.append(graph)
        return graph

    _compiled(_made(kind), keep)(torch.randn(2, 500, 4).double())
    (graph,) = graphs
    assert [node.target for node in graph.graph.nodes if "layergraph" in str(node.target)] == [torch.ops.layergraph.steps.default]
    assert len(graph.graph.nodes) < 20


@every_kind
def test_one_dynamic_graph_takes_every_size(kind: Any) -> None:
    module = _made(kind)
    compiled = _compiled(module, dynamic=True)
    _slopes(compiled(*_inputs(module)), list(module.parameters()))
    for batch, count in ((3, 6), (7, 2), (4, 9)):
        leaves = _inputs(module, batch, count)
        with torch.compiler.set_stance("fail_on_recompile"):
            got = compiled(*leaves)
        wanted = module(*leaves)
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
        leaves += module.parameters()
        torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves), rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "no_mask"])
def test_opcheck(kind: Any, masked: bool) -> None:
    module = _made(kind)
    x, *states = _inputs(module)
    gates = module.project(x, None).detach().requires_grad_()
    mask = torch.rand(3, 6) < 0.6 if masked else None
    args = (gates, states, module.weight_hh_l0, module.bias_hh_l0, None, mask, module.arithmetic, list(module.places))
    torch.library.opcheck(torch.ops.layergraph.steps.default, args)
    grads = [None, *(torch.randn(3, 5).double() for _ in states)]
    plain = [leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in args]
    plain[1] = [state.detach() for state in states]
    torch.library.opcheck(torch.ops.layergraph.steps_backward.default, (grads, *plain))


@pytest.mark.parametrize("name", ["relu", "elu", "softmax", "linear", "hard_sigmoid", "gelu", "leaky_relu", "squareplus", "celu"])
def test_keras_activations_have_places(name: str) -> None:
    module = _made(cells.LSTM, activations.get(name))
    assert all(module.places)
    x = _inputs(module)[0]
    torch.testing.assert_close(_compiled(module)(x), module(x), rtol=1e-12, atol=1e-12)


def test_what_has_no_place_or_draws_numbers_is_unrolled() -> None:
    def bent(x: Tensor) -> Tensor:
        return torch.tanh(x) + 0.1 * x

    for function in (bent, lambda x: x, F.dropout, F.gumbel_softmax, torch.nn.ELU(), itertools.count):
        assert steps.place_of(function) == ""
    module = _made(cells.GRU, bent)
    leaves = [*_inputs(module), *module.parameters()]
    got, wanted = (run(*leaves[:2]) for run in (_compiled(module), module))
    torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves), rtol=1e-12, atol=1e-12)


def test_under_autocast_the_dtypes_are_those_of_the_loop() -> None:
    layer = GRU(5, activation="softsign", return_sequences=True)
    x = torch.randn(3, 6, 4)
    layer(x)
    compiled = _compiled(layer)
    with torch.autocast("cpu", torch.bfloat16):
        got, wanted = compiled(x), layer(x)
    assert got.dtype == wanted.dtype
    torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.02)


@every_kind
def test_an_exported_graph_has_no_operator_of_ours(kind: Any) -> None:
    module = _made(kind).eval()
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    exported = torch.export.export(module, (x,), strict=False)
    assert not [node for node in exported.graph.nodes if "layergraph" in str(node.target)]
    torch.testing.assert_close(exported.module()(x), module(x))
