"""A Functional is a plain nn.Module and an fx.GraphModule, however it is called, copied, cut or compiled."""

from __future__ import annotations

import copy
import gc
import pickle
import threading

import numpy as np
import pytest
import torch
from torch import fx, nn

import layergraph
from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ArgumentError, DataError, GraphError, NameTakenError, NotBuiltError


def cnn() -> Model:
    """A residual CNN with a norm, a dropout, two inputs' worth of shapes and two outputs."""
    image = Input((12, 10, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Add(name="skip")([layers.Conv2D(8, 1, name="projection")(image), x])
    x = layers.Dropout(0.5, name="drop")(layers.MaxPooling2D(name="pool")(x))
    features = layers.GlobalAveragePooling2D(name="features")(x)
    kind = layers.Dense(4, activation="softmax", name="kind")(features)
    box = layers.Dense(2, name="box")(layers.Flatten()(x))
    return Model(image, [kind, box], name="net")


def two_inputs() -> Model:
    a, b = Input((3,), name="a"), Input((4,), name="b")
    return Model([a, b], layers.Dense(2)(layers.Concatenate()([layers.Dense(4)(a), b])))


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 12, 10, 3, generator=torch.Generator().manual_seed(n))


def same(first, second) -> None:
    torch.testing.assert_close(first, second, rtol=0, atol=0)


# What it is


def test_is_a_graph_module_of_stock_parts():
    model = cnn()
    assert isinstance(model, fx.GraphModule)
    assert isinstance(model, Model)
    assert {type(module) for name, module in model.named_modules() if name} == {nn.Conv2d, nn.BatchNorm2d, nn.Dropout, nn.Linear}
    assert not any("layergraph" in str(node.target) for node in model.graph.nodes)
    assert type(model).__name__ == "Functional"


def test_the_names_given_are_seen_in_code_keys_and_layers():
    model = cnn()
    assert "def forward(self, image):" in model.code
    assert "self.stem(" in model.code
    assert {key.split(".")[0] for key in model.state_dict()} == {"stem", "norm", "projection", "kind", "box"}
    assert [layer.name for layer in model.layers] == [
        "image", "stem", "projection", "norm", "skip", "pool", "drop", "features", "flatten", "kind", "box",
    ]  # fmt: skip


def test_lowers_to_what_a_good_engineer_would_write():
    model = cnn()
    lines = [line.split(";")[0].strip() for line in model.code.strip().splitlines()]
    assert lines == [
        "def forward(self, image):",
        "if image.shape[1:] != (12, 10, 3) or image.dtype is not torch.float32: image = self._standardize(image, 0)",
        "permute = image.permute(0, 3, 1, 2)",
        "stem = self.stem(permute)",
        "relu = torch.relu(stem)",
        "norm = self.norm(relu)",
        "projection = self.projection(permute)",
        "add = projection + norm",
        "max_pool2d = torch.max_pool2d(add, (2, 2), (2, 2))",
        "drop = self.drop(max_pool2d)",
        "mean = torch.mean(drop, (2, 3))",
        "kind = self.kind(mean)",
        "softmax = torch.softmax(kind, -1)",
        "permute_1 = drop.permute(0, 2, 3, 1)",
        "flatten = permute_1.flatten(1)",
        "box = self.box(flatten)",
        "return [softmax, box]",
    ]


def test_images_stay_in_channels_last_memory():
    seen = []
    model = cnn().eval()
    model.stem.register_forward_hook(lambda module, args, out: seen.append((args[0], out)))
    model(images())
    ((given, made),) = seen
    assert given.is_contiguous(memory_format=torch.channels_last)
    assert made.is_contiguous(memory_format=torch.channels_last)


# Calling


@pytest.mark.parametrize(
    "call",
    [
        lambda m, a, b: m(a, b),
        lambda m, a, b: m([a, b]),
        lambda m, a, b: m((a, b)),
        lambda m, a, b: m({"a": a, "b": b}),
        lambda m, a, b: m({"b": b, "a": a}),
        lambda m, a, b: m(a=a, b=b),
        lambda m, a, b: m(a, b=b),
        lambda m, a, b: m(a.numpy(), b.numpy()),
        lambda m, a, b: m([a.numpy().astype("float64"), b]),
        lambda m, a, b: m(a.double(), b),
        lambda m, a, b: m(a.unsqueeze(-1), b),
    ],
    ids="positions list tuple dict dict_order keywords mixed numpy float64 double rank".split(),
)
def test_call_conventions(call):
    model = two_inputs()
    a, b = torch.randn(5, 3), torch.randn(5, 4)
    same(call(model, a, b), model.forward(a, b))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m(torch.ones(1, 3)), "expects 2 input(s), 'a', 'b', got 1: (1, 3)"),
        (lambda m: m({"a": torch.ones(1, 3)}), "the data lacks 'b'; it came with keys ['a']"),
        (lambda m: m({"a": torch.ones(1, 3), "b": torch.ones(1, 4), "c": 1}), "the data has 'c', which is no input"),
        (lambda m: m(torch.ones(1, 3), c=torch.ones(1, 4)), "has no input named 'c'"),
        (lambda m: m(torch.ones(1, 3), torch.ones(1, 5)), "input 'b' wants shape (None, 4), got (1, 5)"),
        (lambda m: m(torch.ones(3), torch.ones(1, 4)), "add the batch axis, x[None] of shape (1, 3)"),
        (lambda m: m("text", torch.ones(1, 4)), "input 'a' cannot become a tensor: str 'text'"),
    ],
)
def test_wrong_data_is_told_with_the_line(call, says):
    with pytest.raises(DataError) as caught:
        call(two_inputs())
    assert says in str(caught.value)
    assert f"at {__file__}:" in str(caught.value)


