"""Initializers: distributions, fans, seeds, exact values, names, configs, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import initializers
from layergraph.errors import ArgumentError, ShapeError

from .parity import golden

LEAVES = golden.family("leaves")
KNOWN: dict[str, Any] = LEAVES["names/initializers"]["facts"]["known"]
OURS_TOO = {"Constant", "constant"}  # Keras 3.15.1 fails on these two strings with a KeyError
STFTS = {row: data for row, data in LEAVES.items() if row.startswith("stft/")}
LARGE = (3, 3, 40, 800)  # 288,000 numbers; fans 360 and 7,200
CUT = 0.87962566103423978


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def spread(values: torch.Tensor) -> float:
    return values.double().std().item()


# ------------------------------------------------------------------------------------------------------------ fans, scale


@pytest.mark.parametrize("row", LEAVES["fans"]["facts"]["rows"], ids=str)
def test_fans_are_keras(row: list[Any]):
    shape, input_axes, output_axes, fan_in, fan_out = row
    assert initializers.compute_fans(shape, input_axes, output_axes) == (fan_in, fan_out)


@pytest.mark.parametrize(
    ("name", "scale", "fans"),
    [("glorot", 1, (360 + 7200) / 2), ("he", 2, 360), ("lecun", 1, 360)],
)
def test_the_scaling_family(name: str, scale: float, fans: float):
    sigma = math.sqrt(scale / fans)
    uniform = initializers.get(f"{name}_uniform")(LARGE)
    limit = math.sqrt(3) * sigma
    assert limit * 0.9999 <= uniform.max().item() <= limit
    assert -limit <= uniform.min().item() <= -limit * 0.9999
    assert spread(uniform) == pytest.approx(sigma, rel=0.005)
    normal = initializers.get(f"{name}_normal")(LARGE)
    assert spread(normal) == pytest.approx(sigma, rel=0.006)
    assert 0.999 * 2 * sigma / CUT <= normal.abs().max().item() <= 2 * sigma / CUT * 1.000001


@pytest.mark.parametrize(("mode", "fans"), [("fan_in", 360), ("fan_out", 7200), ("fan_avg", 3780)])
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal", "untruncated_normal", "Uniform"])
def test_variance_scaling(mode: str, fans: float, distribution: str):
    values = initializers.VarianceScaling(0.7, mode, distribution)(LARGE)
    sigma = math.sqrt(0.7 / fans)
    assert spread(values) == pytest.approx(sigma, rel=0.008)
    assert values.mean().item() == pytest.approx(0, abs=5 * sigma / math.sqrt(values.numel()))
    widest = values.abs().max().item() / sigma
    if distribution == "untruncated_normal":
        assert widest > 3.5
    else:
        assert widest <= (math.sqrt(3) if distribution in ("uniform", "Uniform") else 2 / CUT) * 1.000001


def test_given_axes_count():
    values = initializers.GlorotUniform(input_axes=(0,), output_axes=(1, 2))((100, 8, 50))
    assert values.abs().max().item() == pytest.approx(math.sqrt(6 / 500), rel=1e-3)


@pytest.mark.parametrize("shape", [(), (7,), (5, 7), (3, 5, 7), (3, 3, 5, 7), (2, 3, 4, 5, 7), (0, 3)])
@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept and "rthogonal" not in name and "dentity" not in name])
def test_every_rank(name: str, shape: tuple[int, ...]):
    values = initializers.get(name)(shape)
    assert tuple(values.shape) == shape
    assert values.dtype is torch.float32
    assert torch.isfinite(values).all()


@pytest.mark.parametrize(
    ("make", "mean", "sigma", "low", "high"),
    [
        (lambda: initializers.RandomUniform(), 0, 0.1 / math.sqrt(12), -0.05, 0.05),
        (lambda: initializers.RandomUniform(1, 4), 2.5, 3 / math.sqrt(12), 1, 4),
        (lambda: initializers.RandomNormal(), 0, 0.05, -0.4, 0.4),
        (lambda: initializers.RandomNormal(2, 3), 2, 3, -20, 24),
        (lambda: initializers.TruncatedNormal(), 0, 0.05 * CUT, -0.1, 0.1),
        (lambda: initializers.TruncatedNormal(2, 3), 2, 3 * CUT, -4, 8),
    ],
)
def test_plain_distributions(make: Any, mean: float, sigma: float, low: float, high: float):
    values = make()((500, 600))
    assert values.double().mean().item() == pytest.approx(mean, abs=5 * sigma / math.sqrt(values.numel()))
    assert spread(values) == pytest.approx(sigma, rel=0.006)
    assert low <= values.min().item() < values.max().item() <= high


def test_a_truncated_normal_is_a_normal_inside():
    """Shares of the standard normal within (-2, 2), not only its spread."""
    values = initializers.TruncatedNormal(0, 1)((400_000,))
    inside = math.erf(math.sqrt(2))
    for edge in (0.25, 0.5, 1.0, 1.5, 1.9):
        share = math.erf(edge / math.sqrt(2)) / inside
        assert (values.abs() < edge).double().mean().item() == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 400_000))


# --------------------------------------------------------------------------------------------------------- exact values


def test_constants():
    assert torch.equal(initializers.Zeros()((2, 3)), torch.zeros(2, 3))
    assert torch.equal(initializers.Ones()((2, 3), "int32"), torch.ones(2, 3, dtype=torch.int32))
    assert torch.equal(initializers.Constant(2.5)((2,)), torch.full((2,), 2.5))
    assert torch.equal(initializers.Constant([1, 2, 3])((2, 3)), torch.tensor([[1.0, 2, 3]] * 2))
    assert torch.equal(initializers.Identity(3.0)((2, 3)), 3 * torch.eye(2, 3))
    assert torch.equal(initializers.Zeros()(3), torch.zeros(3))


def test_a_constant_is_not_shared():
    array = np.ones((2, 2), np.float32)
    for initializer in (initializers.Constant(array), initializers.get(array), initializers.get(torch.from_numpy(array))):
        initializer((2, 2)).zero_()
    assert (array == 1).all()


@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12), (3, 3, 4, 8), (2, 2, 2, 16), (16, 64)])
def test_orthogonal(shape: tuple[int, ...]):
    flat = initializers.Orthogonal(gain=2.0)(shape).reshape(-1, shape[-1]).double() / 2
    product = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    assert torch.allclose(product, torch.eye(len(product), dtype=torch.float64), atol=1e-5)


def test_orthogonal_matrices_are_uniform():
    """Without the signs of QR's diagonal, the first entry would lean to one side."""
    first = torch.stack([initializers.Orthogonal(seed=seed)((3, 3))[0, 0] for seed in range(400)])
    assert abs(first.mean().item()) < 5 * math.sqrt(1 / 3 / 400)


