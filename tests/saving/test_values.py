"""Values of a config: each comes back as it was, by way of JSON; and the words for torch's functions."""

from __future__ import annotations

import json
import math
import operator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from layergraph import Input
from layergraph.errors import ConfigError, Fact
from layergraph.saving import deserialize_keras_object, serialize_keras_object
from layergraph.saving.functions import Target, recorded, table, target_of, word_of
from layergraph.saving.values import decode, encode, read

ROWS = [
    None,
    True,
    "word",
    2**40,
    2**41,
    -(10**30),
    1.5,
    1e300,
    math.inf,
    -math.inf,
    2 + 3j,
    complex(0.0, math.inf),
    b"bytes",
    b"\xff\x00",
    (),
    (1, [2, (3,)]),
    {"a": {"b": (None,)}},
    slice(None, 3, -1),
    (slice(1, None), Ellipsis, None, 0),
    torch.float16,
    torch.channels_last,
    torch.device("cpu"),
    torch.device("cuda:1"),
]
TENSORS = [
    torch.tensor(3.5),
    torch.tensor([[1, 2], [3, -4]]),
    torch.tensor([True, False]),
    torch.tensor([0.1, math.inf, -math.inf, math.nan]),
    torch.tensor([0.1, 3e-5, 65504.0], dtype=torch.float16),
    torch.tensor([0.1, 3e38], dtype=torch.bfloat16),
    torch.tensor([0.1, 1e-300], dtype=torch.float64),
    torch.tensor([2**62, -(2**63), 5]),
    torch.tensor([2**64 - 1], dtype=torch.uint64),
    torch.tensor([255], dtype=torch.uint8),
    torch.tensor([1 + 2j, complex(math.inf, 0)]),
    torch.empty(0, 3),
    torch.empty(2, 0, dtype=torch.int32),
]


def through_json(value):
    return decode(json.loads(json.dumps(encode(value, exact=True), allow_nan=False)))


@pytest.mark.parametrize("value", ROWS, ids=repr)
def test_plain_values(value):
    found = through_json(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", TENSORS, ids=lambda value: f"{value.dtype}{tuple(value.shape)}")
def test_tensors(value):
    found = through_json(value)
    assert found.dtype == value.dtype
    torch.testing.assert_close(found, value, rtol=0, atol=0, equal_nan=True)


def test_nan():
    assert math.isnan(through_json(math.nan))


def test_numpy():
    array = np.arange(6, dtype="int16").reshape(2, 3)
    found = through_json(array)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert encode(np.float32(0.5)) == 0.5
    assert type(encode(np.int64(3))) is int
    assert encode(np.array(2.0)) == 2.0


def test_lists_stand_for_tuples_as_in_keras():
    assert encode((1, (2,))) == [1, [2]]
    assert serialize_keras_object({"a": (1, slice(2))}) == {
        "a": [1, {"class_name": "__slice__", "config": {"start": None, "stop": 2, "step": None}}]
    }
    assert deserialize_keras_object({"class_name": "__ellipsis__", "config": {}}) is Ellipsis


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text().filter(lambda word: word != "class_name"), inner)
        ),
        max_leaves=20,
    )
)
def test_any_nest(value):
    assert through_json(value) == value


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, torch.ones(2).to_sparse(), torch.empty(2, device="meta"), {1, 2}, torch.nn.ReLU()],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_form(value):
    with pytest.raises(ConfigError, match="serialize_keras_object: "):
        serialize_keras_object([value])