def test_structures_of_outputs():
    x = Input((3,))
    a, b = layers.Dense(1, name="a")(x), layers.Dense(2, name="b")(x)
    t = torch.ones(2, 3)
    assert isinstance(Model(x, [a])(t), torch.Tensor)
    assert [type(out) for out in (Model(x, (a, b))(t), Model(x, [a, b])(t), Model(x, {"p": a, "q": b})(t))] == [tuple, list, dict]
    nested = Model(x, {"q": [b, (a, x)], "p": a})(t)
    assert list(nested) == ["q", "p"]
    assert nested["q"][1][1] is t
    assert Model(x, {"q": b, "p": a}).output_names == ["a", "b"]


def test_dict_inputs_are_named_by_their_keys():
    left, right = Input((2,), name="l"), Input((2,), name="r")
    model = Model({"left": left, "right": right}, layers.Subtract()([left, right]))
    same(model({"left": torch.ones(1, 2), "right": torch.zeros(1, 2)}), torch.ones(1, 2))
    assert model.input_names == ["left", "right"]


def test_an_input_may_be_an_output_and_need_not_be_used():
    a, b = Input((2,)), Input((3,))
    assert Model([a, b], a)(torch.ones(1, 2), torch.ones(1, 3)).shape == (1, 2)


# Modes


def test_modes_are_torch_s_and_training_overrides_them_for_a_call():
    model = cnn()
    assert model.training
    x = images()
    model.eval()
    same(model(x), model(x))
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(0)
    trained = model(x, training=True)
    assert not torch.equal(trained[0], model(x)[0])
    assert not torch.equal(before["norm.running_mean"], model.norm.running_mean)
    assert not any(module.training for module in model.modules())
    model.train()
    evaluated = model(x, training=False)
    same(evaluated, copy.deepcopy(model).eval()(x))
    assert all(module.training for module in model.modules())


def test_training_written_in_the_graph_holds_for_that_call_only():
    x = Input((50,))
    always = layers.Dropout(0.5)(x, training=True)
    never = layers.Dropout(0.5)(x, training=False)
    model = Model(x, [always, never, layers.Dropout(0.5)(x)]).eval()
    ones = torch.ones(1, 50)
    first, second, third = model(ones)
    assert (first == 0).any()
    same(second, ones)
    same(third, ones)
    same(model.train()(ones)[1], ones)


def test_a_nested_model_can_be_called_in_a_fixed_mode():
    base = cnn()
    image = Input((12, 10, 3))
    frozen = Model(image, base(image, training=False)[0])
    x = images()
    same(frozen.train()(x), base.eval()(x)[0])
    assert {key.removeprefix("net.") for key in frozen.state_dict()} == set(base.state_dict())
    assert frozen.net is base


def test_frozen_batch_normalization_stays_in_inference():
    model = cnn()
    model.get_layer("norm").trainable = False
    model.train()
    assert not model.norm.training
    assert model.drop.training
    before = model.norm.running_mean.clone()
    model(images())
    same(model.norm.running_mean, before)
    nn.Sequential(model).train()
    assert not model.norm.training
    model.get_layer("norm").trainable = True
    assert model.norm.training
    model.trainable = False
    assert not any(p.requires_grad for p in model.parameters())
    assert model.trainable_weights == []