@pytest.mark.parametrize("row", STFTS)
def test_stft_is_keras(row: str):
    data = STFTS[row]
    values = initializers.STFT(**data["facts"]["arguments"])((4, 1, 5), dtype="float64")
    assert golden.error(values.numpy(), data["y"][0]) <= golden.LIMITS["float32"]


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", ["bartlett", "blackman", "boxcar", "cosine", "exponential", "hamming", "hann", "nuttall"])
def test_stft_windows_are_scipys(name: str, periodic: bool):
    from scipy.signal import get_window

    ours = initializers.STFT(window=name, periodic=periodic)((16, 1, 9), "float64")
    theirs = initializers.STFT(window=get_window(name, 16, periodic))((16, 1, 9), "float64")
    assert torch.allclose(ours, theirs, atol=1e-12)


# ------------------------------------------------------------------------------------------------ seeds, dtypes, devices

RANDOM = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal", "GlorotUniform", "GlorotNormal"]


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name: str):
    cls = getattr(initializers, name)
    one, other = cls(), cls()
    assert torch.equal(one((4, 5)), one((4, 5)))
    assert not torch.equal(one((4, 5)), other((4, 5)))
    assert not torch.equal(one((4, 5)), one.clone()((4, 5)))
    assert torch.equal(cls(seed=0)((4, 5)), cls(seed=0)((4, 5)))
    assert torch.equal(cls(seed=3)((4, 5)), cls(seed=np.int64(3))((4, 5)))
    assert not torch.equal(cls(seed=3)((4, 5)), cls(seed=4)((4, 5)))
    assert torch.equal(cls(seed=3)((4, 5)), cls(seed=3).clone()((4, 5)))


