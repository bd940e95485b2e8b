"""What a type checker must accept, and what it must take each result for. `pyright` reads this, and test_types.py runs it."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph import Functional, Input, KerasTensor, Model, Sequential, activations, layers, ops, regularizers
from layergraph.layers import Dense, Layer

x = Input(shape=(4,), name="x")
image = Input(shape=(8, 8, 3))
tensor = torch.zeros(2, 4)

# A symbol in, a symbol out; a tensor in, a tensor out.
assert_type(x, KerasTensor)
assert_type(Dense(64), Dense)
hidden = Dense(64, activation="relu")(x)
assert_type(hidden, KerasTensor)
assert_type(Dense(64)(tensor), Tensor)
assert_type(Dense(64)(np.zeros((2, 4))), Any)
assert_type(layers.Add()([x, x]), KerasTensor)
assert_type(layers.Add()((tensor, tensor)), Tensor)
assert_type(layers.add([x, x]), KerasTensor)
assert_type(layers.add([tensor, tensor]), Tensor)
assert_type(layers.concatenate([x, x], axis=-1), KerasTensor)
assert_type(layers.dot([x, x], axes=1), KerasTensor)
sequence: KerasTensor = layers.LSTM(8)(Input(shape=(5, 4)))
output, h, c = layers.LSTM(8, return_state=True)(Input(shape=(5, 4)))

# Keras's ops: those of a table say what they give.
assert_type(ops.add(x, 1), KerasTensor)
assert_type(ops.add(1, x), KerasTensor)
assert_type(ops.arctan2(x, x), KerasTensor)
assert_type(ops.exp(x), KerasTensor)
assert_type(ops.exp(tensor), Tensor)
assert_type(ops.add(tensor, np.ones(4)), Tensor)
assert_type(ops.numpy.exp([1, 2]), Tensor)
assert_type(ops.sum(x, axis=-1), Any)

# Operators give symbols; functions and methods of torch's take them, and are typed as torch types them.
assert_type(x + 1, KerasTensor)
assert_type(1 - x, KerasTensor)
assert_type(x * torch.ones(4), KerasTensor)
assert_type(-x, KerasTensor)
assert_type(x == 1, KerasTensor)
assert_type(x[:, 0], KerasTensor)
assert_type(torch.relu(x), Tensor)
assert_type(F.gelu(x), Tensor)
assert_type(x.mean(1), Tensor)
assert_type(torch.cat([x, hidden], 1), Tensor)
assert_type(Dense(3)(torch.relu(x)), Tensor)
assert_type(x.shape, tuple[int | None, ...])
assert_type(x.dtype, str)

# Arguments in all their forms, and the keywords of every layer.
Dense(units=8, use_bias=False, name="a", trainable=False, dtype="float32", autocast=True, input_shape=(4,))
Dense(8, activation=torch.relu, kernel_initializer="he_normal", kernel_regularizer="l2", kernel_constraint=None)
Dense(8, nn.ReLU(), kernel_regularizer=regularizers.L2(0.1), bias_initializer={"class_name": "Zeros", "config": {}})
layers.Activation(activations.gelu)
layers.BatchNormalization(momentum=0.9)
layers.Conv1D(8, 3, padding="causal")
layers.Conv2D(8, 3)
layers.Conv2D(8, (3, 3), strides=[1, 1], padding="same", data_format=None, dilation_rate=1)
layers.Cropping2D(((1, 0), (2, 2)))
layers.Dot(axes=(1, 1), normalize=True)
layers.Dropout(0.5, noise_shape=(None, 1), seed=1)
layers.Embedding(10, 4)
layers.GlobalAveragePooling2D(keepdims=True, data_format="channels_last")
layers.LayerNormalization(axis=[1, 2])
layers.LeakyReLU(negative_slope=0.1)
layers.MaxPooling2D(2, strides=None, padding="same")
layers.Permute([2, 1])
layers.RepeatVector(3)
layers.Reshape((2, -1))
layers.Softmax(axis=-1)
layers.UpSampling2D(size=2, interpolation="bilinear")
layers.ZeroPadding2D(padding=1)

# What a layer keeps is typed as it is kept.
assert_type(layers.Conv2D(8, 3).kernel_size, tuple[int, ...])
assert_type(layers.Conv2D(8, 3).data_format, str)
assert_type(layers.MaxPooling2D().strides, tuple[int, ...] | None)
assert_type(Dense(8).units, int)
assert_type(Dense(8).activation(tensor), Tensor)
assert_type(Dense(8).kernel_regularizer, regularizers.Regularizer | None)
assert_type({Dense(8)}, set[Dense])

# Models.
lines: list[str] = []
model = Model(x, hidden)
assert_type(model, Functional)
assert_type(Model(inputs=[x], outputs={"h": hidden}, name="m"), Functional)
assert_type(Model(x, torch.relu(x)), Functional)
assert_type(model(tensor), Tensor)
assert_type(model(x), KerasTensor)
assert_type(model([tensor], training=False), Tensor)
code: str = model.code
graph: torch.fx.Graph = model.graph
model.compile("sgd", loss="mse")
model.summary(print_fn=lines.append)
assert_type(Sequential([Dense(3)]), Sequential)
assert_type(Sequential([Input(shape=(4,)), Dense(3)])(tensor), Tensor)


# Layers and models of the user's own.
class Scale(Layer):
    factor: float = 2.0

    def call(self, x: Tensor) -> Tensor:
        return x * self.factor


class Halves(Layer):
    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, :2], x[:, 2:]


class Block(Layer):
    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.dense = Dense(units)

    def call(self, x: Tensor) -> Tensor:
        return assert_type(self.dense(x), Tensor)


class Net(Model):
    def __init__(self, units: int, outputs: int = 1):
        super().__init__()
        self.block = Block(units)
        self.head = Dense(outputs)

    def call(self, x: Tensor) -> Tensor:
        return self.head(self.block(x))


assert_type(Scale(3.0, name="scale")(x), KerasTensor)
assert_type(Scale(factor=1.0)(tensor), Tensor)
assert_type(Halves()(x), Any)
left, right = Halves()(x)
assert_type(Block(3, name="block")(x), KerasTensor)
assert_type(Net(3, 2), Net)
assert_type(Net(3)(tensor), Tensor)
