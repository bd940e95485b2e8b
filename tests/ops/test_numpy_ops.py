"""What the rows cannot say of numpy's ops: values that are not fixed, errors in full, types, compiling, layouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import layergraph
from layergraph import Input, Model, ops
from layergraph.errors import ArgumentError, LayergraphError, SymbolicError

from .rows import families
from .test_names import ours

# Tested below: their values are not fixed, or they take a function.
NO_ROWS = {"empty", "empty_like", "argpartition", "vectorize"}
# Tested in test_control.py and test_graphs.py: they take functions, or give arrays.
OTHERS = set("associative_scan cond convert_to_numpy custom_gradient fori_loop jvp map scan switch vectorized_map while_loop".split())


def test_every_op_has_a_row() -> None:
    called = {row.op for rows in families().values() for row in rows}
    assert set(ours()) - called == NO_ROWS | OTHERS


# ---------------------------------------------------------------------------------------------- values that are not fixed


def test_empty() -> None:
    assert ops.empty((2, 3)).shape == (2, 3)
    assert ops.empty(3, dtype="int32").dtype == torch.int32
    assert ops.empty_like(torch.ones(2, 3)).shape == (2, 3)
    assert ops.empty_like(np.ones(2), dtype="float16").dtype == torch.float16
    assert ops.empty_like(Input(shape=(3,))).shape == (None, 3)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
@pytest.mark.parametrize("kth", [0, 2, -1])
def test_argpartition(axis: int | None, kth: int) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    indices = ops.argpartition(x, kth, axis)
    assert indices.dtype == torch.int32
    placed = np.take_along_axis(x, indices.numpy(), axis) if axis is not None else x.ravel()[indices.numpy()]
    rows = np.moveaxis(placed, axis if axis is not None else 0, -1)
    wanted = np.sort(x.ravel() if axis is None else np.moveaxis(x, axis, -1))
    np.testing.assert_array_equal(rows[..., kth], wanted[..., kth])
    assert (rows[..., : kth % rows.shape[-1]] <= rows[..., [kth]]).all()
    assert (rows[..., kth % rows.shape[-1] :] >= rows[..., [kth]]).all()


def test_split_takes_indices_in_a_tensor() -> None:
    for indices in (torch.tensor([1, 3]), np.array([1, 3])):
        assert [part.tolist() for part in ops.split([0, 1, 2, 3, 4], indices)] == [[0], [1, 2], [3, 4]]
    assert ops.reshape(torch.ones(6), torch.tensor([2, 3])).shape == (2, 3)
    assert ops.tile([1, 2], torch.tensor([2])).tolist() == [1, 2, 1, 2]
    assert ops.repeat([1, 2], torch.tensor([2, 1])).tolist() == [1, 1, 2]


# ---------------------------------------------------------------------------------------------- vectorize


def test_vectorize_broadcasts() -> None:
    larger = ops.vectorize(lambda a, b: torch.where(a > b, a, b))
    a, b = np.arange(6.0).reshape(2, 3), np.array([[1.0], [4.0]])
    np.testing.assert_array_equal(larger(a, b).numpy(), np.maximum(a, b))
    assert larger(1, 2).tolist() == 2


def test_vectorize_with_a_signature() -> None:
    a, b = np.random.default_rng(0).normal(size=(4, 1, 2, 3)), np.random.default_rng(1).normal(size=(5, 3))
    product = ops.vectorize(torch.mv, signature="(n,m),(m)->(n)")
    np.testing.assert_allclose(product(a, b).numpy(), np.vectorize(np.dot, signature="(n,m),(m)->(n)")(a, b), rtol=1e-12)
    ends = ops.vectorize(lambda row: (row[0], row[-1]), signature="(n)->(),()")
    first, last = ends(b)
    np.testing.assert_array_equal(first.numpy(), b[:, 0])
    np.testing.assert_array_equal(last.numpy(), b[:, -1])


def test_vectorize_leaves_arguments_out() -> None:
    """Keras's own takes `excluded`, and does not look at it."""
    seen: list[Any] = []

    def power(x: Any, exponents: Any, *, scale: float = 1.0) -> Any:
        seen.append(exponents)
        return scale * x ** exponents[0]

    assert ops.vectorize(power, excluded={1})([1.0, 2.0], [3, 9], scale=2.0).tolist() == [2, 16]
    assert seen == [[3, 9]]


