"""Recording: what a call leaves behind, and what is said when it cannot be recorded."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F

from layergraph import Input, Model
from layergraph.errors import ShapeError
from layergraph.graph.record import record, sources
from layergraph.graph.spec import TensorSpec
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.layers import Add, Concatenate, Conv2D, Dense, GlobalAveragePooling2D

SPEC = TensorSpec((None, 2), torch.float32)


@pytest.mark.parametrize(
    ("output", "paths"),
    [
        (SPEC, [()]),
        ((SPEC, SPEC), [(0,), (1,)]),
        ([SPEC, {"a": SPEC}], [(0,), (1, "a")]),
        ({"b": SPEC, "a": SPEC}, [("a",), ("b",)]),
    ],
)
def test_the_result_has_the_nest_of_its_description(output, paths):
    from layergraph.graph.structure import leaves, leaves_with_path

    result = record("function", torch.relu, (), {}, output)
    assert type(result) is (SymbolicTensor if output is SPEC else type(output))
    assert [path for path, _ in leaves_with_path(result)] == paths
    assert [leaf.path for leaf in leaves(result)] == paths
    assert len({leaf.node for leaf in leaves(result)}) == 1


def test_what_is_no_tensor_stays_as_it_is():
    assert record("function", torch.relu, (), {}, (SPEC, None, 3))[1:] == (None, 3)


def test_the_parents_are_the_symbols_among_the_arguments_in_order():
    a, b, c, d = (Input((2,)) for _ in range(4))
    node = record("function", F.relu, ([a, (b,)], slice(c, None)), {"x": {"y": d}, "z": a}, SPEC).node
    assert [parent.node for parent in node.parents] == [symbol.node for symbol in (a, b, c, d, a)]


def test_sources_are_told_up_to_four():
    symbols = tuple(Input((size,), name=f"x{size}") for size in range(1, 7))
    told = sources(symbols)
    assert len(told) == 5
    assert told[0].startswith(f"got (None, 1) from Input 'x1', made at {__file__}:")
    assert told[4] == "and 2 more"


def test_a_call_that_does_not_fit_says_who_what_whence_and_where():
    left = Input((2,), name="left")
    right = Dense(3, name="right")(Input((2,)))
    with pytest.raises(ShapeError) as caught:
        left + right
    name, line = caught.value.place
    assert name == __file__
    assert str(caught.value).splitlines() == [
        "torch add: shapes (None, 2) and (None, 3) do not broadcast",
        f"  got (None, 2) from Input 'left', made at {__file__}:{line - 3}: left = Input((2,), name=\"left\")",
        f"  got (None, 3) from Dense 'right', made at {__file__}:{line - 2}: right = Dense(3, name=\"right\")(Input((2,)))",
        f"  at {__file__}:{line}: left + right",
    ]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda x: torch.reshape(x, (3, 3)), "torch reshape: RuntimeError: shape '[3, 3]' is invalid for input of size "),
        (lambda x: x.view(5), "torch view: RuntimeError: shape '[5]' is invalid for input of size "),
        (lambda x: torch.relu(x) @ torch.ones(3, 3), "torch matmul: RuntimeError: a and b must have same reduction dim, but got ["),
        (lambda x: x[:, :, 0], "torch getitem: IndexError: too many indices for tensor of dimension 2"),
        (
            lambda x: x.permute(0, 1, 2),
            "torch permute: RuntimeError: permute(sparse_coo): number of dimensions in the tensor input does not",
        ),
    ],
)
def test_torchs_own_words_are_passed_on(call, what):
    with pytest.raises(ShapeError) as caught:
        call(Input((4,)))
    assert str(caught.value).startswith(what)
    assert f"\n  at {__file__}:" in str(caught.value)


def build():
    image = Input((8, 8, 3), name="image")
    x = Conv2D(4, 3, padding="same", activation="relu")(image)
    x = Add()([Conv2D(4, 1)(image), x])
    x = GlobalAveragePooling2D()(x)
    branches = [Dense(2)(x) * scale for scale in (1.0, 2.0, 3.0)]
    return Model(image, Dense(1, name="head")(Concatenate()(branches)))


def test_eight_threads_build_at_once_what_one_builds_alone():
    alone, built, errors = build(), [], []
    start = threading.Barrier(8)

    def work():
        try:
            start.wait()
            built.extend(build() for _ in range(5))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(built) == 40
    assert {model.code for model in built} == {alone.code}
    assert {tuple(model.state_dict()) for model in built} == {tuple(alone.state_dict())}
    assert {tuple(layer.name for layer in model.layers) for model in built} == {tuple(layer.name for layer in alone.layers)}
    assert len({id(p) for model in built for p in model.parameters()}) == 40 * len(list(alone.parameters()))
    x = torch.randn(2, 8, 8, 3)
    for model in built:
        model.load_state_dict(alone.state_dict())
        assert torch.equal(model(x), alone(x))
