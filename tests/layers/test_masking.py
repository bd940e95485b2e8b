"""Masks as edges of the graph: how they travel, who takes them, and what of them is seen."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import layergraph
from layergraph import Input, Model, Sequential, layers, models
from layergraph.layers import Layer

from ..parity import golden, masked


class Mean(Layer):
    """The mean over the steps that count."""

    def call(self, x, mask=None):
        if mask is None:
            return x.mean(1)
        weights = mask.unsqueeze(-1).to(x.dtype)
        return (x * weights).sum(1) / weights.sum(1)

    def compute_mask(self, inputs, mask=None):
        return None


TOKENS = torch.tensor([[1, 2, 0, 0, 3], [4, 0, 5, 0, 0]])


def embedded(**words: Any) -> tuple[Any, Any]:
    tokens = Input((5,), dtype="int64")
    return tokens, layers.Embedding(6, 3, mask_zero=True, **words)(tokens)


@cache
def _recorded() -> dict[str, np.ndarray]:
    with np.load(masked.GOLDEN) as file:
        return dict(file)


def _whole() -> Any:
    model = masked.build(layergraph)
    model.set_weights([array for name, array in sorted(_recorded().items()) if name.startswith("weight")])
    return model.eval()


def _through_json(model: Any) -> Any:
    with layergraph.saving.custom_object_scope({"Mean": next(type(each) for each in model.layers if type(each).__name__ == "Mean")}):
        twin = models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    return twin.eval()


def _cloned(model: Any) -> Any:
    twin = models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin.eval()


WAYS = {
    "itself": lambda model: model,
    "deepcopy": copy.deepcopy,
    "clone": _cloned,
    "json": _through_json,
    "compiled": lambda model: torch.compile(model, fullgraph=True, backend="aot_eager"),
    "exported": lambda model: torch.export.export(model, (torch.from_numpy(masked.FIRST), torch.from_numpy(masked.SECOND))).module(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_model_is_keras_s(way: str) -> None:
    torch._dynamo.reset()
    model = WAYS[way](_whole())
    outputs = model(torch.from_numpy(masked.FIRST), torch.from_numpy(masked.SECOND))
    wanted = [array for name, array in sorted(_recorded().items()) if name.startswith("output")]
    assert len(outputs) == len(wanted) > 30
    errors = [golden.error(got.detach().numpy(), array) for got, array in zip(outputs, wanted, strict=True)]
    assert max(errors) <= golden.LIMITS["float32"]


def test_the_graph_shows_the_mask() -> None:
    tokens, x = embedded(name="words")
    model = Model(tokens, Mean(name="pool")(layers.Dense(2, name="head")(x)))
    body = [line.split(";")[0].strip() for line in model.code.splitlines()]
    assert body[body.index("ne = input_layer != 0") :] == [
        "ne = input_layer != 0",
        "words = self.words(input_layer)",
        "head = self.head(words)",
        "pool = self.pool(head, mask = ne)",
        "return pool",
        "",
    ]


def test_keras_s_orders_do_not_see_masks() -> None:
    tokens, x = embedded(name="words")
    model = Model(tokens, Mean(name="pool")(layers.Dense(2, name="head")(x)))
    assert [layer.name for layer in model.layers] == ["input_layer", "words", "head", "pool"]
    assert model.operations == model.layers
    assert [len(entry["inbound_nodes"]) for entry in model.get_config()["layers"]] == [0, 1, 1, 1]
    assert [call["kwargs"] for entry in model.get_config()["layers"] for call in entry["inbound_nodes"]] == [{}, {}, {}]
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "ne" not in "\n".join(lines).split()


def test_output_masks() -> None:
    tokens, x = embedded()
    head = layers.Dense(2)(x)
    model = Model(tokens, [head, Mean()(x), layers.Add()([head, head])])
    for each in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(Model(tokens, [head, x * 1, head])))):
        found = each.output_masks
        assert [mask is not None for mask in found] == [True, False, True]
        values = Model(each.inputs, [mask for mask in found if mask is not None])(TOKENS)
        assert all(torch.equal(value, TOKENS != 0) for value in values)
    assert Model(x, head).output_masks == [None]  # the mask comes from tokens, which are no input here


def test_a_model_cut_behind_the_tokens_runs_without_their_mask() -> None:
    tokens, x = embedded(name="words")
    y = layers.Dense(2, name="head")(Mean(name="pool")(x))
    with pytest.warns(UserWarning, match="Mean 'pool' runs without its mask, which torch ne makes from what is not among `inputs`"):
        tail = Model(x, y)
    vectors = torch.linspace(-1, 1, 30).reshape(2, 5, 3)
    torch.testing.assert_close(tail(vectors), tail.head(vectors.mean(1)))
    torch.testing.assert_close(copy.deepcopy(tail)(vectors), tail(vectors))
    whole = Model(tokens, y)
    assert whole.head is tail.head
    assert "mask = ne" in whole.code
    assert "mask" not in tail.code


def test_a_mask_survives_surgery() -> None:
    tokens, x = embedded(name="words")
    model = Model(tokens, Mean(name="pool")(layers.Dense(2, name="head")(x)))
    scaled = model.insert_after("head", layers.Activation("tanh", name="act"))
    wanted = torch.stack([model.at("head").eval()(TOKENS).tanh()[i][TOKENS[i] != 0].mean(0) for i in range(2)])
    torch.testing.assert_close(scaled(TOKENS), wanted)


def test_a_nested_model_in_a_mode_of_its_own_takes_masks() -> None:
    inner_in = Input((5, 3))
    inner = Model(inner_in, Mean()(layers.Dropout(0.5)(layers.Dense(3, use_bias=False)(inner_in))))
    tokens, x = embedded()
    model = Model(tokens, inner(x, training=False)).train()
    with torch.no_grad():
        rows = inner.get_layer("dense")(model.embedding(TOKENS))
    wanted = torch.stack([rows[i][TOKENS[i] != 0].mean(0) for i in range(2)])
    torch.testing.assert_close(model(TOKENS), wanted)


def test_several_arguments_get_a_mask_each() -> None:
    seen: dict[str, Any] = {}

    class Attends(Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            seen.update(query=query_mask, value=value_mask)
            return query + value

    tokens, x = embedded()
    bare = Input((5, 3))
    model = Model([tokens, bare], Attends()(x, bare))
    model(TOKENS, torch.ones(2, 5, 3))
    assert torch.equal(seen["query"], TOKENS != 0)
    assert seen["value"] is None


def test_a_mask_by_hand_wins() -> None:
    tokens, x = embedded()
    given = Input((5,), dtype="bool")
    model = Model([tokens, given], Mean()(x, mask=given))
    first = torch.tensor([True, False, False, False, False]).expand(2, 5)
    with torch.no_grad():
        torch.testing.assert_close(model(TOKENS, first), model.embedding(TOKENS)[:, 0])


def test_a_sequential_hands_masks_on() -> None:
    model = Sequential([Input((5,), dtype="int64"), layers.Embedding(6, 3, mask_zero=True), layers.Dense(3), Mean()])
    alike = pickle.loads(pickle.dumps(Sequential([Input((5,), dtype="int64"), layers.Embedding(6, 3, mask_zero=True), layers.Dense(3)])))
    assert alike.output_masks[0].shape == (None, 5)
    rows = Model(model.inputs, model.layers[1].output)(TOKENS)
    torch.testing.assert_close(model(TOKENS), torch.stack([rows[i][TOKENS[i] != 0].mean(0) for i in range(2)]))


WARNS = {
    "a layer that knows no masks": (
        lambda x: layers.Flatten(name="flat")(x),
        "Flatten 'flat' was given a tensor with a mask, from Embedding 'words', and does not support masks: the layers after it see none",
    ),
    "a layer of the user's": (
        lambda x: layers.Dense(2)(type("Plain", (Layer,), {"call": lambda self, x: x})(name="plain")(x)),
        "Plain 'plain' was given a tensor with a mask, from Embedding 'words', and does not support masks: the layers after it see none; "
        "write call(self, x, mask=None) to take it, or set self.supports_masking = True to pass it on",
    ),
    "a torch function": (
        lambda x: Mean(name="pool")(torch.relu(x * 2)),
        "Mean 'pool' takes a mask and gets none: Embedding 'words' made one, and torch mul, at {here}, dropped it; "
        "hand it on with mask=, or use a layer instead of the function",
    ),
}


@pytest.mark.parametrize("what", WARNS)
def test_a_mask_that_is_lost_is_told(what: str) -> None:
    use, text = WARNS[what]
    _, x = embedded(name="words")
    with pytest.warns(UserWarning, match="mask") as caught:
        use(x)
    said = [str(each.message) for each in caught]
    place = said[0].split(", at ")[1].split(", dropped")[0] if "{here}" in text else ""
    assert said == [text.replace("{here}", place)]
    assert __file__ in caught[0].filename
    assert not place or place.startswith(__file__)


def test_eager_calls_warn_once() -> None:
    layer = layers.Embedding(6, 3, mask_zero=True, name="words")
    with pytest.warns(UserWarning, match="mask") as caught:
        assert torch.equal(layer(TOKENS), layer(TOKENS))
    assert [str(each.message) for each in caught] == [
        "Embedding 'words' was called on tensors, which carry no masks: mask = layer.compute_mask(x), and then next_layer(y, mask=mask)"
    ]
    assert torch.equal(layer.compute_mask(TOKENS), TOKENS != 0)


# Recorded from Keras 3.15.1: [loss, its three parts, mae, weighted mse, two accuracies], before and after a step.
BEFORE = [6.184743, 1.342191, 1.0772687, 3.7652829, 0.93912375, 1.3421907, 0.5, 0.1]
AFTER = [5.6865597, 1.0811117, 1.0448314, 3.5606163, 0.851011, 1.0811117, 0.5, 0.1]


def _trained() -> tuple[Any, Any, Any, Any]:
    tokens = Input((5,), dtype="int32")
    x = layers.Embedding(6, 3, mask_zero=True)(tokens)
    first = layers.Dense(2, name="a")(x)
    second = layers.Dense(1, name="b", activation="sigmoid")(layers.Embedding(6, 3)(tokens))
    third = layers.Dense(4, name="c", activation="softmax")(x)
    model = Model(tokens, [first, second, third])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    rows = np.array([[1, 2, 0, 0, 3], [4, 0, 5, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], "int32")
    targets = [rng.normal(size=(4, 5, 2)).astype("float32"), (rng.random((4, 5, 1)) < 0.5).astype("float32"), rng.integers(0, 4, (4, 5))]
    return model, (tokens, first, third), rows, targets


def test_masked_steps_do_not_count_in_training() -> None:
    model, _, rows, targets = _trained()
    model.compile(
        optimizer=layergraph.optimizers.SGD(0.1),
        loss=["mse", "binary_crossentropy", "sparse_categorical_crossentropy"],
        metrics=[["mae"], ["accuracy"], ["accuracy"]],
        weighted_metrics=[["mse"], [], []],
    )
    assert model.evaluate(rows, targets, verbose=0) == pytest.approx(BEFORE, rel=1e-5)
    assert model.train_on_batch(rows, targets) == pytest.approx(BEFORE, rel=1e-5)
    assert model.evaluate(rows, targets, verbose=0) == pytest.approx(AFTER, rel=1e-5)


def test_masks_and_sample_weights_multiply() -> None:
    _, (tokens, first, third), rows, targets = _trained()
    summed = Model(tokens, third)
    summed.compile(optimizer="sgd", loss=layergraph.losses.SparseCategoricalCrossentropy(reduction="sum"), metrics=["accuracy"])
    model, _, _, _ = _trained()
    summed.set_weights([*model.get_layer("embedding").get_weights(), *model.get_layer("c").get_weights()])
    summed.evaluate(rows, targets[2], verbose=0)
    mean = Model(tokens, first)
    mean.compile(optimizer="sgd", loss="mse", weighted_metrics=["mae"])
    weights = np.arange(20, dtype="float32").reshape(4, 5)
    total, mae = mean.evaluate(rows, targets[0], sample_weight=weights, verbose=0)
    valid = torch.from_numpy(rows != 0)
    error = (mean(torch.from_numpy(rows)).detach() - torch.from_numpy(targets[0])).square().mean(-1)
    assert total == pytest.approx(float((error * torch.from_numpy(weights))[valid].sum() / valid.sum()), rel=1e-5)
    assert mae > 0
