"""Handwritten digits on one process or on several: the same script, the same losses.

    python examples/torchrun.py
    torchrun --standalone --nproc-per-node 2 examples/torchrun.py
    accelerate launch --multi_gpu --num_processes 2 examples/torchrun.py      (on GPUs, or on a machine without any)

What to look at: nothing here knows how many processes there are. `batch_size` is that of all of them together; `fit` gives each its
part of every batch, the first one talks, and what it says is the same however it was launched.
"""

from __future__ import annotations

import os
import sys

try:
    from sklearn.datasets import load_digits
except ImportError as error:
    sys.exit(f"this example needs {error.name}: python -m pip install -e '.[examples]'")

import torch

from layergraph import Input, Model
from layergraph.layers import Conv2D, Dense, Flatten, MaxPooling2D
from layergraph.optimizers import Adam


def network() -> Model:
    """(B, 8, 8, 1) -> probabilities of ten digits (B, 10)."""
    image = Input((8, 8, 1), name="image")
    x = Conv2D(8, 3, padding="same", activation="relu")(image)
    x = MaxPooling2D(2)(x)
    x = Dense(32, activation="relu")(Flatten()(x))
    return Model(image, Dense(10, activation="softmax")(x), name="digits")


def launched_by() -> str:
    """How this process was started, as the launcher's variables tell it."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return "alone"
    return "by accelerate launch" if "ACCELERATE_MIXED_PRECISION" in os.environ else "by torchrun"


def main() -> None:
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 16).astype("float32")
    model = network()
    model.compile(Adam(0.004), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(images[:1500], digits[:1500], batch_size=50, epochs=6, verbose=0)
    loss, accuracy = model.evaluate(images[1500:], digits[1500:], verbose=0)
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"launched {launched_by()}, {os.environ.get('WORLD_SIZE', '1')} process(es)")
        for epoch, value in enumerate(history.history["loss"], 1):
            print(f"epoch {epoch}: loss {value:.4f} {'#' * int(20 * value)}")
        print(f"on {len(digits) - 1500} new images: loss {loss:.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
