"""A model through which masks travel, in Keras and in layergraph: `KERAS_BACKEND=torch python tests/parity/masked.py` records it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parent / "goldens" / "masked.npz"
FIRST = np.array([[1, 2, 0, 0, 3], [4, 0, 5, 0, 0], [1, 1, 1, 1, 1]], "int32")
SECOND = np.array([[0, 2, 1, 0, 3], [4, 1, 0, 0, 2], [2, 0, 0, 0, 0]], "int32")


def build(package: Any) -> Any:
    """Every rule by which masks are made, joined, used, dropped and handed through nested models."""
    layers, Model = package.layers, package.Model

    class Mean(layers.Layer):
        """The mean over the steps that count; the mask ends here."""

        def call(self, x: Any, mask: Any = None) -> Any:
            weights = mask[..., None] * 1.0
            return (x * weights).sum(1) / weights.sum(1)

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return None

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], shape[2])

    first, second = package.Input((5,), dtype="int32"), package.Input((5,), dtype="int32")
    embedding = layers.Embedding(6, 3, mask_zero=True)
    x, y = embedding(first), embedding(second)
    bare = layers.Embedding(6, 3)(second)
    outputs = []
    for kind in (layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum, layers.Average):
        merged = kind()([x, y])
        outputs += [merged, Mean()(merged), kind()([x, bare]), kind()([bare, y])]
    outputs.append(layers.Multiply()([x, y, bare]))
    outputs.append(layers.Maximum()([x, y, layers.Dense(3)(x)]))
    outputs.append(Mean()(layers.Concatenate()([x, y])))
    outputs.append(Mean()(layers.Dense(2)(layers.Concatenate(axis=1)([x, bare]))))
    outputs.append(Mean()(layers.Activation("tanh")(layers.Dense(4)(x))))
    i = package.Input((5, 3))
    inner = Model(i, [Mean()(layers.Dense(3)(i)), layers.Dense(2)(i)])
    pooled, sequence = inner(x)
    outputs += [pooled, Mean()(sequence)]
    outer_input = package.Input((5, 3))
    outer = Model(outer_input, layers.Dense(2)(inner(outer_input)[1]))
    outputs.append(Mean()(outer(y)))
    tokens = package.Input((5,), dtype="int32")
    encoder = Model(tokens, layers.Embedding(6, 3, mask_zero=True)(tokens))
    outputs.append(Mean()(encoder(first)))
    outputs.append(Mean()(layers.Masking()(layers.Multiply()([bare, layers.Embedding(6, 1)(first)]))))
    outputs.append(Mean()(layers.Masking(mask_value=0.25)(bare)))
    return Model([first, second], outputs)


def record() -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = build(keras)
    rng = np.random.default_rng(0)
    weights = [(np.round(rng.normal(size=w.shape) * 16) / 16).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    outputs = model([FIRST, SECOND])
    arrays = {f"weight{i:02}": w for i, w in enumerate(weights)} | {f"output{i:02}": y.detach().numpy() for i, y in enumerate(outputs)}
    np.savez_compressed(GOLDEN, **arrays)


if __name__ == "__main__":
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    record()
