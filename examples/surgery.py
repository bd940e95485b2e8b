"""Graph surgery: a network that knows the digits 0 to 6 learns 7, 8 and 9, from twenty images of each.

    python examples/surgery.py

What to look at: no line copies a weight. Extractors, the network with another head, and the one that it was made from are
all models over the same torch modules, and each of them is a plain `torch.nn.Module`.
"""

from __future__ import annotations

import copy
import sys

import torch
import torch.nn.functional as F
from torch import Tensor, nn

try:
    from sklearn.datasets import load_digits
except ImportError as error:
    sys.exit(f"this example needs {error.name}: python -m pip install -e '.[examples]'")

from layergraph import Input, Model
from layergraph.layers import BatchNormalization, Conv2D, Dense, Dropout, GlobalAveragePooling2D, MaxPooling2D


def title(text: str) -> None:
    print(f"\n== {text} " + "=" * max(0, 90 - len(text)))


def small_cnn(classes: int) -> Model:
    """(B, 8, 8, 1) -> (B, classes) logits."""
    image = x = Input((8, 8, 1), name="image")
    for block, filters in enumerate((16, 32), 1):
        x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv")(x)
        x = BatchNormalization(momentum=0.9, name=f"block{block}_norm")(x)
        x = MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = Conv2D(64, 2, activation="relu", name="top_conv")(x)
    x = GlobalAveragePooling2D(name="top_pool")(x)
    x = Dense(32, name="features")(x)
    return Model(image, Dense(classes, name="head")(torch.relu(x)), name="digits")


def digits(classes: range, some: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """Images (N, 8, 8, 1) and labels, counted from 0, of some of the digits: `some` of each class, or all."""
    pixels, labels = load_digits(return_X_y=True)
    images, kinds = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 8, 8, 1), torch.tensor(labels)
    rows = torch.cat([(kinds == digit).nonzero().flatten()[some] for digit in classes])
    return images[rows], kinds[rows] - classes.start


def train(model: nn.Module, images: Tensor, labels: Tensor, epochs: int) -> None:
    """A plain PyTorch loop over the parameters that are not frozen."""
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> str:
    return f"{(model(images).argmax(1) == labels).float().mean():.3f}"


class LowRank(nn.Module):
    """A Linear, and beside it a narrow way that starts at zero: what adapters such as LoRA put in its place."""

    def __init__(self, base: nn.Linear, rank: int = 4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x))


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)

    title("1. A network that knows the digits 0 to 6")
    known = digits(range(7))
    model = small_cnn(7)
    train(model, *known, epochs=6)
    print("accuracy on them:", accuracy(model, *known))
    print(model.code.strip())

    title("2. What it makes of an image on the way: model.at")
    image = known[0][:1]
    for name, maps in model.at("block*_pool", "features")(image).items():
        print(f"  {name:12} {tuple(maps.shape)}")
    features = model.at("features")  # one name: a bare tensor
    print("  features     shares its weights:", features.features.weight is model.features.weight)
    print("  a typing error is explained:")
    try:
        model.at("featurs")
    except ValueError as error:
        print("   ", str(error).replace("\n", "\n    "))

    title("3. Another head, a dropout before it, and a frozen trunk")
    tuned = model.replace("head", Dense(3)).insert_after("features", Dropout(0.2, name="drop"), name="tuned")
    print("layers:", ", ".join(layer.name for layer in tuned.layers))
    print("frozen:", ", ".join(tuned.freeze("block*")))
    print("the first network is what it was:", ", ".join(layer.name for layer in model.layers[-3:]), accuracy(model, *known))

    title("4. Twenty images of each of 7, 8 and 9")
    few, unseen = digits(range(7, 10), slice(20)), digits(range(7, 10), slice(20, None))
    before = copy.deepcopy(model.state_dict())
    trained = sum(p.numel() for p in tuned.parameters() if p.requires_grad)
    print(f"trained: {trained} of {tuned.count_params()} values")
    print("accuracy before:", accuracy(tuned, *unseen))
    train(tuned, *few, epochs=20)
    print("accuracy after: ", accuracy(tuned, *unseen))
    changed = [key for key, value in model.state_dict().items() if not torch.equal(value, before[key])]
    print("what training changed in the first network, which shares it:", ", ".join(changed))

    title("5. A module swapped on the model is seen by what is cut afterwards")
    tuned.features = LowRank(tuned.features)
    train(tuned, *few, epochs=10)
    adapted = tuned.at("features")
    print("the extractor's module:", type(adapted.features).__name__, "-", accuracy(tuned, *unseen))
    assert torch.equal(adapted(unseen[0]), tuned.at("drop")(unseen[0]))


if __name__ == "__main__":
    main()
