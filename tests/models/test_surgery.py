"""Graph surgery: extractors by name, edited models over the same weights, freezing by glob, and modules swapped under the layers."""

from __future__ import annotations

import copy
import pickle
import re
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from layergraph import Functional, Input, Layer, Model, Sequential, layers
from layergraph.errors import ArgumentError, GraphError, NameTakenError, ShapeError
from layergraph.layers import Add, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Flatten, GlobalAveragePooling2D

HERE = "test_surgery.py"
COPIES = [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]


def same(first, second) -> None:
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 8, 8, 3, generator=torch.Generator().manual_seed(n))


def cnn() -> Model:
    """A residual CNN with a norm, dropouts, a torch call, a constant and two outputs."""
    image = Input((8, 8, 3), name="image")
    x = Conv2D(4, 3, padding="same", activation="relu", name="stem")(image)
    x = BatchNormalization(name="norm")(x)
    x = Add(name="skip")([Conv2D(4, 1, name="projection")(image), x])
    x = torch.tanh(x) * torch.arange(4.0)
    x = Dropout(0.5, name="drop_a")(x)
    features = Dropout(0.5, name="drop_b")(GlobalAveragePooling2D(name="features")(x))
    return Model(image, {"kind": Dense(3, name="kind")(features), "box": [Dense(2, name="box")(Flatten(name="flat")(x))]}, name="net")


def mlp() -> Model:
    x = Input((6,), name="x")
    y = Dense(5, activation="relu", name="body")(x)
    y = Dropout(0.5, name="drop")(y)
    y = Dense(4, name="features")(y)
    return Model(x, Dense(2, name="head")(torch.relu(y)), name="mlp")


def nested() -> Model:
    """outer(x) = head(mid(x) + x), mid = inner twice around a torch call."""
    a = Input((4,), name="a")
    inner = Model(a, Dense(4, name="second")(Dense(4, activation="tanh", name="first")(a)), name="inner")
    b = Input((4,), name="b")
    mid = Model(b, inner(torch.sin(inner(Dense(4, name="entry")(b)))), name="mid")
    c = Input((4,), name="c")
    return Model(c, Dense(2, name="head")(Add(name="sum")([mid(c), c])), name="outer")


def shares_keys(part: nn.Module, whole: nn.Module) -> bool:
    """Whether the one's state_dict is a part of the other's, key by key, in the same memory."""
    known = whole.state_dict()
    return all(key in known and value.data_ptr() == known[key].data_ptr() for key, value in part.state_dict().items())


def told(error: BaseException) -> str:
    return re.sub(rf"\S*{HERE}:\d+(: .*)?", "HERE", str(error))


# at: what it gives


def test_one_name_gives_a_bare_tensor_and_several_a_dict_by_name():
    model = cnn().eval()
    x = images()
    one = model.at("features")
    assert type(one).__mro__[1] is Functional
    same(one(x), Model(model.inputs, model.get_layer("features").output)(x))
    for several in (model.at("stem", "features"), model.at(["stem", "features"]), model.at(("stem",), "features")):
        out = several(x)
        assert list(out) == ["stem", "features"]
        same(out["features"], one(x))
    assert list(model.at(["stem"])(x)) == ["stem"]
    assert list(model.at("drop_*")(x)) == ["drop_a", "drop_b"]
    assert list(model.at("drop_[a]")(x)) == ["drop_a"]
    assert list(model.at("features", "drop_*", "drop_b")(x)) == ["features", "drop_a", "drop_b"]


def test_an_extractor_shares_the_weights_and_computes_what_it_needs():
    model = cnn()
    part = model.at("norm")
    assert [layer.name for layer in part.layers] == ["image", "stem", "norm"]
    assert part.stem is model.stem
    assert shares_keys(part, model)
    assert part.input_names == model.input_names
    model.eval()
    assert not model.at("norm").training
    same(model.at("image")(images()), images())


def test_torch_calls_are_found_by_their_names_in_the_code():
    model = cnn().eval()
    assert "tanh = torch.tanh(add)" in model.code
    same(model.at("tanh")(images()), torch.tanh(model.at("skip")(images())))
    x = Input((4,))
    y = torch.relu(x) - torch.relu(-x)
    model = Model(x, Dense(1)(y))
    t = torch.randn(3, 4)
    same(model.at("relu_1")(t), torch.relu(-t))
    same(model.at("neg", "sub")(t)["sub"], t)
    first, _ = x.chunk(2, -1)
    parts = Model(x, first).at("chunk")(t)
    same(parts[1], t[:, 2:])


def test_a_layer_comes_before_a_torch_call_of_the_same_name():
    x = Input((3,))
    model = Model(x, torch.relu(Dense(3, name="relu")(x)))
    assert type(model.at("relu").layers[-1]) is Dense
    assert "torch.relu" not in model.at("relu").code


def test_a_layer_that_is_called_several_times_is_asked_for_by_call():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Dense(4, name="shared")
    model = Model([a, b], layers.Subtract()([shared(a), shared(b)]))
    with pytest.raises(ArgumentError) as caught:
        model.at("shared")
    assert told(caught.value) == (
        "Dense 'shared' is called 2 times in Functional\n"
        "  'shared:0' gives (None, 4), called at HERE\n"
        "  'shared:1' gives (None, 4), called at HERE\n"
        "  at HERE\n"
        "  fix: say which call: 'shared:0', or 'shared:*' for all"
    )
    x, y = torch.randn(2, 3), torch.randn(2, 3)
    same(model.at("shared:1")(x, y), model.shared(y))
    both = model.at("shared:*")(x, y)
    assert list(both) == list(model.at("sh*")(x, y)) == ["shared:0", "shared:1"]
    same(both["shared:0"] - both["shared:1"], model(x, y))


