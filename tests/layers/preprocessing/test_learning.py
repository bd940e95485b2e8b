"""Layers that learn from data: from whatever holds it; what they know goes with them; and what they refuse, in full."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from layergraph import Input, Model, layers
from layergraph.errors import LayergraphError
from layergraph.models import model_from_json

DRAWN = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1
WHOLE = torch.randint(0, 9, (40, 3), generator=torch.Generator().manual_seed(0))


def told(function) -> str:
    """What the error says, without the line of the user's code."""
    with pytest.raises(LayergraphError) as caught:
        function()
    return "\n".join(line for line in str(caught.value).split("\n") if not line.startswith("  at "))


def normalization(data):
    layer = layers.Normalization()
    layer.adapt(data)
    return layer


def discretization(data):
    layer = layers.Discretization(num_bins=4, epsilon=0.001)
    layer.adapt(data)
    return layer


def integer_lookup(data):
    layer = layers.IntegerLookup(output_mode="tf_idf", num_oov_indices=2)
    layer.adapt(data)
    return layer


LEARNERS = {"Normalization": (normalization, DRAWN), "Discretization": (discretization, DRAWN), "IntegerLookup": (integer_lookup, WHOLE)}
every_learner = pytest.mark.parametrize("name", LEARNERS)


@every_learner
def test_data_may_come_in_any_form(name):
    learn, data = LEARNERS[name]
    wanted = learn(data)(data)
    forms = [
        data.numpy(),
        DataLoader(TensorDataset(data, torch.zeros(40)), batch_size=7),
        DataLoader(data, batch_size=40),
        [data[:10], data[10:]] if name != "IntegerLookup" else data.tolist(),
        (data[at : at + 5].numpy() for at in range(0, 40, 5)),
        ((data[at : at + 5], None) for at in range(0, 40, 5)),
    ]
    for form in forms:
        torch.testing.assert_close(learn(form)(data), wanted)


@pytest.mark.parametrize("kind", [layers.Normalization, lambda: layers.Discretization(num_bins=4), layers.IntegerLookup])
def test_a_second_adapt_forgets_the_first(kind):
    layer, twin = kind(), kind()
    layer.adapt(WHOLE)
    layer.adapt(WHOLE // 2 + 3)
    twin.adapt(WHOLE // 2 + 3)
    assert torch.equal(layer(WHOLE), twin(WHOLE))


@every_learner
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "state_dict", "config"])
def test_what_was_learned_goes_along(name, how):
    learn, data = LEARNERS[name]
    layer = learn(data)
    if how == "state_dict":
        twin = {
            "Normalization": layers.Normalization,
            "Discretization": lambda: layers.Discretization(num_bins=4, epsilon=0.001),
            "IntegerLookup": lambda: layers.IntegerLookup(output_mode="tf_idf", num_oov_indices=2),
        }[name]()
        twin.build(tuple(data.shape))
        twin.load_state_dict(layer.state_dict())
    elif how == "config" and name == "Normalization":
        twin = type(layer).from_config(layer.get_config())
        twin.build(tuple(data.shape))
        twin.set_weights(layer.get_weights())  # statistics are weights, as in Keras
    else:
        twin = {
            "deepcopy": copy.deepcopy,
            "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
            "config": lambda layer: type(layer).from_config(layer.get_config()),
        }[how](layer)
    assert torch.equal(twin(data), layer(data))
    assert twin.get_config() == layer.get_config()


@every_learner
def test_a_model_sees_what_is_learned_later(name):
    """A graph runs the layer's own module: adapt() after Model(...) counts."""
    learn, data = LEARNERS[name]
    layer = learn(data)
    x = Input((3,), dtype=str(data.dtype).removeprefix("torch."))
    model = Model(x, layer(x))
    assert torch.equal(model(data), layer(data))
    again = model_from_json(model.to_json())
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(data), layer(data))
    if name != "IntegerLookup":
        layer.adapt(data * 2 + 1)
        assert torch.equal(model(data), layer(data))


def test_normalization_before_a_network():
    """The statistics are buffers: no gradients, and no step of an optimizer moves them."""
    layer = normalization(DRAWN)
    x = Input((3,))
    model = Model(x, layers.Dense(1)(layer(x)))
    assert [name for name, _ in model.named_parameters()] == ["dense.weight", "dense.bias"]
    before = model.state_dict()["normalization.mean"].clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(DRAWN).square().mean().backward()
    optimizer.step()
    assert torch.equal(model.state_dict()["normalization.mean"], before)
    torch.testing.assert_close(layer(DRAWN).mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer(DRAWN).std(0, correction=0), torch.ones(3))


