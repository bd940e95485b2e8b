"""Vocabularies: what is learned of words and whole numbers, and their places."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_array, is_sequence
from layergraph.layers.fields import is_int
from layergraph.layers.preprocessing.data import DataLayer, batches, encoded_shape, plain
from layergraph.layers.preprocessing.fingerprint import fingerprint64, siphash64
from layergraph.layers.weights import Weight
from layergraph.nn.encoding import encode

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
NO_SYMBOL = "call it on the data, before the model: in a Dataset, in the collate_fn of its DataLoader, or on the whole array"


def entries_of(value: Any, owner: Any) -> Any:
    found = plain(value)
    if found is None or isinstance(found, str) or hasattr(found, "__fspath__"):
        return found
    if not is_sequence(found):
        raise Fact(f"must be a list or an array, or the path of a file with one entry a line, got {shown(value)}")
    return list(found)


def weights_of(value: Any, owner: Any) -> list[float] | None:
    value = plain(value)
    if value is not None and (not is_sequence(value) or not all(isinstance(item, (int, float)) for item in value)):
        raise Fact(f"must be a list of numbers, one for each entry of the vocabulary, got {shown(value)}")
    return None if value is None else [float(item) for item in value]


def salt(value: Any, owner: Any) -> list[int] | None:
    """The key of a hash: two ints, or one for both."""
    if value is None:
        return None
    found = [value, value] if is_int(value) else list(value) if is_sequence(value) else []
    if len(found) != 2 or not all(map(is_int, found)):
        raise Fact(f"must be an int or two ints, got {shown(value)}")
    return [int(item) for item in found]


def bucket(data: bytes, count: int, key: Sequence[int] | None) -> int:
    """Which of `count` places a word has by its hash, as in TensorFlow: Fingerprint64, or SipHash under a key."""
    return (fingerprint64(data) if key is None else siphash64(data, (key[0], key[1]))) % count


def token_count(value: Any, owner: Any) -> int | None:
    if value is not None and (not is_int(value) or value < 2):
        raise Fact(f"must be None or an int above 1, got {shown(value)}")
    return value if value is None else int(value)


class Vocabulary(DataLayer):
    """What StringLookup and IntegerLookup share: all but what a word is.

    The places of a vocabulary are those of Keras: the mask's first (for output_mode 'int' alone), then those for strangers, then
    the words. What `adapt` learns is sorted by how often it came, and among equals from the highest word down.
    """

    # Whether the vocabulary was given, and not learned.
    _given = False

    # To write in a subclass

    def _array(self, data: Any) -> np.ndarray[Any, Any]:
        """The words of data, in an array. Raises `Fact`."""
        raise NotImplementedError

    def _read(self, values: Sequence[Any]) -> list[Any]:
        """The entries of a vocabulary as words. Raises `Fact`."""
        raise NotImplementedError

    def _size(self) -> int:
        """How many words there are."""
        raise NotImplementedError

    def _learned(self) -> tuple[list[Any], list[float] | None]:
        """The words, without the special ones, and the weight of each place."""
        raise NotImplementedError

    def _learn(self, words: list[Any], weights: list[float] | None) -> None:
        """Take these for what `_learned` gives."""
        raise NotImplementedError

    # Making

    def check_fields(self) -> None:
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise Fact("pads to `max_tokens`, which is None", "give max_tokens")
        if self.invert and self.output_mode != "int":
            raise Fact(f"has invert=True, which goes with output_mode='int' alone, got {self.output_mode!r}")
        given, weights = self.__dict__["vocabulary"], self.__dict__["idf_weights"]
        if weights is not None and self.output_mode != "tf_idf":
            raise Fact(f"has `idf_weights`, which go with output_mode='tf_idf' alone, got {self.output_mode!r}")
        if given is None:
            return
        self.__dict__["_given"] = True
        self._set(given, weights)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return of_config(cls, super().from_config, config, lambda layer: layer)

    # Places

    @property
    def _mask_places(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _start(self) -> int:
        """The place of the first word."""
        return self._mask_places + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._mask_places + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The words at their places; without the special ones, those of the mask and of strangers, the words alone."""
        known = self._learned()[0]
        return [*self._special, *known] if include_special_tokens else known

    def vocabulary_size(self) -> int:
        """How many places there are, the special ones among them."""
        return self._start + self._size()

    @property
    def vocabulary(self) -> Any:
        """The words as the config has them; None where there are none yet. With IDF weights, the special ones too."""
        known, weights = self._learned()
        return (self.get_vocabulary() if weights is not None else known) if known else None

    @property
    def idf_weights(self) -> list[float] | None:
        """One for each place, where output_mode is 'tf_idf'."""
        weights = self._learned()[1]
        return None if weights is None else weights[: self.vocabulary_size()]

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary, in the place of what there may be.

        Args:
            vocabulary: a list or an array, with or without the special words in front; or the path of a UTF-8 file, one word a line.
            idf_weights: for output_mode 'tf_idf', a weight for each entry. Strangers take the mean where the special words are left out.

        Raises:
            ArgumentError: for an empty vocabulary, words that come twice, special words in the middle, more than `max_tokens`, and
                weights of another number; and where the size of an output would change.
        """
        try:
            self.replace(vocabulary, idf_weights)
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def replace(self, vocabulary: Any, weights: Any) -> None:
        """`set_vocabulary` for who has another name to tell. Raises `Fact`."""
        self._set(entries_of(vocabulary, self), weights_of(weights, self))

    def _set(self, vocabulary: Any, weights: list[float] | None) -> None:
        if self.output_mode == "tf_idf" and weights is None:
            raise Fact("needs `idf_weights` with its vocabulary, since output_mode is 'tf_idf'")
        if self.output_mode != "tf_idf" and weights is not None:
            raise Fact(f"has `idf_weights`, which go with output_mode='tf_idf' alone, got {self.output_mode!r}")
        entries = list(vocabulary) if is_sequence(vocabulary) else self._from_file(vocabulary)
        if not entries:
            raise Fact("has an empty vocabulary")
        whole = is_sequence(vocabulary) and entries[: self._start] == self._special  # a file has words alone
        found = self._read(entries[self._start :] if whole else entries)
        self._check(found)
        if weights is not None:
            if len(weights) != len(entries):
                raise Fact(f"has {len(weights)} `idf_weights` for the {len(entries)} entries of its vocabulary")
            weights = weights if whole else [sum(weights) / len(weights)] * self._start + weights
        self._keep(found, weights)

    def _from_file(self, path: Any) -> list[Any]:
        if not os.path.isfile(path):
            raise Fact(f"finds no vocabulary file {shown(str(path))}")
        if self.output_mode == "tf_idf":
            raise Fact("takes no vocabulary from a file with output_mode='tf_idf'", "read it, and give the weights too")
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def _check(self, found: list[Any]) -> None:
        twice = [word for word, count in collections.Counter(found).items() if count > 1]
        if twice:
            raise Fact(f"has words that come twice in its vocabulary: {shown(twice)}", "list(dict.fromkeys(vocabulary))")
        wrong = [self.mask_token] if self.mask_token is not None and self.mask_token in found else []
        wrong += [self.oov_token] if self.invert and self.oov_token is not None and self.oov_token in found else []
        if wrong:
            front = shown(self._special)
            raise Fact(
                f"has the special word {shown(wrong[0])} at another place of its vocabulary than in front",
                f"leave the special words out, or begin with {front}" if self._special else "leave it out",
            )
        if self.max_tokens is not None and self._start + len(found) > self.max_tokens:
            raise Fact(f"has a vocabulary of {self._start + len(found)} places, more than max_tokens={self.max_tokens}")

    def _keep(self, found: list[Any], weights: list[float] | None) -> None:
        before, size = self._size(), self._start + len(found)
        if self.output_mode != "int" and not self.pad_to_max_tokens and before and before != len(found):
            raise Fact(
                f"gives vectors of length {self.vocabulary_size()}, and would give ones of {size}",
                "make a new layer, or use max_tokens=... with pad_to_max_tokens=True",
            )
        if weights is not None and self.pad_to_max_tokens and self.max_tokens is not None:
            weights = weights + [0.0] * (self.max_tokens - len(weights))
        self._learn(found, weights)

    @property
    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens is not None else self.vocabulary_size()

    # Learning

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the vocabulary from data: a list, an array, a tensor, or an iterable of batches, such as a DataLoader.

        For output_mode 'tf_idf', each row is a document, and a word's weight log(1 + documents / (1 + documents with the word)).
        Of an iterable, a batch of one axis is one document, as in Keras.

        Args:
            data: of a batch (x, y) x is taken.
            steps: how many batches of an iterable are looked at; None takes all.

        Raises:
            ArgumentError: for a layer with a given vocabulary, for data without words, and for words of another kind.
        """
        self._adapting(self._adapt, data, steps)

    def _adapt(self, data: Any, steps: int | None) -> None:
        if is_sequence(data) or is_array(data) or isinstance(data, Tensor):
            array = self._array(data)
            self.learn_from(_documents(array if array.ndim > 1 else array.reshape(-1, 1)))
        else:
            self.learn_from(document for batch in batches(data, steps) for document in _documents(self._array(batch)))

    def learn_from(self, documents: Iterable[Sequence[Any]]) -> None:
        """Take the vocabulary from the words of documents. Raises `Fact`."""
        if self._given:
            raise Fact("would replace the vocabulary that was given", "leave `vocabulary` out, or call set_vocabulary(...)")
        counts: collections.Counter[Any] = collections.Counter()
        having: collections.Counter[Any] = collections.Counter()
        number = 0
        for document in documents:
            counts.update(document)
            having.update(set(document))
            number += 1
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        if not counts:
            raise Fact("got no words")
        found = sorted(counts, key=lambda word: (counts[word], _order(word)), reverse=True)
        if self.max_tokens is not None:
            if self.max_tokens <= self._start:
                raise Fact(f"has no place for a word: max_tokens={self.max_tokens}, of which {self._start} are special", "raise max_tokens")
            found = found[: self.max_tokens - self._start]
        weights = None
        if self.output_mode == "tf_idf":
            seen = np.array([having[word] for word in found], dtype=np.float64)
            own = np.log1p(number / (1 + seen)).tolist()
            weights = [sum(own) / len(own)] * self._start + own
        self._keep(found, weights)

    # Calling

    def _encoded(self, places: Tensor, weights: Any) -> Tensor:
        """Places in the output mode."""
        if self.output_mode == "int":
            return places
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        vectors = encode(places, self._depth, mode, self._torch_dtype)
        return vectors if weights is None else vectors * weights

    def keras_weights(self) -> list[Weight]:
        return []

    def _casts(self, dtype: torch.dtype) -> bool:
        return False  # what comes in are words; the layer's dtype is that of vectors

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not self._size():
            raise Fact(*NO_VOCABULARY)
        return encoded_shape(tuple(input_shape), self._depth, self.output_mode)

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        return torch.int64 if self.output_mode == "int" else self._torch_dtype


NO_VOCABULARY = "has no vocabulary yet", "call adapt(data) or set_vocabulary([...]) first, or give vocabulary=[...]"
# In Keras's configs, where a vocabulary is a file beside it.
_HIDDEN = ("vocabulary_size", "has_input_vocabulary")


def of_config(cls: Any, make: Callable[[Any], Any], config: Mapping[str, Any], lookup: Callable[[Any], Vocabulary]) -> Any:
    """A layer with a vocabulary, of its config: one that `adapt` may still replace. No file is read."""
    if isinstance(config.get("vocabulary"), str):
        raise ArgumentError(
            f"{cls.__name__}: its config names the file {shown(config['vocabulary'])}, and none is read on a config's word",
            "call layer.set_vocabulary(path) yourself",
        )
    layer = make({name: value for name, value in config.items() if name not in _HIDDEN})
    lookup(layer).__dict__["_given"] = False
    return layer


def _documents(array: np.ndarray[Any, Any]) -> list[list[Any]]:
    """The words of each row; an array of one axis is one row."""
    return [row.reshape(-1).tolist() for row in (array if array.ndim > 1 else array.reshape(1, -1))]


def _order(word: Any) -> Any:
    return word.encode() if isinstance(word, str) else word
