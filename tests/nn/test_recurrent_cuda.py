"""The path over cuDNN: what can be said of it without a GPU, with a stand-in for cuDNN's two functions; and the rest with one."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from layergraph.nn.recurrence import cudnn, kernel
from layergraph.nn.recurrent import GRU, LSTM, RNN

PAIRS = [(LSTM, nn.LSTM), (GRU, nn.GRU), (RNN, nn.RNN)]
FUNCTIONS: dict[int, Any] = {cudnn.RNN: torch.rnn_tanh, cudnn.LSTM: torch.lstm, cudnn.GRU: torch.gru}
every_kind = pytest.mark.parametrize("kind", [LSTM, GRU, RNN], ids=lambda kind: kind.__name__)
every_pair = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["LSTM", "GRU", "RNN"])


# ---- without a GPU ---------------------------------------------------------------------------------------------------------------


def _places(shapes: list[torch.Size]) -> tuple[int, list[int]]:
    """The stand-in's buffer: matrices, then two biases, whether there are any or not; each starts at a multiple of 8."""
    rows = shapes[0][0]
    sizes = [math.prod(shape) for shape in (*shapes[:2], (rows,), (rows,))]
    starts = [sum(-(-size // 8) * 8 for size in sizes[:place]) for place in range(5)]
    return starts[4], starts[:4]


def _flatten(weights: list[Tensor], stride: int, input_size: int, mode: int, hidden: int, proj: int, layers: int, *flags: bool) -> Tensor:
    assert (stride, proj, layers) == (len(weights), 0, 1)
    assert [weight.shape[1] for weight in weights[:2]] == [input_size, hidden]
    size, starts = _places([weight.shape for weight in weights])
    buffer = torch.zeros(size, dtype=weights[0].dtype)
    for weight, start in zip(weights, starts, strict=False):
        shape = weight.shape
        buffer[start : start + weight.numel()] = weight.reshape(-1)
        weight.set_(buffer[start : start + weight.numel()].view(shape))
    return buffer


class StandIn:
    """`_cudnn_rnn` and its backward as torch's source has them, by torch's functions for the CPU."""

    def __init__(self) -> None:
        self.buffers: list[int] = []

    def _run(self, x: Tensor, weights: list[Tensor], buffer: Tensor, hx: Tensor, cx: Tensor | None, mode: int) -> tuple[Any, list[Tensor]]:
        self.buffers.append(buffer.untyped_storage().data_ptr())
        assert all(each is None or each.is_contiguous() for each in (x, hx, cx))
        assert (cx is None) == (mode != cudnn.LSTM)
        size, starts = _places([weight.shape for weight in weights])
        assert tuple(buffer.shape) == (size,)
        read = [buffer[start : start + weight.numel()].view(weight.shape).clone() for weight, start in zip(weights, starts, strict=False)]
        leaves = [leaf.detach().requires_grad_() for leaf in (x, hx, *([] if cx is None else [cx]), *read)]
        states, own = leaves[1 : len(leaves) - len(read)], leaves[len(leaves) - len(read) :]
        with torch.enable_grad():
            hidden = states if mode == cudnn.LSTM else states[0]
            return FUNCTIONS[mode](leaves[0], hidden, own, len(own) == 4, 1, 0.0, True, False, False), leaves

    def _cudnn_rnn(self, *args: Any) -> tuple[Tensor, ...]:
        x, weights, stride, buffer, hx, cx, mode, hidden, proj, layers, batch_first, _, train, bidirectional, batch_sizes, state = args
        torch.ops.aten._cudnn_rnn(*_meta(args))  # the real schema and shapes
        assert (stride, hidden, proj, layers) == (len(weights), hx.shape[2], 0, 1)
        assert (batch_first, bidirectional, batch_sizes, state) == (False, False, [], None)
        (output, *last), _ = self._run(x, weights, buffer, hx, cx, mode)
        c = last[1].detach() if len(last) == 2 else torch.empty(0)
        return output.detach(), last[0].detach(), c, torch.ones(3 if train else 0, dtype=torch.uint8), buffer

    def _cudnn_rnn_backward(self, *args: Any) -> tuple[Any, ...]:
        with pytest.raises(NotImplementedError):  # the real schema takes these; it has no kernel here
            torch.ops.aten._cudnn_rnn_backward(*_meta(args))
        x, weights, _, buffer, hx, cx, output, *grads = args[:10]
        mode, kept, mask = args[10], args[20], args[21]
        assert kept.numel() == 3
        assert args[16] is True, "train"
        assert output.is_contiguous()
        assert grads[2] is None or mode == cudnn.LSTM
        results, leaves = self._run(x, weights, buffer, hx, cx, mode)
        torch.testing.assert_close(results[0].detach(), output)
        pairs = [(y, grad.view(y.shape)) for y, grad in zip(results, grads, strict=False) if grad is not None]
        dx, dh, *rest = torch.autograd.grad([y for y, _ in pairs], leaves, [grad for _, grad in pairs])
        dc = rest.pop(0) if mode == cudnn.LSTM else None
        block = torch.cat([grad.reshape(-1) for grad in rest])
        views = [part.view(grad.shape) for part, grad in zip(block.split([grad.numel() for grad in rest]), rest, strict=True)]
        return dx, dh, dc, views if mask[3] else []


def _meta(args: Any) -> list[Any]:
    def one(value: Any) -> Any:
        return value.to("meta") if isinstance(value, Tensor) else [one(each) for each in value] if type(value) is list else value

    return [one(value) for value in args]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(cudnn, "_aten", stand_in)
    monkeypatch.setattr(torch, "_cudnn_rnn_flatten_weight", _flatten)
    monkeypatch.setattr(cudnn, "_layout", cudnn._layout.__wrapped__)
    return stand_in


@every_kind
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "scattered"])
@pytest.mark.parametrize("needs", [(True, True), (False, False)], ids=str)
def test_cudnn_is_called_as_torch_calls_it(kind: Any, bias: bool, flat: bool, needs: tuple[bool, bool], stand_in: StandIn) -> None:
    torch.manual_seed(0)
    module = kind(4, 5, bias=bias).double()
    weights = module._weights()
    if flat:
        cudnn.flatten(weights, module.kind)
    x = torch.randn(6, 3, 4, dtype=torch.float64, requires_grad=True)
    states = [torch.randn(5, 3, dtype=torch.float64).t().requires_grad_() for _ in range(2 if kind is LSTM else 1)]
    wanted = module(x.transpose(0, 1), *states)
    with torch.no_grad():
        output, h, c, kept = cudnn.forward(x, states, weights, module.kind, True)
    torch.testing.assert_close([output.transpose(0, 1), h, c][: len(wanted)], list(wanted))
    grads = [torch.randn_like(output), torch.randn_like(h), torch.randn_like(c) if kind is LSTM else None]
    outer = [grads[0].transpose(0, 1), *grads[1 : len(wanted)]]
    slopes = torch.autograd.grad(wanted, [x, *states, *module.parameters()], outer)
    with torch.no_grad():
        found = cudnn.backward(grads, x, states, weights, output, kept, module.kind, needs)
    assert len(found) == 1 + len(states) + len(weights)
    torch.testing.assert_close(found[1 : 1 + len(states)], list(slopes[1 : 1 + len(states)]))
    if needs == (True, True):
        torch.testing.assert_close(found[0], slopes[0])
        torch.testing.assert_close(found[1 + len(states) : len(slopes)], list(slopes[1 + len(states) :]))
        assert len({grad.untyped_storage().data_ptr() for grad in found}) == len(found)
    else:
        assert [grad.numel() for grad in (found[0], *found[1 + len(states) :])] == [0] * (1 + len(weights))
    assert ({module.weight_ih_l0.untyped_storage().data_ptr()} == set(stand_in.buffers)) is flat


@every_kind
def test_scattered_weights_stay_where_they_are(kind: Any, stand_in: StandIn) -> None:
    weights = kind(4, 5)._weights()
    before = [(weight.data_ptr(), weight.clone()) for weight in weights]
    cudnn.flattened(weights, kind.kind)
    assert [weight.data_ptr() for weight in weights] == [place for place, _ in before]
    torch.testing.assert_close(weights, [value for _, value in before])


@every_kind
def test_weights_moved_one_by_one_are_copied(kind: Any, stand_in: StandIn) -> None:
    """A buffer of which one weight has been taken out serves no more."""
    module = kind(4, 5)
    with torch.no_grad():
        buffer = cudnn.flatten(module._weights(), module.kind)
        assert cudnn.flattened(module._weights(), module.kind).data_ptr() == buffer.data_ptr()
        module.weight_hh_l0 = nn.Parameter(module.weight_hh_l0 + 1)
        _, starts = _places([weight.shape for weight in module._weights()])
        again = cudnn.flattened(module._weights(), module.kind)
    assert again.data_ptr() != buffer.data_ptr()
    torch.testing.assert_close(again[starts[1] : starts[1] + 5 * module.gates * 5], module.weight_hh_l0.detach().reshape(-1))


@every_kind
@pytest.mark.parametrize("train", [True, False], ids=["train", "inference"])
def test_shapes_on_cuda_while_tracing(kind: Any, train: bool) -> None:
    """Tensors without memory may say that they are on CUDA where there is none."""
    with FakeTensorMode(shape_env=ShapeEnv()):
        x = torch.empty(3, 6, 4, device="cuda")
        states = [torch.empty(3, 5, device="cuda") for _ in range(2 if kind is LSTM else 1)]
        rows = 5 * kind.gates
        weights = [torch.empty(shape, device="cuda") for shape in ((rows, 4), (rows, 5), (rows,), (rows,))]
        output, h, c, kept = results = torch.ops.layergraph.recurrent(x, states, weights, kind.kind, train)
        assert {y.device.type for y in results} == {"cuda"}
        assert [tuple(y.shape) for y in (output, h, c)] == [(3, 6, 5), (3, 5), (3, 5) if kind is LSTM else (0,)]
        assert output.stride() == (5, 15, 1)
        assert kept.dtype == torch.uint8
        assert isinstance(kept.shape[0], torch.SymInt) is train
        if train:
            found = torch.ops.layergraph.recurrent_backward([output, None, None], x, states, weights, list(results), kind.kind, True, True)
            assert [grad.shape for grad in found] == [each.shape for each in (x, *states, *weights)]
            assert found[0].stride() == (4, 12, 1)


def test_on_other_devices_weights_are_not_laid_out_anew() -> None:
    module = GRU(4, 5)
    places = [weight.data_ptr() for weight in module._weights()]
    module.flatten_parameters()
    module.to("cpu")
    assert [weight.data_ptr() for weight in module._weights()] == places


# ---- with one --------------------------------------------------------------------------------------------------------------------

with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def _pair(ours: Any, theirs: Any, bias: bool = True, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    torch.manual_seed(0)
    twin, made = theirs(40, 64, bias=bias, batch_first=True), ours(40, 64, bias=bias)
    made.load_state_dict(twin.state_dict())
    return made.to("cuda", dtype), twin.to("cuda", dtype)


def _flat(results: Any) -> list[Tensor]:
    output, *states = results
    states = states[0] if isinstance(states[0], tuple) else states
    return [output, *(state.squeeze(0) if state.ndim == 3 else state for state in states)]


def _slopes(results: list[Tensor], leaves: list[Tensor]) -> list[Tensor]:
    weighed = ((y * torch.linspace(-1, 2, y.numel(), device=y.device, dtype=y.dtype).reshape(y.shape)).sum() for y in results)
    return list(torch.autograd.grad(sum(weighed), leaves))


@with_gpu
@every_pair
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_compiled_on_cuda(ours: Any, theirs: Any, backend: str, bias: bool, dtype: torch.dtype) -> None:
    torch._dynamo.reset()
    made, twin = _pair(ours, theirs, bias, dtype)
    compiled = torch.compile(made, fullgraph=True, backend=backend)
    x = torch.randn(7, 12, 40, device="cuda", dtype=dtype, requires_grad=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="RNN module weights are not part of single contiguous")
        got, wanted = _flat(compiled(x)), _flat(twin(x))
        torch.testing.assert_close(got, wanted)
        learnt = [name for name, _ in made.named_parameters()]
        slopes = _slopes(got, [x, *made.parameters()])
        torch.testing.assert_close(slopes, _slopes(wanted, [x, *(twin.get_parameter(name) for name in learnt)]))
        with torch.no_grad():
            torch.testing.assert_close(_flat(compiled(x)), _flat(twin(x)))


@with_gpu
@every_kind
@pytest.mark.parametrize("how", ["moved", "deepcopied", "pickled", "loaded"])
def test_weights_lie_in_one_buffer_on_cuda(kind: Any, how: str) -> None:
    module = kind(4, 5).cuda()
    if how == "deepcopied":
        module = copy.deepcopy(module)
    elif how == "pickled":
        module = pickle.loads(pickle.dumps(module))
    elif how == "loaded":
        module.load_state_dict(kind(4, 5).state_dict())
    weights = module._weights()
    assert len({weight.untyped_storage().data_ptr() for weight in weights}) == 1
    assert cudnn.flattened(weights, module.kind).data_ptr() == weights[0].untyped_storage().data_ptr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module(torch.randn(2, 3, 4, device="cuda"))


@with_gpu
@every_kind
def test_without_cudnn_it_trains_all_the_same(kind: Any) -> None:
    module = kind(4, 5).cuda()
    x = torch.randn(3, 6, 4, device="cuda", requires_grad=True)
    states = [torch.randn(3, 5, device="cuda", requires_grad=True) for _ in range(2 if kind is LSTM else 1)]
    leaves = [x, *states, *module.parameters()]
    with torch.backends.cudnn.flags(enabled=False):
        got, wanted = kernel.recurrent(x, states, module._weights(), module.kind), module(x, *states)
        torch.testing.assert_close(got, wanted)
        torch.testing.assert_close(_slopes(list(got), leaves), _slopes(list(wanted), leaves))


@with_gpu
@every_kind
def test_under_autocast_on_cuda(kind: Any) -> None:
    torch._dynamo.reset()
    module = kind(4, 5).cuda()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 6, 4, device="cuda")
    with torch.autocast("cuda", torch.float16):
        got, wanted = compiled(x), module(x)
    assert [y.dtype for y in got] == [y.dtype for y in wanted]
    torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.02)