def test_statistics_of_large_numbers_keep_their_digits():
    """A variance of 1 about a mean of a million, which sums of squares in float32 lose."""
    data = np.random.default_rng(0).normal(1e6, 1.0, (1000, 1))
    layer = layers.Normalization(dtype="float64")
    layer.adapt(data[at : at + 10] for at in range(0, 1000, 10))
    np.testing.assert_allclose(layer.get_weights()[0], data.mean(0), rtol=1e-14)
    np.testing.assert_allclose(layer.get_weights()[1], data.var(0), rtol=1e-9)


@pytest.mark.parametrize("layer", [layers.Rescaling(0.5), layers.Rescaling([0.5, 1.0, 2.0]), layers.Normalization(mean=0.0, variance=1.0)])
def test_a_dtype_stays(layer):
    assert layer(np.ones((2, 3))).dtype is torch.float32
    assert layer(np.ones((2, 3))).dtype is torch.float32
    assert layer(torch.ones(2, 3, dtype=torch.int64)).dtype is torch.float32
    assert layer([[1, 2, 3]]).dtype is torch.float32


@pytest.mark.parametrize("layer", [layers.Rescaling(0.5), layers.Normalization(mean=0.0, variance=1.0)])
def test_a_mask_passes(layer):
    assert layer.supports_masking
    mask = torch.tensor([True, False])
    assert layer.compute_mask(torch.ones(2, 3), mask) is mask


def test_rescaling_of_channels_first():
    from layergraph.config import set_image_data_format

    set_image_data_format("channels_first")
    try:
        layer = layers.Rescaling([1.0, 2.0], offset=[0.0, 1.0])
        y = layer(torch.ones(1, 2, 3, 3))
    finally:
        set_image_data_format("channels_last")
    assert y[0, 0].unique().tolist() == [1.0]
    assert y[0, 1].unique().tolist() == [3.0]


def test_mel_spectrogram_in_half_precision():
    layer = layers.MelSpectrogram(fft_length=32, sequence_stride=16, num_mel_bins=4)
    sound = torch.randn(2, 200, generator=torch.Generator().manual_seed(0))
    half = layers.MelSpectrogram(fft_length=32, sequence_stride=16, num_mel_bins=4, dtype="bfloat16")(sound.bfloat16())
    assert half.dtype is torch.bfloat16
    torch.testing.assert_close(half.float(), layer(sound.bfloat16().float()), atol=0.3, rtol=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(sound), layer(sound))


def test_a_vocabulary_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "words.txt"
    path.write_text("12\n-36\n7\n", encoding="utf-8")
    for given in (path, str(path), "words.txt"):
        layer = layers.IntegerLookup(vocabulary=given)
        assert layer.get_vocabulary() == [-1, 12, -36, 7]
        assert layer.get_config()["vocabulary"] == [12, -36, 7]
    config = {**layers.IntegerLookup().get_config(), "vocabulary": "words.txt"}
    assert told(lambda: layers.IntegerLookup.from_config(config)) == (
        "IntegerLookup: its config names the file 'words.txt', and none is read on a config's word\n"
        "  fix: call layer.set_vocabulary(path) yourself"
    )


