"""fit, evaluate and predict: Keras's histories and weights, data in all forms, modes, stops, errors."""

from __future__ import annotations

import ast
import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from layergraph import callbacks, losses, optimizers, training
from layergraph.errors import ArgumentError, DataError
from layergraph.training import Compiled, evaluate, fit, predict, predict_on_batch, train_on_batch
from layergraph.training.faults import LossWatch

GOLDENS = np.load(Path(__file__).parents[1] / "parity" / "goldens" / "training.npz")
RUNS = [key.split("/")[1] for key in GOLDENS.files if key.endswith("/spec")]
ACTIVATIONS = {"linear": nn.Identity, "sigmoid": nn.Sigmoid, "softmax": lambda: nn.Softmax(-1)}
torch.set_num_threads(1)


def error(a, b) -> float:
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    assert a.shape == b.shape
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-3 * np.max(np.abs(b)) + 1e-30)))


class Twin(nn.Module):
    """The recorded Keras model in plain torch."""

    def __init__(self, heads, l2=0.0):
        super().__init__()
        self.hidden = nn.Linear(5, 8)
        self.heads = nn.ModuleDict({name: nn.Sequential(nn.Linear(8, size), ACTIVATIONS[act]()) for name, (_, size, act) in heads.items()})
        self.output_names = list(heads)
        self.l2 = l2

    @property
    def losses(self):
        return [self.l2 * self.hidden.weight.square().sum()] if self.l2 else []

    def forward(self, x):
        hidden = torch.relu(self.hidden(x))
        outputs = [head(hidden) for head in self.heads.values()]
        return outputs if len(outputs) > 1 else outputs[0]

    def linears(self):
        return [self.hidden, *(head[0] for head in self.heads.values())]

    @torch.no_grad()
    def load(self, weights):
        for layer, kernel, bias in zip(self.linears(), weights[::2], weights[1::2], strict=True):
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(bias))

    def save(self):
        return [w for layer in self.linears() for w in (layer.weight.detach().numpy().T, layer.bias.detach().numpy())]


def prepare(name):
    spec = ast.literal_eval(str(GOLDENS[f"run/{name}/spec"]))
    heads = spec["heads"]
    model = Twin(heads, spec.get("l2", 0.0))
    count = 2 + 2 * len(heads)
    model.load([GOLDENS[f"run/{name}/start/{i}"] for i in range(count)])
    kind, options = spec["optimizer"]
    if "schedule" in options:
        schedule, args = options["schedule"]
        options = {"learning_rate": getattr(optimizers.schedules, schedule)(*args)}
    compiled = Compiled(getattr(optimizers, kind)(**options), **spec["compile"], output_names=model.output_names)
    targets = [GOLDENS[f"run/y/{kind}"] for kind, *_ in heads.values()]
    targets = dict(zip(heads, targets, strict=True)) if spec.get("by_name") else targets if len(targets) > 1 else targets[0]
    weights = GOLDENS["run/sw"] if spec.get("sw") else None
    if weights is not None and len(heads) > 1:
        weights = [weights] * len(heads)
    return spec, model, compiled, targets, weights


@pytest.mark.parametrize("name", RUNS)
def test_history_and_weights_equal_keras(name):
    spec, model, compiled, targets, weights = prepare(name)
    x = GOLDENS["run/x"]
    history = fit(
        model,
        compiled,
        x,
        targets,
        sample_weight=weights,
        class_weight=spec.get("class_weight"),
        epochs=5,
        shuffle=False,
        verbose=0,
        **{"batch_size": 10, **spec.get("fit", {})},
    )
    assert list(history.history) == list(GOLDENS[f"run/{name}/keys"])
    for key, values in history.history.items():
        assert error(values, GOLDENS[f"run/{name}/history/{key}"]) <= 1e-5, key
    for i, weight in enumerate(model.save()):
        assert error(weight, GOLDENS[f"run/{name}/end/{i}"]) <= 1e-5
    scored = evaluate(model, compiled, x, targets, sample_weight=weights, batch_size=16, verbose=0)
    assert error(np.atleast_1d(scored), GOLDENS[f"run/{name}/evaluate"]) <= 1e-5


# --- data --------------------------------------------------------------------------------------------------------------