def test_the_global_generator_settles_unseeded_ones_once():
    torch.manual_seed(0)
    first = initializers.get("glorot_uniform")
    state = torch.get_rng_state()
    values = first((4, 5))
    assert torch.equal(torch.get_rng_state(), state)
    initializers.GlorotUniform(seed=1)((4, 5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(0)
    assert torch.equal(initializers.get("glorot_uniform")((4, 5)), values)


@pytest.mark.parametrize("name", RANDOM)
def test_dtypes(name: str):
    initializer = getattr(initializers, name)(seed=1)
    assert initializer((4, 4), "float64").dtype is torch.float64
    assert torch.equal(initializer((4, 4), torch.bfloat16), initializer((4, 4)).bfloat16())
    with pytest.raises(ArgumentError, match=f"{name}: dtype: random values need a float dtype, got 'int32'"):
        initializer((4, 4), "int32")


@pytest.mark.parametrize("identifier", [*RANDOM, "zeros", "ones", "constant", "identity", "stft", [np.ones((4, 1, 4))]], ids=str)
def test_values_are_made_on_the_default_device(identifier: Any):
    shape = (4, 4) if identifier == "identity" else (4, 1, 4)
    with torch.device("meta"):  # making one must work there too: its seed is drawn
        values = initializers.get(identifier[0] if isinstance(identifier, list) else identifier)(shape)
    assert values.device.type == "meta"
    assert tuple(values.shape) == shape


# -------------------------------------------------------------------------------------------------------- names, configs


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is not None])
def test_names_and_configs_are_keras(name: str):
    made = initializers.get(name)
    config = initializers.serialize(made)
    assert config is not None
    wanted = KNOWN[name]
    if wanted["class_name"] == "Identity":
        wanted = wanted | {"config": {"gain": 1.0}}  # Keras 3.15.1 forgets it
    if isinstance(made, initializers._FixedScaling | initializers.VarianceScaling) or config["config"]:
        assert set(config["config"]) == set(wanted["config"])
    assert config == wanted
    assert repr(initializers.deserialize(config)) == repr(made)
    assert getattr(initializers, name, type(made)) is type(made)
    assert initializers.get(name) is not made


@pytest.mark.parametrize("name", [name for name, kept in KNOWN.items() if kept is None and name not in OURS_TOO])
def test_what_keras_refuses_is_refused(name: str):
    with pytest.raises(ArgumentError, match=f"Could not interpret initializer identifier: '{name}'"):
        initializers.get(name)


@pytest.mark.parametrize("value", [2, 2.5, [1.0, 2.0], (1.0, 2.0), np.arange(2.0), torch.arange(2), np.float32(3)], ids=str)
def test_constants_keep_their_value_in_a_config(value: Any):
    config = initializers.serialize(initializers.Constant(value))
    assert torch.equal(initializers.deserialize(config)((3, 2)), initializers.Constant(value)((3, 2)))


def test_arrays_must_fit_and_become_constants():
    array = np.arange(6.0).reshape(2, 3)
    given = initializers.get(array)
    assert torch.equal(given((2, 3)), torch.tensor(array, dtype=torch.float32))
    config = initializers.serialize(given)
    assert config is not None
    assert config["class_name"] == "Constant"
    assert torch.equal(initializers.deserialize(config)((2, 3)), given((2, 3)))
    with pytest.raises(ShapeError, match=r"An array of shape \(2, 3\) was given as initializer for a weight of shape \(3, 2\)"):
        given((3, 2))


def test_other_identifiers():
    def half(shape: Any, dtype: Any = None) -> torch.Tensor:
        return torch.full(tuple(shape), 0.5)

    assert initializers.get(None) is None
    assert initializers.get(half) is half
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    seeded = initializers.HeNormal(seed=3)
    assert initializers.get(seeded) is seeded
    assert torch.equal(initializers.get({"class_name": "HeNormal", "config": {"seed": 3}})((4, 4)), seeded((4, 4)))
    assert initializers.deserialize(initializers.serialize(half, {"half": half}), {"half": half}) is half


