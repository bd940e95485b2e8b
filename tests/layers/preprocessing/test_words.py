"""Layers over words: where they stand beside a model, what goes with them, and what they refuse, in full."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from layergraph import Input, Model, Sequential, layers
from layergraph.errors import LayergraphError
from layergraph.saving import deserialize_keras_object, register_keras_serializable, serialize_keras_object

TEXTS = ["the cat sat", "a dog", "the the mat", "cat and dog"]


def told(function) -> str:
    """What the error says, without the line of the user's code."""
    with pytest.raises(LayergraphError) as caught:
        function()
    return "\n".join(line for line in str(caught.value).split("\n") if not line.startswith("  at "))


def string_lookup():
    layer = layers.StringLookup(output_mode="tf_idf", num_oov_indices=2)
    layer.adapt([text.split()[:2] for text in TEXTS])
    return layer, [["the", "cat"], ["a", "bird"]]


def text_vectorization():
    layer = layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    layer.adapt(TEXTS)
    return layer, TEXTS


def hashing():
    return layers.Hashing(7, mask_value="the", salt=[1, 2]), [text.split()[:2] for text in TEXTS]


def hashed_crossing():
    return layers.HashedCrossing(7, output_mode="one_hot"), [["a", "b"], [1, 2]]


MAKERS = [string_lookup, text_vectorization, hashing, hashed_crossing]
every_layer = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


@every_layer
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "config", "json"])
def test_what_it_knows_goes_along(make, how):
    layer, data = make()
    twin = {
        "deepcopy": copy.deepcopy,
        "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
        "config": lambda layer: type(layer).from_config(layer.get_config()),
        "json": lambda layer: deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer)))),
    }[how](layer)
    assert torch.equal(twin(data), layer(data))
    assert twin.get_config() == layer.get_config()
    assert twin.get_weights() == layer.get_weights() == []
    assert twin.count_params() == 0
    assert twin.state_dict() == {}


@every_layer
def test_a_declared_shape_is_the_real_one(make):
    layer, data = make()
    shape = np.asarray(data).shape if make is not hashed_crossing else [np.asarray(each).shape for each in data]
    assert tuple(layer.compute_output_shape(shape)) == tuple(layer(data).shape)


@every_layer
def test_a_symbol_is_refused(make):
    layer, _ = make()
    layer.name = "culprit"
    symbol = Input((1,), name="x")
    said = told(lambda: layer([symbol, symbol] if make is hashed_crossing else symbol))
    why = {
        "StringLookup": "takes strings, which no torch tensor holds, and so no symbolic tensor",
        "TextVectorization": "takes strings, which no torch tensor holds, and so no symbolic tensor",
    }.get(type(layer).__name__, "hashes the text of each value, for which torch has no function, so it takes data and no symbolic tensor")
    assert said == (
        f"{type(layer).__name__} 'culprit' {why}\n"
        "  fix: call it on the data, before the model: in a Dataset, in the collate_fn of its DataLoader, or on the whole array"
    )


def test_a_sequential_tells_where_texts_belong():
    model = Sequential([layers.TextVectorization(vocabulary=["a"]), layers.Embedding(3, 2)])
    assert "call it on the data, before the model" in told(lambda: model(Input((1,))))


def test_in_a_data_loader_before_a_model():
    vectorize = layers.TextVectorization(max_tokens=6, output_sequence_length=4)
    vectorize.adapt(TEXTS)
    tokens = Input((4,), dtype="int64")
    model = Model(tokens, layers.Dense(1)(layers.Flatten()(layers.Embedding(vectorize.vocabulary_size(), 3)(tokens))))
    rows = list(zip(TEXTS, [0.0, 1.0, 0.0, 1.0], strict=True))

    def collate(rows):
        return vectorize([text for text, _ in rows]), torch.tensor([[target] for _, target in rows])

    loader = DataLoader(rows, batch_size=2, collate_fn=collate)
    model.compile(optimizer="sgd", loss="mse")
    history = model.fit(loader, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_words_from_a_loader_with_targets():
    loader = DataLoader(list(zip(TEXTS, range(4), strict=True)), batch_size=2)
    layer, whole = layers.TextVectorization(), layers.TextVectorization()
    layer.adapt(loader)
    whole.adapt(TEXTS)
    assert layer.get_vocabulary() == whole.get_vocabulary()


def test_functions_of_the_users():
    """`standardize` takes an array of strings and gives one; `split` gives the tokens of each."""
    layer = layers.TextVectorization(
        standardize=np.char.upper, split=lambda texts: [text.split("-") for text in texts], vocabulary=["A", "B"]
    )
    assert layer(["a-b", "b-c-a"]).tolist() == [[2, 3, 0], [3, 1, 2]]


def shout(texts):
    return np.char.upper(texts)


def test_a_registered_function_goes_through_json():
    register_keras_serializable("tests")(shout)
    layer = layers.TextVectorization(standardize=shout, vocabulary=["A", "B"])
    twin = deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))))
    assert twin(["a b c"]).tolist() == [[2, 3, 1]]


def test_places_back_to_words():
    layer = layers.StringLookup(vocabulary=["a", "b"], mask_token="")
    back = layers.StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", invert=True)
    assert back(layer([["a", "", "b"], ["z", "b", "a"]])) == [["a", "", "b"], ["[UNK]", "b", "a"]]


def test_bytes_are_read_in_the_encoding():
    layer = layers.StringLookup(vocabulary=["é"], encoding="latin-1")
    assert layer([b"\xe9", b"e"]).tolist() == [1, 0]