class Two(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(2, 1), nn.Linear(3, 1)
        self.input_names, self.output_names = ["profile", "activity"], ["sum", "gap"]

    def forward(self, profile, activity):
        a, b = self.left(profile), self.right(activity)
        return a + b, a - b


def two_data(n=20):
    rng = np.random.default_rng(0)
    return rng.random((n, 2)), rng.random((n, 3)), rng.random((n, 1)), rng.random((n, 1))


def weights_after(x, y, sample_weight=None, model=None, batch_size=8, **options):
    torch.manual_seed(1)
    model = Two() if model is None else model
    fit(model, Compiled(optimizers.SGD(0.1), "mse"), x, y, batch_size, sample_weight=sample_weight, shuffle=False, verbose=0, **options)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def forms():
    a, b, c, d = two_data()
    tensors = [torch.tensor(v, dtype=torch.float32) for v in (a, b, c, d)]
    reverse = np.ascontiguousarray(a[::-1])[::-1]
    frozen = b.copy()
    frozen.flags.writeable = False
    return {
        "list": ([a, b], [c, d]),
        "tuple": ((a, b), (c, d)),
        "dict": ({"activity": b, "profile": a}, {"gap": d, "sum": c}),
        "tensors": (tensors[:2], tensors[2:]),
        "negative strides, read-only, big-endian, float16 columns": ([reverse, frozen], [c.astype(">f8"), d[:, 0]]),
        "loader": (
            DataLoader([((a[i].astype("f4"), b[i].astype("f4")), (c[i].astype("f4"), d[i].astype("f4"))) for i in range(20)], 8),
            None,
        ),
    }


@pytest.mark.parametrize("form", forms())
def test_every_form_of_data_trains_the_same(form):
    x, y = forms()[form]
    expected = weights_after(*forms()["list"])
    assert torch.allclose(weights_after(x, y), expected, atol=1e-7)


def test_arrays_are_not_copied():
    array = np.zeros((6, 2), "float32")
    source = training.data.sources.make_source(nn.Linear(2, 1), array)
    assert source.xs[0].data_ptr() == array.ctypes.data


@pytest.mark.parametrize("weight", ["array", "list", "dict"])
def test_sample_weights_by_output(weight):
    a, b, c, d = two_data()
    w = np.linspace(0, 1, 20)
    given = {"array": w, "list": [w, w], "dict": {"sum": w, "gap": w}}[weight]
    assert torch.allclose(weights_after([a, b], [c, d], given), weights_after([a, b], [c, d], [w[:, None], w[:, None]]))
    assert not torch.allclose(weights_after([a, b], [c, d], given), weights_after([a, b], [c, d]))


def test_datasets_and_loaders_with_weights():
    x, y, w = torch.rand(10, 3), torch.rand(10, 1), torch.rand(10)
    results = []
    for data in ((x, y, w), (TensorDataset(x, y, w),), (DataLoader(TensorDataset(x, y, w), batch_size=4),)):
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        sample_weight = {"sample_weight": data[2]} if len(data) == 3 else {}
        fit(model, Compiled("sgd", "mse"), *data[:2], batch_size=4, shuffle=False, verbose=0, **sample_weight)
        results.append(model.weight.detach())
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert predict(model, DataLoader(TensorDataset(x, y, w), 4), verbose=0).shape == (10, 1)


def test_one_structure_for_a_module_with_one_parameter():
    class Pair(nn.Linear):
        def forward(self, inputs):
            a, b = inputs
            return super().forward(a) + super().forward(b)

    class Named(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs["a"]) + super().forward(inputs["b"])

    a, b = np.ones((4, 2)), np.ones((4, 2))
    assert predict(Pair(2, 1), [a, b], verbose=0).shape == (4, 1)
    assert predict(Named(2, 1), {"a": a, "b": b}, verbose=0).shape == (4, 1)


class Seen(nn.Linear):
    """Remembers the first column of what it was given."""

    def __init__(self):
        super().__init__(1, 1)
        self.seen = []

    def forward(self, x):
        if self.training:
            self.seen.append(x[:, 0].int().tolist())
        return super().forward(x)


def orders(shuffle, epochs=2, **options):
    model = Seen()
    x = np.arange(10, dtype="float32")[:, None]
    fit(model, Compiled(optimizers.SGD(0.0), "mse"), x, x, 4, epochs=epochs, shuffle=shuffle, verbose=0, **options)
    return model.seen


def test_shuffling_is_a_function_of_the_seed_and_the_epoch():
    torch.manual_seed(3)
    first = orders(True, 3)
    torch.manual_seed(3)
    again = orders(True, 3)
    torch.manual_seed(3)
    late = orders(True, 3, initial_epoch=2)
    assert first == again
    assert first[6:] == late
    epochs = [[sample for batch in first[i : i + 3] for sample in batch] for i in (0, 3, 6)]
    assert all(sorted(order) == list(range(10)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert orders(True) != orders(True)


def test_no_shuffling_and_shuffling_of_batches():
    assert orders(False, 1) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    torch.manual_seed(0)
    batches = orders("batch", 8)
    assert {tuple(batch) for batch in batches} == {(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)}
    assert batches[2::3] == [[8, 9]] * 8
    assert len({str(batches[i]) for i in range(0, 24, 3)}) == 2


def test_the_last_part_is_for_validation():
    model = Seen()
    x = np.arange(10, dtype="float32")[:, None]
    history = fit(model, Compiled(optimizers.SGD(0.0), "mse"), x, x, 4, validation_split=0.25, verbose=0)
    assert sorted(sample for batch in model.seen for sample in batch) == [0, 1, 2, 3, 4, 5, 6]
    other = evaluate(model, Compiled(optimizers.SGD(0.0), "mse"), x[7:], x[7:], verbose=0)
    assert history.history["val_loss"] == [pytest.approx(other)]


def test_validation_data_and_frequency():
    x = torch.rand(10, 1)
    compiled = Compiled("sgd", "mse", metrics=["mae"])
    history = fit(nn.Linear(1, 1), compiled, x, x, epochs=4, validation_data=(x, x, torch.ones(10)), validation_freq=2, verbose=0)
    assert [len(v) for v in history.history.values()] == [4, 4, 2, 2]
    history = fit(
        nn.Linear(1, 1),
        Compiled("sgd", "mse"),
        x,
        x,
        epochs=3,
        validation_data=DataLoader(TensorDataset(x, x), 5),
        validation_freq=[3],
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 1


def test_steps_per_epoch_goes_on_where_it_stopped():
    model = Seen()
    x = np.arange(10, dtype="float32")[:, None]
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        fit(model, Compiled(optimizers.SGD(0.0), "mse"), x, x, 4, epochs=3, steps_per_epoch=2, shuffle=False, verbose=0)
    assert model.seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [0, 1, 2, 3], [4, 5, 6, 7]]


def test_class_weights_equal_sample_weights():
    x, y = torch.rand(9, 2), torch.arange(9) % 3
    weights = {0: 1.0, 1: 2.0, 2: 0.0}
    results = []
    for options in ({"class_weight": weights}, {"sample_weight": torch.tensor([weights[int(c)] for c in y])}):
        torch.manual_seed(0)
        model = nn.Linear(2, 3)
        fit(model, Compiled("sgd", losses.SparseCategoricalCrossentropy(from_logits=True)), x, y, shuffle=False, verbose=0, **options)
        results.append(model.weight.detach())
    assert torch.equal(*results)


def test_float64_models_stay_float64():
    model = nn.Linear(2, 1).double()
    x = np.random.default_rng(0).random((6, 2))
    fit(model, Compiled("adam", "mse"), x, x[:, :1], verbose=0)
    assert predict(model, x, verbose=0).dtype == np.float64
    assert predict(nn.Linear(2, 1), x, verbose=0).dtype == np.float32


# --- wrong data --------------------------------------------------------------------------------------------------------

X, Y = np.ones((6, 4), "float32"), np.ones((6, 1), "float32")


def wrong():
    a, b, c, d = two_data(6)
    one, two = lambda: nn.Linear(4, 1), Two
    generator = (0 for _ in ())
    return [
        (one, {"x": X, "y": Y[:4]}, DataError, "Data cardinality is ambiguous", "'y' sizes: 4"),
        (two, {"x": [a, b[:3]], "y": [c, d]}, DataError, "Data cardinality is ambiguous", "'x' sizes: 6, 3"),
        (one, {"x": X[:0], "y": Y[:0]}, DataError, "the data is empty", "0 samples"),
        (one, {"x": X, "y": np.array(["a"] * 6)}, DataError, "`y` holds str", ""),
        (one, {"x": X, "y": np.array([None] * 6)}, DataError, "`y` holds object", ""),
        (one, {"x": X}, DataError, "needs `y`", "'mse'"),
        (one, {"x": None, "y": Y}, DataError, "`x` is None", ""),
        (one, {"x": np.float32(3), "y": Y}, DataError, "has no axes", ""),
        (one, {"x": generator, "y": Y}, DataError, "`x` as a generator", "`y` should not be passed"),
        (one, {"x": generator, "validation_split": 0.2}, DataError, "validation_split", "`x` is a generator"),
        (one, {"x": X, "y": [Y, Y]}, DataError, "`y` has 2 arrays, but the model has 1 output", ""),
        (one, {"x": TensorDataset(torch.tensor(X), torch.tensor(Y)), "y": Y}, DataError, "`y` should not be passed", ""),
        (one, {"x": DataLoader([(1.0, 2.0, 3.0, 4.0)]), "y": None}, DataError, "(x, y, sample_weight)", "4 entries"),
        (two, {"x": [a], "y": [c, d]}, DataError, "`x` has 1 array, but the model takes 2: profile, activity", ""),
        (two, {"x": {"profil": a, "activity": b}, "y": [c, d]}, DataError, "unknown input name 'profil'", "did you mean 'profile'?"),
        (two, {"x": {"profile": a}, "y": [c, d]}, DataError, 'Missing data for input "activity"', "add 'activity'"),
        (two, {"x": [a, b], "y": c}, DataError, "`y` has 1 array, but the model has 2 outputs: sum, gap", "{'sum': ..., 'gap': ...}"),
        (two, {"x": [a, b], "y": {"sum": c, "gab": d}}, DataError, "`y` has an unknown output name 'gab'", "did you mean 'gap'?"),
        (two, {"x": [a, b], "y": {"sum": c}}, DataError, "`y` has no target for output 'gap'", ""),
        (
            two,
            {"x": [a, b], "y": [c, d], "sample_weight": {"sun": c}},
            DataError,
            "`sample_weight` has an unknown output name 'sun'",
            "did you mean 'sum'?",
        ),
        (
            two,
            {"x": [a, b], "y": [c, d], "class_weight": {0: 1.0}},
            DataError,
            "`class_weight` is only supported for Models with a single output",
            "",
        ),
        (one, {"x": X, "y": Y, "class_weight": {0: 1.0}}, DataError, "class_weight has no entry for class 1", ""),
        (
            one,
            {"x": X, "y": Y, "class_weight": {1: 1.0}, "sample_weight": Y},
            ArgumentError,
            "You cannot `class_weight` and `sample_weight` at the same time",
            "",
        ),
        (
            one,
            {"x": X, "y": np.ones((6, 3, 2), "float32")},
            DataError,
            "the loss cannot be computed",
            "y_true (6, 3, 2) float32, y_pred (6, 1) float32",
        ),
        (one, {"x": X, "y": Y, "epochs": -1}, ArgumentError, "epochs=-1", ""),
        (one, {"x": X, "y": Y, "batch_size": 0}, DataError, "batch_size=0", ""),
        (one, {"x": X, "y": Y, "steps_per_epoch": 0}, ArgumentError, "steps_per_epoch=0", ""),
        (one, {"x": X, "y": Y, "validation_split": 1.5}, ArgumentError, "validation_split=1.5", ""),
        (
            one,
            {"x": X[:1], "y": Y[:1], "validation_split": 0.5},
            DataError,
            "Training data contains 1 samples, which is not sufficient",
            "",
        ),
        (one, {"x": X, "y": Y, "validation_data": (X, Y, Y, Y)}, DataError, "validation_data must be", "4 entries"),
        (one, {"x": X, "y": Y, "shuffle": "no"}, ArgumentError, "shuffle='no'", ""),
        (one, {"x": X, "y": Y, "verbose": 3}, ArgumentError, "verbose=3", ""),
        (one, {"x": X, "y": Y, "callbacks": [print]}, ArgumentError, "callbacks[0] is <built-in function print>", "not a Callback"),
    ]


@pytest.mark.parametrize("row", wrong(), ids=lambda row: row[3][:50])
def test_wrong_data_is_told_and_changes_nothing(row):
    make, arguments, kind, first, second = row
    model = make()
    before = copy.deepcopy(model.state_dict())
    modes = [m.training for m in model.modules()]
    with pytest.raises(kind) as caught:
        fit(model, Compiled("sgd", "mse"), **{"verbose": 0, **arguments})
    text = str(caught.value)
    assert first in text
    assert second in text
    assert __file__ in text
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "text"),
    [
        ("bce", 1, np.array([[1.0], [2.0]]), "binary_crossentropy wants targets in [0, 1], but one is 2"),
        ("sparse_categorical_crossentropy", 3, np.array([0, 3]), "wants labels in [0, 2] for 3 classes, but one is 3"),
        ("sparse_categorical_crossentropy", 3, np.array([-1, 0]), "but one is -1"),
        (lambda t, p: 5, 1, np.ones((2, 1)), "returned 5 (int), which has no gradient"),
        (lambda t, p: (p.detach() - t) ** 2, 1, np.ones((2, 1)), "the loss has no gradient"),
        (None, 1, np.ones((2, 1)), "No loss to compute. Provide a `loss` argument in `compile()`."),
    ],
)
def test_targets_that_do_not_fit_the_loss(loss, outputs, y, text):
    model = nn.Sequential(nn.Linear(2, outputs), nn.Sigmoid())
    with pytest.raises((DataError, ArgumentError)) as caught:
        fit(model, Compiled("sgd", loss, metrics=["mae"]), np.ones((2, 2)), y, verbose=0)
    assert text in str(caught.value)


# --- outputs -----------------------------------------------------------------------------------------------------------


def test_predict_keeps_the_structure_and_all_samples():
    class Nested(nn.Module):
        def forward(self, x):
            return {"b": x, "a": [x * 2, (x.bfloat16() * 3, None)]}

    x = np.arange(70, dtype="float32")[:, None]
    out = predict(Nested(), x, batch_size=32, verbose=0)
    assert list(out) == ["b", "a"]
    assert isinstance(out["a"][1], tuple)
    np.testing.assert_array_equal(out["b"], x)
    np.testing.assert_array_equal(out["a"][0], x * 2)
    assert out["a"][1][0].dtype == np.float32
    assert out["a"][1][1] is None
    assert predict_on_batch(Nested(), x[:2])["a"][0].shape == (2, 1)
    assert predict(Nested(), x, batch_size=8, steps=3, verbose=0)["b"].shape == (24, 1)


def test_predict_of_nothing_is_nothing_of_the_right_shape():
    for options in ({}, {"batch_size": 4}, {"steps": 1}):
        out = predict(nn.Linear(4, 2), np.zeros((0, 4), "float32"), verbose=0, **options)
        assert (out.shape, out.dtype) == ((0, 2), np.float32)


def test_dict_outputs_take_losses_by_key():
    class Named(nn.Linear):
        def forward(self, x):
            return {"z": super().forward(x), "a": super().forward(-x)}

    compiled = Compiled("sgd", {"z": "mse"}, metrics={"a": ["mae"]})
    logs = evaluate(Named(4, 1), compiled, X, {"z": Y, "a": Y * 2}, verbose=0, return_dict=True)
    assert list(logs) == ["a_mae", "loss"]
    with pytest.raises(DataError, match="`y` has an unknown output name 'zz'; the model's outputs are 'a', 'z'"):
        evaluate(Named(4, 1), Compiled("sgd", "mse"), X, {"z": Y, "zz": Y}, verbose=0)


def test_evaluate_of_a_loss_alone_is_a_number():
    value = evaluate(nn.Linear(4, 1), Compiled("sgd", "mse"), X, Y, verbose=0)
    assert isinstance(value, float)
    logs = evaluate(nn.Linear(4, 1), Compiled("sgd", "mse", metrics=["mae"]), X, Y, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "mae"]


def test_one_batch_forms():
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    twin = copy.deepcopy(model)
    compiled = Compiled(optimizers.SGD(0.1), "mse", metrics=["mae"])
    loss, mae = train_on_batch(model, compiled, X, Y)
    assert (loss, mae) == tuple(training.test_on_batch(twin, Compiled("sgd", "mse", metrics=["mae"]), X, Y))
    assert train_on_batch(model, compiled, X, Y, return_dict=True)["loss"] < loss
    assert compiled.optimizer.iterations == 2


# --- optimizers of torch -----------------------------------------------------------------------------------------------


def test_a_torch_optimizer_or_class():
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    twin = copy.deepcopy(model)
    fit(model, Compiled(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5), "mse"), X, Y, epochs=3, verbose=0)
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.5)
    for _ in range(3):
        by_hand.zero_grad()
        nn.functional.mse_loss(twin(torch.tensor(X)), torch.tensor(Y)).backward()
        by_hand.step()
    assert torch.allclose(model.weight, twin.weight, atol=1e-6)
    compiled = Compiled(torch.optim.AdamW, "mse")
    fit(model, compiled, X, Y, verbose=0)
    assert isinstance(compiled.optimizer, torch.optim.AdamW)
    with pytest.raises(ArgumentError, match="holds none of the model's trainable parameters"):
        fit(nn.Linear(4, 1), compiled, X, Y, verbose=0)


