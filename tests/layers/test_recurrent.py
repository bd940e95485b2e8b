"""LSTM, GRU and SimpleRNN: Keras's arguments and layouts over the modules of `nn/recurrent.py`.

What Keras computes is compared in tests/parity; here stand the promises that need no golden.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model
from layergraph.errors import ArgumentError, LayergraphError, ShapeError
from layergraph.layers import GRU, LSTM, Dense, SimpleRNN
from layergraph.nn import recurrent

KINDS = [LSTM, GRU, SimpleRNN]
GATES = {LSTM: 4, GRU: 3, SimpleRNN: 1}
TWINS = {LSTM: nn.LSTM, GRU: nn.GRU, SimpleRNN: nn.RNN}
NAMES = {LSTM: ("h", "c"), GRU: ("h",), SimpleRNN: ("h",)}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _states(kind: Any, *shape: int) -> list[torch.Tensor]:
    return [torch.randn(shape) for _ in NAMES[kind]]


def _built(kind: Any, **kwargs: Any) -> Any:
    """A layer of 3 units for 4 features, whose weights are none of them 0 or 1."""
    layer = kind(3, **kwargs)
    layer.build((None, 6, 4))
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape).astype("float32") for w in layer.get_weights()])
    return layer


# --------------------------------------------------------------------------------------------------------- the signature

_WEIGHTS = "use_bias=True kernel_initializer='glorot_uniform' recurrent_initializer='orthogonal' bias_initializer='zeros'"
_TERMS = (
    "kernel_regularizer=None recurrent_regularizer=None bias_regularizer=None activity_regularizer=None kernel_constraint=None "
    "recurrent_constraint=None bias_constraint=None dropout=0.0 recurrent_dropout=0.0"
)
_GATED = "units activation='tanh' recurrent_activation='sigmoid'"
_SEQUENCE = "return_sequences=False return_state=False go_backwards=False stateful=False unroll=False"
_BASE = "name=None **kwargs"
SIGNATURES = {
    LSTM: f"{_GATED} {_WEIGHTS} unit_forget_bias=True {_TERMS} seed=None {_SEQUENCE} use_cudnn='auto'",
    GRU: f"{_GATED} {_WEIGHTS} {_TERMS} seed=None {_SEQUENCE} reset_after=True use_cudnn='auto'",
    SimpleRNN: f"units activation='tanh' {_WEIGHTS} {_TERMS} {_SEQUENCE} seed=None",
}


@every_kind
def test_arguments_are_keras_in_keras_order(kind: Any) -> None:
    words = [str(p) for p in inspect.signature(kind).parameters.values()]
    assert " ".join(words) == f"{SIGNATURES[kind]} {_BASE}"


_NOT_WRITTEN = {LSTM: {"use_cudnn"}, GRU: {"use_cudnn"}, SimpleRNN: {"seed"}}


@every_kind
def test_config_has_keras_keys(kind: Any) -> None:
    config = kind(3, seed=7, kernel_regularizer="l2", unroll=True, return_state=True, stateful=True, dropout=0.25).get_config()
    words = {word.split("=")[0] for word in SIGNATURES[kind].split()}
    assert set(config) == {"name", "trainable", "dtype", "zero_output_for_mask", *words} - _NOT_WRITTEN[kind]
    assert (config.get("seed", 7), config["activation"], config["unroll"], config["dropout"]) == (7, "tanh", True, 0.25)
    assert kind.from_config(config).get_config() == config
    zeros = kind.from_config({**config, "zero_output_for_mask": True})
    assert zeros.get_config() == {**config, "zero_output_for_mask": True}


@every_kind
@pytest.mark.parametrize("value", ["tanh", torch.tanh, torch.nn.functional.tanh], ids=["name", "torch", "functional"])
def test_the_default_activation_in_any_form(kind: Any, value: Any) -> None:
    assert kind(3, activation=value).get_config()["activation"] == "tanh"


REFUSED = [
    ("activation", "rellu", "cannot be used: Could not interpret activation function identifier: 'rellu'"),
    ("dropout", 1.5, "must be a number in [0, 1], got 1.5"),
    ("recurrent_dropout", "half", "must be a number in [0, 1], got 'half'"),
    ("go_backwards", 1, "must be True or False, got 1"),
    ("return_sequences", 1, "must be True or False, got 1"),
    ("units", 0, "must be a positive int, got 0"),
]
GATED = [("use_cudnn", "yes", "must be 'auto', True or False, got 'yes'")]
ONE = [
    (GRU, "reset_after", 0, "must be True or False, got 0"),
    (LSTM, "unit_forget_bias", 2, "must be True or False, got 2"),
]


EVERY_REFUSED = [*((kind, *row) for kind in KINDS for row in REFUSED), *((kind, *row) for kind in (LSTM, GRU) for row in GATED), *ONE]


@pytest.mark.parametrize(("kind", "word", "value", "said"), EVERY_REFUSED)
def test_arguments_that_are_refused(kind: Any, word: str, value: Any, said: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        kind(**{"units": 3, word: value}, name="r")
    assert caught.value.what == f"{kind.__name__} 'r': `{word}` {said}"


@every_kind
def test_unroll_and_use_cudnn_change_nothing(kind: Any) -> None:
    x, plain = torch.randn(2, 6, 4), _built(kind)
    others = [{"unroll": True}] + ([{"use_cudnn": value} for value in (True, False, "auto")] if kind is not SimpleRNN else [])
    for words in others:
        assert torch.equal(_built(kind, **words)(x), plain(x))


# ---------------------------------------------------------------------------------------------------------- the weights


def _gate(kind: Any, array: np.ndarray, gate: str) -> np.ndarray:
    """One gate's block of the last axis of an array in Keras's layout."""
    order = {LSTM: "ifco", GRU: "zrh", SimpleRNN: "h"}[kind]
    return np.split(array, len(order), axis=-1)[order.index(gate)]


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _by_hand(kind: Any, weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """The last output from weights in Keras's layout: the formulas of Keras's documentation of each cell."""
    kernel, recurrent, bias = (w.astype("float64") for w in weights)
    h = c = np.zeros((len(x), recurrent.shape[0]))
    for step in np.moveaxis(x.astype("float64"), 1, 0):
        if kind is GRU:
            a, b = step @ kernel + bias[0], h @ recurrent + bias[1]
            z, r = (_sigmoid(_gate(kind, a, g) + _gate(kind, b, g)) for g in "zr")
            h = z * h + (1 - z) * np.tanh(_gate(kind, a, "h") + r * _gate(kind, b, "h"))
            continue
        a = step @ kernel + h @ recurrent + bias
        if kind is SimpleRNN:
            h = np.tanh(a)
            continue
        i, f, o = (_sigmoid(_gate(kind, a, g)) for g in "ifo")
        c = f * c + i * np.tanh(_gate(kind, a, "c"))
        h = o * np.tanh(c)
    return h


@every_kind
def test_weights_in_keras_layout_compute_what_keras_says(kind: Any) -> None:
    layer = _built(kind)
    x = torch.randn(2, 6, 4)
    wanted = _by_hand(kind, layer.get_weights(), x.numpy())
    torch.testing.assert_close(layer(x).detach(), torch.from_numpy(wanted).float())


@every_kind
@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_go_round(kind: Any, use_bias: bool) -> None:
    layer, n = _built(kind, use_bias=use_bias), GATES[kind]
    bias = [(2, 3 * n) if kind is GRU else (3 * n,)] * use_bias
    assert [w.shape for w in layer.get_weights()] == [(4, 3 * n), (3, 3 * n), *bias]
    assert [w.name for w in layer.keras_weights()] == ["kernel", "recurrent_kernel", "bias"][: 2 + use_bias]
    given = [np.random.default_rng(1).normal(size=w.shape).astype("float32") for w in layer.get_weights()]
    layer.set_weights(given)
    for got, wanted in zip(layer.get_weights(), given, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert layer.count_params() == sum(p.numel() for p in layer.parameters()) == sum(w.size for w in given)
    assert {id(w) for w in layer.trainable_weights} == {id(p) for p in layer.parameters()}


@every_kind
def test_torchs_own_state_dict_is_read_as_keras_would_hold_it(kind: Any) -> None:
    layer, twin = _built(kind), TWINS[kind](4, 3, batch_first=True)
    layer.load_state_dict(twin.state_dict(), strict=True)
    x = torch.randn(2, 6, 4)
    torch.testing.assert_close(layer(x), twin(x)[0][:, -1])
    copied = kind(3)
    copied.build((None, 6, 4))
    copied.set_weights(layer.get_weights())
    torch.testing.assert_close(copied(x), twin(x)[0][:, -1])
    assert kind is GRU or not copied.bias_hh_l0.any()


@pytest.mark.parametrize(
    ("words", "forget", "others"),
    [
        ({}, 1.0, 0.0),
        ({"unit_forget_bias": False}, 0.0, 0.0),
        ({"bias_initializer": "ones", "unit_forget_bias": False}, 1.0, 1.0),
        ({"bias_initializer": {"class_name": "Constant", "config": {"value": 3.0}}}, 1.0, 3.0),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unit_forget_bias(words: dict[str, Any], forget: float, others: float, dtype: str) -> None:
    layer = LSTM(3, dtype=dtype, **words)
    layer.build((None, 6, 4))
    np.testing.assert_array_equal(layer.get_weights()[2], np.repeat([others, forget, others, others], 3))
    assert layer.get_weights()[2].dtype == dtype


def test_the_forget_bias_starts_at_one_however_the_layer_is_built() -> None:
    by_symbol, by_tensor = LSTM(3), LSTM(3, trainable=False)
    by_symbol(Input((6, 4))), by_tensor(torch.ones(2, 6, 4))
    for layer in (by_symbol, by_tensor):
        np.testing.assert_array_equal(layer.get_weights()[2], np.repeat([0, 1, 0, 0], 3))
    assert not any(p.requires_grad for p in by_tensor.parameters())
    loaded = _built(LSTM)
    by_symbol.set_weights(loaded.get_weights())
    np.testing.assert_array_equal(by_symbol.get_weights()[2], loaded.get_weights()[2])
    LSTM(3, use_bias=False)(Input((6, 4)))


@every_kind
def test_the_recurrent_kernel_is_orthogonal_as_a_whole(kind: Any) -> None:
    layer = kind(8)
    layer.build((None, 6, 4))
    kernel = layer.get_weights()[1]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(8), atol=1e-5)


@every_kind
def test_regularizers_and_constraints_see_keras_weights(kind: Any) -> None:
    terms = {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l1"}
    layer = _built(kind, **terms, recurrent_constraint="non_neg", bias_constraint="non_neg")
    kernel, recurrent, bias = layer.get_weights()
    wanted = [0.01 * (kernel**2).sum(), 0.01 * np.abs(recurrent).sum(), 0.01 * np.abs(bias).sum()]
    np.testing.assert_allclose([term.item() for term in layer.losses], wanted, rtol=1e-5)
    layer.apply_constraints()
    after = layer.get_weights()
    np.testing.assert_array_equal(after[0], kernel)
    for got, before in zip(after[1:], (recurrent, bias), strict=True):
        np.testing.assert_array_equal(got, np.maximum(before, 0))


# ------------------------------------------------------------------------------------------------- outputs and states


@every_kind
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("steps", [6, None])
def test_shapes_eager_symbolic_and_lowered(kind: Any, sequences: bool, state: bool, steps: int | None) -> None:
    layer = _built(kind, return_sequences=sequences, return_state=state)
    states = [(None, 3)] * len(NAMES[kind]) * state
    wanted = [(None, steps, 3) if sequences else (None, 3), *states]
    inputs = Input((steps, 4))
    symbols = layer(inputs)
    eager = layer(torch.randn(2, 6, 4))
    said = layer.compute_output_shape((None, steps, 4))
    assert type(symbols) is type(eager) is tuple if state else said == wanted[0]
    listed = (lambda value: list(value)) if state else (lambda value: [value])
    assert [y.shape for y in listed(symbols)] == listed(said) == wanted
    assert [tuple(y.shape) for y in listed(eager)] == [(2, *(size or 6 for size in shape[1:])) for shape in wanted]
    model = Model(inputs, symbols)
    x = torch.randn(5, 6, 4)
    torch.testing.assert_close(model(x), layer(x), rtol=0, atol=0)


@every_kind
def test_the_whole_sequence_the_last_output_and_the_states_agree(kind: Any) -> None:
    x = torch.randn(2, 6, 4)
    output, last, *_ = _built(kind, return_sequences=True, return_state=True)(x)
    assert torch.equal(output[:, -1], last)
    assert torch.equal(_built(kind)(x), last)


@every_kind
def test_a_sequence_in_two_parts(kind: Any) -> None:
    layer = _built(kind, return_sequences=True, return_state=True)
    x = torch.randn(2, 6, 4)
    first, *states = layer(x[:, :2])
    second, *last = layer(x[:, 2:], initial_state=states)
    whole, *wanted = layer(x)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(last, wanted)


@every_kind
def test_forms_of_initial_state(kind: Any) -> None:
    layer = _built(kind)
    x, states = torch.randn(2, 6, 4), _states(kind, 2, 3)
    wanted = layer(x, initial_state=states)
    assert not torch.allclose(wanted, layer(x))
    assert torch.equal(layer(x, states), wanted)
    assert torch.equal(layer(x, initial_state=tuple(states)), wanted)
    assert torch.equal(layer(x.numpy(), initial_state=[h.numpy() for h in states]), wanted)
    torch.testing.assert_close(layer(x, initial_state=[h.double() for h in states]), wanted)
    assert torch.equal(layer(x, initial_state=None), layer(x))
    if len(states) == 1:
        assert torch.equal(layer(x, initial_state=states[0]), wanted)


@every_kind
def test_initial_states_in_a_model(kind: Any) -> None:
    """An encoder's states start a decoder; constants and symbols may stand side by side."""
    encoder, decoder = _built(kind, return_state=True), _built(kind)
    source, target = Input((6, 4), name="source"), Input((None, 4), name="target")
    _, *states = encoder(source)
    model = Model([source, target], decoder(target, initial_state=states))
    a, b = torch.randn(2, 6, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(model(a, b), decoder(b, initial_state=list(encoder(a)[1:])), rtol=0, atol=0)
    assert {kind.__name__ for kind in map(type, model.children())} == {"RNN" if kind is SimpleRNN else kind.__name__}
    fixed = _states(kind, 1, 3)
    constant = Model(target, decoder(target, initial_state=fixed))
    torch.testing.assert_close(constant(b), decoder(b, initial_state=[h.expand(2, 3) for h in fixed]), rtol=0, atol=0)
    mixed = Model([source, target], decoder(target, initial_state=[states[0], *fixed[1:]]))
    torch.testing.assert_close(mixed(a, b), decoder(b, initial_state=[encoder(a)[1], *fixed[1:]]), rtol=0, atol=0)


@every_kind
def test_a_learnt_initial_state_gets_its_gradient(kind: Any) -> None:
    layer = _built(kind)
    states = [h.requires_grad_() for h in _states(kind, 1, 3)]
    layer(torch.randn(4, 6, 4), initial_state=states).sum().backward()
    assert all(h.grad is not None and h.grad.abs().min() > 0 for h in states)


@every_kind
def test_lowered_code_holds_one_module(kind: Any) -> None:
    inputs = Input((6, 4), name="x")
    model = Model(inputs, Dense(1)(kind(3, name="memory")(inputs)))
    assert "memory = self.memory(x)" in model.code
    assert list(model.state_dict())[:4] == ["memory.weight_ih_l0", "memory.weight_hh_l0", "memory.bias_ih_l0", "memory.bias_hh_l0"]
    assert isinstance(model.memory, {LSTM: recurrent.LSTM, GRU: recurrent.GRU, SimpleRNN: recurrent.RNN}[kind])


@every_kind
def test_gradients_in_a_model_are_torchs(kind: Any) -> None:
    inputs = Input((6, 4))
    model, twin = Model(inputs, kind(3, name="memory")(inputs)), TWINS[kind](4, 3, batch_first=True)
    model.memory.load_state_dict(twin.state_dict())
    x = torch.randn(2, 6, 4)
    model(x).square().sum().backward()
    twin(x)[0][:, -1].square().sum().backward()
    for name, parameter in model.memory.named_parameters():
        torch.testing.assert_close(parameter.grad, twin.get_parameter(name).grad)


@every_kind
def test_shared_and_copied(kind: Any) -> None:
    layer, first, second = _built(kind), Input((6, 4)), Input((None, 4))
    model = Model([first, second], [layer(first), layer(second)])
    assert len(list(model.parameters())) == len(list(layer.parameters()))
    a, b = torch.randn(2, 6, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(copy.deepcopy(model)(a, b), (layer(a), layer(b)), rtol=0, atol=0)


@every_kind
def test_integers_are_cast_as_in_keras(kind: Any) -> None:
    layer = _built(kind)
    x = torch.randint(0, 5, (2, 6, 4))
    assert torch.equal(layer(x), layer(x.float()))
    inputs = Input((6, 4), dtype="int64")
    assert torch.equal(Model(inputs, layer(inputs))(x), layer(x))


@every_kind
def test_an_empty_batch(kind: Any) -> None:
    layer = _built(kind, return_sequences=True)
    inputs = Input((6, 4))
    for run in (layer, Model(inputs, layer(inputs))):
        run(torch.ones(0, 6, 4)).sum().backward()
        assert run(torch.ones(0, 6, 4)).shape == (0, 6, 3)


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_an_eager_layer_compiles_inside_a_module_of_the_users(backend: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory, self.decoder = _built(LSTM, return_state=True), _built(LSTM)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decoder(x, initial_state=self.memory(x)[1:])

    torch._dynamo.reset()
    net, x = Net().eval(), torch.randn(2, 6, 4)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(net, fullgraph=True, backend=backend)(x), net(x))


# --------------------------------------------------------------------------------------------------------------- errors


def _refused(call: Any) -> LayergraphError:
    with pytest.raises(LayergraphError) as caught:
        call()
    assert "test_recurrent.py:" in str(caught.value)
    return caught.value


@every_kind
@pytest.mark.parametrize(
    ("shape", "said", "fix"),
    [
        (
            (2, 4),
            "expects 3 axes, (batch, steps, features), got (2, 4)",
            "use Reshape, or return_sequences=True in the recurrent layer before this one",
        ),
        ((2, 6, 4, 3), "expects 3 axes, (batch, steps, features), got (2, 6, 4, 3)", None),
        (
            (2, 6, None),
            "needs a known number of features, since its kernel has as many rows; the input's shape is (2, 6, None)",
            "give it in Input(shape=...)",
        ),
    ],
)
def test_wrong_inputs(kind: Any, shape: tuple[int | None, ...], said: str, fix: str | None) -> None:
    calls = [lambda: kind(3, name="r")(Input(batch_shape=shape))]
    if None not in shape:
        calls.append(lambda: kind(3, name="r")(torch.ones(shape)))
    for call in calls:
        error = _refused(call)
        assert (type(error), error.what, error.fix) == (ShapeError, f"{kind.__name__} 'r': {said}", fix)


@every_kind
def test_other_features_than_it_was_built_for(kind: Any) -> None:
    layer = _built(kind, name="r")
    error = _refused(lambda: layer(Input((6, 5))))
    assert (error.what, error.fix) == (
        f"{kind.__name__} 'r': was built for 4 features, got 5 in (None, 6, 5)",
        "use another layer: one layer has one kernel",
    )
    name = type(layer.rnn).__name__
    assert _refused(lambda: layer(torch.ones(2, 6, 5))).what == f"{name} expects an input of shape (batch, steps, 4), got (2, 6, 5)"


@every_kind
@pytest.mark.parametrize("symbolic", [True, False], ids=["symbols", "tensors"])
def test_wrong_initial_states(kind: Any, symbolic: bool) -> None:
    layer = _built(kind, name="r")
    n, batch = len(NAMES[kind]), None if symbolic else 2
    wanted = f"{kind.__name__} 'r': `initial_state` must be {'2 tensors' if n == 2 else '1 tensor'} of shape ({batch}, 3), got"
    x = Input((6, 4)) if symbolic else torch.ones(2, 6, 4)

    def of(*shape: int) -> Any:
        return Input(shape[1:]) if symbolic else torch.ones(shape)

    rows = [
        ([of(2, 3)] * 3, ArgumentError, f"{wanted} 3"),
        ([], ArgumentError, f"{wanted} 0"),
        ([of(2, 5)] * n, ShapeError, f"{wanted} shape ({batch}, 5)"),
        ([of(2, 3, 1)] * n, ShapeError, f"{wanted} shape ({batch}, 3, 1)"),
        ([0.0] * n, ArgumentError, f"{wanted} float 0.0"),
        *([([torch.ones(4, 3)] * n, ShapeError, f"{wanted} shape (4, 3)")] if not symbolic else []),
    ]
    before = layer.get_weights()
    for given, error_type, said in rows:
        error = _refused(lambda given=given: layer(x, initial_state=given))
        assert (type(error), error.what, error.fix) == (
            error_type,
            said,
            f"{kind.__name__}(3)(x, initial_state=[{', '.join(NAMES[kind])}])",
        )
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_kind
def test_states_in_the_list_of_inputs_are_keras_2(kind: Any) -> None:
    error = _refused(lambda: kind(3, name="r")([torch.ones(2, 6, 4), torch.ones(2, 3)]))
    assert (error.what, error.fix) == (
        f"{kind.__name__} 'r' takes one tensor, got a list of 2",
        f"{kind.__name__}(3)(x, initial_state=[...])",
    )