@pytest.mark.parametrize("copied", [lambda model: model, *COPIES], ids=["as_made", "deepcopy", "pickle"])
def test_inside_nested_models(copied):
    model = copied(nested()).eval()
    x = torch.randn(3, 4)
    entry = model.mid.entry(x)
    first = torch.tanh(model.mid.inner.first(entry))
    part = model.at("mid/entry")
    same(part(x), entry)
    assert sorted(part.state_dict()) == ["mid.entry.bias", "mid.entry.weight"]
    assert part.mid.entry is model.mid.entry
    same(model.at("mid/inner:0/first")(x), first)
    several = model.at("mid/inner:*/f*", "head", "mid/sin", "mid")
    out = several(x)
    assert list(out) == ["mid/inner:0/first", "mid/inner:1/first", "head", "mid/sin", "mid"]
    same(out["mid/inner:0/first"], first)
    again = model.mid.inner(torch.sin(model.mid.inner(entry)))
    same(out["head"], model(x))
    same(out["mid"], again)
    assert shares_keys(several, model)
    assert set(several.state_dict()) == set(model.state_dict())
    same(copied(several)(x)["head"], model(x))
    assert copied(several).state_dict().keys() == several.state_dict().keys()
    same(several.at("mid")(x)[0], again)  # beside its outputs, the cut gives what was asked for inside


def test_what_is_not_needed_of_a_nested_model_is_not_computed():
    model = nested()
    part = model.at("mid/entry")
    assert [layer.name for layer in part.layers] == ["c", "mid"]
    assert [layer.name for layer in part.get_layer("mid").layers] == ["b", "entry"]


def test_a_nested_model_called_in_a_fixed_mode_keeps_it():
    image = Input((8, 8, 3))
    base = cnn()
    model = Model(image, base(image, training=False)["kind"])
    x = images()
    model.train()
    same(model.at("net/features")(x), base.at("features")(x, training=False))
    assert not torch.equal(base.at("norm")(x), model.at("net/norm")(x))


def test_keys_stay_where_automatic_names_meet():
    """The younger of two settled automatic names has another key in this model; a cut of this model keeps it."""
    x = Input((3,))
    first, second = Dense(3), Dense(3)
    assert (first.name, second.name) == ("dense", "dense")
    model = Model(x, second(torch.relu(first(x))))
    assert list(model.layer_names()) == ["input_layer", "dense", "dense_1"]
    changed = model.replace("dense", None)
    assert list(changed.layer_names()) == ["input_layer", "dense_1"]
    assert shares_keys(changed, model)
    for copied in COPIES:
        twin = copied(changed)
        assert list(twin.state_dict()) == ["dense_1.weight", "dense_1.bias"]
        same(twin(torch.ones(1, 3)), changed(torch.ones(1, 3)))
    named = model.replace("dense", Dense(3))
    assert list(named.layer_names()) == ["input_layer", "dense", "dense_1"]


def test_extractors_compile_and_export():
    model = nested().eval()
    part = model.at("mid/inner:1/first", "head")
    x = torch.randn(3, 4)
    compiled = torch.compile(part, fullgraph=True, backend="aot_eager")(x)
    torch.testing.assert_close(compiled, part(x))
    exported = torch.export.export(part, (x,)).module()(x)
    torch.testing.assert_close(exported, part(x))


def test_structures_of_inputs_are_kept():
    left, right = Input((2,), name="l"), Input((3,), name="r")
    model = Model({"left": left, "right": right}, Concatenate(name="both")([Dense(2, name="d")(left), right]))
    part = model.at("d")
    assert part.input_names == ["left", "right"]
    assert part({"left": torch.ones(1, 2), "right": torch.zeros(1, 3)}).shape == (1, 2)
    assert list(model.input) == list(part.input)


def test_a_model_cut_at_an_inner_tensor_is_cut_again():
    model = cnn().eval()
    top = Model(model.get_layer("skip").output, model.get_layer("features").output)
    t = torch.randn(2, 8, 8, 4)
    part = top.at("drop_a")
    assert part.input_names == top.input_names == ["skip_output"]
    same(part(t), torch.tanh(t) * torch.arange(4.0))
    doubled = top.insert_after("skip_output", lambda x: x * 2)
    same(doubled(t), top(2 * t))
    same(pickle.loads(pickle.dumps(doubled))(t), top(2 * t))


def test_a_layer_with_several_outputs_gives_them():
    x = Input((5, 3))
    model = Model(x, layers.LSTM(4, return_state=True, name="lstm")(x)[0])
    assert [tuple(out.shape) for out in model.at("lstm")(torch.ones(2, 5, 3))] == [(2, 4)] * 3


# insert_after, replace, remove


def test_insert_after_a_layer():
    model = cnn().eval()
    x, before = images(), copy.deepcopy(model.state_dict())
    code = model.code
    changed = model.insert_after("norm", [Conv2D(4, 1, name="new"), torch.relu])
    assert [layer.name for layer in changed.layers].index("new") == [layer.name for layer in changed.layers].index("norm") + 1
    same(changed.at("skip")(x), model.at("projection")(x) + torch.relu(changed.at("new")(x)))
    assert changed.name == model.name == "net"
    assert list(changed(x)) == ["kind", "box"]
    assert isinstance(changed(x)["box"], list)
    assert model.code == code
    assert model.state_dict().keys() == before.keys()
    assert set(changed.state_dict()) == set(model.state_dict()) | {"new.weight", "new.bias"}
    assert all(value.data_ptr() == changed.state_dict()[key].data_ptr() for key, value in model.state_dict().items())
    assert model.get_layer("skip").output.node in model._plan.nodes
    assert not changed.new.training


def test_what_an_edit_does_not_reach_is_not_recorded_again():
    model = cnn()
    changed = model.replace("kind", Dense(7))
    untouched = set(model._plan.nodes) & set(changed._plan.nodes)
    assert len(untouched) == len(model._plan.nodes) - 1
    assert changed.input is model.input