def test_frozen_parameters_stay_and_missing_gradients_are_told():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 1), nn.Linear(4, 1)

        def forward(self, x):
            return self.a(x)

    model = Half()
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['b.weight', 'b.bias'\]"):
        fit(model, Compiled("sgd", "mse"), X, Y, verbose=0)
    model.a.requires_grad_(False)
    before = model.a.weight.clone()
    with pytest.raises(ArgumentError, match="the loss has no gradient"):
        fit(model, Compiled("sgd", "mse"), X, Y, verbose=0)
    model.requires_grad_(False)
    with pytest.warns(UserWarning, match="The model does not have any trainable weights"):
        history = fit(model, Compiled("adam", "mse"), X, Y, verbose=0)
    assert torch.equal(model.a.weight, before)
    assert len(history.history["loss"]) == 1


def test_constraints_run_after_each_step():
    class Positive(nn.Linear):
        calls = 0

        def apply_constraints(self):
            self.calls += 1
            with torch.no_grad():
                self.weight.clamp_(min=0.0)

    model = Positive(4, 1)
    fit(model, Compiled("sgd", "mse"), X, -Y, 2, epochs=2, verbose=0)
    assert model.calls == 6
    assert model.weight.min().item() >= 0.0
    model.has_constraints = False  # said by a module that need not be asked at every step
    fit(model, Compiled("sgd", "mse"), X, -Y, 2, verbose=0)
    assert model.calls == 6


