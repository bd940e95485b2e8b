"""Models of many shapes, each with data to call it on: for tests of whatever makes a model from a model."""

from __future__ import annotations

import operator

import torch
import torch.nn.functional as F

from layergraph import Input, Model, Sequential, layers
from layergraph.layers import Layer
from layergraph.saving import register_keras_serializable


@register_keras_serializable("tests")
class Scaled(Layer):
    """A custom layer of fields."""

    factor: float = 2.0

    def call(self, x):
        return x * self.factor


@register_keras_serializable("tests")
class Written(Layer):
    """A custom layer with an `__init__` of its own, and two outputs."""

    def __init__(self, units, bias=True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.linear = torch.nn.Linear(4, units, bias=bias)

    def call(self, x):
        return {"sum": self.linear(x).sum(-1, keepdim=True), "all": self.linear(x)}


def chain():
    x = Input((4,), name="x")
    return Model(x, layers.Dense(2)(layers.Dense(3, activation="relu")(x)), name="chain"), [torch.randn(3, 4)]


def residual():
    x = Input((8, 8, 3))
    h = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    h = layers.Add()([h, layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(h))])
    return Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(h))), [torch.randn(2, 8, 8, 3)]


def siamese():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    first, second = shared(a), shared(b)
    return Model([a, b], [layers.Subtract()([second, first]), shared(layers.Dense(4)(first))]), [torch.randn(3, 4), torch.randn(3, 4)]


def nested():
    x, y = Input((4,), name="x"), Input((4,), name="y")
    inner = Model([x, y], {"late": layers.Dense(2)(y), "early": layers.Dense(3)(layers.Add()([x, y]))}, name="inner")
    p, q = Input((4,), name="p"), Input((4,), name="q")
    one, two = inner([p, q]), inner([q, p])
    outer = Model([p, q], layers.Concatenate()([one["late"], two["early"], one["early"]]), name="outer")
    return outer, [torch.randn(2, 4), torch.randn(2, 4)]


def ends_in_models():
    x = Input((4,), name="x")
    inner = Model(x, layers.Dense(4)(x), name="inner")
    stack = Sequential([layers.Dense(3, activation="tanh")], name="stack")
    p = Input((4,), name="p")
    once = inner(p)
    return Model(p, [inner(once), once, stack(once)]), [torch.randn(2, 4)]


def dicts():
    wide, deep = Input((4,), name="wide"), Input((3,), name="deep")
    out = {"score": layers.Dense(1)(wide), "parts": [layers.Dense(2)(deep), wide]}
    return Model({"wide": wide, "deep": deep}, out), [{"wide": torch.randn(2, 4), "deep": torch.randn(2, 3)}]


def sequential():
    return Sequential([Input((6,)), layers.Dense(4, activation="relu"), layers.Dropout(0.5), layers.Dense(2)], name="s"), [
        torch.randn(2, 6)
    ]


def sequential_twice():
    again = layers.Dense(4, name="again")
    return Sequential([Input((4,)), again, layers.ReLU(), again]), [torch.randn(2, 4)]


def baked_modes():
    x = Input((4,), name="x")
    inner = Sequential([Input((4,)), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)], name="inner")
    h = layers.Dropout(0.5, name="off")(inner(x, training=False), training=False)
    return Model(x, layers.BatchNormalization()(h, training=False)), [torch.randn(3, 4)]


def recurrent():
    x = Input((5, 3), name="x")
    encoded, h, c = layers.LSTM(4, return_state=True, return_sequences=True)(x)
    return Model(x, [layers.LSTM(4)(encoded, initial_state=[h, c]), layers.GRU(2)(encoded)]), [torch.randn(2, 5, 3)]


def functions():
    x = Input((4, 6), name="x")
    a, b = torch.topk(x, 2, dim=-1)
    y = torch.cat([a, b.to(torch.float32), x[:, :, 1:4:2], x.mean(-1, keepdim=True)], dim=-1)
    y = F.gelu(y) * 2 + torch.arange(7.0) - (1 - y) / 3 ** y.sigmoid()
    first, *rest = y.chunk(2, -1)
    z = F.pad(first, (0, 1), value=-1.5).permute(0, 2, 1).flatten(1)
    masked = x.masked_fill(torch.tensor([True, False, False, True, False, False]), float("-inf"))
    return Model(x, [z, rest[0].mT, masked.softmax(-1), x[..., None, -1], operator.matmul(x, x.mT)]), [torch.randn(2, 4, 6)]


