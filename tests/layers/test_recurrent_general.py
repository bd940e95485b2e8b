"""Recurrent layers with dropout, masks and states that stay: what no golden can say."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from layergraph import Input, Model, models
from layergraph.errors import LayergraphError, ShapeError
from layergraph.layers import GRU, LSTM, RNN, Embedding, LSTMCell, Masking, SimpleRNN
from layergraph.nn import recurrent

KINDS = [LSTM, GRU, SimpleRNN]
NAMES = {LSTM: ("h", "c"), GRU: ("h",), SimpleRNN: ("h",)}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _built(kind: Any, **kwargs: Any) -> Any:
    layer = kind(3, **kwargs)
    layer.build((2 if kwargs.get("stateful") else None, 6, 4))
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape).astype("float32") for w in layer.get_weights()])
    return layer


def _grads(function: Any, leaves: list[torch.Tensor]) -> Any:
    total = sum((y * torch.linspace(-1, 2, y.numel()).reshape(y.shape)).sum() for y in function())
    return torch.autograd.grad(total, leaves)


# ---------------------------------------------------------------------------------------------------- kernel and loop


@every_kind
@pytest.mark.parametrize("words", [{}, {"go_backwards": True}, {"dropout": 0.5}, {"recurrent_dropout": 0.5}])
def test_the_kernel_does_what_it_can(kind: Any, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the direction, nor dropout of the inputs, nor dropout in eval mode leaves torch's kernel; the loop gives the same numbers."""
    layer = _built(kind, return_sequences=True, return_state=True, **words).eval()
    x = torch.randn(2, 6, 4)
    looped = layer(x, mask=torch.ones(2, 6, dtype=torch.bool))
    monkeypatch.setattr("layergraph.nn.cells.over_time", None)
    torch.testing.assert_close(layer(x), looped)
    if "recurrent_dropout" not in words:
        layer.train()(x)


@every_kind
def test_gradients_of_the_loop_are_the_kernels(kind: Any) -> None:
    layer = _built(kind, return_sequences=True, return_state=True)
    x = torch.randn(2, 6, 4, requires_grad=True)
    leaves = [x, *layer.parameters()]
    got = _grads(lambda: layer(x, mask=torch.ones(2, 6, dtype=torch.bool)), leaves)
    torch.testing.assert_close(got, _grads(lambda: layer(x), leaves))


@pytest.mark.parametrize("words", [{}, {"reset_after": False}])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_what_loops_compiles_in_one_graph(words: dict[str, Any], training: bool) -> None:
    torch._dynamo.reset()
    x = Input((4, 3))
    y = GRU(3, recurrent_dropout=0.5, dropout=0.5, activation="elu", return_sequences=True, **words)(Masking()(x))
    model = Model(x, LSTM(2, go_backwards=True, activation="softsign")(y)).train(training)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    values = torch.randn(2, 4, 3)
    values[1, 2:] = 0
    leaves = list(model.parameters())
    torch.manual_seed(0)
    wanted = _grads(lambda: [model(values)], leaves)
    torch.manual_seed(0)
    torch.testing.assert_close(_grads(lambda: [compiled(values)], leaves), wanted)


@every_kind
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(kind: Any, dtype: torch.dtype) -> None:
    layer = kind(3, activation="softsign", recurrent_dropout=0.5, dropout=0.5, return_state=True, dtype=str(dtype).removeprefix("torch."))
    mask = torch.tensor([[True, False, True, True]] * 2)
    assert {y.dtype for y in layer(torch.randn(2, 4, 3, dtype=dtype), mask=mask)} == {dtype}


@every_kind
def test_under_autocast(kind: Any) -> None:
    layer = _built(kind, activation="softsign", return_sequences=True, return_state=True)
    x = torch.randn(2, 6, 4)
    mask = torch.rand(2, 6) < 0.7
    wanted = layer(x, mask=mask)
    with torch.autocast("cpu", torch.bfloat16):
        for got, exact in zip(layer(x, mask=mask), wanted, strict=True):
            torch.testing.assert_close(got.float(), exact, atol=0.05, rtol=0.05)


