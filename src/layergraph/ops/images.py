"""What the ops on images share: one image or a batch, in either layout, and words to choose from."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from layergraph.errors import Fact, suggestion
from layergraph.ops.convert import tensor
from layergraph.ops.convolution import layout

ORDERS = {"nearest": 0, "bilinear": 1}
_TO = {"channels_first": (0, 3, 1, 2), "channels_last": (0, 2, 3, 1)}


def choice(name: str, value: Any, known: Any) -> Any:
    """What `value` stands for among some words."""
    if value not in known:
        raise Fact(f"{name} is one of {', '.join(map(repr, known))}, got {value!r}", suggestion(value, known))
    return cast("dict[str, Any]", known)[value] if isinstance(known, dict) else value


def device_of(x: Any) -> torch.device | None:
    """The device of a tensor; a symbol has none yet."""
    return x.device if isinstance(x, Tensor) else None


def known(size: int | None, name: str) -> int:
    """A size that must be known when the op is called."""
    if size is None:
        raise Fact(f"needs to know the {name}, which is known only at run time", "give it in Input(shape=...)")
    return size


class Images:
    """Images on their way through an op: always a batch, with channels where the op wants them."""

    def __init__(self, images: Any, data_format: str | None, wanted: str):
        self.given = tensor(images)
        if self.given.ndim not in (3, 4):
            raise Fact(f"takes one image of 3 axes or a batch of 4, got shape {tuple(self.given.shape)}")
        self.single, self.where, self.wanted = self.given.ndim == 3, layout(data_format), wanted
        batch = self.given.unsqueeze(0) if self.single else self.given
        self.batch = batch if self.where == wanted else batch.permute(_TO[wanted])

    def back(self, batch: Any) -> Any:
        """A result of the batch's layout as the images came."""
        batch = batch if self.where == self.wanted else batch.permute(_TO[self.where])
        return batch.squeeze(0) if self.single else batch


def channel_axis(x: Any, data_format: str | None) -> int:
    """Where the channels of images stand, counted from the end."""
    if x.ndim not in (3, 4):
        raise Fact(f"takes one image of 3 axes or a batch of 4, got shape {tuple(x.shape)}")
    return -1 if layout(data_format) == "channels_last" else -3