# Sub-graphs


def test_extractors_share_weights_and_drop_dead_branches():
    model = cnn()
    extractor = Model(inputs=model.inputs, outputs=model.layers[3].output)
    assert [layer.name for layer in extractor.layers] == ["image", "stem", "norm"]
    whole, part = model.state_dict(), extractor.state_dict()
    assert set(part) < set(whole)
    assert all(part[key].data_ptr() == whole[key].data_ptr() for key in part)
    several = Model(model.inputs, [model.get_layer("features").output, model.get_layer("stem").output])
    model.eval()
    assert [tuple(out.shape) for out in several(images())] == [(2, 8), (2, 12, 10, 8)]
    with torch.no_grad():
        model.stem.weight.zero_()
    assert not several(images())[1].any() or several(images())[1].unique().numel() <= 8


def test_a_model_cut_in_two_composes_to_the_whole():
    model = cnn().eval()
    middle = model.get_layer("skip").output
    bottom, top = Model(model.inputs, middle), Model(middle, model.outputs)
    x = images()
    same(top(bottom(x)), model(x))
    assert top.input_names == ["skip_output"]
    assert set(bottom.state_dict()) | set(top.state_dict()) == set(model.state_dict())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("mode", [True, False])
def test_copies_are_equal_independent_and_can_be_cut(copied, mode):
    model = cnn().train(mode)
    model.get_layer("norm").trainable = False
    twin = copied(model)
    assert type(twin).__mro__[1] is type(model).__mro__[1]
    assert twin.code == model.code
    assert twin.name == "net"
    assert [m.training for m in twin.modules()] == [m.training for m in model.modules()]
    same(twin.eval()(images()), model.eval()(images()))
    assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in model.parameters()}
    extractor = Model(twin.inputs, twin.get_layer("features").output)
    same(extractor(images()), Model(model.inputs, model.get_layer("features").output).eval()(images()))
    assert extractor.stem is twin.stem
    assert twin.get_layer("stem").output.node.target is twin.get_layer("stem")
    twin.train()
    assert not twin.norm.training


def test_a_graph_edited_by_hand_survives_deepcopy_and_is_not_pickled():
    model = Model(x := Input((3,)), layers.Dense(2, activation="relu")(x))
    for node in model.graph.nodes:
        if node.target is torch.relu:
            node.target = torch.tanh
    model.recompile()
    t = torch.ones(1, 3)
    same(copy.deepcopy(model)(t), torch.tanh(model.dense(t)))
    with pytest.raises(TypeError, match="its fx graph was edited by hand; pickle its state_dict"):
        pickle.dumps(model)