def test_insert_after_an_input_an_output_and_a_torch_call():
    model = mlp().eval()
    x = torch.randn(3, 6)
    same(model.insert_after("x", lambda t: t * 2)(x), model(2 * x))
    same(model.insert_after("head", layers.Softmax())(x), torch.softmax(model(x), -1))
    same(model.insert_after("relu_1", lambda t: t * 0)(x), model.head.bias.expand(3, 2))
    same(model.insert_after({"x": lambda t: t * 2, "head": torch.sigmoid})(x), torch.sigmoid(model(2 * x)))


def test_replace_takes_the_name_the_words_and_the_mode():
    x = Input((50,), name="x")
    y = Dropout(0.5, name="drop")(Dense(50, name="body")(x), training=True)
    model = Model(x, y).eval()
    changed = model.replace("drop", Dropout(0.9))
    assert changed.drop.p == 0.9
    zeros = (changed(torch.ones(200, 50)) == 0).float().mean()
    assert 0.85 < zeros < 0.95
    body = model.replace("body", Dense(50, name="other"))
    assert [layer.name for layer in body.layers] == ["x", "other", "drop"]
    assert (body(torch.ones(200, 50)) == 0).any()
    assert (model.insert_after("x", torch.relu)(torch.ones(200, 50)) == 0).any()


def test_a_layer_that_is_built_keeps_its_weights():
    model = mlp().eval()
    head = Dense(2)
    head(torch.ones(1, 4))
    head.set_weights([np.ones((4, 2), "float32"), np.zeros(2, "float32")])
    changed = model.replace("head", head)
    assert (changed.head.weight == 1).all()
    other = model.replace("drop", model.get_layer("drop"))
    same(other(torch.ones(1, 6)), model(torch.ones(1, 6)))
    assert shares_keys(other, model)


def test_a_torch_module_is_wrapped():
    model, head = mlp().eval(), nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    edited = model.replace("head", head)
    assert edited.head is head
    assert not head.training
    assert list(edited.state_dict()) == [*list(model.state_dict())[:-2], "head.0.weight", "head.0.bias"]
    x = torch.randn(2, 6)
    same(edited(x), head(torch.relu(model.at("features")(x))))
    longer = edited.insert_after("features", [nn.Tanh(), nn.Linear(4, 4)])
    assert [layer.name for layer in longer.layers[-3:]] == ["tanh", "linear", "head"]
    for again in (lambda m: m, *COPIES):
        twin = again(longer)
        same(twin(x), head(torch.relu(twin.linear(torch.tanh(model.at("features")(x))))))


def test_replace_in_several_places():
    model = cnn().eval()
    changed = model.replace("drop_*", lambda x: Dropout(0.1)(x))
    assert [type(layer).__name__ for layer in changed.layers] == [type(layer).__name__ for layer in model.layers]
    assert [layer.rate for layer in changed.layers if isinstance(layer, Dropout)] == [0.1, 0.1]
    assert not any("drop" in layer.name for layer in model.replace(["drop_a", "drop_b"], None).layers)
    with pytest.raises(ArgumentError) as caught:
        model.replace("drop_*", Dropout(0.1))
    assert told(caught.value) == (
        "Functional 'net'.replace('drop_*') names 2 places, 'drop_a', 'drop_b', and one Dropout would be shared by them\n"
        "  at HERE\n"
        "  fix: give a function, which is called for each: lambda x: Dropout(...)(x)"
    )


def test_all_calls_of_a_shared_layer_or_one():
    x = Input((3,), name="x")
    shared = Dense(3, name="shared")
    model = Model(x, shared(torch.relu(shared(x))))
    t = torch.randn(2, 3)
    both = model.replace("shared", Dense(3))
    assert sorted(both.state_dict()) == ["shared.bias", "shared.weight"]
    assert both.shared is not model.shared
    same(both(t), both.shared(torch.relu(both.shared(t))))
    one = model.replace("shared:1", Dense(3, name="second"))
    same(one(t), one.second(torch.relu(model.shared(t))))
    assert one.shared is model.shared
    nameless = model.replace("shared:1", Dense(3))
    assert sorted(nameless.state_dict()) == ["dense.bias", "dense.weight", "shared.bias", "shared.weight"]
    same(model.insert_after("shared", torch.sin)(t), torch.sin(model.shared(torch.relu(torch.sin(model.shared(t))))))


def test_several_layers_whose_shapes_depend_on_each_other():
    model = mlp()
    with pytest.raises(ShapeError) as caught:
        model.replace("features", Dense(7))
    assert told(caught.value) == (
        "Dense 'head' does not fit any more after Functional 'mlp'.replace('features'): was built for a last axis of 4, got (None, 7)\n"
        "  got (None, 7) from torch relu, made at HERE\n"
        "  Dense 'head' was called at HERE\n"
        "  at HERE\n"
        "  fix: change both in one step: model.replace({'features': ..., 'head': ...})"
    )
    changed = model.replace({"features": Dense(7), "head": Dense(3)})
    assert changed.output_shape == (None, 3)
    assert changed.features.weight.shape == (7, 5)
    assert changed.body is model.body
    assert changed(torch.ones(1, 6)).shape == (1, 3)


def test_shapes_that_change_are_worked_out_again():
    model = cnn().eval()
    smaller = model.replace({"stem": Conv2D(4, 3, strides=2, padding="same"), "projection": Conv2D(4, 1, strides=2), "box": Dense(2)})
    assert smaller.get_layer("skip") is model.get_layer("skip")
    assert [tuple(out.shape) for out in smaller.at("skip", "flat")(images()).values()] == [(2, 4, 4, 4), (2, 64)]
    assert smaller.at("drop_a").output_shape == (None, 4, 4, 4)
    with pytest.raises(ShapeError) as caught:
        model.replace("stem", Conv2D(4, 3, strides=2, padding="same"))
    assert told(caught.value) == (
        "Add 'skip' does not fit any more after Functional 'net'.replace('stem'): "
        "cannot merge shapes (None, 8, 8, 4) and (None, 4, 4, 4): they do not broadcast\n"
        "  got (None, 8, 8, 4) from Conv2D 'projection', made at HERE\n"
        "  got (None, 4, 4, 4) from BatchNormalization 'norm', made at HERE\n"
        "  Add 'skip' was called at HERE\n"
        "  at HERE\n"
        "  fix: change both in one step: model.replace({'stem': ..., 'skip': ...})"
    )


