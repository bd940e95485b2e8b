"""Symbols: what they answer, what they record, and what they refuse with the words to type instead."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph import Input, Model
from layergraph.errors import SymbolicError
from layergraph.graph.symbolic import SymbolicTensor, has_symbol, symbols_in
from layergraph.layers import Conv2D, Dense

X = "<SymbolicTensor shape=(None, 4), dtype=float32, from Input 'x'>"
NO_VALUES = f"the symbolic tensor {X} has no values while the graph is written: it cannot give "

CANNOT_BE = NO_VALUES.removesuffix("give ") + "be "


@pytest.fixture
def x():
    return Input((4,), name="x")


# What a symbol says of itself


def test_its_attributes_are_kerass(x):
    assert (x.shape, x.ndim, x.dtype, x.name, x.sparse, x.ragged) == ((None, 4), 2, "float32", "x", False, False)
    assert x.dim() == 2
    assert (x.size(1), x.size(-1)) == (4, 4)
    assert Input((4,), batch_size=3).size() == (3, 4)
    assert Dense(3, name="head")(x).name == "head"
    assert (x + 1).name == "add"
    assert torch.relu(x).name == "relu"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: x, "<SymbolicTensor shape=(None, 4), dtype=float32, from Input 'x'>"),
        (lambda x: Input((2, None), dtype="int64"), "<SymbolicTensor shape=(None, 2, None), dtype=int64, from Input>"),
        (lambda x: Dense(3)(x), "<SymbolicTensor shape=(None, 3), dtype=float32, from Dense>"),
        (lambda x: Dense(3, name="head")(x), "<SymbolicTensor shape=(None, 3), dtype=float32, from Dense 'head'>"),
        (lambda x: x + 1, "<SymbolicTensor shape=(None, 4), dtype=float32, from torch add>"),
        (lambda x: x > 1, "<SymbolicTensor shape=(None, 4), dtype=bool, from torch gt>"),
        (lambda x: x.flatten(), "<SymbolicTensor shape=(None,), dtype=float32, from torch flatten>"),
    ],
)
def test_its_repr_names_its_maker_and_settles_no_name(make, text, x):
    symbol = make(x)
    assert repr(symbol) == text == str(symbol)
    assert repr(symbol) == text


def test_it_is_one_of_a_kind(x):
    assert copy.copy(x) is x
    assert copy.deepcopy([x])[0] is x
    assert {x: 1}[x] == 1
    assert hash(x) == id(x)
    assert x in [x]


def test_shape_and_dtype_cannot_be_set(x):
    with pytest.raises(AttributeError):
        x.shape = (None, 5)
    with pytest.raises(AttributeError):
        x.dtype = "float64"


# What it records: the values are those of eager torch

FLOAT = torch.tensor([[1.5, -2.0, 3.0, 0.5], [0.25, 4.0, -1.0, -3.5]])
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
COMPARE = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


def same(build, value=FLOAT):
    x = Input(tuple(value.shape[1:]), dtype=str(value.dtype).removeprefix("torch."))
    out = build(x)
    got, wanted = Model(x, out)(value), build(value)
    torch.testing.assert_close(got, wanted, rtol=0, atol=0, equal_nan=True)
    assert isinstance(out, SymbolicTensor)
    assert (out.dtype, len(out.shape)) == (str(wanted.dtype).removeprefix("torch."), wanted.ndim)
    assert all(size is None or size == real for size, real in zip(out.shape, wanted.shape, strict=True))


@pytest.mark.parametrize("op", BINARY + COMPARE, ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", [2, 0.5, True, np.float32(2), np.int64(3), torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor(2)], ids=repr)
def test_an_operator_from_both_sides(op, other):
    if op is operator.sub and other is True:  # torch refuses it
        other = 1
    same(lambda x: op(x, other))
    if not isinstance(other, np.generic):  # on tensors numpy answers first, and warns
        same(lambda x: op(other, x))


@pytest.mark.parametrize("op", BINARY + COMPARE, ids=lambda op: op.__name__)
def test_an_operator_of_two_symbols(op):
    same(lambda x: op(x, x * 2))
    same(lambda x: op(x, (x * 2).to(torch.int64)))


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor], ids=lambda op: op.__name__)
def test_a_logical_operator(op):
    same(lambda x: op(x > 0, x < 2))
    same(lambda x: op(x, 3), FLOAT.to(torch.int64))
    same(lambda x: op(3, x), FLOAT.to(torch.int64))


@pytest.mark.parametrize(
    "build",
    [
        operator.neg,
        operator.pos,
        abs,
        lambda x: ~(x > 0),
        lambda x: x @ torch.ones(4, 2),
        lambda x: x.to(torch.int64) << 2,
        lambda x: 64 >> x.abs().to(torch.int64),
        lambda x: np.float32(3) * x.abs(),
        lambda x: np.sqrt(16.0) / x,
        lambda x: x[:, 0],
        lambda x: x[:, 1:3],
        lambda x: x[:, ::2],
        lambda x: x[..., None],
        lambda x: x[:, [0, 2]],
        lambda x: x[:, torch.tensor([3, 1])],
        lambda x: x[:, -1:],
        lambda x: x[0],
        lambda x: x.T,
        lambda x: x.mT,
        lambda x: x.flatten(),
        lambda x: x.reshape(-1, 2, 2),
        lambda x: x.view(-1, 2, 2).transpose(1, 2),
        lambda x: x.unsqueeze(1).expand(-1, 3, 4),
        lambda x: x.softmax(-1),
        lambda x: x.max(1).values,
        lambda x: x.max(1)[1],
        lambda x: x.sum(),
        lambda x: x.mean(0),
        lambda x: x.unbind(1)[2],
        lambda x: x.chunk(2, 1)[1],
        lambda x: x.float().double().half(),
        lambda x: x.type_as(torch.zeros(1, dtype=torch.float64)),
        lambda x: x.masked_fill(x > 0, 9.0),
        lambda x: x.clamp(min=0.0),
        lambda x: torch.relu(x),
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: F.dropout(x, 0.5, training=False),
        lambda x: F.linear(x, torch.ones(3, 4)),
        lambda x: F.pad(x, (1, 2), value=7.0),
        lambda x: F.one_hot(x.abs().to(torch.int64), 5),
        lambda x: torch.cat([x, x * 2], dim=1),
        lambda x: torch.stack((x, x), -1),
        lambda x: torch.where(x > 0, x, torch.tensor(0.0)),
        lambda x: torch.einsum("bi,bj->bij", x, x),
        lambda x: torch.zeros_like(x),
        lambda x: sum([x, x, x]),
        lambda x: x * x.new_ones(4),
        lambda x: torch.topk(x, 2).indices,
        lambda x: torch.lerp(x, -x, 0.25),
        lambda x: torch.nan_to_num(x / 0.0, nan=1.0, posinf=2.0, neginf=-2.0),
    ],
)
def test_torch_on_a_symbol_is_torch_on_a_tensor(build):
    same(build)


def test_round_is_torchs():
    x = Input((4,))
    assert torch.equal(Model(x, round(x))(FLOAT), FLOAT.round())
    assert torch.equal(Model(x, round(x, 1))(FLOAT), FLOAT.round(decimals=1))


def test_a_constant_is_kept_as_a_buffer():
    x = Input((4,))
    constant = np.arange(4, dtype=np.float32)
    model = Model(x, x * constant + constant * x)
    assert [name for name, _ in model.named_buffers()] == ["constant", "constant_1"]
    assert torch.equal(model(FLOAT), 2 * FLOAT * torch.arange(4.0))
    assert "arange" not in model.code


def test_several_results_are_several_symbols(x):
    values, indices = x.max(1)
    assert (values.shape, values.dtype) == ((None,), "float32")
    assert (indices.shape, indices.dtype) == ((None,), "int64")
    assert values.node is indices.node
    assert [part.shape for part in x.split([1, 3], 1)] == [(None, 1), (None, 3)]


# What it refuses


def line_of(error):
    name, line = error.place
    assert name == __file__
    return f"  at {name}:{line}: "


@pytest.mark.parametrize(
    ("use", "what", "fix"),
    [
        (
            lambda x: bool(x),
            NO_VALUES + "a bool (`if x`, `x and y`, `a < x < b`)",
            "use torch.where(condition, a, b), or a custom Layer for control flow on data",
        ),
        (lambda x: x and 1, NO_VALUES + "a bool (`if x`, `x and y`, `a < x < b`)", None),
        (lambda x: not x, NO_VALUES + "a bool (`if x`, `x and y`, `a < x < b`)", None),
        (lambda x: len(x), NO_VALUES + "len(): its first axis is the batch, whose size is unknown", "use x.shape"),
        (lambda x: float(x), NO_VALUES + "a float", "use x.float() for a cast"),
        (lambda x: int(x), NO_VALUES + "an int", "use x.int() for a cast"),
        (lambda x: [1, 2][x], NO_VALUES + "an index", "use torch.gather or torch.index_select"),
        (lambda x: range(x), NO_VALUES + "an index", "use torch.gather or torch.index_select"),
        (lambda x: 3 in x, NO_VALUES + "`in`", "use (x == item).any()"),
        (lambda x: np.array(x), NO_VALUES + "a numpy array", "use torch functions on it, or model.predict(...) for values"),
        (lambda x: np.asarray(x, dtype="float32"), NO_VALUES + "a numpy array", None),
        (lambda x: operator.setitem(x, 0, 1), CANNOT_BE + "assigned into", "use torch.where, torch.cat or x.masked_fill(mask, value)"),
        (lambda x: pickle.dumps(x), CANNOT_BE + "pickled", "pickle the Model it belongs to"),
        (
            lambda x: x.item(),
            NO_VALUES + "a Python number (`.item()`)",
            "run the model on tensors, or do this inside a custom Layer's call()",
        ),
        (lambda x: x.numpy(), NO_VALUES + "a numpy array (`.numpy()`)", None),
        (lambda x: x.tolist(), NO_VALUES + "a Python list (`.tolist()`)", None),
        (lambda x: x.backward(), NO_VALUES + "gradients (`.backward()`)", None),
        (lambda x: x.data_ptr(), NO_VALUES + "memory (`.data_ptr()`)", None),
        (lambda x: x.add_(1), CANNOT_BE + "changed in place (`add_`)", "use the function without the last underscore: y = x.add(...)"),
        (lambda x: torch.relu_(x), CANNOT_BE + "changed in place (`relu_`)", None),
        (lambda x: x.apply_(abs), CANNOT_BE + "changed in place (`apply_`)", None),
        (
            lambda x: torch.add(x, 1, out=x),
            CANNOT_BE + "changed in place (`add(..., out=...)`)",
            "leave out= out, and take what the function gives",
        ),
        (lambda x: x.device, NO_VALUES + "its device (`.device`)", None),
        (lambda x: x.grad, NO_VALUES + "gradients (`.grad`)", None),
        (
            lambda x: iter(x),
            f"cannot iterate over the symbolic tensor {X}: the size of its batch axis is unknown",
            "use x[:, i], or x.unbind(1)",
        ),
        (
            lambda x: list(x),
            f"cannot iterate over the symbolic tensor {X}: the size",
            None,
        ),
        (
            lambda x: nn.Linear(4, 2)(x),
            "a bare torch.nn.Linear was called on a symbolic tensor: its mode would be baked in and its weights nameless",
            "write wrap(nn.Linear(...))(x)",
        ),
        (
            lambda x: nn.Sequential(nn.Dropout(), nn.Linear(4, 2))(x),
            "a bare torch.nn.Sequential was called on a symbolic tensor: its mode would be baked in and its weights nameless",
            "write wrap(nn.Sequential(...))(x)",
        ),
        (lambda x: nn.Dropout(0.5)(x), "a bare torch.nn.Dropout was called on a symbolic tensor: its mode would be baked in", None),
        (
            lambda x: x @ nn.Parameter(torch.ones(4, 2)),
            "torch matmul with an nn.Parameter was called on a symbolic tensor: its mode would be baked in and its weights nameless",
            "write wrap(module)(x) with the nn.Module that owns the Parameter",
        ),
        (lambda x: F.linear(x, nn.Parameter(torch.ones(2, 4))), "torch linear with an nn.Parameter was called on a symbolic tensor", None),
        (
            lambda x: F.dropout(x),
            "torch.nn.functional.dropout on a symbolic tensor would drop in inference too: training=True would be baked in",
            "write layers.Dropout(rate)(x), which follows the model's mode; or torch.dropout(x, rate, True) if it shall always drop",
        ),
        (
            lambda x: F.alpha_dropout(x, 0.1, True),
            "torch.nn.functional.alpha_dropout on a symbolic tensor would drop in inference too",
            None,
        ),
    ],
)
def test_a_refusal(use, what, fix, x):
    with pytest.raises(SymbolicError) as caught:
        use(x)
    first, place, *rest = str(caught.value).splitlines()
    assert first == what if fix is not None else first.startswith(what)
    assert place.startswith(line_of(caught.value))
    assert rest == ([f"  fix: {fix}"] if fix is not None else rest)
    assert isinstance(caught.value, TypeError)


def test_a_refused_use_leaves_nothing_behind(x):
    linear = nn.Linear(4, 2)
    with pytest.raises(SymbolicError):
        linear(x)
    y = x * 2
    assert y.node.parents == (x,)
    assert linear(torch.zeros(1, 4)).shape == (1, 2)


def test_an_attribute_that_torch_has_not(x):
    with pytest.raises(AttributeError) as caught:
        _ = x.relux
    assert str(caught.value).splitlines()[::2] == [
        "neither SymbolicTensor nor torch.Tensor has an attribute 'relux'",
        "  fix: did you mean 'relu'?",
    ]
    assert not hasattr(x, "relux")
    assert hasattr(x, "softmax")


def test_numpys_functions_are_refused(x):
    with pytest.raises(SymbolicError) as caught:
        np.sin(x)
    assert str(caught.value).splitlines()[::2] == [
        "numpy.sin was called on a symbol, and numpy computes with values",
        "  fix: use torch.sin",
    ]
    with pytest.raises(SymbolicError, match=r"numpy.add was called on a symbol"):
        np.add.reduce(x)


def test_a_bare_module_inside_a_layer_is_the_layers_own():
    from layergraph.layers import Layer

    class Wrapped(Layer):
        def build(self, input_shape):
            self.inner = nn.Sequential(nn.Linear(input_shape[-1], 2), nn.Dropout(0.5))

        def call(self, x):
            return self.inner(x)

    x = Input((4,))
    model = Model(x, Wrapped()(x))
    assert model(torch.zeros(3, 4)).shape == (3, 2)
    assert set(model.state_dict()) == {"wrapped.inner.0.weight", "wrapped.inner.0.bias"}


# Finding symbols among arguments


def test_symbols_are_found_wherever_they_hide(x):
    y = Input((2,))
    assert symbols_in(1, [x, (y, {"a": x})], slice(y, None)) == (x, y, x, y)
    assert symbols_in(torch.zeros(1), "text", None) == ()


@pytest.mark.parametrize(
    ("args", "kwargs", "found"),
    [
        ((), {}, False),
        ((1, torch.zeros(1)), {}, False),
        (("x",), {}, True),
        ((1,), {"y": "x"}, True),
        (([1, ["x"]],), {}, True),
        (({"a": ("x",)},), {}, True),
        (([1, 2], {"a": 1}), {}, False),
    ],
)
def test_has_symbol(args, kwargs, found, x):
    def put(value):
        if value == "x":
            return x
        if isinstance(value, list | tuple):
            return type(value)(put(item) for item in value)
        return {name: put(item) for name, item in value.items()} if isinstance(value, dict) else value

    assert has_symbol(tuple(put(arg) if not isinstance(arg, torch.Tensor) else arg for arg in args), put(kwargs)) is found


def test_a_convolution_on_a_symbol_under_grad_and_autocast_modes():
    image = Input((4, 4, 1))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = torch.relu(Conv2D(2, 3)(image)) @ torch.ones(2, 2)
    model = Model(image, out)
    assert out.dtype == "float32"
    assert model(torch.zeros(1, 4, 4, 1)).requires_grad
