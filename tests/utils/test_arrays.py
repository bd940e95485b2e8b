"""Class vectors, norms and sequences: what the goldens of `parity/test_rooms.py` cannot show, and messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from layergraph.errors import LayergraphError
from layergraph.utils import normalize, pad_sequences, to_categorical


def test_normalize_along_any_axis():
    """Keras's takes axis=0 of an array for its last."""
    x = np.random.default_rng(0).normal(size=(4, 4, 3))
    for axis in (0, 1, 2, -1, -3):
        np.testing.assert_allclose(np.linalg.norm(normalize(x, axis), axis=axis), 1.0)
        torch.testing.assert_close(normalize(torch.from_numpy(x), axis), torch.from_numpy(normalize(x, axis)))


def test_inputs_are_left_alone():
    x, labels = np.ones((2, 2)), np.array([[1], [0]])
    normalize(x)
    to_categorical(labels)
    assert (x == 1).all()
    assert labels.shape == (2, 1)


def test_to_categorical_of_many_axes_and_a_tensor_on_its_device():
    labels = np.arange(6).reshape(2, 3)
    assert (to_categorical(labels).argmax(-1) == labels).all()
    assert to_categorical(torch.from_numpy(labels)).argmax(-1).equal(torch.from_numpy(labels))


def test_padding_is_undone_by_the_lengths():
    rng = np.random.default_rng(1)
    rows = [rng.integers(1, 9, size=rng.integers(0, 7)).tolist() for _ in range(40)]
    for side in ("pre", "post"):
        for row, padded in zip(rows, pad_sequences(rows, padding=side), strict=True):
            assert padded[padded > 0].tolist() == row
            assert (padded[: len(row)] if side == "post" else padded[len(padded) - len(row) :]).tolist() == row


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: to_categorical([0, 5], 3), IndexError, "to_categorical: class 5 is not one of 0 to 2\n(.|\n)*fix: num_classes=6"),
        (lambda: to_categorical([0, -1]), ValueError, "to_categorical: class -1 is not one of 0 to 0"),
        (lambda: to_categorical(torch.tensor([0, 5]), 3), IndexError, "class 5 is not one of 0 to 2"),
        (lambda: to_categorical([]), ValueError, "no classes to count in an empty array(.|\n)*fix: pass num_classes="),
        (lambda: pad_sequences([1, 2]), ValueError, "must be a list of iterables; at position 0 stands 1"),
        (lambda: pad_sequences(iter([])), ValueError, r"must be a list of sequences(.|\n)*fix: list\(sequences\)"),
        (lambda: pad_sequences([[1]], padding="left"), ValueError, 'padding: wanted "pre" or "post", got \'left\''),
        (lambda: pad_sequences([[1]], value="a"), ValueError, "value='a' is no int32(.|\n)*fix: dtype=object for strings"),
        (lambda: pad_sequences([[[1, 2]], [[3]]]), ValueError, r"position 1 has steps of shape \(1,\), others of \(2,\)"),
    ],
)
def test_wrong_use(make: Any, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message) as caught:
        make()
    assert isinstance(caught.value, LayergraphError)
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__
