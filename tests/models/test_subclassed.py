"""Subclassed models: an ordinary module with `fit`; inside functional models, around them, and made of one."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Functional, Input, Model, Sequential, layers, wrap
from layergraph.errors import LayergraphError
from layergraph.layers import BatchNormalization, Dense, Dropout, Layer

N = None
X, Y = np.random.RandomState(0).rand(16, 3).astype("float32"), np.ones((16, 2), "float32")


def told(error: BaseException) -> str:
    return re.sub(r"\S+\.py:\d+(: .*)?", "<line>", "\n".join([str(error), *getattr(error, "__notes__", [])]))


class Kerasy(Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.dense = Dense(units)
        self.dropout = Dropout(0.5)
        self.norm = BatchNormalization()

    def call(self, x, training=None):
        self.mode = training
        return self.norm(self.dropout(self.dense(x), training=training))


class Torchy(Model):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.dense = Dense(2)

    def forward(self, x):
        return self.dense(torch.relu(self.linear(x)))


class Holds(Model):
    """Functional and sequential models, and lists, as attributes."""

    def __init__(self):
        super().__init__()
        x = Input((3,))
        self.functional = Model(x, Dense(4)(x))
        self.stack = Sequential([Dense(5), Dense(2)])
        self.blocks = [Dense(2) for _ in range(2)]
        self.wrapped = wrap(nn.Linear(2, 2))

    def call(self, x):
        x = self.stack(self.functional(x))
        for block in self.blocks:
            x = block(x)
        return self.wrapped(x)


class FromSymbols(Model):
    """Keras's idiom: the graph is written in __init__."""

    def __init__(self, units=2, **kwargs):
        x = Input((3,))
        hidden = Dense(4, name="hidden")(x)
        super().__init__(inputs=x, outputs=Dense(units, name="head")(hidden), **kwargs)
        self.units = units

    def double(self):
        return 2 * self.units


every_model = pytest.mark.parametrize("make", [Kerasy, Torchy, Holds, FromSymbols], ids=lambda cls: cls.__name__)


