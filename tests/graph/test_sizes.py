"""Sizes known only at run time: `x.size(0)` means when the model runs what it says, in whatever takes a size."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
import torch.nn.functional as F

from layergraph import Input, Model
from layergraph.errors import ShapeError, SymbolicError
from layergraph.graph.symbolic import SymbolicSize, SymbolicTensor
from layergraph.layers import Conv2D, Dense, GlobalAveragePooling2D, Reshape

SIZE = "<SymbolicSize from torch size>"


def patches(x):
    """(B, H, W, C) -> (B, H/2 * W/2, 4 C)."""
    b, h, w, c = x.size()
    return x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, (h // 2) * (w // 2), 4 * c)


def attention_mask(x):
    t = x.size(1)
    return x + torch.ones((t, t)).tril().sum(-1)[None, :, None]


@pytest.mark.parametrize(
    ("shape", "build", "declared"),
    [
        ((4, 3), lambda x: x.view(x.size(0), -1), (None, 12)),
        ((4, 3), lambda x: x.view(x.size(0), x.size(1) * x.size(2)), (None, 12)),
        ((4, 3), lambda x: torch.reshape(x, (x.size(0) * 2, -1)), (None, 6)),
        ((8, 3, 4), lambda x: x.reshape(x.size(0) * x.size(1), 3, 4).sum(-1).view(x.size(0), x.size(1), 3), (None, 8, 3)),
        ((8, 3), lambda x: (y := x.flatten(0, 1)).view(y.size(0) // 8, 8, 3), (None, 8, 3)),
        ((1, 3), lambda x: x.expand(x.size(0), 5, 3), (None, 5, 3)),
        ((1, 3), lambda x: x.expand(*x.size()), (None, 1, 3)),
        ((3,), lambda x: torch.ones(3).expand((x.size(0), 3)) + x, (None, 3)),
        ((3,), lambda x: torch.zeros((x.size(0), 2)), (None, 2)),
        ((3,), lambda x: x.new_zeros(x.size(0), 2), (None, 2)),
        ((3,), lambda x: torch.cat([x.new_ones((x.size(0), 1)), x], 1), (None, 4)),
        ((3,), lambda x: torch.arange(x.size(0))[:, None] + x, (None, 3)),
        ((3,), lambda x: x.repeat(2, 1)[: x.size(0)], (None, 3)),
        ((None, 3), lambda x: x[:, : x.size(1) // 2], (None, None, 3)),
        ((None, 3), lambda x: x[:, x.size(1) - 1], (None, 3)),
        ((None, 3), lambda x: x.narrow(1, 1, x.size(1) - 1), (None, None, 3)),
        ((None, 3), lambda x: F.pad(x, (0, 0, 0, x.size(1))), (None, None, 3)),
        ((None, 3), lambda x: x.unflatten(0, (x.size(0), 1)), (None, 1, None, 3)),
        ((None, 3), attention_mask, (None, None, 3)),
        ((8, 8, 3), patches, (None, 16, 12)),
        ((None, None, 3), patches, (None, None, 12)),
        ((3,), lambda x: x / x.size(0), (None, 3)),
        ((3,), lambda x: x.size(0) * x + (1 - x.size(0)), (None, 3)),
        ((3,), lambda x: x.sum(0) / x.size(0) - x.mean(0), (3,)),
        ((3,), lambda x: x * torch.sym_max(x.size(0), 3) + torch.sym_min(x.size(0), 3), (None, 3)),
        ((3,), lambda x: x * (7 % x.size(0)) + 7 // x.size(0) + -x.size(0), (None, 3)),
        ((3,), lambda x: x * x.numel() + torch.numel(x), (None, 3)),
        ((3,), lambda x: x.view(size=(x.size(dim=0), 3)), (None, 3)),
    ],
)
def test_it_means_at_run_time_what_it_says(shape, build, declared):
    x = Input(shape)
    out = build(x)
    assert out.shape == declared
    model = Model(x, out)
    for batch, steps in ((1, 4), (2, 6), (5, 8)):
        value = torch.randn(batch, *(steps if size is None else size for size in shape))
        torch.testing.assert_close(model(value), build(value), rtol=0, atol=0)


def test_a_layer_keeps_the_size_of_its_batch():
    """The time-distributed idiom: frames become the batch of a CNN, and come back."""
    video = Input((5, 8, 8, 3))
    frames = video.flatten(0, 1)
    features = Dense(7)(GlobalAveragePooling2D()(Conv2D(4, 3, padding="same")(frames)))
    back = features.view(video.size(0), video.size(1), -1)
    assert back.shape == (None, 5, 7)
    model = Model(video, [back, Reshape((7, 1))(features).view(video.size(0), 5, 7)])
    value = torch.randn(2, 5, 8, 8, 3)
    first, second = model(value)
    assert first.shape == (2, 5, 7)
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first[1, 2], Model(frames, features)(value[1, 2][None])[0])


def test_a_nested_model_keeps_it_too():
    x = Input((6,))
    inner = Model(x, Dense(3)(x))
    video = Input((4, 6))
    out = inner(video.reshape(-1, 6)).view(video.size(0), 4, 3)
    assert out.shape == (None, 4, 3)
    assert Model(video, out)(torch.zeros(2, 4, 6)).shape == (2, 4, 3)


def test_a_known_size_is_a_number():
    x = Input((4, 3), batch_size=2)
    assert x.size() == (2, 4, 3)
    assert (x.size(0), x.size(-1), x.numel()) == (2, 3, 24)


def test_arithmetic_never_makes_a_constant():
    """`3 // n` is 0 for every size that is tried, and 1 for a batch of 2."""
    x = Input((3,))
    assert isinstance(3 // x.size(0), SymbolicSize)
    assert Model(x, x * (3 // x.size(0)))(torch.ones(2, 3)).tolist() == [[1, 1, 1]] * 2


def test_it_survives_copies():
    x = Input((8, 3))
    out = Dense(2)(x.flatten(0, 1)).view(x.size(0), 8, 2)
    model = Model(x, out)
    value = torch.randn(3, 8, 3)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(twin(value), model(value))
        again = twin.outputs[0].node.args[0]
        assert again.view(twin.inputs[0].size(0), 8, 2).shape == (None, 8, 2)


def test_the_code_reads_like_torch():
    x = Input((4, 3), name="x")
    assert "size = x.size(0)\n    view = x.view(size, -1)" in Model(x, x.view(x.size(0), -1)).code


def test_it_compiles_and_exports_with_a_dynamic_batch():
    x = Input((4, 3), name="x")
    model = Model(x, Dense(2)(x.view(x.size(0) * 4, -1)).reshape(x.size(0), -1)).eval()
    value = torch.randn(3, 4, 3)
    program = torch.export.export(model, (value,), dynamic_shapes={"x": {0: torch.export.Dim("batch", min=2, max=64)}})
    torch.testing.assert_close(program.module()(torch.ones(5, 4, 3)), model(torch.ones(5, 4, 3)))
    torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(value), model(value))


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda n: max(n, 4), "a bool (`if n > 4`, `max(n, 4)`)"),
        (lambda n: n and 1, "a bool (`if n > 4`, `max(n, 4)`)"),
        (lambda n: range(n), "an int"),
        (lambda n: int(n), "an int"),
        (lambda n: math.ceil(n / 2), "a float"),
        (lambda n: list(n), "items"),
    ],
)
def test_what_it_cannot_give(use, what):
    n = Input((3,)).size(0)
    with pytest.raises(SymbolicError) as caught:
        use(n)
    said = str(caught.value).splitlines()
    assert said[0].startswith("the size <SymbolicSize from torch ")
    assert said[0].endswith(f"> has no value while the graph is written: it cannot give {what}")
    assert said[-1] == "  fix: compute with +, -, *, // on it, torch.sym_max and torch.sym_min, or do this inside a custom Layer's call()"


def test_kerass_none_is_told_apart():
    x = Input((4, 3), name="x")
    with pytest.raises(ShapeError) as caught:
        x.reshape(x.shape[0], -1)
    assert str(caught.value).splitlines()[-1] == (
        "  fix: x.shape has None where a size is known only at run time: write x.size(i) there, or -1"
    )


def test_what_is_no_number():
    with pytest.raises(ShapeError, match="torch mul: mul gives list, and a graph holds tensors and numbers only"):
        [0] * Input((3,)).size(0)


def test_it_is_no_output_of_a_model():
    x = Input((3,), name="x")
    with pytest.raises(
        ValueError, match=r"outputs is SymbolicSize <SymbolicSize from torch size>; every one of `outputs` must be a symbolic"
    ):
        Model(x, x.size(0))


def test_a_wrong_axis():
    with pytest.raises(ShapeError, match=r"torch size: IndexError: Dimension out of range"):
        Input((3,)).size(5)


# Sizes that depend on values


@pytest.mark.parametrize(
    ("build", "declared"),
    [
        (lambda x: x[x > 0], (None,)),
        (lambda x: x[x[:, 0] > 0], (None, 4)),
        (lambda x: x[:, torch.tensor([True, False, True, False])], (None, 2)),
        (lambda x: x[torch.tensor([0, 1]), torch.tensor([3, 2])], (2,)),
        (lambda x: x[[0, 1]], (2, 4)),
        (lambda x: x.masked_select(x > 0), (None,)),
        (lambda x: torch.nonzero(x > 0), (None, 2)),
        (lambda x: torch.unique(x), (None,)),
        (lambda x: torch.bincount(x.flatten().abs().long()), (None,)),
        (lambda x: torch.where(x > 0)[1], (None,)),
    ],
)
def test_a_size_that_depends_on_values(build, declared):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    x = Input((4,))
    out = build(x)
    assert out.shape == declared
    assert isinstance(out, SymbolicTensor)
    assert torch.equal(torch.get_rng_state(), before)
    value = torch.randn(3, 4)
    torch.testing.assert_close(Model(x, out)(value), build(value), rtol=0, atol=0)