def test_remove():
    model = cnn().eval()
    x = images()
    trunk = model.remove("drop_*")
    same(trunk(x)["kind"], model(x)["kind"])
    assert [layer.name for layer in trunk.layers if "drop" in layer.name] == []
    assert mlp().remove("head", "features", "relu_1").output_shape == (None, 5)
    assert mlp().remove("relu_1").output_shape == (None, 2)
    with pytest.raises(ArgumentError) as caught:
        model.remove("skip")
    assert told(caught.value) == (
        "Functional 'net'.remove('skip'): 'skip' takes 2 tensors, so it is open what would stand in its place\n"
        "  at HERE\n"
        "  fix: say it: model.replace('skip', lambda ...: ...)"
    )
    same(model.replace("skip", lambda tensors: tensors[1]).at("tanh")(x), torch.tanh(model.at("norm")(x)))


def test_torch_calls_are_replaced_with_their_tensors():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], torch.flatten(torch.cat([a, b], 1) + 1, 1))
    x, y = torch.randn(2, 4), torch.randn(2, 4)
    same(model.replace("cat", Concatenate())(x, y), model(x, y))
    same(model.replace("flatten", Flatten())(x, y), model(x, y))
    same(model.replace("add", lambda t: t - 1)(x, y), torch.cat([x, y], 1) - 1)


def test_inside_a_nested_model():
    model = nested().eval()
    x = torch.randn(3, 4)
    before = model(x)
    changed = model.replace("mid/inner/second", Dense(4, name="other"))
    inner = changed.mid.inner
    entry = model.mid.entry(x)
    step = lambda t: inner.other(torch.tanh(inner.first(t)))  # noqa: E731
    same(changed(x), model.head(step(torch.sin(step(entry))) + x))
    assert set(changed.state_dict()) == {key.replace("second", "other") for key in model.state_dict()}
    assert inner.first is model.mid.inner.first
    same(model(x), before)
    both = model.insert_after({"mid/entry": torch.relu, "head": torch.sigmoid})
    assert both.mid.entry is model.mid.entry
    assert "sigmoid" in both.code
    assert "relu" in both.mid.code
    assert shares_keys(both, model)
    same(pickle.loads(pickle.dumps(both))(x), both(x))
    assert model.remove("*/sin").mid.code.count("sin") < model.mid.code.count("sin")
    with pytest.raises(ArgumentError) as caught:
        model.replace("mid/inner:1/second", Dense(4))
    assert told(caught.value) == (
        "Functional 'inner' is one model that is called 2 times: inside, one call cannot differ\n"
        "  at HERE\n"
        "  fix: say 'inner' instead of 'inner:1', to change it for all its calls"
    )


def test_a_nested_model_s_new_shape_reaches_the_outer_layers():
    x = Input((4,), name="x")
    trunk = Sequential([Input((4,)), Dense(6, name="a"), Dense(5, name="b")], name="trunk")
    model = Model(x, Dense(2, name="head")(trunk(x)), name="whole")
    with pytest.raises(ShapeError) as caught:
        model.remove("trunk/b")
    assert told(caught.value) == (
        "Dense 'head' does not fit any more after Functional 'whole'.remove('trunk/b'): was built for a last axis of 5, got (None, 6)\n"
        "  got (None, 6) from Functional 'trunk', made at HERE\n"
        "  Dense 'head' was called at HERE\n"
        "  at HERE\n"
        "  fix: change both in one step: model.replace({'trunk/b': ..., 'head': ...})"
    )
    changed = model.replace({"trunk/b": None, "head": Dense(3)})
    assert sorted(changed.state_dict()) == ["head.bias", "head.weight", "trunk.a.bias", "trunk.a.weight"]
    assert changed(torch.ones(2, 4)).shape == (2, 3)


def test_a_sequential_gives_a_functional():
    model = Sequential([Input((4,)), Dense(3, name="a"), Dropout(0.5, name="drop"), Dense(2, name="b")], name="chain").eval()
    x = torch.randn(2, 4)
    changed = model.insert_after("a", torch.relu)
    assert type(changed).__mro__[1] is Functional
    assert changed.name == "chain"
    same(changed(x), model.b(torch.relu(model.a(x))))
    same(model.remove("b")(x), model.a(x))
    same(model.at("a")(x), model.a(x))
    model.add(Dense(1, name="c"))
    same(model(x), model.c(model.b(model.a(x))))
    assert model.at("c").output_shape == (None, 1)


def test_the_class_of_a_user_s_model_is_kept():
    class Mine(Model):
        def answer(self):
            return 42

    model = Mine(x := Input((3,)), Dense(2, name="d")(x))
    assert model.replace("d", Dense(5)).answer() == 42
    assert not hasattr(model.at("d"), "answer")


def test_edits_can_follow_each_other_and_be_copied():
    model = cnn().eval()
    x = images()
    changed = model.remove("drop_a").insert_after("stem", Dropout(0.2, name="new")).replace("kind", Dense(5))
    assert changed.get_layer("new").rate == 0.2
    for copied in COPIES:
        twin = copied(changed)
        same(twin(x)["box"][0], changed(x)["box"][0])
        same(twin.at("features")(x), changed.at("features")(x))
        same(Model(twin.inputs, twin.get_layer("norm").output)(x), changed.at("norm")(x))
        assert twin.state_dict().keys() == changed.state_dict().keys()


def test_layer_output_is_the_first_call_s_and_at_is_this_model_s():
    model = mlp().eval()
    changed = model.insert_after("body", lambda t: t * 0)
    x = torch.randn(2, 6)
    features = model.get_layer("features")
    assert features.output is model.get_layer("features").output
    assert features.output.node in model._plan.nodes
    same(Model(changed.inputs, features.output)(x), model.at("features")(x))
    same(changed.at("features")(x), model.features.bias.expand(2, 4))


