"""A plain PyTorch loop over a layergraph model, then Keras's `fit` with the same optimizer, then the loop again: nothing is lost between.

The 1,797 handwritten digits of scikit-learn, a few seconds on a CPU. `python examples/loop.py`
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from layergraph import Input, Model
from layergraph.layers import Add, Conv2D, Dense, Dropout, GlobalAveragePooling2D, MaxPooling2D
from layergraph.losses import SparseCategoricalCrossentropy


def network() -> Model:
    """(B, 8, 8, 1) images -> (B, 10) logits, with a skip around the second convolution."""
    image = Input((8, 8, 1), name="image")
    x = Conv2D(16, 3, padding="same", activation="relu", name="stem")(image)
    x = Add(name="join")([x, Conv2D(16, 3, padding="same", activation="relu", name="inner")(x)])
    x = MaxPooling2D(name="pool")(x)
    x = Conv2D(32, 3, padding="same", activation="relu", name="top")(x)
    return Model(image, Dense(10, name="digit")(Dropout(0.2, name="drop")(GlobalAveragePooling2D(name="mean")(x))))


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader, epochs: int) -> None:
    """The loop that PyTorch people write; nothing in it knows what the model was made with."""
    model.train()
    for _ in range(epochs):
        for images, digits in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), digits).backward()
            optimizer.step()


@torch.no_grad()
def accuracy(model: torch.nn.Module, images: torch.Tensor, digits: torch.Tensor) -> float:
    model.eval()
    return (model(images).argmax(-1) == digits).float().mean().item()


def main() -> None:
    torch.manual_seed(0)
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels, dtype=torch.float32).view(-1, 8, 8, 1) / 16
    digits = torch.tensor(labels)
    order = torch.randperm(len(images))
    kept, held = order[:1500], order[1500:]
    loader = DataLoader(TensorDataset(images[kept], digits[kept]), batch_size=32, shuffle=True)

    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    print(f"before training:     accuracy {accuracy(model, images[held], digits[held]):.3f}")
    train(model, optimizer, loader, epochs=3)
    print(f"3 epochs by hand:    accuracy {accuracy(model, images[held], digits[held]):.3f}")

    # fit takes the optimizer as it is, with its moments and its step count, and numbers the epochs from where the loop stopped
    model.compile(optimizer, loss=SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(loader, initial_epoch=3, epochs=6, validation_data=(images[held], digits[held]), verbose=0)
    print(f"3 epochs by fit:     accuracy {history.history['val_accuracy'][-1]:.3f}, epochs {history.epoch}")

    train(model, optimizer, loader, epochs=3)
    steps = {int(state["step"]) for state in optimizer.state.values()}
    print(f"3 by hand again:     accuracy {accuracy(model, images[held], digits[held]):.3f}")
    print(f"the optimizer has seen every step: {steps} = 9 epochs of {len(loader)} batches")


if __name__ == "__main__":
    main()
