"""`wrap`: any torch module in a graph, opaque and untouched."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import random
import re
from typing import NamedTuple

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from layergraph import Input, Model, Sequential, wrap
from layergraph.errors import ArgumentError, ConfigError, ShapeError, SymbolicError
from layergraph.layers import Dense, Layer, TorchModuleWrapper
from layergraph.models import clone_model

N = None


def ids(*shape: int | None) -> object:
    return Input(shape, dtype="int64")


def told(error: BaseException) -> str:
    """An error's text with its notes, each place as <line>."""
    return re.sub(r"\S+\.py:\d+(: .*)?", "<line>", "\n".join([str(error), *getattr(error, "__notes__", [])]))


def bert(positions: int = 24, **words: object) -> nn.Module:
    sizes = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return transformers.BertModel(transformers.BertConfig(**sizes, max_position_embeddings=positions, **words)).eval()


def gpt2() -> nn.Module:
    sizes = {"vocab_size": 50, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32, "bos_token_id": 0, "eos_token_id": 0}
    return transformers.GPT2Model(transformers.GPT2Config(**sizes)).eval()


def resnet() -> nn.Module:
    return transformers.ResNetModel(transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])).eval()


class Branches(nn.Module):
    """Control flow on data: nothing that runs on meta."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x) if x.sum() > 0 else -self.linear(x)


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


@dataclasses.dataclass(frozen=True)
class Answer:
    scores: torch.Tensor
    values: list[torch.Tensor]
    count: int = 3
    nothing: torch.Tensor | None = None
    cache: object = None


class Gives(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, *args, **kwargs):
        return self.make(*args, **kwargs)


# ------------------------------------------------------------------------------------------------ what modules give

SHAPES = [
    ("linear", lambda: nn.Linear(4, 2), lambda: [Input((7, 4))], {}, (N, 7, 2)),
    ("sequential", lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Dropout()), lambda: [Input((4,))], {}, (N, 3)),
    ("lstm", lambda: nn.LSTM(4, 8, batch_first=True), lambda: [Input((N, 4))], {}, ((N, N, 8), ((1, N, 8), (1, N, 8)))),
    (
        "lstm both ways",
        lambda: nn.LSTM(4, 8, 2, bidirectional=True, proj_size=3),
        lambda: [Input((5, 4))],
        {},
        ((N, 5, 6), ((4, 5, 3), (4, 5, 8))),
    ),
    ("gru", lambda: nn.GRU(4, 8, batch_first=True), lambda: [Input((5, 4))], {}, ((N, 5, 8), (1, N, 8))),
    ("rnn", lambda: nn.RNN(4, 8, batch_first=True), lambda: [Input((5, 4))], {}, ((N, 5, 8), (1, N, 8))),
    ("bag", lambda: nn.EmbeddingBag(10, 3), lambda: [ids(N)], {}, (N, 3)),
    ("attention", lambda: nn.MultiheadAttention(4, 2, batch_first=True), lambda: [Input((7, 4))] * 3, {}, ((N, 7, 4), (N, 7, 7))),
    (
        "attention, its weights left out",
        lambda: nn.MultiheadAttention(4, 2, batch_first=True),
        lambda: [Input((7, 4))] * 3,
        {"need_weights": False},
        ((N, 7, 4), N),
    ),
    ("encoder layer", lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), lambda: [Input((N, 4))], {}, (N, N, 4)),
    (
        "encoder",
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, enable_nested_tensor=False),
        lambda: [Input((7, 4))],
        {},
        (N, 7, 4),
    ),
    ("control flow on data", Branches, lambda: [Input((4,))], {}, (N, 2)),
    ("bert", bert, lambda: [ids(N)], {}, {"last_hidden_state": (N, N, 16), "pooler_output": (N, 16)}),
    ("bert as a tuple", bert, lambda: [ids(5)], {"return_dict": False}, ((N, 5, 16), (N, 16))),
    ("resnet", resnet, lambda: [Input((3, 64, N))], {}, {"last_hidden_state": (N, 16, 8, N), "pooler_output": (N, 16, 1, 1)}),
    ("dict", lambda: Gives(lambda x: {"a": x, "b": [x * 2, x[:, :1]]}), lambda: [Input((4,))], {}, {"a": (N, 4), "b": [(N, 4), (N, 1)]}),
    ("named tuple", lambda: Gives(lambda x: Pair(x, x[:, 0])), lambda: [Input((4,))], {}, ((N, 4), (N,))),
    ("longest length 10", lambda: Gives(lambda x: x + torch.zeros(10, device=x.device)[: x.shape[1]]), lambda: [Input((N,))], {}, (N, N)),
]


def shapes(value):
    if isinstance(value, dict):
        return {key: shapes(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(shapes, value)) if type(value) in (list, tuple) else tuple(map(shapes, value))
    return value if value is None else value.shape


@pytest.mark.parametrize(("make", "inputs", "words", "wanted"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_the_shapes_of_what_a_module_gives(make, inputs, words, wanted):
    assert shapes(wrap(make())(*inputs(), **words)) == wanted


def test_a_tuple_is_what_the_module_gives():
    x = Input((7, 4), name="x")
    out, (h, c) = wrap(nn.LSTM(4, 8, batch_first=True), name="encoder")(x)
    model, data = Model(x, [out, h, c]), torch.randn(2, 7, 4)
    wanted = model.encoder(data)
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        got = each(data)
        assert torch.equal(got[0], wanted[0])
        assert torch.equal(got[1], wanted[1][0])
        assert torch.equal(got[2], wanted[1][1])
    assert list(model.state_dict()) == [f"encoder.{key}" for key in model.encoder.state_dict()]


def test_the_fields_of_a_transformer_s_output():
    module = bert()
    tokens, mask = Input((N,), dtype="int64", name="tokens"), Input((N,), dtype="int64", name="mask")
    out = wrap(module, name="bert")(tokens, attention_mask=mask)
    assert out.last_hidden_state is out["last_hidden_state"] is out[0]
    assert out.pooler_output is out[-1] is out.to_tuple()[1]
    assert out.hidden_states is None
    with pytest.raises(AttributeError) as caught:
        _ = out.logits
    assert str(caught.value) == (
        "BaseModelOutputWithPoolingAndCrossAttentions has no attribute 'logits': it has last_hidden_state, pooler_output"
    )
    with pytest.raises(KeyError, match="has no 'logits': it has last_hidden_state, pooler_output"):
        _ = out["logits"]
    model = Model([tokens, mask], Dense(3)(out.pooler_output)).eval()
    data, kept = torch.randint(0, 50, (2, 6)), torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    wanted = model.dense(module(data, attention_mask=kept).pooler_output)
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.compile(model, backend="eager", fullgraph=True)):
        assert torch.equal(each(data, kept), wanted)
    assert torch.equal(torch.export.export(model, (data, kept)).module()(data, kept), wanted)
    assert "bert = self.bert(tokens, attention_mask = mask)" in model.code
    assert "getitem = bert['pooler_output']" in model.code
    assert {key.split(".")[0] for key in model.state_dict()} == {"bert", "dense"}


def test_nested_results_and_keywords_alone():
    module = bert()
    tokens = ids(5)
    hidden = wrap(module)(input_ids=tokens, output_hidden_states=True).hidden_states
    data = torch.randint(0, 50, (2, 5))
    assert torch.equal(Model(tokens, hidden[1])(data), module(data, output_hidden_states=True).hidden_states[1])


def test_what_a_module_gives_beside_tensors():
    tokens = ids(N)
    out = wrap(gpt2())(tokens)
    (kept,) = [value for name, value in out.items() if name != "last_hidden_state"]
    with pytest.raises(SymbolicError) as caught:
        _ = kept.layers
    assert told(caught.value) == (
        "wrap(GPT2Model) gave DynamicCache, and a graph holds tensors only\n  at <line>\n  fix: use it inside a custom Layer's call()"
    )
    with pytest.raises(SymbolicError):
        Model(tokens, kept)
    model = Model(tokens, out[0])
    data = torch.randint(0, 50, (2, 6))
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert each(data).shape == (2, 6, 16)


def test_the_fields_of_a_dataclass():
    x = Input((4,))
    out = wrap(Gives(lambda x: Answer(x * 2, [x, x + 1], x.shape[1], cache=object())), name="gives")(x)
    assert (out.scores.shape, out["values"][1].shape, out.count, out.nothing) == ((N, 4), (N, 4), 4, None)
    assert repr(out.cache) == "<wrap(Gives) 'gives' gave object>"
    model = Model(x, {"scores": out.scores, "second": out["values"][1]})
    assert "= gives.scores" in model.code
    got = model(torch.ones(1, 4))
    assert got["scores"].tolist() == [[2.0] * 4]
    assert got["second"].tolist() == [[2.0] * 4]


def test_a_result_with_fields_can_be_a_model_s_outputs():
    tokens = ids(5)
    got = Model(tokens, wrap(bert())(tokens))(torch.zeros(2, 5, dtype=torch.long))
    assert {name: tuple(value.shape) for name, value in got.items()} == {"last_hidden_state": (2, 5, 16), "pooler_output": (2, 16)}


def test_values_and_none_by_position():
    x = Input((4,), name="x")
    out = wrap(Gives(lambda x, scale, shift, how, *rest: x * scale + len(how) + len(rest)))(x, 2.0, None, "ab", [x, None], {"k": x})
    assert Model(x, out)(torch.ones(1, 4)).tolist() == [[6.0] * 4]


# ------------------------------------------------------------------------------------------------ the module stays itself


class Loud(nn.Module):
    """Counts its calls, in Python and in a buffer, and draws from every generator."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.calls = 0
        self.plain = torch.ones(4)

    def forward(self, x):
        self.calls += 1
        self.seen += 1
        random.random()
        np.random.rand()
        torch.rand(1)
        return self.norm(x) + self.plain