# --- modes -------------------------------------------------------------------------------------------------------------


class Frozen(nn.Dropout):
    """A part that is always in eval mode."""

    def train(self, mode=True):
        return super().train(False)


def mixed():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), Frozen(0.5), nn.Sequential(nn.Dropout(0.1)), nn.Linear(4, 1))
    model[2].train()
    model[3].eval()
    return model


def test_modes_are_set_and_restored():
    model = mixed()
    before = [m.training for m in model.modules()]
    seen = {}

    class Look(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen["fit"] = [m.training for m in model.modules()]

        def on_test_batch_end(self, batch, logs=None):
            seen["test"] = [m.training for m in model.modules()]

        def on_predict_batch_end(self, batch, logs=None):
            seen["predict"] = [m.training for m in model.modules()]

    fit(model, Compiled("sgd", "mse"), X, Y, validation_split=0.5, verbose=0, callbacks=[Look()])
    assert seen["fit"] == [True, True, True, False, True, True, True]
    assert seen["test"] == [False] * 7
    assert [m.training for m in model.modules()] == before
    predict(model, X, verbose=0, callbacks=[Look()])
    assert seen["predict"] == [False] * 7
    assert [m.training for m in model.modules()] == before


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("event", ["on_train_batch_end", "on_epoch_end", "on_test_batch_end"])
def test_modes_are_restored_after_a_stop(kind, event):
    model = mixed()
    before = [m.training for m in model.modules()]

    def stop(*_):
        raise kind("disk gone")

    callback = callbacks.Callback()
    setattr(callback, event, stop)
    compiled = Compiled("sgd", "mse")
    with pytest.raises(kind, match="disk gone"):
        fit(model, compiled, X, Y, validation_split=0.5, verbose=0, callbacks=[callback])
    assert [m.training for m in model.modules()] == before
    fit(model, compiled, X, Y, verbose=0)
    assert np.isfinite(predict(model, X, verbose=0)).all()


@pytest.mark.parametrize(("samples", "batch"), [(33, 32), (5, 1), (1, 32)])
def test_batch_norm_on_one_sample_is_told_before_training(samples, batch):
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    before = copy.deepcopy(model.state_dict())
    data = np.random.default_rng(0).random((samples, 4)), np.ones((samples, 1))
    with pytest.raises(DataError, match=r"the last batch has 1 sample .* batch normalization '1' gets one value per channel"):
        fit(model, Compiled("sgd", "mse"), *data, batch, verbose=0)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    model[1].train = lambda mode=True: nn.Module.train(model[1], False)  # frozen: it trains
    fit(model, Compiled("sgd", "mse"), *data, batch, verbose=0)


def test_batch_norm_over_places_trains_on_one_sample():
    model = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(12, 1))
    fit(model, Compiled("sgd", "mse"), np.ones((3, 2, 4)), np.ones((3, 1)), 2, verbose=0)


