"""Every public layer, one set of promises: `rows.py` is the table, this is what each row is held to."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest
import torch

import layergraph
from layergraph import layers, models
from layergraph.errors import LayergraphError
from layergraph.graph.spec import TensorSpec
from layergraph.graph.trial import probe_module

from .rows import ROWS, Row, Wrong
from .running import (
    apply,
    arguments,
    built,
    dtype_of,
    equal,
    gradients,
    larger,
    listed,
    make,
    model_of,
    provoke,
    shapes_for,
    shapes_in,
    symbols,
    values,
    with_unknown,
)

# Neither takes a tensor: the base of the others, and the layer behind Input. A wrapper takes what its module takes: layers/test_wrap.py.
# Words are no tensors, and a hash of them neither: layers/preprocessing/ has the tests of what takes data alone.
# A Lambda's function has a name in a config only where the user has registered it: layers/test_lambda.py.
NOT_CALLED = {"Lambda", "Layer", "InputLayer", "TorchModuleWrapper", "StringLookup", "TextVectorization", "Hashing", "HashedCrossing"}

pytestmark = pytest.mark.filterwarnings("ignore:.* was called on tensors, which carry no masks")

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.layer)


def _public_layers() -> set[str]:
    found = {name: getattr(layers, name) for name in layers.__all__}
    classes = {name: cls for name, cls in found.items() if inspect.isclass(cls) and issubclass(cls, layers.Layer)}
    return {cls.__name__ if cls.__name__ in classes else name for name, cls in classes.items()}


def test_every_public_layer_has_a_row() -> None:
    assert sorted(row.layer for row in ROWS) == sorted(_public_layers() - NOT_CALLED)


# -------------------------------------------------------------------------------------------------------------- shapes


def _unknowns(row: Row) -> list[tuple[int, ...]]:
    return [(), *((axis,) for axis in row.unknown), row.unknown] if row.unknown else [()]


@every_row
def test_declared_spec_is_the_probed_and_the_eager_one(row: Row) -> None:
    layer = built(row)
    for unknown in _unknowns(row):
        declared = apply(row, layer, symbols(row, unknown))
        shapes = list(with_unknown(row, unknown))
        said = layer.compute_output_shape(*shapes_for(row, shapes))
        assert shapes_in(said) == [y.shape for y in declared]
        if not (row.recurrent and unknown):
            assert _probed(row, layer, shapes) == [(y.shape, y.dtype) for y in declared]
    for batch in (2, 5):
        outputs = apply(row, layer, values(row, batch))
        assert [tuple(y.shape) for y in outputs] == [(batch, *y.shape[1:]) for y in apply(row, layer, symbols(row))]


def _probed(row: Row, layer: Any, shapes: list[Any]) -> list[Any]:
    args, words = arguments(row, [TensorSpec(shape, getattr(torch, dtype_of(row, index))) for index, shape in enumerate(shapes)])
    found = probe_module(layer, tuple(args), words, row.layer)
    return [(spec.shape, str(spec.dtype).removeprefix("torch.")) for spec in listed(found)]


@every_row
def test_lowered_is_eager(row: Row) -> None:
    layer = built(row)
    model = model_of(row, layer)
    weights = list(layer.parameters())
    for training in (False, True):
        layer.train(training), model.train(training)
        inputs = values(row, 4)
        before = _state(layer)
        torch.manual_seed(0)
        wanted, slopes = apply(row, layer, inputs), gradients(lambda *x: apply(row, layer, x), inputs, weights)
        after = _state(layer)
        _put_back(layer, before)
        torch.manual_seed(0)
        equal(model(*inputs), wanted)
        equal(gradients(model, inputs, weights), slopes)
        equal(_state(layer), after)


def _state(module: Any) -> list[torch.Tensor]:
    """What a call may change: the statistics, and of a SpectralNormalization the kernel."""
    return [tensor.detach().clone() for tensor in (*module.parameters(), *module.buffers())]


def _put_back(module: Any, state: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for tensor, before in zip((*module.parameters(), *module.buffers()), state, strict=True):
            tensor.copy_(before)


@every_row
def test_lowered_with_unknown_sizes_is_eager(row: Row) -> None:
    layer = built(row)
    model = model_of(row, layer, row.unknown).eval()
    for more in (0, 1, 4):
        inputs = values(row, 3, larger(row, more))
        equal(model(*inputs), apply(row, layer, inputs))


# -------------------------------------------------------------------------------------------------- configs and copies


@every_row
def test_a_model_of_one_layer_goes_through_json(row: Row) -> None:
    model, inputs = model_of(row, make(row)), values(row)
    again = models.model_from_json(model.to_json(allow_nan=False))
    assert again.get_config() == model.get_config()
    again.load_state_dict(model.state_dict())
    equal(again.eval()(*inputs), model.eval()(*inputs))


@every_row
def test_config_makes_an_equal_layer(row: Row) -> None:
    layer = built(row, name="mine")
    config = layer.get_config()
    twin = type(layer).from_config(copy.deepcopy(config))
    assert twin.get_config() == config
    assert config["name"] == "mine"
    assert config.get("trainable") is (None if "trainable" in row.untold else True)
    inputs = values(row)
    apply(row, twin.eval(), inputs)
    twin.set_weights(layer.get_weights())
    equal(apply(row, twin, inputs), apply(row, layer, inputs))


def _through_state_dict(layer: Any, row: Row) -> Any:
    twin = make(row).eval()
    apply(row, twin, values(row))
    twin.load_state_dict(layer.state_dict())
    return twin


COPIES = {
    "deepcopy": lambda layer, row: copy.deepcopy(layer),
    "pickle": lambda layer, row: pickle.loads(pickle.dumps(layer)),
    "state_dict": _through_state_dict,
}


@every_row
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_equal_and_its_own(row: Row, how: str) -> None:
    layer = built(row)
    inputs = values(row)
    wanted = apply(row, layer, inputs)
    twin = COPIES[how](layer, row)
    equal(apply(row, twin, inputs), wanted)
    assert not {p.data_ptr() for p in twin.parameters()} & {p.data_ptr() for p in layer.parameters()}
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    equal(apply(row, layer, inputs), wanted)
    if list(layer.parameters()):
        assert not torch.allclose(apply(row, twin, inputs)[0], wanted[0])


@every_row
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_of_the_model_is_equal(row: Row, how: str) -> None:
    model = model_of(row, built(row)).eval()
    inputs = values(row)
    equal(COPIES[how](model, row)(*inputs), model(*inputs))


# ------------------------------------------------------------------------------------------------- training and freezing


@every_row
def test_gradients_reach_everything(row: Row) -> None:
    layer = built(row).train()
    weights = [w for w in layer.parameters() if w.requires_grad]
    assert {id(w) for w in weights} == {id(w) for w in layer.trainable_weights}
    torch.manual_seed(0)
    draws = 8 if row.random else 1  # of several changes that may be drawn, some have no gradient
    found = [gradients(lambda *x: apply(row, layer, x), values(row, 4), weights) for _ in range(draws)]
    if row.steps:
        assert not weights
        assert all(grad is None or not grad.any() for grads in found for grad in grads)
        return
    assert all(grad is not None and torch.isfinite(grad).all() for grads in found for grad in grads)
    assert all(any(grad.abs().max() > 0 for grad in grads) for grads in zip(*found, strict=True))


@every_row
def test_frozen_stays_as_it_is(row: Row) -> None:
    layer = built(row)
    layer.trainable = False
    model = model_of(row, layer)
    before = [t.clone() for t in (*layer.parameters(), *layer.buffers())]
    assert not any(p.requires_grad for p in model.parameters())
    model.train()(*values(row, 4))
    apply(row, layer.train(), values(row, 4))
    equal([*layer.parameters(), *layer.buffers()], before)
    assert layer.trainable_weights == []


@every_row
def test_eval_is_deterministic(row: Row) -> None:
    layer = built(row)
    inputs = values(row)
    for first, second in zip(apply(row, layer, inputs), apply(row, layer, inputs), strict=True):
        assert torch.equal(first, second)
    if row.random:
        layer.train()
        torch.manual_seed(0)
        first = apply(row, layer, inputs)[0]  # a coin falls twice on one side
        assert not all(torch.equal(apply(row, layer, inputs)[0], first) for _ in range(20))


# ------------------------------------------------------------------------------------------------- compile and export


@every_row
def test_compiles_in_one_graph(row: Row) -> None:
    torch._dynamo.reset()
    model = model_of(row, built(row)).eval()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    inputs = values(row, 4)
    with torch.no_grad():
        equal(compiled(*inputs), model(*inputs))
    model.train()
    weights, before = list(model.parameters()), _state(model)
    torch.manual_seed(0)
    wanted = gradients(model, inputs, weights)
    after = _state(model)
    _put_back(model, before)
    torch.manual_seed(0)
    equal(gradients(compiled, inputs, weights), wanted)
    equal(_state(model), after)


@every_row
def test_exports_with_a_dynamic_batch(row: Row) -> None:
    model = model_of(row, built(row)).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    inputs = tuple(values(row, 3))
    exported = torch.export.export(model, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
    for size in (3, 5):
        others = values(row, size)
        equal(exported.module()(*others), model(*others))


# ---------------------------------------------------------------------------------------------------- unusual inputs


@every_row
@pytest.mark.parametrize("batch", [0, 1])
def test_an_empty_batch_and_a_batch_of_one(row: Row, batch: int) -> None:
    layer = built(row)
    model = model_of(row, layer).eval()
    inputs = values(row, batch)
    outputs = apply(row, layer, inputs)
    assert [tuple(y.shape) for y in outputs] == [(batch, *y.shape[1:]) for y in apply(row, layer, values(row, 2))]
    equal(model(*inputs), outputs)


@every_row
def test_a_non_contiguous_input(row: Row) -> None:
    layer = built(row)
    model = model_of(row, layer).eval()
    inputs = values(row, 3)
    strided = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in inputs]
    assert not all(x.is_contiguous() for x in strided)
    equal(apply(row, layer, strided), apply(row, layer, inputs))
    equal(model(*strided), model(*inputs))


# -------------------------------------------------------------------------------------------------------------- errors


def _cases() -> list[Any]:
    """Each wrong use on symbols; and on tensors, where the shapes are known and the layer is still to be built."""
    cases = []
    for row, wrong in ((each, wrong) for each in ROWS for wrong in each.wrong):
        eager = wrong.inputs is not None and not wrong.built and not any(None in shape for shape in wrong.inputs)
        for how in ("symbols", "tensors") if eager else ("symbols",):
            words = f"{'' if wrong.kwargs is None else wrong.kwargs}{wrong.inputs or ''}"
            cases.append(pytest.param(row, wrong, how, id=f"{row.layer}-{words}-{how}"))
    return cases


@pytest.mark.parametrize(("row", "wrong", "how"), _cases())
def test_wrong_use_is_told(row: Row, wrong: Wrong, how: str) -> None:
    with pytest.raises(LayergraphError) as caught:
        provoke(row, wrong, how)
    message = str(caught.value)
    assert f"{getattr(layers, row.layer).__name__} 'culprit'" in message
    assert [word for word in wrong.says if word not in message] == [], message
    assert re.search(r"  at \S*running\.py:\d+", message), "the user's own line"


@every_row
def test_a_refusal_leaves_the_layer_as_it_was(row: Row) -> None:
    """After a refused call the layer takes right inputs, and its weights fit those."""
    refused = [wrong for wrong in row.wrong if wrong.inputs and wrong.kwargs is None and not wrong.built]
    for wrong in refused:
        layer = make(row)
        with pytest.raises(LayergraphError):
            apply(row, layer, symbols(row, shapes=wrong.inputs), bare=wrong.bare)
        assert layer.get_weights() == []
        apply(row, layer, values(row))
        assert [w.shape for w in layer.get_weights()] == [w.shape for w in built(row).get_weights()]


def test_the_names_of_layers_in_a_module_of_the_users() -> None:
    """A layer is an nn.Module: inside somebody's own it registers, builds at the first call, and trains."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = layers.Dense(4, activation="relu")
            self.head = layers.Dense(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(x))

    net = Net()
    net(torch.ones(2, 3)).sum().backward()
    assert list(net.state_dict()) == ["body.weight", "body.bias", "head.weight", "head.bias"]
    assert all(p.grad is not None for p in net.parameters())


def test_input_layer_gives_what_input_gives() -> None:
    layer = layers.InputLayer(shape=(3, 4), name="here")
    assert layer.output.shape == (None, 3, 4)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    assert layergraph.Input(shape=(3, 4), name="there").shape == layer.output.shape
