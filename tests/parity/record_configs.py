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
from config_values import filled, given
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


def text():
    x = Input((6,), name="x", dtype="int32")
    h = layers.Embedding(9, 4, mask_zero=True)(x)
    h = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.SpatialDropout1D(0.25)(h))
    h = layers.Bidirectional(layers.GRU(2), merge_mode="sum")(h)
    return Model(x, layers.Dense(1, activation="sigmoid")(h), name="text")


def transformer():
    x, memory = Input((5, 4), name="x"), Input((3, 4), name="memory")
    h = layers.MultiHeadAttention(2, 2, dropout=0.1)(x, x, use_causal_mask=True)
    h = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, h]))
    h = layers.Add()([h, layers.MultiHeadAttention(2, 2)(h, memory, memory)])
    h = layers.Add()([h, layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", activation="gelu")(h)])
    h = layers.Add()([h, layers.GroupQueryAttention(2, 4, 2)(h, h)])
    return Model([x, memory], layers.RMSNormalization()(h), name="transformer")


def u_net():
    x = Input((8, 8, 2), name="x")
    down = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    deep = layers.SeparableConv2D(4, 3, padding="same")(layers.MaxPooling2D()(down))
    deep = layers.GroupNormalization(2)(layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)(deep))
    up = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu")(layers.LeakyReLU(0.25)(deep))
    up = layers.Concatenate()([up, down])
    up = layers.Add()([layers.Conv2D(2, 1)(up), layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(2, 1)(deep))])
    return Model(x, layers.Cropping2D(1)(layers.ZeroPadding2D(((1, 0), (0, 1)))(up)), name="u_net")


def frames():
    x = Input((3, 6, 6, 1), name="x")
    h = layers.TimeDistributed(layers.Conv2D(2, 3, activation="relu"))(x)
    h = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.AveragePooling2D(2))(h))
    return Model(x, layers.Dense(2)(layers.GRU(3, reset_after=False)(h)), name="frames")


def rain():
    x = Input((3, 5, 5, 1), name="x")
    h = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)(x)
    h = layers.BatchNormalization()(h)
    h = layers.Bidirectional(layers.ConvLSTM2D(1, 3, padding="same"))(h)
    return Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h), name="rain")


def numbers():
    x, code = Input((3,), name="x"), Input((1,), name="code", dtype="int64")
    scaled = layers.Normalization()
    scaled.adapt(np.array([[0.0, 1.0, 2.0], [2.0, 5.0, 3.0]], "float32"))
    h = layers.Concatenate()([scaled(x), layers.CategoryEncoding(4, output_mode="one_hot")(code)])
    h = layers.Concatenate()([h, layers.Discretization([-0.5, 0.0, 0.25], output_mode="multi_hot")(x)])
    return Model([x, code], layers.Dense(2)(layers.Rescaling(0.5, offset=1.0)(h)), name="numbers")


def augmented():
    x = Input((8, 8, 3), name="x")
    h = layers.RandomRotation(0.1, seed=2)(layers.RandomFlip("horizontal", seed=1)(x))
    h = layers.RandomContrast(0.2, seed=4)(layers.RandomZoom(0.2, fill_mode="nearest", seed=3)(h))
    h = layers.RandomBrightness(0.1, value_range=(0, 1), seed=5)(layers.RandomTranslation(0.1, 0.1, seed=6)(h))
    return Model(x, layers.Resizing(4, 4)(layers.CenterCrop(6, 6)(h)), name="augmented")


def wrapped():
    x = Input((4, 3), name="x")
    inner = Sequential([Input((3,)), layers.Dense(4, activation="relu"), layers.Dropout(0.5), layers.Dense(2)], name="inner")
    h = layers.TimeDistributed(inner)(x)
    h = layers.Bidirectional(layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True))(h)
    return Model(x, layers.TimeDistributed(layers.SpectralNormalization(layers.Dense(2)))(h), name="wrapped")


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
MODELS += [text, transformer, u_net, frames, rain, numbers, augmented, wrapped]


def record(make: Any) -> dict[str, Any]:
    keras.utils.clear_session()
    model = make()
    model.set_weights([filled(weight.shape) for weight in model.get_weights()])
    inputs = {tensor.name: given((2, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}
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
