"""Names and constants, from a user or a file, are data: generated code is made of clean words and exact plain values."""

from __future__ import annotations

import ast
import builtins
import copy
import enum
import importlib.util
import keyword
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import ArgumentError, GraphError
from layergraph.graph.lower import Lowering
from layergraph.graph.names import RESERVED, clean
from layergraph.graph.spec import TensorSpec
from layergraph.layers import Layer

EXAMPLES = int(os.environ.get("LAYERGRAPH_EXAMPLES", "0"))
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CANARY = "setattr(__import__('builtins'), 'PWNED', 1)"
HOSTILE = [
    f"x={CANARY}, y",
    f"x: {CANARY} = 1",
    f"x'); {CANARY}; ('",
    f'x"); {CANARY}; ("',
    f"x\n    {CANARY}\n#",
    f"x\\\n{CANARY}",
    f"x = {CANARY} #",
    f"x if {CANARY} else y",
    f"f({CANARY})",
    f"{{{CANARY}}}",
    f"x;{CANARY}",
    f"x\r{CANARY}",
    f"x\x0c{CANARY}",
    f"x\u2028{CANARY}",
    f"*{CANARY}",
    f"**{{'a': {CANARY}}}",
    f"self, {CANARY}",
    f"lambda: {CANARY}",
    "x\x1b[31mred\x1b[0m",
    "x" * 5000,
    "\x00",
    "\ud800",
    "ｘ",
    "class",
    "None",
    "a b",
    "",
]
TEXTS = st.text(min_size=1) | st.sampled_from([text for text in HOSTILE if text])
NAMES = TEXTS.filter(lambda name: "/" not in name)