def test_vectorize_refuses() -> None:
    with pytest.raises(SymbolicError, match=r"^ops\.vectorize: "):
        ops.vectorize(lambda x: x)(Input(shape=(2,)))
    with pytest.raises(ArgumentError, match=r"^ops\.vectorize: `signature` must say what is taken and given, got '\(n\)'"):
        ops.vectorize(lambda x: x, signature="(n)")
    with pytest.raises(ArgumentError, match=r"has 2 arguments, and 1 came"):
        ops.vectorize(lambda x: x, signature="(n),(n)->()")(torch.ones(2))


# ---------------------------------------------------------------------------------------------- errors, in full


def wrong(call: Callable[[], Any]) -> str:
    """The error of a call, without the places in this file."""
    with pytest.raises(LayergraphError) as caught:
        call()
    assert str(caught.value).count("\n") < 12
    assert len(str(caught.value)) <= 1200
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__
    return re.sub(r"(  at|, made at) .*", "", str(caught.value)).replace("\n\n", "\n").rstrip()


x = Input(shape=(3, 4))
t = torch.ones(2, 3)

WRONG: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: ops.sum(t, axis=5),
        "ops.sum: Dimension out of range (expected to be in range of [-2, 1], but got 5)\n  x: tensor of shape (2, 3), float32\n  axis: 5",
    ),
    (
        lambda: ops.sum(x, axis=5),
        "ops.sum: Dimension out of range (expected to be in range of [-3, 2], but got 5)\n"
        "  x: (None, 3, 4), float32, from Input\n  axis: 5",
    ),
    (
        lambda: ops.matmul(t, [[1.0, 2.0]]),
        "ops.matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 1x2)\n  x1: tensor of shape (2, 3), float32\n  x2: [[1.0, 2.0]]",
    ),
    (
        lambda: ops.median(t, axis=(0, 4)),
        "ops.median: axis 4 is out of range for 2 axes\n  x: tensor of shape (2, 3), float32\n  axis: (0, 4)",
    ),
    (
        lambda: ops.concatenate([t, np.ones((3, 4))], axis=0),
        "ops.concatenate: Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the "
        "list.\n  xs[0]: tensor of shape (2, 3), float32\n  xs[1]: array of shape (3, 4), float64\n  axis: 0",
    ),
    (
        lambda: ops.add(t, None),
        "ops.add: None is no tensor, and no number or array of numbers\n  x1: tensor of shape (2, 3), float32\n  x2: None",
    ),
    (
        lambda: ops.zeros(2, dtype="flaot32"),
        "ops.zeros: Invalid dtype: 'flaot32'\n  shape: 2\n  dtype: 'flaot32'\n  fix: did you mean 'float32'?",
    ),
    (
        lambda: ops.squeeze(x, 1),
        "ops.squeeze: axis 1 has size 3, and only an axis of size 1 can go; the shape is (None, 3, 4)\n"
        "  x: (None, 3, 4), float32, from Input\n  axis: 1",
    ),
    (
        lambda: ops.split(t, 2, axis=1),
        "ops.split: axis 1 of size 3 does not part into 2 equal sections\n  x: tensor of shape (2, 3), float32\n"
        "  indices_or_sections: 2\n  axis: 1\n  fix: ops.array_split takes any number",
    ),
    (
        lambda: ops.nonzero(x),
        "ops.nonzero: how many elements are not 0 depends on values, and <SymbolicTensor shape=(None, 3, 4), dtype=float32, from Input> "
        "has none yet\n  x: (None, 3, 4), float32, from Input\n  fix: ops.where(x != 0, x1, x2)",
    ),
    (lambda: ops.concatenate([]), "ops.concatenate: needs at least one tensor\n  xs: []"),
    (
        lambda: ops.hanning(x),
        "ops.hanning: the size of the result depends on values, and <SymbolicTensor shape=(None, 3, 4), dtype=float32, from Input> "
        "has none yet\n  x: (None, 3, 4), float32, from Input\n  fix: give the number of points as an int",
    ),
    (
        lambda: ops.pad(t, ((1, 1),) * 3),
        "ops.pad: `pad_width` must have a pair for each of 2 axes, got ((1, 1), (1, 1), (1, 1))\n  x: tensor of shape (2, 3), float32\n"
        "  pad_width: ((1, 1), (1, 1), (1, 1))\n  fix: pad_width=((before, after), ...)",
    ),
    (
        lambda: ops.pad(t, 3, mode="reflect"),
        "ops.pad: mode 'reflect' cannot add 3 elements to an axis of 2\n  x: tensor of shape (2, 3), float32\n  pad_width: 3\n"
        "  mode: 'reflect'\n  fix: use mode='constant' or 'edge'",
    ),
    (
        lambda: ops.where(t > 0, 1),
        "ops.where: takes both `x1` and `x2`, or neither\n  condition: tensor of shape (2, 3), bool\n  x1: 1\n"
        "  fix: ops.where(condition, x1, x2)",
    ),
    (
        lambda: ops.ldexp(t, 0.5),
        "ops.ldexp: the exponent x2 must be of an integer dtype, got float32\n  x1: tensor of shape (2, 3), float32\n  x2: 0.5\n"
        "  fix: ops.cast(x2, 'int32')",
    ),
    (
        lambda: ops.stack([t] * 9 + [torch.ones(3)]),
        "ops.stack: stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3] at entry 9\n"
        + "".join(f"  x[{i}]: tensor of shape (2, 3), float32\n" for i in range(5))
        + "  and 5 more",
    ),
]


