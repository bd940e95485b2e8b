"""Names: Keras's automatic ones; and that whatever anybody calls a thing, generated code holds clean identifiers only.

fx writes names into source text that is executed, so a name is where an attack, or a mere `class`, would come in.
"""

from __future__ import annotations

import ast
import builtins
import copy
import hashlib
import keyword
import pickle
import re

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import fx, nn

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import GraphError, NameTakenError
from layergraph.graph.names import RESERVED, WORDS, Namespace, clean, snake_case
from layergraph.layers import Concatenate, Dense
from layergraph.models import Functional

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Dense", "dense"),
        ("Conv2D", "conv2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("LeakyReLU", "leaky_re_lu"),
        ("ELU", "elu"),
        ("LSTM", "lstm"),
        ("MaxPooling2D", "max_pooling2d"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("ZeroPadding2D", "zero_padding2d"),
        ("ConvLSTM2D", "conv_lstm2d"),
        ("RMSNormalization", "rms_normalization"),
        ("GroupedQueryAttention", "grouped_query_attention"),
        ("RMSprop", "rm_sprop"),
        ("AdamW", "adam_w"),
        ("F1Score", "f1_score"),
        ("MeanIoU", "mean_io_u"),
        ("HTTPServer", "http_server"),
        ("SELayer2D", "se_layer2d"),
        ("ABCd", "ab_cd"),
        ("_Private", "_private"),
        ("My_Layer", "my_layer"),
        ("Größe", "größe"),
    ],
)
def test_snake_case_is_kerass(class_name, name):
    assert snake_case(class_name) == name


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("dense", "dense"),
        ("my layer", "my_layer"),
        ("a.b", "a_b"),
        ("class", "class_"),
        ("match", "match_"),
        ("None", "None_"),
        ("output", "output_"),
        ("forward", "forward_"),
        ("training", "training_"),
        ("state_dict", "state_dict_"),
        ("self", "self_"),
        ("torch", "torch_"),
        ("slice", "slice_"),
        ("2nd", "n2nd"),
        ("_modules", "_modules_"),
        ("__class__", "__class___"),
        ("", "__"),
        ("größe", "gr__e"),
        ("图", "__"),
        ("x\n", "x_"),
        ("ｄense", "_ense_"),
        ('x" if 1 else "y', "x__if_1_else__y"),
    ],
)
def test_clean(name, key):
    assert clean(name) == key


@given(st.text())
def test_a_clean_name_is_a_usable_ascii_identifier(name):
    key = clean(name)
    assert re.fullmatch(r"[A-Za-z0-9_]+", key)
    assert key.isidentifier()
    assert not keyword.iskeyword(key)
    assert not hasattr(nn.Module(), key)
    assert key not in RESERVED


def public(thing):
    """Its public attributes, but for what other packages put onto nn.Module when they are imported."""
    foreign = {name for name, value in vars(nn.Module).items() if not getattr(value, "__module__", "torch").startswith("torch")}
    return {name for name in dir(thing) if not name.startswith("_")} - foreign


def compiled():
    model = Sequential([Input((2,)), Dense(2, name="a_layer")])
    model.compile("sgd", "mse")
    model.fit(torch.zeros(4, 2), torch.zeros(4, 2), verbose=0)
    return model


@pytest.mark.parametrize(
    "thing",
    [
        nn.Module,
        fx.GraphModule,
        Model,
        Functional,
        Sequential,
        lambda: Sequential([Dense(2)]),
        compiled,
        lambda: Model(x := Input((2,)), Dense(2, name="a_layer")(x)),
        lambda: fx.symbolic_trace(nn.Identity()),
    ],
    ids=["nn.Module", "GraphModule", "Model", "Functional", "Sequential", "unbuilt", "trained", "functional", "traced"],
)
def test_every_public_attribute_of_a_model_is_reserved(thing):
    assert public(thing if isinstance(thing, type) else thing()) - RESERVED - {"a_layer"} == set()


def test_the_reserved_list_is_frozen():
    """Whoever adds to it or takes from it changes the keys of saved models whose layers have such names: it needs a new version."""
    digest = hashlib.sha256(" ".join(sorted(RESERVED)).encode()).hexdigest()
    assert digest[:16] == "a556f42b11787c32"