@pytest.mark.parametrize("training", [True, False])
def test_the_trial_run_touches_nothing(training):
    module = Loud().train(training)
    module.norm.eval()
    fired = []
    module.register_forward_hook(lambda *args: fired.append(args))
    before = copy.deepcopy(module.state_dict()), torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert wrap(module)(Input((4,))).shape == (N, 4)
    after = module.state_dict(), torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert all(torch.equal(a, b) for a, b in zip(before[0].values(), after[0].values(), strict=True))
    assert torch.equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert (module.calls, fired, module.training, module.norm.training) == (0, [], training, False)


def test_a_trial_on_real_tensors_touches_nothing_either():
    module = Branches()
    weight, state = module.linear.weight.clone(), torch.get_rng_state()
    out = wrap(nn.Sequential(module, nn.BatchNorm1d(2), nn.Dropout()))(Input((4,)))
    assert out.shape == (N, 2)
    assert torch.equal(weight, module.linear.weight)
    assert torch.equal(state, torch.get_rng_state())


def test_modes_reach_the_module_and_training_overrides_them():
    x = Input((4,))
    layer = wrap(nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5)), name="part")
    free, still = Model(x, layer(x)), Model(x, layer(x, training=False))
    free.eval()
    assert not free.part[1].training
    free.train()
    assert free.part[1].training
    data = torch.randn(64, 4)
    assert torch.equal(still(data), still(data))
    assert still.part[0].training
    assert still.part[0].num_batches_tracked == 0
    assert (free(data) == 0).any()
    nested = Model(x, free(x, training=False))
    assert not (nested(data) == 0).any()
    assert torch.equal(torch.compile(still, backend="eager", fullgraph=True)(data), still(data))
    assert "call_in_mode(part, False, " in still.code


