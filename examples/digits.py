"""Handwritten digits: one residual network with two outputs, trained in a plain PyTorch loop and again by `fit`.

    python examples/digits.py              everything, about a minute on two cores
    python examples/digits.py --quick      one split and a few epochs, to see it run
    python examples/digits.py --out DIR    where the picture goes (default: out/)

The data are the 1,797 images of 8 x 8 pixels that ship inside scikit-learn: nothing is downloaded.

What to look at: `residual_cnn` is written in Keras's Functional API; all that follows treats its result as what it is, an
ordinary `torch.nn.Module` of stock parts (`train` does not import a line from layergraph).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

try:
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold
except ImportError as error:
    sys.exit(f"this example needs {error.name}: python -m pip install -e '.[examples]'")

from layergraph import Input, Model, losses
from layergraph.layers import Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D

SPLITS = 5
EVEN_WEIGHT = 0.3  # what the second loss counts beside the first


def residual_cnn() -> Model:
    """(B, 8, 8, 1) -> digit (B, 10) logits, even (B, 1) probability."""
    image = Input((8, 8, 1), name="image")
    x = Conv2D(24, 3, padding="same", activation="relu", name="stem")(image)
    skip = BatchNormalization(momentum=0.9)(x)
    x = Conv2D(24, 3, padding="same")(skip)
    x = torch.relu(BatchNormalization(momentum=0.9)(x))  # any torch function is an operation of the graph
    x = Conv2D(24, 3, padding="same")(x)
    x = BatchNormalization(momentum=0.9)(x)
    x = torch.relu(Add(name="skip")([skip, x]))
    x = MaxPooling2D(2)(x)
    x = Conv2D(48, 3, padding="same", activation="relu")(x)
    x = BatchNormalization(momentum=0.9)(x)
    x = Flatten()(x)
    x = Dense(64, activation="relu", name="features")(x)
    x = Dropout(0.3)(x)
    return Model(image, [Dense(10, name="digit")(x), Dense(1, activation="sigmoid", name="even")(x)], name="digits")


# ---- a plain PyTorch loop ------------------------------------------------------------------------------------------------------


def shifted(images: Tensor) -> Tensor:
    """Each image of (B, 8, 8, 1) moved by up to one pixel in either direction: new handwriting for free."""
    count = len(images)
    padded = F.pad(images, (0, 0, 1, 1, 1, 1))
    rows = torch.randint(0, 3, (count, 1)) + torch.arange(8)
    columns = torch.randint(0, 3, (count, 1)) + torch.arange(8)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def loss_of(model: nn.Module, images: Tensor, digits: Tensor) -> Tensor:
    digit, even = model(images)
    is_even = (digits % 2 == 0).float()
    return F.cross_entropy(digit, digits, label_smoothing=0.1) + EVEN_WEIGHT * F.binary_cross_entropy(even[:, 0], is_even)


@torch.no_grad()
def accuracies(model: nn.Module, images: Tensor, digits: Tensor) -> tuple[float, float]:
    """The fractions of digits, and of even-or-odd, that `model` gets right."""
    model.eval()
    digit, even = model(images)
    right = digit.argmax(1) == digits, (even[:, 0] > 0.5) == (digits % 2 == 0)
    return right[0].float().mean().item(), right[1].float().mean().item()


def train(model: nn.Module, known: tuple[Tensor, Tensor], unseen: tuple[Tensor, Tensor], epochs: int, bar: tqdm) -> list[float]:
    """Trains `model` on the known images; returns its accuracy on the unseen ones after each epoch."""
    images, digits = known
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * -(-len(images) // 64))
    curve = []
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            loss = loss_of(model, shifted(images[batch]), digits[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
        curve.append(accuracies(model, *unseen)[0])
        bar.set_postfix_str(f"held out {curve[-1]:.3f}")
        bar.update()
    return curve


# ---- the same model, trained by fit ---------------------------------------------------------------------------------------------


def train_by_fit(known: tuple[Tensor, Tensor], unseen: tuple[Tensor, Tensor], epochs: int) -> tuple[Model, list[float]]:
    """Keras's way: a loss for each output, by name."""
    model = residual_cnn()
    model.compile(
        optimizer="adam",
        loss={"digit": losses.SparseCategoricalCrossentropy(from_logits=True), "even": "binary_crossentropy"},
        loss_weights={"digit": 1.0, "even": EVEN_WEIGHT},
        metrics={"digit": ["accuracy"], "even": ["accuracy"]},
    )
    targets = [{"digit": digits, "even": (digits % 2 == 0).float()} for _, digits in (known, unseen)]
    history = model.fit(known[0], targets[0], batch_size=64, epochs=epochs, validation_data=(unseen[0], targets[1]))
    return model, history.history["val_digit_accuracy"]