class Ramp(initializers.Initializer):
    def __init__(self, top: float):
        self.top = top


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: initializers.get("glorot_unifrom"), ArgumentError, "identifier: 'glorot_unifrom'(.|\n)*did you mean 'glorot_uniform'"),
        (lambda: initializers.get("GLOROT-UNIFORM"), ArgumentError, "did you mean 'glorot_uniform'"),
        (lambda: initializers.get("foo"), ArgumentError, "identifier: 'foo'(.|\n)*use one of 'zeros', 'ones', "),
        (lambda: initializers.get(3), ArgumentError, "Could not interpret initializer identifier: 3"),
        (lambda: initializers.get({"foo": 1}), ArgumentError, "Could not interpret initializer config: {'foo': 1}"),
        (
            lambda: initializers.get({"class_name": "HeNormal", "config": {"sed": 3}}),
            ArgumentError,
            "HeNormal cannot be made from the config {'sed': 3}(.|\n)*did you mean 'seed'",
        ),
        (
            lambda: initializers.serialize(torch.sin),
            ArgumentError,
            "Cannot serialize the initializer .*sin(.|\n)*fix: pass custom_objects={'sin'",
        ),
        (lambda: initializers.deserialize(initializers.serialize(Ramp(1.0))), ArgumentError, "identifier: 'Ramp'"),
        (lambda: initializers.GlorotUniform(seed=1.5), ArgumentError, "GlorotUniform: seed: wanted an integer or None, got 1.5"),
        (lambda: initializers.VarianceScaling(scale=0), ArgumentError, "VarianceScaling: scale: wanted a number above 0, got 0"),
        (lambda: initializers.VarianceScaling(mode="x"), ArgumentError, "mode: wanted one of 'fan_in', 'fan_out', 'fan_avg', got 'x'"),
        (lambda: initializers.VarianceScaling(distribution="x"), ArgumentError, "VarianceScaling: distribution: wanted one of 'truncated_"),
        (lambda: initializers.RandomNormal(stddev=-1), ArgumentError, "RandomNormal: stddev: wanted a number of 0 or more, got -1"),
        (lambda: initializers.RandomUniform(1, -1), ArgumentError, r"maxval -1 is below minval 1(.|\n)*RandomUniform\(-1, 1\)"),
        (lambda: initializers.STFT("x"), ArgumentError, "STFT: side: wanted one of 'real', 'imag', got 'x'"),
        (lambda: initializers.STFT(window="x"), ArgumentError, "STFT: window: wanted one of 'bartlett', "),
        (lambda: initializers.STFT(scaling="x"), ArgumentError, "STFT: scaling: wanted one of 'density', 'spectrum', got 'x'"),
        (lambda: initializers.STFT(window=[1, 2])((3, 1, 4)), ShapeError, r"wanted 3 values for a frame of 3, got shape \(2,\)"),
        (lambda: initializers.STFT()((3, 4)), ShapeError, r"STFT: wanted a shape \(frame, 1, "),
        (lambda: initializers.Orthogonal()((3,)), ShapeError, r"Orthogonal: wanted a shape of rank 2 or more, got \(3,\)"),
        (lambda: initializers.Identity()((3, 3, 3)), ShapeError, r"Identity: wanted a shape of rank 2, got \(3, 3, 3\)"),
        (lambda: initializers.Constant([1, 2, 3])((3, 2)), ShapeError, r"a value of shape \(3,\) does not broadcast to \(3, 2\)"),
        (lambda: initializers.GlorotUniform()((None, 3)), ShapeError, r"GlorotUniform: the shape \(None, 3\) has an unknown size"),
        (lambda: initializers.Zeros()((2,), "foo"), ArgumentError, "Invalid dtype: 'foo'"),
        (lambda: initializers.Initializer()((2,)), NotImplementedError, "Initializer does not define __call__"),
    ],
)
def test_wrong_use(make: Any, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message) as caught:
        make()
    if kind is not NotImplementedError:
        assert caught.value.place[0] == __file__