def test_an_adapted_layer_of_a_config_may_be_adapted_again():
    layer, _ = text_vectorization()
    twin = layers.TextVectorization.from_config({**layer.get_config(), "output_mode": "int", "idf_weights": None})
    twin.adapt(["new words"])
    assert twin.get_vocabulary()[:4] == ["", "[UNK]", "words", "new words"]


def test_a_keras_config_with_its_hidden_words():
    config = {**layers.TextVectorization(vocabulary=["a"]).get_config(), "vocabulary_size": 3}
    assert layers.TextVectorization.from_config(config)(["a"]).tolist() == [[2]]


REFUSED = {
    "numbers": (
        lambda: layers.StringLookup(vocabulary=["a"])([1]),
        "StringLookup takes strings, got int 1\n  fix: for numbers, use IntegerLookup, or str(number)",
    ),
    "a tensor": (
        lambda: layers.TextVectorization(vocabulary=["a"])(torch.ones(2)),
        "TextVectorization takes strings, in a list or an array, got Tensor <Tensor of shape (2,), float32>",
    ),
    "a call before adapt": (
        lambda: layers.TextVectorization(name="texts")(["a"]),
        "TextVectorization 'texts' has no vocabulary yet\n  fix: call adapt(data) or set_vocabulary([...]) first, or give vocabulary=[...]",
    ),
    "rows of several lengths": (
        lambda: layers.StringLookup(vocabulary=["a"])([["a"], ["a", "b"]]),
        "StringLookup takes rows of one length, got [['a'], ['a', 'b']]\n  fix: pad the rows with '', or call it on each",
    ),
    "tokens for texts": (
        lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]),
        "TextVectorization splits one text a row, (batch,) or (batch, 1), got shape (1, 2)\n  fix: split=None for tokens",
    ),
    "a stranger": (
        lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]),
        "StringLookup has no place for 'b', which is not in its vocabulary\n  fix: num_oov_indices=1",
    ),
    "words that come twice": (
        lambda: layers.TextVectorization(vocabulary=["a", "a"]),
        "TextVectorization has words that come twice in its vocabulary: ['a']\n  fix: list(dict.fromkeys(vocabulary))",
    ),
    "the mask among words": (
        lambda: layers.TextVectorization().set_vocabulary(["a", ""]),
        "TextVectorization has the special word '' at another place of its vocabulary than in front\n"
        "  fix: leave the special words out, or begin with ['', '[UNK]']",
    ),
    "adapt of numbers": (
        lambda: layers.TextVectorization().adapt([1]),
        "TextVectorization: adapt() takes strings, got int 1\n  fix: for numbers, use IntegerLookup, or str(number)",
    ),
    "adapt of nothing": (lambda: layers.StringLookup().adapt([]), "StringLookup: adapt() got no words"),
    "adapt of one string": (
        lambda: layers.TextVectorization().adapt("a text"),
        "TextVectorization: adapt() takes an array, a tensor or an iterable of batches, got str 'a text'",
    ),
    "a misspelt split": (
        lambda: layers.TextVectorization(split="whitespaces"),
        "TextVectorization: `split` must be None, a function or one of 'whitespace', 'character', got 'whitespaces'\n"
        "  fix: did you mean 'whitespace'?",
    ),
    "ragged": (
        lambda: layers.TextVectorization(ragged=True),
        "TextVectorization: `ragged` can only be False here, got True: torch's layers take dense tensors; 0 is the padding, "
        "Embedding(mask_zero=True) masks it",
    ),
    "sparse": (
        lambda: layers.StringLookup(sparse=True),
        "StringLookup: `sparse` can only be False here, got True: torch's layers take dense tensors; call .to_sparse() on the output",
    ),
    "an unknown encoding": (
        lambda: layers.StringLookup(encoding="utf-9"),
        "StringLookup: `encoding` must be the name of an encoding, such as 'utf-8', got 'utf-9'",
    ),
    "one feature": (
        lambda: layers.HashedCrossing(3)([["a"]]),
        "HashedCrossing takes a list of two features or more, got [['a']]",
    ),
    "features of other shapes": (
        lambda: layers.HashedCrossing(3)([["a"], ["a", "b"]]),
        "HashedCrossing takes features of one shape, got (1,), (2,)",
    ),
    "fractions": (
        lambda: layers.HashedCrossing(3)([["a"], [1.5]]),
        "HashedCrossing takes strings and whole numbers, got [1.5]\n  fix: cut floats to ints, or use Discretization",
    ),
    "no data": (
        lambda: layers.Hashing(3)(None),
        "Hashing takes strings or numbers, in a list, an array or a tensor, got NoneType None",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what):
    function, wanted = REFUSED[what]
    assert told(function) == wanted


def test_hashes_of_every_length():
    """FarmHash has a rule for each range of lengths, SipHash one for blocks of 8: all as TensorFlow has them."""
    from layergraph.layers.preprocessing.fingerprint import fingerprint64, siphash64

    data = [bytes(range(size)) for size in (0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 127, 128, 129, 200)]
    assert [fingerprint64(each) for each in data] == FARMHASH
    # Of the paper that defines it, appendix A.
    assert siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == 0xA129CA6149BE45E5


FARMHASH = [
    0x9AE16A3B2F90404F,
    0xBE6056EDF5E94B54,
    0x94A13D22E9EBA49A,
    0x82BFFD898958E540,
    0xA2E0BFF20DB0A6A1,
    0xAD5A13E1E8E93B98,
    0xEFD25A0A34156D4,
    0xBBB6A6F8F20D1F1C,
    0x1A9D8199972CDF49,
    0xE8756EC1CB75524E,
    0xF58504BB53DECC4B,
    0xC6A3282C3E793DBE,
    0xEA8BE9FA05393DB5,
    0x1C484C95F0EA5DD3,
    0xCE8BA3741121083E,
    0x74C7FCC26D66FB3,
]
