"""Records `goldens/configs.json` from Keras: `KERAS_BACKEND=torch python tests/parity/record_configs.py`.

For each model its `to_json()`, its layer order, and its output on small whole numbers with weights that are small whole
numbers too, both made from their places, so that no arrays need to be kept.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import numpy as np
from config_values import filled
from keras import Input, Model, Sequential, layers, ops


def chain():
    x = Input((4,), name="x")
    h = layers.Dropout(0.5)(layers.Dense(3, activation="relu", kernel_regularizer="l2")(x))
    return Model(x, layers.Dense(2, kernel_initializer=keras.initializers.HeNormal(seed=3))(h), name="chain")


def residual():
    x = Input((6, 6, 2))
    h = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    h = layers.Add()([h, layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same", use_bias=False)(h))])
    return Model(x, layers.Dense(2, activation="tanh")(layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(h))), name="residual")


def siamese():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(4, name="shared")
    first, second = shared(a), shared(b)
    return Model([a, b], [layers.Subtract()([second, first]), shared(layers.Multiply()([first, second]))], name="siamese")


def nested():
    x, y = Input((4,), name="x"), Input((4,), name="y")
    inner = Model({"x": x, "y": y}, {"late": layers.Dense(2)(y), "early": layers.Dense(3)(layers.Add()([x, y]))}, name="inner")
    stack = Sequential([Input((3,)), layers.Dense(2), layers.BatchNormalization()], name="stack")
    p, q = Input((4,), name="p"), Input((4,), name="q")
    one, two = inner({"x": p, "y": q}), inner({"x": q, "y": p})
    return Model([p, q], [stack(one["early"], training=False), two["late"], stack(two["early"])], name="nested")


def dicts():
    wide, deep = Input((4,), name="wide"), Input((3,), name="deep")
    return Model({"wide": wide, "deep": deep}, {"score": layers.Dense(1)(wide), "all": layers.Concatenate()([deep, wide])}, name="dicts")


def sequential():
    return Sequential([Input((6,)), layers.Dense(4, activation="relu"), layers.Dropout(0.5), layers.Dense(2)], name="sequential")


def recurrent():
    x = Input((5, 3), name="x")
    encoded, h, c = layers.LSTM(4, return_state=True, return_sequences=True)(x)
    return Model(x, [layers.LSTM(4)(encoded, initial_state=[h, c]), layers.GRU(2)(encoded)], name="recurrent")


def ends_in_a_model():
    x = Input((4,), name="x")
    inner = Model(x, layers.Dense(4)(x), name="inner")
    p = Input((4,), name="p")
    once = inner(p)
    return Model(p, [inner(once), once], name="ends_in_a_model")


def operations():
    x = Input((4, 4), name="x")
    found = [
        1 - x, x * x, x / 2, x**2, -x, abs(x), x[:, 0], x[..., 1:3], x @ x, x > 0, ops.relu(x), ops.mean(x, axis=1),
        ops.sum(x, axis=-1, keepdims=True), ops.max(x, axis=(1, 2)), ops.reshape(x, (-1, 16)), ops.transpose(x, (0, 2, 1)),
        ops.concatenate([x, x], axis=1), ops.expand_dims(x, 1), ops.softmax(x), ops.gelu(x), ops.cast(x, "int32"), ops.clip(x, 0, 1),
        ops.maximum(x, 0), ops.minimum(1, x), ops.stack([x, x], axis=1), ops.where(x > 0, x, 0.0), ops.split(x, 2, axis=1)[1],
        ops.exp(x), ops.sqrt(abs(x)), ops.tanh(x), ops.sigmoid(x), ops.silu(x), ops.einsum("bij,bjk->bik", x, x),
        ops.take(x, [0, 2], axis=1), ops.leaky_relu(x), ops.one_hot(ops.cast(abs(x), "int32"), 9), ops.argmax(x, axis=-1),
        ops.var(x, axis=1), ops.squeeze(ops.expand_dims(x, 1), 1), ops.swapaxes(x, 1, 2), ops.flip(x, 1), ops.mod(x, 2), ops.floor(x / 2),
        ops.pad(x, ((0, 0), (1, 0), (0, 2))), ops.logical_and(x > 0, x < 2), ops.not_equal(x, 0), x + np.ones((4,), "float32"),
    ]  # fmt: skip
    return Model(x, found, name="operations")


def more_operations():
    x = Input((4, 4), name="x")
    positive = ops.add(abs(x), 0.5)
    found = [
        ops.expm1(x), ops.log(positive), ops.log1p(positive), ops.rsqrt(positive), ops.square(x), ops.sin(x), ops.cos(x), ops.tan(x),
        ops.sinh(x), ops.cosh(x), ops.erf(x), ops.ceil(x), ops.sign(x), ops.reciprocal(positive), ops.logical_not(x > 0), ops.isnan(x),
        ops.isfinite(x), ops.isinf(x), ops.relu6(x * 9), ops.softplus(x), ops.softsign(x), ops.selu(x), ops.log_sigmoid(x),
        ops.hard_sigmoid(x), ops.hard_silu(x), ops.stop_gradient(x), ops.copy(x),
        ops.moveaxis(x, 1, 2), ops.min(x, axis=1), ops.any(x > 0, axis=1), ops.all(x > 0, axis=1), ops.std(x, axis=1),
        ops.argmin(x, axis=1), ops.log_softmax(x), ops.elu(x, alpha=0.5), ops.equal(x, 0), x < 0, x <= 0, x >= 0,
        ops.logical_or(x > 0, x < -0.5), ops.logical_xor(x > 0, x > 0.5), x // 0.5, ops.divide(x, positive), ops.maximum(x, x * 2),
        ops.var(x, axis=(1, 2), keepdims=True), ops.squeeze(ops.reshape(x, (-1, 16, 1))), ops.gelu(x, approximate=False),
        keras.activations.relu(x, negative_slope=0.25, max_value=0.5),
    ]  # fmt: skip
    return Model(x, found, name="more_operations")


MODELS = [chain, residual, siamese, nested, dicts, sequential, recurrent, ends_in_a_model, operations, more_operations]


def record(make: Any) -> dict[str, Any]:
    keras.utils.clear_session()
    model = make()
    model.set_weights([filled(weight.shape) for weight in model.get_weights()])
    inputs = {tensor.name: filled((2, *tensor.shape[1:])) for tensor in model.inputs}
    data = (
        inputs
        if isinstance(model.get_config().get("input_layers"), dict)
        else list(inputs.values())
        if len(inputs) > 1
        else next(iter(inputs.values()))
    )
    outputs = [np.asarray(out.detach(), "float32").tolist() for out in keras.tree.flatten(model(data, training=False))]
    return {
        "json": json.loads(model.to_json()),
        "layers": [layer.name for layer in model.layers],
        "weights": [list(weight.shape) for weight in model.get_weights()],
        "inputs": list(inputs),
        "outputs": outputs,
    }


if __name__ == "__main__":
    found = {make.__name__: record(make) for make in MODELS}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "configs.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"keras": keras.__version__, "models": found}, file, separators=(",", ":"))
        file.write("\n")
