"""Random graphs: what is lowered gives what the same layers and functions give, called eagerly one after the other."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from torch import Tensor

from layergraph import Model
from layergraph.graph.structure import leaves
from layergraph.models import model_from_json

from .dags import Block, Dag, Pair, Scale, grow

# LAYERGRAPH_EXAMPLES=3000 pytest tests/robust/test_dags.py is the long run, on other graphs each time.
EXAMPLES = int(os.environ.get("LAYERGRAPH_EXAMPLES", "0"))
RANDOMS = st.integers(0, 2**32).map(Random)


def examples(count: int) -> Callable[..., Any]:
    return settings(
        max_examples=EXAMPLES or count, derandomize=not EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )


def grown(random: Random, most: int = 40) -> Dag:
    torch.manual_seed(random.randrange(2**32))
    dag = grow(random, random.randint(2, most))
    note(repr(dag))
    return dag


class Ran(NamedTuple):
    outputs: list[Tensor]
    gradients: list[Tensor]
    state: dict[str, Tensor]


def ran(function: Callable[..., Any], model: Model, data: list[Tensor], seed: int = 0) -> Ran:
    """What a run gives: outputs, gradients of inputs and weights, and the state it leaves. The model is as before."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    inputs = [x.clone().requires_grad_() if x.is_floating_point() else x for x in data]
    torch.manual_seed(seed)
    outputs = leaves(function(*inputs))
    wanted = [x for x in inputs if x.is_floating_point()] + list(model.parameters())
    total: Any = sum((y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)).sum() for y in outputs if y.requires_grad)
    gradients = torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True) if torch.is_tensor(total) else ()
    after = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(before)
    return Ran([y.detach() for y in outputs], list(gradients), after)


def same(got: list[Tensor], wanted: list[Tensor], exact: bool) -> None:
    """Bit by bit; or, where memory is in another order, but for the rounding of kernels and sums that meet it so."""
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        if exact:
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
        else:
            rounding = 1e-9 if one.dtype is torch.float64 else 1e-4
            scale = float(other.abs().max()) if other.numel() and one.dtype.is_floating_point else 1.0
            torch.testing.assert_close(one, other, rtol=rounding, atol=rounding * max(scale, 1.0), equal_nan=True)


def check(dag: Dag, model: Model, data: list[Tensor]) -> None:
    lowered, eager = ran(model, model, data), ran(lambda *each: dag.run(each), model, data)
    same(lowered.outputs, eager.outputs, dag.exact())
    same(lowered.gradients, eager.gradients, False)
    # A mode that is written in the graph runs F.batch_norm, which does not count batches; the count is of use with momentum=None only.
    states = [[value for key, value in each.state.items() if not key.endswith("num_batches_tracked")] for each in (lowered, eager)]
    same(*states, dag.exact())


@given(RANDOMS)
@examples(60)
def test_lowered_is_eager(random: Random) -> None:
    dag = grown(random)
    model = dag.model().eval()
    data = dag.data(batch=random.choice([2, 3, 5]), size=random.choice([6, 7, 9]))
    check(dag, model, data)
    for number, value in zip(dag.flat_outputs(), dag.run(data), strict=True):
        said = dag.symbols[number]
        assert f"torch.{said.dtype}" == str(value.dtype)
        assert len(said.shape) == value.ndim
        assert all(want in (None, got) for want, got in zip(said.shape, value.shape, strict=True))


@given(RANDOMS)
@examples(60)
def test_in_training_and_in_double_precision(random: Random) -> None:
    dag = grown(random)
    model, data = dag.model().train(random.random() < 0.8), dag.data(batch=4)
    if any(weight.is_floating_point() for weight in model.weights):  # a model has the dtype of its weights
        model, data = model.double(), [x.double() if x.is_floating_point() else x for x in data]
    check(dag, model, data)


def through_pickle(model: Model) -> Model:
    return pickle.loads(pickle.dumps(model))


COPIES = {"deepcopy": copy.deepcopy, "pickle": through_pickle, "twice": lambda model: through_pickle(copy.deepcopy(through_pickle(model)))}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@given(RANDOMS)
@examples(25)
def test_a_copy_is_the_same_and_its_own(copied: Callable[[Model], Model], random: Random) -> None:
    dag = grown(random, 25)
    model = dag.model().train(random.random() < 0.5)
    data = dag.data(batch=3)
    before = ran(model, model, data)
    twin = copied(model)
    after = ran(twin, twin, data)
    same(after.outputs, before.outputs, True)
    same(after.gradients, before.gradients, True)
    assert list(after.state) == list(before.state)
    same(list(after.state.values()), list(before.state.values()), True)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert twin.code == model.code
    assert not {x.data_ptr() for x in twin.state_dict().values() if x.numel()} & {x.data_ptr() for x in model.state_dict().values()}
    check(dag, model, data)


@given(RANDOMS)
@examples(30)
def test_a_config_makes_the_same_model(random: Random) -> None:
    """Through JSON. A config holds no values: the weights and statistics are loaded."""
    dag = grown(random, 25)
    model = dag.model().eval()
    twin = model_from_json(model.to_json(), custom_objects={each.__name__: each for each in (Scale, Block, Pair)}).eval()
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert sorted(twin.state_dict()) == sorted(model.state_dict())  # constants come in the order of execution, which may be another
    twin.load_state_dict(model.state_dict())
    data = dag.data(batch=3)
    same(ran(twin, twin, data).outputs, ran(model, model, data).outputs, True)


@given(RANDOMS)
@examples(40)
def test_parts_cut_at_inner_tensors(random: Random) -> None:
    dag = grown(random, 30)
    whole = dag.model().eval()
    data = dag.data(batch=2)
    places = [i for step in dag.needed(dag.flat_outputs()) for i in step.gives]
    if not places:
        return
    place = random.choice(places)
    names = [f"from {i}" for i in range(len(dag.inputs))]
    entries = dict(zip(names, (dag.symbols[i] for i in dag.inputs), strict=True))
    head = Model(entries, dag.symbols[place]).eval()
    assert set(head.state_dict()) <= set(whole.state_dict())
    assert all(value.data_ptr() == whole.state_dict()[key].data_ptr() for key, value in head.state_dict().items())
    ran_head = ran(head, head, data)
    same(ran_head.outputs, ran(lambda *each: dag.run(each, [place]), head, data).outputs, dag.exact())
    tail = Model([dag.symbols[place], *entries.values()], [dag.symbols[i] for i in dag.flat_outputs()]).eval()
    middle = ran_head.outputs[0]
    eager = ran(lambda cut, *each: dag.run(each, given={place: cut}), tail, [middle, *data])
    lowered = ran(tail, tail, [middle, *data])
    same(lowered.outputs, eager.outputs, dag.exact())
    same(lowered.gradients, eager.gradients, False)
    assert set(tail.state_dict()) <= set(whole.state_dict())


@pytest.mark.parametrize("seed", range(4))
def test_compiles_in_one_graph_and_exports(seed: int) -> None:
    random = Random(seed)
    torch.manual_seed(seed)
    while True:
        dag = grow(random, random.randint(8, 20))
        if not any(word in step.text for step in dag.steps for word in ("Block", "GRU", "LSTM")):
            break  # Block looks at the data
    model = dag.model().eval()
    data = dag.data(batch=3)
    exported = torch.export.export(model, tuple(data)).module()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    results = []
    for each in (model, compiled, exported):
        torch.manual_seed(0)
        results.append(leaves(each(*data)))
    same(results[1], results[0], True)
    same(results[2], results[0], False)