def test_a_new_layer_comes_to_where_the_model_is():
    model = mlp().double().eval()
    changed = model.replace({"features": Dense(7), "head": Dense(3)})
    assert {p.dtype for p in changed.parameters()} == {torch.float64}
    assert changed(torch.ones(1, 6, dtype=torch.float64)).dtype is torch.float64
    meta = mlp().to("meta")
    assert {p.device.type for p in meta.replace("head", Dense(3)).parameters()} == {"meta"}


def test_training_reaches_the_shared_weights():
    model = mlp()
    tuned = model.replace("head", Dense(3))
    tuned.compile("sgd", loss="mse")
    before = model.body.weight.detach().clone()
    tuned.fit(torch.randn(16, 6), torch.randn(16, 3), epochs=1, verbose=0)
    assert not torch.equal(model.body.weight, before)


def every_name(model, prefix=""):
    """The paths of all layers, the ways into nested models through their first calls."""
    for layer in model.layers:
        if layer.calls and not isinstance(layer, layers.InputLayer):
            yield prefix + model._names[layer]
            if isinstance(layer, Functional):
                yield from every_name(layer, f"{prefix}{model._names[layer]}/")


def lines(model) -> list[str]:
    """What the code does, whatever the order of branches."""
    return sorted(line.split(";")[0].strip() for line in model.code.splitlines())


@pytest.mark.parametrize("make", [cnn, mlp, nested, lambda: copy.deepcopy(nested()), lambda: pickle.loads(pickle.dumps(cnn()))])
def test_what_replaces_itself_changes_nothing(make):
    model = make().eval()
    x = torch.randn(2, *model.inputs[0].shape[1:])
    names = list(every_name(model))
    assert len(names) >= 4
    for name in names:
        *way, last = name.split("/")
        owner = model
        for step in way:
            owner = owner.get_layer(step)
        layer = owner.get_layer(last)
        for changed in (
            model.replace(name, layer),
            model.replace(name, lambda *args, layer=layer, **kwargs: layer(*args, **kwargs)),
            model.insert_after(name, lambda value: value),
        ):
            torch.testing.assert_close(changed(x), model(x), rtol=0, atol=0)
            assert changed.state_dict().keys() == model.state_dict().keys()
            assert shares_keys(changed, model)
            assert lines(changed) == lines(model)


def test_words_and_masks_of_an_untouched_layer_are_kept():
    class Gated(Layer):
        def call(self, x, gate=None, power=1):
            return (x if gate is None else x * gate) ** power

    x, g = Input((3,), name="x"), Input((3,), name="g")
    y = Gated(name="gated")(Dense(3, name="d")(x), gate=torch.sigmoid(g), power=2)
    model = Model([x, g], y)
    t, u = torch.randn(2, 3), torch.randn(2, 3)
    changed = model.replace("d", lambda x: x + torch.ones(3))
    same(changed(t, u), ((t + 1) * torch.sigmoid(u)) ** 2)
    same(model.replace("gated", Gated())(t, u), model(t, u))
    same(model.replace("gated", lambda x, gate: x - gate)(t, u), model.d(t) - torch.sigmoid(u))
    same(model.insert_after("sigmoid", torch.neg)(t, u), (model.d(t) * -torch.sigmoid(u)) ** 2)
    with pytest.raises(ArgumentError, match="'gated' takes 2 tensors"):
        model.remove("gated")


def test_sizes_that_are_known_when_the_model_runs():
    frames = Input((None, 6), name="frames")
    n, t = frames.size(0), frames.size(1)
    y = Dense(4, name="each")(frames.reshape(n * t, 6))
    model = Model(frames, Dense(2, name="head")(y.view(n, t, 4).mean(1)))
    x = torch.randn(3, 5, 6)
    same(model.insert_after("frames", torch.sin)(x), model(torch.sin(x)))
    changed = model.replace({"each": Dense(8), "view": lambda y, n, t: y.view(n, t, 8), "head": Dense(3)})
    assert changed.output_shape == (None, 3)
    assert changed(x).shape == (3, 3)
    halved = model.insert_after("frames", lambda x: x[:, ::2])
    same(halved(x), model(x[:, ::2]))
    same(pickle.loads(pickle.dumps(halved))(x), halved(x))
    known = model.insert_after("frames", lambda x: x[:, :4])
    same(known(x), model(x[:, :4]))
    assert model.at("each").output_shape == (None, 4)


def test_optional_inputs_and_inputs_at_inner_tensors():
    class Scale(Layer):
        def call(self, x, by=None):
            return x if by is None else x * by

    x, by = Input((3,), name="x"), Input((3,), name="by", optional=True)
    scaled = Scale(name="scaled")(Dense(3, name="d")(x), by)
    model = Model([x, by], Dense(2, name="head")(scaled))
    t = torch.randn(2, 3)
    part = model.at("scaled")
    same(part([t, None]), model.d(t))
    same(model.insert_after("d", torch.sin)([t, None]), model.head(torch.sin(model.d(t))))
    top = Model(Input(tensor=scaled, name="hidden"), model.output)
    assert top.remove("head").input_names == top.at("head").input_names == ["hidden"]
    same(top.insert_after("hidden", torch.sin)(t), model.head(torch.sin(t)))


def test_after_a_layer_with_several_outputs():
    x = Input((5, 3))
    out, *state = layers.LSTM(4, return_state=True, name="lstm")(x)
    model = Model(x, [out, *state]).eval()
    t = torch.randn(2, 5, 3)
    changed = model.insert_after("lstm", lambda made: [made[0] * 2, *made[1:]])
    same(changed(t)[0], 2 * model(t)[0])
    same(changed(t)[1], model(t)[1])
    with pytest.raises(ArgumentError) as caught:
        model.insert_after("lstm", lambda made: made[0])
    assert told(caught.value) == (
        "Functional.insert_after('lstm'): LSTM 'lstm' gave a tensor here, and what stands there now gives "
        "<SymbolicTensor shape=(None, 4), dtype=float32, from LSTM 'lstm'>\n  at HERE"
    )


