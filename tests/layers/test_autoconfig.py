"""Configs of custom layers: automatic while the arguments are plain, else refused with the words to write."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers
from layergraph.errors import ConfigError
from layergraph.layers import Layer
from layergraph.saving import CustomObjectScope, deserialize_keras_object, serialize_keras_object


class Plain(Layer):
    def __init__(self, units, sizes=(1, 2), words=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        return x * self.units


class Deeper(Plain):
    def __init__(self, more, **kwargs):
        super().__init__(units=more + 1, **kwargs)


class Fields(Layer):
    factor: float = 2.0
    inner: object = None

    def call(self, x):
        return x * self.factor


class Closed(Layer):
    def __init__(self, k):
        super().__init__(name="mine")
        self.k = k

    def call(self, x):
        return x * self.k


class Spread(Layer):
    def __init__(self, *sizes, **kwargs):
        super().__init__(**kwargs)

    def call(self, x):
        return x


class Own(Layer):
    def __init__(self, module, **kwargs):
        super().__init__(**kwargs)
        self.width = module.out_features

    def get_config(self):
        return {**super().get_config(), "width": self.width}

    @classmethod
    def from_config(cls, config):
        width = config.pop("width")
        return cls(nn.Linear(1, width), **config)

    def call(self, x):
        return x * self.width


class Wrong(Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)

    def get_config(self):
        return {**super().get_config(), "unit": 1}


BASE = {
    "trainable": True,
    "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None},
}


@pytest.mark.parametrize(
    ("layer", "config"),
    [
        (lambda: Plain(3, name="p"), {"name": "p", "units": 3}),
        (lambda: Plain(3, sizes=[4], words={"a": None}), {"name": "plain", "units": 3, "sizes": [4], "words": {"a": None}}),
        (lambda: Deeper(2, name="d"), {"name": "d", "more": 2}),
        (lambda: Deeper(2, sizes=(3,), name="d"), {"name": "d", "more": 2, "sizes": (3,)}),
        (lambda: Fields(3.0, name="f"), {"name": "f", "factor": 3.0, "inner": None}),
    ],
)
def test_automatic_configs(layer, config):
    made = layer()
    assert made.get_config() == {**BASE, **config}
    twin = type(made).from_config(made.get_config())
    assert twin.get_config() == made.get_config()
    assert torch.equal(twin(torch.ones(2)), made(torch.ones(2)))


REFUSED = {
    "no kwargs": (
        lambda: Closed(3),
        "Closed 'mine' has no get_config(), and none can be made: its __init__ takes 'k' and no 'name', 'trainable', 'dtype', which a "
        "config holds",
        "  fix: def __init__(self, k, **kwargs): super().__init__(**kwargs); or write Closed.get_config(): "
        "{**super().get_config(), ...} with 'k'",
    ),
    "a module": (
        lambda: Plain(nn.ReLU(), name="p"),
        "Plain 'p' has no get_config(), and none can be made: its argument 'units' is ReLU(), which is no plain value",
        "  fix: write Plain.get_config(): {**super().get_config(), ...} with 'units', 'sizes', 'words'",
    ),
    "a nest with a tensor": (
        lambda: Plain(2, sizes=[torch.ones(1)], name="p"),
        "Plain 'p' has no get_config(), and none can be made: its argument 'sizes' is [tensor([1.])], which is no plain value",
        "  fix: write Plain.get_config(): {**super().get_config(), ...} with 'units', 'sizes', 'words'",
    ),
    "by position only": (
        lambda: Spread(1, 2, name="s"),
        "Spread 's' has no get_config(), and none can be made: its __init__ takes 'sizes' by position only",
        "  fix: write Spread.get_config(): {**super().get_config(), ...} with 'sizes'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_config(case):
    make, what, fix = REFUSED[case]
    layer = make()
    with pytest.raises(ConfigError) as error:
        layer.get_config()
    lines = str(error.value).splitlines()
    assert (lines[0], lines[-1]) == (what, fix)
    assert isinstance(error.value, NotImplementedError | ValueError)
    assert isinstance(error.value, NotImplementedError)


def test_a_model_names_the_layer_without_config():
    x = Input((2,))
    model = Model(x, Closed(2)(x))
    with pytest.raises(NotImplementedError, match="Closed 'mine' has no get_config"):
        model.to_json()


def test_an_own_config_is_left_alone():
    own = Own(nn.Linear(2, 5), name="o")
    assert own.get_config() == {**BASE, "name": "o", "width": 5}
    assert Own.from_config(own.get_config()).width == 5


def test_a_config_that_does_not_fit():
    with pytest.raises(ConfigError, match="Wrong cannot be made from the config") as error:
        Wrong.from_config(Wrong(1, name="w").get_config())
    assert "fix: make Wrong.get_config() and __init__ match" in str(error.value)
    assert "unit" in str(error.value)


def test_fields_hold_what_has_a_form():
    with CustomObjectScope({"Fields": Fields}):
        config = serialize_keras_object(Fields(torch.tensor([1.0, 2.0]), inner=layers.Dense(3, name="d"), name="f"))
        assert config["config"]["factor"] == {"class_name": "__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}
        twin = deserialize_keras_object(config)
    assert torch.equal(twin.factor, torch.tensor([1.0, 2.0]))
    assert type(twin.inner) is layers.Dense
    with pytest.raises(ConfigError, match="Fields 'f': the argument 'factor' cannot be written into a config: object"):
        serialize_keras_object(Fields(object(), name="f"))


def test_copies_keep_the_arguments():
    import copy
    import pickle

    layer = Plain(3, name="p")
    assert copy.deepcopy(layer).get_config() == pickle.loads(pickle.dumps(layer)).get_config() == layer.get_config()