@pytest.mark.parametrize(("call", "wanted"), WRONG, ids=[wanted.split(":")[0] for _, wanted in WRONG])
def test_wrong_uses(call: Callable[[], Any], wanted: str) -> None:
    assert wrong(call) == wanted


def test_a_wrong_call_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match=r"^sum\(\) got an unexpected keyword argument 'axes'$"):
        ops.sum(t, axes=1)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x2'"):
        ops.add(t)


def test_what_is_not_the_arguments_fault_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> Any:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr("layergraph.ops.reductions.torch.cumsum", full)
    with pytest.raises(torch.OutOfMemoryError, match="no memory"):
        ops.cumsum(t, 1)


# ---------------------------------------------------------------------------------------------- compiled, lowered, trained


def many(a: Any, b: Any) -> Any:
    """A chain through each way in which ops treat arguments."""
    a = ops.add(ops.multiply(a, 2), [1, 2, 3])
    a = ops.where(ops.greater(a, 0.5), ops.maximum(a, 0), ops.logaddexp(a, 1))
    a = ops.concatenate([ops.clip(a, -1, 1), ops.pad(b, ((0, 0), (1, 1)), mode="reflect")], axis=1)
    a = ops.add(a, ops.full((8,), 0.5)) + ops.linspace(0, 1, 8) + ops.arange(8)
    a = ops.einsum("bi,bj->bij", a, ops.take(a, [0, -1], axis=1))
    return ops.mean(a, axis=(1, 2)), ops.quantile(a, [0.1, 0.9], axis=1), ops.argmax(ops.sum(a, -1), -1), ops.std(ops.less(a, 0))


def test_ops_compile_in_one_graph() -> None:
    a, b = torch.randn(4, 3), torch.randn(4, 3)
    compiled = torch.compile(many, fullgraph=True, backend="eager")
    for got, wanted in zip(compiled(a, b), many(a, b), strict=True):
        torch.testing.assert_close(got, wanted)
        assert got.dtype == wanted.dtype


def test_the_same_code_on_tensors_and_in_a_model() -> None:
    symbols = [Input(shape=(3,)), Input(shape=(3,))]
    model = Model(symbols, list(many(*symbols)))
    for batch in (1, 5):
        given = torch.randn(batch, 3), torch.randn(batch, 3)
        for got, wanted in zip(model(*given), many(*given), strict=True):
            torch.testing.assert_close(got, wanted)