# ---- what the inner layer has learnt --------------------------------------------------------------------------------------------


def vote(known: Tensor, digits: Tensor, queries: Tensor, neighbours: int) -> Tensor:
    """The digit that most of the nearest known points have."""
    nearest = torch.cdist(queries, known).topk(neighbours, largest=False).indices
    return F.one_hot(digits[nearest], 10).sum(1).argmax(1)


@torch.no_grad()
def neighbour_accuracy(model: Model, images: Tensor, digits: Tensor, train_rows: Tensor, test_rows: Tensor) -> np.ndarray:
    """Accuracy of the vote of 1, 3 and 5 neighbours (columns), on raw pixels and on the model's features (rows).

    Ten labelled images a class, drawn ten times from the images that trained the model; it has seen none of the test images.
    """
    extractor = Model(model.inputs, model.get_layer("features").output).eval()  # shares the weights: nothing is copied
    table = np.zeros((2, 3))
    for _ in range(10):
        shuffled = train_rows[torch.randperm(len(train_rows))]
        labelled = torch.cat([shuffled[digits[shuffled] == digit][:10] for digit in range(10)])
        for row, points in enumerate((images.flatten(1), extractor(images))):
            for column, neighbours in enumerate((1, 3, 5)):
                guesses = vote(points[labelled], digits[labelled], points[test_rows], neighbours)
                table[row, column] += (guesses == digits[test_rows]).float().mean().item() / 10
    return table


# ---- compiled, and drawn --------------------------------------------------------------------------------------------------------


def can_compile_cpp() -> bool:
    """Does torch.compile's default backend find a C++ compiler and Python's headers?"""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return bool(shutil.which(os.environ.get("CXX", usual))) and Path(sysconfig.get_path("include"), "Python.h").exists()


@torch.no_grad()
def compare_compiled(model: Model, images: Tensor) -> str:
    backend = "inductor" if can_compile_cpp() else "aot_eager"
    note = "" if backend == "inductor" else " (no C++ compiler here, so not 'inductor')"
    start = time.perf_counter()
    compiled = torch.compile(model.eval(), fullgraph=True, backend=backend)
    pairs = list(zip(model(images), compiled(images), strict=True))
    for eager, fast in pairs:
        torch.testing.assert_close(fast, eager, rtol=1e-4, atol=1e-5)
    largest = max((eager - fast).abs().max().item() for eager, fast in pairs)
    return f"{backend!r}{note}: the same outputs, largest difference {largest:.1e}, in {time.perf_counter() - start:.0f} s"