REFUSED = {
    "a call before adapt": (
        lambda: layers.Discretization(num_bins=3, name="bins")([1.0]),
        "Discretization 'bins': has no boundaries yet\n  got a tensor of shape (1,)\n"
        "  fix: call adapt(data) first, or give bin_boundaries=[...]",
    ),
    "a graph before adapt": (
        lambda: layers.IntegerLookup(name="places")(Input((3,), name="x")),
        "IntegerLookup 'places': has no vocabulary yet\n  fix: call adapt(data) or set_vocabulary([...]) first, or give vocabulary=[...]",
    ),
    "data of another rank": (
        lambda: normalization(DRAWN).adapt(DRAWN[0]),
        "Normalization: adapt() got data of shape (3,), and the layer has statistics of shape (1, 3)\n  fix: use another layer",
    ),
    "words for numbers": (
        lambda: normalization([["a"]]),
        "Normalization: adapt() takes numbers, got [['a']]\n  fix: use StringLookup for words, or TextVectorization for texts",
    ),
    "a Dataset": (
        lambda: normalization(TensorDataset(DRAWN)),
        "Normalization: adapt() takes an array, a tensor or an iterable of batches, got TensorDataset DATASET\n"
        "  fix: wrap it: adapt(torch.utils.data.DataLoader(dataset, batch_size=256))",
    ),
    "a symbol": (
        lambda: normalization(Input((3,))),
        "Normalization: adapt() takes data, and a symbolic tensor has none\n  fix: call it on the arrays that the model is trained on",
    ),
    "nothing": (
        lambda: discretization(iter(())),
        "Discretization: adapt() got an empty iterable, and wants at least one batch\n"
        "  fix: a generator is used up after one pass: make a new one",
    ),
    "no values": (lambda: normalization(DRAWN[:0]), "Normalization: adapt() got no values"),
    "given statistics": (
        lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(DRAWN),
        "Normalization: adapt() would replace the `mean` and `variance` that were given\n  fix: leave them out of Normalization(...)",
    ),
    "given boundaries": (
        lambda: layers.Discretization([0.0]).adapt(DRAWN),
        "Discretization: adapt() would replace the `bin_boundaries` that were given\n  fix: give num_bins instead",
    ),
    "a given vocabulary": (
        lambda: layers.IntegerLookup(vocabulary=[1]).adapt(WHOLE),
        "IntegerLookup: adapt() would replace the vocabulary that was given\n  fix: leave `vocabulary` out, or call set_vocabulary(...)",
    ),
    "words that come twice": (
        lambda: layers.IntegerLookup().set_vocabulary([3, 4, 3]),
        "IntegerLookup has words that come twice in its vocabulary: [3]\n  fix: list(dict.fromkeys(vocabulary))",
    ),
    "fractions": (
        lambda: layers.IntegerLookup().adapt([1.5]),
        "IntegerLookup: adapt() takes whole numbers, got [1.5]\n  fix: use Discretization for other numbers",
    ),
    "another length of vectors": (
        lambda: layers.IntegerLookup(vocabulary=[3, 4], output_mode="count").set_vocabulary([3]),
        "IntegerLookup gives vectors of length 3, and would give ones of 2\n"
        "  fix: make a new layer, or use max_tokens=... with pad_to_max_tokens=True",
    ),
    "no room for words": (
        lambda: layers.IntegerLookup(max_tokens=2, num_oov_indices=2).adapt([1]),
        "IntegerLookup: adapt() has no place for a word: max_tokens=2, of which 2 are special\n  fix: raise max_tokens",
    ),
    "a hash in a graph": (
        lambda: layers.IntegerLookup(vocabulary=[3], num_oov_indices=2, oov_method="farmhash", name="h")(Input((3,), name="x")),
        "IntegerLookup 'h': spreads strangers by a hash, for which torch has no function\n"
        "  fix: oov_method='floormod'; or call it on the data, before the model: in a Dataset, in the collate_fn of its DataLoader, "
        "or on the whole array",
    ),
    "weights without counts": (
        lambda: layers.CategoryEncoding(3)([[1]], count_weights=[[1.0]]),
        "CategoryEncoding: `count_weights` has no use with output_mode='multi_hot'\n  fix: output_mode='count'",
    ),
    "weights of another shape": (
        lambda: layers.CategoryEncoding(3, "count", name="c")(Input((3,), name="x"), count_weights=Input((2,), name="w")),
        "CategoryEncoding 'c': takes `count_weights` of the input's shape (None, 3), got (None, 2)",
    ),
    "no samples": (
        lambda: layers.MelSpectrogram(name="mel")(torch.ones(2, 100)),
        "MelSpectrogram 'mel': reflects 1024 samples at both ends, got 100, of shape (2, 100)\n  got a tensor of shape (2, 100)\n"
        "  fix: use a smaller fft_length",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what):
    function, wanted = REFUSED[what]
    lines = [line for line in told(function).split("\n") if not line.startswith("  got (")]
    said = "\n".join(lines)
    if "DATASET" in wanted:
        start = said.index("TensorDataset ") + len("TensorDataset ")
        said = said[:start] + "DATASET" + said[said.index("\n") :]
    assert said == wanted


def test_a_number_that_is_no_index():
    with pytest.raises(ValueError, match=r"^index 5 is outside 0 \.\. 2$"):
        layers.CategoryEncoding(3)([[5]])
    with pytest.raises(ValueError, match=r"^9 is not in the vocabulary, and num_oov_indices is 0: there is no place for it$"):
        layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([9])