@every_model
def test_it_trains_and_is_a_module(make):
    model = make()
    model.compile("adam", loss="mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=3, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "mae"}
    model.eval()
    wanted = model(torch.from_numpy(X))
    assert np.allclose(model.predict(X, verbose=0), wanted.detach())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(twin).__name__ == make.__name__
        assert isinstance(twin, make)
        assert torch.equal(twin(torch.from_numpy(X)), wanted)
        assert list(twin.state_dict()) == list(model.state_dict())
    fresh = make()
    fresh(torch.from_numpy(X))
    fresh.set_weights(model.get_weights())
    assert torch.equal(fresh.eval()(torch.from_numpy(X)), wanted)


@every_model
def test_it_compiles_and_exports(make):
    model, data = make(), torch.from_numpy(X)
    wanted = model.eval()(data)
    assert torch.allclose(torch.compile(model, backend="eager", fullgraph=True)(data), wanted)
    assert torch.allclose(torch.export.export(model, (data,)).module()(data), wanted)


@every_model
def test_it_is_a_layer_of_a_functional_model(make):
    inner, x = make(), Input((3,))
    model = Model(x, Dense(1)(inner(inner(x)[:, :1].expand(-1, 3)))).eval()
    data = torch.from_numpy(X)
    assert torch.equal(model(data), model.dense(inner.eval()(inner(data)[:, :1].expand(-1, 3))))
    key = {Kerasy: "kerasy", Torchy: "torchy", Holds: "holds", FromSymbols: "from_symbols"}[make]
    assert set(model.state_dict()) == {f"{key}.{name}" for name in inner.state_dict()} | {"dense.weight", "dense.bias"}
    assert {id(p) for p in inner.parameters()} < {id(p) for p in model.parameters()}
    again = copy.deepcopy(model)
    assert torch.equal(again(data), model(data))
    model.compile("sgd", loss="mse")
    model.fit(X, Y[:, :1], verbose=0)


@pytest.mark.parametrize("make", [Kerasy, Torchy, Holds], ids=lambda cls: cls.__name__)
def test_build_makes_the_weights(make):
    model, called = make(), make()
    assert not model.built
    model.build((N, 3))
    called(torch.from_numpy(X))
    assert model.built
    assert [w.shape for w in model.get_weights()] == [w.shape for w in called.get_weights()]
    model.build((N, 3))
    model.trainable = False
    assert model.trainable_weights == []


def test_a_model_that_is_not_built_has_no_weights():
    model = Kerasy()
    assert (model.weights, model.get_weights(), model.count_params()) == ([], [], 0)
    assert model.predict(X, verbose=0).shape == (16, 2)
    assert len(model.get_weights()) == 6


def test_summary_before_and_after(capsys):
    model = Kerasy()
    model.summary()
    assert "0 (unbuilt)" in capsys.readouterr().out
    model.build((N, 3))
    model.summary()
    said = capsys.readouterr().out
    assert "unbuilt" not in said
    assert "Total params: 16" in said


def test_training_reaches_call_and_the_layers_in_it():
    model = Kerasy()
    model.compile("sgd", loss="mse")
    model.fit(X, Y, verbose=0)
    assert model.mode is True
    model.predict(X, verbose=0)
    assert model.mode is False
    assert model.training
    data = torch.from_numpy(X)
    assert torch.equal(model(data, training=False), model(data, training=False))
    x = Input((3,))
    still = Model(x, model(x, training=False))
    assert torch.equal(still(data), still(data))


class Kept(Layer):
    """Hands `training` on to none of what it calls."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.layers_in_it = [Dropout(0.99), wrap(nn.Dropout(0.99)), nn.Dropout(0.99)]

    def call(self, x, training=None):
        for part in self.layers_in_it:
            x = part(x)
        return x


class KeptByKeyword(Kept):
    def call(self, *xs, training=None):
        return super().call(xs[0], training=training)


@pytest.mark.parametrize("kind", [Kept, KeptByKeyword])
def test_training_holds_for_what_call_does_not_hand_it_on_to(kind):
    ones, x = torch.ones(2, 50), Input((50,))
    layer = kind()
    assert torch.equal(layer(ones, training=False), ones)
    assert torch.equal(Model(x, layer(x, training=False))(ones), ones)
    assert torch.equal(Model(x, layer(x))(ones, training=False), ones)
    assert all(module.training for module in layer.modules())
    assert not torch.equal(layer(ones), ones)
    layer.eval()
    assert torch.equal(layer(ones), ones)
    assert not torch.equal(layer(ones, training=True), ones)
    assert not any(module.training for module in layer.modules())
    if kind is Kept:
        assert not torch.equal(layer(ones, True), ones)
        assert torch.equal(layer.train()(ones, False), ones)
    still = torch.compile(Model(x, layer.train()(x, training=False)), fullgraph=True, backend="eager")
    assert torch.equal(still(ones), ones)


def test_summary_finds_the_layers_in_lists_and_dicts(capsys):
    class Listed(Model):
        def __init__(self):
            super().__init__()
            self.parts_of_it = {"a": [Dense(2)], "b": (Sequential([Dense(1)]),)}

        def call(self, x):
            return self.parts_of_it["b"][0](self.parts_of_it["a"][0](x))

    model = Listed()
    model(torch.ones(1, 3))
    model.summary(expand_nested=True)
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if "│" in line]
    assert [(row[0], row[-1]) for row in rows] == [
        ("dense (Dense)", "8"),
        ("(key: parts_of_it.a.0)", ""),
        ("sequential (Sequential)", "3"),
        ("(key: parts_of_it.b.0)", ""),
        ("└ dense (Dense)", "3"),
    ]


def test_loading_into_what_is_not_built_says_so():
    model = Kerasy(name="net")
    model(torch.from_numpy(X))
    fresh = Kerasy(name="net")
    with pytest.raises(RuntimeError, match="Unexpected key") as caught:
        fresh.load_state_dict(model.state_dict())
    assert caught.value.__notes__ == ["Kerasy 'net' has no weights yet: call it on a tensor, or build(input_shape), before loading"]
    fresh.build((N, 3))
    fresh.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="Missing key") as caught:
        fresh.load_state_dict({})
    assert not hasattr(caught.value, "__notes__")


def test_inference_leaves_the_statistics_alone():
    model = Kerasy()
    data = torch.from_numpy(X)
    model(data, training=False)
    before = model.norm.batch_norm.running_mean.clone()
    model(data, training=False)
    assert torch.equal(model.norm.batch_norm.running_mean, before)
    assert torch.equal(model(data, training=False), model.eval()(data))


def test_dicts_in_and_out():
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = Dense(2), Dense(2)

        def call(self, inputs):
            return {"sum": self.a(inputs["a"]) + self.b(inputs["b"])}

    model = Two()
    model.compile("sgd", loss="mse")
    model.fit({"a": X, "b": X}, {"sum": Y}, verbose=0)
    assert model.predict({"a": X, "b": X}, verbose=0)["sum"].shape == (16, 2)
    assert model({"a": Input((3,)), "b": Input((3,))})["sum"].shape == (N, 2)


def test_a_model_from_symbols_in_its_own_init():
    model = FromSymbols(5, name="mine")
    assert isinstance(model, Functional)
    assert isinstance(model, FromSymbols)
    assert (model.name, model.units, model.double()) == ("mine", 5, 10)
    assert [layer.name for layer in model.layers] == ["input_layer", "hidden", "head"]
    assert list(model.state_dict()) == ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]
    assert "self.head(hidden)" in model.code
    assert model.output_shape == (N, 5)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert (type(twin).__name__, twin.units, twin.double()) == ("FromSymbols", 5, 10)


def test_by_position_and_through_two_classes():
    class ByPosition(Model):
        def __init__(self):
            x = Input((3,))
            super().__init__(x, Dense(2)(x))

    class Further(FromSymbols):
        def __init__(self):
            super().__init__(7)
            self.more = 1

    assert ByPosition()(torch.ones(1, 3)).shape == (1, 2)
    model = Further()
    assert (model.output_shape, model.more, model.double()) == ((N, 7), 1, 14)
    assert isinstance(copy.deepcopy(model), Further)


def test_a_layer_beside_the_graph_is_tracked():
    model = FromSymbols()
    model.beside = Dense(3)
    model.beside(torch.ones(1, 3))
    assert len(model.weights) == 6
    assert "beside.weight" in model.state_dict()
    assert [layer.name for layer in model.layers] == ["input_layer", "hidden", "head"]
    assert copy.deepcopy(model).beside is not model.beside


def test_fields_are_arguments_and_not_inputs():
    class Fields(Model):
        units: int
        factor: float = 2.0

        def call(self, x):
            return x[:, : self.units] * self.factor

    assert Fields(2, 3.0)(torch.ones(1, 3)).tolist() == [[3.0, 3.0]]


class HasCall(Model):
    def __init__(self):
        x = Input((3,))
        super().__init__(x, Dense(2)(x))

    def call(self, x):
        return x


class CallAlone(Model):
    def call(self, x):
        return x


class NoSuper(Model):
    def __init__(self):
        self.dense = Dense(2)


class NoCall(Model):
    pass


def late() -> None:
    model = Kerasy(name="net")
    model.build((N, 3))
    model.late = Dense(2)


def from_symbols(cls: type[Model]) -> None:
    x = Input((3,))
    cls(x, Dense(2)(x))


NEVER = (
    "has its own call(), which a model made from inputs and outputs would never run\n  at <line>\n"
    "  fix: leave call() out, or make the layers in __init__ after super().__init__() without inputs and outputs"
)


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (HasCall, ValueError, f"HasCall {NEVER}"),
        (lambda: from_symbols(CallAlone), ValueError, f"CallAlone {NEVER}"),
        (
            NoSuper,
            RuntimeError,
            "NoSuper.__init__ does not call super().__init__()\n  at <line>\n"
            "  fix: write super().__init__(**kwargs) as its first statement",
        ),
        (
            lambda: NoCall(name="net")(torch.ones(1, 2)),
            NotImplementedError,
            "NoCall 'net' has no call()\n  at <line>\n  fix: write call(self, x) in your class, and return a tensor",
        ),
        (
            late,
            ValueError,
            "Kerasy 'net': the layer is built, and 'late' would be a new sub-layer of it\n  at <line>\n"
            "  fix: make layers in __init__ or in build(), not in call()",
        ),
    ],
    ids=["call and symbols", "call and symbols again", "no super", "no call", "late"],
)
def test_a_wrong_model_is_told(call, kind, says):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, LayergraphError)
    assert told(caught.value) == says


def test_an_image_model_of_unknown_size():
    class Convs(Model):
        def __init__(self):
            super().__init__()
            self.conv, self.pool = layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()

        def call(self, x):
            return self.pool(self.conv(x))

    assert Convs()(Input((N, N, 3))).shape == (N, 4)
