"""Modules that hold what was learned of data: statistics, boundaries, vocabularies. Their buffers may change size with what they learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from layergraph.nn.indices import whole_indices


class Resized(nn.Module):
    """A module whose buffers take the sizes of those in a state dict."""

    def _load_from_state_dict(
        self, state_dict: Any, prefix: Any, local_metadata: Any, strict: Any, missing_keys: Any, unexpected_keys: Any, error_msgs: Any
    ) -> None:
        for name, own in self._buffers.items():
            given = state_dict.get(prefix + name)
            if own is not None and isinstance(given, Tensor) and given.shape != own.shape:
                self._buffers[name] = own.new_empty(given.shape)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def put(self, name: str, values: Tensor) -> None:
        """Give a buffer other values, of whatever size, where it is and in its dtype."""
        own = self._buffers[name]
        assert own is not None
        self._buffers[name] = values.to(own.device, own.dtype)


class Rescale(nn.Module):
    """`x * scale + offset`, with values that broadcast. They are arguments, not state."""

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: Tensor, offset: Tensor):
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Normalize(nn.Module):
    """`(x - mean) / max(sqrt(variance), epsilon)`, or its inverse.

    (...) -> (...), the statistics seen in the shape `along`, which broadcasts against `x`. Statistics that are given are arguments,
    and stay out of the state dict; else they start at 0 and 1.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        along: Sequence[int],
        epsilon: float,
        invert: bool = False,
        given: tuple[Tensor, Tensor] | None = None,
    ):
        super().__init__()
        self.along, self.epsilon, self.invert = list(along), epsilon, invert
        mean, variance = given or (torch.zeros(list(sizes)), torch.ones(list(sizes)))
        self.register_buffer("mean", mean, persistent=given is None)
        self.register_buffer("variance", variance, persistent=given is None)
        if given is None:  # Keras's, which it keeps for old files
            self.register_buffer("count", torch.zeros((), dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean.reshape(self.along)
        deviation = torch.clamp(torch.sqrt(self.variance), min=self.epsilon).reshape(self.along)
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def extra_repr(self) -> str:
        return f"{tuple(self.mean.shape)}" + (", invert=True" if self.invert else "")


class Buckets(Resized):
    """The number of the interval that a value lies in: 0 below the first of the boundaries, each of which belongs to what is above it.

    (...) -> (...) of int32
    """

    boundaries: Tensor

    def __init__(self, boundaries: Tensor):
        super().__init__()
        self.register_buffer("boundaries", boundaries)

    @property
    def bins(self) -> int:
        return self.boundaries.shape[0] + 1

    def forward(self, x: Tensor) -> Tensor:
        return torch.bucketize(x.to(self.boundaries.dtype).contiguous(), self.boundaries, out_int32=True, right=True)


class IntegerTable(Resized):
    """The place of an integer in a vocabulary, found by bisection.

    (...) of integers -> (...) of int64

    Args:
        start: the place of the first word; those below are for what is in no vocabulary.
        strangers: how many places there are for integers that are not in the vocabulary: n % strangers, from `first` on. With 0,
            they raise ValueError (under torch.compile they are -1).
        masked: an integer with a place of its own, and that place.
        weighted: whether there is a weight for each place.
    """

    words: Tensor
    places: Tensor
    weights: Tensor

    def __init__(self, start: int, first: int, strangers: int, masked: tuple[int, int] | None, weighted: bool):
        super().__init__()
        self.start, self.first, self.strangers, self.masked = start, first, strangers, masked
        self.register_buffer("words", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("places", torch.zeros(0, dtype=torch.int64))
        if weighted:
            self.register_buffer("weights", torch.zeros(0))

    @property
    def size(self) -> int:
        return self.words.shape[0]

    def learn(self, words: Sequence[int]) -> None:
        ordered, order = torch.sort(torch.tensor(list(words), dtype=torch.int64, device="cpu"))
        self.put("words", ordered)
        self.put("places", order + self.start)

    def vocabulary(self) -> list[int]:
        """The words in their order."""
        return cast("Any", self.words[torch.argsort(self.places)]).tolist()

    def forward(self, x: Tensor) -> Tensor:
        x = whole_indices(x).contiguous()
        at = torch.searchsorted(self.words, x).clamp(max=self.words.shape[0] - 1)
        known = self.words[at] == x
        if self.masked is not None:
            known = known | (x == self.masked[0])
        strangers = torch.full_like(x, -1) if self.strangers == 0 else torch.remainder(x, self.strangers) + self.first
        if self.strangers == 0 and not torch.compiler.is_compiling() and not x.is_meta and not bool(known.all()):
            raise ValueError(f"{int(x[~known][0])} is not in the vocabulary, and num_oov_indices is 0: there is no place for it")
        found = torch.where(known, self.places[at], strangers)
        return found if self.masked is None else torch.where(x == self.masked[0], self.masked[1], found)


class IntegerList(Resized):
    """The integer at a place of a vocabulary, or `stranger` where there is none.

    (...) of places -> (...) of int64
    """

    words: Tensor

    def __init__(self, start: int, stranger: int, masked: int | None):
        super().__init__()
        self.start, self.stranger, self.masked = start, stranger, masked
        self.register_buffer("words", torch.zeros(0, dtype=torch.int64))

    @property
    def size(self) -> int:
        return self.words.shape[0]

    def learn(self, words: Sequence[int]) -> None:
        self.put("words", torch.tensor(list(words), dtype=torch.int64, device="cpu"))

    def vocabulary(self) -> list[int]:
        """The words in their order."""
        return cast("Any", self.words).tolist()

    def forward(self, x: Tensor) -> Tensor:
        place = whole_indices(x)
        at = place - self.start
        found = self.words[at.clamp(0, self.words.shape[0] - 1)]
        found = torch.where((at >= 0) & (at < self.words.shape[0]), found, self.stranger)
        return found if self.masked is None else torch.where(place == 0, self.masked, found)
