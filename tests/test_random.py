"""Random tensors: their distributions, and which stream a call draws from. Shapes, dtypes and errors: `parity/test_rooms.py`."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from layergraph import Input, Model, random
from layergraph.errors import ArgumentError, ShapeError

N = 200_000
CUT_STDDEV = 0.8796256610342398  # of a normal distribution without what lies beyond two standard deviations
INF = math.inf

# name: (draw, mean, variance, lowest, highest)
DISTRIBUTIONS: dict[str, tuple[Callable[[Any], Tensor], float, float, float, float]] = {
    "normal": (lambda seed: random.normal((N,), seed=seed), 0.0, 1.0, -INF, INF),
    "normal(3, 0.5)": (lambda seed: random.normal((N,), 3.0, 0.5, seed=seed), 3.0, 0.25, -INF, INF),
    "uniform": (lambda seed: random.uniform((N,), seed=seed), 0.5, 1 / 12, 0.0, 1.0),
    "uniform(-2, 4)": (lambda seed: random.uniform((N,), -2.0, 4.0, seed=seed), 1.0, 3.0, -2.0, 4.0),
    "truncated_normal": (lambda seed: random.truncated_normal((N,), seed=seed), 0.0, CUT_STDDEV**2, -2.0, 2.0),
    "truncated_normal(1, 3)": (lambda seed: random.truncated_normal((N,), 1.0, 3.0, seed=seed), 1.0, 9 * CUT_STDDEV**2, -5.0, 7.0),
    "truncated_normal half": (lambda seed: random.truncated_normal((N,), dtype="float16", seed=seed), 0.0, CUT_STDDEV**2, -2.0, 2.0),
    "randint": (lambda seed: random.randint((N,), -3, 5, seed=seed), 0.5, 63 / 12, -3, 4),
    "gamma(3)": (lambda seed: random.gamma((N,), 3.0, seed=seed), 3.0, 3.0, 0.0, INF),
    "gamma(0.5)": (lambda seed: random.gamma((N,), 0.5, seed=seed), 0.5, 0.5, 0.0, INF),
    "beta(2, 3)": (lambda seed: random.beta((N,), 2.0, 3.0, seed=seed), 0.4, 0.04, 0.0, 1.0),
    "beta(0.1, 0.1)": (lambda seed: random.beta((N,), 0.1, 0.1, seed=seed), 0.5, 0.25 / 1.2, 0.0, 1.0),
    "binomial(5, 0.3)": (lambda seed: random.binomial((N,), 5, 0.3, seed=seed), 1.5, 1.05, 0.0, 5.0),
    "categorical": (lambda seed: random.categorical(np.log([[0.2, 0.5, 0.3]]), N, seed=seed), 1.1, 0.49, 0.0, 2.0),
    "dropout": (lambda seed: random.dropout(torch.ones(N), 0.25, seed=seed), 1.0, 1 / 3, 0.0, 4 / 3),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_distribution(name: str):
    """Mean and variance of 200,000 draws, each within six of its standard errors, and the range."""
    draw, mean, variance, lowest, highest = DISTRIBUTIONS[name]
    values = draw(1).double()
    assert values.min() >= lowest
    assert values.max() <= highest + 1e-6
    assert abs(values.mean() - mean) < 6 * math.sqrt(variance / N)
    fourth = ((values - mean) ** 4).mean() - variance**2
    assert abs(((values - mean) ** 2).mean() - variance) < 6 * math.sqrt(fourth / N) + (2e-3 if "half" in name else 0)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_streams(name: str):
    draw = DISTRIBUTIONS[name][0]
    before = torch.get_rng_state()
    assert torch.equal(draw(7), draw(7))  # an integer: the same values each time
    assert not torch.equal(draw(7), draw(8))
    one, other = random.SeedGenerator(7), random.SeedGenerator(7)
    first, second = draw(one), draw(one)
    assert torch.equal(first, draw(other))  # a SeedGenerator: other values at each call, the same row for the same seed
    assert torch.equal(second, draw(other))
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)  # torch's own generator stands where it stood
    torch.manual_seed(3)
    first, second = draw(None), draw(None)  # None: torch's own generator
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(first, draw(None))


def test_rows_of_neighbouring_seeds_share_nothing():
    rows = [[random.uniform((), seed=seeds).item() for _ in range(50)] for seeds in map(random.SeedGenerator, range(20))]
    assert len({value for row in rows for value in row}) == 1000


def test_a_seed_generator_keeps_its_place():
    seeds = random.SeedGenerator(5, name="mine")
    random.normal((2,), seed=seeds)
    copies = [copy.deepcopy(seeds), pickle.loads(pickle.dumps(seeds))]
    expected = random.normal((2,), seed=seeds)
    assert all(torch.equal(random.normal((2,), seed=each), expected) for each in copies)
    assert seeds.get_config() == {"seed": 5, "name": "mine"}
    assert random.SeedGenerator.from_config(seeds.get_config()).state.tolist() == [5, 0]
    assert seeds.state.tolist() == [5, 2]


def test_a_seed_generator_without_a_seed_follows_torch():
    torch.manual_seed(11)
    first = random.SeedGenerator().state.tolist()
    torch.manual_seed(11)
    assert random.SeedGenerator().state.tolist() == first
    assert random.SeedGenerator().state.tolist() != first


def test_shuffle_moves_whole_slices():
    x = torch.arange(24).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        mixed = random.shuffle(x, axis, seed=4)
        places = [mixed.select(axis, i) for i in range(x.shape[axis])]
        found = [next(j for j in range(x.shape[axis]) if torch.equal(x.select(axis, j), place)) for place in places]
        assert sorted(found) == list(range(x.shape[axis]))
    assert random.shuffle(torch.arange(100), seed=1).tolist() != list(range(100))


def test_dropout_of_a_noise_shape():
    dropped = random.dropout(torch.ones(50, 40), 0.5, noise_shape=(None, 1), seed=2)
    assert torch.equal(dropped, dropped[:, :1].expand(50, 40))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_dropout_in_a_graph():
    x = Input((1000,))
    model = Model(x, random.dropout(x, 0.5)).eval()
    y = model(torch.ones(2, 1000))
    assert set(y.unique().tolist()) == {0.0, 2.0}  # in every mode, as in Keras
    with pytest.raises(ArgumentError, match=r"a graph holds no seed and no noise_shape of it(.|\n)*fix: the layer Dropout"):
        random.dropout(x, 0.5, seed=1)


def test_on_meta():
    with torch.device("meta"):
        made = [random.normal((2,), seed=1), random.gamma((2,), 1.0), random.beta((2,), 1.0, 2.0), random.randint((2,), 0, 3, seed=1)]
    assert all(each.is_meta and each.shape == (2,) for each in made)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: random.normal((2,), dtype="int32"), ArgumentError, "normal: requires a floating point `dtype`. Received: dtype='int32'"),
        (lambda: random.randint((2,), 0, 3, "float32"), ArgumentError, "randint: requires an integer `dtype`"),
        (
            lambda: random.uniform((2,), seed=1.5),
            ArgumentError,
            "must be either an integer or an instance of `SeedGenerator`. Received: seed=1.5",
        ),
        (lambda: random.categorical([0.0, 1.0], 2), ShapeError, r"should be of shape \(batch, classes\), got \(2,\)(.|\n)*logits\[None\]"),
        (lambda: random.dropout(torch.ones(2), 1.5), ArgumentError, "rate: wanted a number from 0 to 1, got 1.5"),
        (lambda: random.shuffle(torch.ones(2), 1), ShapeError, r"axis=1 of a tensor of shape \(2,\)"),
    ],
)
def test_wrong_use(make: Any, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message):
        make()


def test_a_seed_has_no_effect_where_torch_compiles() -> None:
    seeds = random.SeedGenerator(3)

    def noisy(x: Tensor) -> Tensor:
        return x + random.normal((4,), seed=seeds) + random.uniform((4,), seed=1)

    compiled = torch.compile(noisy, fullgraph=True, backend="aot_eager")
    torch.manual_seed(0)
    first, second = compiled(torch.zeros(4)), compiled(torch.zeros(4))
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(compiled(torch.zeros(4)), first)
    assert seeds.state.tolist() == [3, 0]
