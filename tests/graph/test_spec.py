"""Shapes before there are tensors: broadcasting with unknown sizes, and agreement."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layergraph.errors import Fact
from layergraph.graph.spec import TensorSpec, agree, broadcast

N = None


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        ([(2, 3)], (2, 3)),
        ([(2, 3), (2, 3)], (2, 3)),
        ([(2, 1), (1, 3)], (2, 3)),
        ([(3,), (2, 3)], (2, 3)),
        ([(), (2, 3)], (2, 3)),
        ([(), ()], ()),
        ([(N, 3), (N, 3)], (N, 3)),
        ([(N, 3), (N, 1)], (N, 3)),
        ([(N, 3), (1, 3)], (N, 3)),
        ([(N, 3), (5, 3)], (5, 3)),
        ([(N, N), (N, 7)], (N, 7)),
        ([(N, 1, 4), (N, 6, 1), (4,)], (N, 6, 4)),
        ([(1,), (N,), (1,)], (N,)),
        ([(0, 3), (1, 3)], (0, 3)),
    ],
)
def test_broadcast(shapes, result):
    assert broadcast(*shapes) == result
    assert broadcast(*reversed(shapes)) == result


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ([(2, 3), (2, 4)], "shapes (2, 3) and (2, 4) do not broadcast"),
        ([(N, 3), (N, 4)], "shapes (None, 3) and (None, 4) do not broadcast"),
        ([(3,), (2,), (1,)], "shapes (3,) and (2,) and (1,) do not broadcast"),
        ([(0,), (2,)], "shapes (0,) and (2,) do not broadcast"),
    ],
)
def test_shapes_that_do_not_broadcast(shapes, what):
    with pytest.raises(Fact) as caught:
        broadcast(*shapes)
    assert caught.value.what == what


@given(st.lists(st.lists(st.integers(1, 3), max_size=4).map(tuple), min_size=1, max_size=3))
def test_known_shapes_broadcast_as_torch_says(shapes):
    try:
        wanted = tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError:
        with pytest.raises(Fact):
            broadcast(*shapes)
    else:
        assert broadcast(*shapes) == wanted


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        ((2, 3), (2, 3), True),
        ((N, 3), (2, 3), True),
        ((2, 3), (N, N), True),
        ((), (), True),
        ((2, 3), (2, 4), False),
        ((1, 3), (2, 3), False),
        ((3,), (2, 3), False),
        ((2, 3), (3,), False),
    ],
)
def test_agree(given, wanted, fits):
    assert agree(given, wanted) is fits
    assert agree(wanted, given) is fits


def test_a_spec_is_a_value():
    spec = TensorSpec((N, 3), torch.float32)
    assert spec.ndim == 2
    assert spec == TensorSpec((N, 3), torch.float32)
    assert len({spec, TensorSpec((N, 3), torch.float32), TensorSpec((N, 3), torch.int64)}) == 2
    with pytest.raises(AttributeError):
        spec.shape = (1,)