def test_hooks_fire_wherever_they_are_registered():
    x, fired = Input((4,)), []
    module = nn.Linear(4, 2)
    module.register_forward_hook(lambda *args: fired.append("before"))
    layer = wrap(module, name="part")
    model = Model(x, layer(x))
    model.part.register_forward_hook(lambda *args: fired.append("on the model"))
    layer.register_forward_hook(lambda *args: fired.append("on the layer"))
    model(torch.ones(1, 4))
    assert fired == ["before", "on the model", "on the layer"]


def test_a_module_wrapped_twice_has_one_set_of_weights():
    module, x = nn.Linear(4, 4), Input((4,))
    model = Model(x, wrap(module)(wrap(module)(x)))
    assert list(model.state_dict()) == ["linear.weight", "linear.bias", "linear_1.weight", "linear_1.bias"]
    assert len(list(model.parameters())) == 2
    assert len(model.get_weights()) == 2
    assert model.count_params() == 20
    for each in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert each.linear is each.linear_1
        assert each.linear is not module
    other = Model(x, wrap(nn.Linear(4, 4), name="linear")(x))
    other.load_state_dict({key: value for key, value in model.state_dict().items() if key.startswith("linear.")})
    assert torch.equal(other.linear.weight, module.weight)


def test_one_wrapper_called_twice_is_one_layer():
    x, layer = Input((4,)), wrap(nn.Linear(4, 4))
    model = Model(x, layer(layer(x)))
    assert list(model.state_dict()) == ["linear.weight", "linear.bias"]


def test_weights_are_the_parameters_and_then_the_statistics():
    layer = wrap(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)))
    assert [weight.name for weight in layer.keras_weights()] == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "0.running_mean",
        "0.running_var",
    ]
    layer.trainable = False
    assert layer.trainable_weights == []
    assert not any(p.requires_grad for p in layer.module.parameters())
    assert wrap(nn.Linear(2, 2), trainable=False).trainable_weights == []


