"""What a training logs, in TensorBoard: scalars, histograms of the weights, and the graph with the names that you gave.

    python examples/tensorboard_logs.py [folder]      then: tensorboard --logdir folder

It trains a small network on the digits of scikit-learn, for a few seconds on a CPU, and reads back what it has written.
(It is not called tensorboard.py: Python would find it where somebody imports tensorboard.)
"""

from __future__ import annotations

import sys
import tempfile

import torch

try:
    from sklearn.datasets import load_digits
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    sys.exit(f"this example needs {error.name}: python -m pip install -e '.[examples,tensorboard]'")

from layergraph import Input, Model
from layergraph.callbacks import ReduceLROnPlateau, TensorBoard
from layergraph.layers import BatchNormalization, Conv2D, Dense, Dropout, GlobalAveragePooling2D
from layergraph.losses import SparseCategoricalCrossentropy
from layergraph.optimizers import Adam

EPOCHS = 8


def network() -> Model:
    image = Input((8, 8, 1), name="image")
    x = Conv2D(16, 3, padding="same", activation="relu", name="edges")(image)
    x = BatchNormalization(momentum=0.9, name="norm")(x)
    shapes_in = Input((8, 8, 16), name="maps")
    shapes = Model(shapes_in, Conv2D(32, 3, activation="relu", name="corners")(shapes_in), name="shapes")
    x = GlobalAveragePooling2D(name="pool")(shapes(x))
    return Model(image, Dense(10, name="digit")(Dropout(0.1, name="drop")(x)), name="digits")


def main() -> None:
    torch.manual_seed(0)
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="tensorboard-")
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype("float32")

    model = network()
    model.compile(Adam(0.01), loss=SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    board = TensorBoard(folder, histogram_freq=2, update_freq=10)
    lower = ReduceLROnPlateau(factor=0.3, patience=1, min_delta=0.05)
    model.fit(images, digits, epochs=EPOCHS, validation_split=0.2, callbacks=[lower, board], verbose=0)
    show(folder)


def show(folder: str) -> None:
    """What is in the event files, read by tensorboard's own reader."""
    train, validation = read(f"{folder}/train"), read(f"{folder}/validation")
    print("epoch   loss  accuracy  val_loss  val_accuracy  learning rate")
    columns = [
        *(train.Scalars(f"epoch_{name}") for name in ("loss", "accuracy")),
        *(validation.Scalars(f"epoch_{name}") for name in ("loss", "accuracy")),
        train.Scalars("epoch_learning_rate"),
    ]
    for row in zip(*columns, strict=True):
        loss, accuracy, val_loss, val_accuracy, rate = (event.value for event in row)
        print(f"{row[0].step:5}  {loss:5.3f}  {accuracy:8.3f}  {val_loss:8.3f}  {val_accuracy:12.3f}  {rate:13.5f}")
    print(f"\nbatch_loss at every tenth batch: {len(train.Scalars('batch_loss'))} values")
    print("histograms:", *(name.removesuffix("/histogram") for name in train.Tags()["histograms"]))
    print("graph:")
    for node in train.Graph().node:
        print(f"  {node.name:16}{node.op:26}{'<- ' + ', '.join(node.input) if node.input else ''}".rstrip())
    print(f"\ntensorboard --logdir {folder}")


def read(folder: str) -> EventAccumulator:
    return EventAccumulator(folder).Reload()


if __name__ == "__main__":
    main()
