"""Random tensors, by Keras's names: `layergraph.random`.

`seed` says which stream a call draws from:

    None             torch's global generator: `torch.manual_seed` makes it repeatable
    an integer       a generator of its own, made anew at each call: the same values every time
    a SeedGenerator  the next of a row of generators: other values at each call, the same row for the same seed

The streams are torch's: a seed does not give the numbers that it gives in Keras. Values are made on torch's default device.
In code that torch.compile compiles a seed has no effect, as that of a dropout has none: torch's global generator is drawn from.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias, cast

import torch
from torch import Tensor

from .absent import explained
from .dtypes import DTypeLike, is_float_dtype, is_int_dtype, torch_dtype
from .errors import ArgumentError, ShapeError, shown
from .graph.symbolic import SymbolicTensor
from .initializers import fill_truncated_normal

Shape: TypeAlias = Sequence[int]
Seed: TypeAlias = "SupportsIndex | SeedGenerator | None"

_GOLDEN = 0x9E3779B97F4A7C15  # spreads the counter over all bits: the rows of seeds 1 and 2 share nothing


class SeedGenerator:
    """A row of generators: each call that is given it draws from the next one.

    It is plain data, no module: `deepcopy` and `pickle` keep its place in the row, a `state_dict` does not.

    Args:
        seed: an integer; None draws one from torch's global generator.
        name: kept in the config.

    >>> seeds = SeedGenerator(42)
    >>> first, second = normal((3,), seed=seeds), normal((3,), seed=seeds)
    >>> torch.equal(first, second), torch.equal(first, normal((3,), seed=SeedGenerator(42)))
    (False, True)
    """

    def __init__(self, seed: SupportsIndex | None = None, name: str | None = None):
        self._given = seed
        self.name = name or "seed_generator"
        start = int(torch.randint(1, 10**9, (), device="cpu")) if seed is None else _index(seed)
        self.state = torch.tensor([start, 0], dtype=torch.int64, device="cpu")

    def next(self, ordered: bool = True) -> Tensor:
        """The state, `[seed, how many were drawn]`, and one step on; `ordered` is Keras's argument, and changes nothing."""
        before = self.state.clone()
        self.state[1] += 1
        return before

    def get_config(self) -> dict[str, Any]:
        """The arguments; the place in the row is not among them."""
        return {"seed": self._given, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator made from what `get_config` gave, at the beginning of its row."""
        return cls(**config)


def normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """Values of a normal distribution, of `shape`.

    Args:
        shape: a tuple of sizes.
        mean, stddev: of the distribution.
        dtype: a float dtype; None is `floatx()`.
        seed: see the top of this page.

    >>> normal((2, 3), seed=1).shape
    torch.Size([2, 3])
    """
    out = _empty("normal", shape, dtype)
    return out.normal_(mean, stddev, generator=_generator(seed, out.device))


def uniform(shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """Values between `minval`, included, and `maxval`, excluded, all alike; of `shape`, of a float dtype.

    >>> values = uniform((1000,), 2.0, 3.0)
    >>> bool((values >= 2).all() and (values < 3).all())
    True
    """
    out = _empty("uniform", shape, dtype)
    return (maxval - minval) * out.uniform_(generator=_generator(seed, out.device)) + minval


def truncated_normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """Values of a normal distribution without what lies more than two `stddev` from `mean`; of `shape`, of a float dtype.

    >>> bool(truncated_normal((1000,)).abs().max() <= 2)
    True
    """
    out = _empty("truncated_normal", shape, dtype)
    wide = torch.empty_like(out, dtype=torch.promote_types(out.dtype, torch.float32))
    return fill_truncated_normal(wide, mean, stddev, _generator(seed, out.device)).to(out.dtype)


def randint(shape: Shape, minval: int, maxval: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Integers from `minval`, included, to `maxval`, excluded, all alike; of `shape`, of an integer dtype.

    >>> randint((4,), 0, 10).dtype
    torch.int32
    """
    if dtype is not None and not is_int_dtype(dtype):
        raise ArgumentError(f"randint: requires an integer `dtype`. Received: dtype={shown(dtype)}", "dtype='int32'")
    kind = torch_dtype(dtype)
    device = torch.get_default_device()
    return torch.randint(minval, maxval, tuple(shape), dtype=kind, device=device, generator=_generator(seed, device))


def categorical(logits: Any, num_samples: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Classes drawn by their logits: (B, classes) -> (B, num_samples).

    Args:
        logits: unnormalized log-probabilities, a row for each distribution.
        num_samples: how many classes to draw from each row, with replacement.

    >>> categorical([[0.0, -1e9], [-1e9, 0.0]], 3).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """
    rows = torch.as_tensor(logits)
    if rows.ndim != 2:
        raise ShapeError(f"categorical: `logits` should be of shape (batch, classes), got {tuple(rows.shape)}", "logits[None] for one row")
    weights = rows.to(torch.promote_types(rows.dtype, torch.float32)).softmax(-1)
    return torch.multinomial(weights, num_samples, True, generator=_generator(seed, rows.device)).to(torch_dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None) -> Any:
    """`inputs` with each element zeroed with probability `rate`, the others scaled by 1 / (1 - rate): in every mode, always.

    Args:
        inputs: a tensor, or a symbol: then it is `torch.dropout` in the graph, and takes no seed.
        rate: the probability, from 0 to 1.
        noise_shape: the shape of the mask, None for a size of `inputs`; it broadcasts.

    >>> dropout(torch.ones(2, 2), 1.0).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    if not 0 <= rate <= 1:
        raise ArgumentError(f"dropout: rate: wanted a number from 0 to 1, got {shown(rate)}")
    if isinstance(inputs, SymbolicTensor):
        if seed is not None or noise_shape is not None:
            raise ArgumentError("dropout: a graph holds no seed and no noise_shape of it", "the layer Dropout(rate, noise_shape)")
        return torch.dropout(cast(Tensor, inputs), rate, True)
    x = torch.as_tensor(inputs)
    if rate == 0:
        return x
    sizes = x.shape if noise_shape is None else [size if given is None else given for given, size in zip(noise_shape, x.shape, strict=True)]
    kept = torch.rand(tuple(sizes), device=x.device, generator=_generator(seed, x.device)) >= rate
    return torch.where(kept, x / (1 - rate) if rate < 1 else x, torch.zeros((), dtype=x.dtype, device=x.device))


def gamma(shape: Shape, alpha: Any, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """Values of gamma distributions of shape parameter `alpha` and scale 1; `alpha`, a number or an array, broadcasts to `shape`.

    >>> gamma((2, 3), [1.0, 2.0, 3.0]).shape
    torch.Size([2, 3])
    """
    out = _empty("gamma", shape, dtype)
    values = _spread(alpha, out)
    # torch.distributions.Gamma, which calls this, takes no generator
    return torch.ops.aten._standard_gamma(values, _generator(seed, out.device)).to(out.dtype)


def beta(shape: Shape, alpha: Any, beta: Any, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """Values of beta distributions; `alpha` and `beta`, numbers or arrays, broadcast to `shape`.

    >>> values = beta((1000,), 2.0, 3.0)
    >>> bool((values >= 0).all() and (values <= 1).all())
    True
    """
    out = _empty("beta", shape, dtype)
    if out.is_meta:  # for which torch has no Dirichlet distribution
        return out
    both = torch.stack([_spread(alpha, out), _spread(beta, out)], -1)
    # torch.distributions.Beta, which calls this, takes no generator
    values = torch.ops.aten._sample_dirichlet(both, _generator(seed, out.device))
    return values[..., 0].to(out.dtype)


def binomial(shape: Shape, counts: Any, probabilities: Any, dtype: DTypeLike = None, seed: Seed = None) -> Tensor:
    """How many of `counts` trials succeed, each with the probability given; both broadcast to `shape`. dtype: any, `floatx()` at first.

    >>> binomial((2,), 5, [0.0, 1.0]).tolist()
    [0.0, 5.0]
    """
    out = torch.empty(tuple(shape), dtype=torch_dtype(dtype))
    values = torch.binomial(_spread(counts, out), _spread(probabilities, out), generator=_generator(seed, out.device))
    return values.to(out.dtype)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """The slices of `x` along `axis` in a random order: one order for all of them, as in Keras on TensorFlow and JAX.

    Keras on torch draws an order for each row where `axis` is above 0.

    >>> sorted(shuffle(torch.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """
    values = torch.as_tensor(x)
    if not -values.ndim <= axis < values.ndim:
        raise ShapeError(f"shuffle: axis={axis} of a tensor of shape {tuple(values.shape)}")
    order = torch.randperm(values.shape[axis], device=values.device, generator=_generator(seed, values.device))
    return values.index_select(axis, order)


def _empty(who: str, shape: Shape, dtype: DTypeLike) -> Tensor:
    if dtype is not None and not is_float_dtype(dtype):
        raise ArgumentError(f"{who}: requires a floating point `dtype`. Received: dtype={shown(dtype)}", "dtype='float32'")
    return torch.empty(tuple(shape), dtype=torch_dtype(dtype))


def _spread(value: Any, out: Tensor) -> Tensor:
    """A parameter as a tensor of `out`'s shape, in at least 32 bits."""
    kind = torch.promote_types(out.dtype if out.is_floating_point() else torch.float32, torch.float32)
    return torch.as_tensor(value, dtype=kind, device=out.device).expand(out.shape).contiguous()


def _generator(seed: Seed, device: torch.device) -> torch.Generator | None:
    if seed is None or device.type == "meta" or torch.compiler.is_compiling():  # a compiled graph has one stream, torch's own
        return None
    start, drawn = map(int, seed.next()) if isinstance(seed, SeedGenerator) else (_index(seed), 0)
    return torch.Generator(device).manual_seed((start + drawn * _GOLDEN) % 2**63)


def _index(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise ArgumentError(
            f"Argument `seed` must be either an integer or an instance of `SeedGenerator`. Received: seed={shown(seed)}"
        ) from None


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
