"""What ours is compared with: each model written by hand in PyTorch, twice.

The idiomatic twin is what people write: an `nn.Module` with one attribute a layer, `F.relu`, every line spelled out. The fast twin
is what somebody writes who knows where the time goes: no `nn.Module.__call__` inside, C functions on the bare parameters.

The layers of ours carry the attribute names of the twins, so `ours.load_state_dict(twin.state_dict())` is the whole of the copying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph import Input, Model
from layergraph.layers import Add, Conv2D, Dense, GlobalAveragePooling2D

DEPTH = 200


# ---- MLP 784-64-32-10 -----------------------------------------------------------------------------------------------------------


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(784, 64)
        self.second = nn.Linear(64, 32)
        self.last = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        x = F.relu(self.second(x))
        return F.softmax(self.last(x), dim=-1)


class FastMLP(MLP):
    def __init__(self) -> None:
        super().__init__()
        self.bare = tuple(self.parameters())

    def forward(self, x: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3 = self.bare
        linear = F.linear
        return torch.softmax(linear(torch.relu(linear(torch.relu(linear(x, w1, b1)), w2, b2)), w3, b3), -1)


def our_mlp() -> Model:
    image = Input((784,))
    x = Dense(64, activation="relu", name="first")(image)
    x = Dense(32, activation="relu", name="second")(x)
    return Model(image, Dense(10, activation="softmax", name="last")(x))


# ---- residual CNN, from NHWC data -----------------------------------------------------------------------------------------------


class ResidualCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 32, 3, padding=1)
        self.projection = nn.Conv2d(3, 32, 1)
        self.last = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        image = x.permute(0, 3, 1, 2)
        x = F.relu(self.first(image))
        x = F.relu(self.second(x))
        x = self.projection(image) + x
        return self.last(x.mean((2, 3)))


class FastResidualCNN(ResidualCNN):
    def __init__(self) -> None:
        super().__init__()
        self.bare = tuple(self.parameters())

    def forward(self, x: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3, w4, b4 = self.bare
        conv = torch.conv2d
        image = x.permute(0, 3, 1, 2)
        x = torch.relu(conv(torch.relu(conv(image, w1, b1, 1, 1)), w2, b2, 1, 1))
        return F.linear((conv(image, w3, b3) + x).mean((2, 3)), w4, b4)


def our_residual_cnn() -> Model:
    image = Input((32, 32, 3))
    x = Conv2D(32, 3, padding="same", activation="relu", name="first")(image)
    x = Conv2D(32, 3, padding="same", activation="relu", name="second")(x)
    x = Add()([Conv2D(32, 1, padding="same", name="projection")(image), x])
    return Model(image, Dense(10, name="last")(GlobalAveragePooling2D()(x)))


# ---- a chain of 200 Dense(16) with skips ----------------------------------------------------------------------------------------


def _unrolled(depth: int) -> type[nn.Module]:
    """The class that somebody patient would have typed: `x = self.dense_0(x) + x`, 200 times."""
    made = "\n".join(f"        self.dense_{i} = nn.Linear(16, 16)" for i in range(depth))
    used = "\n".join(f"        x = self.dense_{i}(x) + x" for i in range(depth))
    source = f"""
class Chain(nn.Module):
    def __init__(self):
        super().__init__()
{made}
        for weight in self.parameters():  # small, or 200 skips overflow
            nn.init.normal_(weight, std=0.02)

    def forward(self, x):
{used}
        return x
"""
    scope: dict[str, type[nn.Module]] = {"nn": nn}  # pyright: ignore[reportAssignmentType]
    exec(source, scope)
    return scope["Chain"]


Chain = _unrolled(DEPTH)


class FastChain(Chain):
    def __init__(self) -> None:
        super().__init__()
        bare = tuple(self.parameters())
        self.pairs = tuple(zip(bare[::2], bare[1::2], strict=True))

    def forward(self, x: Tensor) -> Tensor:
        linear = F.linear
        for weight, bias in self.pairs:
            x = linear(x, weight, bias) + x
        return x


def our_chain(depth: int = DEPTH) -> Model:
    start = x = Input((16,))
    for number in range(depth):
        x = Dense(16, name=f"dense_{number}")(x) + x
    return Model(start, x)


# ---- the table ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    name: str
    ours: Callable[[], nn.Module]
    idiomatic: Callable[[], nn.Module]
    fast: Callable[[], nn.Module]
    shape: tuple[int, ...]


CASES = (
    Case("MLP 784-64-32-10", our_mlp, MLP, FastMLP, (784,)),
    Case("residual CNN, NHWC", our_residual_cnn, ResidualCNN, FastResidualCNN, (32, 32, 3)),
    Case("chain of 200 with skips", our_chain, Chain, FastChain, (16,)),
)