def test_every_reserved_name_can_be_given():
    for name in sorted(RESERVED):
        x = Input((2,), name=name)
        model = Model(x, Dense(2, name="z")(x)[:, ...])
        assert model(torch.zeros(1, 2)).shape == (1, 2)
        x = Input((2,))
        model = Model(x, Dense(2, name=name)(x)[:, ...])
        assert model(torch.zeros(1, 2)).shape == (1, 2)
        assert sorted(model.state_dict()) == [f"{name}_.bias", f"{name}_.weight"]


@pytest.mark.parametrize("name", [name for name in dir(builtins) if "/" not in name])
def test_an_input_may_have_the_name_of_a_builtin(name):
    x = Input((4, 3), name=name)
    picked = torch.where(x > 0, x, float("-inf"))[:, 1:3, ..., None].to(torch.float64)
    model = Model(x, {"picked": picked, "all": [x.max(1)[0], x + 1]})
    value = torch.randn(2, 4, 3)
    got = model(value)
    assert torch.equal(got["picked"], torch.where(value > 0, value, float("-inf"))[:, 1:3, ..., None].double())
    assert torch.equal(got["all"][0], value.max(1)[0])


def test_a_namespace_gives_each_name_once():
    space = Namespace()
    assert [space.take("dense") for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert space.reserve("dense_3")
    assert not space.reserve("dense_3")
    assert [space.take("dense"), space.take("dense_1"), space.take("other")] == ["dense_4", "dense_1_1", "other"]


def test_a_namespace_is_linear():
    space = Namespace()
    names = [space.take("x") for _ in range(200_000)]  # quadratic would take hours
    assert len(set(names)) == 200_000


@given(st.lists(st.sampled_from(["a", "a_1", "a_2", "a_1_1", "b"]), max_size=30))
def test_no_two_names_are_the_same(bases):
    space = Namespace()
    names = [space.take(base) for base in bases]
    assert len(set(names)) == len(names)


# Injection

HOSTILE = [
    '"); import os; os._exit(1); ("',
    'x" if setattr(__import__("builtins"), "PWN2", 1) else "y',
    "x'); raise SystemExit; ('",
    "a\nimport os\n#",
    "a=print('pwned')",
    "*args",
    "**kwargs",
    "self, x=__import__('builtins').setattr(__import__('builtins'), 'PWN2', 1)",
    "{0.__class__}",
    "%s%n",
    "\\",
    "\\x41",
    "a\x00b",
    "lambda: 0",
    "_modules",
    "__dict__",
    "__class__",
    "a.b.c",
    "..",
    "forward",
    "_standardize",
    "ﬁnd",
    "\ud800",
    "\u202e",
    "𝐝𝐞𝐧𝐬𝐞",
    "x" * 10_000,
    " ",
    "0",
    "-1",
    "é",
]
NAMES = st.text(min_size=1).filter(lambda name: "/" not in name)


def model_named(entry, middle, branch, own):
    x = Input((3,), name=entry)
    y = Dense(3, name=middle, activation="relu")(x)
    z = Dense(3, name=branch)(x)
    return Model(x, Concatenate()([y * 2, z[:, ::2]]), name=own)


def skeleton(code):
    """The code's syntax tree without identifiers, and without the `x = X` that fx may write; the attributes; the other identifiers."""
    tree, attributes, others = ast.parse(code.strip()), set(), set()
    body = tree.body[0].body
    body[:] = [line for line in body if not (isinstance(line, ast.Assign) and isinstance(line.value, ast.Name))]
    for part in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            value = getattr(part, field, None)
            if isinstance(value, str):
                (attributes if field == "attr" else others).add(value)
                setattr(part, field, "_")
    return ast.dump(tree), attributes, others


PLAIN = skeleton(model_named("entry", "middle", "branch", "own").code)


def check_names(entry, middle, branch, own):
    model = model_named(entry, middle, branch, own)
    shape, attributes, others = skeleton(model.code)
    assert shape == PLAIN[0]
    keys = {layer.name: key for layer, key in model._keys.items()}
    assert attributes - PLAIN[1] == {keys[middle], keys[branch]} - PLAIN[1]
    assert all(re.fullmatch(re.escape(clean(name)) + r"(_\d+)?", keys[name]) for name in (entry, middle, branch))
    assert all(IDENTIFIER.fullmatch(word) for word in attributes | others)
    assert not (others - PLAIN[2]) & WORDS
    assert not (others - PLAIN[2]) & ({*dir(builtins)} - {"_", *keys.values()})  # doctest leaves a `_` among the builtins
    x = torch.randn(2, 3)
    wanted = model(x)
    assert [layer.name for layer in model.layers[:1]] == [entry]
    assert {layer.name for layer in model.layers[1:3]} == {middle, branch}
    assert model.get_layer(middle).name == middle
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(x), wanted)
        assert twin.code == model.code
        assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
        assert twin.name == model.name
    assert torch.equal(model({entry: x}), wanted)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+\.(weight|bias)", key) for key in model.state_dict())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(name):
    check_names(name, name + "1", "z" + name, name)
    assert not hasattr(builtins, "PWN2")


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True), NAMES)
@example(["a b", "a_b", "a.b"], "a b")
@example(["x", "X", "x "], "x")
@example(["SELF", "Self", "Operator"], "self")
@example(["0", "Torch", "COMPILED"], "0")
@settings(max_examples=60, deadline=None)
def test_any_names_give_the_code_of_plain_ones(names, own):
    check_names(*names, own)


