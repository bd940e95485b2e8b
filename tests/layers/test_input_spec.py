"""`InputSpec`: its own arguments, and what `input_spec` of a layer of the user's refuses, on symbols and tensors, before it is built."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import layergraph
from layergraph import Input, Model, layers
from layergraph.errors import ArgumentError, ShapeError
from layergraph.layers import InputSpec, Layer


class Doubled(Layer):
    def __init__(self, spec, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = spec
        self.seen = 0

    def build(self, input_shape):
        self.seen += 1

    def call(self, x):
        return [2 * each for each in x] if isinstance(x, list) else 2 * (x["a"] if isinstance(x, dict) else x)


# (the spec, a shape that fits, a shape that does not, what is said of it)
REFUSED = [
    ({"ndim": 3}, (2, 4, 5), (2, 4), "expected ndim=3, found ndim=2. Full shape received: (2, 4)"),
    ({"max_ndim": 2}, (2, 4), (2, 4, 5), "expected max_ndim=2, found ndim=3. Full shape received: (2, 4, 5)"),
    ({"min_ndim": 3}, (2, 4, 5), (2, 4), "expected min_ndim=3, found ndim=2. Full shape received: (2, 4)"),
    ({"axes": {-1: 4}}, (2, 4), (2, 5), "expected axis -1 of input shape to have value 4, but received input with shape (2, 5)"),
    ({"axes": {2: 4}}, (2, 1, 4), (2, 4), "expected axis 2 of input shape to have value 4, but received input with shape (2, 4)"),
    ({"dtype": "float64"}, None, (2, 4), "expected dtype=float64, found dtype=float32"),
    ({"shape": (None, 4)}, (2, 4), (2, 5), "expected shape=(None, 4), found shape=(2, 5)"),
    ({"shape": (None, 4)}, (2, 4), (4,), "expected ndim=2, found ndim=1. Full shape received: (4,)"),
    ({"shape": (2, 4, 1), "allow_last_axis_squeeze": True}, (2, 4), (2, 5), "expected shape=(2, 4, 1), found shape=(2, 5)"),
    ({"shape": (2, 4), "allow_last_axis_squeeze": True}, (2, 4, 1), (2, 4, 2), "expected shape=(2, 4), found shape=(2, 4, 2)"),
]


@pytest.mark.parametrize(("words", "fits", "wrong", "says"), REFUSED, ids=[str(row[0]) for row in REFUSED])
@pytest.mark.parametrize("give", [lambda shape: torch.ones(shape), lambda shape: Input(batch_shape=shape)], ids=["tensors", "symbols"])
def test_what_does_not_fit_is_refused_before_the_layer_is_built(words, fits, wrong, says, give):
    layer = Doubled(InputSpec(**words), name="d")
    with pytest.raises(ShapeError) as error:
        layer(give(wrong))
    assert str(error.value).split("\n")[0] == f"Doubled 'd': input 0 is incompatible with the layer: {says}"
    assert not layer.built
    assert layer.seen == 0
    if fits is not None:
        assert layer(give(fits)).shape == fits
        with pytest.raises(ShapeError):  # and it goes on after
            layer(give(wrong))


def test_unknown_sizes_fit():
    assert Doubled(InputSpec(shape=(2, 4), axes={1: 4}))(Input(batch_shape=(None, None))).shape == (None, None)


def test_the_dtype_is_looked_at_after_the_layer_s_own_cast():
    layer = Doubled(InputSpec(dtype="float64"), dtype="float64")
    assert layer(torch.ones(2)).dtype is torch.float64
    assert layer(Input((3,))).dtype == "float64"


def test_several_inputs_each_have_theirs():
    layer = Doubled([InputSpec(ndim=2), None, InputSpec(ndim=1, name="c")], name="d")
    a, b, c = torch.ones(2, 3), torch.ones(2, 3, 4), torch.ones(5)
    assert len(layer([a, b, c])) == 3
    with pytest.raises(ShapeError, match=r"input 2 with name 'c' is incompatible with the layer: expected ndim=1, found ndim=2"):
        layer([a, b, a])
    with pytest.raises(ShapeError, match=r"Doubled 'd': the layer expects 3 input\(s\), but it received 2 input tensors"):
        layer([a, b])
    with pytest.raises(ShapeError, match=r"Doubled 'd': the layer expects 3 input\(s\), but it received 1 input tensors"):
        layer(Input((3,)))


def test_a_dict_is_read_by_the_names():
    layer = Doubled([InputSpec(ndim=2, name="b"), InputSpec(ndim=1, name="a")], name="d")
    assert layer({"a": torch.ones(2), "b": torch.ones(1, 2)}).shape == (2,)
    with pytest.raises(ShapeError, match=r"input 0 with name 'b' is incompatible"):
        layer({"a": torch.ones(2), "b": torch.ones(2)})
    with pytest.raises(ShapeError, match=r"Missing data for input 'b': got the keys \['a'\], expected \['b', 'a'\]"):
        layer({"a": torch.ones(2)})


def test_what_is_no_tensor_is_refused():
    with pytest.raises(ShapeError, match="Inputs to a layer should be tensors; input 0 is str 'x'"):
        Doubled(InputSpec(ndim=2))("x")
    with pytest.raises(ShapeError, match=r"`input_spec` must be an InputSpec, or a nest of them, got int 3"):
        Doubled((3, 4))(torch.ones(2))


def test_an_optional_input_may_be_none():
    class Takes(Layer):
        input_spec = (InputSpec(ndim=2), InputSpec(ndim=2, optional=True))

        def call(self, x):
            return x[0]

    assert Takes()([torch.ones(1, 2), None]).shape == (1, 2)
    with pytest.raises(ShapeError, match="input 1 is incompatible"):
        Takes()([torch.ones(1, 2), torch.ones(3)])


def test_a_spec_set_in_build_holds_from_the_next_call_on():
    class Learns(Layer):
        def build(self, input_shape):
            self.dense = layers.Dense(2)
            self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

        def call(self, x):
            return self.dense(x)

    layer = Learns(name="l")
    assert layer(torch.ones(1, 3)).shape == (1, 2)
    with pytest.raises(
        ShapeError, match="Learns 'l': input 0 is incompatible with the layer: expected axis -1 of input shape to have value 3"
    ):
        layer(torch.ones(1, 4))
    again = pickle.loads(pickle.dumps(copy.deepcopy(layer.input_spec)))
    assert again.get_config() == layer.input_spec.get_config()


class Halves(Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=2, axes={-1: 4})

    def call(self, x):
        return x[:, :2] + x[:, 2:]


def test_a_model_with_a_spec_runs_copies_and_compiles():
    x = Input((4,), name="x")
    model = Model(x, Halves()(x))
    assert copy.deepcopy(model)(torch.ones(3, 4)).tolist() == [[2.0, 2.0]] * 3
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    for batch in (2, 5):
        assert compiled(torch.ones(batch, 4)).shape == (batch, 2)


def test_the_constructor_s_checks():
    assert layergraph.InputSpec is InputSpec
    with pytest.raises(TypeError, match=r"InputSpec: `axes` must be a dict with integer keys, got \{'a': 1\}"):
        InputSpec(axes={"a": 1})
    with pytest.raises(ArgumentError, match=r"must be a dict with integer keys, got \[1\]"):
        InputSpec(axes=[1])
    with pytest.raises(ValueError, match="InputSpec: Axis 2 is greater than the maximum allowed value: 1"):
        InputSpec(ndim=2, axes={2: 3})
    with pytest.raises(ValueError, match="InputSpec: Axis 3 is greater than the maximum allowed value: 2"):
        InputSpec(max_ndim=3, axes={3: 3})
    with pytest.raises(ArgumentError, match="`shape` must be a tuple of ints and None, got 'ab'"):
        InputSpec(shape="ab")
    with pytest.raises(ArgumentError, match="`ndim` must be an int of 0 or more, got -1"):
        InputSpec(ndim=-1)
    with pytest.raises(ArgumentError, match="dtype"):
        InputSpec(dtype="flot32")


def test_its_form():
    spec = InputSpec("float32", (None, 3), axes={"1": 3}, optional=True)
    assert repr(spec) == "InputSpec(dtype=float32, shape=(None, 3), ndim=2, axes={1: 3})"
    assert InputSpec.from_config(spec.get_config()).get_config() == spec.get_config()
    assert spec.ndim == 2