def test_ten_thousand_layers():
    limit = sys.getrecursionlimit()
    x = Input((2,), name="x")
    y = x
    for number in range(10_000):
        y = layers.ReLU(name=f"r{number}")(y)
    model = Model(x, y)
    changed = model.replace("r5000", lambda t: -t).insert_after("r0", torch.sigmoid).remove("r9999")
    assert len(changed.layers) == 9_999
    assert changed.at("r9998").output_shape == (None, 2)
    assert sys.getrecursionlimit() == limit


# Errors


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (
            lambda m: m.at("stam"),
            "Functional 'net' has no layer 'stam'\n"
            "  its layers are 'image', 'stem', 'projection', 'norm', 'skip', 'drop_a', 'features', 'flat', 'drop_b', 'box', 'kind'\n"
            "  its torch calls are 'tanh', 'mul'\n"
            "  at HERE\n"
            "  fix: did you mean 'stem'?",
        ),
        (
            lambda m: m.at("blok*"),
            "no layer of Functional 'net' matches 'blok*'\n"
            "  its layers are 'image', 'stem', 'projection', 'norm', 'skip', 'drop_a', 'features', 'flat', 'drop_b', 'box', 'kind'\n"
            "  its torch calls are 'tanh', 'mul'\n"
            "  at HERE",
        ),
        (
            lambda m: m.at("relu"),
            "'relu' in the code of Functional 'net' is a part of Conv2D 'stem'\n  at HERE\n  fix: give 'stem', the layer's name",
        ),
        (
            lambda m: m.at("stem/a"),
            "Conv2D 'stem' is no functional model: 'stem/a' cannot look inside it\n"
            "  at HERE\n"
            "  fix: a path leads through models made by Model(inputs, outputs) or Sequential",
        ),
        (lambda m: m.at("stem:3"), "Functional 'net' calls 'stem' 1 time(s): there is no call 3\n  at HERE"),
        (
            lambda m: m.at(),
            "Functional 'net'.at takes names of layers, none came\n  at HERE\n  fix: a name, a glob ('block1_*') or a path ('inner/conv')",
        ),
        (
            lambda m: m.at(m.layers[1]),
            "Functional 'net'.at takes names of layers, got Conv2D(filters=4, kernel_size=[3, 3], padding='same', activation='relu')\n"
            "  at HERE\n"
            "  fix: its name, 'stem'",
        ),
        (
            lambda m: m.replace("stem", Dense),
            "Functional 'net'.replace('stem'): Dense is a class, not a layer\n  at HERE\n  fix: make one: Dense(...)",
        ),
        (
            lambda m: m.replace("stem", nn.LazyLinear(3)),
            "wrap takes a module that has its weights, and LazyLinear makes some on its first call\n"
            "  at HERE\n"
            "  fix: call it on a tensor once, then wrap it",
        ),
        (
            lambda m: m.replace("stem", 3),
            "Functional 'net'.replace('stem'): int 3 is no layer\n  at HERE\n  fix: give a layer, a list of layers, or a function",
        ),
        (
            lambda m: m.replace("image", None),
            "Functional 'net'.replace('image'): 'image' is an Input\n"
            "  at HERE\n"
            "  fix: insert_after can be told to change what comes from it",
        ),
        (
            lambda m: m.replace("stem"),
            "Functional 'net'.replace does not say what is new\n  at HERE\n  fix: replace('dense', Dense(4))",
        ),
        (
            lambda m: m.insert_after("stem", []),
            "Functional 'net'.insert_after('stem'): there is nothing to insert\n"
            "  at HERE\n"
            "  fix: give a layer, a list of layers, or a function",
        ),
        (
            lambda m: m.replace({"drop_*": None, "drop_a": None}),
            "Functional 'net'.replace('drop_a'): 'drop_a' is named twice\n  at HERE\n  fix: say once what is to be there",
        ),
        (
            lambda m: m.replace("stem", lambda x: 3),
            "Functional 'net'.replace('stem'): Conv2D 'stem' gave a tensor here, and what stands there now gives 3\n  at HERE",
        ),
        (
            lambda m: m.replace({"stem": None}, Dense(3)),
            "Functional 'net'.replace takes a dict, or names and what is new; both came\n"
            "  at HERE\n"
            "  fix: replace({'a': Dense(4), 'b': Dense(2)})",
        ),
    ],
)
def test_wrong_uses_are_told(do, says):
    model = cnn()
    with pytest.raises(ArgumentError) as caught:
        do(model)
    assert told(caught.value) == says


def test_an_unknown_name_inside_a_nested_model():
    with pytest.raises(ArgumentError) as caught:
        nested().at("mid/inner:0/furst")
    assert told(caught.value) == (
        "Functional 'inner' has no layer 'furst', asked for by 'mid/inner:0/furst'\n"
        "  its layers are 'a', 'first', 'second'\n"
        "  at HERE\n"
        "  fix: did you mean 'first'?"
    )


def test_a_name_that_is_taken():
    with pytest.raises(NameTakenError, match="two layers are named 'head'"):
        mlp().replace("body", Dense(5, name="head"))


def test_another_graph_s_tensor():
    other = Dense(5)(Input((6,), name="other"))
    with pytest.raises(GraphError, match="is not connected to `inputs`: it also depends on Input 'other'"):
        mlp().replace("body", lambda x: other)


