"""Masks through the kernels, against the loop over time: the same numbers whatever the mask."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._dynamo.testing
from torch import Tensor

from layergraph.errors import ShapeError
from layergraph.nn import cells
from layergraph.nn.recurrence import masks

KINDS = [cells.LSTM, cells.GRU, cells.RNN]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
ROWS = {
    "right_padding": ["111000", "111111", "100000"],
    "left_padding": ["000111", "111111", "000001"],
    "holes": ["101010", "010011", "100001"],
    "nothing": ["000000", "001000", "000000"],
    "everything": ["111111", "111111", "111111"],
}
every_mask = pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)


def _mask(rows: list[str]) -> Tensor:
    return torch.tensor([[step == "1" for step in row] for row in rows])


def _made(kind: Any, dtype: torch.dtype = torch.float64, bias: bool = True) -> Any:
    torch.manual_seed(0)
    return kind(4, 5, bias=bias).to(dtype)


def _looped(module: Any, *args: Any, **words: Any) -> tuple[Tensor, ...]:
    module.standard = False
    try:
        return module(*args, **words)
    finally:
        module.standard = True


def _leaves(module: Any, states: int | None, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """An input, and states for `states` rows of a batch of 3; for None none are given."""
    x = torch.randn(3, 6, 4, dtype=dtype, requires_grad=True)
    return [x, *(torch.randn(states, 5, dtype=dtype, requires_grad=True) for _ in module.names if states)]


def _slopes(results: Any, leaves: list[Tensor]) -> list[Tensor]:
    total = sum((y * torch.linspace(-1, 2, y.numel()).reshape(y.shape)).sum() for y in results)
    return list(torch.autograd.grad(total, leaves))


@every_kind
@every_mask
@pytest.mark.parametrize("states", [None, 1, 3], ids=["no_states", "one_state", "states"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
def test_kernel_and_loop_are_equal(kind: Any, rows: list[str], states: int | None, bias: bool) -> None:
    module, mask = _made(kind, bias=bias), _mask(rows)
    leaves = _leaves(module, states)
    got, wanted = module(*leaves, mask=mask), _looped(module, *leaves, mask=mask)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
    leaves += module.parameters()
    torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves), rtol=1e-11, atol=1e-12)


@every_kind
@every_mask
def test_each_row_is_torch_over_its_valid_steps(kind: Any, rows: list[str]) -> None:
    """In float32 with oneDNN, and against sequences that were cut, not masked."""
    module, mask = _made(kind, torch.float32), _mask(rows)
    x, *states = (leaf.detach() for leaf in _leaves(module, 3, torch.float32))
    output, *last = module(x, *states, mask=mask)
    for row in range(3):
        first = [state[row : row + 1] for state in states]
        steps = x[row : row + 1, mask[row]]
        outputs, *wanted = module(steps, *first) if steps.shape[1] else (None, *first)
        torch.testing.assert_close([state[row : row + 1] for state in last], wanted)
        if outputs is not None:
            torch.testing.assert_close(output[row, mask[row]], outputs[0])


@every_kind
def test_without_last_the_outputs_are_the_same(kind: Any) -> None:
    module, mask = _made(kind), _mask(ROWS["holes"])
    leaves = _leaves(module, 3)
    got, wanted = module(*leaves, mask=mask, last=False), module(*leaves, mask=mask)
    torch.testing.assert_close(got[:2], wanted[:2], rtol=1e-12, atol=1e-12)


@every_kind
def test_what_stands_at_masked_steps_counts_for_nothing(kind: Any) -> None:
    module, mask = _made(kind), _mask(ROWS["holes"])
    x, *states = _leaves(module, 3)
    wild = torch.where(mask.unsqueeze(-1), x, 1e6).detach().requires_grad_()
    got, wanted = module(wild, *states, mask=mask), module(x, *states, mask=mask)
    torch.testing.assert_close(got, wanted, rtol=0, atol=0)
    of_x, *of_shared = _slopes(got, [wild, *states, *module.parameters()])
    torch.testing.assert_close(of_shared, _slopes(wanted, [*states, *module.parameters()]), rtol=0, atol=0)
    assert not of_x[~mask].any()


@every_kind
def test_states_that_stay_are_those_of_the_last_valid_steps(kind: Any) -> None:
    module, mask = _made(kind), _mask(ROWS["right_padding"])
    x = _leaves(module, None)[0].detach()
    _, *wanted = module(x, mask=mask)
    module.keep(3)
    module.double()(x, mask=mask, last=False)
    torch.testing.assert_close([getattr(module, name) for name in module.names], wanted)


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_dtype_stays_and_numbers_are_near(kind: Any, dtype: torch.dtype) -> None:
    module, mask = _made(kind), _mask(ROWS["holes"])
    leaves = [leaf.detach() for leaf in _leaves(module, 3)]
    wanted = module(*leaves, mask=mask)
    got = module.to(dtype)(*(leaf.to(dtype) for leaf in leaves), mask=mask)
    assert {y.dtype for y in got} == {dtype}
    near = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close([y.double() for y in got], list(wanted), rtol=near, atol=near)


@every_kind
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_under_autocast(kind: Any, compiled: bool) -> None:
    module, mask = _made(kind, torch.float32), _mask(ROWS["holes"])
    leaves = _leaves(module, 3, torch.float32)
    wanted = module(*leaves, mask=mask)
    torch._dynamo.reset()
    run = torch.compile(module, fullgraph=True, backend="aot_eager") if compiled else module
    with torch.autocast("cpu", torch.bfloat16):
        got = run(*leaves, mask=mask)
    torch.testing.assert_close([y.float() for y in got], list(wanted), rtol=0.05, atol=0.05)


@every_kind
@pytest.mark.parametrize("last", [True, False], ids=["last", "outputs"])
def test_one_compiled_graph_trains_with_every_mask(kind: Any, last: bool) -> None:
    module = _made(kind)
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend=counter)
    for rows in ROWS.values():
        leaves, mask = _leaves(module, 3), _mask(rows)
        got, wanted = (run(*leaves, mask=mask, last=last)[: 3 if last else 1] for run in (compiled, module))
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)
        leaves = leaves[: 3 if last else 2] + list(module.parameters())
        torch.testing.assert_close(_slopes(got, leaves), _slopes(wanted, leaves), rtol=1e-11, atol=1e-12)
    assert counter.frame_count == 1
    (graph,) = counter.graphs
    assert len(graph.graph.nodes) < 80


@every_kind
def test_an_exported_graph_takes_other_batches_and_has_no_operator_of_ours(kind: Any) -> None:
    module, mask = _made(kind).eval(), _mask(ROWS["holes"])
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    batch = torch.export.Dim("batch", min=2, max=64)
    shapes = {"x": {0: batch}, "mask": {0: batch}}
    exported = torch.export.export(module, (x,), {"mask": mask}, dynamic_shapes=shapes, strict=False)
    assert not [node for node in exported.graph.nodes if "layergraph" in str(node.target)]
    args = (torch.cat((x, -x)), torch.cat((mask, mask.flip(0))))
    torch.testing.assert_close(exported.module()(args[0], mask=args[1]), module(args[0], mask=args[1]))


@every_kind
def test_no_rows_and_no_steps(kind: Any) -> None:
    module = _made(kind)
    assert module(torch.ones(0, 6, 4).double(), mask=torch.ones(0, 6, dtype=torch.bool))[0].shape == (0, 6, 5)
    with pytest.raises(ShapeError, match="at least one step"):
        module(torch.ones(2, 0, 4).double(), mask=torch.ones(2, 0, dtype=torch.bool))


def test_rows_move_to_the_front_and_back() -> None:
    x = torch.arange(1.0, 9.0).reshape(2, 4, 1)
    moved, counts = masks.front(x, _mask(["0101", "1000"]))
    assert moved.squeeze(-1).tolist() == [[2, 4, 1, 3], [5, 6, 7, 8]]
    assert counts.tolist() == [[0, 1, 1, 2], [1, 1, 1, 1]]
    assert masks.spread(moved, counts).squeeze(-1).tolist() == [[0, 2, 2, 4], [5, 5, 5, 5]]
