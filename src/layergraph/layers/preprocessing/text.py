"""Texts: on lists and arrays, since no torch tensor holds a string."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown, suggestion
from layergraph.kinds import is_array, is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked, flag, is_int, only
from layergraph.layers.preprocessing.categories import NO_SPARSE, output_mode
from layergraph.layers.preprocessing.data import batches
from layergraph.layers.preprocessing.lookup import NO_STRINGS, StringLookup, encoding_name, refuse_symbols
from layergraph.layers.preprocessing.vocabulary import MODES, NO_VOCABULARY, entries_of, of_config, token_count, weights_of
from layergraph.layers.preprocessing.words import Words, words
from layergraph.layers.weights import Weight

# ASCII alone, as TensorFlow takes bytes.
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
_PUNCTUATION = str.maketrans("", "", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = ("whitespace", "character")


def _word_or_function(*known: str) -> Callable[[Any, Any], Any]:
    def check(value: Any, owner: Any) -> Any:
        if value is None or callable(value) or value in known:
            return value
        raise Fact(f"must be None, a function or one of {', '.join(map(repr, known))}, got {shown(value)}", suggestion(value, known))

    return check


def _ngrams(value: Any, owner: Any) -> Any:
    whole_numbers = [value] if is_int(value) else list(value) if is_sequence(value) else []
    if value is not None and (not whole_numbers or not all(is_int(item) and item > 0 for item in whole_numbers)):
        raise Fact(f"must be None, a positive int or a tuple of them, got {shown(value)}")
    return tuple(value) if is_sequence(value) else value


def _length(value: Any, owner: Any) -> int | None:
    if value is not None and (not is_int(value) or value < 0):
        raise Fact(f"must be None or an int of at least 0, got {shown(value)}")
    return value


class _Learned(Layer):
    """Where the vocabulary of TextVectorization is: in a StringLookup."""

    _lookup: ClassVar[Any]

    @property
    def vocabulary(self) -> Any:
        """The words as the config has them; None where there are none yet. With IDF weights, the special ones too."""
        return self._lookup.vocabulary

    @property
    def idf_weights(self) -> list[float] | None:
        """One for each place, where output_mode is 'tf_idf'."""
        return self._lookup.idf_weights


class TextVectorization(_Learned):
    """Texts as places of their words in a vocabulary, or as vectors. For data: lists and arrays of strings, before the model.

    'int': (B,) or (B, 1) of strings -> (B, length) of int64, padded with 0; other modes: (B, places)

    Each text is standardized, split, joined to n-grams, and looked up: place 0 is the padding (for 'int' alone), the next one is for
    strangers, '[UNK]', then come the words. The vocabulary is part of the config.

    Differs from Keras: a function for `split` takes an array of strings too, not a TensorFlow tensor.

    Args:
        max_tokens: how many places there may be, the special ones among them.
        standardize: 'lower_and_strip_punctuation', 'lower', 'strip_punctuation' (all of ASCII), None, or a function that takes and
            gives an array of strings of the same shape.
        split: 'whitespace' (of ASCII), 'character', None, or a function that takes an array of strings (B,) and gives for each the list
            of its tokens.
        ngrams: n for all n-grams up to n, or a tuple of which; in the order of the tuple.
        output_mode: 'int', 'one_hot', 'multi_hot', 'count' or 'tf_idf'.
        output_sequence_length: cuts and pads 'int' to a length; None pads to the longest.
        pad_to_max_tokens: vectors of length `max_tokens`, however many words there are.
        vocabulary: the words in their order; or `adapt` finds them.
        idf_weights: for 'tf_idf', a weight for each entry of the vocabulary.
        sparse, ragged: only False.
        encoding: of texts that come as bytes.

    Raises:
        ArgumentError: on a symbolic tensor.

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat sat", "the dog"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
    >>> layer(["The cat!", "a dog sat on the cat"])
    tensor([[2, 5, 0, 0],
            [1, 4, 3, 1]])

    In a data loader:

    >>> from torch.utils.data import DataLoader
    >>> next(iter(DataLoader(["the cat", "sat"], batch_size=2, collate_fn=layer)))
    tensor([[2, 5, 0, 0],
            [3, 0, 0, 0]])
    """

    _name_by_position = True

    max_tokens: int | None = checked(token_count, default=None)
    standardize: Any = checked(_word_or_function(*_STANDARDS), default="lower_and_strip_punctuation")
    split: Any = checked(_word_or_function(*_SPLITS), default="whitespace")
    ngrams: Any = checked(_ngrams, default=None)
    output_mode: str = output_mode(*MODES, default="int")
    output_sequence_length: int | None = checked(_length, default=None)
    pad_to_max_tokens: bool = flag(default=False)
    vocabulary: Any = checked(entries_of, default=None)
    idf_weights: Any = checked(weights_of, default=None)
    sparse: bool = only(default=False, why=NO_SPARSE)
    ragged: bool = only(default=False, why="torch's layers take dense tensors; 0 is the padding, Embedding(mask_zero=True) masks it")
    encoding: str = checked(encoding_name, default="utf-8")

    def check_fields(self) -> None:
        if self.output_mode != "int" and self.output_sequence_length is not None:
            raise Fact(f"has an `output_sequence_length`, which goes with output_mode='int' alone, got {self.output_mode!r}")
        given, weights = self.__dict__["vocabulary"], self.__dict__["idf_weights"]
        try:
            lookup = StringLookup(
                max_tokens=self.max_tokens,
                mask_token="",
                vocabulary=given,
                idf_weights=weights,
                output_mode=self.output_mode,
                pad_to_max_tokens=self.pad_to_max_tokens,
                encoding=self.encoding,
                dtype=self.dtype,
            )
        except ArgumentError as error:
            raise Fact(error.what.removeprefix("StringLookup "), error.fix) from None
        self.__dict__.update(_lookup=lookup, built=True)  # there are no torch modules to build

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return of_config(cls, super().from_config, config, lambda layer: layer._lookup)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        refuse_symbols(self, (inputs,), kwargs, NO_STRINGS)
        try:
            if not self._lookup._size():
                raise Fact(*NO_VOCABULARY)
            return self.call(inputs)
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def call(self, inputs: Any) -> Tensor:
        rows, lead = self._tokens(inputs)
        known = [self._lookup.places(row) for row in rows]
        padding, longest = (0, self.output_sequence_length) if self.output_mode == "int" else (-1, None)
        length = max(map(len, known), default=0) if longest is None else longest
        padded = [[*row[:length], *[padding] * (length - len(row))] for row in known]
        return self._lookup.encoded(torch.tensor(padded, dtype=torch.int64).reshape(*lead, length))

    def _tokens(self, inputs: Any) -> tuple[list[list[str]], tuple[int, ...]]:
        """(the tokens of each text, the shape in which the texts came). Raises `Fact`."""
        texts = self._standard(words(inputs, self.encoding))
        if self.split is None:
            texts = texts.reshape(1) if texts.ndim == 0 else texts
            lead = texts.shape[:-1]
            rows = [row.tolist() for row in texts.reshape(-1, texts.shape[-1])]
        else:
            if texts.ndim > 1:
                if texts.shape[-1] != 1:
                    raise Fact(f"splits one text a row, (batch,) or (batch, 1), got shape {texts.shape}", "split=None for tokens")
                texts = texts[..., 0]
            lead = texts.shape
            rows = self._split(texts.reshape(-1))
        return [self._joined(row) for row in rows], lead

    def _standard(self, texts: Words) -> Words:
        if callable(self.standardize):
            return words(np.asarray(self.standardize(texts.astype(str))), self.encoding)
        own = self.standardize or ""
        table = (_LOWER if "lower" in own else {}) | (_PUNCTUATION if "punctuation" in own else {})
        found = np.empty(texts.shape, dtype=object)
        found[...] = np.array([text.translate(table) for text in texts.reshape(-1)], dtype=object).reshape(texts.shape)
        return found

    def _split(self, texts: Words) -> list[list[str]]:
        split: Any = self.split
        if callable(split):
            found: Any = split(texts.astype(str))
            return [words(list(row), self.encoding).tolist() for row in found]
        if self.split == "character":
            return [list(text) for text in texts]
        return [[token for token in _SPACE.split(text) if token] for text in texts]

    def _joined(self, row: list[str]) -> list[str]:
        if self.ngrams is None:
            return row
        widths = range(1, self.ngrams + 1) if is_int(self.ngrams) else self.ngrams
        return [" ".join(row[at : at + width]) for width in widths for at in range(len(row) - width + 1)]

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take the vocabulary from texts: a list, an array, or an iterable of batches, such as a DataLoader.

        Args:
            data: of a batch (x, y) x is taken.
            batch_size: without effect.
            steps: how many batches of an iterable are looked at; None takes all.

        Raises:
            ArgumentError: for a layer with a given vocabulary, and for data without words.
        """
        try:
            whole = is_sequence(data) or is_array(data)
            found: Iterable[Any] = [data] if whole else batches(data, steps)
            self._lookup.learn_from(row for batch in found for row in self._documents(batch, whole))
        except Fact as fact:
            raise ArgumentError(f"{self.label}: adapt() {fact.what}", fact.fix) from None

    def _documents(self, batch: Any, whole: bool) -> list[list[str]]:
        texts = words(batch, self.encoding)
        if whole and texts.ndim == 1 and self.split is None:
            texts = texts.reshape(-1, 1)  # each is a document
        return self._tokens(texts)[0]

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words at their places; without the special ones, those of the padding and of strangers, the words alone."""
        return self._lookup.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary, in the place of what there may be: see `StringLookup.set_vocabulary`."""
        try:
            self._lookup.replace(vocabulary, idf_weights)
        except Fact as fact:
            raise ArgumentError(f"{self.label} {fact.what}", fact.fix) from None

    def vocabulary_size(self) -> int:
        """How many places there are, the special ones among them."""
        return self._lookup.vocabulary_size()

    def keras_weights(self) -> list[Weight]:
        return []

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(batch, length) for 'int', else (batch, places)."""
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        if self.split is not None:
            input_shape = (*(input_shape[:-1] if len(input_shape) > 1 else input_shape), None)
        return self._lookup.compute_output_shape(input_shape)
