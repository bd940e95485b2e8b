"""One whole network with branches, written once for Keras and for layergraph, and recorded from Keras.

`python tests/parity/cnn.py` (with Keras, see `record.py`) records it; `test_cnn.py` reads `goldens/cnn.npz`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "goldens" / "cnn.npz"


def build(keras: Any) -> Any:
    """A residual network with a strided shortcut, three kinds of pool and two heads. `keras` is Keras or layergraph."""
    layers = keras.layers
    image = keras.Input(shape=(13, 12, 3), name="image")
    stem = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(image)
    stem = layers.BatchNormalization(name="stem_bn")(stem)
    stem = layers.Activation("relu", name="stem_relu")(stem)
    # Stride 2 on 13 and 12: padding 'same' is symmetric on one axis and not on the other.
    main = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="main_down")(stem)
    main = layers.Conv2D(8, (1, 3), padding="same", name="main_conv")(main)
    main = layers.BatchNormalization(epsilon=1e-2, name="main_bn")(main)
    shortcut = layers.Conv2D(8, 1, strides=2, padding="same", name="shortcut")(stem)
    block = layers.Add(name="add")([shortcut, main])
    block = layers.LeakyReLU(name="leaky")(block)
    left = layers.MaxPooling2D(2, padding="same", name="max_pool")(block)
    right = layers.AveragePooling2D(2, name="average_pool")(layers.ZeroPadding2D(((0, 1), (0, 0)), name="pad")(block))
    both = layers.Concatenate(name="both")([right, left])
    grouped = layers.Conv2D(4, 2, groups=2, activation="tanh", name="grouped")(both)
    flat = layers.Flatten(name="flat")(grouped)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(both)
    joined = layers.Concatenate(name="joined")([flat, pooled])
    joined = layers.Dropout(0.5, name="dropout")(layers.LayerNormalization(name="norm")(joined))
    digit = layers.Dense(5, activation="softmax", name="digit")(joined)
    even = layers.Dense(1, activation="sigmoid", name="even")(layers.Dense(7, activation="relu", name="hidden")(pooled))
    return keras.Model(inputs=image, outputs=[digit, even], name="cnn")


def main() -> None:
    import keras
    import numpy as np
    import torch

    assert keras.__version__ == "3.15.1", keras.__version__
    rng = np.random.default_rng(13)
    model = build(keras)
    weights = []
    for w in model.weights:
        shape = tuple(w.shape)
        scale = 2 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.5
        value = rng.normal(size=shape) * scale
        weights.append((np.abs(value) + 0.5 if "variance" in w.name else value + ("gamma" in w.name)).astype(np.float32))
    model.set_weights(weights)
    image = rng.normal(size=(6, 13, 12, 3)).astype(np.float32)
    with torch.no_grad():
        outputs = [y.numpy() for y in model(image, training=False)]
    assert all(y.std(0).min() > 1e-3 for y in outputs), [y.std(0) for y in outputs]
    recorded = {f"weight{i:02}": w for i, w in enumerate(model.get_weights())}
    np.savez_compressed(GOLDEN, image=image, digit=outputs[0], even=outputs[1], keras=np.array(keras.__version__), **recorded)
    print(f"{len(recorded)} weights, {GOLDEN.stat().st_size / 1024:.0f} KiB; spread of the outputs {[y.std(0).tolist() for y in outputs]}")


if __name__ == "__main__":
    main()