def test_a_frozen_part_stays_frozen():
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    module[0].requires_grad_(False)
    x = Input((4,))
    model = Model(x, wrap(module)(x))
    assert [tuple(w.shape) for w in model.trainable_weights] == [(2, 3), (2,)]
    before = module[0].weight.clone(), module[1].weight.clone()
    model.compile("sgd", loss="mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    assert torch.equal(before[0], module[0].weight)
    assert not torch.equal(before[1], module[1].weight)


def test_a_swapped_module_is_seen_by_graphs_cut_later():
    x, layer = Input((4,)), wrap(nn.Linear(4, 4), name="part")
    y = layer(x)
    model = Model(x, y)
    model.part = nn.Identity()
    assert isinstance(Model(x, y).part, nn.Identity)
    assert isinstance(layer.module, nn.Identity)


@pytest.mark.parametrize(
    ("module", "given", "casts"),
    [
        (nn.Linear(4, 2), "float32", False),
        (nn.Linear(4, 2).double(), "float32", True),
        (nn.Linear(4, 2).double(), "float64", False),
        (nn.Identity(), "float64", False),
        (nn.Embedding(5, 2), "int64", False),
    ],
)
def test_floats_are_cast_where_the_module_needs_it(module, given, casts):
    x = Input((4,), dtype=given)
    model = Model(x, wrap(module)(x))
    assert (".to(torch." in model.code) == casts
    model(torch.zeros(2, 4, dtype=getattr(torch, given)))


def test_autocast_false_leaves_floats():
    x = Input((4,), dtype="float64")
    out = wrap(Gives(lambda x: x), autocast=False, dtype="float32")(x)
    assert out.dtype == "float64"


def test_a_model_moved_to_another_dtype_runs():
    x = Input((4,))
    model = Model(x, wrap(nn.Linear(4, 2))(x)).double()
    assert model(torch.zeros(1, 4)).dtype is torch.float64


def test_in_a_sequential_and_in_layers_of_the_user():
    model = Sequential([Input((4,)), wrap(nn.Linear(4, 3)), wrap(nn.ReLU())])
    assert list(model.state_dict()) == ["linear.weight", "linear.bias"]

    class Holds(Layer):
        def __init__(self):
            super().__init__()
            self.part = wrap(nn.Linear(4, 3))

        def call(self, x):
            return self.part(x)

    assert list(Holds().state_dict()) == ["part.module.weight", "part.module.bias"]
    assert Holds()(Input((4,))).shape == (N, 3)


def test_eager_calls_are_the_module_s():
    module = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    layer, data = wrap(module), torch.randn(2, 5, 4)
    assert torch.equal(layer(data, data, data, need_weights=False)[0], module(data, data, data, need_weights=False)[0])
    assert layer(np.zeros((2, 5, 4), "float32"), data, data)[0].shape == (2, 5, 4)


def test_output_shape_spares_the_trial_run():
    def never(x):
        raise ValueError("never")

    layer = wrap(Gives(never), output_shape={"a": (N, 3), "b": (N, 4, 5)})
    out = layer(ids(2))
    assert shapes(out) == {"a": (N, 3), "b": (N, 4, 5)}
    assert out["a"].dtype == "float32"
    assert layer.compute_output_shape((N, 2)) == {"a": (N, 3), "b": (N, 4, 5)}
    assert wrap(nn.Linear(4, 2)).compute_output_shape((N, 4)) == (N, 2)
    assert wrap(nn.Linear(4, 2)).compute_output_shape(input_shape=(N, 4)) == (N, 2)
    assert wrap(nn.Bilinear(4, 3, 2)).compute_output_shape((N, 4), (N, 3)) == (N, 2)


def test_config_keeps_the_module_and_another_layer_gets_a_copy():
    layer = wrap(nn.Linear(4, 2), name="part", output_shape=(N, 2))
    assert layer.get_config()["module"] is layer.module
    twin = TorchModuleWrapper.from_config(layer.get_config())
    assert twin.name == "part"
    assert twin.module.weight is not layer.module.weight
    torch.testing.assert_close(twin.module.weight, layer.module.weight)


def test_a_module_has_no_form_in_json():
    model = Model(x := Input((4,)), wrap(nn.Linear(4, 2), name="part")(x))
    with pytest.raises(ConfigError) as caught:
        model.get_config()
    assert told(caught.value) == (
        "Functional.get_config: wrap(Linear) 'part': the argument 'module' cannot be written into a config: "
        "the module Linear has no form in a config\n"
        "  at <line>\n"
        "  fix: make the module in the __init__ or build() of a Layer of yours, from plain arguments; or pickle the model"
    )


def test_a_clone_has_copies_of_the_modules_and_shares_where_the_model_does():
    x = Input((4,), name="x")
    shared, results = nn.Linear(4, 4), wrap(Gives(lambda x: {"a": x, "b": (x + 1, x * 2)}), name="gives")(x)
    inner = Model(y := Input((4,)), wrap(shared, name="third")(y), name="inner")
    model = Model(x, inner(wrap(shared, name="first")(results["b"][0]) + wrap(shared, name="second")(results["a"])))
    twin = clone_model(model)
    assert [*twin.state_dict()] == [*model.state_dict()]
    assert twin.first is twin.second is twin.inner.third
    assert twin.first is not model.first
    torch.testing.assert_close(twin(rows := torch.randn(2, 4)), model(rows))
    with torch.no_grad():
        twin.first.weight.zero_()
    assert model.first.weight.any()


# ------------------------------------------------------------------------------------------------ refusals

WRONG = [
    (lambda: wrap(nn.Linear), "wrap takes an instance, got the class Linear\n  at <line>\n  fix: wrap(Linear(...))"),
    (
        lambda: wrap(nn.ModuleList()),
        "wrap takes a module that can be called, and ModuleList has no forward\n  at <line>\n  fix: wrap the modules in it one by one",
    ),
    (
        lambda: wrap(Dense(3, name="head")),
        "wrap takes a plain torch module, and Dense 'head' is a layer already\n  at <line>\n  fix: call it: layer(x)",
    ),
    (lambda: wrap("x"), "wrap takes a torch.nn.Module, got str 'x'\n  at <line>"),
    (
        lambda: wrap(len),
        "wrap takes a torch.nn.Module, got builtin_function_or_method <built-in function len>\n  at <line>\n"
        "  fix: call it on the symbol if it is made of torch functions, or write a Layer with call()",
    ),
    (
        lambda: wrap(nn.LazyLinear(3)),
        "wrap takes a module that has its weights, and LazyLinear makes some on its first call\n  at <line>\n"
        "  fix: call it on a tensor once, then wrap it",
    ),
    (
        lambda: Sequential([nn.Linear(4, 2)]),
        "Sequential.add takes a layer, got Linear Linear(in_features=4, out_features=2, bias=True)\n  at <line>\n"
        "  fix: add(wrap(Linear(...)))",
    ),
]


@pytest.mark.parametrize(("call", "says"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_cannot_be_wrapped(call, says):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert told(caught.value) == says


def test_a_module_that_does_not_take_these_shapes():
    x = Input((4,), name="x")
    with pytest.raises(ShapeError) as caught:
        wrap(nn.Linear(5, 2), name="head")(x)
    assert told(caught.value) == (
        "wrap(Linear) 'head': RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x4 and 5x2)\n"
        "  got (None, 4) from Input 'x', made at <line>\n"
        "  at <line>\n"
        "  fix: if it runs on tensors of these shapes, say what it gives: wrap(module, output_shape=(None, ...))"
    )


def test_a_module_that_gives_nothing():
    x = Input((4,))
    out = wrap(Gives(lambda x: None), name="mute")(x)
    with pytest.raises(SymbolicError) as caught:
        Model(x, out)
    assert told(caught.value) == (
        "wrap(Gives) 'mute': call() gave None, and a graph holds tensors only\n"
        "  called at <line>\n"
        "  at <line>\n"
        "  fix: end call() with `return ...`"
    )


class Holder:
    def __init__(self):
        self.bert = bert()
        self.linear = nn.Linear(4, 2)

    def run(self, name, x):
        return self.bert(x) if name == "bert" else self.linear(x)


def bare(who: str, fix: str) -> str:
    why = "was called on a symbolic tensor: its mode would be baked in and its weights nameless"
    return f"a bare {who} {why}\n  at <line>\n  fix: write wrap({fix})(x)"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.Linear(4, 2)(Input((4,))), bare("torch.nn.Linear", "nn.Linear(...)")),
        (lambda: Holder().run("linear", Input((4,))), bare("torch.nn.Linear", "self.linear")),
        (lambda: Holder().run("bert", ids(N)), bare("BertModel", "self.bert")),
        (lambda: Branches()(Input((4,))), bare("Branches", "Branches(...)")),
    ],
    ids=["torch's", "an attribute", "a third party's", "the user's"],
)
def test_a_bare_module_is_refused_with_the_words_to_type(call, says):
    with pytest.raises(SymbolicError) as caught:
        call()
    assert told(caught.value) == says
    assert f"{__file__}:" in str(caught.value)