def test_the_user_s_own_errors_pass():
    def broken(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        mlp().replace("body", broken)


# Freezing


def test_freeze_by_glob():
    model = cnn()
    assert model.freeze("norm", "proj*") == ["norm", "projection"]
    assert not model.norm.training
    assert not model.projection.weight.requires_grad
    assert model.stem.weight.requires_grad
    model.train()
    assert not model.norm.training
    assert model.unfreeze("*") == [layer.name for layer in model.layers]
    assert all(p.requires_grad for p in model.parameters())
    assert model.norm.training


def test_freeze_inside_nested_models():
    model = nested()
    assert model.freeze("mid/inner/*", ["head"]) == ["mid/inner/a", "mid/inner/first", "mid/inner/second", "head"]
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"mid.entry.weight", "mid.entry.bias"}
    assert model.freeze("mid") == ["mid"]
    assert not any(p.requires_grad for p in model.parameters())
    model.unfreeze("*/entry")
    assert model.mid.entry.weight.requires_grad


def test_freeze_in_a_subclassed_model_goes_by_attributes():
    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.trunk, self.head = mlp(), Dense(2)

        def call(self, x):
            return self.head(self.trunk(x))

    model = Mine()
    model(torch.ones(1, 6))
    assert model.freeze("trunk/b*", "he*") == ["trunk/body", "head"]
    assert not model.head.kernel.requires_grad
    assert not model.trunk.body.weight.requires_grad
    assert model.trunk.features.weight.requires_grad


def test_frozen_weights_are_not_trained():
    model = mlp()
    model.freeze("body", "features")
    before = copy.deepcopy(model.state_dict())
    model.compile("sgd", loss="mse")
    model.fit(torch.randn(16, 6), torch.randn(16, 2), epochs=1, verbose=0)
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"head.weight", "head.bias"}


def test_a_glob_that_matches_nothing_freezes_nothing():
    model = mlp()
    with pytest.raises(ArgumentError) as caught:
        model.freeze("body", "blok*")
    assert told(caught.value) == (
        "no layer of Functional 'mlp' matches 'blok*'\n  its layers are 'x', 'body', 'drop', 'features', 'head'\n  at HERE"
    )
    assert model.body.weight.requires_grad


# Modules swapped on the model


class Doubled(nn.Module):
    """Twice what a module gives, as an adapter around it."""

    def __init__(self, base: nn.Module):
        super().__init__()
        self.base = base
        self.extra = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, *args):
        return self.extra * self.base(*args)


