"""Layers of the user's own: Keras's `build`, `call` and `add_weight`, torch's modules and Parameters, and what is refused."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers, wrap
from layergraph.errors import ArgumentError, LayergraphError, NotBuiltError, ShapeError, SymbolicError
from layergraph.layers import Dense, Layer
from layergraph.layers.tracking import OURS, ReservedError

N = None


def told(error: BaseException) -> str:
    """An error's text with its notes, each place as <line>."""
    return re.sub(r"\S+\.py:\d+(: .*)?", "<line>", "\n".join([str(error), *getattr(error, "__notes__", [])]))


class Linear(Layer):
    """As the Keras guide writes it."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="ones", regularizer="l2", constraint="non_neg", name="kernel"
        )
        self.b = self.add_weight((self.units,), "zeros", name="bias")
        self.count = self.add_weight(shape=(), dtype="int32", trainable=False, name="count")
        super().build(input_shape)

    def call(self, x, training=None):
        self.mode = training
        if training:
            self.count += 1
        return x @ self.kernel + self.b


class Tower(Layer):
    """Layers in every kind of container."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.last = Dense(2, name="last")
        self.pair = (Dense(3), Dense(3))
        self.named = {"a": Dense(3), "b": [Dense(3)]}
        self.grown = []
        for _ in range(2):
            self.grown.append(Dense(3))
        self.mixed = [("x", Dense(3)), 7]
        self.history = []
        self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")

    def call(self, x):
        for layer in (*self.pair, self.named["a"], *self.named["b"], *self.grown, self.mixed[0][1]):
            x = layer(x)
        return self.last(x) * self.scale