BAD = [
    {"class_name": "__slice__", "config": {"start": 1}},
    {"class_name": "__slice__", "config": 5},
    {"class_name": "__number__", "config": {"type": "int", "value": "9" * 100}},
    {"class_name": "__number__", "config": {"type": "int", "value": 5}},
    {"class_name": "__torch_dtype__", "config": {"name": "nn"}},
    {"class_name": "__torch_device__", "config": {"name": "cpu; rm"}},
    {"class_name": "__tensor__", "config": {"value": [[1], [1, 2]], "dtype": "float32"}},
    {"class_name": "__tensor__", "config": {"value": [1, 2], "dtype": "float32", "shape": [2**40]}},
    {"class_name": "__tensor__", "config": {"value": [], "dtype": "float32", "shape": [-1]}},
    {"class_name": "__tensor__", "config": {"value": ["__import__('os')"], "dtype": "float32"}},
    {"class_name": "__tensor__", "config": {"value": ["9" * 4000], "dtype": "int64"}},
    {"class_name": "__tensor__", "config": {"value": {"a": 1}, "dtype": "float32"}},
    {"class_name": "__bytes__", "config": {"value": 5}},
]


@pytest.mark.parametrize("entry", BAD, ids=lambda entry: json.dumps(entry)[:60])
def test_forms_that_cannot_be_read(entry):
    with pytest.raises(ConfigError):
        deserialize_keras_object(read(json.dumps(entry)))


# Torch's functions


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (Target("function", torch.cat), "torch.cat"),
        (Target("function", operator.add), "operator.add"),
        (Target("function", operator.getitem), "operator.getitem"),
        (Target("function", F.gelu), "torch.nn.functional.gelu"),
        (Target("function", torch.fft.rfft), "torch.fft.rfft"),
        (Target("function", torch.linalg.inv), "torch.linalg.inv"),
        (Target("method", "permute"), "Tensor.permute"),
        (Target("method", "new_zeros"), "Tensor.new_zeros"),
        (Target("property", "mT"), "Tensor.mT"),
    ],
)
def test_words(target, word):
    assert word_of(target) == word
    assert target_of(word) == target


def test_every_word_is_its_own():
    for word, target in table().items():
        assert target_of(word) == target
        assert table()[word_of(target)] == target


@pytest.mark.parametrize(
    "record",
    [
        F.hardsigmoid, F.hardswish, torch.randn_like, torch.erf, torch.special.expit, torch.fft.rfft, torch.linalg.vector_norm,
        lambda x: F.softmin(x, -1),
               lambda x: x.mT, lambda x: x.T, lambda x: x.new_ones(3), lambda x: torch.zeros((x.size(0), 2)), lambda x: 2**x,
        lambda x: torch.fft.fftfreq(x.size(0)), lambda x: x.unflatten(1, (2, 2)), lambda x: F.max_pool1d(x, 2), lambda x: x.split(2, 1)[0],
        lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]), lambda x: torch.einsum("bi,bj->bij", x, x),
        lambda x: F.interpolate(x[:, None], scale_factor=2.0), lambda x: torch.stft(x, 4, window=torch.ones(4), return_complex=True),
    ],
)  # fmt: skip
def test_what_is_recorded_has_a_word(record):
    node = record(Input((4,))).node
    assert word_of(recorded(node.op, node.target, node.args)[0]) in table()


def test_no_word_for_what_is_no_part_of_a_graph():
    names = {word.rpartition(".")[2] for word in table()}
    assert not [name for name in names if name.startswith("_") or (name.endswith("_") and name not in ("and_", "or_"))]
    assert not names & set(
        """
        load save from_file frombuffer compile manual_seed seed set_rng_state set_default_dtype set_default_device set_num_threads
        item numpy tolist data_ptr untyped_storage backward register_hook apply map share_memory empty empty_like as_strided resize
        getattr setattr eval exec open import_module attrgetter methodcaller call
        """.split()
    )


@pytest.mark.parametrize(
    "word", ["", "torch", "torch.", "os.system", "Tensor.__reduce_ex__", "torch.nn", 5, None, ["torch.cat"], "x" * 10_000]
)
def test_words_that_are_none(word):
    with pytest.raises(Fact, match="no torch function is known as"):
        target_of(word)


def test_a_near_word_is_told():
    with pytest.raises(Fact) as error:
        target_of("torch.concatt")
    assert error.value.fix == "did you mean 'torch.concat'?"