class Two(Layer):
    """Two modules with weights, and one without."""

    def build(self, input_shape):
        self.first, self.second = nn.Linear(input_shape[-1], 4), nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5)

    def call(self, x):
        return self.drop(self.second(self.first(x)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4)


Two._inlined = True  # as our own layers are


class Scaled(Layer):
    """A user's layer: one opaque module in the graph."""

    def build(self, input_shape):
        self.inner = nn.Linear(input_shape[-1], input_shape[-1])

    def call(self, x):
        return self.inner(x) * 3


def swappable() -> Model:
    """Every kind of thing that can be swapped, in a chain."""
    a = Input((4,), name="a")
    sub = Model(a, Dense(4, name="dense")(a), name="sub")
    image = Input((6, 6, 3), name="image")
    y = Dropout(0.5, name="drop")(Conv2D(4, 3, name="conv")(image))
    y = GlobalAveragePooling2D(name="pool")(y)
    y = Dense(4, name="dense")(y)
    y = Two(name="two")(y)
    y = Scaled(name="scaled")(y)
    return Model(image, Dense(2, name="head")(sub(y)), name="whole").eval()


def by_attribute(model, path):
    *way, name = path.split(".")
    parent = model.get_submodule(".".join(way))
    setattr(parent, name, Doubled(getattr(parent, name)))


def by_dict(model, path):
    *way, name = path.split(".")
    parent = model.get_submodule(".".join(way))
    parent._modules[name] = Doubled(parent._modules[name])


def by_set_submodule(model, path):
    model.set_submodule(path, Doubled(model.get_submodule(path)))


WAYS = [by_attribute, by_dict, by_set_submodule]
PATHS = ["conv", "drop", "dense", "two.first", "two.second", "two.drop", "scaled", "sub", "sub.dense", "head"]


def pixels() -> torch.Tensor:
    return torch.randn(2, 6, 6, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", PATHS)
def test_a_swapped_module_is_seen_by_whatever_is_cut_afterwards(way, path):
    model = swappable()
    early, x = model.at("head"), pixels()
    before = model(x)
    way(model, path)
    expected = model(x)
    assert not torch.equal(expected, before)
    if path != "sub.dense" and not path.startswith("two."):  # those two share what is below the top
        same(early(x), before)
    same(model.at("head")(x), expected)
    same(Model(model.inputs, model.get_layer("head").output)(x), expected)
    same(model.insert_after("head", torch.sigmoid)(x), torch.sigmoid(expected))
    if path != "drop":
        same(model.remove("drop")(x), expected)
    points = model.at("conv", "drop", "pool", "dense", "two", "scaled", "sub", *(["sub/dense"] if path != "sub" else []))(x)
    hidden = dict.fromkeys(points)
    handles = [
        model.get_submodule(name).register_forward_hook(lambda m, args, out, name=name: hidden.update({name: out}))
        for name in ("scaled", "sub")
    ]
    model(x)
    for handle in handles:
        handle.remove()
    same(points["scaled"], hidden["scaled"])
    same(points["sub"], hidden["sub"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle"])
def test_a_swapped_module_is_in_copies_and_in_what_is_cut_from_them(way, path, copied):
    model, x = swappable(), pixels()
    way(model, path)
    twin = copied(model)
    same(twin(x), model(x))
    same(twin.at("head")(x), model(x))
    same(Model(twin.inputs, twin.get_layer("head").output)(x), model(x))
    assert {id(p) for p in twin.parameters()}.isdisjoint(id(p) for p in model.parameters())
    part = model.at("head", "sub/dense") if path != "sub" else model.at("head", "scaled")
    same(copied(part)(x)["head"], model(x))


@pytest.mark.parametrize("path", PATHS)
def test_swapped_back(path):
    model, x = swappable(), pixels()
    before, module = model(x), model.get_submodule(path)
    by_dict(model, path)
    model.at("head")
    model.set_submodule(path, module)
    same(model.at("head")(x), before)
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in swappable().weights]
    model.at("head").get_weights()


@pytest.mark.parametrize("path", ["conv", "dense", "two.first", "scaled", "head"])
def test_the_layer_shows_and_freezes_the_weights_that_stand_there(path):
    model = swappable()
    by_dict(model, path)
    name = path.split(".")[0]
    model.freeze(name)
    assert not any(p.requires_grad for p in model.get_submodule(path).parameters())
    layer = model.get_layer(name)
    assert any(tensor is model.get_submodule(path).extra for tensor in layer.weights)
    assert sum(p.numel() for p in model.parameters()) == sum(w.numel() for w in model.weights)


def test_what_replaces_a_module_runs_in_the_layout_of_the_first():
    """Dropout runs under the pending permutation, so what is put in its place does too: in the model, and in what is cut from it."""
    image = Input((5, 6, 3), name="image")
    model = Model(image, GlobalAveragePooling2D(name="pool")(Dropout(0.5, name="drop")(Conv2D(4, 1, name="conv")(image))))
    seen = []

    class Looks(nn.Module):
        def forward(self, x):
            seen.append(tuple(x.shape))
            return x

    model.drop = Looks()
    x = torch.randn(2, 5, 6, 3)
    model(x)
    model.at("pool")(x)
    assert model.at("drop")(x).shape == (2, 5, 6, 4)
    assert seen == [(2, 4, 5, 6)] * 3


def test_a_shape_that_changes_under_a_swapped_layer_is_probed():
    model = mlp()
    model.features = Doubled(model.features)
    changed = model.replace({"head": [layers.Reshape((2, 2)), Flatten(), Dense(3)]})
    assert changed.output_shape == (None, 3)
    x = Input((None, 6), name="x")
    model = Model(x, Dense(2, name="b")(Dense(4, name="a")(x)))
    model.b = Doubled(model.b)
    pooled = model.insert_after("a", layers.GlobalAveragePooling1D())
    assert pooled.output_shape == (None, 2)
    assert pooled(torch.ones(2, 7, 6)).shape == (2, 2)


def test_parametrizations_are_seen_and_frozen():
    class Symmetric(nn.Module):
        def forward(self, weight):
            return weight.triu() + weight.triu(1).transpose(-1, -2)

    x = Input((4,), name="x")
    model = Model(x, Dense(2, name="head")(Two(name="two")(Dense(4, name="dense")(x))), name="m").eval()
    parametrize.register_parametrization(model.dense, "weight", Symmetric())
    parametrizations.weight_norm(model.two.first)
    t = torch.randn(2, 4)
    same(model.at("head")(t), model(t))
    same(model.at("dense")(t), F.linear(t, model.dense.weight, model.dense.bias))
    assert model.freeze("dense", "two") == ["dense", "two"]
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"head.weight", "head.bias"}
    assert model.count_params() == sum(p.numel() for p in model.parameters())
    twin = copy.deepcopy(model)
    same(twin.at("head")(t), model(t))
    model.unfreeze("*")
    parametrize.remove_parametrizations(model.dense, "weight")
    assert [w.shape for w in model.get_layer("dense").get_weights()] == [(4, 4), (4,)]
    assert any(w is model.dense.weight for w in model.get_layer("dense").weights)
    same(model.at("dense")(t), model.dense(t))


@pytest.mark.parametrize("path", ["sub", "sub.dense"])
def test_a_swapped_module_in_a_fixed_mode(path):
    image = Input((6, 6, 3))
    base = swappable()
    model = Model(image, base(image, training=False))
    by_dict(model, f"whole.{path}")
    x = pixels()
    model.eval()
    same(Model(model.inputs, model.outputs)(x), base.eval()(x))
    same(model.at("whole/head")(x), base.eval()(x))


@pytest.mark.parametrize("path", ["sub", "scaled"])
def test_an_empty_container_is_a_module_too(path):
    model = swappable()
    setattr(model, path, nn.Sequential())
    same(model.at("head")(pixels()), model(pixels()))


def test_inputs_at_two_outputs_of_one_call():
    x = Input((5, 3))
    _, hidden, cell = layers.LSTM(4, return_state=True)(x)
    model = Model([hidden, cell], Add()([hidden, cell]))
    names = model.input_names
    s, t = torch.randn(2, 4), torch.randn(2, 4)
    same(model.insert_after({names[0]: torch.sin, names[1]: torch.cos})(s, t), torch.sin(s) + torch.cos(t))
    same(model.at(names[1])(s, t), t)


def test_a_path_into_a_model_that_was_replaced():
    model = swappable()
    by_dict(model, "sub")
    with pytest.raises(ArgumentError) as caught:
        model.at("sub/dense")
    assert told(caught.value) == (
        "Functional 'sub' was replaced by a Doubled: 'sub/dense' cannot look inside it\n"
        "  at HERE\n"
        "  fix: a path leads through models made by Model(inputs, outputs) or Sequential"
    )


def test_a_swap_in_one_model_is_not_undone_by_an_older_extractor():
    model, x = swappable(), pixels()
    early = model.at("head")
    by_dict(model, "dense")
    expected = model.at("head")(x)
    assert early.inputs
    same(model.at("head")(x), expected)
    assert any(w is model.dense.extra for w in model.get_layer("dense").weights)


def test_a_sequential_that_grows_keeps_what_was_swapped():
    model = Sequential([Input((4,)), Dense(4, name="a")]).eval()
    model._modules["a"] = Doubled(model.a)
    model.add(Dense(2, name="b"))
    x = torch.randn(2, 4)
    same(model(x), model.b(model.a(x)))
    assert type(model.a) is Doubled
    model.pop()
    same(model.at("a")(x), model.a(x))
    for copied in COPIES:
        same(copied(model).at("a")(x), model.a(x))
