"""Shapes found by probing on the meta device: what varies with the probes is unknown, what stays is a constant."""

from __future__ import annotations

import operator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layergraph import Input, Model
from layergraph.errors import Fact, ShapeError
from layergraph.graph.infer import infer_torch, probe
from layergraph.graph.spec import TensorSpec
from layergraph.graph.trial import probe_module

N = None


def spec(*shape, dtype=torch.float32):
    return TensorSpec(shape, dtype)


@pytest.mark.parametrize(
    ("shape", "call", "result"),
    [
        ((N,), lambda x: x[:, ::16], (N, N)),
        ((N,), lambda x: x[:, ::1000], (N, N)),
        ((N,), lambda x: x[:, :10], (N, 10)),
        ((N,), lambda x: x[:, -3:], (N, 3)),
        ((N,), lambda x: x[:, 5:], (N, N)),
        ((N, 3), lambda x: x.flatten(1), (N, N)),
        ((4, 3), lambda x: x.flatten(1), (N, 12)),
        ((4, 3), lambda x: x.flatten(), (N,)),
        ((4, 3), lambda x: x.reshape(-1, 6), (N, 6)),
        ((N,), lambda x: x.unflatten(1, (-1, 4)), (N, N, 4)),
        ((N, 5), lambda x: x.reshape(-1, 64, 5), (N, 64, 5)),
        ((N,), lambda x: x.chunk(3, 1)[0], (N, N)),
        ((N, N), lambda x: x.mean((1, 2)), (N,)),
        ((N, N), lambda x: x.mean(), ()),
        ((N, 8), lambda x: F.avg_pool1d(x.mT, 4).mT, (N, N, 8)),
        ((7,), lambda x: F.one_hot(x.long(), 5), (N, 7, 5)),
        ((67,), lambda x: x * 1, (N, 67)),
        ((1031,), lambda x: torch.cat([x, x[:, :1]], 1), (N, 1032)),
        ((3,), lambda x: x.mT, (3, N)),
        ((3,), lambda x: torch.zeros_like(x), (N, 3)),
        ((3,), lambda x: x @ torch.ones(3, 2), (N, 2)),
        ((3,), lambda x: torch.ones(3), (3,)),
    ],
)
def test_a_probed_shape(shape, call, result):
    assert tuple(call(Input(shape)).shape) == result


def test_a_fixed_batch_stays():
    assert Input((3,), batch_size=5)[::2].shape == (3, 3)


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: x + 1, "int64"),
        (lambda x: x / 2, "float32"),
        (lambda x: x + 0.5, "float32"),
        (lambda x: x > 0, "bool"),
        (lambda x: x.to(torch.bfloat16) * 2, "bfloat16"),
        (lambda x: torch.complex(x.float(), x.float()), "complex64"),
        (lambda x: x.float() + torch.ones(3, dtype=torch.float64), "float64"),
        (lambda x: x + Input((3,)), "float32"),
        (lambda x: Input((3,), dtype="float16") + Input((3,)), "float32"),
    ],
)
def test_a_probed_dtype(call, dtype):
    assert call(Input((3,), dtype="int64")).dtype == dtype


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (4, 3)), ((4,), (5, 4, 3)), ((3,), (2, 2, 3)), ((), (4,))],
)
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, torch.add])
def test_a_batch_axis_is_never_lined_up_with_another(op, left, right):
    a, b = Input(left), Input(right)
    for one, other in ((a, b), (b, a)):
        with pytest.raises(ShapeError) as caught:
            op(one, other)
        lines = str(caught.value).splitlines()
        assert lines[0].endswith(
            f"shapes {one.shape} and {other.shape} differ in rank, so broadcasting would line up a batch axis with another"
        )
        assert lines[-1] == "  fix: give the lower one more axes (x[:, None]), or use layers.Add(), Multiply(), ..., which do"


def test_a_constant_of_lower_rank_is_no_batch():
    x = Input((4, 3))
    assert (x + torch.ones(3)).shape == (None, 4, 3)
    assert (x * torch.ones(4, 1)).shape == (None, 4, 3)
    assert (x * Input((3,))[:, None]).shape == (None, 4, 3)
    assert (Input((3,), batch_size=4) + x).shape == (None, 4, 3)


SIZES = st.sampled_from([None, None, 1, 2, 3])


@given(st.lists(SIZES, max_size=3), st.lists(SIZES, max_size=3), st.sampled_from([operator.add, operator.mul, torch.sub]))
@settings(max_examples=80, deadline=None)
def test_declared_arithmetic_is_what_a_probe_finds(left, right, op):
    a, b = spec(None, *left), spec(None, *right)
    if any(None in pair and pair[0] != pair[1] and 1 not in pair for pair in zip(reversed(left), reversed(right), strict=False)):
        return  # an unknown size meets a known one: declared as the known one, while a probe refuses
    from layergraph.graph.record import symbols_of

    arguments = (symbols_of(Input(()).node, a), symbols_of(Input(()).node, b))
    try:
        declared = infer_torch("function", op, arguments, {})
    except Fact as fact:
        declared = fact.what
    if isinstance(declared, TensorSpec):
        assert declared == probe(op, (a, b), {}, "op")
    elif "differ in rank" not in declared:
        assert "do not broadcast" in declared
        with pytest.raises(Fact):
            probe(op, (a, b), {}, "op")


