"""`SwapEMAWeights`: the optimizer's averages of the weights in the place of the weights, while the model is tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import ArgumentError
from .base import Callback


class SwapEMAWeights(Callback):
    """Puts the averages that an optimizer with `use_ema=True` keeps in the place of the weights for each test and prediction.

    The weights come back afterwards, also after an error; while they are out, they are kept here. Unlike in Keras the optimizer's
    averages stay what they are, so that a training that ends early ends with the averages too.

    Args:
        swap_on_epoch: also from `on_epoch_end` to the next `on_epoch_begin`, so that a ModelCheckpoint that stands behind this
            callback saves the averages. After the last epoch they stay in the model.

    Raises:
        ArgumentError: the optimizer keeps no averages.
    """

    kept = ("weights",)

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.weights: list[Tensor] | None = None  # those of the model, while the averages are in it

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._take_out()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs: Any = None) -> None:
        self.weights = None  # what is in the model stays in it

    def on_test_begin(self, logs: Any = None) -> None:
        self._put_in()

    def on_test_end(self, logs: Any = None) -> None:
        self._take_out()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._put_in()

    def on_predict_end(self, logs: Any = None) -> None:
        self._take_out()

    def close(self) -> None:
        """Gives the model its weights back, if an error has left it with the averages."""
        self._take_out()

    def _put_in(self) -> None:
        if self.weights is not None:
            return
        parameters, averages = self._pairs()
        self.weights = [parameter.detach().clone() for parameter in parameters]
        _copy(parameters, averages)

    def _take_out(self) -> None:
        weights, self.weights = self.weights, None
        if weights is not None:
            _copy(self._pairs()[0], weights)

    def _pairs(self) -> tuple[list[Tensor], list[Tensor]]:
        """The parameters, and the average of each."""
        outer: Any = self.compiled.optimizer if self.compiled is not None else getattr(self.model, "optimizer", None)
        outer = getattr(outer, "inner_optimizer", outer)
        several: Sequence[Any] = getattr(outer, "optimizers", None) or [outer]
        averaging = [each for each in several if getattr(each, "use_ema", False)]
        if not averaging:
            raise ArgumentError(
                f"SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. Received: {type(outer).__name__} without it",
                "optimizers.Adam(use_ema=True)",
            )
        averages: list[Tensor] = [average for each in averaging for average in each.averages]
        parameters: list[Tensor] = [parameter for each in averaging for parameter in each.parameters] if averages else []
        return parameters, averages


def _copy(into: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for tensor, value in zip(into, values, strict=True):
            tensor.copy_(value)
