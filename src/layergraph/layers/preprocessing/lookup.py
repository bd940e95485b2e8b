"""The places of words and whole numbers in a vocabulary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import TensorSpec
from layergraph.graph.symbolic import has_symbol
from layergraph.kinds import is_sequence
from layergraph.layers.fields import checked, choice, flag, is_int, only, whole
from layergraph.layers.preprocessing.categories import NO_SPARSE, output_mode
from layergraph.layers.preprocessing.data import numbers, plain
from layergraph.layers.preprocessing.vocabulary import (
    MODES,
    NO_SYMBOL,
    NO_VOCABULARY,
    Vocabulary,
    bucket,
    entries_of,
    salt,
    token_count,
    weights_of,
)
from layergraph.layers.preprocessing.words import Words, words
from layergraph.nn.tables import IntegerList, IntegerTable


def _optional_int(value: Any, owner: Any) -> int | None:
    value = plain(value)
    if value is not None and not is_int(value):
        raise Fact(f"must be an int or None, got {shown(value)}")
    return value if value is None else int(value)


class IntegerLookup(Vocabulary):
    """The places of whole numbers in a vocabulary, found in the graph; or with `invert` the numbers at places.

    'int': (...) -> (...) of int64; 'one_hot': (...) -> (..., places), a last axis of 1 being left out; 'multi_hot', 'count' and
    'tf_idf': (..., n) -> (..., places), the last axis being one sample

    The places are, in this order: 0 for the mask (for 'int' alone), `num_oov_indices` for strangers, and the words'. The vocabulary
    is part of the config and of the state dict.

    Args:
        max_tokens: how many places there may be, the special ones among them.
        num_oov_indices: how many places there are for numbers that are not in the vocabulary; with 0, they raise.
        mask_token: a number that is no word: at 0 for 'int', left out of vectors.
        oov_token: what strangers become with `invert`.
        vocabulary: the words in their order; or `adapt` finds them.
        vocabulary_dtype: only 'int64'.
        idf_weights: for 'tf_idf', a weight for each entry of the vocabulary.
        invert: places to numbers.
        output_mode: 'int', 'one_hot', 'multi_hot', 'count' or 'tf_idf'.
        sparse: only False.
        pad_to_max_tokens: vectors of length `max_tokens`, however many words there are.
        oov_method: how strangers spread over several places: 'floormod', or 'farmhash', a hash of the decimal digits, which works
            on data alone, not in a graph.
        salt: a key for the hash: an int or two.

    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer([[12, 1138, 42], [42, 1000, 36]])
    tensor([[1, 3, 4],
            [4, 0, 2]])
    """

    _name_by_position = True

    max_tokens: int | None = checked(token_count, default=None)
    num_oov_indices: int = whole(default=1, minimum=0)
    mask_token: int | None = checked(_optional_int, default=None)
    oov_token: int | None = checked(_optional_int, default=-1)
    vocabulary: Any = checked(entries_of, default=None)
    vocabulary_dtype: str = only(default="int64", why="torch's indices are int64")
    idf_weights: Any = checked(weights_of, default=None)
    invert: bool = flag(default=False)
    output_mode: str = output_mode(*MODES, default="int")
    sparse: bool = only(default=False, why=NO_SPARSE)
    pad_to_max_tokens: bool = flag(default=False)
    oov_method: str = choice("floormod", "farmhash", default="floormod")
    salt: Any = checked(salt, default=None)

    def check_fields(self) -> None:
        if self.salt is not None and self.oov_method != "farmhash":
            raise Fact(f"has a `salt`, which goes with oov_method='farmhash', got {self.oov_method!r}")
        if self.invert and self.oov_token is None:
            raise Fact("has invert=True and no `oov_token`, which is what strangers become")
        super().check_fields()

    @property
    def _hashes(self) -> bool:
        return self.oov_method == "farmhash" and self.num_oov_indices > 1 and not self.invert

    def build(self, input_shape: Any) -> None:
        masked = self.mask_token
        if self.invert:
            self.table = IntegerList(self._start, -1 if self.oov_token is None else self.oov_token, masked)
            return
        first, strangers = (_STRANGER, 1) if self._hashes else (self._mask_places, self.num_oov_indices)
        place = None if masked is None else (masked, 0 if self.output_mode == "int" else -1)
        self.table = IntegerTable(self._start, first, strangers, place, self.output_mode == "tf_idf")

    def call(self, x: Tensor) -> Tensor:
        places = self.table(x)
        if self.invert:
            return places
        if self._hashes:
            places = self._hashed(x, places)
        return self._encoded(places, self.table.weights if self.output_mode == "tf_idf" else None)

    def _hashed(self, x: Tensor, places: Tensor) -> Tensor:
        """The places of strangers by the hash of their digits."""
        there = places == _STRANGER
        found = [bucket(b"%d" % value, self.num_oov_indices, self.salt) for value in plain(x[there])]
        places[there] = torch.tensor(found, dtype=places.dtype, device=places.device) + self._mask_places
        return places

    def compute_output_spec(self, x: TensorSpec) -> TensorSpec:
        if self._hashes:
            raise Fact("spreads strangers by a hash, for which torch has no function", f"oov_method='floormod'; or {NO_SYMBOL}")
        return super().compute_output_spec(x)

    def _array(self, data: Any) -> np.ndarray[Any, Any]:
        array = numbers(data).detach().cpu().numpy()
        if array.dtype.kind == "f":
            if not (array == np.trunc(array)).all():
                raise Fact(f"takes whole numbers, got {shown(data)}", "use Discretization for other numbers")
            array = array.astype(np.int64)
        return array

    def _read(self, values: Sequence[Any]) -> list[int]:
        return [_whole(value) for value in values]

    def _size(self) -> int:
        return self.table.size if self.built else 0

    def _learned(self) -> tuple[list[int], list[float] | None]:
        if not self.built:
            return [], None
        table: Any = self.table
        return table.vocabulary(), plain(table.weights) if self.output_mode == "tf_idf" else None

    def _learn(self, words: list[int], weights: list[float] | None) -> None:
        if not self.built:
            self.build(())
        self.table.learn(words)
        if weights is not None:
            self.table.put("weights", torch.tensor(weights, dtype=self._torch_dtype, device="cpu"))


# The place of a stranger until its hash is known.
_STRANGER = -2


def _whole(value: Any) -> int:
    """A whole number, or a line of a file with one."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        return int(value)
    if not is_int(value):
        raise Fact(f"takes whole numbers for its vocabulary, got {type(value).__name__} {shown(value)}")
    return int(value)


