"""The recurrent modules against torch's own: the same numbers, gradients and state_dict, and one graph under torch.compile."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from layergraph.errors import ShapeError
from layergraph.nn.recurrent import GRU, LSTM, RNN

PAIRS = [(LSTM, nn.LSTM, 2), (GRU, nn.GRU, 1), (RNN, nn.RNN, 1)]
every_pair = pytest.mark.parametrize(("ours", "theirs", "states"), PAIRS, ids=["LSTM", "GRU", "RNN"])
every_kind = pytest.mark.parametrize(("kind", "states"), [(LSTM, 2), (GRU, 1), (RNN, 1)], ids=["LSTM", "GRU", "RNN"])


def _pair(ours: Any, theirs: Any, bias: bool = True, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    twin = theirs(4, 5, bias=bias, batch_first=True).to(dtype)
    made = ours(4, 5, bias=bias).to(dtype)
    made.load_state_dict(twin.state_dict(), strict=True)
    return made, twin


def _flat(results: Any) -> list[torch.Tensor]:
    """(output, last h, ...) with states of shape (B, hidden), of either kind of module."""
    output, *states = results
    states = states[0] if isinstance(states[0], tuple) else states
    return [output, *(state.squeeze(0) if state.ndim == 3 else state for state in states)]


def _grads(results: list[torch.Tensor], leaves: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(sum((y * torch.linspace(-1, 2, y.numel()).reshape(y.shape)).sum() for y in results), leaves)


@every_pair
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_numbers_and_gradients_are_torchs(ours: Any, theirs: Any, states: int, given: bool, bias: bool, training: bool) -> None:
    made, twin = _pair(ours, theirs, bias)
    made.train(training), twin.train(training)
    x = torch.randn(3, 6, 4, requires_grad=True)
    hidden = [torch.randn(3, 5, requires_grad=True) for _ in range(states if given else 0)]
    stacked = [h.unsqueeze(0) for h in hidden]
    got = _flat(made(x, *hidden))
    wanted = _flat(twin(x, (tuple(stacked) if states == 2 else stacked[0]) if given else None))
    torch.testing.assert_close(got, wanted)
    learnt = [name for name, _ in made.named_parameters()]
    gradients = _grads(got, [x, *hidden, *made.parameters()])
    torch.testing.assert_close(gradients, _grads(wanted, [x, *hidden, *(twin.get_parameter(name) for name in learnt)]))
    assert all(grad.abs().max() > 0 for grad in gradients)


@every_pair
def test_the_last_state_is_the_last_output(ours: Any, theirs: Any, states: int) -> None:
    output, last, *_ = ours(4, 5)(torch.randn(3, 6, 4))
    assert torch.equal(output[:, -1], last)


@every_pair
def test_a_state_dict_goes_both_ways(ours: Any, theirs: Any, states: int) -> None:
    made, _ = _pair(ours, theirs)
    assert list(made.state_dict()) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    other = theirs(4, 5, batch_first=True)
    other.load_state_dict(made.state_dict(), strict=True)
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(_flat(other(x)), _flat(made(x)))


@pytest.mark.parametrize(("kind", "learns"), [(LSTM, False), (RNN, False), (GRU, True)])
def test_the_second_bias_learns_in_a_gru_only(kind: Any, learns: bool) -> None:
    module = kind(4, 5)
    assert ("bias_hh_l0" in dict(module.named_parameters())) is learns
    assert learns or torch.equal(module.bias_hh_l0, torch.zeros(module.gates * 5))


@every_kind
def test_parameters_are_drawn_as_torch_draws_them(kind: Any, states: int) -> None:
    torch.manual_seed(0)
    limit = 100**-0.5
    for parameter in kind(30, 100).parameters():
        assert 0.95 * limit < parameter.abs().max() <= limit
        assert parameter.std().item() == pytest.approx(limit / 3**0.5, rel=0.1)


@every_kind
def test_one_state_serves_the_whole_batch(kind: Any, states: int) -> None:
    module = kind(4, 5)
    x, one = torch.randn(3, 6, 4), [torch.randn(1, 5, requires_grad=True) for _ in range(states)]
    got, wanted = module(x, *one), module(x, *(h.expand(3, 5).clone() for h in one))
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(_grads(list(got), one), _grads(list(wanted), one))


@every_kind
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(kind: Any, states: int, dtype: torch.dtype) -> None:
    module = kind(4, 5).to(dtype)
    assert [y.dtype for y in module(torch.randn(3, 6, 4, dtype=dtype))] == [dtype] * (1 + states)


@every_kind
def test_an_empty_batch(kind: Any, states: int) -> None:
    assert [tuple(y.shape) for y in kind(4, 5)(torch.ones(0, 6, 4))] == [(0, 6, 5), *[(0, 5)] * states]


WRONG_INPUTS = [(6, 4), (3, 6, 3), (3, 6, 5), (3, 6, 4, 1)]


@every_kind
@pytest.mark.parametrize("shape", WRONG_INPUTS, ids=str)
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no_grad"])
def test_wrong_inputs_are_refused(kind: Any, states: int, shape: tuple[int, ...], grad: bool) -> None:
    """torch.lstm on the CPU reads past the end of a wrong size without an error, so this check is ours."""
    with torch.set_grad_enabled(grad), pytest.raises(ShapeError) as caught:
        kind(4, 5)(torch.ones(shape))
    assert caught.value.what == f"{kind.__name__} expects an input of shape (batch, steps, 4), got {shape}"


@every_kind
@pytest.mark.parametrize("shape", [(3, 4), (3, 6), (5,), (1, 3, 5)], ids=str)
def test_wrong_states_are_refused(kind: Any, states: int, shape: tuple[int, ...]) -> None:
    for place in range(states):
        given = [torch.ones(3, 5)] * states
        given[place] = torch.ones(shape)
        with pytest.raises(ShapeError) as caught:
            kind(4, 5)(torch.ones(3, 6, 4), *given)
        assert caught.value.what == f"{kind.__name__} expects states of shape (batch, 5), got {shape}"


@every_kind
def test_states_of_another_batch_are_refused(kind: Any, states: int) -> None:
    with pytest.raises(RuntimeError, match="expanded size"):
        kind(4, 5)(torch.ones(3, 6, 4), *[torch.ones(2, 5)] * states)


@every_kind
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_are_equal(kind: Any, states: int, how: str) -> None:
    module = kind(4, 5)
    twin = copy.deepcopy(module) if how == "deepcopy" else pickle.loads(pickle.dumps(module))
    x = torch.randn(3, 6, 4)
    torch.testing.assert_close(twin(x), module(x), rtol=0, atol=0)
    assert repr(twin) == repr(module) == f"{kind.__name__}(4, 5)"


@every_kind
def test_functional_call_takes_other_weights(kind: Any, states: int) -> None:
    module, other = kind(4, 5), kind(4, 5)
    x = torch.randn(3, 6, 4)
    torch.testing.assert_close(torch.func.functional_call(module, other.state_dict(), (x,)), other(x))


# Each case compiles anew: inductor, which takes seconds for every step that it unrolls, gets the layer that it does not unroll.
COMPILED = [
    (LSTM, 2, "aot_eager", False),
    (LSTM, 2, "inductor", True),
    *((k, 1, "aot_eager", d) for k in (GRU, RNN) for d in (False, True)),
]


@pytest.mark.parametrize(("kind", "states", "backend", "dynamic"), COMPILED, ids=lambda value: getattr(value, "__name__", str(value)))
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # inductor's own
def test_inference_compiles_in_one_graph(kind: Any, states: int, backend: str, dynamic: bool) -> None:
    torch._dynamo.reset()
    module = kind(4, 5).eval()
    compiled = torch.compile(module, fullgraph=True, backend=backend, dynamic=dynamic)
    with torch.no_grad():
        for batch in (3, 7) if dynamic else (3,):
            x, given = torch.randn(batch, 2, 4), [torch.randn(batch, 5) for _ in range(states)]
            torch.testing.assert_close(compiled(x), module(x))
            torch.testing.assert_close(compiled(x, *given), module(x, *given))


@pytest.mark.parametrize("kind", [GRU, RNN])
def test_training_compiles_where_torch_has_no_fused_kernel(kind: Any) -> None:
    torch._dynamo.reset()
    module = kind(4, 5)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 2, 4)
    torch.testing.assert_close(_grads(list(compiled(x)), list(module.parameters())), _grads(list(module(x)), list(module.parameters())))


@every_kind
def test_exports_with_a_dynamic_batch(kind: Any, states: int) -> None:
    module = kind(4, 5).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    example = (torch.randn(3, 6, 4), *(torch.randn(3, 5) for _ in range(states)))
    exported = torch.export.export(module, example, dynamic_shapes=tuple({0: batch} for _ in example)).module()
    for size in (2, 9):
        others = (torch.randn(size, 6, 4), *(torch.randn(size, 5) for _ in range(states)))
        torch.testing.assert_close(exported(*others), module(*others))