@torch.no_grad()
def draw(model: Model, image: Tensor, curves: list[list[float]], fit_curve: list[float], path: Path) -> None:
    """The training curves, and what `model` makes of one image (1, 8, 8, 1) before and after the skip."""
    inner = Model(model.inputs, [model.get_layer("stem").output, model.get_layer("skip").output]).eval()
    figure = Figure(figsize=(12, 8), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1))

    axes = top.subplots()
    for number, curve in enumerate(curves):
        axes.plot(range(1, len(curve) + 1), curve, color="tab:blue", alpha=0.5, label=None if number else "plain loop, each split")
    axes.plot(range(1, len(fit_curve) + 1), fit_curve, color="tab:orange", label="compile and fit, first split")
    axes.set(xlabel="epoch", ylabel="accuracy on held-out images", ylim=(0.9, 1.003), title="Training")
    axes.legend(loc="lower right")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)

    cells = bottom.subplots(4, 13)
    for cell in cells.flat:
        cell.axis("off")
    cells[0, 0].imshow(image[0, :, :, 0], cmap="gray")
    cells[0, 0].set_title("the image", fontsize=9)
    for rows, maps, name in zip((cells[:2], cells[2:]), inner(image), ("stem", "skip"), strict=True):
        rows[1, 0].text(0.5, 0.5, f"{name!r}\nfeature\nmaps", ha="center", va="center", fontsize=9)
        for cell, channel in zip(rows[:, 1:].flat, maps[0].unbind(-1), strict=True):
            cell.imshow(channel, cmap="viridis")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


# ---- the whole ------------------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="Digits with layergraph: a residual network with two outputs.")
    parser.add_argument("--quick", action="store_true", help="one split, few epochs")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    options = parser.parse_args()
    splits, epochs, fit_epochs = (1, 4, 2) if options.quick else (SPLITS, 20, 10)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # for images as small as these, a second thread waits more than it works

    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 8, 8, 1)
    digits = torch.tensor(labels)
    folds = [
        (torch.tensor(known), torch.tensor(unseen))
        for known, unseen in StratifiedKFold(SPLITS, shuffle=True, random_state=0).split(pixels, labels)
    ][:splits]

    models, curves, scores, votes = [], [], [], []
    with tqdm(total=splits * epochs, unit="epoch") as bar:
        for number, (known, unseen) in enumerate(folds, 1):
            bar.set_description(f"split {number}/{splits}")
            model = residual_cnn()
            curves.append(train(model, (images[known], digits[known]), (images[unseen], digits[unseen]), epochs, bar))
            scores.append(accuracies(model, images[unseen], digits[unseen]))
            votes.append(neighbour_accuracy(model, images, digits, known, unseen))
            models.append(model)
    digit, even = np.mean(scores, axis=0)
    model, (known, unseen) = models[0], folds[0]

    print("\nThe model:\n")
    model.summary()
    print("\nThe code that runs, model.code:\n")
    print(model.code.strip())

    print(f"\nPlain PyTorch loop, {epochs} epochs, accuracy on held-out images, mean of {splits} split(s):")
    print(f"  digit {digit:.4f}   (each: {', '.join(f'{score[0]:.4f}' for score in scores)})")
    print(f"  even  {even:.4f}")

    print(f"\nThe same by compile and fit, {fit_epochs} epochs, first split:")
    fitted, fit_curve = train_by_fit((images[known], digits[known]), (images[unseen], digits[unseen]), fit_epochs)
    fit_digit, fit_even = accuracies(fitted, images[unseen], digits[unseen])
    print(f"  digit {fit_digit:.4f}\n  even  {fit_even:.4f}")

    raw, learnt = np.mean(votes, axis=0)
    print("\nNearest-neighbour vote from 10 labelled images a class, on images that the network has not seen:")
    print("  neighbours            1        3        5")
    print("  raw pixels     " + "".join(f"{value:9.4f}" for value in raw))
    print("  layer features " + "".join(f"{value:9.4f}" for value in learnt))
    print(f"  the features are {100 * (learnt.max() - raw.max()):.1f} points better, each at its best number of neighbours")

    print(f"\ntorch.compile, backend {compare_compiled(model, images[unseen])}")
    picture = options.out / "digits.png"
    draw(model, images[unseen[:1]], curves, fit_curve, picture)
    print(f"\nPicture: {picture}")


if __name__ == "__main__":
    main()
