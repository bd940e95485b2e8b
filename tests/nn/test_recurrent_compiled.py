"""The recurrent modules under torch.compile: one graph with one operator in it, trained like torch's own modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layergraph.nn.recurrence import kernel
from layergraph.nn.recurrent import GRU, LSTM, RNN, Recurrent

KINDS = [LSTM, GRU, RNN]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
inductor_warns = pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")


def _made(kind: Any, bias: bool = True, dtype: torch.dtype = torch.float32) -> Recurrent:
    torch.manual_seed(0)
    module = kind(4, 5, bias=bias).to(dtype)
    if bias:
        nn.init.uniform_(module.bias_hh_l0, -1, 1)
    return module


def _states(module: Recurrent, batch: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> list[Tensor]:
    return [torch.randn(batch, 5, dtype=dtype, device=device, requires_grad=True) for _ in range(2 if isinstance(module, LSTM) else 1)]


def _slopes(results: Any, leaves: list[Tensor]) -> list[Tensor]:
    """Gradients of a sum that weighs every element differently."""
    terms = ((y * torch.linspace(-1, 2, y.numel(), device=y.device).reshape(y.shape).to(y.dtype)).sum() for y in results)
    return list(torch.autograd.grad(sum(terms), leaves))


def _compiled(function: Callable[..., Any], backend: str = "aot_eager", **options: Any) -> Callable[..., Any]:
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend=backend, **options)


# ---- the operator against torch's functions -------------------------------------------------------------------------------------

# What rounding leaves: two orders of summation; and halves, which torch rounds after each operation and gradients.py at the end.
TOLERANCES = {
    torch.float64: {"rtol": 1e-12, "atol": 1e-12},
    torch.float32: {"rtol": 1e-5, "atol": 1e-5},
    torch.bfloat16: {"rtol": 0.05, "atol": 0.1},
    torch.float16: {"rtol": 0.01, "atol": 0.02},
}
SIZES = {"many": (3, 6), "one_row": (1, 6), "one_step": (3, 1), "no_rows": (0, 6)}


@every_kind
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("size", SIZES)
def test_the_operator_is_torchs_function(kind: Any, dtype: torch.dtype, bias: bool, size: str) -> None:
    module, (batch, steps) = _made(kind, bias, dtype), SIZES[size]
    x = torch.randn(batch, steps, 4, dtype=dtype, requires_grad=True)
    states = _states(module, batch, dtype)
    leaves = [x, *states, *module.parameters()]
    got, wanted = kernel.recurrent(x, states, module._weights(), module.kind), module(x, *states)
    # Where the processor has float16, oneDNN runs an LSTM in it, unless gradients are on.
    torch.testing.assert_close(got, wanted, **TOLERANCES[dtype] if dtype == torch.float16 else {"rtol": 0, "atol": 0})
    assert [y.stride() for y in got] == [y.stride() for y in wanted]
    torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves), **TOLERANCES[dtype])


@every_kind
@pytest.mark.parametrize("used", [0, 1, -1], ids=["output", "h", "last"])
def test_results_that_are_not_used_have_no_gradient(kind: Any, used: int) -> None:
    module = _made(kind, dtype=torch.float64)
    x, states = torch.randn(3, 6, 4, dtype=torch.float64, requires_grad=True), _states(module, 3, torch.float64)
    leaves = [x, *states, *module.parameters()]
    got, wanted = kernel.recurrent(x, states, module._weights(), module.kind)[used], module(x, *states)[used]
    torch.testing.assert_close(_slopes([got], leaves), _slopes([wanted], leaves), rtol=1e-12, atol=1e-12)


def test_without_onednn_an_lstm_trains_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    module = _made(LSTM)
    x, states = torch.randn(3, 6, 4, requires_grad=True), _states(module, 3)
    leaves = [x, *states, *module.parameters()]
    wanted = module(x, *states)
    slopes = _slopes(wanted, leaves)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    *got, kept = torch.ops.layergraph.recurrent(x, states, module._weights(), module.kind, True)
    assert not kept.numel()
    torch.testing.assert_close(got, list(wanted))
    torch.testing.assert_close(_slopes(got, leaves), slopes)


def test_no_steps_are_refused_as_torch_does() -> None:
    module = _made(GRU)
    with pytest.raises(RuntimeError, match="sequence length to be larger than 0"):
        kernel.recurrent(torch.ones(2, 0, 4), [torch.ones(2, 5)], module._weights(), module.kind)


def test_what_keeps_nothing_cannot_be_differentiated() -> None:
    module = _made(GRU)
    with pytest.raises(RuntimeError, match="without train=True"):
        torch.ops.layergraph.recurrent(torch.ones(2, 3, 4), [torch.ones(2, 5)], module._weights(), module.kind, False)


# ---- torch's own checks of an operator -------------------------------------------------------------------------------------------

CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
# The workspace of oneDNN is not the same bytes in two runs, nor is its size known while tracing: all but the last check.
OPAQUE = CHECKS[:3]


@every_kind
@pytest.mark.parametrize("train", [True, False], ids=["train", "inference"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
def test_opcheck(kind: Any, train: bool, dtype: torch.dtype, bias: bool) -> None:
    module = _made(kind, bias, dtype).requires_grad_(train)
    x = torch.randn(3, 6, 4, dtype=dtype, requires_grad=train)
    states = [state.detach().requires_grad_(train) for state in _states(module, 3, dtype)]
    opaque = train and kind is LSTM and dtype == torch.float32
    args = (x, states, module._weights(), module.kind, train)
    torch.library.opcheck(torch.ops.layergraph.recurrent.default, args, test_utils=OPAQUE if opaque else CHECKS)


@every_kind
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_opcheck_of_the_backward(kind: Any, needs: tuple[bool, bool], dtype: torch.dtype) -> None:
    module = _made(kind, dtype=dtype).requires_grad_(False)
    x, states = torch.randn(3, 6, 4, dtype=dtype), [state.detach() for state in _states(module, 3, dtype)]
    results = list(torch.ops.layergraph.recurrent(x, states, module._weights(), module.kind, True))
    grads = [torch.randn_like(results[0]), None, torch.randn_like(results[2]) if kind is LSTM else None]
    args = (grads, x, states, module._weights(), results, module.kind, *needs)
    opaque = kind is LSTM and dtype == torch.float32
    torch.library.opcheck(torch.ops.layergraph.recurrent_backward.default, args, test_utils=CHECKS[1:] if opaque else CHECKS)


def test_a_second_backward_is_the_same() -> None:
    """oneDNN's backward writes into its workspace (which is why opcheck's look at the schema is left out), not into what it reads."""
    module = _made(LSTM)
    x, states = torch.randn(3, 6, 4, requires_grad=True), _states(module, 3)
    output = kernel.recurrent(x, states, module._weights(), module.kind)[0]
    leaves = [x, *states, *module.parameters()]
    first = torch.autograd.grad(output.square().sum(), leaves, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(output.square().sum(), leaves), first, rtol=0, atol=0)


# ---- training ------------------------------------------------------------------------------------------------------------------

TRAINED = [(kind, "aot_eager", dynamic) for kind in KINDS for dynamic in (False, True)] + [
    (LSTM, "inductor", True),
    (GRU, "inductor", False),
]


@pytest.mark.parametrize(("kind", "backend", "dynamic"), TRAINED, ids=lambda value: getattr(value, "__name__", str(value)))
@inductor_warns
def test_training_compiles_in_one_graph(kind: Any, backend: str, dynamic: bool) -> None:
    module = _made(kind)
    compiled = _compiled(module, backend, dynamic=dynamic)
    for batch, steps in ((3, 6), (7, 2)) if dynamic else ((3, 6),):
        x, states = torch.randn(batch, steps, 4, requires_grad=True), _states(module, batch)
        leaves = [x, *states, *module.parameters()]
        got, wanted = compiled(x, *states), module(x, *states)
        torch.testing.assert_close(got, wanted)
        torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves))


@every_kind
def test_time_is_one_operator_in_the_graph(kind: Any) -> None:
    """However many steps: neither the graph nor the time to compile it grows with them."""
    graphs: list[Any] = []

    def keep(graph: Any, _: Any) -> Any:
        graphs.append(graph)
        return graph

    _compiled(_made(kind), keep)(torch.randn(2, 500, 4))
    (graph,) = graphs
    assert [node.target for node in graph.graph.nodes if "layergraph" in str(node.target)] == [torch.ops.layergraph.recurrent.default]
    assert len(graph.graph.nodes) < 20


@every_kind
@pytest.mark.parametrize("size", SIZES)
def test_small_sizes_and_strides(kind: Any, size: str) -> None:
    module, (batch, steps) = _made(kind), SIZES[size]
    x = torch.randn(4, steps, batch, requires_grad=True)
    leaves = [x, *module.parameters()]

    def run(x: Tensor) -> Any:
        return module(x.permute(2, 1, 0))

    got, wanted = _compiled(run)(x), run(x)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves))


@every_kind
def test_one_module_used_twice(kind: Any) -> None:
    torch.manual_seed(0)
    module = kind(5, 5)
    x = torch.randn(3, 6, 5, requires_grad=True)
    leaves = [x, *module.parameters()]

    def twice(x: Tensor) -> Any:
        output, *states = module(x)
        return module(output.flip(1), *states)

    got, wanted = _compiled(twice)(x), twice(x)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves))


@every_kind
@pytest.mark.parametrize("frozen", ["all", "recurrent", "none_but_x"])
def test_some_of_it_frozen(kind: Any, frozen: str) -> None:
    module = _made(kind)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(frozen == "recurrent" and name != "weight_hh_l0")
    x = torch.randn(3, 6, 4, requires_grad=frozen == "none_but_x")
    got, wanted = _compiled(module)(x), module(x)
    torch.testing.assert_close(got, wanted)
    leaves = [leaf for leaf in (x, *module.parameters()) if leaf.requires_grad]
    assert [y.requires_grad for y in got] == [bool(leaves)] * len(got)
    if leaves:
        torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves))


@every_kind
def test_other_dtypes_train_compiled(kind: Any) -> None:
    for dtype in (torch.float64, torch.bfloat16):
        module = _made(kind, dtype=dtype)
        x = torch.randn(3, 6, 4, dtype=dtype)
        got, wanted = _compiled(module)(x), module(x)
        torch.testing.assert_close(got, wanted)
        torch.testing.assert_close(_slopes(got, [*module.parameters()]), _slopes(wanted, [*module.parameters()]), **TOLERANCES[dtype])


@every_kind
@pytest.mark.parametrize("halved", [False, True], ids=["float_input", "half_input"])
def test_under_autocast(kind: Any, halved: bool) -> None:
    """The dtypes of torch's functions under autocast; a GRU on the CPU works in the state's, where torch rounds its products."""
    module = _made(kind)
    compiled = _compiled(module)
    x = torch.randn(3, 6, 4, dtype=torch.bfloat16 if halved else torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        got, wanted = compiled(x), module(x)
    assert [y.dtype for y in got] == [y.dtype for y in wanted]
    torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.02)
    leaves = list(module.parameters())
    slopes = _slopes(got, leaves)
    assert {slope.dtype for slope in slopes} == {torch.float32}
    torch.testing.assert_close(slopes, _slopes(wanted, leaves), **TOLERANCES[torch.bfloat16])


@every_kind
def test_a_step_of_an_optimizer_is_seen_by_the_compiled(kind: Any) -> None:
    module = _made(kind)
    compiled = _compiled(module)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    x = torch.randn(8, 6, 4)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (compiled(x)[0][:, -1] - 0.5).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    torch.testing.assert_close(compiled(x), module(x))


@every_kind
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not_strict"])
def test_an_exported_graph_is_torchs_alone(kind: Any, strict: bool) -> None:
    """It runs where layergraph is not: no operator of ours."""
    module = _made(kind).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(module, (torch.randn(3, 6, 4),), dynamic_shapes=({0: batch},), strict=strict)
    assert not [node for node in exported.graph.nodes if "layergraph" in str(node.target)]
    x = torch.randn(9, 6, 4)
    torch.testing.assert_close(exported.module()(x), module(x))