def test_code_reads_like_torch() -> None:
    symbol = Input(shape=(4, 4, 2), name="image")
    y = ops.mean(ops.maximum(ops.add(symbol, 1), 0), axis=(1, 2))
    lines = [line.strip().split(";")[0] for line in Model(symbol, y).code.splitlines() if line.strip()]
    assert lines[-4:] == [
        "add = image + 1",
        "clamp = torch.clamp(add, min = 0)",
        "mean = torch.mean(clamp, (1, 2))",
        "return mean",
    ]


def test_ops_stay_channels_last() -> None:
    """Element-wise ops and reductions between convolutions leave the layout alone."""
    image = Input(shape=(8, 8, 3))
    y = layergraph.layers.Conv2D(4, 3)(image)
    y = layergraph.layers.Conv2D(4, 3)(ops.multiply(ops.tanh(ops.maximum(y, 0)), 2))
    model = Model(image, ops.mean(y, axis=(1, 2)))
    assert sum(node.target == "permute" for node in model.graph.nodes) == 1


SIZES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "reshape": lambda x, n, t: ops.reshape(x, (n * t, 4)),
    "zeros": lambda x, n, t: ops.add(ops.zeros((n, t, 4)), x),
    "full": lambda x, n, t: ops.full((n, 2), 1.5),
    "full of sizes": lambda x, n, t: ops.full((n,), t),
    "arange": lambda x, n, t: ops.arange(1, t + 1),
    "linspace": lambda x, n, t: ops.linspace(0, 1, t),
    "eye": lambda x, n, t: ops.eye(t),
    "tri": lambda x, n, t: ops.tri(t, 2),
    "tensor": lambda x, n, t: ops.array(t),
    "stack": lambda x, n, t: ops.stack([t, n]),
    "size": lambda x, n, t: ops.size(x),
    "multiply": lambda x, n, t: ops.multiply(x, t),
    "divide": lambda x, n, t: ops.divide(ops.sum(x, 1), t),
    "maximum": lambda x, n, t: ops.maximum(x, t),
    "logaddexp": lambda x, n, t: ops.logaddexp(x, t),
    "power": lambda x, n, t: ops.power(t, x),
    "clip": lambda x, n, t: ops.clip(x, 0, t - 2),
    "broadcast_to": lambda x, n, t: ops.broadcast_to(ops.mean(x, 1, keepdims=True), (n, t, 4)),
    "repeat": lambda x, n, t: ops.repeat(ops.mean(x, 1), t, axis=0),
    "tile": lambda x, n, t: ops.tile(ops.mean(x, 1), (1, t)),
    "roll": lambda x, n, t: ops.roll(x, t - 1, 1),
    "take": lambda x, n, t: ops.take(x, t - 1, axis=1),
    "take_along_axis": lambda x, n, t: ops.take_along_axis(x, ops.argsort(x, 1) - t, 1),
    "get_item": lambda x, n, t: ops.get_item(x, (slice(None), slice(0, t - 1))),
}


@pytest.mark.parametrize("use", SIZES.values(), ids=SIZES)
def test_sizes_that_are_known_at_run_time(use: Callable[[Any, Any, Any], Any]) -> None:
    symbol = Input(shape=(None, 4))
    y = use(symbol, symbol.size(0), symbol.size(1))
    model = Model(symbol, y)
    for batch, steps in ((2, 3), (5, 7)):
        value = torch.randn(batch, steps, 4)
        got, wanted = model(value), use(value, batch, steps)
        torch.testing.assert_close(got, wanted)
        assert y.dtype == str(wanted.dtype).removeprefix("torch.")


def test_gradients_flow() -> None:
    weight = torch.randn(3, 3, requires_grad=True)
    loss = ops.sum(ops.square(ops.matmul(torch.ones(2, 3), ops.tanh(weight))))
    loss.backward()
    assert weight.grad is not None
    assert bool(weight.grad.abs().sum() > 0)