def constants():
    x = Input((3,), name="x")
    mask = torch.tensor([0.0, float("-inf"), 1.5], dtype=torch.float64).to(torch.bfloat16)
    big = torch.tensor([2**53, -(2**60), 3])
    empty = torch.empty(0, 3)
    y = x + mask.float() + torch.tensor(2.0)
    return Model(x, [y, torch.where(x > 0, big, 1), torch.cat([x, empty.sum(0).expand(1, 3) + x], 1)]), [torch.randn(2, 3)]


def sizes():
    x = Input((None, 4), name="x")
    n, t = x.size(0), x.size(1)
    y = x.reshape(n * t, 4).view(n, t, 2, 2).sum(-1) * torch.sym_max(n, 3)
    return Model(x, y + torch.ones((t, 2))[None] + torch.arange(t)[None, :, None]), [torch.randn(2, 3, 4)]


def embedded():
    ids = Input((5,), dtype="int32", name="ids")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(ids))
    return Model(ids, layers.Dense(2)(h)), [torch.randint(0, 10, (2, 5), dtype=torch.int32)]


def cast():
    count = Input((4,), dtype="float64", name="count")
    return Model(count, [layers.Dense(2)(count), layers.Dense(3)(count)]), [torch.randn(2, 4, dtype=torch.float64)]


def custom():
    x = Input((4,), name="x")
    both = Written(3, bias=False, name="written")(Scaled(3.0)(x))
    return Model(x, [both["sum"], both["all"]]), [torch.randn(2, 4)]


def shared_across_models():
    x, p = Input((4,), name="x"), Input((4,), name="p")
    head = layers.Dense(4, name="head")
    inner = Model(x, layers.ReLU()(head(x)), name="inner")
    return Model(p, head(inner(head(p)))), [torch.randn(2, 4)]


def models_of_models():
    x = Input((4,), name="x")
    y = x
    model = Model(x, layers.Dense(4)(x), name="m0")
    for depth in range(1, 12):
        y = Input((4,), name="x")
        model = Model(y, layers.Dense(4, activation="tanh")(model(y)), name=f"m{depth}")
    return model, [torch.randn(2, 4)]


def cut():
    x = Input((4,), name="x")
    h = layers.Dense(3, name="first")(x)
    y = layers.Dense(2, name="second")(h)
    return Model([h], [y, h * 2]), [torch.randn(2, 3)]


def optional():
    x, more = Input((4,), name="x"), Input((4,), name="more", optional=True)

    return Model([x, more], [layers.Dense(2)(x), OptionalSum(name="sum")(x, more)]), [torch.randn(2, 4), torch.randn(2, 4)]


@register_keras_serializable("tests")
class OptionalSum(Layer):
    def call(self, x, more=None):
        return x if more is None else x + more


def odd_names():
    x = Input((4,), name="class")
    h = layers.Dense(3, name="a b")(x)
    return Model(x, [layers.Dense(2, name="a_b")(h), layers.Dense(2, name='x"); import os')(h), h + 1], name="output"), [torch.randn(2, 4)]


def named_alike():
    """Two models, and two layers, that were both called by their automatic names before they met."""
    x, p = Input((4,), name="x"), Input((4,), name="p")
    first, second = layers.Dense(4), layers.Dense(4)
    models = [Model(x, layers.Dense(4)(x)), Model(x, layers.Dense(4)(x))]
    assert {first.name, second.name} == {"dense"}
    assert {model.name for model in models} == {"functional"}
    return Model(p, layers.Add()([models[0](first(p)), models[1](second(p))])), [torch.randn(2, 4)]


def unused():
    x, idle = Input((4,), name="x"), Input((2,), name="idle")
    return Model([x, idle], [layers.Dense(2)(x), x]), [torch.randn(2, 4), torch.randn(2, 2)]


ALL = [
    chain,
    residual,
    siamese,
    nested,
    ends_in_models,
    dicts,
    sequential,
    sequential_twice,
    baked_modes,
    recurrent,
    functions,
    constants,
    sizes,
    embedded,
    cast,
    custom,
    shared_across_models,
    models_of_models,
    cut,
    optional,
    odd_names,
    named_alike,
    unused,
]