class Mixed(Layer):
    """Torch's own words inside a Layer."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.shift = nn.Parameter(torch.ones(3))
        self.list = [nn.Linear(3, 3), nn.ReLU()]
        self.register_buffer("offset", torch.zeros(3))

    def call(self, x):
        x = self.linear(x) + self.shift + self.offset
        for part in self.list:
            x = part(x)
        return x


class Declared(Layer):
    """Fields are the signature."""

    units: int
    factor: float = 2.0

    def build(self, input_shape):
        self.inner = Dense(self.units)

    def call(self, x):
        return self.inner(x) * self.factor


class Several(Layer):
    def build(self, a_shape, b_shape):
        self.shapes = a_shape, b_shape
        self.built = True

    def call(self, a, b, scale=1.0, *, bias=None):
        out = (a + b) * scale
        return {"sum": out if bias is None else out + bias, "parts": [a, (b,)]}


class ByNest(Layer):
    def build(self, input_shape):
        self.shape = input_shape

    def call(self, x):
        return torch.cat([x["a"], x["b"]], -1)


class Branches(Layer):
    def call(self, x):
        return x if x.sum() > 0 else -x


class Torchish(Layer):
    def __init__(self):
        super().__init__()
        self.inner = Dense(2)

    def forward(self, x):
        return self.inner(x)


# ------------------------------------------------------------------------------------------------ in a graph and alone

LAYERS = [
    ("linear", lambda: Linear(3), (4,), (N, 3), ["kernel", "b", "count"]),
    (
        "tower",
        Tower,
        (3,),
        (N, 2),
        ["scale", "last", "pair.0", "pair.1", "named.a", "named.b.0", "grown.0", "grown.1", "mixed_.0.1"],
    ),
    ("mixed", Mixed, (4,), (N, 3), ["shift", "offset", "linear", "list.0"]),
    ("declared", lambda: Declared(3), (4,), (N, 3), ["inner"]),
    ("branches", Branches, (4,), (N, 4), []),
    ("torchish", Torchish, (4,), (N, 2), ["inner"]),
]
every_layer = pytest.mark.parametrize(("make", "shape", "out", "keys"), [row[1:] for row in LAYERS], ids=[row[0] for row in LAYERS])


@every_layer
def test_a_layer_in_a_graph_is_the_layer_alone(make, shape, out, keys):
    x, layer = Input(shape), make()
    y = layer(x)
    model = Model(x, y).eval()
    assert y.shape == out
    assert list(dict.fromkeys(re.sub(r"\.(weight|bias)$", "", key) for key in layer.state_dict())) == keys
    assert len(model.state_dict()) == len(layer.state_dict())
    data = torch.randn(5, *shape)
    wanted = layer(data)
    assert tuple(wanted.shape) == (5, *out[1:])
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(each(data), wanted)
    alone = make()
    assert alone(data).shape == wanted.shape
    assert list(alone.state_dict()) == list(layer.state_dict())
    if make is not Branches:
        assert torch.equal(torch.compile(model, backend="eager", fullgraph=True)(data), wanted)
        assert torch.equal(torch.export.export(model, (data,)).module()(data), wanted)


@every_layer
def test_weights_in_keras_s_order_go_from_one_to_another(make, shape, out, keys):
    one, other, data = make(), make(), torch.randn(5, *shape)
    one(data), other(data)
    other.set_weights(one.get_weights())
    assert torch.equal(one.eval()(data), other.eval()(data))
    assert one.count_params() == sum(array.size for array in one.get_weights())


def test_own_weights_come_first_the_trainable_ones_before_the_others():
    class Owns(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2)
            self.still = self.add_weight((5,), trainable=False)
            self.moving = self.add_weight((6,))

        def call(self, x):
            return self.inner(x)

    layer = Owns()
    layer(torch.ones(1, 3))
    assert [array.shape for array in layer.get_weights()] == [(6,), (5,), (3, 2), (2,)]
    assert [tuple(w.shape) for w in layer.trainable_weights] == [(6,), (2, 3), (2,)]


def test_add_weight_is_what_keras_s_is():
    layer = Linear(3)
    x = Input((4,))
    model = Model(x, layer(x))
    assert isinstance(layer.kernel, nn.Parameter)
    assert not isinstance(layer.count, nn.Parameter)
    assert layer.count.dtype is torch.int32
    assert [weight.name for weight in layer.keras_weights()] == ["kernel", "bias", "count"]
    assert [term.item() for term in model.losses] == pytest.approx([0.12])
    with torch.no_grad():
        layer.kernel.sub_(2.0)
    assert model.has_constraints
    model.apply_constraints()
    assert layer.kernel.tolist() == [[0.0] * 3] * 4
    layer.trainable = False
    assert model.losses == []
    assert layer.trainable_weights == []
    layer.trainable = True
    assert len(layer.trainable_weights) == 2


def test_a_regularizer_of_a_layer_inside_layers_counts_once():
    class Outer(Layer):
        def __init__(self):
            super().__init__()
            self.inner = [Linear(2), Linear(2)]

        def call(self, x):
            return self.inner[1](self.inner[0](x))

    x = Input((4,))
    assert len(Model(x, Outer()(x)).losses) == 2


def test_weights_without_an_attribute_have_their_own_name():
    class Holds(Layer):
        def __init__(self):
            super().__init__()
            self.all = [self.add_weight((2,), name="scale"), self.add_weight((2,), name="scale"), self.add_weight()]

        def call(self, x):
            return x * self.all[0] + self.all[1] + self.all[2]

    assert list(Holds().state_dict()) == ["scale", "scale_1", "variable"]
    layer = copy.deepcopy(Holds())
    assert [id(w) for w in layer.all] == [id(w) for w in layer.parameters()]


def test_training_is_the_mode_where_it_is_not_given():
    layer = Linear(3)
    x = Input((4,))
    model = Model(x, layer(x))
    model.compile("sgd", loss="mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), batch_size=2, verbose=0)
    assert layer.mode is True
    assert layer.count.item() == 2
    model.predict(np.ones((4, 4)), verbose=0)
    assert layer.mode is False
    layer(torch.ones(1, 4), training=True)
    assert layer.mode is True
    Model(x, layer(x, training=False)).train()(torch.ones(1, 4))
    assert layer.mode is False


def test_several_arguments_of_every_kind():
    a, b, bias = Input((4,), name="a"), Input((4,), name="b"), Input((4,), name="bias")
    layer = Several()
    out = layer(a, b=b, scale=3.0, bias=bias)
    assert layer.shapes == ((N, 4), (N, 4))
    assert (out["sum"].shape, out["parts"][1][0].shape) == ((N, 4), (N, 4))
    model = Model([a, b, bias], [out["sum"], out["parts"][1][0]])
    total, part = model(torch.ones(1, 4), torch.full((1, 4), 2.0), torch.full((1, 4), 0.5))
    assert total.tolist() == [[9.5] * 4]
    assert part.tolist() == [[2.0] * 4]
    assert Several()(a=a, b=b)["sum"].shape == (N, 4)


def test_a_dict_of_inputs():
    layer = ByNest()
    out = layer({"a": Input((2,)), "b": Input((3,))})
    assert out.shape == (N, 5)
    assert layer.shape == {"a": (N, 2), "b": (N, 3)}
    assert ByNest()({"a": torch.ones(1, 2), "b": torch.ones(1, 3)}).shape == (1, 5)


def test_keyword_tensors_are_cast_as_the_others_are():
    out = Several()(Input((4,)), Input((4,), dtype="float64"), bias=Input((4,), dtype="float64"))
    assert out["sum"].dtype == "float32"


def test_compute_output_shape_spares_the_trial_run():
    class Declares(Layer):
        def call(self, x):
            raise RuntimeError("not on made-up tensors")

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 7)

    out = Declares()(Input((4,), dtype="int32"))
    assert (out.shape, out.dtype) == ((N, 7), "float32")

    class DeclaresTwo(Layer):
        def call(self, left, right):
            return left @ right

        def compute_output_shape(self, left_shape, right_shape):
            return (*left_shape[:-1], right_shape[-1])

    assert DeclaresTwo()(Input((4, 5)), Input((5, 6))).shape == (N, 4, 6)


def test_a_module_set_to_none_is_no_part():
    layer = Dense(2)
    layer.extra = nn.ReLU()
    layer.extra = None
    x = Input((3,))
    model = Model(x, layer(x))
    assert sorted(model.state_dict()) == ["dense.bias", "dense.weight"]
    assert torch.equal(model(torch.ones(1, 3)), layer(torch.ones(1, 3)))


def test_build_without_one_builds_the_sub_layers():
    layer = Tower()
    layer.build((N, 3))
    assert layer.built
    assert len(layer.get_weights()) == 17
    layer.build((N, 3))
    assert len(layer.get_weights()) == 17


def test_sub_layers_of_images_of_unknown_size():
    class Convs(Layer):
        def __init__(self):
            super().__init__()
            self.convs = [layers.Conv2D(4, 3), layers.Conv2D(4, 3)]
            self.pool = layers.GlobalAveragePooling2D()

        def call(self, x):
            for conv in self.convs:
                x = conv(x)
            return self.pool(x)

    assert Convs()(Input((N, N, 3))).shape == (N, 4)


def test_a_layer_that_says_itself_that_it_is_built():
    class Says(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2)
            self.built = True

        def call(self, x):
            return self.inner(x)

    x, layer = Input((3,)), Says()
    assert len(list(Model(x, layer(x)).parameters())) == 2


# ------------------------------------------------------------------------------------------------ containers


def test_a_list_of_layers_is_a_module_list():
    layer = Tower()
    assert type(layer.pair) is nn.ModuleList
    assert type(layer.named) is nn.ModuleDict
    assert isinstance(layer.grown, list)
    assert layer.history == []
    layer(torch.ones(1, 3))
    assert type(layer.grown) is nn.ModuleList  # whoever swaps a module in it swaps the one that runs
    assert isinstance(layer.mixed, list)
    assert layer.history == []


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda owner: owner.box.append(nn.Linear(1, 1)), ["0", "1"]),
        (lambda owner: owner.box.extend([nn.Linear(1, 1), 3]), ["0", "1"]),
        (lambda owner: owner.box.insert(0, 3), ["1"]),
        (lambda owner: owner.box.__setitem__(0, 3), []),
        (lambda owner: owner.box.pop(), []),
        (lambda owner: owner.box.clear(), []),
        (lambda owner: owner.box.reverse(), ["0"]),
        (lambda owner: setattr(owner, "box", 5), []),
        (lambda owner: setattr(owner, "box", [3]), []),
        (lambda owner: setattr(owner, "box", [*owner.box, nn.Linear(1, 1), 2]), ["0", "1"]),
        (lambda owner: owner.box.__iadd__([[nn.Linear(1, 1)]]), ["0", "1.0"]),
    ],
    ids=[str(number) for number in range(11)],
)
def test_a_watched_list_keeps_its_modules_registered(change, keys):
    class Owner(Layer):
        pass

    for copied in (lambda owner: owner, copy.deepcopy):
        owner = Owner()
        owner.box = []
        owner.box.append(nn.Linear(1, 1))
        owner = copied(owner)
        change(owner)
        assert sorted({key.rpartition(".")[0] for key in owner.state_dict()}) == [f"box_.{key}" for key in keys]


def test_a_watched_dict_keeps_its_modules_registered():
    class Owner(Layer):
        pass

    owner = Owner()
    owner.box = {}
    owner.box["a"] = nn.Linear(1, 1)
    owner.box[3] = nn.Linear(1, 1)
    owner = copy.deepcopy(owner)
    assert list(owner.state_dict()) == ["box_.a.weight", "box_.a.bias", "box_.3.weight", "box_.3.bias"]
    owner.box.pop("a")
    owner.box.update(b=nn.Identity())
    assert list(owner.state_dict()) == ["box_.3.weight", "box_.3.bias"]


# ------------------------------------------------------------------------------------------------ refusals


class NoSuper(Layer):
    def __init__(self):
        self.units = 3

    def call(self, x):
        return x


class NoSuperButLayers(Layer):
    def __init__(self):
        self.inner = Dense(3)


class NoCall(Layer):
    pass


class WeightInCall(Layer):
    def call(self, x):
        self.w = self.add_weight((2,))
        return x * self.w


class LayerInCall(Layer):
    def call(self, x):
        self.inner = Dense(2)
        return self.inner(x)


class WrongNames(Layer):
    def build(self, first_shape, second_shape):
        pass

    def call(self, a, b):
        return a + b


def built() -> Layer:
    layer = Linear(2, name="lin")
    layer(torch.ones(1, 3))
    return layer


x = Input((2,), name="x")
IN_CALL = "make weights in __init__ or in build(), not in call()"
SUPER = "write super().__init__(**kwargs) as its first statement"
WRONG = [
    (lambda: NoSuper()(x), RuntimeError, f"NoSuper.__init__ does not call super().__init__()\n  at <line>\n  fix: {SUPER}"),
    (lambda: NoSuper()(torch.ones(1, 2)), RuntimeError, f"NoSuper.__init__ does not call super().__init__()\n  at <line>\n  fix: {SUPER}"),
    (NoSuperButLayers, RuntimeError, f"NoSuperButLayers.__init__ does not call super().__init__()\n  at <line>\n  fix: {SUPER}"),
    (
        lambda: NoCall(name="mine")(x),
        NotImplementedError,
        "NoCall 'mine' has no call()\n  at <line>\n  fix: write call(self, x) in your class, and return a tensor",
    ),
    (
        lambda: built().add_weight((2,)),
        ValueError,
        f"Linear 'lin'.add_weight: the layer is built, and no weights are added to it any more\n  at <line>\n  fix: {IN_CALL}",
    ),
    (
        lambda: WeightInCall()(x),
        ValueError,
        f"WeightInCall.add_weight: the layer is built, and no weights are added to it any more\n  at <line>\n  fix: {IN_CALL}",
    ),
    (
        lambda: LayerInCall()(x),
        ValueError,
        "LayerInCall: the layer is built, and 'inner' would be a new sub-layer of it\n  at <line>\n"
        "  fix: make layers in __init__ or in build(), not in call()",
    ),
    (
        lambda: NoCall().add_weight("kernel"),
        ValueError,
        "NoCall.add_weight: `shape` must be a tuple of sizes, got 'kernel'\n  at <line>\n  fix: add_weight(shape=..., name='kernel')",
    ),
    (
        lambda: NoCall().add_weight((N, 2)),
        ValueError,
        "NoCall.add_weight: `shape` (None, 2) has an unknown size, and a weight's sizes must be known\n  at <line>\n"
        "  fix: give the Input's shape where the weight depends on it",
    ),
    (lambda: NoCall().add_weight((2.5,)), ValueError, "NoCall.add_weight: `shape` must be a tuple of sizes, got (2.5,)\n  at <line>"),
    (
        lambda: NoCall().add_weight((2,), dtype="int32"),
        RuntimeError,
        "NoCall.add_weight: a weight of dtype int32 cannot be trained\n  at <line>\n  fix: add trainable=False",
    ),
    (
        lambda: NoCall().add_weight((2,), "zeros", "float32", True),
        TypeError,
        "NoCall.add_weight takes shape, initializer and dtype by position, got 4 arguments\n  at <line>",
    ),
    (
        lambda: NoCall().add_weight((2,), "zeroz"),
        ValueError,
        "Could not interpret initializer identifier: 'zeroz'\n  at <line>\n  fix: did you mean 'zeros'?",
    ),
    (
        lambda: NoCall().add_weight((2,), aggregation="max"),
        ValueError,
        "NoCall.add_weight: `aggregation` must be one of None, 'none', 'mean', 'sum', 'only_first_replica', got 'max'\n  at <line>",
    ),
    (
        lambda: WrongNames()(x, x),
        ValueError,
        "WrongNames: build() has the parameter `first_shape`, and call() has no argument 'first'\n  at <line>\n"
        "  fix: name the parameters of build() after those of call(): build(self, a_shape, b_shape)",
    ),
    (
        lambda: Linear(2, name="lin")(x, "wide"),
        ShapeError,
        "Linear 'lin': only tensors may be passed by position, got str 'wide'\n  got (None, 2) from Input 'x', made at <line>\n"
        "  at <line>\n  fix: pass it by keyword",
    ),
]


@pytest.mark.parametrize(("call", "kind", "says"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_a_wrong_layer_is_told(call, kind, says):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, LayergraphError)
    assert told(caught.value) == says


class Raises(Layer):
    def call(self, x):
        raise KeyError("mine")


class RaisesInBuild(Layer):
    def build(self, input_shape):
        raise KeyError("mine")

    def call(self, x):
        return x


class Outer(Layer):
    def __init__(self):
        super().__init__()
        self.inner = Raises(name="inner")

    def call(self, x):
        return self.inner(x)


MADE_UP = "\n  unknown sizes were made up; if call() runs on real tensors only, write compute_output_shape(self, input_shape)"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: Raises(name="r")(x),
            f"'mine'\nwhile Raises 'r' was called on symbols at <line>\n  got (None, 2) from Input 'x', made at <line>{MADE_UP}",
        ),
        (lambda: Raises(name="r")(torch.ones(3, 2)), "'mine'\nwhile Raises 'r' was called\n  got a float32 tensor of shape (3, 2)"),
        (
            lambda: RaisesInBuild(name="r")(x),
            "'mine'\nwhile RaisesInBuild 'r' was called on symbols at <line>\n  got (None, 2) from Input 'x', made at <line>",
        ),
        (
            lambda: RaisesInBuild(name="r")(torch.ones(3, 2)),
            "'mine'\nwhile RaisesInBuild 'r' was called\n  got a float32 tensor of shape (3, 2)",
        ),
        (lambda: Outer()(torch.ones(3, 2)), "'mine'\nwhile Raises 'inner' was called\n  got a float32 tensor of shape (3, 2)"),
    ],
    ids=["on symbols", "on tensors", "build on symbols", "build on tensors", "inside"],
)
def test_an_error_of_the_user_s_code_keeps_its_type(call, says):
    with pytest.raises(KeyError) as caught:
        call()
    assert told(caught.value) == says


def test_an_error_at_run_time_in_a_graph_tells_the_layer_once():
    class Refuses(Layer):
        def call(self, x):
            if x.device.type == "cpu" and x.shape[0] == 13:
                raise KeyError("thirteen")
            return x

    model = Model(x, Refuses(name="r")(x))
    with pytest.raises(KeyError) as caught:
        model(torch.ones(13, 2))
    assert told(caught.value).count("Refuses 'r'") == 1


@pytest.mark.parametrize(("result", "shown"), [(None, "None"), ("oops", "str 'oops'")])
def test_a_call_that_gives_no_tensor_is_told_where_it_is_used(result, shown):
    class Gives(Layer):
        def call(self, x):
            return result

    out = Gives(name="mine")(x)
    for use in (lambda: Model(x, out), lambda: Dense(2)(out), lambda: out.shape):
        with pytest.raises(SymbolicError) as caught:
            use()
        assert told(caught.value) == (
            f"Gives 'mine': call() gave {shown}, and a graph holds tensors only\n  called at <line>\n  at <line>\n"
            "  fix: end call() with `return ...`"
        )


def test_a_layer_that_failed_is_as_it_was():
    class Fails(Layer):
        def __init__(self):
            super().__init__()
            self.fail = True

        def build(self, input_shape):
            self.w = self.add_weight(input_shape[1:])

        def call(self, x):
            if self.fail:
                raise KeyError("once")
            return x * self.w

    layer = Fails()
    with pytest.raises(KeyError):
        layer(x)
    assert not layer.built
    layer.fail = False
    assert layer(Input((5,))).shape == (N, 5)
    assert layer.w.shape == (5,)


def test_the_input_of_a_layer_never_called():
    with pytest.raises(NotBuiltError):
        _ = Linear(2).input
    with pytest.raises(ArgumentError):
        wrap(Linear(2))


KERAS_S = set(
    "add_loss add_weight build call compute_dtype compute_mask compute_output_shape compute_output_spec count_params dtype dtype_policy "
    "from_config get_config get_weights input input_spec losses name non_trainable_variables non_trainable_weights output "
    "set_weights supports_masking trainable trainable_variables trainable_weights variable_dtype variables weights".split()
)


@pytest.mark.parametrize("name", sorted(OURS | {name for name in {*dir(Layer)} - {*dir(nn.Module)} - KERAS_S if not name.startswith("_")}))
def test_no_attribute_of_the_users_hides_one_of_ours(name):
    for value in (3, nn.Linear(1, 1), [Dense(1)]):
        with pytest.raises(ReservedError):
            setattr(Layer(), name, value)
    if name not in ("apply_constraints", "auto_name", "check_fields", "output_dtype", "_inlined"):  # which a class may write
        with pytest.raises(ReservedError):
            type("Mine", (Layer,), {name: lambda self: None, "__module__": __name__})
        with pytest.raises(ReservedError):
            type("Mine", (Layer,), {"__annotations__": {name: "int"}, "__module__": __name__})


def test_a_method_of_keras_s_variables_is_told_in_torch():
    class Total(Layer):
        def build(self, input_shape):
            self.total = self.add_weight(shape=input_shape[-1:], initializer="zeros", trainable=False)

        def call(self, x):
            self.total.assign_add(x.sum(0))
            return self.total

    fix = "a weight is a torch tensor: write `with torch.no_grad(): weight.add_(value)`"
    with pytest.raises(AttributeError) as caught:
        Total()(torch.ones(2, 3))
    assert told(caught.value) == (
        f"'Tensor' object has no attribute 'assign_add'\nwhile Total was called\n  got a float32 tensor of shape (2, 3)\n  {fix}"
    )
    with pytest.raises(AttributeError) as caught:
        Total()(Input((3,)))
    assert told(caught.value).endswith(f"\n  {fix}")


def test_a_name_of_ours_is_refused_with_another():
    class Head(Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Dense(1)]

    with pytest.raises(ReservedError) as caught:
        Head()
    assert told(caught.value) == (
        "Head: every layer has `parts` for something else\n  at <line>\n  fix: give it another name, such as `own_parts`"
    )