# What probing gives back


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (lambda x: (x, x[:, :1]), (spec(N, 3), spec(N, 1))),
        (lambda x: [x], [spec(N, 3)]),
        (lambda x: {"a": x, "b": (x.sum(),)}, {"a": spec(N, 3), "b": (spec(),)}),
        (lambda x: None, None),
        (lambda x: (x, None), (spec(N, 3), None)),
    ],
)
def test_a_probed_nest(call, result):
    assert probe(call, (spec(N, 3),), {}, "call") == result


def test_the_fields_of_torchs_tuples_stay():
    found = probe(torch.max, (spec(N, 3), 1), {}, "max")
    assert found.values == spec(N)
    assert found.indices == spec(N, dtype=torch.int64)


def grows(x):
    return x.reshape((1,) * (len(str(x.shape[0]))) + tuple(x.shape))


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda x: object(), "f gives object, and a graph holds tensors only"),
        (lambda x: str(x.shape[0]), "what f gives depends on sizes known only at run time"),
        (grows, "the rank or dtype that f gives depends on sizes known only at run time"),
        (
            lambda x: x.to(torch.float64 if x.shape[0] > 100 else torch.float32),
            "the rank or dtype that f gives depends on sizes known only",
        ),
        (lambda x: x.split(50), "the number of tensors that f gives depends on sizes known only at run time"),
        (lambda x: x.view(7, 11), "RuntimeError: shape '[7, 11]' is invalid for input of size 576"),
        (lambda x: x.tolist(), "RuntimeError"),
        (lambda x: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_probed(call, what):
    with pytest.raises(Fact) as caught:
        probe(call, (spec(N, 3),), {}, "f")
    assert caught.value.what.startswith(what) or what == "RuntimeError"


def test_a_function_is_run_three_times_on_far_apart_sizes():
    seen = []
    probe(lambda x: seen.append(tuple(x.shape)) or x, (spec(N, 3),), {}, "f")
    assert seen == [(67, 3), (1031, 3), (8209, 3)]


def test_arguments_of_every_kind_go_to_meta():
    def call(x, nest, *, index, words):
        assert x.is_meta
        assert nest[0].is_meta
        assert nest[1]["a"].is_meta
        assert index == slice(None, 2, None)
        assert words["w"].is_meta
        assert words["n"] == 3
        return x[index]

    given = spec(N, 3)
    found = probe(call, (given, [given, {"a": torch.ones(2)}]), {"index": slice(None, 2), "words": {"w": given, "n": 3}}, "call")
    assert found == spec(2, 3)


# Modules


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.count += 1
        return self.drop(self.norm(self.linear(x)))


def test_probing_a_module_leaves_it_and_the_random_numbers_alone():
    module = Noisy()
    tensors = [*module.parameters(), *module.buffers()]
    before = [(tensor.data_ptr(), tensor.device, tensor.requires_grad, tensor.clone()) for tensor in tensors]
    state = torch.get_rng_state()
    assert probe_module(module, (spec(N, 3),), {}, "Noisy") == spec(N, 4)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
    for tensor, (pointer, device, grad, value) in zip(tensors, before, strict=True):
        assert (tensor.data_ptr(), tensor.device, tensor.requires_grad) == (pointer, device, grad)
        assert torch.equal(tensor, value)


def test_probing_takes_no_memory_of_the_models_size():
    module = nn.Linear(40_000, 40_000, device="meta")  # 6.4 GB, if it were real
    assert probe_module(module, (spec(N, 40_000),), {}, "Linear") == spec(N, 40_000)


def test_a_probed_model_runs_on_every_size_it_promises():
    x = Input((None,))
    model = Model(x, x[:, ::16].mean(1, keepdim=True) + x[:, :1])
    for batch, length in ((1, 1), (2, 16), (3, 17), (5, 100)):
        value = torch.randn(batch, length)
        assert torch.equal(model(value), value[:, ::16].mean(1, keepdim=True) + value[:, :1])


class Short(nn.Module):
    """Knows a greatest length."""

    def __init__(self, longest):
        super().__init__()
        self.positions = nn.Embedding(longest, 3)

    def forward(self, x):
        return x + self.positions(torch.arange(x.shape[1], device=x.device))[: x.shape[1]] + self.positions.weight[: x.shape[1]]


class OnData(nn.Module):
    def forward(self, x):
        return x * 2 if float(x.sum()) > 0 else x


class Never(nn.Module):
    def forward(self, x):
        raise ValueError("not on any tensor")


@pytest.mark.parametrize("longest", [10, 64, 2000])
def test_a_module_with_a_greatest_length(longest):
    assert probe_module(Short(longest), (spec(N, N, 3),), {}, "Short") == spec(N, N, 3)


def test_a_module_that_needs_values_gets_some():
    assert probe_module(OnData(), (spec(N, N, 3),), {}, "OnData") == spec(N, N, 3)
    with pytest.raises(Fact) as caught:
        probe_module(Never(), (spec(N, 3),), {}, "Never")
    assert caught.value.what == "ValueError: not on any tensor"
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_recurrent_module_is_probed_without_unrolling_time():
    inner = nn.Sequential(nn.LSTM(4, 8, batch_first=True))
    assert probe_module(inner, (spec(N, 100_000, 4),), {}, "LSTM")[0] == spec(N, 100_000, 8)
    assert type(inner[0]) is nn.LSTM
    with pytest.raises(Fact, match="Expected 4, got 5"):
        probe_module(inner, (spec(N, 3, 5),), {}, "LSTM")
