"""Attention: what the tables cannot say. Masks of all kinds, dropout, the graphs, and whole transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.parity.transformers import GOLDEN, MODELS, given, weight

import layergraph
from layergraph import Input, Model, layers, models
from layergraph.errors import ArgumentError, LayergraphError, ShapeError

PROJECTED = {
    "MultiHeadAttention": lambda **more: layers.MultiHeadAttention(2, 4, **more),
    "GroupQueryAttention": lambda **more: layers.GroupQueryAttention(4, 4, 2, **more),
}
LISTS = {"Attention": layers.Attention, "AdditiveAttention": layers.AdditiveAttention}


# ------------------------------------------------------------------------------------------------------------- transformers


def made(name):
    model = MODELS[name](layergraph).eval()
    model.set_weights([weight(number, w.shape) for number, w in enumerate(model.get_weights())])
    return model, torch.from_numpy(given(model.inputs[0].shape[1:], model.inputs[0].dtype))


def several(y):
    return list(y) if isinstance(y, list | tuple) else [y]


@pytest.mark.parametrize("name", MODELS)
def test_a_transformer_gives_keras_s_numbers(name):
    model, x = made(name)
    with np.load(GOLDEN) as golden:
        wanted = [golden[f"{name}{number}"] for number in range(len(model.outputs))]
    for y, gold in zip(several(model(x)), wanted, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), gold, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_transformer_compiles_in_one_graph(name):
    model, x = made(name)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(several(compiled(x)), several(model(x)))

    def slopes(run):
        torch.manual_seed(0)
        total = sum((y * torch.linspace(-1, 2, y.numel()).view(y.shape)).sum() for y in several(run(x)))
        return torch.autograd.grad(total, list(model.parameters()), allow_unused=True)

    model.train()
    torch.testing.assert_close(slopes(compiled), slopes(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_transformer_exports_with_a_dynamic_batch(name):
    model, x = made(name)
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2, max=64)},)).module()
    longer = torch.cat([x, x.flip(0)])
    torch.testing.assert_close(several(exported(longer)), several(model(longer)))


@pytest.mark.parametrize("name", ["text_classifier", "timeseries_classifier"])
def test_a_transformer_trains(name):
    torch.manual_seed(0)
    model = MODELS[name](layergraph)
    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    x = given((16, *shape), dtype).reshape(48, *shape)
    y = (x[:, 0] > x[:, 1]).astype("int64").reshape(48, -1)[:, 0]
    model.compile(layergraph.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]


# -------------------------------------------------------------------------------------------------------------------- masks


def attend(layer, x, value, **words):
    return layer([x, value], **words) if type(layer).__name__ in LISTS else layer(x, value, **words)


def nothing_seen(kind, **more):
    """(layer, query, value, keywords): query 1 of row 0 may look at no key."""
    torch.manual_seed(0)
    x, value = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    if kind in LISTS:
        seen = torch.ones(2, 5, dtype=torch.bool)
        seen[0] = False  # no query of row 0
        return LISTS[kind](**more), x, value, {"mask": [None, seen]}
    seen = torch.ones(2, 3, 5, dtype=torch.bool)
    seen[0, 1] = False
    return PROJECTED[kind](use_bias=False, **more), x, value, {"attention_mask": seen}


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("kind", [*LISTS, *PROJECTED])
def test_a_query_that_sees_nothing_gets_zeros_on_every_way(kind, dropout):
    layer, x, value, words = nothing_seen(kind, dropout=dropout)
    layer.eval()
    x.requires_grad_()
    quick = attend(layer, x, value, **words)
    output, scores = attend(layer, x, value, return_attention_scores=True, **words)
    torch.testing.assert_close(quick, output)
    rows, weights = (output[0], scores[0]) if kind in LISTS else (output[0, 1], scores[0, :, 1])
    assert not rows.any()
    assert not weights.any()
    assert output[1].all()
    torch.testing.assert_close(scores[1].sum(-1), torch.ones_like(scores[1].sum(-1)))
    for y in (quick, output):
        slope, *rest = torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])
        assert all(torch.isfinite(each).all() for each in (slope, *rest))
        assert not (slope[0] if kind in LISTS else slope[0, 1]).any()
        assert slope[1].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [*LISTS, *PROJECTED])
def test_masks_under_autocast(kind, dtype):
    layer, x, value, words = nothing_seen(kind)
    wanted = attend(layer, x, value, **words)
    with torch.autocast("cpu", dtype):
        quick = attend(layer, x, value, **words)
        output, scores = attend(layer, x, value, return_attention_scores=True, **words)
    for y in (quick, output):
        torch.testing.assert_close(y.float(), wanted, rtol=0.1, atol=0.05)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("kind", [*LISTS, *PROJECTED])
def test_a_layer_of_another_dtype(kind, dtype):
    layer, *tensors, words = nothing_seen(kind, dtype=dtype)
    x, value = (tensor.to(getattr(torch, dtype)) for tensor in tensors)
    output, scores = attend(layer, x, value, return_attention_scores=True, **words)
    assert output.dtype == scores.dtype == attend(layer, x, value, **words).dtype == getattr(torch, dtype)
    assert torch.isfinite(output).all()


def test_the_mask_of_an_embedding_goes_through_by_itself():
    tokens = Input((6,), dtype="int64")
    x = layers.Embedding(9, 8, mask_zero=True)(tokens)
    y = layers.MultiHeadAttention(2, 4)(x, x)
    model = Model(tokens, y).eval()
    assert model.output_masks is not None
    given = torch.tensor([[3, 4, 5, 0, 0, 0], [1, 2, 3, 4, 5, 6]])
    found = model(given)
    attention, vectors = model.layers[2], model.layers[1].embeddings[given[:1, :3]]
    alone = attention(vectors, vectors)
    torch.testing.assert_close(found[:1, :3], alone)
    torch.testing.assert_close(found[0, 3:], attention.attention_output.bias.expand(3, 8))
    assert "logical_and" in model.code


def test_a_list_takes_the_masks_of_its_tensors():
    tokens = Input((6,), dtype="int64")
    x = layers.Embedding(9, 8, mask_zero=True)(tokens)
    model = Model(tokens, layers.Attention()([x, x])).eval()
    given = torch.tensor([[3, 4, 5, 0, 0, 0]])
    vectors = model.layers[1].embeddings[given]
    wanted = layers.Attention()([vectors, vectors], mask=[given != 0, given != 0])
    torch.testing.assert_close(model(given), wanted)
    assert not model(given)[0, 3:].any()


# ------------------------------------------------------------------------------------------------------------------ dropout


@pytest.mark.parametrize("kind", [*LISTS, *PROJECTED])
def test_dropout_acts_on_weights_in_training_alone(kind):
    torch.manual_seed(0)
    x, value = torch.randn(4, 30, 8), torch.randn(4, 30, 8)
    layer = {**LISTS, **PROJECTED}[kind](dropout=0.25)
    layer.eval()
    still = attend(layer, x, value)
    torch.testing.assert_close(attend(layer, x, value), still)
    torch.testing.assert_close(attend(layer.train(), x, value, training=False), still)
    assert not torch.allclose(attend(layer, x, value), still)
    assert not torch.allclose(attend(layer.eval(), x, value, training=True), still)
    mean = torch.stack([attend(layer.train(), x, value) for _ in range(400)]).mean(0)
    assert (mean - still).abs().mean() < 0.03 * still.abs().mean() + 0.03
    output, scores = attend(layer, x, value, return_attention_scores=True)
    if kind in LISTS:  # Keras gives these after dropout, those before
        assert abs((scores == 0).float().mean() - 0.25) < 0.03
        torch.testing.assert_close(output, scores @ value)
    else:
        torch.testing.assert_close(scores.sum(-1), torch.ones_like(scores.sum(-1)))
        assert not torch.allclose(output, attend(layer.eval(), x, value))


# ------------------------------------------------------------------------------------------------------------------- graphs


def calls(model):
    return [
        node.target if isinstance(node.target, str) else node.target.__name__ for node in model.graph.nodes if node.op.startswith("call_")
    ]


def test_a_graph_has_what_a_hand_would_write():
    x = Input((5, 8))
    ways = ["unflatten", "permute"]
    model = Model(x, layers.MultiHeadAttention(2, 4, name="a")(x, x))
    names = ["a.query", "a.key", "a.value"]
    assert sorted(calls(model)) == sorted([*names, *ways * 3, "scaled_dot_product_attention", "permute", "flatten", "a.attention_output"])
    assert [type(model.get_submodule(name)) for name in (*names, "a.attention_output")] == [torch.nn.Linear] * 4
    causal = Model(x, layers.MultiHeadAttention(2, 4, name="a")(x, x, use_causal_mask=True))
    assert calls(causal) == calls(model)
    attention = next(node for node in causal.graph.nodes if "scaled" in str(node.target))
    assert dict(attention.kwargs) == {"is_causal": True}
    mask = Input((5,), dtype="bool")
    masked = Model([x, mask], layers.MultiHeadAttention(2, 4, name="a")(x, x, value_mask=mask))
    assert sorted(calls(masked)) == sorted([*calls(model), "getitem"])


def test_the_keys_of_a_state_dict():
    x = Input((5, 8))
    model = Model(x, layers.MultiHeadAttention(2, 4, use_gate=True)(x, x))
    assert [key for key in model.state_dict() if key.endswith("weight")] == [
        f"multi_head_attention.{name}.weight" for name in ("query", "key", "gate", "value", "attention_output")
    ]
    assert list(Model(x, layers.AdditiveAttention()([x, x])).state_dict()) == ["additive_attention.weight"]
    assert list(Model(x, layers.Attention(use_scale=True)([x, x])).state_dict()) == ["attention.scale"]


def test_heads_as_torch_s_own_module_has_them():
    torch.manual_seed(0)
    x = torch.randn(2, 5, 8)
    ours, theirs = layers.MultiHeadAttention(2, 4), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    wanted, scores = theirs(x, x, x, average_attn_weights=False)
    ours(x, x)
    parts = zip(("query", "key", "value"), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True)
    for name, weights, bias in parts:
        getattr(ours, name).load_state_dict({"weight": weights, "bias": bias})
    ours.attention_output.load_state_dict(theirs.out_proj.state_dict())
    output, found = ours(x, x, return_attention_scores=True)
    torch.testing.assert_close((output, found), (wanted, scores))
    torch.testing.assert_close(ours(x, x), wanted)


def test_places_along_two_axes_are_counted_row_by_row():
    torch.manual_seed(0)
    x = torch.randn(2, 2, 3, 8)
    layer = layers.MultiHeadAttention(2, 4, sliding_window=2)
    found, scores = layer(x, x, use_causal_mask=True, return_attention_scores=True)
    torch.testing.assert_close(layer(x, x, use_causal_mask=True), found)
    torch.testing.assert_close(layer(x.flatten(1, 2), x.flatten(1, 2), use_causal_mask=True).unflatten(1, (2, 3)), found)
    assert scores.shape == (2, 2, 2, 3, 2, 3)


# ------------------------------------------------------------------------------------------------------- names, words, seeds


def test_the_class_of_groups_has_keras_s_names():
    x = Input((5, 8))
    layer = layers.GroupQueryAttention(4, 4, 2)
    model = Model(x, layer(x, x))
    assert (type(layer).__name__, layer.name) == ("GroupedQueryAttention", "grouped_query_attention")
    entry = model.get_config()["layers"][1]
    assert (entry["module"], entry["class_name"]) == ("keras.layers", "GroupQueryAttention")
    assert type(models.model_from_json(model.to_json()).layers[1]) is type(layer)


def test_tensors_come_by_any_words():
    torch.manual_seed(0)
    x, value, key = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    layer = layers.MultiHeadAttention(2, 4)
    wanted = layer(x, value, key)
    torch.testing.assert_close(layer(key=key, query=x, value=value), wanted)
    torch.testing.assert_close(layer(x, value=value.numpy(), key=key.double().numpy()), wanted)
    q, v, k = (Input(shape) for shape in ((3, 8), (5, 8), (5, 8)))
    torch.testing.assert_close(Model([q, v, k], layer(query=q, key=k, value=v))(x, value, key), wanted)


def test_projections_of_one_shape_are_drawn_apart():
    layer = layers.MultiHeadAttention(2, 4)
    layer(torch.zeros(1, 1, 8), torch.zeros(1, 1, 8))
    drawn = [layer.query.weight, layer.key.weight, layer.value.weight]
    assert not any(torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
    seeded = layers.MultiHeadAttention(2, 4, kernel_initializer=layergraph.initializers.HeNormal(seed=1))
    seeded(torch.zeros(1, 1, 8), torch.zeros(1, 1, 8))
    assert torch.equal(seeded.query.weight, seeded.key.weight)  # as in Keras


def test_sizes_that_are_unknown():
    x, mask = Input((None, 8)), Input((None,), dtype="bool")
    layer = layers.MultiHeadAttention(2, 4, sliding_window=2)
    model = Model([x, mask], layer(x, x, value_mask=mask, use_causal_mask=True, return_attention_scores=True)).eval()
    assert [y.shape for y in model.outputs] == [(None, None, 8), (None, 2, None, None)]
    for steps in (1, 4, 9):
        values, seen = torch.randn(2, steps, 8), torch.rand(2, steps) < 0.7
        torch.testing.assert_close(
            model(values, seen), layer(values, values, value_mask=seen, use_causal_mask=True, return_attention_scores=True)
        )


# ------------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("use", "what", "fix"),
    [
        (
            lambda: layers.MultiHeadAttention(2, 4, name="mha")(Input((8,)), Input((5, 8))),
            "MultiHeadAttention 'mha': takes tensors of one rank, of at least 3 axes, (batch, steps, features), "
            "got query (None, 8), value (None, 5, 8)",
            None,
        ),
        (
            lambda: layers.MultiHeadAttention(2, 4, name="mha")(Input((5, 8))),
            "MultiHeadAttention 'mha' takes a query and a value, got no value",
            "write layer(query, value); of itself, layer(x, x)",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 4, name="mha")(Input((5, 8)), query=Input((5, 8))),
            "MultiHeadAttention 'mha' got `query` twice",
            "its arguments are query, value, key, query_mask, value_mask, key_mask, attention_mask, return_attention_scores, training, "
            "use_causal_mask",
        ),
        (
            lambda: layers.Attention(name="a")(Input((5, 8))),
            "Attention 'a': is called on a list of tensors, [query, value] or [query, value, key], got one of shape (None, 5, 8)",
            "for self-attention write layer([x, x])",
        ),
        (
            lambda: layers.GroupQueryAttention(4, 3, 2, name="g"),
            "GroupedQueryAttention 'g' shares 2 key heads (num_key_value_heads) among 3 query heads (num_query_heads), "
            "which they must divide",
            None,
        ),
    ],
)
def test_what_a_wrong_use_is_told(use, what, fix):
    with pytest.raises(LayergraphError) as caught:
        use()
    assert isinstance(caught.value, ShapeError | ArgumentError)
    assert (caught.value.what, caught.value.fix) == (what, fix)