def test_a_module_swapped_on_the_model_is_seen_by_later_extractors():
    class Doubled(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return 2 * self.inner(x)

    model = Model(x := Input((3,)), layers.Dense(1, name="head")(layers.Dense(2)(x)))
    before = Model(model.inputs, model.layers[1].output)(torch.ones(1, 3))
    model.dense = Doubled(model.dense)
    same(Model(model.inputs, model.layers[1].output)(torch.ones(1, 3)), 2 * before)
    same(model(torch.ones(1, 3)), model.head(2 * before))


def test_shared_layers_have_one_set_of_weights():
    a, b = Input((3,)), Input((3,))
    shared = layers.Dense(4, name="shared")
    model = Model([a, b], layers.Subtract()([shared(a), shared(b)]))
    assert len(list(model.parameters())) == 2
    same(model(torch.ones(1, 3), torch.ones(1, 3)), torch.zeros(1, 4))
    assert len(shared.calls) == 2
    assert shared.input is a


def test_nested_models_are_one_call_and_share_their_weights():
    x = Input((3,))
    inner = Model(x, layers.Dense(3, activation="tanh")(x), name="inner")
    y = Input((3,))
    outer = Model(y, inner(inner(y)))
    t = torch.ones(2, 3)
    same(outer(t), inner(inner(t)))
    assert list(outer.state_dict()) == ["inner.dense.weight", "inner.dense.bias"]
    same(copy.deepcopy(outer)(t), outer(t))
    same(pickle.loads(pickle.dumps(outer))(t), outer(t))


# Names


def test_names_do_not_depend_on_what_was_built_before():
    keys = [list(two_inputs().state_dict()) for _ in range(3)]
    assert keys[0] == keys[1] == keys[2] == ["dense.weight", "dense.bias", "dense_1.weight", "dense_1.bias"]


def test_two_settled_automatic_names_that_meet():
    x = Input((3,))
    first, second = layers.Dense(3), layers.Dense(3)
    assert (first.name, second.name) == ("dense", "dense")
    model = Model(x, second(first(x)))
    assert list(model.layer_names()) == ["input_layer", "dense", "dense_1"]
    assert model.get_layer("dense_1") is second


def test_two_given_names_that_meet_are_refused_with_both_places():
    x = Input((3,))
    y = layers.Dense(3, name="d")(layers.Dense(3, name="d")(x))
    with pytest.raises(NameTakenError) as caught:
        Model(x, y)
    assert str(caught.value).count(f"made at {__file__}:") == 2
    assert str(caught.value).startswith("two layers are named 'd': the names in a model must be unique")


# Errors at definition


def disconnected():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    Model(a, layers.Add()([a, b]))


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (
            disconnected,
            GraphError,
            "outputs is not connected to `inputs`: it also depends on Input 'b' of shape (None, 2), which is not among them",
        ),
        (
            lambda: Model(Input((2,)), layers.Dense(2)),
            GraphError,
            "outputs is the layer Dense itself; every one of `outputs` must be a symbolic tensor",
        ),
        (lambda: Model([], []), GraphError, "`inputs` is empty"),
        (lambda: Model(x := Input((2,)), x, name="a/b"), NameTakenError, "must not contain '/'"),
        (lambda: Model(x := Input((2,)), x, 1), TypeError, "takes inputs and outputs by position, got 3 arguments"),
        (lambda: Model(input=Input((2,)), output=1), ArgumentError, "unknown argument"),
        (lambda: Model([x := Input((2,)), x], x), GraphError, "inputs[1] is the same tensor as another of the inputs"),
        (lambda: cnn().get_layer("stam"), ArgumentError, "did you mean 'stem'?"),
        (lambda: cnn().get_layer(), ArgumentError, "takes a layer's name or its index; neither came"),
    ],
)
def test_wrong_models_are_told(make, kind, says):
    with pytest.raises(kind) as caught:
        make()
    assert says in str(caught.value)


@pytest.mark.parametrize("make", [lambda: cnn(), lambda: Sequential([layers.Dense(2)])], ids=["Functional", "Sequential"])
def test_layers_cannot_be_set(make):
    model = make()
    with pytest.raises(ArgumentError, match="`layers` is what the model is made of"):
        model.layers = []


# A plain nn.Module


def test_is_an_ordinary_module():
    model = cnn()
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in cnn().named_parameters()]
    twin = cnn()
    twin.load_state_dict(model.state_dict())
    same(twin.eval()(images()), model.eval()(images()))
    assert model.double()(images().double())[0].dtype is torch.float64
    assert model(images())[0].dtype is torch.float64  # a float32 input follows the model
    called = []
    handle = model.register_forward_hook(lambda module, args, out: called.append(len(args)))
    model(images())
    handle.remove()
    model(images())
    assert called == [1]


