"""`Model.summary`: pages compared in full with `goldens/summary_*.txt`; `python tests/models/test_summary.py` writes them anew."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layergraph import Input, Model, Sequential
from layergraph.errors import ArgumentError
from layergraph.layers import Add, BatchNormalization, Concatenate, Conv2D, Dense, Dropout, GlobalAveragePooling2D
from layergraph.models.table import PAGE, safe, width

GOLDENS = Path(__file__).parent / "goldens"


def listing():
    """The first listing of every tutorial."""
    return Sequential([Input((784,)), Dense(64, activation="relu"), Dropout(0.2), Dense(10, activation="softmax")], name="mlp")


def residual():
    image = Input((32, 32, 3), name="image")
    x = Conv2D(32, 3, padding="same", activation="relu")(image)
    x = BatchNormalization()(x)
    x = Add()([Conv2D(32, 1, padding="same", name="projection")(image), x])
    x = torch.relu(x) * 0.5
    return Model(image, Dense(10, name="digit")(GlobalAveragePooling2D()(x)), name="residual")


def nested():
    a = Input((8,), name="features")
    block = Model(a, Dense(8)(Dense(16, activation="relu")(a)), name="block")
    block.trainable = False
    x = Input((8,), batch_size=4)
    return Model(x, Dense(1)(block(block(x) + x)), name="outer")


def shared():
    """One layer called twice, one with two settled names that meet, a name that is no identifier, two inputs, two outputs."""
    left, right = Input((None, 6), name="left"), Input((None, 6), name="right")
    twice, head = Dense(4, name="my layer"), Dense(2)
    first = Model(left, head(twice(left)))
    young = Dense(3)
    second = Model(right, young(right))
    assert young.name == head.name == "dense"
    both = torch.cat([head(twice(left)), head(twice(right))], dim=-1)
    assert first.get_layer("dense") is head
    assert second.get_layer("dense") is young
    values, indices = torch.max(both, dim=1)
    return Model([left, right], {"scores": values, "where": indices, "young": young(right)}, name="shared")


def unbuilt():
    return Sequential([Dense(3), Dense(2, name="top"), Dense(1)], name="later")


PAGES = [
    ("listing", listing, {}),
    ("residual", residual, {"show_trainable": True}),
    ("nested", nested, {"expand_nested": True, "show_trainable": True}),
    ("shared", shared, {}),
    ("unbuilt", unbuilt, {"show_trainable": True}),
]


def page(model, **options):
    text = []
    model.summary(print_fn=text.append, **options)
    assert len(text) == 1
    return text[0]


def table_of(text):
    return [line for line in text.splitlines() if line[0] in "┏┃┡│└"]


@pytest.fixture(autouse=True)
def _a_wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(("name", "make", "options"), PAGES, ids=[name for name, _, _ in PAGES])
def test_the_page_is_the_golden_one(name, make, options):
    assert page(make(), **options) + "\n" == (GOLDENS / f"summary_{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "make", "options"), PAGES, ids=[name for name, _, _ in PAGES])
def test_the_page_is_aligned_and_fits_a_hundred_columns(name, make, options):
    lines = table_of(page(make(), **options))
    assert len({width(line) for line in lines}) == 1
    assert width(lines[0]) <= PAGE == 100
    bars = {tuple(i for i, letter in enumerate(line) if letter in "┃│") for line in lines if line[0] in "┃│"}
    assert len(bars) == 1


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize(("name", "make", "options"), PAGES, ids=[name for name, _, _ in PAGES])
def test_a_copy_has_the_same_page(name, make, options, again):
    model = make()
    assert page(again(model), **options) == page(model, **options)


def test_print_is_the_default(capsys):
    model = listing()
    model.summary()
    assert capsys.readouterr().out == page(model) + "\n"


def test_a_terminal_without_box_drawing_characters_gets_ascii(monkeypatch):
    class Narrow:
        encoding = "ascii"
        text = ""

        def write(self, text):
            text.encode("ascii")
            self.text += text

        def flush(self):
            pass

    out = Narrow()
    monkeypatch.setattr("sys.stdout", out)
    Sequential([Input((2,)), Dense(1, name="größe")]).summary()
    assert "| gr\\xf6\\xdfe (Dense) |" in out.text


# What it must not do


def whole_state(model):
    return (
        [
            (name, tensor.data_ptr(), tensor.device, tensor.requires_grad, tensor.detach().clone())
            for name, tensor in model.state_dict(keep_vars=True).items()
        ],
        [module.training for module in model.modules()],
        [{name: dict(value) for name, value in module.__dict__.items() if "_hooks" in name} for module in model.modules()],
        torch.get_rng_state(),
        model.code,
        [node.name for node in model.graph.nodes],
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [listing, residual, nested, shared])
def test_the_model_and_the_random_state_are_untouched(make, training):
    model = make()
    model.train(training)
    if make is residual:
        model.get_submodule("batch_normalization").eval()  # a mode of its own
    before = whole_state(model)
    page(model, expand_nested=True)
    after = whole_state(model)
    for one, other in zip(before[0], after[0], strict=True):
        assert one[:4] == other[:4]
        assert torch.equal(one[4], other[4])
    assert before[1] == after[1]
    assert before[2] == after[2]
    assert torch.equal(before[3], after[3])
    assert before[4:] == after[4:]


def test_no_hook_of_the_users_runs_and_no_weight_is_copied():
    model = residual()
    ran = []
    for module in model.modules():
        module.register_forward_hook(lambda *_: ran.append("after"))
        module.register_forward_pre_hook(lambda *_: ran.append("before"))
    page(model)
    assert ran == []


def test_torchinfo_keeps_nothing_of_it():
    import torchinfo

    before = dict(vars(torchinfo.torchinfo)["_cached_forward_pass"])
    page(residual())
    assert vars(torchinfo.torchinfo)["_cached_forward_pass"] == before


def test_no_name_is_settled_by_looking():
    model = Sequential([Dense(3), Dense(3)])
    assert "dense_1 (Dense)" in page(model)
    assert model._name is None
    assert [layer._name for layer in model.layers] == [None, None]


def test_a_compiled_model_that_has_trained():
    model = Sequential([Input((4,)), Dense(2)])
    model.compile("adam", loss="mse")
    x, y = np.random.rand(8, 4).astype("float32"), np.zeros((8, 2), "float32")
    model.fit(x, y, verbose=0)
    text = page(model)
    assert " Total params: 32 (128.00 B)\n Trainable params: 10 (40.00 B)\n" in text
    assert " Non-trainable params: 0 (0.00 B)\n Optimizer params: 22 (88.00 B)\n" in text


# Figures


def test_the_mult_adds_are_torchinfos():
    import torchinfo

    model = residual()
    found = torchinfo.summary(copy.deepcopy(model), input_data=[torch.zeros(1, 32, 32, 3)], verbose=0)
    text = page(model)
    assert f" Total mult-adds: {found.total_mult_adds:,}\n" in text
    assert f" Forward/backward pass size: {found.total_output_bytes / 1024:.2f} KB\n" in text
    assert f" Params size: {found.total_param_bytes / 1024:.2f} KB\n" in text
    column = [line.split("│")[4].strip() for line in table_of(text) if line.startswith("│")]
    assert sum(int(cell.replace(",", "")) for cell in column if cell not in ("", "-")) == found.total_mult_adds


def test_the_counts_are_kerass():
    """Statistics of BatchNormalization are parameters that are not trained; frozen layers are not trained."""
    model = residual()
    assert model.count_params() == 896 + 128 + 128 + 330
    text = page(model)
    assert " Total params: 1,482 (5.79 KB)\n Trainable params: 1,418 (5.54 KB)\n Non-trainable params: 64 (256.00 B)\n" in text
    model.get_layer("digit").trainable = False
    assert " Trainable params: 1,088 (4.25 KB)\n Non-trainable params: 394 (1.54 KB)\n" in page(model)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [(torch.float64, "80.00 B"), (torch.float16, "20.00 B"), (torch.bfloat16, "20.00 B")],
    ids=["double", "half", "bfloat16"],
)
def test_a_model_of_another_dtype(dtype, size):
    text = page(Sequential([Input((4,)), Dense(2)]).to(dtype))
    assert f" Total params: 10 ({size})\n" in text
    assert " Total mult-adds: 10\n" in text


def test_a_module_that_does_not_run_on_meta_leaves_the_rest_of_the_page():
    from layergraph.layers import Layer

    class Asks(Layer):
        def call(self, x):
            return x if float(x.sum()) > 0 else -x

        def compute_output_shape(self, input_shape):
            return input_shape

    x = Input((4,))
    text = page(Model(x, Dense(2)(Asks()(x))))
    assert "Mult-Adds" not in text.split("Total params")[0]
    assert " Mult-adds are left out, since the model does not run on meta tensors: " in text
    assert " Total params: 10 (40.00 B)\n" in text


def test_a_replaced_module_is_counted_where_it_stands():
    model = Sequential([Input((4,)), Dense(2, name="head")])

    class LoRA(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base, self.down, self.up = base, nn.Linear(4, 1, bias=False), nn.Linear(1, 2, bias=False)

        def forward(self, x):
            return self.base(x) + self.up(self.down(x))

    model.head = LoRA(model.head)
    line = next(line for line in page(model).splitlines() if "head (Dense)" in line)
    assert [cell.strip() for cell in line.split("│")[3:5]] == ["16", "16"]


def test_unknown_sizes_are_said():
    x = Input((None, None, 3))
    assert "(torchinfo's figures, for a batch of 1, unknown sizes taken as 64)" in page(Model(x, Conv2D(2, 3)(x)))
    assert "(torchinfo's figures, for a batch of 1, unknown sizes taken as 512)" in page(Model(x, Conv2D(2, 100)(x)))


def test_a_subclassed_model_before_and_after_its_first_call():
    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.head = Dense(2)

        def call(self, x):
            return self.head(x)

    model = Mine()
    assert [line.replace(" ", "") for line in table_of(page(model))[3:5]] == ["│dense(Dense)│?│0(unbuilt)│", "│(key:head)│││"]
    model(torch.zeros(3, 4))
    assert [line.replace(" ", "") for line in table_of(page(model))[3:5]] == ["│dense(Dense)│(3,2)│10│30│", "│(key:head)││││"]


# Options


def test_a_range_of_rows():
    model = residual()
    names = [line.split()[1] for line in table_of(page(model, layer_range=("conv2d", "add"))) if line[2].islower()]
    assert names == ["conv2d", "projection", "batch_normalization", "add"]
    assert page(model, layer_range=("add", "conv2d")) == page(model, layer_range=("conv2d", "add"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("nose", "add"), "summary: no layer of Sequential 'mlp' matches 'nose'"),
        (
            ("dense", "("),
            "summary: `layer_range` ('dense', '(') is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (("dense",), "summary: `layer_range` must be two strings, got ('dense',)"),
        ("ab", "summary: `layer_range` must be two strings, got 'ab'"),
        ((1, 2), "summary: `layer_range` must be two strings, got (1, 2)"),
    ],
)
def test_a_range_that_means_nothing(given, message):
    with pytest.raises(ArgumentError) as caught:
        listing().summary(layer_range=given)
    assert str(caught.value).splitlines()[0] == message


@pytest.mark.parametrize("length", [60, 79, 100, 132])
def test_line_length_is_the_width(length):
    for model in (listing(), residual()):
        assert {width(line) for line in table_of(page(model, line_length=length))} == {length}


@pytest.mark.parametrize("columns", [50, 72, 100, 200])
def test_the_terminals_width_is_the_limit(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(width(line) for line in table_of(page(listing()))) <= min(columns, 100)


def test_positions_of_kerass_columns_leave_the_mult_adds_out():
    lines = table_of(page(listing(), positions=[0.45, 0.8, 1.0], line_length=80))
    assert {width(line) for line in lines} == {80}
    assert [i for i, letter in enumerate(lines[1]) if letter == "┃"] == [0, 35, 63, 79]
    assert table_of(page(listing(), positions=[36, 64, 80])) == lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line_length": 20}, "summary: a page of 20 characters is too narrow for 4 columns"),
        ({"positions": [0.01, 0.5, 1.0]}, "summary: a page of 100 characters is too narrow for 3 columns"),
        ({"positions": [0.5, 1.0]}, "summary: `positions` has 2 entries, for the columns Layer (type), Output Shape, Param #, Mult-Adds"),
    ],
)
def test_a_page_that_cannot_be(options, message):
    with pytest.raises(ArgumentError) as caught:
        listing().summary(**options)
    assert str(caught.value).splitlines()[0] == message


# Names


@given(names=st.lists(st.text(min_size=1, max_size=120).filter(lambda name: "/" not in name), min_size=2, max_size=2, unique=True))
@settings(max_examples=40, deadline=None)
def test_no_name_reaches_the_terminal_raw_or_bends_the_table(names):
    x = Input((2,), name=names[0])
    model = Model(x, Concatenate()([x, Dense(2, name=names[1])(x)]), name=names[1])
    text = page(model)
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    lines = table_of(text)
    assert len({width(line) for line in lines}) == 1
    assert width(lines[0]) <= PAGE


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("größe 图像", "größe 图像"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("turned \u202eround", "turned \\u202eround"),
        ("\\x1b", "\\\\x1b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_safe(raw, shown):
    assert safe(raw) == shown


@pytest.mark.parametrize(
    ("text", "places"), [("abc", 3), ("größe", 5), ("图像", 4), ("e\u0301", 1), ("ｗｉｄｅ", 8), ("│ … │", 5), ("", 0)]
)
def test_width_is_what_a_terminal_takes(text, places):
    assert width(text) == places


def test_connections_keep_their_indices_when_names_are_cut():
    x = Input((2,), name="n" * 90)
    text = page(Model(x, Add()([x, Dense(2)(x)])))
    assert re.search(r"n…\[0\]\[0\],", text)


# Size


def test_three_thousand_layers_in_a_chain():
    """Three times the recursion limit; the chain of 10,000 is timed in tests/bench/bench_scale.py."""
    x = entry = Input((4,))
    for _ in range(1500):
        x = Dense(4)(x) + x
    model = Model(entry, x)
    text = page(model)
    assert len([line for line in table_of(text) if "(Dense)" in line]) == 1500
    assert " Total mult-adds: 30,000\n" in text


def test_fifty_models_in_each_other():
    model = Sequential([Input((3,)), Dense(3)])
    for _ in range(50):
        x = Input((3,))
        model = Model(x, model(x))
    text = page(model, expand_nested=True)
    assert len([line for line in table_of(text) if "(Functional)" in line]) == 49
    assert " Total mult-adds: 12\n" in text
    cells = [line.split("│")[4].strip() for line in table_of(text) if line[0] == "│"]
    assert {cell for cell in cells if cell not in ("", "-")} == {"12"}
    assert cells.count("12") == 49 + 2
    assert text.count("dense (Dense)") == 1


if __name__ == "__main__":
    for name, make, options in PAGES:
        (GOLDENS / f"summary_{name}.txt").write_text(page(make(), **options) + "\n", encoding="utf-8")