@every_kind
def test_an_activation_of_the_users_stays_in_the_module(kind: Any) -> None:
    def bent(x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) + 0.1 * x

    layer = _built(kind, activation=bent)
    x = Input((6, 4))
    model, values = Model(x, layer(x)), torch.randn(2, 6, 4)
    torch.testing.assert_close(model(values), layer(values))
    torch.testing.assert_close(copy.deepcopy(model)(values), layer(values))
    assert not torch.allclose(layer(values), _built(kind)(values))


@every_kind
@pytest.mark.parametrize("value", ["tanh", torch.tanh, F.tanh], ids=["name", "torch", "functional"])
def test_tanh_in_any_form_has_the_kernel_after_copies_too(kind: Any, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = _built(kind, activation=value), torch.randn(2, 6, 4)
    wanted = layer(x)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    monkeypatch.setattr("layergraph.nn.cells.over_time", None)
    for twin in twins:
        torch.testing.assert_close(twin(x), wanted)


# ------------------------------------------------------------------------------------------------------------- dropout


@every_kind
def test_dropout_zeroes_features_alike_at_all_steps(kind: Any) -> None:
    """Where the weights of one feature are all that is not zero, each row either sees it at all steps, doubled, or at none."""
    layer = kind(3, dropout=0.5, return_sequences=True)
    x = torch.randn(2000, 5, 1)
    layer.build(x.shape)
    doubled, none = layer.eval()(2 * x), layer(0 * x)
    got = layer.train()(x)
    seen = torch.isclose(got, doubled, atol=1e-6).all(-1).all(-1)
    unseen = torch.isclose(got, none, atol=1e-6).all(-1).all(-1)
    assert bool((seen | unseen).all())
    assert 0.45 < seen.float().mean() < 0.55


@pytest.mark.parametrize(("kind", "words"), [(LSTM, {}), (GRU, {}), (GRU, {"reset_after": False})], ids=["LSTM", "GRU", "early"])
def test_with_recurrent_dropout_each_gate_has_its_own(kind: Any, words: dict[str, Any]) -> None:
    """In Keras one mask of the inputs serves all gates, until `recurrent_dropout` is set: then there is one for each."""
    x, gates = torch.randn(4000, 1, 1), 4 if kind is LSTM else 3
    for rate, kinds in ((0.0, 2), (0.5, 2**gates)):
        layer = kind(1, dropout=0.5, recurrent_dropout=rate, **words)
        layer.build(x.shape)
        layer.set_weights([np.full(w.shape, 0.7, "float32") + 0.1 * np.arange(w.size).reshape(w.shape) for w in layer.get_weights()])
        rnn = layer.rnn.train()
        factors, _ = rnn.draw(x)
        drawn = rnn.project(x / x, factors)
        assert len({tuple(row) for row in drawn[:, 0].round(decimals=4).tolist()}) == kinds


@every_kind
def test_recurrent_dropout_has_the_right_mean_and_support(kind: Any) -> None:
    module = kind(50, recurrent_dropout=0.25)
    module.build((None, 3, 4))
    _, factors = module.rnn.train().draw(torch.ones(400, 3, 4))
    assert factors.shape == (module.rnn.gates, 400, 50)
    np.testing.assert_allclose(sorted(factors.unique().tolist()), [0, 4 / 3], rtol=1e-6)
    assert abs(factors.mean() - 1) < 0.02
    assert module.rnn.eval().draw(torch.ones(1, 3, 4)) == (None, None)


@every_kind
def test_training_of_a_call(kind: Any) -> None:
    layer = _built(kind, dropout=0.5, recurrent_dropout=0.5).eval()
    x = torch.randn(64, 6, 4)
    plain = _built(kind)(x)
    assert torch.equal(layer(x), layer(x, training=False))
    torch.testing.assert_close(layer(x), plain)
    assert not torch.allclose(layer(x, training=True), plain)
    layer.train()
    torch.testing.assert_close(layer(x, training=False), plain)
    assert not torch.allclose(layer(x), plain)
    inputs = Input((6, 4))
    fixed = Model(inputs, layer(inputs, training=True)).eval()
    assert not torch.allclose(fixed(x), plain)
    free = Model(inputs, layer(inputs))
    torch.testing.assert_close(free.eval()(x), plain)
    assert not torch.allclose(free.train()(x), plain)
    torch.testing.assert_close(free(x, training=False), plain)


# --------------------------------------------------------------------------------------------------------------- masks


@every_kind
def test_a_right_padded_mask_is_a_shorter_sequence(kind: Any) -> None:
    layer = _built(kind, return_sequences=True, return_state=True)
    x = torch.randn(1, 6, 4)
    mask = torch.tensor([[True] * 4 + [False] * 2])
    output, *states = layer(x, mask=mask)
    short, *wanted = layer(x[:, :4])
    torch.testing.assert_close(output, torch.cat([short, short[:, -1:].expand(-1, 2, -1)], 1))
    torch.testing.assert_close(states, wanted)


@every_kind
def test_forms_of_a_mask(kind: Any) -> None:
    layer, x = _built(kind), torch.randn(2, 6, 4)
    mask = torch.rand(2, 6) < 0.5
    wanted = layer(x, mask=mask)
    assert not torch.allclose(wanted, layer(x))
    for form in (mask.numpy(), mask.int(), mask.tolist()):
        assert torch.equal(layer(x, mask=form), wanted)
    for masked in (mask[:, :5], mask[:1], mask[..., None]):
        with pytest.raises(ShapeError) as caught:
            layer(x, mask=masked)
        assert caught.value.what == f"{kind.__name__}: `mask` must be of shape (2, 6), (batch, steps), got {tuple(masked.shape)}"
        assert caught.value.fix == "it is True where a step counts, as Masking and Embedding(mask_zero=True) make it"


@every_kind
def test_masks_go_from_layer_to_layer_in_a_graph(kind: Any) -> None:
    tokens = Input((6,), dtype="int64", name="tokens")
    embedding, first, second = Embedding(9, 4, mask_zero=True), _built(kind, return_sequences=True), kind(3)
    model = Model(tokens, second(first(embedding(tokens))))
    assert model.code.count("mask = ") == 2
    ids = torch.tensor([[1, 2, 3, 0, 0, 0], [4, 0, 5, 6, 7, 0]])
    x, mask = model.embedding(ids), ids != 0
    torch.testing.assert_close(model(ids), second(first(x, mask=mask), mask=mask))
    again = models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    torch.testing.assert_close(again(ids), model(ids))


@every_kind
def test_compute_mask(kind: Any) -> None:
    mask = torch.ones(2, 6, dtype=torch.bool)
    assert kind(3).supports_masking
    assert kind(3).compute_mask(None, mask) is None
    assert kind(3, return_sequences=True).compute_mask(None, mask) is mask
    n = len(NAMES[kind])
    assert kind(3, return_sequences=True, return_state=True).compute_mask(None, mask) == [mask, *[None] * n]
    assert kind(3, return_state=True).compute_mask(None, mask) == [None] * (1 + n)


@every_kind
def test_zero_output_for_mask_is_for_bidirectional(kind: Any) -> None:
    x, mask = torch.randn(2, 6, 4), torch.tensor([[True, False, True, True, False, False]] * 2)
    plain = _built(kind, return_sequences=True)
    layer = kind.from_config({**plain.get_config(), "zero_output_for_mask": True})
    layer.build(x.shape)
    layer.set_weights(plain.get_weights())
    torch.testing.assert_close(layer(x, mask=mask), plain(x, mask=mask) * mask[..., None])
    assert torch.equal(layer(x), plain(x))


# ------------------------------------------------------------------------------------------------------ states that stay


@every_kind
@pytest.mark.parametrize("lowered", [False, True], ids=["eager", "lowered"])
@pytest.mark.parametrize("words", [{}, {"activation": "softsign"}], ids=["kernel", "loop"])
def test_stateful_goes_on_where_it_was(kind: Any, lowered: bool, words: dict[str, Any]) -> None:
    plain, layer = _built(kind, return_sequences=True, **words), _built(kind, stateful=True, return_sequences=True, **words)
    inputs = Input(batch_shape=(2, 3, 4))
    run = Model(inputs, layer(inputs)) if lowered else layer
    x = torch.randn(2, 6, 4)
    got = torch.cat([run(x[:, :3]), run(x[:, 3:])], 1)
    torch.testing.assert_close(got, plain(x))
    assert len(layer.states) == len(NAMES[kind])
    torch.testing.assert_close(layer.states[0], plain(x)[:, -1].detach())
    got.sum().backward()
    assert not any(state.requires_grad for state in layer.states)
    layer.reset_states()
    assert not any(state.any() for state in layer.states)
    torch.testing.assert_close(run(x[:, :3]), got[:, :3].detach())
    layer.reset_state()
    assert len(layer.get_weights()) == 3
    assert len(layer.weights) == len(list(layer.parameters()))
    assert set(layer.state_dict()) == {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    assert plain.states is None


@every_kind
def test_stateful_needs_one_batch_size(kind: Any) -> None:
    layer = kind(3, stateful=True, name="r")
    with pytest.raises(ShapeError) as caught:
        layer(Input((6, 4)))
    assert caught.value.what == (
        f"{kind.__name__} 'r': is stateful, and keeps a state for each row of a batch, whose size is unknown in (None, 6, 4)"
    )
    assert caught.value.fix == "give it: Input(batch_shape=(32, ...))"
    layer(torch.ones(2, 6, 4))
    with pytest.raises(LayergraphError, match="keeps the states of a batch of 2, got a batch of 3"):
        layer(torch.ones(3, 6, 4))


def test_stateful_compiles_in_one_graph() -> None:
    torch._dynamo.reset()
    layer, x = _built(GRU, stateful=True), torch.randn(2, 2, 4)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        first, second = compiled(x), compiled(x)
        layer.reset_state()
        torch.testing.assert_close((layer(x), layer(x)), (first, second))
    assert not torch.allclose(first, second)


# ------------------------------------------------------------------------------------------------------------- weights


def test_a_gru_whose_reset_gate_comes_first() -> None:
    layer = _built(GRU, reset_after=False)
    assert [w.shape for w in layer.get_weights()] == [(4, 9), (3, 9), (9,)]
    given = [np.random.default_rng(1).normal(size=w.shape).astype("float32") for w in layer.get_weights()]
    layer.set_weights(given)
    for got, wanted in zip(layer.get_weights(), given, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert layer.count_params() == sum(p.numel() for p in layer.parameters())
    assert "bias_hh_l0" not in dict(layer.named_parameters())
    assert not isinstance(layer.rnn, recurrent.LSTM)


@pytest.mark.parametrize("words", [{}, {"recurrent_dropout": 0.5}, {"activation": "softsign"}])
def test_torchs_state_dict_loads_whatever_the_arguments(words: dict[str, Any]) -> None:
    twin = torch.nn.LSTM(4, 3, batch_first=True)
    layer = _built(LSTM, **words).eval()
    layer.load_state_dict(twin.state_dict(), strict=True)
    cell, single = LSTMCell(3), torch.nn.LSTMCell(4, 3)
    cell.build((None, 4))
    cell.load_state_dict(single.state_dict(), strict=True)
    x, h, c = torch.randn(2, 4), torch.randn(2, 3), torch.randn(2, 3)
    torch.testing.assert_close(cell(x, [h, c])[1], list(single(x, (h, c))))
    if "activation" not in words:
        steps = torch.randn(2, 6, 4)
        torch.testing.assert_close(layer(steps, mask=torch.ones(2, 6, dtype=torch.bool)), twin(steps)[0][:, -1])


@pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
def test_a_sequence_without_steps(kind: Any) -> None:
    layer = _built(kind, activation="softsign")
    with pytest.raises(ShapeError, match=r"a recurrent network needs at least one step, got \(2, 0, \d+\)"):
        layer(torch.ones(2, 0, 4))
    with pytest.raises(ShapeError):
        RNN(LSTMCell(3))(torch.ones(2, 0, 4))
