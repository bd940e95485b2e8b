"""What a type checker must refuse, once in each line. `pyright` reads this: an ignore that nothing needs is an error."""

from __future__ import annotations

from layergraph import Input, Model, ops
from layergraph.layers import Add, Conv2D, Dense, Dropout, Layer, Reshape


class Scale(Layer):
    factor: float = 2.0


x = Input(shape=(4,))
model = Model(x, Dense(3)(x))

Dense(64, activaton="relu")  # pyright: ignore[reportCallIssue]
Dense()  # pyright: ignore[reportCallIssue]
Dense("64")  # pyright: ignore[reportArgumentType]
Dense(64, name=3)  # pyright: ignore[reportArgumentType]
Dense(64, trainable="no")  # pyright: ignore[reportArgumentType]
Dense(64, activation=3)  # pyright: ignore[reportArgumentType]
Conv2D(8, kernel_size="3")  # pyright: ignore[reportArgumentType]
Conv2D(8, 3, paddin="same")  # pyright: ignore[reportCallIssue]
Dropout(rate="high")  # pyright: ignore[reportArgumentType]
Reshape(shape=(2, 2))  # pyright: ignore[reportCallIssue]
Add(axis=1)  # pyright: ignore[reportCallIssue]
Scale(facto=1.0)  # pyright: ignore[reportCallIssue]
Input(shap=(4,))  # pyright: ignore[reportCallIssue]
model.fit(epoch=1)  # pyright: ignore[reportCallIssue]
ops.add(x)  # pyright: ignore[reportCallIssue]
ops.exp(x, out=x)  # pyright: ignore[reportCallIssue]
ops.sum(x, axes=1)  # pyright: ignore[reportCallIssue]
ops.exp("one", None)  # pyright: ignore[reportCallIssue]