def test_functional_call_and_gradients():
    model = two_inputs()
    a, b = torch.randn(5, 3), torch.randn(5, 4)
    zeros = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    assert not torch.func.functional_call(model, zeros, (a, b)).any()
    assert model(a, b).any()
    model(a, b).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_compiles_in_one_graph(dynamic, train):
    torch.compiler.reset()
    model = cnn().train(train)
    model.drop.p = 0.0
    compiled = torch.compile(model, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for n in (3, 5) if dynamic else (3,):
        twin = copy.deepcopy(model)
        expected, got = twin(images(n)), compiled(images(n))
        torch.testing.assert_close(got, expected)
        if train:
            sum(out.sum() for out in got).backward()
            sum(out.sum() for out in expected).backward()
            torch.testing.assert_close(model.stem.weight.grad, twin.stem.weight.grad, rtol=1e-4, atol=1e-5)
            model.zero_grad()


def test_extractors_compile():
    torch.compiler.reset()
    model = cnn().eval()
    extractor = Model(model.inputs, model.get_layer("features").output)
    torch.testing.assert_close(torch.compile(extractor, fullgraph=True, backend="aot_eager")(images()), extractor(images()))


def test_exports_with_a_dynamic_batch():
    model = cnn().eval()
    exported = torch.export.export(model, (images(3),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(exported.module()(images(7)), model(images(7)))


# Robustness


def test_threads_build_models_at_once():
    results: list[list[str]] = []

    def work():
        for _ in range(5):
            results.append(list(cnn().state_dict()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    assert all(keys == results[0] for keys in results)


def test_a_call_makes_no_cyclic_garbage():
    model, x = cnn().eval(), images()
    with torch.no_grad():
        for _ in range(5):  # what earlier tests left may go in several rounds
            model(x)
            gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                model(x)
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_a_deep_chain_at_the_default_recursion_limit():
    x = first = Input((4,))
    for _ in range(2000):
        x = layers.Dense(4)(x) + x
    model = Model(first, x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.01)
    out = model(torch.full((1, 4), 1.0))
    out.sum().backward()
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    same(twin(torch.full((1, 4), 1.0)), out)
    assert len(Model(model.inputs, model.layers[1000].output).layers) == 1001


# An error while it runs


def test_a_failure_inside_the_graph_names_the_layer_and_both_lines():
    tokens = Input((2,), dtype="int64", name="tokens")
    model = Model(tokens, layers.Embedding(10, 4, name="table")(tokens))
    with pytest.raises(IndexError) as caught:
        model(torch.tensor([[1, -1]]))
    (note,) = caught.value.__notes__
    assert note.splitlines()[0].startswith("while Functional ran Embedding 'table', called at " + __file__)
    assert "index -1 is outside 0 .. 9" in note
    assert "which got a int64 tensor of shape (1, 2) on cpu" in note or "which got an int64 tensor" in note


# Subclasses


def test_a_subclass_with_call_is_an_ordinary_module():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(4, activation="relu")
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(self.hidden(x))

    net = Net()
    assert net(torch.ones(2, 3)).shape == (2, 1)
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]
    assert [layer.name for layer in net.layers] == ["dense", "dense"]
    same(copy.deepcopy(net)(torch.ones(2, 3)), net(torch.ones(2, 3)))


class Named(Model):
    """A subclass without an __init__ of its own: functional, and still itself."""

    def greet(self) -> str:
        return f"I am {self.name}"


def test_a_subclass_from_inputs_and_outputs_stays_itself():
    x = Input((3,))
    model = Named(x, layers.Dense(1)(x), name="it")
    assert isinstance(model, Named)
    assert isinstance(model, fx.GraphModule)
    assert pickle.loads(pickle.dumps(model)).greet() == copy.deepcopy(model).greet() == "I am it"


def test_sequential_and_models_answer_before_they_are_built():
    with pytest.raises(NotBuiltError, match="Sequential 'net' is not built"):
        _ = Sequential([layers.Dense(1)], name="net").output
    assert np.asarray(layergraph.Sequential([layers.Dense(1)]).get_weights()).size == 0


def test_a_layer_with_hooks_is_not_recorded():
    layer = layers.Dense(2, name="d")
    layer.register_forward_hook(lambda module, args, out: None)
    with pytest.raises(ArgumentError, match=r"Dense 'd' has hooks, and a graph runs its module, not the layer"):
        layer(Input((3,)))


def test_a_mode_for_a_call_follows_the_model_and_its_hooks():
    model = cnn()
    model(images(), training=False)
    model.double()
    torch.testing.assert_close(model(images(), training=False), copy.deepcopy(model).eval()(images()))
    with torch.no_grad():
        model.norm.running_mean.add_(1)
    torch.testing.assert_close(model(images(), training=False), copy.deepcopy(model).eval()(images()))
    seen = []
    model.register_forward_hook(lambda module, args, out: seen.append(module.training))
    same(model(images(), training=False), copy.deepcopy(model).eval()(images()))
    assert seen == [False, False]
    assert all(module.training for module in model.modules())


def test_several_inputs_compile():
    torch.compiler.reset()
    model, a, b = two_inputs(), torch.randn(5, 3), torch.randn(5, 4)
    torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="aot_eager")(a, b), model(a, b))
    torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="aot_eager")([a, b]), model(a, b))


def test_many_models_compile_in_one_process():
    """torch.compile gives up on a code object after eight recompilations; models do not share theirs."""
    for size in range(12):
        x = Input((size + 2,))
        model = Model(x, torch.relu(x))
        value = torch.randn(2, size + 2)
        assert torch.equal(torch.compile(model, backend="eager", fullgraph=True)(value), value.relu())