class Text(str):
    """A str that shows itself as code wherever it is asked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return CANARY

    __str__ = __format__ = lambda self, *spec: CANARY

    def isidentifier(self) -> bool:
        return True


def examples(count: int) -> Callable[..., Any]:
    return settings(max_examples=EXAMPLES or count, derandomize=not EXAMPLES, deadline=None, database=None)


@pytest.fixture(autouse=True)
def _no_canary() -> Any:
    yield
    assert not hasattr(builtins, "PWNED")


def words_of(code: str) -> set[str]:
    """Every identifier in source text, string literals left out."""
    return {
        getattr(part, field)
        for part in ast.walk(ast.parse(code.strip()))
        for field in ("id", "attr", "arg", "name")
        if isinstance(getattr(part, field, None), str)
    }


def clean_code(model: Model) -> set[str]:
    words = words_of(model.code)
    assert all(WORD.fullmatch(word) and not keyword.iskeyword(word) for word in words)
    assert "setattr" not in words
    assert "__import__" not in words
    return words


class Loose(Layer):
    """Takes any keyword."""

    def call(self, x: Tensor, **words: Any) -> Tensor:
        return x * (1 + len(words))


def loose(x: Any, **words: Any) -> Any:
    """A function of the user's that torch's protocol records."""
    if torch.overrides.has_torch_function((x,)):
        return torch.overrides.handle_torch_function(loose, (x,), x, **words)
    return x * (1 + len(words))


# ---- the points at which text could become code ---------------------------------------------------------------------------------


@given(st.lists(NAMES, min_size=4, max_size=4, unique=True))
@example(["a b", "a.b", "a_b", "a-b"])
@example(["constant", "constant_1", "d_activation", "d"])
@example(["self", "torch", "getattr", "permute"])
@examples(40)
def test_names_of_inputs_layers_and_parts(names: list[str]) -> None:
    first, second, third, own = names
    x = Input((3,), name=first)
    y = layers.Dense(3, activation=nn.LeakyReLU(), name=second)(x)
    inner = Model(z := Input((3,)), layers.Dense(3, name=third)(z) * torch.ones(3), name=own)
    model = Model(x, inner(y) + Loose(name=third)(x))
    for each in (model, inner, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        clean_code(each)
        assert all(WORD.fullmatch(part) for key in each.state_dict() for part in key.split("."))
    value = torch.randn(2, 3)
    assert torch.equal(model({first: value}), inner(model.layers[1](value)) + value)


@given(NAMES)
@examples(30)
def test_attributes_of_a_layer_of_the_user_s(name: str) -> None:
    """Parameters and modules of an opaque layer keep the names that torch lets them have; the graph does not see them."""

    class Own(Layer):
        def build(self, input_shape: Any) -> None:
            self.register_parameter(clean(name) if "." in name or hasattr(self, name) else name, nn.Parameter(torch.ones(3)))

        def call(self, x: Tensor) -> Tensor:
            return x * next(self.parameters())

    model = Model(x := Input((3,)), Own()(x))
    clean_code(model)
    assert torch.equal(model(torch.ones(1, 3)), torch.ones(1, 3))


@given(TEXTS)
@examples(60)
def test_keywords_of_a_call(word: str) -> None:
    good = bool(WORD.fullmatch(word)) and not keyword.iskeyword(word)
    for call in (lambda x: Loose()(x, **{word: 1}), lambda x: loose(x, **{word: 1})):
        x = Input((3,))
        try:
            y = call(x)
        except TypeError:  # a parameter of that name is given already: Python says so
            assert good
            continue
        except (ValueError, ArgumentError):
            continue
        if good:
            clean_code(Model(x, y))
        else:
            with pytest.raises(GraphError, match="a keyword in a graph is of letters, digits and `_`"):
                Model(x, y)


def test_a_keyword_that_shows_itself_as_code() -> None:
    x = Input((3,))
    y = loose(x, **{Text("a"): 1})
    with pytest.raises(GraphError, match="a dict in a graph has strings or ints as keys, not Text"):
        Model(x, y)


@given(TEXTS, st.sampled_from(["__name__", "__module__"]))
@examples(40)
def test_names_of_functions(text: str, field: str) -> None:
    def function(x: Any) -> Any:
        return torch.overrides.handle_torch_function(function, (x,), x) if torch.overrides.has_torch_function((x,)) else x * 2

    function.__name__, function.__module__ = "function", "torch"
    setattr(function, field, text)
    x = Input((3,))
    y = function(x)
    if all(WORD.fullmatch(word) and not keyword.iskeyword(word) for word in text.split(".")) or (field == "__module__" and not text):
        clean_code(Model(x, y))
    else:
        with pytest.raises(GraphError, match="a graph calls functions by their names"):
            Model(x, y)


@pytest.mark.parametrize("name", [*(text for text in HOSTILE if not text.isidentifier()), "class", Text("relu")])
def test_names_of_methods(name: str) -> None:
    lowering = Lowering({})
    symbol = Input((3,))
    value = lowering.placeholders([("x", symbol)])[next(iter(lowering.placeholders([("x", symbol)])))]
    with pytest.raises(GraphError, match="a graph calls functions by their names"):
        lowering.torch_call("method", name, (value,), {})
    with pytest.raises((AttributeError, GraphError)):
        Model(symbol, getattr(symbol, name)())


class Number(int):
    def __repr__(self) -> str:
        return CANARY


class Real(float):
    def __repr__(self) -> str:
        return CANARY


class Tuple(tuple):
    def __repr__(self) -> str:
        return CANARY


class Items(list):
    def __repr__(self) -> str:
        return CANARY


class Words(dict):
    def __repr__(self) -> str:
        return CANARY


class Two(NamedTuple):
    a: int
    b: int

    def __repr__(self) -> str:
        return CANARY


class Kind(enum.IntEnum):
    ONE = 1

    def __repr__(self) -> str:
        return CANARY


class Anything:
    def __repr__(self) -> str:
        return CANARY


REFUSED: dict[str, Callable[[Any], Any]] = {
    "int": lambda x: loose(x, a=Number(1)),
    "float": lambda x: loose(x, a=Real(1)),
    "str": lambda x: loose(x, a=Text("a")),
    "enum": lambda x: loose(x, a=Kind.ONE),
    "object": lambda x: loose(x, a=Anything()),
    "class": lambda x: loose(x, a=Anything),
    "function": lambda x: loose(x, a=len),
    "bytes": lambda x: loose(x, a=b"x"),
    "set": lambda x: loose(x, a={1}),
    "range": lambda x: loose(x, a=range(3)),
    "generator": lambda x: loose(x, a=torch.Generator()),
    "complex": lambda x: loose(x, a=complex(0, float("inf"))),
    "in a list": lambda x: loose(x, a=[1, Number(1)]),
    "in a tuple": lambda x: loose(x, a=(1, (Number(1),))),
    "in a dict": lambda x: loose(x, a={"b": Number(1)}),
    "key": lambda x: loose(x, a={Text("a"): 1}),
    "key of a kind": lambda x: loose(x, a={Kind.ONE: 1}),
    "in a slice": lambda x: x[:, : Number(2)],
    "an index": lambda x: x[:, Number(0)],
    "operand": lambda x: x * Real(2.0),
    "layer": lambda x: Loose()(x, a=Text("a")),
}
TAKEN: dict[str, Callable[[Any], Any]] = {
    "list": lambda x: loose(x, a=Items([1])),
    "tuple": lambda x: loose(x, a=Tuple([1])),
    "dict": lambda x: loose(x, a=Words(b=1)),
    "named tuple": lambda x: loose(x, a=Two(1, 2)),
    "size": lambda x: loose(x, a=torch.Size([1])),
    "numpy": lambda x: loose(x, a=np.float64(1), b=np.int8(1), c=np.bool_(True), d=np.str_(CANARY)),
    "dtype": lambda x: loose(x, a=torch.float16, b=torch.device("cpu"), c=torch.channels_last, d=torch.strided),
    "numbers": lambda x: loose(x, a=float("inf"), b=float("-inf"), c=-0.0, d=1e300, e=10**30, f=1j, g=None, h=..., i=True),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_values_that_are_no_plain_constants(call: Callable[[Any], Any]) -> None:
    x = Input((3,))
    y = call(x)
    with pytest.raises(GraphError, match=r"a graph can hold|a dict in a graph has") as caught:
        Model(x, y)
    assert len(str(caught.value)) <= 1200


@pytest.mark.parametrize("call", TAKEN.values(), ids=TAKEN)
def test_what_is_like_a_plain_constant_is_written_as_one(call: Callable[[Any], Any]) -> None:
    x = Input((3,))
    model = Model(x, call(x))
    clean_code(model)
    assert torch.isfinite(model(torch.ones(1, 3))).all()


@given(st.text() | st.integers(-(2**63), 2**63) | st.floats() | st.complex_numbers(allow_nan=False, allow_infinity=False) | st.booleans())
@example(CANARY)
@example("'")
@example("\\")
@example("\ud800")
@examples(60)
def test_a_plain_constant_comes_back_as_it_is(value: Any) -> None:
    seen: list[Any] = []

    class Sees(Layer):
        def call(self, x: Tensor, told: Any = None, nested: Any = None) -> Tensor:
            seen.append((told, nested))
            return x * 1

    model = Model(x := Input((3,)), Sees()(x, told=value, nested={"a": [value, (value,)]}))
    clean_code(model)
    seen.clear()
    model(torch.ones(1, 3))
    assert repr(seen) == repr([(value, {"a": [value, (value,)]})])


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_class_in_a_folder(name: str, tmp_path: Path) -> None:
    model = Model(x := Input((3,)), layers.Dense(2)(x))
    if clean(name) != name:
        with pytest.raises(ArgumentError, match="`module_name` must be a plain identifier"):
            model.to_folder(tmp_path, name)
        assert list(tmp_path.iterdir()) == []


def test_a_folder_can_be_read(tmp_path: Path) -> None:
    model = Model(x := Input((3,), name='x"'), layers.Dense(2, name="a b")(x))
    model.to_folder(tmp_path, "Plain")
    spec = importlib.util.spec_from_file_location("plain_folder", tmp_path / "module.py")
    assert spec is not None
    assert spec.loader is not None
    source = (tmp_path / "module.py").read_text()
    assert all(WORD.fullmatch(word) for word in words_of(source) if "." not in word and word != "*")


# ---- what stands beside the code ------------------------------------------------------------------------------------------------


@given(st.dictionaries(TEXTS, st.integers(0, 3), min_size=1, max_size=4))
@examples(30)
def test_keys_of_outputs(keys: dict[str, int]) -> None:
    x = Input((2,))
    model = Model(x, {key: x + number for key, number in keys.items()})
    clean_code(model)
    got = model(torch.zeros(1, 2))
    assert {key: float(value[0, 0]) for key, value in got.items()} == keys


@pytest.mark.parametrize("name", HOSTILE[:-1])
def test_names_of_classes(name: str) -> None:
    if "\x00" in name or name == "\ud800":
        return  # Python refuses such a class
    layer = type(name, (Layer,), {"call": lambda self, x: x * 1})
    kind = type(name, (Model,), {})
    model = kind(x := Input((3,), name="x"), layer()(layers.Dense(2)(x)))
    words = clean_code(model)
    assert words <= {
        "forward",
        "self",
        "x",
        "dense",
        "ndim",
        "shape",
        "dtype",
        "torch",
        "float32",
        "_standardize",
        "_unnamed",
        *model._keys.values(),
    }
    assert type(model).__name__ == name
    clean_code(copy.deepcopy(model))


def test_listings_of_the_graph_hold_no_name() -> None:
    marks = ["mark one'", 'mark two"', "mark three\n", "mark four\x1b"]
    model = Model(x := Input((3,), name=marks[0]), layers.Dense(2, name=marks[1])(x), name=marks[2])
    outer = Model(y := Input((3,), name=marks[3]), model(y))
    for each in (model, outer):
        assert not [mark for mark in marks for text in (str(each.graph), each.print_readable(print_output=False)) if mark in text]
        assert not [node for node in each.graph.nodes if node.stack_trace]


AUDIT = f"""
import sys
import torch
from layergraph import Input, Model, Sequential, layers
seen = []
sys.addaudithook(lambda event, args: seen.append(args[0]) if event == "compile" else None)
hostile = {[text for text in HOSTILE if CANARY in text]!r}
for i, name in enumerate(hostile):
    mark = "MARK" + name
    x = Input((3,), name=mark)
    inner = Sequential([Input((3,)), layers.Dense(3, name=mark)], name=mark + "3")
    kind = type("MARK" + name, (layers.Layer,), {{"call": lambda self, x, **words: x * 1}})
    y = kind(name=mark + "1")(inner(x)) + torch.ones(3)
    model = type("MARK" + name, (Model,), {{}})({{mark: x}}, [y, y[:, 0]], name=mark + "2")
    model({{mark: torch.ones(1, 3)}})
    model.summary(print_fn=lambda text: None)
    Model(model.inputs, y)