NO_STRINGS = "takes strings, which no torch tensor holds, and so no symbolic tensor"


def refuse_symbols(layer: Any, args: Any, kwargs: Any, why: str) -> None:
    """Raise ArgumentError where a layer for data is called on a symbol."""
    if has_symbol(args, kwargs):
        raise ArgumentError(f"{layer.label} {why}", NO_SYMBOL)


def _optional_str(value: Any, owner: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Fact(f"must be a str or None, got {shown(value)}")
    return value


def encoding_name(value: Any, owner: Any) -> str:
    try:
        "".encode(value)
    except (LookupError, TypeError):
        raise Fact(f"must be the name of an encoding, such as 'utf-8', got {shown(value)}") from None
    return value


class _StringFields(Vocabulary):
    """The fields of StringLookup, in Keras's order but for `name`."""

    max_tokens: int | None = checked(token_count, default=None)
    num_oov_indices: int = whole(default=1, minimum=0)
    mask_token: str | None = checked(_optional_str, default=None)
    oov_token: str | None = checked(_optional_str, default="[UNK]")
    vocabulary: Any = checked(entries_of, default=None)
    idf_weights: Any = checked(weights_of, default=None)
    invert: bool = flag(default=False)
    output_mode: str = output_mode(*MODES, default="int")
    pad_to_max_tokens: bool = flag(default=False)
    sparse: bool = only(default=False, why=NO_SPARSE)
    encoding: str = checked(encoding_name, default="utf-8")
    salt: Any = checked(salt, default=None)


class StringLookup(_StringFields):
    """The places of words in a vocabulary; or with `invert` the words at places. For data: lists and arrays, before the model.

    'int': (...) of strings -> (...) of int64; 'one_hot': (...) -> (..., places), a last axis of 1 being left out; 'multi_hot', 'count'
    and 'tf_idf': (..., n) -> (..., places), the last axis being one sample. With `invert`, (...) of integers -> lists of strings

    The places are, in this order: 0 for the mask (for 'int' alone), `num_oov_indices` for strangers, and the words'. The vocabulary
    is part of the config. The arguments are `IntegerLookup`'s, but for these.

    Args:
        mask_token, oov_token: words.
        encoding: of words that come as bytes.
        salt: a key for the hash that spreads strangers over several places: an int or two. The hash is TensorFlow's, FarmHash, or
            SipHash under a key.

    Raises:
        ArgumentError: on a symbolic tensor.

    >>> layer = StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c", "d"]])
    tensor([[1, 3, 0]])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            encoding,
            salt,
            name=name,
            **kwargs,
        )

    def check_fields(self) -> None:
        self.__dict__.update(_words=[], _table={}, _idf=None, built=True)  # there are no torch modules to build
        super().check_fields()

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        refuse_symbols(self, (inputs,), kwargs, "maps places to strings, which no torch tensor holds" if self.invert else NO_STRINGS)
        try:
            if not self._size():
                raise Fact(*NO_VOCABULARY)
            return self.call(inputs)
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def call(self, inputs: Any) -> Any:
        if self.invert:
            return self._inverted(numbers(inputs).tolist())
        found = words(inputs, self.encoding)
        return self.encoded(torch.tensor(self.places(found.reshape(-1).tolist()), dtype=torch.int64).reshape(found.shape))

    def places(self, found: Sequence[str]) -> list[int]:
        """The place of each word; -1 is none. Raises `Fact` for a stranger where there is no place for one."""
        known, first, count = self._table, self._mask_places, self.num_oov_indices
        if count == 1:
            return [known.get(word, first) for word in found]
        strangers = {word for word in found if word not in known}
        if strangers and count == 0:
            stranger = next(word for word in found if word in strangers)
            raise Fact(f"has no place for {shown(stranger)}, which is not in its vocabulary", "num_oov_indices=1")
        hashed = {word: first + bucket(word.encode(), count, self.salt) for word in strangers}
        return [hashed[word] if word in hashed else known[word] for word in found]

    def encoded(self, places: Tensor) -> Tensor:
        """Places in the output mode; -1 is none."""
        return self._encoded(places, None if self._idf is None else torch.tensor(self._idf, dtype=self._torch_dtype))

    def _inverted(self, places: Any) -> Any:
        if is_sequence(places):
            return [self._inverted(place) for place in places]
        if places == 0 and self.mask_token is not None:
            return self.mask_token
        at = int(places) - self._start
        return self._words[at] if 0 <= at < self._size() else self.oov_token

    def _array(self, data: Any) -> Words:
        return words(data, self.encoding)

    def _read(self, values: Sequence[Any]) -> list[str]:
        return words(list(values), self.encoding).tolist() if values else []

    def _size(self) -> int:
        return len(self._words)

    def _learned(self) -> tuple[list[str], list[float] | None]:
        return list(self._words), self._idf

    def _learn(self, words: list[str], weights: list[float] | None) -> None:
        table = {word: self._start + at for at, word in enumerate(words)}
        if self.mask_token is not None:
            table[self.mask_token] = 0 if self.output_mode == "int" else -1
        self.__dict__.update(_words=words, _table=table, _idf=weights)