@pytest.mark.parametrize("name", ["a/b", "../../etc/x", "", 3, b"x"])
@pytest.mark.parametrize("make", [lambda name: Input((2,), name=name), lambda name: Dense(2, name=name)], ids=["Input", "Dense"])
def test_names_that_are_none(make, name):
    with pytest.raises(NameTakenError) as caught:
        make(name)
    assert "`name`" in str(caught.value)


def test_an_output_may_have_any_key():
    x = Input((2,))
    keys = ['"', "'", "\n", "class", "__import__('os')", "a b", ""]
    model = Model(x, {key: x + number for number, key in enumerate(keys)})
    out = model(torch.zeros(1, 2))
    assert {key: float(value[0, 0]) for key, value in out.items()} == {key: float(number) for number, key in enumerate(keys)}
    assert sorted(pickle.loads(pickle.dumps(model))(torch.zeros(1, 2))) == sorted(keys)


class Number(int):
    def __repr__(self):
        return "setattr(__import__('builtins'), 'PWN2', 1)"


class Text(str):
    __slots__ = ()

    def __repr__(self):
        return "setattr(__import__('builtins'), 'PWN2', 1)"


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda x: torch.add(x, Number(1)), "a graph can hold tensors, numbers, strings and dtypes as arguments, not Number setattr("),
        (lambda x: x.flatten(Number(1)), "a graph can hold tensors, numbers, strings and dtypes as arguments, not Number setattr("),
        (lambda x: x[:, : Number(1)], "a graph can hold tensors, numbers, strings and dtypes as arguments, not Number setattr("),
        (lambda x: torch.einsum(Text("bi->b"), x), "a graph can hold tensors, numbers, strings and dtypes as arguments, not Text setattr("),
    ],
)
def test_what_writes_itself_as_code_is_refused(call, what):
    x = Input((3,))
    with pytest.raises(GraphError) as caught:
        Model(x, call(x))
    assert str(caught.value).startswith(what)
    assert not hasattr(builtins, "PWN2")


def test_a_dict_key_that_writes_itself_as_code_is_refused():
    x = Input((3,))
    with pytest.raises(GraphError) as caught:
        Model(x, {Text("a"): x + 1})
    assert str(caught.value).startswith("a dict in a graph has strings or ints as keys, not Text setattr(")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("__name__", "f(setattr(__import__('builtins'), 'PWN2', 1))#"),
        ("__module__", "torch.f(setattr(__import__('builtins'), 'PWN2', 1))#"),
    ],
)
def test_a_function_whose_name_is_code_is_refused(field, value):
    def function(x):
        return torch.overrides.handle_torch_function(function, (x,), x) if torch.overrides.has_torch_function((x,)) else x * 2

    function.__name__, function.__module__ = "f", "torch"  # whose functions fx writes out in full
    setattr(function, field, value)
    x = Input((3,))
    with pytest.raises(GraphError) as caught:
        Model(x, function(x))
    assert str(caught.value).startswith('a graph calls functions by their names, and "torch.f(setattr(')
    assert not hasattr(builtins, "PWN2")


def test_the_public_layers_have_the_names_of_their_classes():
    for name in dir(layers):
        kind = getattr(layers, name)
        if isinstance(kind, type) and issubclass(kind, layers.Layer):
            word = snake_case(name)
            assert clean(word) == word or word in RESERVED or keyword.iskeyword(word)  # lambda
