"""Cells, RNN over any of them, and stacks: what no golden can say."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import Input, Model, layers, models
from layergraph.errors import ArgumentError, LayergraphError, ShapeError
from layergraph.layers import GRU, LSTM, RNN, Dense, GRUCell, Layer, LSTMCell, SimpleRNN, SimpleRNNCell, StackedRNNCells

PAIRS = [(LSTM, LSTMCell), (GRU, GRUCell), (SimpleRNN, SimpleRNNCell)]
every_pair = pytest.mark.parametrize(("kind", "cell"), PAIRS, ids=["LSTM", "GRU", "SimpleRNN"])
every_cell = pytest.mark.parametrize("cell", [cell for _, cell in PAIRS], ids=lambda cell: cell.__name__)


class MinimalRNNCell(Layer):
    """The cell of the guides to Keras, on torch's functions."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        output = torch.matmul(inputs, self.kernel) + torch.matmul(states[0], self.recurrent_kernel)
        return output, [output]


class Deep(Layer):
    """A cell with sub-layers, no build, two states of different sizes, its own first states, and a `training` argument."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, (units, 2), units + 1
        self.inner, self.outer, self.drop = Dense(units), Dense(units + 1), layers.Dropout(0.5)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        return [torch.ones(batch_size or 0, self.units), torch.zeros(batch_size or 0, 2)]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h, count = states
        h = torch.tanh(self.inner(self.drop(inputs, training=training)) + h)
        return self.outer(h), [h, count + 1]


# --------------------------------------------------------------------------------------------------------------- cells


@every_cell
def test_what_a_cell_says_of_itself(cell: Any) -> None:
    made = cell(3)
    assert made.state_size == ([3, 3] if cell is LSTMCell else 3)
    assert made.output_size == 3
    states = made.get_initial_state(batch_size=2)
    assert [tuple(s.shape) for s in states] == [(2, 3)] * (2 if cell is LSTMCell else 1)
    assert not any(state.any() for state in states)
    assert cell(3, dtype="float64").get_initial_state(batch_size=1)[0].dtype is torch.float64
    with pytest.raises(ArgumentError, match="get_initial_state needs `batch_size`"):
        made.get_initial_state()


@every_cell
def test_a_cell_in_a_graph(cell: Any) -> None:
    made, x = cell(3, name="one"), Input((4,), name="x")
    states = [Input((3,), name=f"s{i}") for i in range(2 if cell is LSTMCell else 1)]
    output, after = made(x, states)
    assert [tuple(output.shape), *(tuple(s.shape) for s in after)] == [(None, 3)] * (1 + len(states))
    model = Model([x, *states], [output, *after])
    assert "one = self.one(x, " in model.code
    assert list(model.state_dict()) == ["one.weight_ih", "one.weight_hh", "one.bias_ih", "one.bias_hh"]
    values = [torch.randn(2, 4), *(torch.randn(2, 3) for _ in states)]
    eager, nexts = made(values[0], values[1:])
    for got, wanted in zip(model(*values), [eager, *nexts], strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("cell", [GRUCell, SimpleRNNCell])
def test_a_bare_state_comes_back_bare(cell: Any) -> None:
    made, x, h = cell(3), torch.randn(2, 4), torch.randn(2, 3)
    output, after = made(x, h)
    assert torch.equal(output, after)
    assert torch.equal(made(x, [h])[1][0], output)
    bare = made(Input((4,)), Input((3,)))[1]
    assert bare.shape == (None, 3)


@every_cell
def test_wrong_states_of_a_cell(cell: Any) -> None:
    count = "2 tensors" if cell is LSTMCell else "1 tensor"
    names = "h, c" if cell is LSTMCell else "h"
    for given in ([torch.ones(2, 5)] * (2 if cell is LSTMCell else 1), []):
        with pytest.raises(ShapeError) as caught:
            cell(3, name="c")(torch.ones(2, 4), given)
        got = ", ".join(str(tuple(state.shape)) for state in given) or "none"
        assert caught.value.what == f"{cell.__name__} 'c': takes as `states` {count} of shape (2, 3), got {got}"
        assert caught.value.fix == f"{cell.__name__}(3)(x, [{names}])"
    with pytest.raises(ShapeError) as caught:
        cell(3, name="c")(torch.ones(2, 6, 4), [torch.ones(2, 3)])
    assert (caught.value.what, caught.value.fix) == (
        f"{cell.__name__} 'c': expects 2 axes, (batch, features), got (2, 6, 4)",
        "RNN(cell)(x) takes a cell over time",
    )


@every_cell
def test_dropout_of_a_cell(cell: Any) -> None:
    made = cell(3, dropout=0.5, recurrent_dropout=0.5)
    x, states = torch.ones(64, 4), [torch.ones(64, 3)] * (2 if cell is LSTMCell else 1)
    assert made(x, states)[0].unique(dim=0).shape[0] > 1
    assert made(x, states, training=False)[0].unique(dim=0).shape[0] == 1
    assert made.eval()(x, states)[0].unique(dim=0).shape[0] == 1
    assert made(x, states, training=True)[0].unique(dim=0).shape[0] > 1


# ----------------------------------------------------------------------------------------------------------------- RNN


@every_pair
@pytest.mark.parametrize("words", [{}, {"activation": "softsign"}, {"go_backwards": True}])
def test_rnn_over_a_cell_is_the_layer(kind: Any, cell: Any, words: dict[str, Any]) -> None:
    both = {"return_sequences": True, "return_state": True}
    sequence = {word: words[word] for word in words if word == "go_backwards"}
    layer = kind(3, **words, **both)
    over = RNN(cell(3, **{word: words[word] for word in words if word not in sequence}), **sequence, **both)
    x, mask = torch.randn(2, 6, 4), torch.rand(2, 6) < 0.6
    layer(x), over(x)
    over.set_weights(layer.get_weights())
    torch.testing.assert_close(over(x), layer(x))
    torch.testing.assert_close(over(x, mask=mask), layer(x, mask=mask))
    states = [torch.randn(2, 3) for _ in layer.state_size]
    torch.testing.assert_close(over(x, initial_state=states), layer(x, initial_state=states))
    assert over.state_size == layer.state_size


@pytest.mark.parametrize("stacked", [False, True])
def test_dropout_is_drawn_once_for_all_steps(stacked: bool) -> None:
    cell = GRUCell(3, dropout=0.5, recurrent_dropout=0.5)
    layer = RNN([SimpleRNNCell(4), cell] if stacked else cell, return_sequences=True)
    x = torch.randn(3, 4).expand(500, 5, 3, 4)[:, :, 0]
    layer(x)
    drawn: list[Any] = []
    draw = cell.rnn.draw
    cell.rnn.draw = lambda *args: drawn.append(draw(*args)) or drawn[-1]
    assert not torch.equal(layer(x), layer(x))
    assert len(drawn) == 2
    assert all(factors is not None for factors in drawn[0])
    layer.eval()(x)
    assert drawn[-1] == (None, None)
    layer(x, training=True)
    assert drawn[-1][0] is not None


@pytest.mark.parametrize("make", [lambda: MinimalRNNCell(32), lambda: [MinimalRNNCell(32), MinimalRNNCell(64)]], ids=["one", "two"])
def test_a_cell_of_the_users(make: Any) -> None:
    """Runs, trains, compiles in one graph in both modes, goes through a config, copies."""
    torch.manual_seed(0)
    x = Input((None, 5))
    model = Model(x, Dense(1)(RNN(make())(x)))
    values, wanted = torch.randn(32, 4, 5), torch.randn(32, 4, 5).mean((1, 2))[:, None]
    again = models.model_from_json(model.to_json(), custom_objects={"MinimalRNNCell": MinimalRNNCell})
    again.set_weights(model.get_weights())
    torch.testing.assert_close(again(values), model(values))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(twin(values), model(values))
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    weights = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(compiled(values).square().sum(), weights), torch.autograd.grad(model(values).square().sum(), weights)
    )
    model.compile("adam", "mse")
    history = model.fit(values, wanted, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="aot_eager")(values), model(values))


def test_a_cell_computes_what_its_call_says() -> None:
    cell, x = MinimalRNNCell(3), torch.randn(2, 4, 5)
    output = RNN(cell, return_sequences=True)(x)
    h = torch.zeros(2, 3)
    for step in range(4):
        h = x[:, step] @ cell.kernel + h @ cell.recurrent_kernel
        torch.testing.assert_close(output[:, step], h)
    assert [w.shape for w in RNN(cell).keras_weights()[0].tensors] == [(5, 3)]


def test_a_cell_with_sub_layers_and_several_states() -> None:
    layer = RNN(Deep(3), return_sequences=True, return_state=True)
    x = Input((None, 5))
    symbols = layer(x)
    assert [tuple(y.shape) for y in symbols] == [(None, None, 4), (None, 3), (None, 2)]
    model, values = Model(x, symbols).eval(), torch.randn(2, 6, 5)
    output, h, count = model(values)
    assert (output.shape, h.shape, count.tolist()) == ((2, 6, 4), (2, 3), [[6.0, 6.0]] * 2)
    cell = layer.cell
    state = torch.ones(2, 3)
    for step in range(6):
        state = torch.tanh(cell.inner(values[:, step]) + state)
    torch.testing.assert_close(h, state)
    torch.testing.assert_close(model(values)[0], output)
    model.train()
    assert not torch.equal(model(values)[0], model(values)[0])
    torch.testing.assert_close(layer(values, training=False)[0], output)
    mask = torch.tensor([[True, False, True, False, False, True]] * 2)
    assert layer(values, mask=mask)[2].tolist() == [[3.0, 3.0]] * 2


def test_a_stack_and_its_states() -> None:
    layer = RNN([LSTMCell(3), GRUCell(2), MinimalRNNCell(4)], return_sequences=True, return_state=True)
    assert isinstance(layer.cell, StackedRNNCells)
    assert layer.state_size == [[3, 3], 2, 4]
    x = torch.randn(2, 6, 5)
    output, one, two, three = layer(x)
    assert (output.shape, [s.shape for s in one], two.shape, three.shape) == ((2, 6, 4), [(2, 3)] * 2, (2, 2), (2, 4))
    symbols = layer(Input((6, 5)))
    assert [tuple(s.shape) for s in (*symbols[1], *symbols[2:])] == [(None, 3), (None, 3), (None, 2), (None, 4)]
    first, *states = layer(x[:, :2])
    second, *last = layer(x[:, 2:], initial_state=states)
    torch.testing.assert_close(torch.cat([first, second], 1), output)
    torch.testing.assert_close(last, [one, two, three])
    h = layer.cell.get_initial_state(batch_size=2)
    outputs = []
    for step in range(6):
        each, h = layer.cell(x[:, step], h)
        outputs.append(each)
    torch.testing.assert_close(torch.stack(outputs, 1), output)
    assert len(layer.get_weights()) == 3 + 3 + 2
    assert next(iter(layer.state_dict())) == "cell.cells.0.weight_ih"
    nested = RNN([StackedRNNCells([GRUCell(2), GRUCell(2)]), GRUCell(3)], return_state=True)
    assert [nested(x)[0].shape, len(nested(x)[1]), nested(x)[2].shape] == [(2, 3), 2, (2, 3)]


@pytest.mark.parametrize("make", [lambda: LSTMCell(3), lambda: [GRUCell(2), LSTMCell(3)], lambda: MinimalRNNCell(3)])
def test_stateful(make: Any) -> None:
    layer = RNN(make(), stateful=True, return_sequences=True)
    x = torch.randn(2, 6, 4)
    layer(x[:, :3])
    layer.reset_state()
    got = torch.cat([layer(x[:, :3]), layer(x[:, 3:])], 1)
    plain = RNN(make(), return_sequences=True)
    plain(x)
    plain.set_weights(layer.get_weights())
    torch.testing.assert_close(got, plain(x))
    got.sum().backward()
    assert plain.states is None
    layer.reset_states()
    inputs = Input(batch_shape=(2, 3, 4))
    model = Model(inputs, layer(inputs))
    torch.testing.assert_close(torch.cat([model(x[:, :3]), model(x[:, 3:])], 1), plain(x))
    assert set(model.state_dict()) == {f"rnn.{name}" for name in plain.state_dict()}
    assert len(model.get_weights()) == len(plain.get_weights())
    with pytest.raises(ArgumentError, match="keeps the states of a batch of 2, got a batch of 3"):
        layer(torch.ones(3, 6, 4))
    with pytest.raises(ShapeError, match="is stateful, and keeps a state for each row"):
        RNN(make(), stateful=True)(Input((6, 4)))


def test_masks_in_a_graph_and_zero_output() -> None:
    x, mask = Input((6, 4), name="x"), Input((6,), dtype="bool", name="mask")
    layer = RNN(GRUCell(3), return_sequences=True, zero_output_for_mask=True)
    model = Model([x, mask], layer(x, mask=mask))
    values, valid = torch.randn(2, 6, 4), torch.tensor([[True, False, True, True, False, False]] * 2)
    got = model(values, valid)
    assert not got[:, [1, 4, 5]].any()
    plain = RNN(layer.cell, return_sequences=True)(values, mask=valid)
    torch.testing.assert_close(got, plain * valid[..., None])
    assert layer.compute_mask(None, valid) is valid
    assert RNN(GRUCell(3)).compute_mask(None, valid) is None
    masked = layers.Masking()(x)
    chain = Model(x, RNN(LSTMCell(2))(layer(masked)))
    assert chain.code.count("mask = ") == 2


def test_dtypes_agree() -> None:
    layer = RNN(LSTMCell(3, dtype="float64"))
    assert layer.dtype == "float64"
    assert layer(torch.ones(2, 4, 3)).dtype is torch.float64
    with pytest.raises(ArgumentError) as caught:
        RNN(LSTMCell(3, name="c"), dtype="float64", name="r")
    assert (caught.value.what, caught.value.fix) == (
        "RNN 'r' has dtype float64, and LSTMCell 'c' in it float32",
        "give both one dtype, or only the cell",
    )


def test_freezing_reaches_the_cell() -> None:
    layer = RNN([LSTMCell(3), GRUCell(2)])
    layer(torch.ones(2, 4, 3))
    assert len(layer.trainable_weights) == 3 + 4
    layer.trainable = False
    assert layer.trainable_weights == []
    assert not any(p.requires_grad for p in layer.parameters())


def test_regularizers_and_constraints_of_a_cell() -> None:
    layer = RNN(GRUCell(3, kernel_regularizer="l2", recurrent_constraint="non_neg"))
    layer(torch.ones(2, 4, 3))
    (term,) = layer.losses
    torch.testing.assert_close(term.item(), float(0.01 * (layer.get_weights()[0] ** 2).sum()))
    layer.apply_constraints()
    assert layer.get_weights()[1].min() == 0


def test_config_is_keras_form() -> None:
    config = RNN([LSTMCell(3), GRUCell(2)], return_state=True).get_config()
    words = ["return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask", "cell"]
    assert set(config) == {"name", "trainable", "dtype", *words}
    cell = config["cell"]
    assert (cell["module"], cell["class_name"]) == ("keras.layers", "StackedRNNCells")
    assert [each["class_name"] for each in cell["config"]["cells"]] == ["LSTMCell", "GRUCell"]
    assert RNN.from_config(config).get_config() == config
    layer = RNN(LSTMCell(3))
    twin = RNN.from_config(layer.get_config())
    assert twin.cell is not layer.cell


NO_CELLS: list[tuple[Any, str, str | None]] = [
    (
        3,
        "must be a cell, a layer with call(self, inputs, states) and `state_size`, got int 3",
        "LSTM, GRU and SimpleRNN are layers over time already; LSTMCell, GRUCell and SimpleRNNCell are cells",
    ),
    (LSTMCell, "must be a cell, got the class LSTMCell", "LSTMCell(...)"),
    (
        Dense(3),
        "must be a cell with `state_size`, an int or one int for each state; Dense has None",
        "a layer over time has none: RNN takes cells",
    ),
]


@pytest.mark.parametrize(("value", "said", "fix"), NO_CELLS, ids=["int", "class", "layer"])
def test_what_is_no_cell(value: Any, said: str, fix: str | None) -> None:
    with pytest.raises(ArgumentError) as caught:
        RNN(value, name="r")
    assert (caught.value.what, caught.value.fix) == (f"RNN 'r': `cell` {said}", fix)


def test_wrong_states_of_rnn() -> None:
    layer = RNN([LSTMCell(3), GRUCell(2)], name="r")
    for given in ([torch.ones(2, 3)], [[torch.ones(2, 3)], torch.ones(2, 2)]):
        with pytest.raises(LayergraphError, match="RNN 'r': `initial_state` takes"):
            layer(torch.ones(2, 4, 5), initial_state=given)
    single = RNN(GRUCell(3), name="s")
    with pytest.raises(LayergraphError, match=r"takes an `initial_state` of shape \(None, 3\), got \(None, 5\)"):
        single(Input((4, 5)), initial_state=[Input((5,))])
    x, h = torch.randn(2, 4, 5), torch.randn(1, 3)
    torch.testing.assert_close(single(x, initial_state=h), single(x, initial_state=[h.expand(2, 3)]))
    assert np.isfinite(single(x).detach().numpy()).all()