texts = [text.decode() if isinstance(text, bytes) else str(text) for text in seen if text is not None]
assert len(texts) >= 2 * len(hostile), len(texts)
assert any("def forward" in text for text in texts)
found = [text for text in texts if "'PWNED'" in text or "__import__(" in text or any(name in text for name in hostile)]
assert not found, found[0]
assert not hasattr(__import__("builtins"), "PWNED")
print("clean", len(texts))
"""


def test_what_is_compiled_holds_no_text_of_the_user_s() -> None:
    done = subprocess.run([sys.executable, "-c", AUDIT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("clean")


# ---- names that the code itself uses --------------------------------------------------------------------------------------------

USED = sorted(RESERVED | {"permute", "relu", "conv2d", "add", "getitem", "cat", "x", "constant", "input_layer", "flatten", "mul", "dense"})


def picture(names: list[str]) -> Model:
    """A model whose code has most kinds of lines."""
    image = Input((4, 4, 2), name=names[0])
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name=names[1])(image)
    x = layers.Concatenate(name=names[2])([x + image, torch.relu(x) * torch.full((2,), 0.5)])
    y = torch.where(x > 0, x, float("-inf"))[:, 1:3, ..., None].to(torch.float64)
    z = layers.Dense(3, activation=nn.LeakyReLU(), name=names[3])(x.flatten(1))
    return Model(image, {"y": y, "z": [z.max(1)[0], z]})


PLAIN = ["plain_a", "plain_b", "plain_c", "plain_d"]


@given(st.lists(st.sampled_from(USED), min_size=4, max_size=4, unique=True))
@example(["self", "torch", "getattr", "inf"])
@example(["relu", "permute", "conv2d", "add"])
@example(["device", "float64", "math", "operator"])
@example(["forward", "_standardize", "ndim", "shape"])
@examples(40)
def test_names_that_the_code_uses(names: list[str]) -> None:
    plain, model = picture(PLAIN).eval(), picture(names).eval()
    model.set_weights(plain.get_weights())
    value = torch.randn(2, 4, 4, 2)
    for each in (model, copy.deepcopy(model)):
        got, wanted = each(value), plain(value)
        assert torch.equal(got["y"], wanted["y"])
        assert torch.equal(got["z"][0], wanted["z"][0])
        assert torch.equal(got["z"][1], wanted["z"][1])
    assert not {*model._modules, *model._buffers} & {*dir(nn.Module), *RESERVED}


# ---- keys -----------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text("ab._- 1", min_size=1, max_size=4).filter(lambda n: n.strip(".")), min_size=2, max_size=8, unique=True))
@example(["d", "d_activation", "d.activation", "d activation"])
@example(["constant", "constant_1", "constant 1"])
@examples(60)
def test_keys_that_clean_alike_are_kept_apart(names: list[str]) -> None:
    def build(order: list[str]) -> tuple[Model, list[Any]]:
        x = y = Input((2,))
        made = []
        for name in order:
            made.append(layers.Dense(2, name=name, activation=nn.LeakyReLU(0.3)))
            y = made[-1](y) + torch.ones(2)
        return Model(x, y), made

    value = torch.randn(3, 2)
    for order in (names, names[::-1]):
        model, made = build(order)
        assert len(model.state_dict()) == 3 * len(order)
        y = value
        for layer in made:
            y = layer(y) + 1
        assert torch.equal(model(value), y)
        twin = build(order)[0]
        twin.load_state_dict(model.state_dict())
        assert torch.equal(twin(value), y)
        assert list(twin.state_dict()) == list(model.state_dict())


def test_a_sequential_gives_back_the_keys_of_what_it_pops() -> None:
    model = Sequential([Input((2,)), layers.Dense(2, name="d", activation=nn.LeakyReLU())])
    model.pop()
    model.add(layers.Dense(2, name="d_activation"))
    model.add(layers.Dense(2, name="d", activation=nn.LeakyReLU()))
    assert len(model.state_dict()) == 4
    value = torch.randn(1, 2)
    assert torch.equal(model(value), model.layers[-1](model.layers[-2](value)))


# ---- messages -------------------------------------------------------------------------------------------------------------------

LONG = "\x1b[31m" + "name\n" * 2000


def failing(name: str) -> dict[str, Callable[[], Any]]:
    x = Input((3,), name=name)
    dense = layers.Dense(2, name=name + "1")
    model = Model(x, dense(x), name=name + "2")
    twins = [layers.Dense(2, name=name + "3") for _ in range(2)]
    refuses = layers.Dense(2, name=name + "4")
    refuses(Input((5,)))
    spec = TensorSpec((None, 3), torch.float32)
    assert spec.ndim == 2
    return {
        "get_layer": lambda: model.get_layer(name + "x"),
        "two names": lambda: Model(x, twins[1](twins[0](x))),
        "unknown keyword": lambda: model(torch.ones(1, 3), **{name + "y": 1}),
        "missing key": lambda: model({name + "y": torch.ones(1, 3)}),
        "shape": lambda: model(torch.ones(1, 4)),
        "count": lambda: model(torch.ones(1, 3), torch.ones(1, 3)),
        "no tensor": lambda: model("text"),
        "layer": lambda: refuses(x),
        "merge": lambda: layers.Add(name=name)([x, Input((5,), name=name + "6")]),
        "torch": lambda: torch.matmul(x, x),
        "unreached": lambda: Model(x, Input((3,), name=name + "5")),
        "argument": lambda: layers.Dense(2, **{name: 1}),
        "argument of a model": lambda: Model(x, x, **{name: 1}),
        "value": lambda: layers.Dense(2, activation=name),
        "slash": lambda: layers.Dense(2, name=name + "/"),
        "keyword of a graph": lambda: Model(x, Loose()(x, **{name: 1})),
        "rename": lambda: setattr(dense, "name", name),
        "weights": lambda: model.set_weights([]),
        "to_folder": lambda: model.to_folder("nowhere", name),
    }


@pytest.mark.parametrize("what", failing("plain"))
@pytest.mark.parametrize("name", [LONG, f"{CANARY}\x1b[2J"], ids=["long", "escape"])
def test_a_message_shows_names_by_repr_and_cut(what: str, name: str) -> None:
    with pytest.raises(Exception, match=r"\S") as caught:
        failing(name)[what]()
    text = str(caught.value)
    assert "\x1b" not in text
    assert len(text) <= 1200, len(text)
    assert len(text.splitlines()) <= 12