# --- state -------------------------------------------------------------------------------------------------------------


def test_state_survives_copies_after_fit():
    torch.manual_seed(0)
    model, compiled = nn.Linear(4, 1), Compiled("adam", "mse", metrics=["mae"])
    fit(model, compiled, X, Y, epochs=2, verbose=0)
    for twin, state in (copy.deepcopy((model, compiled)), pickle.loads(pickle.dumps((model, compiled)))):
        assert state.optimizer is not compiled.optimizer
        assert state.optimizer.parameters[0] is twin.weight
        assert state.history.history == compiled.history.history
        original = copy.deepcopy((model, compiled))
        assert fit(twin, state, X, Y, verbose=0).history == fit(*original, X, Y, verbose=0).history
        assert torch.equal(twin.weight, original[0].weight)


def test_a_lambda_is_left_out_of_a_pickle_with_a_warning():
    compiled = Compiled("sgd", lambda t, p: (t - p).square().mean())
    with pytest.warns(UserWarning, match="the copy is without `loss`"):
        twin = pickle.loads(pickle.dumps(compiled))
    assert twin.loss is None
    assert copy.deepcopy(compiled).loss is compiled.loss


def test_a_second_fit_goes_on_and_an_epoch_count_that_is_done_warns():
    model, compiled = nn.Linear(4, 1), Compiled("adam", "mse")
    fit(model, compiled, X, Y, epochs=2, verbose=0)
    history = fit(model, compiled, X, Y, epochs=5, initial_epoch=2, verbose=0)
    assert compiled.optimizer.iterations == 5
    assert history.epoch == [2, 3, 4]
    with pytest.warns(UserWarning, match="nothing is left to train"):
        assert fit(model, compiled, X, Y, epochs=2, initial_epoch=5, verbose=0).history == {}


