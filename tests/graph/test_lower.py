"""Lowering: what stands in the fx graph, and the layout rule, checked against eager numbers and the permutes that are left."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph import Input, Model
from layergraph.errors import GraphError
from layergraph.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    LayerNormalization,
    MaxPooling2D,
    Multiply,
    Permute,
    ReLU,
    Reshape,
    ZeroPadding2D,
)

IMAGE = (6, 5, 3)


class Layers:
    """Layers made when first asked for, so that symbols and tensors run through the same ones."""

    def __init__(self):
        self._made = {}

    def __call__(self, name, make):
        return self._made[name] if name in self._made else self._made.setdefault(name, make())

    def conv(self, name="conv", filters=4, **words):
        return self(name, lambda: Conv2D(filters, 3, padding="same", bias_initializer="ones", **words))


def permutes(model):
    assert model.code.count("permute(") == sum(node.target in ("permute", torch.permute) for node in model.graph.nodes)
    return model.code.count("permute(")


def lowered(body, *shapes, batch=None):
    """The model of `body`; its numbers are those of the body run eagerly on tensors."""
    torch.manual_seed(0)
    have, inputs = Layers(), [Input(shape, batch_size=batch) for shape in shapes]
    model = Model(inputs, body(have, *inputs)).eval()
    for layer in model.layers:
        layer.eval()
    values = [torch.randn(batch or 2, *(7 if size is None else size for size in shape)) for shape in shapes]
    with torch.no_grad():
        got, wanted = model(*values), body(have, *values)
    assert got.shape == wanted.shape
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    return model


class Row(NamedTuple):
    permutes: int
    body: object


ROWS = {
    # permutes vanish between channels-first parts; one is left at each channels-last boundary
    "one convolution": Row(2, lambda h, x: h.conv()(x)),
    "two convolutions": Row(2, lambda h, x: h.conv("b")(h.conv("a")(x))),
    "five convolutions": Row(2, lambda h, x: h.conv("e")(h.conv("d")(h.conv("c")(h.conv("b")(h.conv("a")(x)))))),
    "a classifier": Row(1, lambda h, x: h("d", lambda: Dense(2))(h("p", GlobalAveragePooling2D)(h.conv()(x)))),
    "a maximum at the end": Row(1, lambda h, x: h("p", GlobalMaxPooling2D)(h.conv()(x))),
    "pool, pad, norm, dropout": Row(
        2,
        lambda h, x: h.conv("b")(
            h("o", lambda: Dropout(0.5))(h("n", BatchNormalization)(h("z", ZeroPadding2D)(h("m", MaxPooling2D)(h.conv()(x)))))
        ),
    ),
    "average pool": Row(2, lambda h, x: h("m", lambda: AveragePooling2D(2))(h.conv()(x))),
    "a relu layer": Row(2, lambda h, x: h.conv("b")(h("r", ReLU)(h.conv()(x)))),
    "an activation layer": Row(2, lambda h, x: h.conv("b")(h("r", lambda: Activation("elu"))(h.conv()(x)))),
    "an activation argument": Row(2, lambda h, x: h.conv("b")(h.conv(activation="silu")(x))),
    "two consumers of the image": Row(2, lambda h, x: h.conv("a")(x) + h.conv("b")(x)),
    "the image itself joins in": Row(2, lambda h, x: h.conv("a", 3)(x) + x),
    "the image joins twice": Row(2, lambda h, x: (h.conv("a", 3)(x) + x) * h.conv("b", 3)(x) - x),
    "merging layers": Row(
        2,
        lambda h, x: h("m", Multiply)([h("s", Add)([h.conv("a")(x), h.conv("b")(x)]), h.conv("c")(x)]),
    ),
    "a gate from a pool": Row(2, lambda h, x: h.conv("a")(x) * h("p", lambda: GlobalAveragePooling2D(keepdims=True))(h.conv("b")(x))),
    # element-wise torch
    "functions": Row(2, lambda h, x: h.conv("b")(F.leaky_relu(F.gelu(torch.tanh(h.conv()(x))), 0.1))),
    "methods": Row(2, lambda h, x: h.conv("b")(h.conv()(x).relu().clamp(max=0.5).exp())),
    "numbers from both sides": Row(2, lambda h, x: 2 - 3 * h.conv()(x) / 4 + 1),
    "a numpy number": Row(2, lambda h, x: h.conv()(x) * np.float32(2) + np.float64(0.5)),
    "a comparison": Row(2, lambda h, x: (h.conv()(x) >= 0).float()),
    "where": Row(2, lambda h, x: torch.where((y := h.conv()(x)) > 0, y, -2.0)),
    "where of three": Row(2, lambda h, x: torch.where((y := h.conv()(x)) > 0, y, y * 3)),
    "a tensor keyword": Row(2, lambda h, x: torch.clamp(y := h.conv()(x), min=-y, max=y + 1)),
    "a number keyword": Row(2, lambda h, x: h.conv("a")(x).add(h.conv("b")(x), alpha=2)),
    "a cast": Row(2, lambda h, x: h.conv()(x).to(torch.float64).half().float()),
    # concatenation
    "cat of channels": Row(2, lambda h, x: torch.cat([h.conv("a")(x), h.conv("b")(x)], -1)),
    "cat of rows": Row(2, lambda h, x: torch.cat([h.conv("a")(x), h.conv("b")(x)], 1)),
    "cat of columns": Row(2, lambda h, x: torch.cat((h.conv("a")(x), h.conv("b")(x)), dim=2)),
    "cat of the batch": Row(2, lambda h, x: torch.cat([h.conv("a")(x), h.conv("b")(x)])),
    "cat along axis=": Row(2, lambda h, x: torch.cat([h.conv("a")(x), h.conv("b")(x)], axis=-1)),
    "concatenate": Row(2, lambda h, x: torch.concatenate([h.conv("a")(x), h.conv("b")(x)], dim=3)),
    "concat": Row(2, lambda h, x: torch.concat([h.conv("a")(x), h.conv("b")(x)], dim=-4)),
    "cat with the image": Row(2, lambda h, x: torch.cat([x, h.conv("a")(x), x], -1)),
    "Concatenate": Row(2, lambda h, x: h.conv("c")(h("k", Concatenate)([h.conv("a")(x), x]))),
    "cat with tensors= by name": Row(3, lambda h, x: torch.cat(tensors=[h.conv("a")(x), h.conv("b")(x)], dim=-1)),
    # reductions
    "mean of the image": Row(1, lambda h, x: h.conv()(x).mean((1, 2))),
    "mean of the image, kept": Row(2, lambda h, x: h.conv()(x).mean((1, 2), True)),
    "mean of the channels": Row(1, lambda h, x: h.conv()(x).mean(-1)),
    "mean of the channels, kept": Row(2, lambda h, x: h.conv()(x).mean(-1, keepdim=True)),
    "channels minus their mean": Row(2, lambda h, x: (y := h.conv()(x)) - y.mean(-1, keepdim=True)),
    "sum of the rows": Row(2, lambda h, x: torch.sum(h.conv()(x), 1)),
    "sum of the rows, then the columns": Row(1, lambda h, x: h.conv()(x).sum(1).sum(1)),
    "sum of the rows, relu, mean": Row(1, lambda h, x: torch.relu(h.conv()(x).sum(1)).mean(1) * 3),
    "sum of the batch": Row(2, lambda h, x: h.conv()(x).sum(dim=0)),
    "maximum over two axes": Row(1, lambda h, x: h.conv()(x).amax(dim=(1, 3))),
    "minimum, negative axes": Row(1, lambda h, x: torch.amin(h.conv()(x), (-2, -3))),
    "reduced, then joined": Row(2, lambda h, x: torch.cat([(y := h.conv()(x)).sum(1), y.sum(2)], 1)),
    # what forces the layout
    "mean of everything": Row(2, lambda h, x: h.conv()(x).mean()),
    "sum over no axes is over all": Row(2, lambda h, x: h.conv()(x).sum(())),
    "mean over axis=": Row(2, lambda h, x: h.conv()(x).mean(axis=(1, 2))),
    "sum in another dtype": Row(2, lambda h, x: torch.sum(h.conv()(x), 1, dtype=torch.float64)),
    "flatten": Row(2, lambda h, x: h.conv()(x).flatten(1)),
    "Flatten": Row(2, lambda h, x: h("d", lambda: Dense(2))(h("f", Flatten)(h.conv()(x)))),
    "Reshape": Row(2, lambda h, x: h("f", lambda: Reshape((-1, 4)))(h.conv()(x))),
    "an index": Row(2, lambda h, x: h.conv()(x)[:, 0, ..., 1:]),
    "a softmax": Row(2, lambda h, x: h.conv()(x).softmax(-1)),
    "a matmul": Row(2, lambda h, x: h.conv()(x) @ torch.ones(4, 2)),
    "a Dense on the channels": Row(2, lambda h, x: h("d", lambda: Dense(2))(h.conv()(x))),
    "a vector constant": Row(2, lambda h, x: h.conv()(x) + torch.arange(4.0)),
    "two consumers of a forced value": Row(2, lambda h, x: (y := h.conv()(x)).flatten(1).sum(1) + y[:, 0, 0, 0]),
    "a layer norm of the channels": Row(4, lambda h, x: h.conv("b")(h("n", LayerNormalization)(h.conv()(x)))),
    "std is not in the list": Row(2, lambda h, x: h.conv()(x).std((1, 2))),
    # permutes of the user's compose
    "to channels first": Row(1, lambda h, x: h.conv()(x).permute(0, 3, 1, 2)),
    "negative axes": Row(1, lambda h, x: h.conv()(x).permute((0, -1, 1, 2))),
    "torch.permute": Row(2, lambda h, x: torch.permute(h.conv()(x), (0, 2, 1, 3))),
    "there and back": Row(2, lambda h, x: h.conv()(x).permute(3, 2, 1, 0).permute(3, 2, 1, 0)),
    "dims by name": Row(3, lambda h, x: h.conv()(x).permute(dims=(0, 3, 1, 2))),
    "Permute": Row(1, lambda h, x: h("p", lambda: Permute((3, 1, 2)))(h.conv()(x))),
    "only permutes": Row(1, lambda h, x: x.permute(0, 2, 1, 3).permute(0, 1, 3, 2)),
    "permutes that vanish": Row(0, lambda h, x: x.permute(0, 2, 1, 3).permute(0, 2, 1, 3) * 2),
    "sums of a transposed image": Row(0, lambda h, x: x.permute(0, 2, 1, 3).sum((1, 2))),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_layout_rule(name):
    row = ROWS[name]
    assert permutes(lowered(row.body, IMAGE)) == row.permutes


def test_a_numpy_vector_forces_the_layout_too():
    torch.manual_seed(0)
    x, conv = Input(IMAGE), Conv2D(5, 3, padding="same")  # as wide as there are channels
    vector = np.arange(5, dtype=np.float32)
    for build in (lambda y: y * vector, lambda y: vector * y):
        model, value = Model(x, build(conv(x))), torch.randn(2, *IMAGE)
        assert permutes(model) == 2
        torch.testing.assert_close(model(value), conv(value) * torch.arange(5.0))


@pytest.mark.parametrize(
    ("shape", "make", "left"),
    [((7, 3), lambda: Conv1D(4, 3), 2), ((None, 3), lambda: Conv1D(4, 2), 2), ((5, 4, 6, 2), lambda: Conv3D(3, 2), 2)],
    ids=["1D", "1D of unknown length", "3D"],
)
def test_other_ranks(shape, make, left):
    model = lowered(lambda h, x: torch.relu(h("b", make)(torch.tanh(h("a", make)(x)) * 2)) + 1, shape)
    assert permutes(model) == left


@pytest.mark.parametrize(
    ("op", "left"),
    [(torch.add, 4), (torch.maximum, 4), (lambda a, b: a - b, 4), (lambda a, b: torch.where(a > 0, b, a), 5)],
    ids=["add", "maximum", "sub", "where"],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_different_ranks_force_both(op, left, swapped):
    def body(h, x):
        image, line = h("two", lambda: Conv2D(4, 3, padding="same"))(x), h("one", lambda: Conv1D(4, 3, padding="same"))(x[:, 0])
        return op(line, image) if swapped else op(image, line)

    assert permutes(lowered(body, (2, 5, 3), batch=2)) == left


def test_a_known_batch_and_two_images():
    model = lowered(lambda h, x, y: torch.cat([h.conv("a")(x), h.conv("b")(y)], 0) * 2, IMAGE, IMAGE, batch=3)
    assert permutes(model) == 3


def test_a_permute_is_a_view_and_the_convolutions_run_channels_last():
    torch.manual_seed(0)
    x = Input((16, 16, 3))
    y = Conv2D(8, 3, padding="same")(Conv2D(8, 3, padding="same", activation="relu")(x))
    model = Model(x, y)
    seen = []
    for name, module in model.named_children():
        module.register_forward_hook(lambda _, args, out, name=name: seen.append((args[0], out)))
    value = torch.randn(2, 16, 16, 3)
    out = model(value)
    assert seen[0][0].data_ptr() == value.data_ptr()
    assert all(t.is_contiguous(memory_format=torch.channels_last) for pair in seen for t in pair)
    assert out.data_ptr() == seen[-1][1].data_ptr()
    assert out.is_contiguous()


def test_channels_first_has_no_permutes():
    x = Input((3, 6, 5))
    conv = Conv2D(4, 3, data_format="channels_first")
    model = Model(x, GlobalAveragePooling2D(data_format="channels_first")(torch.relu(conv(x))))
    assert permutes(model) == 0


# What stands in the graph


def test_layers_are_inlined_to_stock_modules():
    x = Input(IMAGE)
    y = BatchNormalization(name="norm")(Conv2D(4, 3, activation="relu", name="conv")(x))
    y = Dense(2, name="head", activation="softmax")(GlobalAveragePooling2D()(y))
    model = Model(x, y)
    assert {name: type(module) for name, module in model.named_children()} == {"conv": nn.Conv2d, "norm": nn.BatchNorm2d, "head": nn.Linear}
    assert [node.op for node in model.graph.nodes if node.op == "get_attr"] == []
    assert "torch.relu(" in model.code
    model.graph.lint()


def test_the_code_reads_like_hand_written_torch():
    image = Input((32, 32, 3), name="image")
    x = Conv2D(8, 3, activation="relu")(image)
    x = Conv2D(8, 3)(x)
    model = Model(image, Dense(10, name="digit")(GlobalAveragePooling2D()(x)))
    assert model.code.strip().splitlines() == [
        "def forward(self, image):",
        "    if image.shape[1:] != (32, 32, 3) or image.dtype is not torch.float32: image = self._standardize(image, 0)",
        "    permute = image.permute(0, 3, 1, 2);  image = None",
        "    conv2d = self.conv2d(permute);  permute = None",
        "    relu = torch.relu(conv2d);  conv2d = None",
        "    conv2d_1 = self.conv2d_1(relu);  relu = None",
        "    mean = torch.mean(conv2d_1, (2, 3));  conv2d_1 = None",
        "    digit = self.digit(mean);  mean = None",
        "    return digit",
    ]


@pytest.mark.parametrize(
    ("shape", "test"),
    [
        ((3,), "x.shape[1:] != (3,)"),
        ((3, 4), "x.shape[1:] != (3, 4)"),
        ((None, 4), "x.ndim != 3 or x.shape[2] != 4"),
        ((None, None), "x.ndim != 3"),
        ((), "x.ndim != 1"),
    ],
)
def test_the_check_of_an_input(shape, test):
    x = Input(shape, name="x")
    line = Model(x, x * 2).code.strip().splitlines()[1].strip()
    first = line.split(" or x.dtype")[0].removeprefix("if ")
    scope = {"torch": torch}
    good, bad = (
        torch.zeros(2, *(5 if size is None else size for size in shape)),
        torch.zeros(2, *(5 if n is None else n + 1 for n in shape), 9),
    )
    assert line.endswith("x.dtype is not torch.float32: x = self._standardize(x, 0)")
    assert eval(first, scope, {"x": good}) is False
    assert eval(first, scope, {"x": bad}) is True
    assert eval(test, scope, {"x": bad}) is True


def test_dead_branches_are_not_lowered():
    x = Input((4,))
    used, unused = Dense(2, name="used"), Dense(2, name="unused")
    out = used(x)
    unused(x)
    model = Model(x, out)
    assert set(model.state_dict()) == {"used.weight", "used.bias"}


def test_outputs_keep_their_structure():
    x = Input((4,))
    model = Model(x, {"b": [x + 1, (x + 2,)], "a": x})
    out = model(torch.zeros(1, 4))
    assert list(out) == ["b", "a"]
    assert type(out["b"]) is list
    assert type(out["b"][1]) is tuple
    assert [float(t[0, 0]) for t in (out["a"], out["b"][0], out["b"][1][0])] == [0, 1, 2]


def test_what_torch_gives_as_a_named_tuple_may_be_an_output():
    x = Input((4,))
    model = Model(x, x.max(1))
    value = torch.randn(3, 4)
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        values, indices = each(value)
        assert torch.equal(values, value.max(1).values)
        assert torch.equal(indices, value.max(1).indices)


def test_constants_are_buffers_that_move_with_the_model():
    x = Input((4,), batch_size=2)
    tensor, array = torch.arange(4.0), np.arange(4, dtype=np.float32)
    middle = x * tensor + array
    model = Model(x, torch.cat([middle, torch.zeros(2, 1)], 1))
    tensor += 100  # the graph has its own
    array += 100
    assert set(model.state_dict()) == {"constant", "constant_1", "constant_2"}
    wanted = torch.tensor([[0.0, 2.0, 4.0, 6.0, 0.0]] * 2)
    assert torch.equal(model(torch.ones(2, 4)), wanted)
    part = Model(x, middle)
    assert {name: buffer.data_ptr() for name, buffer in part.named_buffers()}.items() <= {
        n: b.data_ptr() for n, b in model.named_buffers()
    }.items()
    model.load_state_dict({name: buffer + 1 for name, buffer in model.state_dict().items()})
    assert float(tensor[0]) == 100
    assert float(array[0]) == 100
    assert torch.equal(part(torch.ones(2, 4)), wanted[:, :4] + 2)
    assert model.to(torch.float64)(torch.ones(2, 4)).dtype == torch.float64


class Thing:
    def __repr__(self):
        return "Thing()"


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda x: x.new_full((2,), 3, dtype=torch.int64, layout=torch.strided), None),
        (lambda x: F.interpolate(x[:, None], size=8, mode="nearest"), None),
        (lambda x: x.to(memory_format=torch.contiguous_format), None),
        (lambda x: torch.full_like(x, complex(1, 2), dtype=torch.complex64), None),
        (lambda x: x * np.int32(3), None),
        (lambda x: x.reshape(np.int64(-1), 2, 2), None),
        (lambda x: x.sum(range(1, 2)), "a graph can hold tensors, numbers, strings and dtypes as arguments, not range range(1, 2)"),
    ],
)
def test_the_arguments_that_a_graph_can_hold(call, what):
    x = Input((4,))
    try:
        out = call(x)
    except ValueError:
        pytest.fail("recording refused it") if what is None else None
        return
    if what is None:
        value = torch.randn(2, 4)
        assert torch.equal(Model(x, out)(value), call(value))
        return
    with pytest.raises(GraphError) as caught:
        Model(x, out)
    assert str(caught.value).startswith(what)


def test_a_nested_model_is_one_module_and_inline_in_a_fixed_mode():
    x = Input((4,))
    inner = Model(x, Dropout(0.5)(Dense(4, name="d")(x)), name="inner")
    y = Input((4,))
    plain, fixed = Model(y, inner(y)), Model(y, inner(y, training=False))
    assert [node.target for node in plain.graph.nodes if node.op == "call_module"] == ["inner"]
    assert [node.target for node in fixed.graph.nodes if node.op == "call_module"] == ["inner.d"]
    value = torch.randn(64, 4)
    fixed.train()
    assert torch.equal(fixed(value), inner.eval()(value))
    assert set(plain.state_dict()) == set(fixed.state_dict()) == {"inner.d.weight", "inner.d.bias"}


# Constants of nested, cut, moved and copied models


def nested_constants():
    x = Input((2,))
    inner = Model(x, x * torch.tensor([10.0, 20.0]), name="inner")
    y = Input((2,))
    return Model(y, inner(y + torch.tensor([1.0, 2.0]))), torch.tensor([[20.0, 60.0]])


@pytest.mark.parametrize("training", [None, False, True])
def test_a_nested_model_reads_its_own_constants_in_any_mode(training):
    model, wanted = nested_constants()
    assert torch.equal(model(torch.ones(1, 2), training=training), wanted)


def test_a_nested_model_in_a_fixed_mode_has_its_constants_once():
    x = Input((2,))
    inner = Model(x, x * torch.ones(2), name="inner")
    y = Input((2,))
    assert set(Model(y, inner(y, training=False)).state_dict()) == set(Model(y, inner(y)).state_dict())


def test_the_constants_of_a_half_have_the_keys_of_the_whole():
    x = Input((2,))
    middle = x * torch.ones(2)
    end = middle + torch.full((2,), 5.0)
    whole, half = Model(x, end), Model(middle, end)
    assert {name: b.data_ptr() for name, b in half.named_buffers()}.items() <= {
        name: b.data_ptr() for name, b in whole.named_buffers()
    }.items()


@pytest.mark.parametrize(
    "again", [lambda model: model, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["same", "deepcopy", "pickle"]
)
def test_a_part_of_a_moved_model_has_its_constants_where_the_model_has_them(again):
    x = Input((2,))
    middle = Dense(2)(x) * torch.ones(2)
    model = again(Model(x, middle + 1)).to(torch.float64)
    part = Model(model.inputs, model.operations[-1].parents[0])
    assert part(torch.ones(1, 2, dtype=torch.float64)).dtype == torch.float64
    assert {name: t.data_ptr() for name, t in part.state_dict().items()}.items() <= {
        name: t.data_ptr() for name, t in model.state_dict().items()
    }.items()