def test_a_loss_that_is_not_finite_is_told():
    with pytest.warns(UserWarning, match="the loss is nan in epoch 1"):
        fit(nn.Linear(4, 1), Compiled("sgd", "mse"), X * np.nan, Y, verbose=0)


def test_no_device_is_waited_for_within_an_epoch(monkeypatch):
    reads = []
    item = torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "__float__", lambda t: reads.append(1) or item(t))
    monkeypatch.setattr(torch.Tensor, "item", lambda t: reads.append(1))
    monkeypatch.setattr(LossWatch, "look", lambda *_: None)  # it reads after each step on the CPU only, where nothing is waited for
    fit(
        nn.Linear(4, 1),
        Compiled("adam", "mse", metrics=["mae"], weighted_metrics=["mse"]),
        np.ones((640, 4)),
        np.ones((640, 1)),
        4,
        verbose=0,
    )
    assert len(reads) == 3


def test_uncompiled():
    with pytest.raises(ArgumentError, match=r"You must call `compile\(\)` before using the model\."):
        fit(nn.Linear(4, 1), None, X, Y)


def test_methods_of_a_plain_module_are_its_own_affair():
    class Own(nn.Linear):
        def train_step(self, data):
            raise AssertionError

    with pytest.warns(UserWarning, match=r"Own\.train_step is not called: only a layergraph\.Model, or a class that has"):
        history = fit(Own(4, 1), Compiled("sgd", "mse"), X, Y, verbose=0)
    assert list(history.history) == ["loss"]


def test_nothing_warns(recwarn):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(nn.Linear(4, 1), Compiled("adam", "mse"), X, Y, verbose=0)
